//! REST with JSON: the same methods for whoever has no gRPC.
//!
//! ```text
//! path ─┬─ /api/<service>/<method> ─▶ versions ─┐
//!       └─ google.api.http ─────────▶ tree ─────┴▶ body, path, query ▸ begin ▸ call ─┬▶ JSON
//!                                                                                    ├▶ lines or events
//!                                                                                    └▶ google.rpc.Status
//! ```
//!
//! **What.** `POST /api/<service>/<method>` always works, for every service whose types were learnt; what a contract's
//! `google.api.http` says works beside it. One message is a JSON object; many are lines of it ([`upload`], [`stream`]),
//! or events for a browser's `EventSource`.
//!
//! **Why.** curl, a spreadsheet or a school's own script can call whatever a browser's client can, by the same rules.
//!
//! **When not.** Paths as gRPC has them are Connect's, which clients generate code for.
//! **Source.** `google/api/http.proto`, the Protocol Buffers guide (ProtoJSON), AIP-127.

pub(crate) mod failure;
mod fields;
mod rule;
mod stream;
mod table;
mod template;
mod tree;
mod unary;
mod upload;

use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, ALLOW, CACHE_CONTROL, CONTENT_TYPE, EXPECT};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body::Body;
use lyceum::client::ResponseBody;
use lyceum::error::Error as Refusal;
use tokio::time::Instant;

use crate::edge::Edge;
use crate::invoke::{Answer, Ask, Refused};
use crate::peer::Peer;
use crate::record::Front;
use crate::request::Inbound;
use crate::response::Reply;

pub(crate) use fields::is_single;
#[cfg(feature = "fuzzing")]
pub(crate) use fields::query;
pub(crate) use rule::{Body as BodyOf, Rule};
pub(crate) use table::{Place, Table, Target, follow};
#[cfg(feature = "fuzzing")]
pub(crate) use template::Template;

const UNARY: Front = Front::by_code("json");
const STREAM: Front = Front::always_200("json");
const WRONG_VERB: Front = Front::always("json", 405);
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const NOT_KEPT: HeaderValue = HeaderValue::from_static("no-store");
/// How long the caller waits, where `grpc-timeout` is not known.
const TIMEOUT: HeaderName = HeaderName::from_static("x-request-timeout");

impl Edge {
    /// Answers a request for a place that is a method's.
    pub(crate) async fn rest<B>(&self, request: Request<B>, peer: &Peer, place: Place) -> Response<Reply<ResponseBody>>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
    {
        let began = Instant::now();
        let (parts, body) = request.into_parts();
        let limits = match &place {
            Place::Method(target) => self.limits(&target.method.path),
            Place::Others(_) | Place::Refused(_) => self.limits(""),
        };
        let body = Inbound::plain(body, limits, parts.headers.contains_key(EXPECT));
        let form = failure::Form::of(&parts.headers);
        let target = match place {
            Place::Method(target) => target,
            Place::Others(allow) => {
                let refusal = Refusal::new(
                    tonic::Code::Unimplemented,
                    "VERB_UNKNOWN",
                    "this path takes other HTTP methods",
                );
                let refused = self.nowhere(refusal, WRONG_VERB, &parts.headers, began);
                let mut response = failure::response(&refused.status, refused.headers, form);
                *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
                response.headers_mut().insert(ALLOW, allow);
                return response;
            }
            Place::Refused(refusal) => {
                let refused = self.nowhere(refusal, UNARY, &parts.headers, began);
                return failure::response(&refused.status, refused.headers, form);
            }
        };
        let timeout = match timeout(&parts.headers) {
            Ok(timeout) => timeout,
            Err(refusal) => {
                let refused = self.nowhere(refusal, UNARY, &parts.headers, began);
                return failure::response(&refused.status, refused.headers, form);
            }
        };
        let ask = Ask {
            front: if target.method.server_streaming { STREAM } else { UNARY },
            method: &parts.method,
            uri: &target.method.uri,
            headers: &parts.headers,
            peer,
            timeout,
            began,
            together: None,
        };
        let answered = if target.method.client_streaming {
            self.uploaded(ask, &target, body).await
        } else {
            self.told(ask, &target, &parts.uri, body).await
        };
        let mut response = match answered {
            Ok(answer) => self.answered(answer, &target, &parts.headers, form).await,
            Err(Failed { refused, unsupported }) => {
                let mut response = failure::response(&refused.status, plain(refused.headers), form);
                if unsupported {
                    *response.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
                }
                response
            }
        };
        let headers = response.headers_mut();
        headers.entry(CACHE_CONTROL).or_insert(NOT_KEPT);
        self.rest
            .load()
            .names
            .warn(&target.method, headers, &self.live.load().versions);
        response
    }

