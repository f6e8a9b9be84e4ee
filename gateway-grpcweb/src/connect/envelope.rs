//! Connect's envelopes: one byte of flags, four of length, then a message.
//!
//! **What.** [`Envelopes`] takes a stream of chunks apart, however they are cut; [`sealed`] makes one. **Why.** A message
//! that is too large is refused by its header, before its bytes are waited for or kept. **When not.** Unary calls have
//! no envelopes. **Source.** "Connect Protocol Reference" (Streaming-Request).

use bytes::{Buf as _, BufMut as _, Bytes, BytesMut};
use lyceum::error::Error as Refusal;

/// Flags and length.
const HEADER: usize = 5;
/// The message is compressed.
pub(crate) const COMPRESSED: u8 = 0b01;
/// The last envelope of an answer: no message, but how the call ended.
pub(crate) const END: u8 = 0b10;

/// Envelopes, as far as they have come.
#[derive(Debug)]
pub(crate) struct Envelopes {
    buffer: BytesMut,
    limit: usize,
}

/// One message as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Envelope {
    pub(crate) compressed: bool,
    pub(crate) message: Bytes,
}

/// Why bytes are no envelopes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    #[error("a message of {length} bytes is larger than the limit of {limit} bytes")]
    TooLarge { length: usize, limit: usize },
    #[error("the byte {0:#04x} is no flag of an envelope: is this body a Connect stream?")]
    Flag(u8),
    #[error("the body ends within an envelope")]
    Truncated,
}

// === impl Envelopes ===

impl Envelopes {
    /// None yet; messages may have up to `limit` bytes.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            buffer: BytesMut::new(),
            limit,
        }
    }

    /// More of the stream.
    pub(crate) fn push(&mut self, chunk: &[u8]) {
        self.buffer.extend_from_slice(chunk);
    }

    /// The next one, once it is whole.
    pub(crate) fn next(&mut self) -> Result<Option<Envelope>, Error> {
        let Some(&flags) = self.buffer.first() else {
            return Ok(None);
        };
        if flags & !COMPRESSED != 0 {
            return Err(Error::Flag(flags));
        }
        let Some(&[a, b, c, d]) = self.buffer.get(1..HEADER).and_then(|length| length.first_chunk::<4>()) else {
            return Ok(None);
        };
        let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
        if length > self.limit {
            return Err(Error::TooLarge {
                length,
                limit: self.limit,
            });
        }
        if self.buffer.len() < HEADER + length {
            return Ok(None);
        }
        self.buffer.advance(HEADER);
        Ok(Some(Envelope {
            compressed: flags & COMPRESSED != 0,
            message: self.buffer.split_to(length).freeze(),
        }))
    }

    /// The stream ended: it may only do so between envelopes.
    pub(crate) fn finish(&self) -> Result<(), Error> {
        if self.buffer.is_empty() {
            Ok(())
        } else {
            Err(Error::Truncated)
        }
    }
}

/// A message in its envelope.
pub(crate) fn sealed(flags: u8, message: &[u8]) -> Bytes {
    let mut envelope = BytesMut::with_capacity(HEADER + message.len());
    envelope.put_u8(flags);
    // gRPC's own lengths are as wide: a message that came through it fits.
    envelope.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
    envelope.put_slice(message);
    envelope.freeze()
}

// === impl Error ===

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        match error {
            Error::TooLarge { limit, .. } => {
                Self::exhausted("MESSAGE_TOO_LARGE", message).with_metadata("limit", limit.to_string())
            }
            Error::Flag(_) => Self::invalid_argument("BODY_NOT_CONNECT", message),
            Error::Truncated => Self::invalid_argument("BODY_TRUNCATED", message),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn envelopes_survive_any_cut(
            messages in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..40), 0..8),
            cut in 1_usize..30,
        ) {
            let stream: Vec<u8> = messages.iter().flat_map(|message| sealed(0, message)).collect();
            let mut envelopes = Envelopes::new(64);
            let mut read = Vec::new();
            for chunk in stream.chunks(cut) {
                envelopes.push(chunk);
                while let Some(envelope) = envelopes.next().unwrap() {
                    prop_assert!(!envelope.compressed);
                    read.push(envelope.message.to_vec());
                }
            }
            prop_assert_eq!(envelopes.finish(), Ok(()));
            prop_assert_eq!(read, messages);
        }

        #[test]
        fn garbage_neither_panics_nor_grows(garbage in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut envelopes = Envelopes::new(16);
            envelopes.push(&garbage);
            while let Ok(Some(envelope)) = envelopes.next() {
                prop_assert!(envelope.message.len() <= 16);
            }
        }
    }

    #[test]
    fn refuses_what_is_no_envelope() {
        let mut envelopes = Envelopes::new(4);
        envelopes.push(&sealed(COMPRESSED, b"1234"));
        envelopes.push(&[0, 0, 0, 0, 5]);
        assert!(envelopes.next().unwrap().unwrap().compressed);
        assert_eq!(envelopes.next(), Err(Error::TooLarge { length: 5, limit: 4 }));

        let mut envelopes = Envelopes::new(4);
        envelopes.push(&[END]);
        assert_eq!(envelopes.next(), Err(Error::Flag(END)), "only answers have an end");

        let mut envelopes = Envelopes::new(4);
        envelopes.push(&sealed(0, b"1234")[..7]);
        assert_eq!(envelopes.next(), Ok(None));
        assert_eq!(envelopes.finish(), Err(Error::Truncated));
    }
}
