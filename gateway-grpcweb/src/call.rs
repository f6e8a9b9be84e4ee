//! One call, from a browser's request to a service's answer.
//!
//! ```text
//! content type ▸ route ▸ deadline ▸ headers ▸ body ▸ channel ▸ headers ▸ body
//!        └──────────┴────────┴─────────┴───────┴───────┴──▶ refusal: a status, never a dropped connection
//! ```
//!
//! Each step either goes on or refuses; whatever happens, the call is recorded once and its body is never left unread.

use std::pin::Pin;

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, EXPECT};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, request};
use http_body_util::Full;
use hyper::body::Incoming;
use lyceum::client::{Answered, ResponseBody};
use lyceum::context::headers::{CORRELATION, PRINCIPAL, TIMEOUT, TRACEPARENT};
use lyceum::context::{Trace, format_timeout};
use lyceum::contracts;
use lyceum::error::Error as Refusal;
use lyceum::telemetry::adopt;
use tokio::time::{Instant, Sleep, sleep_until};
use tonic::{Code, Status};
use tower::Service as _;

use crate::edge::Edge;
use crate::protocol::{Form, Protocol};
use crate::record::Record;
use crate::request::{Fault, Inbound};
use crate::response::{Outbound, Reply};
use crate::route::{Found, Route};
use crate::{deadline, headers, refusal};

/// A body of up to this many bytes is waited for before its call begins.
const SMALL: usize = 64 * 1024;

/// The instance that answered.
const INSTANCE: HeaderName = HeaderName::from_static("lyceum-instance");

/// Nobody has said who is asking.
const ANONYMOUS: HeaderValue = HeaderValue::from_static("anonymous");

type Timer = Option<Pin<Box<Sleep>>>;

/// What a refused call still has to say.
struct Refused {
    status: Status,
    record: Record,
    correlation: Option<HeaderValue>,
}

impl Edge {
    /// Answers one call.
    pub(crate) async fn call(&self, request: Request<Incoming>, protocol: Protocol) -> Response<Reply<ResponseBody>> {
        let began = Instant::now();
        let (parts, body) = request.into_parts();
        let (form, answer) = match protocol {
            Protocol::Web { request, response } => (request, response),
            Protocol::Other(form) => (form, form),
        };
        let waits = parts.headers.contains_key(EXPECT);
        let body = Inbound::new(body, form, self.limits, waits);
        match self.attempt(&parts, body, protocol, answer, began).await {
            Ok(response) => response,
            Err(Refused {
                status,
                mut record,
                correlation,
            }) => {
                record.end(status.code());
                let mut response = refusal::response(&status, protocol);
                if let Some(correlation) = correlation {
                    response.headers_mut().insert(CORRELATION, correlation);
                }
                response
            }
        }
    }

    async fn attempt(
        &self,
        parts: &request::Parts,
        mut body: Inbound<Incoming>,
        protocol: Protocol,
        answer: Form,
        began: Instant,
    ) -> Result<Response<Reply<ResponseBody>>, Refused> {
        let (route, method) = match self.found(parts, protocol) {
            Ok(found) => found,
            Err(refusal) => return Err(self.refused(refusal, began)),
        };
        let mut record = Record::begin(route.method(method), began);

        let mut upstream = headers::upstream(&parts.headers);
        let correlation = trace(&mut upstream, record.span());
        record.correlate(correlation.clone());
        let refused = |status: Status, record| Refused {
            status,
            record,
            correlation: correlation.clone(),
        };
        let granted = match self.granted(&parts.headers, parts.uri.path()) {
            Ok(granted) => granted,
            Err(refusal) => return Err(refused(refusal.into(), record)),
        };
        let mut timer: Timer = granted.map(|time| Box::pin(sleep_until(began + time)));

        let (body, fault) = match self
            .sent(&parts.headers, body_size(&parts.headers), &mut body, &mut timer)
            .await
        {
            Ok(Some(whole)) => (tonic::body::Body::new(Full::new(whole)), None),
            Ok(None) => {
                let (stream, fault) = body.streamed();
                (tonic::body::Body::new(stream), Some(fault))
            }
            Err(refusal) => return Err(refused(refusal.into(), record)),
        };
        if let Some(time) = granted {
            upstream.insert(
                TIMEOUT,
                format_timeout((began + time).saturating_duration_since(Instant::now())),
            );
        }

        let request = request_of(&parts.uri, upstream, body);
        let response = match within(&mut timer, route.channel().call(request)).await {
            Ok(Ok(response)) => response,
            Ok(Err(status)) => return Err(refused(why(fault.as_ref()).unwrap_or(status), record)),
            Err(refusal) => return Err(refused(refusal.into(), record)),
        };
        let (mut parts, body) = response.into_parts();
        if parts.status != StatusCode::OK {
            return Err(refused(foreign(parts.status), record));
        }
        let instance = parts.extensions.remove::<Answered>();
        let ended = headers::code(&parts.headers);
        if ended.is_none_or(|code| code == Code::Ok) {
            record.is_for(route.learn(method));
        }
        let mut headers = headers::downstream(parts.headers);
        headers.insert(CONTENT_TYPE, protocol.content_type());
        headers.extend(correlation.map(|id| (CORRELATION, id)));
        if let Some(Answered { instance }) = instance {
            if let Ok(id) = HeaderValue::from_str(&instance) {
                headers.insert(INSTANCE, id);
            }
            record.answered_by(instance);
        }
        let reply = if let Some(code) = ended {
            record.end(code);
            Reply::Whole(Bytes::new())
        } else {
            Reply::Call(Box::new(Outbound::new(
                body,
                answer,
                timer,
                fault,
                self.stopping.clone(),
                record,
            )))
        };
        let mut response = Response::new(reply);
        *response.headers_mut() = headers;
        Ok(response)
    }

