//! `grpc-timeout`: how long the browser will wait, and how long the gateway lets it.
//!
//! Why the gateway keeps a clock of its own: when an upstream stream is reset because time is up, what is left to read
//! is a reset, and clients would see INTERNAL. When not: a call without a timeout gets the fabric client's default.
//! Source: `PROTOCOL-HTTP2.md` in grpc/grpc (Timeout).

use std::time::Duration;

use http::{HeaderMap, HeaderName};

/// The header.
pub(crate) const HEADER: HeaderName = HeaderName::from_static("grpc-timeout");

/// The digits that the protocol allows.
const DIGITS: usize = 8;

/// No `grpc-timeout`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("grpc-timeout is not up to eight digits and one of H, M, S, m, u, n")]
pub(crate) struct Error;

/// The time that these headers grant, no more than `limit`; none when they say nothing.
pub(crate) fn of(headers: &HeaderMap, limit: Duration) -> Result<Option<Duration>, Error> {
    headers
        .get(HEADER)
        .map(|value| parse(value.as_bytes()).map(|time| time.min(limit)))
        .transpose()
}

fn parse(value: &[u8]) -> Result<Duration, Error> {
    let (unit, digits) = value.split_last().ok_or(Error)?;
    if digits.is_empty() || digits.len() > DIGITS || !digits.iter().all(u8::is_ascii_digit) {
        return Err(Error);
    }
    let amount = digits
        .iter()
        .fold(0, |amount: u64, digit| amount * 10 + u64::from(digit - b'0'));
    Ok(match unit {
        b'H' => Duration::from_secs(amount * 3600),
        b'M' => Duration::from_secs(amount * 60),
        b'S' => Duration::from_secs(amount),
        b'm' => Duration::from_millis(amount),
        b'u' => Duration::from_micros(amount),
        b'n' => Duration::from_nanos(amount),
        _ => return Err(Error),
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn granted(value: &str) -> Result<Option<Duration>, Error> {
        let mut headers = HeaderMap::new();
        headers.insert(HEADER, HeaderValue::from_str(value).unwrap());
        of(&headers, Duration::from_secs(60))
    }

    #[test]
    fn reads_every_unit() {
        assert_eq!(granted("30S"), Ok(Some(Duration::from_secs(30))));
        assert_eq!(granted("1M"), Ok(Some(Duration::from_secs(60))));
        assert_eq!(granted("1500m"), Ok(Some(Duration::from_millis(1500))));
        assert_eq!(granted("250u"), Ok(Some(Duration::from_micros(250))));
        assert_eq!(granted("99999999n"), Ok(Some(Duration::from_nanos(99_999_999))));
        assert_eq!(granted("0m"), Ok(Some(Duration::ZERO)));
        assert_eq!(of(&HeaderMap::new(), Duration::MAX), Ok(None));
    }

    #[test]
    fn grants_no_more_than_the_limit() {
        assert_eq!(granted("99999999H"), Ok(Some(Duration::from_secs(60))));
    }

    #[test]
    fn refuses_the_rest() {
        for value in ["", "S", "10", "10s", "123456789m", "-1m", "1.5S", "1 S", "m1"] {
            assert_eq!(granted(value), Err(Error), "{value}");
        }
    }
}
