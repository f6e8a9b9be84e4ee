//! One inbound call: is there a place for it, who calls and for whom, may they, in which context, how long, how it ended.

use std::convert::Infallible;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::FutureExt as _;
use http::{HeaderName, HeaderValue, Method, Request, Response};
use hyper::body::Incoming;
use tokio::time::{Instant, timeout_at};
use tonic::body::Body;
use tonic::service::Routes;
use tonic::{Code, Status};
use tower::Service as _;
use tracing::Instrument as _;

use super::accept::Ending;
use super::admission::{self, Caller, Place, Reason, Used};
use super::frames;
use super::load::LoadHandle;
use super::reply::{Reply, Running, mistake};
use crate::authorization::Authorize;
use crate::context::Context;
use crate::contracts;
use crate::error::Error;
use crate::fabric::Fabric;
use crate::identity::SpiffeId;
use crate::principal::{Access, Principal, Verifier};
use crate::privacy::Consent;
use crate::telemetry::{METRICS_TYPE, Metrics, Side, adopt};

/// Where an instance's metrics are.
const METRICS_PATH: &str = "/metrics";
/// When a refused call may come again, in milliseconds (gRFC A6).
const PUSHBACK: HeaderName = HeaderName::from_static("grpc-retry-pushback-ms");

/// What every call of a server passes through.
#[derive(Clone, Debug)]
pub(super) struct Inbound {
    shared: Arc<Shared>,
    routes: Routes,
}

#[derive(Debug)]
struct Shared {
    service: String,
    consent: Consent,
    foreign: Foreign,
    deadline_limit: Duration,
    authorization: Arc<dyn Authorize>,
    verifier: Verifier,
    metrics: Metrics,
    admission: admission::Handle,
    load: LoadHandle,
}

impl Inbound {
    pub(super) fn new(
        fabric: &Fabric,
        routes: Routes,
        consent: Consent,
        foreign: Foreign,
        admission: admission::Handle,
        load: LoadHandle,
    ) -> Self {
        let shared = Shared {
            service: fabric.service().to_owned(),
            consent,
            foreign,
            verifier: Verifier::new(
                fabric.identity().clone(),
                fabric.configuration().authorization.vouchers.clone(),
            ),
            deadline_limit: fabric.configuration().serving.deadline_limit,
            authorization: Arc::clone(fabric.authorization()),
            metrics: fabric.metrics().clone(),
            admission,
            load,
        };
        Self {
            shared: Arc::new(shared),
            routes,
        }
    }

    /// The service of one connection, whose caller is known.
    pub(super) fn of(&self, caller: SpiffeId, ending: Arc<Ending>) -> Connection {
        Connection {
            peer: Arc::new(Peer {
                share: self.shared.admission.caller(&caller),
                principal: self.shared.verifier.holder(&caller),
                identity: Arc::new(caller),
                ending,
                under_way: Arc::default(),
            }),
            inbound: self.clone(),
        }
    }
}

/// The services that a server has beside those of our contracts, and who may call them.
#[derive(Debug)]
pub(super) struct Foreign {
    pub(super) services: Vec<String>,
    pub(super) access: Access,
}

impl Foreign {
    /// What nobody serves is let through, to be told that nobody does.
    fn permits(&self, path: &str, principal: &Principal) -> Result<(), Error> {
        let service = path
            .get(1..)
            .and_then(|path| path.split_once('/'))
            .map(|(service, _)| service);
        if self.services.iter().any(|name| Some(name.as_str()) == service) {
            self.access.permits(principal)
        } else {
            Ok(())
        }
    }
}

/// Who is at the other end of a connection.
#[derive(Debug)]
pub(super) struct Peer {
    identity: Arc<SpiffeId>,
    /// Who its calls are for that do not say.
    principal: Arc<Principal>,
    share: Arc<Caller>,
    ending: Arc<Ending>,
    under_way: Arc<AtomicUsize>,
}

/// A call from its arrival to the head of its answer.
struct UnderWay(Arc<AtomicUsize>);

