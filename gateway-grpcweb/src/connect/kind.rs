//! What a Connect request speaks: which codec, one message or a stream, in a body or in a query.
//!
//! **Why.** Connect shares its paths with gRPC (`/package.Service/Method`), so only the content type, or the query of a
//! GET, tells them apart. **When not.** A body of JSON to any other path is the JSON front's.
//! **Source.** "Connect Protocol Reference", connectrpc.com/docs/protocol.

use http::header::CONTENT_TYPE;
use http::{HeaderValue, Method, request};

/// How messages are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Codec {
    /// Protobuf's binary form, which the gateway does not read.
    Proto,
    /// Protobuf's JSON form.
    Json,
}

/// What a request speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// One message there and one back, as plain bodies.
    Unary(Codec),
    /// One message in the query, one back.
    Get,
    /// Messages in envelopes, both ways.
    Stream(Codec),
    /// A stream in a codec that the gateway does not know.
    Unknown,
}

/// The content types that calls may have, for a caller who named another.
pub(crate) const ACCEPTED: HeaderValue = HeaderValue::from_static(
    "application/proto, application/json, application/connect+proto, application/connect+json",
);

// === impl Kind ===

impl Kind {
    /// None when the request is none of Connect's. `application/json` is, wherever else its path may lead.
    pub(crate) fn of(parts: &request::Parts) -> Option<Self> {
        if matches!(parts.method, Method::GET | Method::HEAD) {
            return parts.uri.query().filter(|query| is_call(query)).map(|_| Self::Get);
        }
        let kind = parts.headers.get(CONTENT_TYPE)?.as_bytes();
        let kind = kind.split(|byte| *byte == b';').next()?.trim_ascii();
        if is(kind, "application/json") {
            Some(Self::Unary(Codec::Json))
        } else if is(kind, "application/proto") {
            Some(Self::Unary(Codec::Proto))
        } else if is(kind, "application/connect+proto") {
            Some(Self::Stream(Codec::Proto))
        } else if is(kind, "application/connect+json") {
            Some(Self::Stream(Codec::Json))
        } else if kind.len() > CONNECT.len() && is(&kind[..CONNECT.len()], CONNECT) {
            Some(Self::Unknown)
        } else {
            None
        }
    }

    /// Whether nothing but a call of Connect's looks like this, whatever its path is.
    pub(crate) fn is_plain(self) -> bool {
        self != Self::Unary(Codec::Json)
    }
}

const CONNECT: &str = "application/connect+";

/// A GET is a call when its query has a message and says how it is written.
fn is_call(query: &str) -> bool {
    let has = |name: &str| query.split('&').any(|pair| pair.split('=').next() == Some(name));
    has("message") && has("encoding")
}

fn is(bytes: &[u8], name: &str) -> bool {
    bytes.eq_ignore_ascii_case(name.as_bytes())
}

// === impl Codec ===

impl Codec {
    /// The content type of one message.
    pub(crate) fn unary(self) -> HeaderValue {
        match self {
            Self::Proto => HeaderValue::from_static("application/proto"),
            Self::Json => HeaderValue::from_static("application/json"),
        }
    }

    /// The content type of messages in envelopes.
    pub(crate) fn stream(self) -> HeaderValue {
        match self {
            Self::Proto => HeaderValue::from_static("application/connect+proto"),
            Self::Json => HeaderValue::from_static("application/connect+json"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(method: &str, uri: &str, content_type: Option<&str>) -> Option<Kind> {
        let mut request = http::Request::builder().method(method).uri(uri);
        if let Some(content_type) = content_type {
            request = request.header(CONTENT_TYPE, content_type);
        }
        Kind::of(&request.body(()).unwrap().into_parts().0)
    }

    #[test]
    fn content_types_tell_the_kinds_apart() {
        for (content_type, expected) in [
            ("application/proto", Some(Kind::Unary(Codec::Proto))),
            ("Application/JSON; charset=utf-8", Some(Kind::Unary(Codec::Json))),
            ("application/connect+proto", Some(Kind::Stream(Codec::Proto))),
            ("application/connect+json", Some(Kind::Stream(Codec::Json))),
            ("application/connect+xml", Some(Kind::Unknown)),
            ("application/connect+", None),
            ("application/grpc-web+proto", None),
            ("text/plain", None),
        ] {
            assert_eq!(kind("POST", "/p.S/M", Some(content_type)), expected, "{content_type}");
        }
        assert_eq!(kind("POST", "/p.S/M", None), None);
    }

    #[test]
    fn a_get_is_a_call_by_its_query() {
        assert_eq!(
            kind("GET", "/p.S/M?connect=v1&encoding=json&message=%7B%7D", None),
            Some(Kind::Get)
        );
        assert_eq!(kind("GET", "/p.S/M?message=1", None), None);
        assert_eq!(kind("GET", "/p.S/M?xmessage=&xencoding=", None), None);
        assert_eq!(kind("GET", "/", Some("application/proto")), None);
    }
}
