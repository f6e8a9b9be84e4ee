//! A compressed body on its way in, with a limit on what it may become.
//!
//! **Why.** A few kilobytes can stand for gigabytes. What comes out is counted while it comes out, so that a bomb stops
//! at the limit however it is built: no more than the limit, the coding's own window and one chunk are ever in memory.
//! **When not.** gRPC's compressed messages: their receiver is the service.
//! **Source.** RFC 8878, 3.1.1.1.2 and RFC 9659: a window of up to 8 MB must be understood, and no larger one needs to be.

use std::io::{self, Write};

use brotli::DecompressorWriter;
use bytes::Bytes;
use flate2::write::GzDecoder;
use zstd::stream::raw::{DParameter, Decoder as ZstdRaw, InBuffer, Operation as _, OutBuffer};

use super::Coding;

/// The logarithm of the largest window that Zstandard may ask for.
const ZSTD_WINDOW: u32 = 23;
/// What Brotli writes at a time, and Zstandard too, in bytes.
const PIECE: usize = 16 * 1024;

/// Why a body cannot be decompressed. Says nothing of what stood in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    #[error("the decompressed body is larger than the limit of {0} bytes")]
    TooLarge(usize),
    #[error("the body is not what its content-encoding says")]
    Broken,
}

/// A decompressor at work.
pub(crate) struct Decoder {
    kind: Kind,
    limit: usize,
}

enum Kind {
    Zstd {
        raw: Box<ZstdRaw<'static>>,
        left: usize,
        between: bool,
    },
    Brotli(Box<DecompressorWriter<Bounded>>),
    Gzip(Box<GzDecoder<Bounded>>),
}

/// Takes so many bytes and no more.
#[derive(Debug)]
struct Bounded {
    bytes: Vec<u8>,
    left: usize,
    full: bool,
}

// === impl Decoder ===

impl Decoder {
    /// For a body that becomes at most `limit` bytes.
    pub(crate) fn try_new(coding: Coding, limit: usize) -> io::Result<Self> {
        let bounded = Bounded {
            bytes: Vec::new(),
            left: limit,
            full: false,
        };
        let kind = match coding {
            Coding::Zstd => {
                let mut raw = ZstdRaw::new()?;
                raw.set_parameter(DParameter::WindowLogMax(ZSTD_WINDOW))?;
                Kind::Zstd {
                    raw: Box::new(raw),
                    left: limit,
                    between: false,
                }
            }
            Coding::Brotli => Kind::Brotli(Box::new(DecompressorWriter::new(bounded, PIECE))),
            Coding::Gzip => Kind::Gzip(Box::new(GzDecoder::new(bounded))),
        };
        Ok(Self { kind, limit })
    }

    /// What a chunk stands for, as far as it can be told already.
    pub(crate) fn decode(&mut self, chunk: &[u8]) -> Result<Bytes, Error> {
        let (written, sink) = match &mut self.kind {
            Kind::Zstd { raw, left, between } => return inflate(raw, left, between, chunk, self.limit),
            Kind::Brotli(decoder) => (decoder.write_all(chunk), decoder.get_mut()),
            Kind::Gzip(decoder) => {
                // What it has made stays inside until it is asked.
                let written = decoder.write_all(chunk).and_then(|()| decoder.flush());
                (written, decoder.get_mut())
            }
        };
        sink.taken(written, self.limit)
    }

    /// The rest, when the body has ended.
    pub(crate) fn finish(&mut self) -> Result<Bytes, Error> {
        let (written, sink) = match &mut self.kind {
            Kind::Zstd { between, .. } => {
                return if *between { Ok(Bytes::new()) } else { Err(Error::Broken) };
            }
            Kind::Brotli(decoder) => (decoder.close(), decoder.get_mut()),
            Kind::Gzip(decoder) => (decoder.try_finish(), decoder.get_mut()),
        };
        sink.taken(written, self.limit)
    }
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoder")
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}

fn inflate(
    raw: &mut ZstdRaw<'static>,
    left: &mut usize,
    between: &mut bool,
    chunk: &[u8],
    limit: usize,
) -> Result<Bytes, Error> {
    if chunk.is_empty() {
        return Ok(Bytes::new());
    }
    let mut bytes = Vec::new();
    let mut piece = [0; PIECE];
    let mut input = InBuffer::around(chunk);
    loop {
        let mut output = OutBuffer::around(&mut piece[..]);
        if *between && input.pos() < chunk.len() {
            // Frames may follow each other.
            raw.reinit().map_err(|_| Error::Broken)?;
        }
        let hint = raw.run(&mut input, &mut output).map_err(|_| Error::Broken)?;
        *between = hint == 0;
        let made = output.as_slice();
        *left = left.checked_sub(made.len()).ok_or(Error::TooLarge(limit))?;
        bytes.extend_from_slice(made);
        let filled = made.len() == PIECE;
        if input.pos() >= chunk.len() && (!filled || *between) {
            return Ok(bytes.into());
        }
    }
}

// === impl Bounded ===

impl Bounded {
    fn taken(&mut self, written: io::Result<()>, limit: usize) -> Result<Bytes, Error> {
        match written {
            Ok(()) => Ok(std::mem::take(&mut self.bytes).into()),
            Err(_) if self.full => Err(Error::TooLarge(limit)),
            Err(_) => Err(Error::Broken),
        }
    }
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self.left.checked_sub(bytes.len()) {
            Some(left) => {
                self.left = left;
                self.bytes.extend_from_slice(bytes);
                Ok(bytes.len())
            }
            None => {
                self.full = true;
                Err(io::ErrorKind::FileTooLarge.into())
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
