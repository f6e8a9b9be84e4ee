//! The gRPC services that the gateway itself serves: reflection and health, for tools outside the mesh.
//!
//! **Why.** `grpcurl list` asks the server that it reaches, and that is the gateway; one service's own reflection knows
//! that service alone. So the gateway reflects what all of them said ([`Schema`]), and its health is the whole's.
//! **When not.** Everything else is called at its service. What is told here stands in `/openapi.json` and
//! `/gateway/health` too, so no credential is asked for; rates are limited as everywhere.
//! **Source.** `reflection.proto` and `health.proto` in grpc/grpc.

mod health;
mod reflection;

use std::collections::BTreeSet;
use std::sync::Arc;

use http::{HeaderMap, Request, Response};
use lyceum::client::ResponseBody;
use lyceum::context::headers::CORRELATION;
use tokio::time::sleep_until;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use tonic::service::Routes as Services;
use tower::Service as _;

use crate::edge::Edge;
use crate::guard::Denied;
use crate::invoke::{Ask, Call, Refused, To, trace};
use crate::metrics::{self, Metrics};
use crate::record::Record;
use crate::route::Routes;
use crate::schema::{MethodInfo, Schema, ServiceInfo};
use crate::{deadline, headers, refusal};

/// What is served here, by path.
const METHODS: [&str; 4] = [
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
    "/grpc.health.v1.Health/Check",
    "/grpc.health.v1.Health/Watch",
];

/// Whose methods they are.
fn services() -> BTreeSet<&'static str> {
    METHODS.iter().filter_map(|path| path[1..].split('/').next()).collect()
}

/// The gateway's own services.
#[derive(Debug)]
pub(crate) struct Own {
    served: Served,
    methods: [Arc<metrics::Method>; METHODS.len()],
    types: Vec<Arc<ServiceInfo>>,
}

/// What answers their calls.
#[derive(Clone, Debug)]
pub(crate) struct Served(Services);

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
        let types = reflection.own();
        let services = Services::new(reflection.clone().v1())
            .add_service(reflection.v1alpha())
            .add_service(health::service(Arc::clone(routes), draining.clone()));
        Self {
            served: Served(services),
            methods: METHODS.map(|path| metrics.method(&path[1..])),
            types,
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

    /// Its types.
    pub(crate) fn types(&self, path: &str) -> Option<Arc<MethodInfo>> {
        let mut methods = self.types.iter().flat_map(|service| &service.methods);
        methods.find(|method| method.path == path).cloned()
    }
}

impl Served {
    /// Answers a call.
    pub(crate) async fn call(&self, request: Request<tonic::body::Body>) -> Result<Response<ResponseBody>, Status> {
        match self.0.clone().call(request).await {
            Ok(served) => Ok(served.map(ResponseBody::local)),
            Err(never) => match never {},
        }
    }
}

impl Edge {
    /// As [`Edge::begin`], for a method of the gateway's own. A call that names no time ends when its connection does: a
    /// stream of questions may last.
    pub(crate) fn begin_own<'a>(&self, ask: Ask<'a>, method: Arc<metrics::Method>) -> Result<Call<'a>, Refused> {
        let mut record = Record::begin(method, ask.front, ask.began);
        let mut upstream = headers::upstream(ask.headers);
        let correlation = trace(&mut upstream, record.span());
        record.correlate(correlation.clone());
        let mut told: HeaderMap = correlation.map(|id| (CORRELATION, id)).into_iter().collect();
        let longest = self.live.load().deadline_limit(ask.uri.path());
        let granted = self
            .quota
            .rules()
            .arrive(ask.peer.address.ip(), ask.headers, &mut Default::default())
            .and_then(|()| {
                deadline::of(ask.headers, longest).map_err(|error| Box::<Denied>::from(refusal::broken_timeout(error)))
            });
        let end = match granted {
            Ok(time) => time.map(|time| ask.began + time),
            Err(denied) => {
                told.extend(denied.told);
                return Err(Refused::new(denied.refusal.into(), &mut record, told));
            }
        };
        Ok(Call {
            uri: ask.uri,
            to: To::Gateway(self.own.served.clone()),
            end,
            timer: end.map(|end| Box::pin(sleep_until(end))),
            upstream,
            principal: None,
            native: false,
            told,
            record,
            stopping: self.stopping.clone(),
        })
    }

    /// The types of the method at a path, the gateway's own included.
    pub(crate) fn types(&self, path: &str) -> Option<Arc<MethodInfo>> {
        self.schema.method(path).or_else(|| self.own.types(path))
    }
}
