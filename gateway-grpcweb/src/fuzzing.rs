//! The parsers that read strangers' bytes, each as one function of bytes, for `make fuzz` (feature `fuzzing`).
//!
//! Each checks what must hold whatever the bytes are, beside not panicking: above all that how they were cut into chunks
//! changes nothing. When not: everything else of the gateway has no public face.

use crate::frames::Frames;
use crate::text;

/// The largest message that the targets allow.
const LIMIT: usize = 1 << 16;

/// Bytes as they may arrive: the first says where they are cut, the rest is cut there.
fn cut(data: &[u8]) -> (&[u8], &[u8]) {
    match data.split_first() {
        Some((at, rest)) => rest.split_at(usize::from(*at) % (rest.len() + 1)),
        None => (data, data),
    }
}

/// gRPC frames.
pub fn frames(data: &[u8]) {
    let (first, second) = cut(data);
    let mut apart = Frames::new(LIMIT);
    let in_two = apart.follow(first).and_then(|_| apart.follow(second));
    let mut whole = Frames::new(LIMIT);
    let at_once = whole.follow(&[first, second].concat());
    assert_eq!(in_two.is_ok(), at_once.is_ok());
    if at_once.is_ok() {
        assert_eq!(apart.between(), whole.between());
        assert_eq!(apart.begun(), whole.begun());
    }
}

/// Base64 of grpc-web-text.
pub fn text(data: &[u8]) {
    let (first, second) = cut(data);
    let mut apart = text::Decoder::default();
    let in_two = apart
        .decode(first)
        .and_then(|head| Ok([head, apart.decode(second)?].concat()));
    let mut whole = text::Decoder::default();
    let at_once = whole.decode(&[first, second].concat());
    assert_eq!(in_two.as_deref().ok(), at_once.as_deref().ok());
    if at_once.is_ok() {
        assert_eq!(apart.finish().is_ok(), whole.finish().is_ok());
    }
}
