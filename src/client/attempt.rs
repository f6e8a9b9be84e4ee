//! One call from its first header to its outcome: deadline, context, attempts.

use std::collections::VecDeque;
use std::sync::Arc;

use http::header::{CONNECTION, HeaderMap, HeaderName, HeaderValue, TRANSFER_ENCODING, UPGRADE};
use http::uri::{PathAndQuery, Uri};
use http::{Request, Response, request};
use http_body_util::BodyExt as _;
use tokio::time::{Instant, timeout_at};
use tonic::body::Body;
use tonic::{Code, Status};
use tracing::Instrument as _;

use super::body::ResponseBody;
use super::callee::Callee;
use super::connection::Connection;
use super::exchange::{self, Incoming, RequestBody, exchange};
use super::{Answered, WaitForReady};
use crate::balancing::{Endpoint, Outcome, Ticket};
use crate::context::{self, Trace, headers};
use crate::contracts::{self, MESSAGE_LIMIT, METHODS, Method};
use crate::error::Error;
use crate::telemetry::{MethodMetrics, Side, adopt};

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");

/// How often a request that was never sent goes elsewhere before the caller is told.
const UNSENT_LIMIT: usize = 8;

/// The facts of a call that last until its response has ended; dropped early, it was cancelled.
#[derive(Debug)]
pub(super) struct Call {
    metrics: MethodMetrics,
    begun: Instant,
    deadline: Option<Instant>,
    ended: bool,
}

impl Call {
    fn begin(metrics: &MethodMetrics, deadline: Option<Instant>) -> Self {
        metrics.begin();
        Self {
            metrics: metrics.clone(),
            begun: Instant::now(),
            deadline,
            ended: false,
        }
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    pub(super) fn end(mut self, code: Code) {
        self.ended = true;
        self.metrics.end(code, self.begun.elapsed());
    }
}

impl Drop for Call {
    fn drop(&mut self) {
        if !self.ended {
            self.metrics.end(Code::Cancelled, self.begun.elapsed());
        }
    }
}

/// What every attempt of a call needs.
struct Plan {
    method: Option<&'static Method>,
    uri: Uri,
    headers: HeaderMap,
    deadline: Option<Instant>,
    wait: bool,
}

impl Plan {
    fn idempotent(&self) -> bool {
        self.method.is_some_and(|method| method.idempotent)
    }

    /// A method that no contract here knows may stream.
    fn streams_back(&self) -> bool {
        self.method.is_none_or(|method| method.server_streaming)
    }

    fn request(&self) -> Request<()> {
        let mut request = Request::new(());
        *request.method_mut() = http::Method::POST;
        *request.version_mut() = http::Version::HTTP_2;
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        if let Some(deadline) = self.deadline {
            let left = deadline.saturating_duration_since(Instant::now());
            request
                .headers_mut()
                .insert(headers::TIMEOUT, context::format_timeout(left));
        }
        request
    }
}

/// How one attempt ended, other than well.
enum Failure {
    /// Without an answer.
    Exchange(exchange::Failure),
    /// With more than a message may be.
    TooLarge,
}

impl From<exchange::Failure> for Failure {
    fn from(failure: exchange::Failure) -> Self {
        Self::Exchange(failure)
    }
}

impl Callee {
    /// Makes one call. The response carries [`Answered`].
    pub(super) async fn call(self: Arc<Self>, request: Request<Body>) -> Result<Response<ResponseBody>, Status> {
        let (parts, body) = request.into_parts();
        let index = contracts::method_index(parts.uri.path());
        let method = index.map(|index| &METHODS[index]);
        let span = tracing::debug_span!(
            "rpc.client",
            otel.kind = "client",
            rpc.system = "grpc",
            rpc.method = method.map_or("other", |method| &method.path[1..]),
            callee = self.service(),
        );
        let plan = self.plan(parts, method, &span)?;
        let call = Call::begin(self.metrics.method(Side::Client, index), plan.deadline);
        let mut current = None;
        let result = match plan.deadline {
            Some(deadline) => {
                match timeout_at(deadline, self.attempts(&plan, body, &mut current).instrument(span)).await {
                    Ok(result) => result,
                    Err(_) => {
                        if let Some(ticket) = current.take() {
                            ticket.end(self.now(), Outcome::TimedOut, true);
                        }
                        Err(Error::deadline_exceeded().into())
                    }
                }
            }
            None => self.attempts(&plan, body, &mut current).instrument(span).await,
        };
        match result {
            Ok((response, Some(ticket))) => {
                ticket.answering(self.now());
                let (parts, incoming) = response.into_parts();
                let incoming = match incoming {
                    Reply::Streaming(incoming) => incoming,
                    Reply::Whole(..) => unreachable!("a whole reply has ended its ticket"),
                };
                Ok(Response::from_parts(
                    parts,
                    ResponseBody::streaming(incoming, Arc::clone(&self), ticket, call),
                ))
            }
            Ok((response, None)) => {
                let (parts, reply) = response.into_parts();
                let (data, trailers) = match reply {
                    Reply::Whole(data, trailers) => (data, trailers),
                    Reply::Streaming(_) => unreachable!("a stream keeps its ticket"),
                };
                call.end(
                    trailers
                        .as_ref()
                        .and_then(status_of)
                        .or_else(|| status_of(&parts.headers))
                        .unwrap_or(Code::Unknown),
                );
                Ok(Response::from_parts(parts, ResponseBody::whole(data, trailers)))
            }
            Err(status) => {
                call.end(status.code());
                Err(status)
            }
        }
    }

