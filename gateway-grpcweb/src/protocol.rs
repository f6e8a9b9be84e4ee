//! What a request wants to speak, by its content type.
//!
//! Binary and text are two forms of grpc-web; native gRPC is a third, whose trailers are HTTP/2's own. What is none of
//! them gets an answer in its own tongue all the same. When not: JSON, WebSocket and MCP are protocols of their own
//! beside this one. Source: `PROTOCOL-WEB.md` and `PROTOCOL-HTTP2.md` in grpc/grpc.

use http::{HeaderMap, HeaderValue, header};

/// How frames travel between the browser and the gateway.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// As they are.
    Binary,
    /// In base64.
    Text,
    /// As they are, in HTTP/2, with its trailers.
    Native,
}

/// What a request speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// grpc-web with Protobuf messages.
    Web {
        /// The request's form.
        request: Form,
        /// The response's form.
        response: Form,
    },
    /// gRPC itself, with messages of any format.
    Native,
    /// Any other gRPC. Answered in its own form, never served.
    Other(Form),
}

const BINARY: HeaderValue = HeaderValue::from_static("application/grpc-web+proto");
const TEXT: HeaderValue = HeaderValue::from_static("application/grpc-web-text+proto");
const NATIVE: HeaderValue = HeaderValue::from_static("application/grpc");

const GRPC: &str = "application/grpc";

// === impl Protocol ===

impl Protocol {
    /// None when the request is no gRPC at all.
    pub(crate) fn of(headers: &HeaderMap) -> Option<Self> {
        let content_type = headers.get(header::CONTENT_TYPE)?.as_bytes();
        let kind = essence(content_type);
        if !starts_with(kind, GRPC) {
            return None;
        }
        let request = match &kind[GRPC.len()..] {
            form if is(form, "-web") || is(form, "-web+proto") => Form::Binary,
            form if is(form, "-web-text") || is(form, "-web-text+proto") => Form::Text,
            form if starts_with(form, "-web-text") => return Some(Self::Other(Form::Text)),
            form if form.is_empty() || form[0] == b'+' => return Some(Self::Native),
            form if form[0] == b'-' => return Some(Self::Other(Form::Binary)),
            _ => return None,
        };
        let response = headers
            .get(header::ACCEPT)
            .and_then(|accept| accepted(accept.as_bytes()))
            .unwrap_or(request);
        Some(Self::Web { request, response })
    }

    /// The content type of the answer.
    pub(crate) fn content_type(self) -> HeaderValue {
        match self {
            Self::Web {
                response: Form::Binary, ..
            } => BINARY,
            Self::Web {
                response: Form::Text, ..
            }
            | Self::Other(Form::Text) => TEXT,
            Self::Web {
                response: Form::Native, ..
            }
            | Self::Native
            | Self::Other(_) => NATIVE,
        }
    }
}

/// The form that an `accept` header names first, if it names one.
fn accepted(accept: &[u8]) -> Option<Form> {
    accept.split(|byte| *byte == b',').find_map(|range| {
        let kind = essence(range);
        if starts_with(kind, "application/grpc-web-text") {
            Some(Form::Text)
        } else if starts_with(kind, "application/grpc-web") {
            Some(Form::Binary)
        } else {
            None
        }
    })
}

/// A media type without its parameters.
fn essence(media_type: &[u8]) -> &[u8] {
    media_type
        .split(|byte| *byte == b';')
        .next()
        .unwrap_or_default()
        .trim_ascii()
}

fn starts_with(bytes: &[u8], prefix: &str) -> bool {
    bytes.len() >= prefix.len() && is(&bytes[..prefix.len()], prefix)
}

fn is(bytes: &[u8], name: &str) -> bool {
    bytes.eq_ignore_ascii_case(name.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn protocol(content_type: &'static str, accept: Option<&'static str>) -> Option<Protocol> {
        let mut headers = HeaderMap::new();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
        if let Some(accept) = accept {
            headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
        }
        Protocol::of(&headers)
    }

    #[test]
    fn tells_the_forms_apart() {
        let binary = Some(Protocol::Web {
            request: Form::Binary,
            response: Form::Binary,
        });
        let text = Some(Protocol::Web {
            request: Form::Text,
            response: Form::Text,
        });
        assert_eq!(protocol("application/grpc-web", None), binary);
        assert_eq!(
            protocol("Application/gRPC-Web+Proto; charset=utf-8", Some("*/*")),
            binary
        );
        assert_eq!(protocol("application/grpc-web-text", Some("text/html")), text);
        assert_eq!(
            protocol("application/grpc-web-text+proto", Some("application/grpc-web-text")),
            text
        );
        assert_eq!(
            protocol(
                "application/grpc-web-text",
                Some("text/html, application/grpc-web+proto;q=0.9")
            ),
            Some(Protocol::Web {
                request: Form::Text,
                response: Form::Binary
            })
        );
    }

    #[test]
    fn answers_others_in_their_own_form() {
        assert_eq!(protocol("application/grpc", None), Some(Protocol::Native));
        assert_eq!(protocol("application/grpc+json", None), Some(Protocol::Native));
        assert_eq!(
            protocol("application/grpc-web+json", None),
            Some(Protocol::Other(Form::Binary))
        );
        assert_eq!(
            protocol("application/grpc-web-text+thrift", None),
            Some(Protocol::Other(Form::Text))
        );
        assert_eq!(protocol("application/grpcish", None), None);
        assert_eq!(protocol("application/json", None), None);
        assert_eq!(Protocol::of(&HeaderMap::new()), None);
    }
}
