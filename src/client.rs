//! Calling other services: a channel for each callee, under every generated client.
//!
//! A call takes the context of the one it serves ([`crate::context`]) with the time that is left, picks an instance by
//! health ([`crate::balancing`]), and goes over one mutual-TLS HTTP/2 connection an instance. The fabric adds:
//! - a deadline on every unary call; DEADLINE_EXCEEDED when it passes, on this side of the wire;
//! - a request that was never sent goes elsewhere for free; an idempotent one (by its contract) is tried again
//!   elsewhere when its instance dies or says UNAVAILABLE;
//! - UNAVAILABLE (reason NO_INSTANCES, INSTANCES_UNREACHABLE or CERTIFICATE_REFUSED) at once when nobody can answer, unless the request
//!   carries [`WaitForReady`].
//!
//! Why not tonic's channel: it balances at random, counts dead endpoints as ready, and takes no TLS of ours (ADR 5).
//! When not: callers outside the mesh go through the gateway. Source: gRPC's retry design A6 and wait-for-ready.

mod attempt;
mod body;
mod call;
mod callee;
mod callees;
mod check;
mod connection;
mod exchange;
mod lane;
mod method;
mod metrics;
mod outside;
mod plan;
mod report;
mod rounds;

pub use body::ResponseBody;
pub use outside::{Error as OutsideError, Outside};
pub use report::{BreakerReport, BreakerState, CalleeReport, EndpointReport};

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use tonic::Status;
use tonic::body::Body;

pub(crate) use callee::Callee;
pub(crate) use callees::Callees;

/// A generated client and the Consul service that it calls; implemented by generated code.
pub trait Contract {
    /// The Consul service.
    const SERVICE: &'static str;
    /// The client over a channel.
    fn over(channel: Channel) -> Self;
}

/// Who answered; an extension of every response.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answered {
    /// The instance's id in Consul.
    pub instance: Arc<str>,
}

/// As an extension of a request: wait for an instance until the deadline instead of failing at once.
#[derive(Clone, Copy, Debug)]
pub struct WaitForReady;

/// Calls to one service; cheap to clone, shared by all its clients in the process.
#[derive(Clone, Debug)]
pub struct Channel {
    callee: Arc<Callee>,
}

impl Channel {
    pub(crate) fn new(callee: Arc<Callee>) -> Self {
        Self { callee }
    }

    /// The callee's Consul name.
    #[must_use]
    pub fn service(&self) -> &str {
        self.callee.service()
    }

    /// Every instance as this process's balancer sees it, by id.
    #[must_use]
    pub fn report(&self) -> Vec<EndpointReport> {
        self.callee.endpoints()
    }

    /// The same, with the callee's breakers and retry budget.
    #[must_use]
    pub fn standing(&self) -> CalleeReport {
        self.callee.report()
    }

    /// Waits until an instance is connected.
    pub async fn ready(&self) {
        self.callee.ready().await;
    }
}

impl tower::Service<Request<Body>> for Channel {
    type Response = Response<ResponseBody>;
    type Error = Status;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Status>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Status>> {
        // Readiness is an instance's, not the channel's: it is awaited inside the call, within its deadline.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        Box::pin(Arc::clone(&self.callee).call(request))
    }
}