    fn plan(
        &self,
        parts: request::Parts,
        method: Option<&'static Method>,
        span: &tracing::Span,
    ) -> Result<Plan, Error> {
        let now = Instant::now();
        let mut headers = parts.headers;
        let inbound = context::current();
        let own =
            match headers.get(headers::TIMEOUT) {
                Some(value) => Some(context::parse_timeout(value).ok_or_else(|| {
                    Error::invalid_argument("CONTEXT_INVALID", "the header grpc-timeout cannot be read")
                })?),
                None if method.is_some_and(|method| method.client_streaming || method.server_streaming) => None,
                None => Some(self.shared.settings.deadline),
            };
        let own = own.and_then(|left| now.checked_add(left));
        let inherited = inbound.as_ref().and_then(|context| context.deadline);
        let deadline = match (own, inherited) {
            (Some(own), Some(inherited)) => Some(own.min(inherited)),
            (own, inherited) => own.or(inherited),
        };
        match inbound {
            Some(context) => context.write(&adopt(span, &context.trace), &mut headers),
            // Without an inbound context the headers may still name a trace: the gateway brings the browser's. Where
            // nothing is recorded it stands as it is.
            None if span.is_disabled() && headers.contains_key(headers::TRACEPARENT) => {}
            None => {
                let caller = headers
                    .get(headers::TRACEPARENT)
                    .and_then(|value| Trace::parse(value.as_bytes()))
                    .unwrap_or_else(Trace::fresh);
                headers.insert(headers::TRACEPARENT, adopt(span, &caller).to_header());
            }
        }
        // HTTP/2 has no place for what belongs to a connection (RFC 9113, 8.2.2).
        for name in [CONNECTION, TRANSFER_ENCODING, UPGRADE, KEEP_ALIVE, PROXY_CONNECTION] {
            headers.remove(name);
        }
        headers.insert(http::header::TE, HeaderValue::from_static("trailers"));
        let mut uri = http::uri::Parts::default();
        uri.scheme = Some(self.scheme.clone());
        uri.authority = Some(self.authority.clone());
        uri.path_and_query = Some(
            parts
                .uri
                .path_and_query()
                .cloned()
                .unwrap_or_else(|| PathAndQuery::from_static("/")),
        );
        let uri =
            Uri::from_parts(uri).map_err(|_| Error::invalid_argument("METHOD_UNKNOWN", "the path is no method"))?;
        let wait = parts.extensions.get::<WaitForReady>().is_some();
        Ok(Plan {
            method,
            uri,
            headers,
            deadline,
            wait,
        })
    }

