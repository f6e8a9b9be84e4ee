//! gRPC's frames, walked without being read: one byte of flags, four of length, then a message that is none of ours.
//!
//! **What.** [`Frames`] follows a stream of chunks, however they are cut, and knows where each frame ends. [`trailers`]
//! makes the one frame that a gateway writes itself: the trailers, which a browser cannot see in any other place.
//!
//! **Why.** A frame that is too large is refused by its header, before its bytes are waited for; a body that ends within
//! a frame is told from one that is whole; and nothing may follow half a message, so a failure needs to know where it is.
//!
//! **When not.** To read messages: the gateway forwards bytes.
//!
//! **Source.** `PROTOCOL-HTTP2.md` (Length-Prefixed-Message) and `PROTOCOL-WEB.md` in grpc/grpc.

use bytes::{BufMut as _, Bytes, BytesMut};
use http::{HeaderName, HeaderValue};

/// Flags and length.
pub(crate) const HEADER: usize = 5;

/// The flag of the frame that holds the trailers.
const TRAILERS: u8 = 0x80;

/// The flag of a compressed message.
const COMPRESSED: u8 = 0x01;

/// Where a stream of frames stands.
#[derive(Debug)]
pub(crate) struct Frames {
    header: [u8; HEADER],
    /// Bytes of the present frame's header that are known.
    known: usize,
    /// Bytes of the present frame's message that are still to come.
    missing: usize,
    limit: usize,
}

/// Why a stream of frames cannot be one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    #[error("a message of {length} bytes is larger than the limit of {limit} bytes")]
    TooLarge { length: usize, limit: usize },
    #[error("the byte {0:#04x} is no flag of a message: is this body a grpc-web body?")]
    Flag(u8),
}

// === impl Frames ===

impl Frames {
    /// At the start of a stream whose messages are at most `limit` bytes long.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            header: [0; HEADER],
            known: 0,
            missing: 0,
            limit,
        }
    }

    /// Follows a chunk; answers how much of it belongs to frames that have ended.
    pub(crate) fn follow(&mut self, chunk: &[u8]) -> Result<usize, Error> {
        let mut at = 0;
        let mut ended = 0;
        while at < chunk.len() {
            if self.known < HEADER {
                let taken = (HEADER - self.known).min(chunk.len() - at);
                self.header[self.known..self.known + taken].copy_from_slice(&chunk[at..at + taken]);
                self.known += taken;
                at += taken;
                if self.header[0] & !COMPRESSED != 0 {
                    return Err(Error::Flag(self.header[0]));
                }
                if self.known < HEADER {
                    break;
                }
                self.missing = self.length();
                if self.missing > self.limit {
                    return Err(Error::TooLarge {
                        length: self.missing,
                        limit: self.limit,
                    });
                }
            }
            let taken = self.missing.min(chunk.len() - at);
            self.missing -= taken;
            at += taken;
            if self.missing == 0 {
                self.known = 0;
                ended = at;
            }
        }
        Ok(ended)
    }

    /// Whether no frame has begun that has not ended.
    pub(crate) fn between(&self) -> bool {
        self.known == 0
    }

    /// The whole length of the frame that has begun, header included; 0 while its header is not whole.
    pub(crate) fn begun(&self) -> usize {
        if self.known < HEADER { 0 } else { HEADER + self.length() }
    }

    fn length(&self) -> usize {
        let [_, length @ ..] = self.header;
        usize::try_from(u32::from_be_bytes(length)).unwrap_or(usize::MAX)
    }
}

/// The frame of a call's trailers, as HTTP/1 headers in lower case.
pub(crate) fn trailers<'a>(trailers: impl Iterator<Item = (&'a HeaderName, &'a HeaderValue)>) -> Bytes {
    let mut frame = BytesMut::with_capacity(64);
    frame.put_slice(&[TRAILERS, 0, 0, 0, 0]);
    for (name, value) in trailers {
        frame.put_slice(name.as_str().as_bytes());
        frame.put_u8(b':');
        frame.put_slice(value.as_bytes());
        frame.put_slice(b"\r\n");
    }
    // Trailers came through an HTTP/2 header list, whose limit is far below 4 GiB.
    let length = u32::try_from(frame.len() - HEADER).unwrap_or(u32::MAX);
    frame[1..HEADER].copy_from_slice(&length.to_be_bytes());
    frame.freeze()
}

#[cfg(test)]
mod tests;