    /// A service's answer as its caller reads it.
    async fn answered(
        &self,
        answer: Answer,
        target: &Target,
        asked: &HeaderMap,
        form: failure::Form,
    ) -> Response<Reply<ResponseBody>> {
        let Answer { headers, mut messages } = answer;
        let mut headers = plain(headers);
        if target.method.server_streaming {
            let form = stream::Form::of(asked);
            headers.insert(CONTENT_TYPE, form.content_type());
            let pieces = stream::write(messages, target.method.output.clone(), form);
            let mut response = Response::new(Reply::pieces(pieces));
            *response.headers_mut() = headers;
            return response;
        }
        let answered = match messages.only().await {
            Ok(message) => unary::answer(target, &message).map_err(tonic::Status::from),
            Err(status) => Err(status),
        };
        for (name, value) in messages.trailers() {
            headers.append(name.clone(), value.clone());
        }
        match answered {
            Ok(json) => {
                headers.insert(CONTENT_TYPE, JSON);
                let mut response = Response::new(Reply::Whole(json));
                *response.headers_mut() = headers;
                response
            }
            Err(status) => failure::response(&status, plain(headers), form),
        }
    }
}

/// Why there is no answer.
struct Failed {
    refused: Refused,
    /// Whether it is the body's type.
    unsupported: bool,
}

impl From<Refused> for Failed {
    fn from(refused: Refused) -> Self {
        Self {
            refused,
            unsupported: false,
        }
    }
}

/// The headers of an answer without those that only gRPC's clients read.
fn plain(mut headers: HeaderMap) -> HeaderMap {
    for name in ["grpc-status", "grpc-message", "grpc-status-details-bin"] {
        headers.remove(name);
    }
    headers
}

/// Whether a content type is named in `accept`, with any weight but none.
pub(crate) fn accepts(headers: &HeaderMap, kind: &str) -> bool {
    headers.get_all(ACCEPT).iter().any(|accept| {
        accept.as_bytes().split(|byte| *byte == b',').any(|range| {
            let mut parts = range.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
            let named = parts
                .next()
                .is_some_and(|name| name.eq_ignore_ascii_case(kind.as_bytes()));
            named && !parts.any(|part| matches!(part, b"q=0" | b"q=0.0" | b"q=0.00" | b"q=0.000"))
        })
    })
}

/// `x-request-timeout: 1.5` in seconds, or as in `500ms`.
pub(crate) fn timeout(headers: &HeaderMap) -> Result<Option<Duration>, Refusal> {
    let Some(value) = headers.get(TIMEOUT) else {
        return Ok(None);
    };
    let invalid = || Refusal::invalid_argument("TIMEOUT_INVALID", "x-request-timeout must be seconds, or as in 500ms");
    let text = value.to_str().map_err(|_| invalid())?.trim();
    if text.len() > 32 {
        return Err(invalid());
    }
    let seconds = text
        .parse()
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
    seconds
        .or_else(|| humantime::parse_duration(text).ok())
        .map(Some)
        .ok_or_else(invalid)
}

/// Where bindings of a method (`google.api.HttpRule`) lead a path, up to where the call would be made.
#[cfg(feature = "fuzzing")]
pub(crate) fn lead(
    method: &std::sync::Arc<crate::schema::MethodInfo>,
    bindings: &[prost_reflect::DynamicMessage],
    path: &str,
) {
    let mut tree = tree::Tree::default();
    let mut verbs = Vec::new();
    for binding in bindings {
        if let Ok(rule) = Rule::read(method, binding) {
            verbs.push(rule.http.clone());
            let _ = tree.add(rule);
        }
    }
    for verb in verbs {
        if let tree::Met::Rule(rule, values) = tree.find(&verb, path) {
            assert_eq!(rule.variables.len(), values.len());
            let mut message = prost_reflect::DynamicMessage::new(method.input.clone());
            for (path, value) in rule.variables.iter().zip(&values) {
                let _ = fields::set(&mut message, path, value);
            }
        }
    }
}

#[cfg(test)]
mod tests;
