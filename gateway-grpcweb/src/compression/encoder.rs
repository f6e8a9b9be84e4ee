//! Bytes on their way out, compressed as they come.
//!
//! Nothing waits inside that a reader should have: [`Encoder::flush`] gives out all that was written. Windows are small
//! and levels low, because a gateway has thousands of streams and most answers are a few kilobytes; what a stream costs
//! is measured in `docs/gateway/compression.md`. When not: files are compressed once, when they are built.

use std::io::{self, Write};

use brotli::CompressorWriter;
use brotli::enc::BrotliEncoderParams;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use zstd::stream::raw::CParameter;
use zstd::stream::write::Encoder as ZstdEncoder;

use super::Coding;

/// Brotli's quality: the least at which it beats gzip, in a quarter of the memory that the next one takes.
const BROTLI_QUALITY: i32 = 3;
/// The logarithm of Brotli's window.
const BROTLI_WINDOW: i32 = 16;
/// What Brotli writes at a time, in bytes.
const BROTLI_BUFFER: usize = 4 * 1024;
/// Zstandard's level.
const ZSTD_LEVEL: i32 = 1;
/// The logarithm of Zstandard's window.
const ZSTD_WINDOW: u32 = 16;
/// gzip's level.
const GZIP_LEVEL: u32 = 3;

/// A compressor at work.
pub(super) enum Encoder {
    Zstd(Box<ZstdEncoder<'static, Vec<u8>>>),
    Brotli(Box<CompressorWriter<Vec<u8>>>),
    Gzip(Box<GzEncoder<Vec<u8>>>),
}

// === impl Encoder ===

impl Encoder {
    /// Ready for the first byte.
    pub(super) fn try_new(coding: Coding) -> io::Result<Self> {
        Ok(match coding {
            Coding::Zstd => {
                let mut encoder = ZstdEncoder::new(Vec::new(), ZSTD_LEVEL)?;
                encoder.set_parameter(CParameter::WindowLog(ZSTD_WINDOW))?;
                Self::Zstd(Box::new(encoder))
            }
            Coding::Brotli => {
                let parameters = BrotliEncoderParams {
                    quality: BROTLI_QUALITY,
                    lgwin: BROTLI_WINDOW,
                    ..BrotliEncoderParams::default()
                };
                let encoder = CompressorWriter::with_params(Vec::new(), BROTLI_BUFFER, &parameters);
                Self::Brotli(Box::new(encoder))
            }
            Coding::Gzip => Self::Gzip(Box::new(GzEncoder::new(Vec::new(), Compression::new(GZIP_LEVEL)))),
        })
    }

    /// Takes bytes in.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Zstd(encoder) => encoder.write_all(bytes),
            Self::Brotli(encoder) => encoder.write_all(bytes),
            Self::Gzip(encoder) => encoder.write_all(bytes),
        }
    }

    /// Everything that was taken in, such that its reader can have all of it.
    pub(super) fn flush(&mut self) -> io::Result<Bytes> {
        let written = match self {
            Self::Zstd(encoder) => {
                encoder.flush()?;
                encoder.get_mut()
            }
            Self::Brotli(encoder) => {
                encoder.flush()?;
                encoder.get_mut()
            }
            Self::Gzip(encoder) => {
                encoder.flush()?;
                encoder.get_mut()
            }
        };
        Ok(std::mem::take(written).into())
    }

    /// The rest, with the coding's own end.
    pub(super) fn finish(self) -> io::Result<Bytes> {
        Ok(match self {
            Self::Zstd(encoder) => encoder.finish()?.into(),
            Self::Brotli(encoder) => encoder.into_inner().into(),
            Self::Gzip(encoder) => encoder.finish()?.into(),
        })
    }
}

impl std::fmt::Debug for Encoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Zstd(_) => "Zstd",
            Self::Brotli(_) => "Brotli",
            Self::Gzip(_) => "Gzip",
        })
    }
}
