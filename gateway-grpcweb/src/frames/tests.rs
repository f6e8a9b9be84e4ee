use http::HeaderMap;
use proptest::prelude::*;

use super::*;

fn frame(flag: u8, message: &[u8]) -> Vec<u8> {
    let mut bytes = vec![flag];
    bytes.extend_from_slice(&u32::try_from(message.len()).unwrap().to_be_bytes());
    bytes.extend_from_slice(message);
    bytes
}

#[test]
fn knows_where_a_frame_ends() {
    let mut frames = Frames::new(100);
    let mut bytes = frame(0, b"hello");
    bytes.extend(frame(1, b""));
    bytes.extend_from_slice(&[0, 0, 0]);
    assert_eq!(frames.follow(&bytes).unwrap(), 15);
    assert!(!frames.between());
    assert_eq!(frames.begun(), 0);
    assert_eq!(frames.follow(&[0, 2, 7]).unwrap(), 0);
    assert_eq!(frames.begun(), 7);
    assert_eq!(frames.follow(&[8]).unwrap(), 1);
    assert!(frames.between());
}

#[test]
fn refuses_a_frame_by_its_header() {
    let too_large = Error::TooLarge {
        length: 101,
        limit: 100,
    };
    assert_eq!(Frames::new(100).follow(&[0, 0, 0, 0, 101]), Err(too_large));
    assert_eq!(Frames::new(usize::MAX).follow(&[0, 255, 255, 255, 255]), Ok(0));
    for flag in [0x80, 0x02, b'{', b'A'] {
        assert_eq!(Frames::new(100).follow(&[flag]), Err(Error::Flag(flag)));
    }
}

#[test]
fn writes_trailers_as_a_frame() {
    let mut map = HeaderMap::new();
    assert_eq!(&trailers(map.iter())[..], &[0x80, 0, 0, 0, 0]);
    map.insert("grpc-status", HeaderValue::from_static("0"));
    map.append("x-seen", HeaderValue::from_static("a"));
    map.append("x-seen", HeaderValue::from_static("b"));
    let frame = trailers(map.iter());
    assert_eq!(&frame[..5], &[0x80, 0, 0, 0, 35]);
    assert_eq!(&frame[5..], b"grpc-status:0\r\nx-seen:a\r\nx-seen:b\r\n");
}

proptest! {
    /// However a stream is cut, the frames end at the same places.
    #[test]
    fn any_cut_ends_at_the_same_places(
        messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..8),
        cuts in prop::collection::vec(1_usize..20, 1..40),
    ) {
        let mut stream = Vec::new();
        let mut ends = Vec::new();
        for (index, message) in messages.iter().enumerate() {
            stream.extend(frame(u8::from(index % 2 == 1), message));
            ends.push(stream.len());
        }
        let mut frames = Frames::new(40);
        let (mut at, mut last, mut cut) = (0, 0, cuts.iter().cycle());
        while at < stream.len() {
            let end = (at + cut.next().unwrap()).min(stream.len());
            let ended = frames.follow(&stream[at..end]).unwrap();
            let passed: Vec<_> = ends.iter().filter(|place| (at + 1..=end).contains(*place)).collect();
            prop_assert_eq!(ended, passed.last().map_or(0, |place| **place - at));
            last = if ended > 0 { at + ended } else { last };
            prop_assert_eq!(frames.between(), last == end);
            at = end;
        }
        prop_assert!(frames.between());
    }

    /// No bytes can make it panic, or believe a message above the limit.
    #[test]
    fn any_bytes_are_survived(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let mut frames = Frames::new(64);
        if frames.follow(&bytes).is_ok() {
            prop_assert!(frames.begun() <= 64 + HEADER);
        }
    }
}
