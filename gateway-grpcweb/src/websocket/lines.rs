//! Headers as text: `name: value` lines, which is how a script sends what it cannot send as HTTP headers.
//!
//! A script may say anything there but what only a browser says: who it is (`cookie`), where it runs (`origin`, `sec-*`),
//! through whom it came (`forwarded`). When not: headers on their way out are written as grpc-web writes trailers.

use http::{HeaderMap, HeaderName, HeaderValue};

/// The largest block of headers in bytes, as for HTTP.
pub(super) const LARGEST: usize = 32 * 1024;
/// The most headers.
const MOST: usize = 100;

/// A block that is no headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the headers are no lines of \"name: value\", or too many")]
pub(crate) struct Error;

/// The headers in a block of lines.
pub(crate) fn parse(block: &[u8]) -> Result<HeaderMap, Error> {
    if block.len() > LARGEST {
        return Err(Error);
    }
    let mut headers = HeaderMap::new();
    for line in block.split(|byte| *byte == b'\n') {
        let line = line.trim_ascii();
        if line.is_empty() {
            continue;
        }
        let at = line.iter().position(|byte| *byte == b':').ok_or(Error)?;
        let name = HeaderName::from_bytes(line[..at].trim_ascii()).map_err(|_| Error)?;
        let value = HeaderValue::from_bytes(line[at + 1..].trim_ascii()).map_err(|_| Error)?;
        if headers.len() >= MOST {
            return Err(Error);
        }
        if !is_browsers(name.as_str()) {
            headers.append(name, value);
        }
    }
    Ok(headers)
}

/// The headers in an object of strings; what is no string is none.
pub(super) fn of_json(said: &serde_json::Value) -> Result<HeaderMap, Error> {
    let mut headers = HeaderMap::new();
    let mut size = 0;
    for (name, value) in said.as_object().into_iter().flatten() {
        let Some(value) = value.as_str() else { continue };
        size += name.len() + value.len();
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|_| Error)?;
        let value = HeaderValue::from_str(value).map_err(|_| Error)?;
        if headers.len() >= MOST || size > LARGEST {
            return Err(Error);
        }
        if !is_browsers(name.as_str()) {
            headers.append(name, value);
        }
    }
    Ok(headers)
}

/// What a call says, above what its socket said: a name's values here replace those there.
pub(super) fn over(socket: &HeaderMap, said: HeaderMap) -> HeaderMap {
    let mut headers = socket.clone();
    for name in said.keys() {
        headers.remove(name);
    }
    headers.extend(said);
    headers
}

fn is_browsers(name: &str) -> bool {
    matches!(
        name,
        "cookie"
            | "origin"
            | "host"
            | "referer"
            | "connection"
            | "upgrade"
            | "content-length"
            | "content-encoding"
            | "transfer-encoding"
            | "te"
            | "forwarded"
    ) || ["sec-", "proxy-", "x-forwarded-"]
        .iter()
        .any(|prefix| name.starts_with(prefix))
}
