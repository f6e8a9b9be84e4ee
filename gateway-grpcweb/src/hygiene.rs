//! What every request must keep before anything is made of it, and what every document says to the browser.
//!
//! **What.** [`check`] refuses requests of which two readers could understand two things, or that are meant for somebody
//! else. [`Protection`] puts security headers on answers that a browser could render.
//!
//! **Why.** A proxy in front that ends a request elsewhere than we do lets one visitor write into another's request
//! (smuggling). hyper refuses nearly all of it. Of a request with both a `content-length` and a `transfer-encoding` it
//! forgets the length, so that nobody sees that there were two: a connection that brought a chunked request brings no
//! other. **Source.** RFC 9112, 6.1 and 6.3; RFC 6797 (HSTS); OWASP's secure headers.

use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
    TRANSFER_ENCODING, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode, Version};

use crate::host::{self, Hosts};

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const CLOSE: HeaderValue = HeaderValue::from_static("close");

/// What is no page runs nothing and is shown in no frame.
const NOTHING: HeaderValue = HeaderValue::from_static("default-src 'none'; base-uri 'none'; frame-ancestors 'none'");
/// Two years, as browsers' lists ask; names below are somebody else's to decide.
const HSTS: HeaderValue = HeaderValue::from_static("max-age=63072000");

const GUARDS: [(HeaderName, HeaderValue); 7] = [
    (CONTENT_SECURITY_POLICY, NOTHING),
    (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        HeaderValue::from_static("same-origin"),
    ),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), geolocation=(), microphone=()"),
    ),
    (
        HeaderName::from_static("x-permitted-cross-domain-policies"),
        HeaderValue::from_static("none"),
    ),
];

/// Whether a request may be looked at; the answer if it may not.
pub(crate) fn check<B>(request: &Request<B>, hosts: &Hosts) -> Option<Response<Bytes>> {
    match hosts.admit(request) {
        Ok(()) => None,
        Err(error @ host::Error::Unclear) => Some(refused(StatusCode::BAD_REQUEST, &error.to_string())),
        Err(error @ host::Error::Strange) => Some(refused(StatusCode::MISDIRECTED_REQUEST, &error.to_string())),
    }
}

/// Whether a connection brings nothing more after this request.
pub(crate) fn is_last<B>(request: &Request<B>) -> bool {
    request.version() <= Version::HTTP_11 && request.headers().contains_key(TRANSFER_ENCODING)
}

/// Says so.
pub(crate) fn close(headers: &mut HeaderMap) {
    headers.insert(CONNECTION, CLOSE);
}

/// Makes a document safe to be shown; what it says itself stays.
pub(crate) fn protect(headers: &mut HeaderMap, secure: bool) {
    for (name, value) in GUARDS {
        headers.entry(name).or_insert(value);
    }
    if secure {
        headers.entry(STRICT_TRANSPORT_SECURITY).or_insert(HSTS);
    }
}

fn refused(status: StatusCode, text: &str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from(format!("{text}\n")));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, TEXT);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
