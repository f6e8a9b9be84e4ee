//! Requests whose frames are broken or too large, told in the fabric's own codes and reasons.
//!
//! tonic reads the frames before any codec of ours sees a message, and calls most of what is wrong with them INTERNAL:
//! callers would blame a healthy instance for their own bytes. Only answers without a message are looked at, so the
//! usual path pays nothing. When not: a message that does not decode is the codec's ([`crate::contracts::Codec`]).
//! Source: gRPC over HTTP/2, length-prefixed messages.

use http::HeaderMap;
use tonic::{Code, Status};

use crate::error::Error;

/// What tonic's decoder says of a request's frames, from the beginning of its messages.
const BROKEN: [&str; 3] = [
    "Unexpected EOF decoding stream",
    "Missing request message",
    "protocol error: received message with",
];
const TOO_LARGE: &str = "Error, decoded message length too large";

/// The better error for an answer that ended with `code` in its headers, where the request's frames were at fault.
pub(super) fn at_fault(code: Code, headers: &HeaderMap) -> Option<Error> {
    if !matches!(code, Code::Internal | Code::OutOfRange) {
        return None;
    }
    let status = Status::from_header_map(headers).filter(|status| status.details().is_empty())?;
    let said = status.message();
    if code == Code::OutOfRange
        && let Some(sizes) = said.strip_prefix(TOO_LARGE)
    {
        return Some(Error::exhausted(
            "MESSAGE_TOO_LARGE",
            format!("the request is too large{sizes}"),
        ));
    }
    let broken = code == Code::Internal && BROKEN.iter().any(|known| said.starts_with(known));
    broken.then(|| {
        Error::invalid_argument(
            "MESSAGE_UNREADABLE",
            format!("the request's frames are broken: {}", said.trim_end_matches('.')),
        )
    })
}