impl UnderWay {
    fn begin(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(count))
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// One connection's calls.
#[derive(Clone, Debug)]
pub(super) struct Connection {
    inbound: Inbound,
    peer: Arc<Peer>,
}

/// A call as it arrived.
struct Arrival {
    now: Instant,
    /// Its method's place in the table of methods.
    index: Option<usize>,
    streams: bool,
    /// Its place; `None` where calls need none.
    place: Option<Result<Place, Reason>>,
}

impl Inbound {
    /// Its place is taken here, before its future waits for the runtime to run it: that wait is load too.
    fn arrive(&self, request: &Request<Incoming>, peer: &Peer) -> Arrival {
        let now = Instant::now();
        let path = request.uri().path();
        let index = contracts::method_index(path);
        // A method that no contract here knows may stream.
        let streams = index.is_none_or(|index| {
            contracts::METHODS[index].server_streaming || contracts::METHODS[index].client_streaming
        });
        // Health, reflection and metrics are answered however busy the instance is.
        let always = path.starts_with("/grpc.") || path == METRICS_PATH;
        let place = (!always).then(|| self.shared.admission.enter(&peer.share, index, streams, now));
        Arrival {
            now,
            index,
            streams,
            place,
        }
    }
}

impl Connection {
    /// How many calls are between their arrival and the head of their answer.
    pub(super) fn under_way(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.peer.under_way)
    }
}

impl hyper::service::Service<Request<Incoming>> for Connection {
    type Response = Response<Reply>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let inbound = self.inbound.clone();
        let peer = Arc::clone(&self.peer);
        let arrival = inbound.arrive(&request, &peer);
        let under_way = UnderWay::begin(&peer.under_way);
        Box::pin(async move {
            let _under_way = under_way;
            Ok(inbound.answer(request, peer, arrival).await)
        })
    }
}

impl Inbound {
    async fn answer(mut self, mut request: Request<Incoming>, peer: Arc<Peer>, arrival: Arrival) -> Response<Reply> {
        let Arrival {
            now,
            index,
            streams,
            place,
        } = arrival;
        let caller = &peer.identity;
        if request.method() == Method::GET && request.uri().path() == METRICS_PATH {
            return self.metrics(caller);
        }
        let metrics = self.shared.metrics.method(Side::Server, index);
        let span = tracing::debug_span!(
            "rpc.server",
            otel.kind = "server",
            rpc.system = "grpc",
            rpc.method = index.map_or("other", |index| &contracts::METHODS[index].path[1..]),
            caller = %caller,
            correlation = tracing::field::Empty,
        );
        let running = Running::begin(metrics.clone(), now);
        let context = match self.admit(&request, &peer, index, &span, now) {
            Ok(context) => context,
            Err(error) => return self.refuse(error.into(), running),
        };
        let place = match place {
            Some(Err(Reason::Overloaded)) => Some(self.shared.admission.wait(&peer.share, index, &context, now).await),
            place => place,
        };
        let place = match place.transpose() {
            Ok(place) => place,
            Err(reason) => return self.shed(reason, index, running),
        };
        span.record("correlation", context.correlation.as_str());
        request.extensions_mut().insert(Arc::clone(caller));
        // A call without a deadline gets the longest one, unless it streams: a stream may last as long as both want.
        let deadline = context
            .deadline
            .or_else(|| (!streams).then(|| now + self.shared.deadline_limit));
        let handled = Arc::clone(&context)
            .scope(self.routes.call(request.map(Body::new)))
            .instrument(span.clone());
        let handled = AssertUnwindSafe(handled).catch_unwind();
        let handled = async {
            tokio::select! {
                biased;
                handled = handled => Some(handled),
                () = peer.ending.cut() => None,
            }
        };
        let handled = match deadline {
            Some(deadline) => match timeout_at(deadline, handled).await {
                Ok(handled) => handled,
                Err(_) => {
                    self.leave(place, Used::CutOff);
                    return self.refuse(Error::deadline_exceeded().into(), running);
                }
            },
            None => handled.await,
        };
        match handled {
            Some(Ok(Ok(response))) => {
                let (mut parts, body) = response.into_parts();
                let ended = parts
                    .headers
                    .get("grpc-status")
                    .map(|value| Code::from_bytes(value.as_bytes()));
                // A stream keeps its place until it ends; a call's handler has ended.
                let place = if streams && ended.is_none() {
                    place
                } else {
                    self.leave(
                        place,
                        if ended.is_none() {
                            Used::Answered
                        } else {
                            Used::Otherwise
                        },
                    );
                    None
                };
                if let Some(code) = ended {
                    if let Some(error) = frames::at_fault(code, &parts.headers) {
                        return self.refuse(error.into(), running);
                    }
                    self.shared.load.write(&mut parts.headers);
                }
                let answering = Answering {
                    context,
                    peer,
                    load: self.shared.load.clone(),
                    place,
                };
                Response::from_parts(parts, Reply::new(body, running, answering, deadline, ended))
            }
            Some(Ok(Err(never))) => match never {},
            Some(Err(_)) => {
                tracing::error!(parent: &span, "a handler panicked");
                self.refuse(mistake().into(), running)
            }
            None => self.refuse(peer.ending.error().into(), running),
        }
    }

