use base64::Engine as _;
use base64::engine::general_purpose;
use proptest::prelude::*;

use super::*;

fn decoded(chunks: &[&str]) -> Result<Vec<u8>, Error> {
    let mut decoder = Decoder::default();
    let mut bytes = Vec::new();
    for chunk in chunks {
        bytes.extend_from_slice(&decoder.decode(chunk.as_bytes())?);
    }
    decoder.finish().map(|()| bytes)
}

#[test]
fn reads_what_is_padded_in_between() {
    assert_eq!(decoded(&["YQ==YmM=ZGVm"]).unwrap(), b"abcdef");
    assert_eq!(decoded(&["Y", "Q=", "=Ym", "M=ZGV", "m"]).unwrap(), b"abcdef");
    assert_eq!(decoded(&["YQ==", "YQ==", ""]).unwrap(), b"aa");
    assert_eq!(decoded(&[]).unwrap(), b"");
}

#[test]
fn refuses_what_is_not_base64() {
    for text in [
        "YQ=", "YQ", "Y", "Y===", "====", "=YQ=", "Y=Q=", "YQ=a", "a b=", "YWJj\n", "YW_j", "YR==", "ä",
    ] {
        assert_eq!(decoded(&[text]), Err(Error), "{text}");
        let cut: Vec<String> = text.chars().map(String::from).collect();
        assert_eq!(
            decoded(&cut.iter().map(String::as_str).collect::<Vec<_>>()),
            Err(Error),
            "{text} in pieces"
        );
    }
}

#[test]
fn writes_the_last_bytes_only_when_asked() {
    let mut encoder = Encoder::default();
    assert_eq!(encoder.encode(b"ab", false), "");
    assert_eq!(encoder.encode(b"cd", false), "YWJj");
    assert_eq!(encoder.encode(b"", true), "ZA==");
    assert_eq!(encoder.encode(b"", true), "");
    assert_eq!(encoder.encode(b"e", true), "ZQ==");
}

proptest! {
    /// What is written in pieces reads back in other pieces.
    #[test]
    fn reads_back(
        chunks in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..50), any::<bool>()), 0..10),
        cuts in prop::collection::vec(1_usize..9, 1..40),
    ) {
        let mut encoder = Encoder::default();
        let mut text = Vec::new();
        let mut bytes = Vec::new();
        for (chunk, flush) in &chunks {
            text.extend_from_slice(&encoder.encode(chunk, *flush));
            bytes.extend_from_slice(chunk);
        }
        text.extend_from_slice(&encoder.encode(b"", true));

        let mut decoder = Decoder::default();
        let mut read = Vec::new();
        let (mut rest, mut cut) = (&text[..], cuts.iter().cycle());
        while !rest.is_empty() {
            let (head, tail) = rest.split_at(rest.len().min(*cut.next().unwrap()));
            read.extend_from_slice(&decoder.decode(head).unwrap());
            rest = tail;
        }
        decoder.finish().unwrap();
        prop_assert_eq!(read, bytes);
    }

    /// Nothing waits longer than it must: a flushed text is the text of all that was given.
    #[test]
    fn a_flush_leaves_nothing(first in prop::collection::vec(any::<u8>(), 0..20), second in prop::collection::vec(any::<u8>(), 0..20)) {
        let mut encoder = Encoder::default();
        let mut text = encoder.encode(&first, false).to_vec();
        text.extend_from_slice(&encoder.encode(&second, true));
        prop_assert_eq!(text, general_purpose::STANDARD.encode([first, second].concat()).into_bytes());
    }

    /// No text can make it panic.
    #[test]
    fn any_text_is_survived(chunks in prop::collection::vec("[A-Za-z=+/ ]{0,12}", 0..12)) {
        let chunks: Vec<&str> = chunks.iter().map(String::as_str).collect();
        let _ = decoded(&chunks);
    }
}
