//! `grpc-timeout`: how long the browser will wait, and how long the gateway lets it.
//!
//! Why the gateway keeps a clock of its own: when an upstream stream is reset because time is up, what is left to read
//! is a reset, and clients would see INTERNAL. When not: a call without a timeout gets the fabric client's default.
//! Source: `PROTOCOL-HTTP2.md` in grpc/grpc (Timeout).

use std::time::Duration;

use http::HeaderMap;
use lyceum::context::{headers::TIMEOUT, parse_timeout};

/// No `grpc-timeout`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("grpc-timeout is not up to eight digits and one of H, M, S, m, u, n")]
pub(crate) struct Error;

/// The time that these headers grant, no more than `limit`; none when they say nothing.
pub(crate) fn of(headers: &HeaderMap, limit: Duration) -> Result<Option<Duration>, Error> {
    headers
        .get(TIMEOUT)
        .map(|value| parse_timeout(value).map(|time| time.min(limit)).ok_or(Error))
        .transpose()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn granted(value: &str) -> Result<Option<Duration>, Error> {
        let mut headers = HeaderMap::new();
        headers.insert(TIMEOUT, HeaderValue::from_str(value).unwrap());
        of(&headers, Duration::from_secs(60))
    }

    #[test]
    fn grants_no_more_than_the_limit() {
        assert_eq!(granted("30S"), Ok(Some(Duration::from_secs(30))));
        assert_eq!(granted("0m"), Ok(Some(Duration::ZERO)));
        assert_eq!(granted("99999999H"), Ok(Some(Duration::from_secs(60))));
        assert_eq!(of(&HeaderMap::new(), Duration::MAX), Ok(None));
    }

    #[test]
    fn refuses_what_is_no_timeout() {
        for value in ["", "S", "10", "10s", "123456789m", "-1m", "1.5S", "1 S", "m1"] {
            assert_eq!(granted(value), Err(Error), "{value}");
        }
    }
}