    /// Tries until it is answered, or nobody is left to try. `current` holds the ticket of the attempt under way, so
    /// that a deadline that passes meanwhile is blamed on the right instance.
    async fn attempts(
        &self,
        plan: &Plan,
        body: Body,
        current: &mut Option<Ticket<Connection>>,
    ) -> Result<(Response<Reply>, Option<Ticket<Connection>>), Status> {
        let client_streams = plan.method.is_none_or(|method| method.client_streaming);
        let (mut body, whole) = if client_streams {
            (RequestBody::Streaming(body), None)
        } else {
            let whole = collect_request(body).await?;
            (RequestBody::Whole(whole.clone()), Some(whole))
        };
        let mut tried: Vec<Arc<Endpoint<Connection>>> = Vec::new();
        let mut attempt = 1;
        let mut unsent = 0;
        loop {
            let endpoint = self.endpoint(&tried, plan.wait).await?;
            *current = Some(endpoint.begin(self.now()));
            let last = attempt >= self.shared.settings.attempts;
            let failure = match self.attempt(plan, &endpoint, body).await {
                Ok(response) => {
                    let code = response.body().code(response.headers());
                    // `current` was set above and is taken nowhere else.
                    let Some(ticket) = current.take() else {
                        return Err(Status::internal("the call lost its ticket"));
                    };
                    if let Some(code) = code {
                        ticket.end(self.now(), outcome_of(code), true);
                        if code == Code::Unavailable
                            && plan.idempotent()
                            && !last
                            && let Some(again) = &whole
                        {
                            body = RequestBody::Whole(again.clone());
                            tried.push(endpoint);
                            attempt += 1;
                            continue;
                        }
                        return Ok((response, None));
                    }
                    return Ok((response, Some(ticket)));
                }
                Err(failure) => failure,
            };
            let ticket = current.take();
            let replay = whole.clone().map(RequestBody::Whole);
            let lost = || Error::unavailable("CONNECTION_LOST", "the instance was lost before it answered");
            body = match failure {
                Failure::Exchange(exchange::Failure::Unsent(back)) => {
                    if let Some(ticket) = ticket {
                        ticket.unsent();
                    }
                    unsent += 1;
                    match back.or(replay) {
                        Some(body) if unsent <= UNSENT_LIMIT => body,
                        _ => return Err(lost().into()),
                    }
                }
                Failure::Exchange(failure) => {
                    let safe = plan.idempotent() || matches!(failure, exchange::Failure::Refused);
                    if let Some(ticket) = ticket {
                        ticket.end(self.now(), Outcome::Failed, true);
                    }
                    attempt += 1;
                    match replay {
                        Some(body) if safe && !last => body,
                        _ => return Err(lost().into()),
                    }
                }
                Failure::TooLarge => {
                    if let Some(ticket) = ticket {
                        ticket.end(self.now(), Outcome::Answered, true);
                    }
                    return Err(Error::exhausted(
                        "MESSAGE_TOO_LARGE",
                        format!("the answer is larger than {MESSAGE_LIMIT} bytes"),
                    )
                    .into());
                }
            };
            tried.push(endpoint);
        }
    }

    async fn attempt(
        &self,
        plan: &Plan,
        endpoint: &Endpoint<Connection>,
        body: RequestBody,
    ) -> Result<Response<Reply>, Failure> {
        let link = endpoint.member().link();
        let Some(place) = link.place() else {
            return Err(exchange::Failure::Unsent(Some(body)).into());
        };
        let response = exchange(place, || plan.request(), body).await?;
        let (mut parts, incoming) = response.into_parts();
        parts.extensions.insert(Answered {
            instance: Arc::clone(&link.id),
        });
        let ended = status_of(&parts.headers).is_some();
        let reply = if plan.streams_back() && !ended {
            Reply::Streaming(incoming)
        } else {
            collect_reply(incoming).await?
        };
        Ok(Response::from_parts(parts, reply))
    }
}

/// What an attempt brought back.
enum Reply {
    Whole(VecDeque<bytes::Bytes>, Option<HeaderMap>),
    Streaming(Incoming),
}

impl Reply {
    /// How it ended; `None` while it streams.
    fn code(&self, headers: &HeaderMap) -> Option<Code> {
        match self {
            Self::Whole(_, trailers) => Some(
                trailers
                    .as_ref()
                    .and_then(status_of)
                    .or_else(|| status_of(headers))
                    .unwrap_or(Code::Unknown),
            ),
            Self::Streaming(_) => None,
        }
    }
}

/// The whole request, so that it can be sent again.
async fn collect_request(body: Body) -> Result<bytes::Bytes, Status> {
    let limited = http_body_util::Limited::new(body, MESSAGE_LIMIT + 5);
    match limited.collect().await {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) => Err(match error.downcast::<Status>() {
            Ok(status) => *status,
            Err(_) => Error::exhausted(
                "MESSAGE_TOO_LARGE",
                format!("the request is larger than {MESSAGE_LIMIT} bytes"),
            )
            .into(),
        }),
    }
}

async fn collect_reply(mut incoming: Incoming) -> Result<Reply, Failure> {
    let (mut data, mut trailers, mut size) = (VecDeque::with_capacity(1), None, 0);
    while let Some(frame) = incoming.frame().await {
        let frame = frame?;
        match frame.into_data() {
            Ok(bytes) => {
                size += bytes.len();
                if size > MESSAGE_LIMIT + 5 {
                    return Err(Failure::TooLarge);
                }
                data.push_back(bytes);
            }
            Err(frame) => trailers = frame.into_trailers().ok(),
        }
    }
    Ok(Reply::Whole(data, trailers))
}

/// The gRPC code in headers or trailers.
pub(super) fn status_of(headers: &HeaderMap) -> Option<Code> {
    headers
        .get("grpc-status")
        .map(|value| Code::from_bytes(value.as_bytes()))
}

/// Whom to blame for a code: the instance, or the caller's own request.
pub(super) fn outcome_of(code: Code) -> Outcome {
    match code {
        Code::DeadlineExceeded => Outcome::TimedOut,
        Code::Unavailable | Code::Internal | Code::Unknown | Code::DataLoss => Outcome::Failed,
        _ => Outcome::Answered,
    }
}
