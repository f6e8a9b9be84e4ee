//! The one way of a call, whatever its caller speaks.
//!
//! ```text
//! Ask ─▶ begin: route ▸ guard ▸ deadline ▸ headers ▸ trace ─▶ Call ─▶ send: channel ▸ headers ─▶ Head
//!                                                                                   invoke ─▶ Answer: messages ▸ status
//! ```
//!
//! **What.** [`Edge::begin`] makes a [`Call`] of what was asked, [`Call::send`] makes the call, and a front that forwards
//! bytes passes the [`Head`]'s body on. [`Edge::invoke`] is for fronts that deal in messages: one goes in, an [`Answer`]
//! comes out.
//!
//! **Why.** Rules, deadlines, traces and records are the same for all; a front only translates. Each step either goes on
//! or refuses, and a refused call is recorded as one that was answered.
//!
//! **When not.** No front calls a channel itself.

use bytes::{BufMut as _, BytesMut};
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::Full;
use lyceum::client::{Answered, ResponseBody};
use lyceum::context::headers::{CORRELATION, TIMEOUT, TRACEPARENT};
use lyceum::context::{Trace, format_timeout};
use lyceum::contracts;
use lyceum::error::Error as Refusal;
use lyceum::principal::Principal;
use lyceum::telemetry::adopt;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tonic::{Code, Status};
use tower::Service as _;

use crate::authentication::Shown;
use crate::edge::Edge;
use crate::frames;
use crate::messages::Messages;
use crate::own::Served;
use crate::peer::Peer;
use crate::quota::Together;
use crate::record::{Front, Record};
use crate::request::Fault;
use crate::route::{Found, Route};
use crate::watch::{Timer, Watch};
use crate::{deadline, headers, native, refusal, upstreams};

/// The instance that answered.
const INSTANCE: HeaderName = HeaderName::from_static("lyceum-instance");

/// What somebody wants called.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ask<'a> {
    /// How it came over HTTP: a GET proves less of who sent it than a POST must.
    pub(crate) method: &'a Method,
    /// Its path is `/package.Service/Method`.
    pub(crate) uri: &'a Uri,
    /// What was sent along: credentials, metadata, `grpc-timeout`.
    pub(crate) headers: &'a HeaderMap,
    /// Who is at the other end.
    pub(crate) peer: &'a Peer,
    /// What it speaks.
    pub(crate) front: Front,
    /// How long the caller waits, where it did not say so in `grpc-timeout`.
    pub(crate) timeout: Option<Duration>,
    /// When the request came.
    pub(crate) began: Instant,
    /// How the caller stands, where one answer is for several calls.
    pub(crate) together: Option<&'a Together>,
}

impl<'a> Ask<'a> {
    /// What it shows of who asks; `called` is what the audit calls it.
    pub(crate) fn shown(&self, called: &'a str) -> Shown<'a> {
        Shown {
            method: self.method,
            uri: self.uri,
            headers: self.headers,
            secure: self.peer.secure,
            certificate: self.peer.certificate.as_ref(),
            called,
            correlation: "",
        }
    }
}

/// A call that may be made, and was not yet.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    pub(crate) uri: &'a Uri,
    pub(crate) to: To,
    /// Until when.
    pub(crate) end: Option<Instant>,
    pub(crate) timer: Timer,
    pub(crate) upstream: HeaderMap,
    /// On whose behalf, where they said who they are: what an answer may be kept for.
    pub(crate) principal: Option<Arc<Principal>>,
    /// Whether the answer's own content type and codings are its caller's business.
    pub(crate) native: bool,
    /// What the answer's headers will say, however it ends.
    pub(crate) told: HeaderMap,
    pub(crate) record: Record,
    pub(crate) stopping: CancellationToken,
}

/// Who answers a call.
#[derive(Debug)]
pub(crate) enum To {
    /// A service behind the gateway.
    Service(Arc<Route>),
    /// The gateway itself.
    Gateway(Served),
}

/// A service's answer, up to its headers.
#[derive(Debug)]
pub(crate) struct Head {
    /// Those that are the caller's business, with the correlation id and the instance.
    pub(crate) headers: HeaderMap,
    /// The status, where it stands in the headers and nothing follows.
    pub(crate) ended: Option<Code>,
    /// Frames, then trailers.
    pub(crate) body: ResponseBody,
    pub(crate) watch: Watch,
}

/// A service's answer, message by message.
#[derive(Debug)]
pub(crate) struct Answer {
    /// As [`Head::headers`].
    pub(crate) headers: HeaderMap,
    /// Messages, then trailers or a status.
    pub(crate) messages: Messages,
}

/// A call that came to nothing; it is recorded.
#[derive(Debug)]
pub(crate) struct Refused {
    /// Why.
    pub(crate) status: Status,
    /// What the answer says beside.
    pub(crate) headers: HeaderMap,
}

