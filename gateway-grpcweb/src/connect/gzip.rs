//! gzip of single messages, within a limit on what comes out.
//!
//! **Why.** A few kilobytes can unpack to gigabytes: reading stops one byte after what would have been welcome.
//! **When not.** Whole answers are compressed where every front's are. **Source.** RFC 1952.

use std::io::{Read as _, Write as _};

use bytes::Bytes;
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use lyceum::error::Error as Refusal;

/// Why bytes cannot be unpacked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    #[error("a message is larger than the limit of {0} bytes when it is unpacked")]
    TooLarge(usize),
    #[error("a message is not gzip, although it says so")]
    Broken,
}

/// What was packed, if it has up to `limit` bytes.
pub(crate) fn unpacked(packed: &[u8], limit: usize) -> Result<Bytes, Error> {
    if packed.is_empty() {
        return Ok(Bytes::new());
    }
    let mut bytes = Vec::with_capacity(packed.len().saturating_mul(3).min(limit));
    let most = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    MultiGzDecoder::new(packed)
        .take(most)
        .read_to_end(&mut bytes)
        .map_err(|_| Error::Broken)?;
    if bytes.len() > limit {
        return Err(Error::TooLarge(limit));
    }
    Ok(bytes.into())
}

/// Packed; none where that saves nothing.
pub(crate) fn packed(message: &[u8]) -> Option<Bytes> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(message.len() / 2), Compression::fast());
    // Memory always can be written to.
    encoder.write_all(message).ok()?;
    let packed = encoder.finish().ok()?;
    (packed.len() < message.len()).then(|| packed.into())
}

// === impl Error ===

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        match error {
            Error::TooLarge(limit) => {
                Self::exhausted("MESSAGE_TOO_LARGE", message).with_metadata("limit", limit.to_string())
            }
            Error::Broken => Self::invalid_argument("MESSAGE_NOT_GZIP", message),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unpacks_up_to_the_limit() {
        let text = b"essay ".repeat(100);
        let small = packed(&text).unwrap();
        assert!(small.len() < 100);
        assert_eq!(unpacked(&small, 600).unwrap(), text);
        assert_eq!(unpacked(&small, 599), Err(Error::TooLarge(599)));
        assert_eq!(unpacked(b"", 1).unwrap(), "");
        assert_eq!(unpacked(b"no gzip", 100), Err(Error::Broken));
        assert_eq!(unpacked(&small[..20], 600), Err(Error::Broken));
        assert_eq!(packed(b"short"), None);
    }

    #[test]
    fn a_bomb_stops_at_the_limit() {
        let bomb = packed(&vec![0; 20_000_000]).unwrap();
        assert!(bomb.len() < 200_000);
        assert_eq!(unpacked(&bomb, 1000), Err(Error::TooLarge(1000)));
    }
}
