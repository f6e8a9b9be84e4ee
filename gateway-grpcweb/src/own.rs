//! The gRPC services that the gateway itself serves: reflection and health, for tools outside the mesh.
//!
//! **Why.** `grpcurl list` asks the server that it reaches, and that is the gateway; one service's own reflection knows
//! that service alone. So the gateway reflects what all of them said ([`Schema`]), and its health is the whole's.
//! **When not.** Everything else is called at its service. What is told here stands in `/openapi.json` and
//! `/gateway/health` too, so no credential is asked for; rates are limited as everywhere.
//! **Source.** `reflection.proto` and `health.proto` in grpc/grpc.

mod health;
mod reflection;

use std::sync::Arc;

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body::Body;
use lyceum::context::headers::CORRELATION;
use tokio::time::sleep_until;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic::service::Routes as Services;
use tower::Service as _;

use crate::edge::Edge;
use crate::guard::Denied;
use crate::invoke::Ask;
use crate::metrics::{self, Metrics};
use crate::protocol::Form;
use crate::record::Record;
use crate::request::Inbound;
use crate::response::{Outbound, Reply};
use crate::route::Routes;
use crate::schema::Schema;
use crate::watch::Watch;
use crate::{deadline, headers, invoke, native, refusal};

/// What is served here, by path.
const METHODS: [&str; 4] = [
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    "/grpc.health.v1.Health/Check",
    "/grpc.health.v1.Health/Watch",
];

/// The gateway's own services.
#[derive(Debug)]
pub(crate) struct Own {
    services: Services,
    methods: [Arc<metrics::Method>; METHODS.len()],
}

// === impl Own ===

impl Own {
    /// Tells of what `routes` and `schema` know; not serving once it is `draining`.
    pub(crate) fn new(
        routes: &Arc<Routes>,
        schema: &Arc<Schema>,
        draining: &CancellationToken,
        metrics: &Metrics,
    ) -> Self {
        let reflection = reflection::Reflection::new(Arc::clone(schema), Arc::clone(routes));
        let services = Services::new(reflection.clone().v1())
            .add_service(reflection.v1alpha())
            .add_service(health::service(Arc::clone(routes), draining.clone()));
        Self {
            services,
            methods: METHODS.map(|path| metrics.method(&path[1..])),
        }
    }

    /// The method at a path, if it is one of ours.
    pub(crate) fn find(&self, path: &str) -> Option<Arc<metrics::Method>> {
        if !path.starts_with("/grpc.") {
            return None;
        }
        let at = METHODS.iter().position(|known| *known == path)?;
        Some(Arc::clone(&self.methods[at]))
    }
}

impl Edge {
    /// Answers a call of a method of the gateway's own.
    pub(crate) async fn own<B>(
        &self,
        ask: Ask<'_>,
        method: Arc<metrics::Method>,
        answer: Form,
        body: Inbound<B>,
    ) -> Response<Reply<lyceum::client::ResponseBody>>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
    {
        let mut record = Record::begin(method, ask.front, ask.began);
        let mut upstream = headers::upstream(ask.headers);
        let correlation = invoke::trace(&mut upstream, record.span());
        record.correlate(correlation.clone());
        let granted = self
            .quota
            .rules()
            .arrive(ask.peer.address.ip(), ask.headers, &mut Default::default());
        let longest = self.live.load().deadline_limit(ask.uri.path());
        let granted = granted.and_then(|()| {
            deadline::of(ask.headers, longest).map_err(|error| Box::<Denied>::from(refusal::broken_timeout(error)))
        });
        let time = match granted {
            Ok(time) => time,
            Err(denied) => {
                let status = Status::from(denied.refusal);
                record.end(status.code());
                let mut response = refusal::response(&status);
                response.headers_mut().extend(denied.told);
                response.headers_mut().extend(correlation.map(|id| (CORRELATION, id)));
                return response;
            }
        };
        let (stream, fault) = body.streamed();
        let mut request = Request::new(tonic::body::Body::new(stream));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = ask.uri.clone();
        *request.headers_mut() = upstream;
        let served = match self.own.services.clone().call(request).await {
            Ok(served) => served,
            Err(never) => match never {},
        };
        let (parts, body) = served.into_parts();
        let ended = headers::code(&parts.headers);
        let mut kept = headers::downstream(parts.headers.clone());
        if answer == Form::Native {
            kept.extend(native::down(&parts.headers));
        }
        kept.extend(correlation.map(|id| (CORRELATION, id)));
        let reply = match ended {
            Some(code) => {
                record.end(code);
                Reply::Whole(Bytes::new())
            }
            // A stream of questions may last; one that names no time ends when its connection does.
            None => {
                let timer = time.map(|time| Box::pin(sleep_until(ask.began + time)));
                let watch = Watch::new(timer, Some(fault), self.stopping.clone(), record);
                let answering = Outbound::new(body, answer, watch);
                Reply::Stream(Box::pin(Reply::Call(Box::new(answering))))
            }
        };
        let mut response = Response::new(reply);
        *response.headers_mut() = kept;
        response
    }
}