    /// The route of a request that is one of ours.
    fn found<'a>(
        &self,
        parts: &'a request::Parts,
        protocol: Protocol,
    ) -> Result<(std::sync::Arc<Route>, &'a str), Refusal> {
        if matches!(protocol, Protocol::Other(_)) {
            return Err(refusal::unknown_format());
        }
        if parts.method != Method::POST {
            return Err(refusal::not_post());
        }
        match self.routes.find(parts.uri.path()) {
            Found::Method(route, method) => Ok((route, method)),
            Found::Nothing => Err(refusal::unknown_method()),
            Found::NotYet => Err(refusal::not_ready()),
        }
    }

    /// How long the call may take. What no contract here knows may be a stream, so it gets the longest time instead of
    /// the fabric client's default; a stream that is known as one may last for ever.
    fn granted(&self, headers: &HeaderMap, path: &str) -> Result<Option<std::time::Duration>, Refusal> {
        let granted = deadline::of(headers, self.deadline_limit).map_err(refusal::broken_timeout)?;
        Ok(granted.or_else(|| contracts::method_index(path).is_none().then_some(self.deadline_limit)))
    }

    /// The whole body if it is small; none if it must stream.
    async fn sent(
        &self,
        headers: &HeaderMap,
        size: Option<usize>,
        body: &mut Inbound<Incoming>,
        timer: &mut Timer,
    ) -> Result<Option<Bytes>, Refusal> {
        if headers
            .get(CONTENT_ENCODING)
            .is_some_and(|encoding| !encoding.as_bytes().eq_ignore_ascii_case(b"identity"))
        {
            return Err(refusal::unknown_encoding());
        }
        body.announce(size)?;
        match size {
            Some(size) if size <= SMALL => Ok(Some(within(timer, body.whole()).await??)),
            _ => Ok(None),
        }
    }

    /// A call that leads nowhere: counted, but not by a name that anybody could make up.
    fn refused(&self, refusal: Refusal, began: Instant) -> Refused {
        let record = Record::begin(std::sync::Arc::clone(&self.nowhere), began);
        Refused {
            status: refusal.into(),
            record,
            correlation: None,
        }
    }
}

/// Waits for `future` until the time is up.
async fn within<F: Future>(timer: &mut Timer, future: F) -> Result<F::Output, Refusal> {
    let Some(timer) = timer else {
        return Ok(future.await);
    };
    tokio::select! {
        biased;
        output = future => Ok(output),
        () = timer => Err(Refusal::deadline_exceeded()),
    }
}

/// Goes on with the trace and the correlation id that the call has, or begins them; answers the correlation id.
fn trace(headers: &mut HeaderMap, span: &tracing::Span) -> Option<HeaderValue> {
    let given = headers
        .get(TRACEPARENT)
        .and_then(|value| Trace::parse(value.as_bytes()));
    let caller = given.unwrap_or_else(|| {
        // The state of a trace that cannot be read is worth nothing.
        headers.remove("tracestate");
        Trace::fresh()
    });
    let trace = adopt(span, &caller);
    headers.insert(TRACEPARENT, trace.to_header());
    headers.insert(PRINCIPAL, ANONYMOUS);
    match headers.get_mut(CORRELATION) {
        // HTTP/2 need not remember a value that never returns.
        Some(given) => {
            given.set_sensitive(true);
            Some(given.clone())
        }
        // The callee makes the same id out of the trace by itself.
        None => HeaderValue::try_from(trace.short()).ok(),
    }
}

fn body_size(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn request_of(uri: &Uri, headers: HeaderMap, body: tonic::body::Body) -> Request<tonic::body::Body> {
    let mut request = Request::new(body);
    *request.method_mut() = Method::POST;
    // A query is none of a method's name.
    *request.uri_mut() = match uri.query() {
        None => uri.clone(),
        Some(_) => uri.path().parse().unwrap_or_default(),
    };
    *request.headers_mut() = headers;
    request
}

/// What was wrong with the request's body, if that is why there is no answer.
fn why(fault: Option<&Fault>) -> Option<Status> {
    let fault = fault?.get()?;
    Some(Refusal::from(*fault).into())
}

/// An answer that is not gRPC's. Source: `http-grpc-status-mapping.md` in grpc/grpc.
fn foreign(status: StatusCode) -> Status {
    let code = match status.as_u16() {
        400 => Code::Internal,
        401 => Code::Unauthenticated,
        403 => Code::PermissionDenied,
        404 => Code::Unimplemented,
        429 | 502 | 503 | 504 => Code::Unavailable,
        _ => Code::Unknown,
    };
    Refusal::new(
        code,
        "ANSWER_NOT_GRPC",
        format!("the instance answered with HTTP {}", status.as_u16()),
    )
    .into()
}
