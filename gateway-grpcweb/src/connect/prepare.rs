//! Connect's own headers, read and taken away before anything else looks at them.
//!
//! **Why.** They belong to the protocol, not to the call: the deadline becomes `grpc-timeout`, which the gateway's clock
//! reads, and no service sees the rest as metadata. **Source.** "Connect Protocol Reference" (Unary-Request-Headers).

use std::time::Duration;

use http::{HeaderMap, HeaderName};
use lyceum::context::format_timeout;
use lyceum::context::headers::TIMEOUT;
use lyceum::error::Error as Refusal;
use tonic::Code;

const VERSION: HeaderName = HeaderName::from_static("connect-protocol-version");
const TIMEOUT_MS: HeaderName = HeaderName::from_static("connect-timeout-ms");
const ENCODING: HeaderName = HeaderName::from_static("connect-content-encoding");
const ACCEPT_ENCODING: HeaderName = HeaderName::from_static("connect-accept-encoding");

/// What the headers said of a stream's messages.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Said {
    /// Some of those that come are gzip.
    pub(crate) packed: bool,
    /// Those that go back may be.
    pub(crate) packs: bool,
}

/// Reads Connect's headers and takes them away.
pub(crate) fn prepare(headers: &mut HeaderMap) -> Result<Said, Refusal> {
    if headers.remove(VERSION).is_some_and(|version| version != "1") {
        let rule = "connect-protocol-version must be 1";
        return Err(Refusal::invalid_argument("VERSION_UNKNOWN", rule));
    }
    if let Some(timeout) = headers.remove(TIMEOUT_MS) {
        let time = milliseconds(timeout.as_bytes()).ok_or_else(|| {
            Refusal::invalid_argument("TIMEOUT_INVALID", "connect-timeout-ms must be up to ten digits")
        })?;
        headers.insert(TIMEOUT, format_timeout(time));
    }
    let packed = match headers.remove(ENCODING) {
        None => false,
        Some(encoding) => is_gzip(encoding.as_bytes())?,
    };
    let packs = headers
        .remove(ACCEPT_ENCODING)
        .is_some_and(|accepted| names_gzip(accepted.as_bytes()));
    Ok(Said { packed, packs })
}

/// Whether messages said to be of this encoding are gzip; refused when they are neither that nor plain.
pub(crate) fn is_gzip(encoding: &[u8]) -> Result<bool, Refusal> {
    match encoding {
        b"" | b"identity" => Ok(false),
        b"gzip" => Ok(true),
        _ => Err(Refusal::new(
            Code::Unimplemented,
            "ENCODING_UNKNOWN",
            "messages may be compressed with gzip, or not at all",
        )),
    }
}

fn names_gzip(accepted: &[u8]) -> bool {
    accepted
        .split(|byte| *byte == b',')
        .any(|encoding| encoding.trim_ascii() == b"gzip")
}

fn milliseconds(digits: &[u8]) -> Option<Duration> {
    if digits.is_empty() || digits.len() > 10 || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let number = digits
        .iter()
        .fold(0_u64, |number, digit| number * 10 + u64::from(digit - b'0'));
    Some(Duration::from_millis(number))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;
    use lyceum::context::parse_timeout;

    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn connects_headers_become_the_calls() {
        let mut given = headers(&[
            ("connect-protocol-version", "1"),
            ("connect-timeout-ms", "1500"),
            ("connect-content-encoding", "gzip"),
            ("connect-accept-encoding", "br, gzip"),
            ("x-mine", "1"),
        ]);
        let said = prepare(&mut given).unwrap();
        assert_eq!(
            said,
            Said {
                packed: true,
                packs: true
            }
        );
        assert_eq!(given.len(), 2);
        assert_eq!(parse_timeout(&given[TIMEOUT]), Some(Duration::from_millis(1500)));
        assert_eq!(prepare(&mut headers(&[])).unwrap(), Said::default());
    }

    #[test]
    fn what_cannot_be_is_refused() {
        for (pair, reason) in [
            (("connect-protocol-version", "2"), "VERSION_UNKNOWN"),
            (("connect-timeout-ms", "12345678901"), "TIMEOUT_INVALID"),
            (("connect-timeout-ms", "-1"), "TIMEOUT_INVALID"),
            (("connect-timeout-ms", ""), "TIMEOUT_INVALID"),
            (("connect-content-encoding", "br"), "ENCODING_UNKNOWN"),
        ] {
            assert_eq!(prepare(&mut headers(&[pair])).unwrap_err().reason(), reason, "{pair:?}");
        }
    }
}
