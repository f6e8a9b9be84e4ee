//! `grpc-web-text`: the same bytes in base64, for browsers whose XMLHttpRequest cannot stream binary.
//!
//! **What.** [`Decoder`] reads base64 however it is cut, padded in between or not; [`Encoder`] writes it as it goes,
//! padding only where a reader must have the last bytes at once.
//!
//! **Why.** A client may encode each frame alone, so that padding stands in the middle of a body; a chunk of the
//! network ends anywhere, in the middle of a quantum of four characters too. Waiting for the whole body would turn a
//! stream into one late answer.
//!
//! **When not.** For binary metadata in headers: tonic does that, with other padding.
//!
//! **Source.** `PROTOCOL-WEB.md` in grpc/grpc ("the text-encoded stream may contain padding"); RFC 4648.

use base64_simd::STANDARD;
use bytes::Bytes;

/// Characters that stand for up to three bytes.
const QUANTUM: usize = 4;

/// Bytes that stand behind a whole quantum.
const GROUP: usize = 3;

/// How many bytes of padding between frames are nothing to worry about.
pub(crate) const SLACK: usize = 1024;

/// Base64 to bytes.
#[derive(Debug, Default)]
pub(crate) struct Decoder {
    part: [u8; QUANTUM],
    length: usize,
}

/// Bytes to base64.
#[derive(Debug, Default)]
pub(crate) struct Encoder {
    rest: [u8; GROUP],
    length: usize,
}

/// Not base64. Says nothing of the text, which is a student's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the body is not base64")]
pub(crate) struct Error;

// === impl Decoder ===

impl Decoder {
    /// The bytes of this chunk, as far as its quanta are whole.
    pub(crate) fn decode(&mut self, mut chunk: &[u8]) -> Result<Bytes, Error> {
        let mut bytes = Vec::with_capacity((self.length + chunk.len()) / QUANTUM * GROUP);
        if self.length > 0 {
            let (head, tail) = chunk.split_at(chunk.len().min(QUANTUM - self.length));
            self.part[self.length..self.length + head.len()].copy_from_slice(head);
            self.length += head.len();
            chunk = tail;
            if self.length < QUANTUM {
                return Ok(Bytes::new());
            }
            self.length = 0;
            quanta(&self.part, &mut bytes)?;
        }
        let (whole, part) = chunk.split_at(chunk.len() / QUANTUM * QUANTUM);
        // Padding in the middle is rare enough to be looked for only where reading on fails.
        if quanta(whole, &mut bytes).is_err() {
            texts(whole, &mut bytes)?;
        }
        self.part[..part.len()].copy_from_slice(part);
        self.length = part.len();
        Ok(bytes.into())
    }

    /// Whether the text may end here.
    pub(crate) fn finish(&self) -> Result<(), Error> {
        if self.length == 0 { Ok(()) } else { Err(Error) }
    }
}

/// Several texts, each padded, one after the other.
fn texts(mut whole: &[u8], bytes: &mut Vec<u8>) -> Result<(), Error> {
    while !whole.is_empty() {
        // Up to and with the quantum that is padded: the next begins a text of its own.
        let end = whole
            .iter()
            .position(|character| *character == b'=')
            .map_or(whole.len(), |at| (at / QUANTUM + 1) * QUANTUM);
        let (text, tail) = whole.split_at(end);
        quanta(text, bytes)?;
        whole = tail;
    }
    Ok(())
}

/// On an error nothing is appended.
fn quanta(text: &[u8], bytes: &mut Vec<u8>) -> Result<(), Error> {
    STANDARD.decode_append(text, bytes).map_err(|_| Error)
}

// === impl Encoder ===

impl Encoder {
    /// This chunk in base64. With `flush` all of it, padded if need be; without, up to two bytes wait for the next.
    pub(crate) fn encode(&mut self, mut chunk: &[u8], flush: bool) -> Bytes {
        let mut text = Vec::with_capacity((self.length + chunk.len()).div_ceil(GROUP) * QUANTUM);
        if self.length > 0 {
            let (head, tail) = chunk.split_at(chunk.len().min(GROUP - self.length));
            self.rest[self.length..self.length + head.len()].copy_from_slice(head);
            self.length += head.len();
            chunk = tail;
            if self.length == GROUP {
                self.length = 0;
                STANDARD.encode_append(self.rest, &mut text);
            }
        }
        if self.length == 0 {
            let (whole, rest) = chunk.split_at(chunk.len() / GROUP * GROUP);
            STANDARD.encode_append(whole, &mut text);
            self.rest[..rest.len()].copy_from_slice(rest);
            self.length = rest.len();
        }
        if flush && self.length > 0 {
            STANDARD.encode_append(&self.rest[..self.length], &mut text);
            self.length = 0;
        }
        text.into()
    }
}

#[cfg(test)]
mod tests;
