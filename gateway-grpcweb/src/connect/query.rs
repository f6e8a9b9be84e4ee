//! A call in the query of a GET: `?connect=v1&encoding=json&message={…}`.
//!
//! **Why.** A GET can be cached, sent again and pasted into a browser; so only methods without side effects take one.
//! **When not.** A query is read by proxies and histories: what a student wrote belongs into a body.
//! **Source.** "Connect Protocol Reference" (Unary-Get-Request).

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::DecodePaddingMode;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;

use super::kind::Codec;

/// With padding or without.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// What a query asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Asked {
    pub(crate) codec: Codec,
    pub(crate) compressed: bool,
    pub(crate) message: Bytes,
}

/// Why a query is no call. Says nothing of what stood in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    #[error("connect= must be v1")]
    Version,
    #[error("encoding= must be proto or json")]
    Encoding,
    #[error("compression= must be gzip or identity")]
    Compression,
    #[error("message= is missing")]
    Missing,
    #[error("message= is not base64 as it is for URLs")]
    Base64,
    #[error("base64= must be 1 or left out")]
    Flag,
}

/// Reads a query. A message may be any bytes, so nothing here is taken for text.
pub(crate) fn read(query: &str) -> Result<Asked, Error> {
    let (mut codec, mut compressed, mut message, mut is_base64) = (None, false, None, false);
    for pair in query.split('&') {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let value = decoded(value);
        match &*decoded(name) {
            b"connect" if value != b"v1" => return Err(Error::Version),
            b"encoding" => {
                codec = Some(match &*value {
                    b"proto" => Codec::Proto,
                    b"json" => Codec::Json,
                    _ => return Err(Error::Encoding),
                });
            }
            b"compression" => {
                compressed = match &*value {
                    b"gzip" => true,
                    b"identity" | b"" => false,
                    _ => return Err(Error::Compression),
                };
            }
            b"base64" => {
                is_base64 = match &*value {
                    b"1" => true,
                    b"0" | b"" => false,
                    _ => return Err(Error::Flag),
                };
            }
            b"message" => message = Some(value),
            _ => {}
        }
    }
    let message = message.ok_or(Error::Missing)?;
    let message = if is_base64 {
        BASE64.decode(&message).map_err(|_| Error::Base64)?.into()
    } else {
        Bytes::from(message)
    };
    Ok(Asked {
        codec: codec.ok_or(Error::Encoding)?,
        compressed,
        message,
    })
}

/// The bytes that stand in a query as `%C3` or, a blank, as `+`.
fn decoded(text: &str) -> Vec<u8> {
    let spaced: Vec<u8> = text
        .bytes()
        .map(|byte| if byte == b'+' { b' ' } else { byte })
        .collect();
    percent_encoding::percent_decode(&spaced).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_codecs() {
        let json = read("connect=v1&encoding=json&message=%7B%22a%22%3A%22b+c%22%7D").unwrap();
        assert_eq!((json.codec, json.compressed), (Codec::Json, false));
        assert_eq!(json.message, r#"{"a":"b c"}"#);
        for padded in ["_-8", "_-8%3D", "_-8="] {
            let proto = read(&format!("message={padded}&base64=1&encoding=proto&compression=gzip")).unwrap();
            assert_eq!((proto.codec, proto.compressed), (Codec::Proto, true));
            assert_eq!(&*proto.message, &[0xff, 0xef]);
        }
        assert_eq!(read("encoding=proto&message=").unwrap().message, "");
        // Bytes that are no text arrive as they are.
        let bytes = read("encoding=proto&message=%00%ff%C3+a").unwrap();
        assert_eq!(&*bytes.message, b"\0\xff\xc3 a");
    }

    #[test]
    fn refuses_what_is_no_call() {
        for (query, error) in [
            ("connect=v2&encoding=json&message=", Error::Version),
            ("encoding=xml&message=", Error::Encoding),
            ("message=", Error::Encoding),
            ("encoding=json", Error::Missing),
            ("encoding=json&message=&compression=br", Error::Compression),
            ("encoding=json&message=%21&base64=1", Error::Base64),
            ("encoding=json&message=&base64=yes", Error::Flag),
        ] {
            assert_eq!(read(query), Err(error), "{query}");
        }
    }
}
