//! Which headers cross the edge, in both directions.
//!
//! **What.** [`upstream`] turns a browser's headers into a gRPC call's; [`downstream`] a response's into what a browser
//! gets. Metadata of any name passes, `authorization` too.
//!
//! **Why.** What belongs to one connection (`connection`, `te`, …) must not reach the next. What tells who somebody is
//! (cookies, addresses, the browser's make) is no service's business. And `lyceum-*` is what services believe: from
//! outside only the claims about the call itself pass, its consent and its purpose, never who is asking or about whom.
//!
//! **Source.** RFC 9110, 7.6.1 (connection-specific fields); `PROTOCOL-HTTP2.md` in grpc/grpc.

use http::header::{CONNECTION, CONTENT_TYPE, TE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue};
use lyceum::context::headers::{CONSENT, CORRELATION, PURPOSE, correlation};
use tonic::Code;

const GRPC: HeaderValue = HeaderValue::from_static("application/grpc");
const TRAILERS: HeaderValue = HeaderValue::from_static("trailers");
/// No browser's client can decompress a gRPC message.
const IDENTITY: HeaderValue = HeaderValue::from_static("identity");
const ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");
const STATUS: HeaderName = HeaderName::from_static("grpc-status");
/// How busy an instance is (gRPC A51): for the fabric's own balancing.
const LOAD: &str = "endpoint-load-metrics-bin";
const X_USER_AGENT: HeaderName = HeaderName::from_static("x-user-agent");

/// The headers of the call that a browser's headers ask for. Deadline, trace and principal are the context's.
pub(crate) fn upstream(browser: &HeaderMap) -> HeaderMap {
    let mut headers = HeaderMap::with_capacity(16);
    headers.insert(CONTENT_TYPE, GRPC);
    headers.insert(TE, TRAILERS);
    headers.insert(ACCEPT_ENCODING, IDENTITY);
    for (name, value) in browser {
        if passes_up(name) && !is_named_by_connection(browser, name) {
            headers.append(name.clone(), value.clone());
        }
    }
    // The library that calls, not the browser that it runs in.
    if let Some(agent) = browser.get(X_USER_AGENT) {
        headers.insert(USER_AGENT, agent.clone());
    }
    // A correlation id is a convenience: one that cannot be used is replaced, not refused.
    if headers
        .get(CORRELATION)
        .is_some_and(|value| correlation(value).is_none())
    {
        headers.remove(CORRELATION);
    }
    headers
}

/// The headers of a response that are a browser's business; the gateway sets the rest itself.
pub(crate) fn downstream(headers: HeaderMap) -> HeaderMap {
    let mut kept = HeaderMap::with_capacity(8);
    let mut present = None;
    for (name, value) in headers {
        // A name is given once for all its values.
        if let Some(name) = name {
            present = passes_down(&name).then_some(name);
        }
        if let Some(name) = &present {
            kept.append(name.clone(), value);
        }
    }
    kept
}

/// Whether a header or trailer of a response is a browser's business.
pub(crate) fn passes_down(name: &HeaderName) -> bool {
    let name = name.as_str();
    !(matches!(
        name,
        "date" | "server" | "set-cookie" | "grpc-accept-encoding" | "grpc-encoding" | LOAD
    ) || is_of_connection(name)
        || name.starts_with("access-control-"))
}

/// Trailers that are a caller's business, without the status.
pub(crate) fn trailing(mut trailers: HeaderMap) -> HeaderMap {
    for name in ["grpc-status", "grpc-message", "grpc-status-details-bin"] {
        trailers.remove(name);
    }
    downstream(trailers)
}

/// The status in headers or trailers, if there is one.
pub(crate) fn code(headers: &HeaderMap) -> Option<Code> {
    headers.get(STATUS).map(|status| Code::from_bytes(status.as_bytes()))
}

/// Whether a header is metadata, rather than the connection's, the browser's or the gateway's.
fn passes_up(name: &HeaderName) -> bool {
    let name = name.as_str();
    if name.starts_with("lyceum-") {
        return name == CONSENT.as_str() || name == PURPOSE.as_str();
    }
    if let Some(rest) = name.strip_prefix("grpc-") {
        // The rest of grpc- belongs to the protocol, which the gateway speaks itself.
        return matches!(rest, "encoding" | "trace-bin" | "tags-bin");
    }
    !(is_of_connection(name) || is_of_browser(name) || is_of_edge(name))
}

fn is_of_connection(name: &str) -> bool {
    matches!(
        name,
        "connection"
            | "keep-alive"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "proxy-connection"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
            | "http2-settings"
            | "host"
            | "expect"
            | "content-length"
            | "content-type"
            | "content-encoding"
    )
}

fn is_of_browser(name: &str) -> bool {
    matches!(
        name,
        "accept"
            | "accept-charset"
            | "accept-encoding"
            | "accept-language"
            | "cache-control"
            | "cookie"
            | "dnt"
            | "if-match"
            | "if-modified-since"
            | "if-none-match"
            | "origin"
            | "pragma"
            | "priority"
            | "range"
            | "referer"
            | "upgrade-insecure-requests"
            | "user-agent"
            | "x-grpc-web"
            | "x-api-key"
            | "x-csrf-token"
            | "x-requested-with"
            | "x-user-agent"
    ) || name.starts_with("sec-")
        || name.starts_with("access-control-")
}

/// What proxies tell each other about the visitor.
fn is_of_edge(name: &str) -> bool {
    matches!(name, "forwarded" | "via" | "x-real-ip") || name.starts_with("x-forwarded-") || name.starts_with("cf-")
}

/// `connection: x-mine` makes `x-mine` a header of this connection alone.
fn is_named_by_connection(browser: &HeaderMap, name: &HeaderName) -> bool {
    browser.get_all(CONNECTION).iter().any(|value| {
        value
            .as_bytes()
            .split(|byte| *byte == b',')
            .any(|named| named.trim_ascii().eq_ignore_ascii_case(name.as_str().as_bytes()))
    })
}

#[cfg(test)]
mod tests;