impl Edge {
    /// Everything that comes before a call's message.
    pub(crate) async fn begin<'a>(&self, ask: Ask<'a>) -> Result<Call<'a>, Refused> {
        let path = ask.uri.path();
        if let Some(method) = self.own.find(path) {
            return self.begin_own(ask, method);
        }
        let (route, method) = match self.routes.find(path) {
            Found::Method(route, method) => (route, method),
            Found::Nothing => {
                let refusal = match self.meant(ask.uri, ask.headers) {
                    Some(Err(refusal)) => refusal,
                    // Which versions there are is known once everybody was asked.
                    _ if self.is_announced(path) && !self.is_settled() => refusal::not_ready(),
                    _ => refusal::unknown_method(),
                };
                return Err(self.nowhere(refusal, ask.front, ask.headers, ask.began));
            }
            Found::NotYet => return Err(self.nowhere(refusal::not_ready(), ask.front, ask.headers, ask.began)),
        };
        let mut record = Record::begin(route.method(method), ask.front, ask.began);
        let mut upstream = headers::upstream(ask.headers);
        let correlation = trace(&mut upstream, record.span());
        record.correlate(correlation.clone());
        let mut told = HeaderMap::new();
        let admitted = self.admit(&ask, record.method(), correlation.as_ref()).await;
        told.extend(correlation.map(|id| (CORRELATION, id)));
        self.warn(path, &mut told);
        let mut principal = None;
        let granted = match admitted {
            Ok(admitted) => {
                if admitted.keeps_authorization {
                    upstream.remove(AUTHORIZATION);
                }
                admitted.token.write(&mut upstream);
                principal = Some(admitted.principal);
                told.extend(admitted.told);
                self.live.load().request.apply(&mut upstream);
                if route.outside {
                    upstreams::forget(&mut upstream);
                }
                self.granted(&ask)
            }
            Err(denied) => {
                if let Some(together) = ask.together {
                    together.denied(&denied.told);
                }
                told.extend(denied.told);
                Err(denied.refusal)
            }
        };
        let end = match granted {
            Ok(granted) => granted.map(|time| ask.began + time),
            Err(refusal) => return Err(Refused::new(refusal.into(), &mut record, told)),
        };
        Ok(Call {
            uri: ask.uri,
            to: To::Service(route),
            end,
            timer: end.map(|end| Box::pin(sleep_until(end))),
            upstream,
            principal: principal.filter(|principal| !principal.is_anonymous()),
            native: false,
            told,
            record,
            stopping: self.stopping.clone(),
        })
    }

    /// Sends one message and reads messages.
    pub(crate) async fn invoke(&self, ask: Ask<'_>, message: &[u8]) -> Result<Answer, Refused> {
        self.begin(ask).await?.exchange(message).await
    }

    /// How long the call may take. What no contract here knows may be a stream, so it gets the longest time instead of
    /// the fabric client's default; a stream that is known as one may last for ever.
    fn granted(&self, ask: &Ask<'_>) -> Result<Option<Duration>, Refusal> {
        let path = ask.uri.path();
        let limit = self.live.load().deadline_limit(path);
        let granted = deadline::of(ask.headers, limit).map_err(refusal::broken_timeout)?;
        Ok(granted
            .or(ask.timeout.map(|timeout| timeout.min(limit)))
            .or_else(|| contracts::method_index(path).is_none().then_some(limit)))
    }

    /// A call that leads nowhere: counted, but not by a name that anybody could make up.
    pub(crate) fn nowhere(&self, refusal: Refusal, front: Front, headers: &HeaderMap, began: Instant) -> Refused {
        let mut record = Record::begin(Arc::clone(&self.nowhere), front, began);
        let correlation = trace(&mut headers::upstream(headers), record.span());
        record.correlate(correlation.clone());
        let told = correlation.map(|id| (CORRELATION, id));
        Refused::new(refusal.into(), &mut record, told.into_iter().collect())
    }
}

// === impl Call ===

