//! `grpc.health.v1` of the gateway, and through it of every service by its name in Consul or in a contract.
//!
//! Degraded is serving: some instances answer. When not: why something is as it is stands in `/gateway/health`.

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::sleep;
use tokio_stream::Stream;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_server::{Health, HealthServer};
use tonic_health::pb::{HealthCheckRequest, HealthCheckResponse};

use super::services;
use crate::report::{self, Condition};
use crate::route::Routes;

/// How often a watch looks.
const LOOK: Duration = Duration::from_secs(1);

/// What health is told of.
#[derive(Clone, Debug)]
struct Conditions {
    routes: Arc<Routes>,
    draining: CancellationToken,
}

/// The service.
pub(super) fn service(routes: Arc<Routes>, draining: CancellationToken) -> HealthServer<impl Health> {
    HealthServer::new(Conditions { routes, draining }).max_decoding_message_size(4096)
}

impl Conditions {
    fn of(&self, name: &str) -> Option<ServingStatus> {
        let own = name.is_empty() || services().contains(name);
        if own {
            let draining = self.draining.is_cancelled();
            return Some(if draining {
                ServingStatus::NotServing
            } else {
                ServingStatus::Serving
            });
        }
        Some(match report::condition(&self.routes, name)? {
            Condition::Serving | Condition::Degraded => ServingStatus::Serving,
            Condition::NotServing => ServingStatus::NotServing,
        })
    }
}

#[tonic::async_trait]
impl Health for Conditions {
    async fn check(&self, request: Request<HealthCheckRequest>) -> Result<Response<HealthCheckResponse>, Status> {
        match self.of(&request.get_ref().service) {
            Some(status) => Ok(Response::new(HealthCheckResponse { status: status.into() })),
            None => Err(Status::not_found("no service that is registered here has this name")),
        }
    }

    type WatchStream = Pin<Box<dyn Stream<Item = Result<HealthCheckResponse, Status>> + Send>>;

    async fn watch(&self, request: Request<HealthCheckRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let (conditions, name) = (self.clone(), request.into_inner().service);
        let (told, seen) = mpsc::channel(1);
        tokio::spawn(async move {
            let mut last = None;
            loop {
                let status = conditions.of(&name).unwrap_or(ServingStatus::ServiceUnknown);
                if last != Some(status) {
                    last = Some(status);
                    let response = HealthCheckResponse { status: status.into() };
                    if told.send(Ok(response)).await.is_err() {
                        return;
                    }
                }
                tokio::select! {
                    () = told.closed() => return,
                    () = sleep(LOOK) => {}
                    () = conditions.draining.cancelled(), if !conditions.draining.is_cancelled() => {}
                }
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(seen))))
    }
}
