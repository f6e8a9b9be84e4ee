//! Which other sites may call, and what their scripts may see.
//!
//! **What.** [`Cors::admit`] decides about an `Origin`; [`Cors::preflight`] answers a browser that asks first;
//! [`Admission::expose`] marks a response, a failed one too, as readable and names exactly the headers that it carries.
//!
//! **Why.** Without these headers a script sees "network error" instead of a status. A fixed list of exposed headers
//! hides whatever metadata a service adds, so the list is made for each response. A preflight that does not name
//! `x-grpc-web` is legal: only the `content-type` makes a request one of ours.
//!
//! **When not.** The gateway's own page is of the same origin and needs none of this. And CORS guards readers, not the
//! service: a program that is no browser sends any origin it likes.
//!
//! **Source.** The Fetch standard, "CORS protocol".

use std::fmt::Write as _;
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS,
    ACCESS_CONTROL_REQUEST_METHOD, HOST, ORIGIN, VARY,
};
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode};

const METHODS: HeaderValue = HeaderValue::from_static("GET, POST, PUT, PATCH, DELETE");
const ANY: HeaderValue = HeaderValue::from_static("*");
const VARY_ORIGIN: HeaderValue = HeaderValue::from_static("origin");
const VARY_PREFLIGHT: HeaderValue =
    HeaderValue::from_static("origin, access-control-request-method, access-control-request-headers");

/// Always exposed: a status may come in the headers or, to a client's surprise, not.
const STATUS: &str = "grpc-status,grpc-message,grpc-status-details-bin";

/// The rules of one gateway.
#[derive(Clone, Debug)]
pub(crate) struct Cors {
    origins: Vec<String>,
    any: bool,
    max_age: HeaderValue,
}

/// What a request's origin may see.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Admission {
    /// No other site asks: the page itself, or no browser.
    Same,
    /// This origin may read the answer.
    Granted(HeaderValue),
    /// This origin may not.
    Refused,
}

// === impl Cors ===

impl Cors {
    /// `*` among the origins admits all.
    pub(crate) fn new(origins: &[String], max_age: Duration) -> Self {
        Self {
            any: origins.iter().any(|origin| origin == "*"),
            origins: origins
                .iter()
                .map(|origin| origin.trim_end_matches('/').to_ascii_lowercase())
                .collect(),
            max_age: HeaderValue::from(max_age.as_secs()),
        }
    }

    /// What the request's origin may see.
    pub(crate) fn admit<B>(&self, request: &Request<B>) -> Admission {
        let Some(origin) = request.headers().get(ORIGIN) else {
            return Admission::Same;
        };
        if self.any {
            return Admission::Granted(ANY);
        }
        let Ok(name) = origin.to_str() else {
            return Admission::Refused;
        };
        if self.origins.iter().any(|known| name.eq_ignore_ascii_case(known)) {
            return Admission::Granted(origin.clone());
        }
        if is_own(name, request) {
            Admission::Same
        } else {
            Admission::Refused
        }
    }

    /// The answer to a preflight; none when the request is none.
    pub(crate) fn preflight<B>(&self, request: &Request<B>, admission: &Admission) -> Option<http::Response<Bytes>> {
        let headers = request.headers();
        if request.method() != Method::OPTIONS || !headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD) {
            return None;
        }
        let mut response = http::Response::new(Bytes::new());
        let answer = response.headers_mut();
        answer.insert(VARY, VARY_PREFLIGHT);
        match admission {
            Admission::Refused => {
                *response.status_mut() = StatusCode::FORBIDDEN;
                *response.body_mut() = Bytes::from_static(b"this origin is not among edge.origins\n");
                return Some(response);
            }
            Admission::Granted(origin) => {
                answer.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
            }
            Admission::Same => {}
        }
        answer.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
        answer.insert(ACCESS_CONTROL_MAX_AGE, self.max_age.clone());
        // Metadata has any name, and what must not pass is stripped from the call itself.
        if let Some(names) = headers.get(ACCESS_CONTROL_REQUEST_HEADERS) {
            answer.insert(ACCESS_CONTROL_ALLOW_HEADERS, names.clone());
        }
        *response.status_mut() = StatusCode::NO_CONTENT;
        Some(response)
    }
}

/// Whether the origin is the address that the request was sent to.
fn is_own<B>(origin: &str, request: &Request<B>) -> bool {
    let host = request
        .uri()
        .authority()
        .map(http::uri::Authority::as_str)
        .or_else(|| request.headers().get(HOST).and_then(|host| host.to_str().ok()));
    let site = origin
        .strip_prefix("https://")
        .or_else(|| origin.strip_prefix("http://"));
    match (site, host) {
        (Some(site), Some(host)) => site.eq_ignore_ascii_case(host),
        _ => false,
    }
}

// === impl Admission ===

impl Admission {
    /// Lets the origin read the response: call it last, when every header is there.
    pub(crate) fn expose(&self, headers: &mut HeaderMap) {
        let Self::Granted(origin) = self else {
            if *self == Self::Refused {
                headers.append(VARY, VARY_ORIGIN);
            }
            return;
        };
        let mut names = String::with_capacity(96);
        names.push_str(STATUS);
        for name in headers.keys() {
            if !is_plain(name.as_str()) {
                // A string takes whatever is written into it.
                let _ = write!(names, ",{name}");
            }
        }
        if let Ok(names) = HeaderValue::try_from(names) {
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, names);
        }
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.append(VARY, VARY_ORIGIN);
    }
}

/// Headers that a script sees anyway, that are no metadata, or that [`STATUS`] names.
fn is_plain(name: &str) -> bool {
    matches!(
        name,
        "cache-control" | "content-length" | "content-type" | "date" | "vary" | "transfer-encoding" | "connection"
    ) || matches!(name, "grpc-status" | "grpc-message" | "grpc-status-details-bin")
}

#[cfg(test)]
mod tests;