impl Call<'_> {
    /// Makes the call; `fault` is where its body leaves what went wrong with it.
    pub(crate) async fn send(mut self, body: tonic::body::Body, fault: Option<Fault>) -> Result<Head, Refused> {
        if let Some(end) = self.end {
            let left = end.saturating_duration_since(Instant::now());
            self.upstream.insert(TIMEOUT, format_timeout(left));
        }
        let body = self.record.receives(body);
        let (upstream, principal) = (std::mem::take(&mut self.upstream), self.principal.take());
        let request = request_of(self.uri, upstream, principal, body);
        let answered = match &self.to {
            To::Service(route) => within(&mut self.timer, route.channel().call(request)).await,
            // Rare, and nothing that every call should have room for.
            To::Gateway(served) => Box::pin(within(&mut self.timer, served.call(request))).await,
        };
        let response = match answered {
            Ok(Ok(response)) => response,
            Ok(Err(status)) => {
                let status = why(fault.as_ref()).unwrap_or(status);
                return Err(self.refuse(status));
            }
            Err(refusal) => return Err(self.refuse(refusal.into())),
        };
        let (mut parts, body) = response.into_parts();
        if parts.status != StatusCode::OK {
            return Err(self.refuse(foreign(parts.status)));
        }
        let Self {
            uri,
            to,
            timer,
            told,
            mut record,
            stopping,
            native,
            ..
        } = self;
        let instance = parts.extensions.remove::<Answered>();
        let ended = headers::code(&parts.headers);
        if let To::Service(route) = to
            && ended.is_none_or(|code| code == Code::Ok)
        {
            record.is_for(route.learn(method_of(uri)));
        }
        let own = native.then(|| native::down(&parts.headers));
        let mut headers = headers::downstream(parts.headers);
        headers.extend(own.unwrap_or_default());
        headers.extend(told);
        if let Some(Answered { instance }) = instance {
            if let Ok(id) = HeaderValue::from_str(&instance) {
                headers.insert(INSTANCE, id);
            }
            record.answered_by(instance);
        }
        if let Some(code) = ended {
            record.end(code);
        }
        Ok(Head {
            headers,
            ended,
            body,
            watch: Watch::new(timer, fault, stopping, record),
        })
    }

    /// Makes the call with one message, and reads messages.
    pub(crate) async fn exchange(self, message: &[u8]) -> Result<Answer, Refused> {
        let mut frame = BytesMut::with_capacity(frames::HEADER + message.len());
        frame.put_u8(0);
        let Ok(length) = u32::try_from(message.len()) else {
            let refusal = Refusal::exhausted("MESSAGE_TOO_LARGE", "a message has at most 4 GiB");
            return Err(self.refuse(refusal.into()));
        };
        frame.put_u32(length);
        frame.put_slice(message);
        let head = self
            .send(tonic::body::Body::new(Full::new(frame.freeze())), None)
            .await?;
        head.messages()
    }

    /// Ends without having been made.
    pub(crate) fn refuse(mut self, status: Status) -> Refused {
        Refused::new(status, &mut self.record, self.told)
    }
}

// === impl Head ===

impl Head {
    /// The same, message by message; a failure that stands in the headers is a refusal.
    pub(crate) fn messages(self) -> Result<Answer, Refused> {
        match self.ended {
            Some(code) if code != Code::Ok => {
                let status = Status::from_header_map(&self.headers).unwrap_or_else(crate::watch::no_status);
                Err(Refused {
                    status,
                    headers: self.headers,
                })
            }
            ended => Ok(Answer {
                headers: self.headers,
                messages: Messages::new(self.body, self.watch, ended.is_some()),
            }),
        }
    }
}

// === impl Refused ===

impl Refused {
    pub(crate) fn new(status: Status, record: &mut Record, headers: HeaderMap) -> Self {
        record.end(status.code());
        Self { status, headers }
    }
}

/// Waits for `future` until the time is up.
pub(crate) async fn within<F: Future>(timer: &mut Timer, future: F) -> Result<F::Output, Refusal> {
    let Some(timer) = timer else {
        return Ok(future.await);
    };
    tokio::select! {
        biased;
        output = future => Ok(output),
        () = timer => Err(Refusal::deadline_exceeded()),
    }
}

/// Makes calls with the same headers belong to one trace; answers the correlation id that they have, if it is a new one.
pub(crate) fn together(headers: &mut HeaderMap) -> Option<HeaderValue> {
    if headers.contains_key(CORRELATION) || headers.contains_key(TRACEPARENT) {
        return None;
    }
    let trace = Trace::fresh();
    headers.insert(TRACEPARENT, trace.to_header());
    HeaderValue::try_from(trace.short()).ok()
}

/// Goes on with the trace and the correlation id that the call has, or begins them; answers the correlation id.
pub(crate) fn trace(headers: &mut HeaderMap, span: &tracing::Span) -> Option<HeaderValue> {
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

fn method_of(uri: &Uri) -> &str {
    uri.path().rsplit('/').next().unwrap_or_default()
}

fn request_of(
    uri: &Uri,
    headers: HeaderMap,
    principal: Option<Arc<Principal>>,
    body: tonic::body::Body,
) -> Request<tonic::body::Body> {
    let mut request = Request::new(body);
    *request.method_mut() = Method::POST;
    // A query is none of a method's name.
    *request.uri_mut() = match uri.query() {
        None => uri.clone(),
        Some(_) => uri.path().parse().unwrap_or_default(),
    };
    *request.headers_mut() = headers;
    // The fabric's client keeps answers for whom they were given.
    if let Some(principal) = principal {
        request.extensions_mut().insert(principal);
    }
    request
}

/// What was wrong with the request's body, if that is why there is no answer.
fn why(fault: Option<&Fault>) -> Option<Status> {
    let fault = fault?.get()?;
    Some(fault.clone().into())
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

#[cfg(test)]
mod tests {
    use lyceum::principal::Role;

    use super::*;

    #[test]
    fn a_request_names_its_method_alone_and_whom_it_is_for() {
        let uri = Uri::from_static("/p.S/Get?message=secret");
        let somebody = Arc::new(Principal::try_new("s-1", Role::Student).unwrap());
        for principal in [Some(somebody), None] {
            let body = tonic::body::Body::empty();
            let request = request_of(&uri, HeaderMap::new(), principal.clone(), body);
            assert_eq!(
                (request.method(), request.uri().to_string().as_str()),
                (&Method::POST, "/p.S/Get")
            );
            assert_eq!(request.extensions().get::<Arc<Principal>>(), principal.as_ref());
        }
    }
}