    /// A call gives back its place.
    fn leave(&self, place: Option<Place>, used: Used) {
        if let Some(place) = place {
            self.shared.admission.leave(place, used, Instant::now());
        }
    }

    fn admit(
        &self,
        request: &Request<Incoming>,
        peer: &Peer,
        index: Option<usize>,
        span: &tracing::Span,
        now: Instant,
    ) -> Result<Arc<Context>, Error> {
        let (shared, caller) = (&self.shared, &peer.identity);
        if !shared.authorization.allows(caller, &shared.service) {
            return Err(Error::permission_denied(
                "CALLER_NOT_ALLOWED",
                format!("{caller} may not call {}", shared.service),
            ));
        }
        let mut context = Context::from_headers(request.headers(), now)?;
        if let Some(deadline) = context.deadline {
            // The call may have waited for the runtime since it arrived.
            if deadline <= Instant::now() {
                return Err(Error::deadline_exceeded());
            }
            context.deadline = Some(deadline.min(now + shared.deadline_limit));
        }
        // Health and reflection touch nobody's data.
        if !request.uri().path().starts_with("/grpc.") {
            let (principal, token) = shared.verifier.principal(request.headers(), &peer.principal)?;
            match index {
                Some(index) => contracts::METHODS[index].access.permits(&principal)?,
                None => shared.foreign.permits(request.uri().path(), &principal)?,
            }
            principal.may_speak_of(context.privacy.student.as_ref())?;
            (context.principal, context.token) = (Some(principal), token);
            context.privacy.require(shared.consent)?;
        }
        context.trace = adopt(span, &context.trace);
        Ok(Arc::new(context))
    }

    fn metrics(&self, caller: &SpiffeId) -> Response<Reply> {
        self.shared.admission.show();
        let mut response = Response::new(Reply::plain(self.shared.metrics.encode().into()));
        if !self.shared.authorization.allows(caller, &self.shared.service) {
            *response.body_mut() = Reply::plain(bytes::Bytes::new());
            *response.status_mut() = http::StatusCode::FORBIDDEN;
        }
        response
            .headers_mut()
            .insert(http::header::CONTENT_TYPE, HeaderValue::from_static(METRICS_TYPE));
        response
    }

    /// An answer of headers alone (gRPC's trailers-only form).
    fn refuse(&self, status: Status, running: Running) -> Response<Reply> {
        running.end(status.code());
        let mut response = status.into_http::<Body>().map(|_| Reply::plain(bytes::Bytes::new()));
        self.shared.load.write(response.headers_mut());
        response
    }

    /// There is no place for the call.
    fn shed(&self, reason: Reason, index: Option<usize>, running: Running) -> Response<Reply> {
        let (error, delay) = self.shared.admission.refusal(reason, index);
        let mut response = self.refuse(error.into(), running);
        if let Some(delay) = delay {
            let millis = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
            response.headers_mut().insert(PUSHBACK, HeaderValue::from(millis));
        }
        response
    }
}

/// What an answer needs until it has ended.
#[derive(Debug)]
pub(super) struct Answering {
    pub(super) context: Arc<Context>,
    pub(super) peer: Arc<Peer>,
    pub(super) load: LoadHandle,
    /// A stream's place.
    pub(super) place: Option<Place>,
}

impl Peer {
    pub(super) fn ending(&self) -> &Arc<Ending> {
        &self.ending
    }
}
