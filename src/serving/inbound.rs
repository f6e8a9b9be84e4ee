//! One inbound call: who calls, may they, in which context, how long, how it ended.

use std::convert::Infallible;
use std::future::Future;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use http::{HeaderValue, Method, Request, Response};
use hyper::body::Incoming;
use tokio::time::{Instant, timeout_at};
use tonic::body::Body;
use tonic::service::Routes;
use tonic::{Code, Status};
use tower::Service as _;
use tracing::Instrument as _;

use super::frames;
use super::reply::{Reply, Running, mistake};
use crate::authorization::Authorize;
use crate::context::Context;
use crate::contracts;
use crate::error::Error;
use crate::fabric::Fabric;
use crate::identity::SpiffeId;
use crate::privacy::Consent;
use crate::telemetry::{METRICS_TYPE, Metrics, Side, adopt};

/// Where an instance's metrics are.
const METRICS_PATH: &str = "/metrics";

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
    deadline_limit: Duration,
    authorization: Arc<dyn Authorize>,
    metrics: Metrics,
}

impl Inbound {
    pub(super) fn new(fabric: &Fabric, routes: Routes, consent: Consent) -> Self {
        let shared = Shared {
            service: fabric.service().to_owned(),
            consent,
            deadline_limit: fabric.configuration().serving.deadline_limit,
            authorization: Arc::clone(fabric.authorization()),
            metrics: fabric.metrics().clone(),
        };
        Self {
            shared: Arc::new(shared),
            routes,
        }
    }

    /// The service of one connection, whose caller is known.
    pub(super) fn of(&self, caller: SpiffeId) -> Connection {
        Connection {
            inbound: self.clone(),
            caller: Arc::new(caller),
        }
    }
}

/// One connection's calls.
#[derive(Clone, Debug)]
pub(super) struct Connection {
    inbound: Inbound,
    caller: Arc<SpiffeId>,
}

impl hyper::service::Service<Request<Incoming>> for Connection {
    type Response = Response<Reply>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn call(&self, request: Request<Incoming>) -> Self::Future {
        let inbound = self.inbound.clone();
        let caller = Arc::clone(&self.caller);
        Box::pin(async move { Ok(inbound.answer(request, caller).await) })
    }
}

impl Inbound {
    async fn answer(mut self, mut request: Request<Incoming>, caller: Arc<SpiffeId>) -> Response<Reply> {
        let now = Instant::now();
        let path = request.uri().path();
        if request.method() == Method::GET && path == METRICS_PATH {
            return self.metrics(&caller);
        }
        let index = contracts::method_index(path);
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
        let context = match self.admit(&request, &caller, &span, now) {
            Ok(context) => context,
            Err(error) => return refuse(error.into(), running),
        };
        span.record("correlation", context.correlation.as_str());
        request.extensions_mut().insert(caller);
        // A call without a deadline gets the longest one, unless it streams: a stream may last as long as both want.
        let streams = index.is_none_or(|index| {
            contracts::METHODS[index].server_streaming || contracts::METHODS[index].client_streaming
        });
        let deadline = context
            .deadline
            .or_else(|| (!streams).then(|| now + self.shared.deadline_limit));
        let handled = Arc::clone(&context)
            .scope(self.routes.call(request.map(Body::new)))
            .instrument(span.clone());
        let handled = AssertUnwindSafe(handled).catch_unwind();
        let handled = match deadline {
            Some(deadline) => match timeout_at(deadline, handled).await {
                Ok(handled) => handled,
                Err(_) => return refuse(Error::deadline_exceeded().into(), running),
            },
            None => handled.await,
        };
        match handled {
            Ok(Ok(response)) => {
                let (parts, body) = response.into_parts();
                let ended = parts
                    .headers
                    .get("grpc-status")
                    .map(|value| Code::from_bytes(value.as_bytes()));
                if let Some(error) = ended.and_then(|code| frames::at_fault(code, &parts.headers)) {
                    return refuse(error.into(), running);
                }
                Response::from_parts(parts, Reply::new(body, running, context, deadline, ended))
            }
            Ok(Err(never)) => match never {},
            Err(_) => {
                tracing::error!(parent: &span, "a handler panicked");
                refuse(mistake().into(), running)
            }
        }
    }

    fn admit(
        &self,
        request: &Request<Incoming>,
        caller: &SpiffeId,
        span: &tracing::Span,
        now: Instant,
    ) -> Result<Arc<Context>, Error> {
        let shared = &self.shared;
        if !shared.authorization.allows(caller, &shared.service) {
            return Err(Error::permission_denied(
                "CALLER_NOT_ALLOWED",
                format!("{caller} may not call {}", shared.service),
            ));
        }
        let mut context = Context::from_headers(request.headers(), now)?;
        if let Some(deadline) = context.deadline {
            if deadline <= now {
                return Err(Error::deadline_exceeded());
            }
            context.deadline = Some(deadline.min(now + shared.deadline_limit));
        }
        // Health and reflection touch nobody's data.
        if !request.uri().path().starts_with("/grpc.") {
            context.privacy.require(shared.consent)?;
        }
        context.trace = adopt(span, &context.trace);
        Ok(Arc::new(context))
    }

    fn metrics(&self, caller: &SpiffeId) -> Response<Reply> {
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
}

/// An answer of headers alone (gRPC's trailers-only form).
fn refuse(status: Status, running: Running) -> Response<Reply> {
    running.end(status.code());
    status.into_http::<Body>().map(|_| Reply::plain(bytes::Bytes::new()))
}
