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

/// Reads a query.
pub(crate) fn read(query: &str) -> Result<Asked, Error> {
    let (mut codec, mut compressed, mut message, mut is_base64) = (None, false, None, false);
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        match &*name {
            "connect" if value != "v1" => return Err(Error::Version),
            "encoding" => {
                codec = Some(match &*value {
                    "proto" => Codec::Proto,
                    "json" => Codec::Json,
                    _ => return Err(Error::Encoding),
                });
            }
            "compression" => {
                compressed = match &*value {
                    "gzip" => true,
                    "identity" | "" => false,
                    _ => return Err(Error::Compression),
                };
            }
            "base64" => {
                is_base64 = match &*value {
                    "1" => true,
                    "0" | "" => false,
                    _ => return Err(Error::Flag),
                };
            }
            "message" => message = Some(value),
            _ => {}
        }
    }
    let message = message.ok_or(Error::Missing)?;
    let message = if is_base64 {
        BASE64.decode(message.as_bytes()).map_err(|_| Error::Base64)?.into()
    } else {
        Bytes::from(message.into_owned())
    };
    Ok(Asked {
        codec: codec.ok_or(Error::Encoding)?,
        compressed,
        message,
    })
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
