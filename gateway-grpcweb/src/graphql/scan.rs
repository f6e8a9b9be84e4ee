//! A document's brackets, counted before anything parses it.
//!
//! **Why.** The parser goes down with every bracket, so a megabyte of `{` would go through the stack. One pass over the
//! bytes, which stops at the first thing too many, keeps whatever comes later small. **When not.** What a document
//! means, and what it costs, is told by `weight` once it is parsed. **Source.** GraphQL, October 2021, 2.1.

/// The longest document, in bytes.
pub(crate) const BYTES: usize = 64 * 1024;
/// How deep brackets of any kind may nest.
pub(crate) const DEPTH: usize = 48;
/// The most words, numbers, strings and marks.
pub(crate) const TOKENS: usize = 8_000;

/// Why a document is not parsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    #[error("the document is longer than {BYTES} bytes")]
    Length,
    #[error("the document nests deeper than {DEPTH} brackets")]
    Depth,
    #[error("the document has more than {TOKENS} tokens")]
    Tokens,
}

/// Whether a document may be parsed.
pub(crate) fn scan(document: &str) -> Result<(), Error> {
    if document.len() > BYTES {
        return Err(Error::Length);
    }
    let bytes = document.as_bytes();
    let (mut at, mut depth, mut tokens) = (0, 0_usize, 0_usize);
    while let Some(&byte) = bytes.get(at) {
        at = match byte {
            b' ' | b'\t' | b'\n' | b'\r' | b',' => {
                at += 1;
                continue;
            }
            b'#' => {
                at = until(bytes, at, |byte| matches!(byte, b'\n' | b'\r'));
                continue;
            }
            b'"' => string(bytes, at),
            b'{' | b'(' | b'[' => {
                depth += 1;
                at + 1
            }
            b'}' | b')' | b']' => {
                depth = depth.saturating_sub(1);
                at + 1
            }
            byte if is_name(byte) => until(bytes, at, |byte| !is_name(byte)),
            _ => at + 1,
        };
        tokens += 1;
        if depth > DEPTH {
            return Err(Error::Depth);
        }
        if tokens > TOKENS {
            return Err(Error::Tokens);
        }
    }
    Ok(())
}

/// Behind the string that begins here; behind everything, if it does not end.
fn string(bytes: &[u8], start: usize) -> usize {
    let rest = &bytes[start..];
    if rest.starts_with(b"\"\"\"") {
        let mut at = start + 3;
        while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
            if rest.starts_with(b"\\\"\"\"") {
                at += 4;
            } else if rest.starts_with(b"\"\"\"") {
                return at + 3;
            } else {
                at += 1;
            }
        }
        return bytes.len();
    }
    let mut at = start + 1;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'\\' => at += 2,
            b'"' => return at + 1,
            b'\n' | b'\r' => return at,
            _ => at += 1,
        }
    }
    bytes.len()
}

fn until(bytes: &[u8], start: usize, ends: impl Fn(u8) -> bool) -> usize {
    bytes[start..]
        .iter()
        .position(|byte| ends(*byte))
        .map_or(bytes.len(), |length| start + length)
}

fn is_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn good_documents_pass() {
        for document in [
            "",
            "{ a(b: [1, 2], c: \"}}}}\") { d } } # {{{{",
            "query Q($a: Int = 3) { x(t: \"\"\"{{ \\\"\"\" {{\"\"\") }",
            "{ a(t: \"\\\"{\") }",
        ] {
            assert_eq!(scan(document), Ok(()), "{document}");
        }
        let inside = format!("{{ a(t: \"{}\") }}", "{".repeat(1000));
        assert_eq!(scan(&inside), Ok(()));
    }

    #[test]
    fn bombs_are_refused() {
        assert_eq!(scan(&"{".repeat(1_000_000)), Err(Error::Length));
        for bracket in ["{", "(", "[", "{a", "[[", "{a(b:["] {
            assert_eq!(scan(&bracket.repeat(2000)), Err(Error::Depth), "{bracket}");
        }
        assert_eq!(scan(&format!("{{{}}}", "a ".repeat(20_000))), Err(Error::Tokens));
        assert_eq!(scan(&"@".repeat(20_000)), Err(Error::Tokens));
    }

    proptest! {
        #[test]
        fn any_text_is_scanned_to_its_end(text in "[\\\\\"{}a#\\n é]{0,200}") {
            let _ = scan(&text);
        }
    }
}
