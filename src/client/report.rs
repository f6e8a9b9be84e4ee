//! What this process's balancer knows of each instance, for operators and the page.

use std::sync::Arc;
use std::time::SystemTime;

use super::callee::Callee;
use super::connection::{self, Connection};
use crate::balancing::{Endpoint, Member as _, Micros};
use crate::contracts::METHODS;
use crate::discovery::{Health, Instances};
use crate::resilience::breaker::State;

/// One instance of a callee.
#[derive(Clone, Debug)]
pub struct EndpointReport {
    /// Its id in Consul.
    pub id: String,
    /// `host:port`.
    pub address: String,
    /// Its state, the worst of its checks.
    pub health: Health,
    /// What it or its checks say about it.
    pub note: String,
    /// Its relative weight; 0 when it gets no calls.
    pub weight: u32,
    /// Its version.
    pub version: String,
    /// When its certificate ends.
    pub certificate_expires: Option<SystemTime>,
    /// Whether there is a connection.
    pub connected: bool,
    /// Calls under way from this process.
    pub in_flight: u32,
    /// Calls that this process made.
    pub calls: u64,
    /// Those that failed or timed out.
    pub errors: u64,
    /// Median latency in milliseconds, from this process.
    pub p50_ms: f64,
    /// 99th percentile, likewise.
    pub p99_ms: f64,
    /// The latency that the balancer reckons with, likewise; 0 before the first answer.
    pub ewma_ms: f64,
    /// Long-lived streams that are open.
    pub streams: u32,
    /// Moving share of failures, 0 to 1.
    pub failing: f64,
    /// What the instance says of its own load: calls under way ÷ its limit.
    pub utilization: f64,
    /// Whether it gets no calls for a while, because it failed.
    pub ejected: bool,
    /// How often that was so.
    pub ejections: u64,
}

/// A callee as a whole.
#[derive(Clone, Debug)]
pub struct CalleeReport {
    /// Its instances, by id.
    pub endpoints: Vec<EndpointReport>,
    /// The methods that were called.
    pub breakers: Vec<BreakerReport>,
    /// Retries and hedges in the budget's window.
    pub budget_spent: u64,
    /// How many there may be.
    pub budget_allowed: u64,
}

/// One method's breaker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BreakerReport {
    /// `package.Service/Method`.
    pub method: String,
    /// Whether calls go through.
    pub state: BreakerState,
}

/// Whether a method's calls go through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakerState {
    /// They do.
    Closed = 0,
    /// One of them, to see how it goes.
    HalfOpen = 1,
    /// None, for a moment.
    Open = 2,
}

impl BreakerState {
    /// As people read it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Closed => "closed",
            Self::HalfOpen => "half-open",
            Self::Open => "open",
        }
    }
}

/// Everything that is known of a callee.
pub(super) fn callee(callee: &Callee) -> CalleeReport {
    let now = callee.now();
    let budget = callee.budget.report(now, &callee.policy.load().budget);
    let breakers = callee
        .methods
        .called()
        .map(|(index, method)| BreakerReport {
            method: METHODS[index].path[1..].to_owned(),
            state: match method.breaker.state() {
                State::Closed { .. } => BreakerState::Closed,
                State::HalfOpen { .. } => BreakerState::HalfOpen,
                State::Open { .. } => BreakerState::Open,
            },
        })
        .collect();
    CalleeReport {
        endpoints: callee.endpoints(),
        breakers,
        budget_spent: budget.retries,
        budget_allowed: budget.allowed,
    }
}

/// Joins discovery's view with the pool's; critical instances have no endpoint but are reported too.
pub(super) fn endpoints(
    endpoints: &[Arc<Endpoint<Connection>>],
    instances: &Instances,
    now: Micros,
) -> Vec<EndpointReport> {
    instances
        .list
        .iter()
        .map(|instance| {
            let key = connection::key(instance);
            let endpoint = endpoints.iter().find(|endpoint| endpoint.member().key() == key);
            let quantile = |q| endpoint.map_or(0.0, |endpoint| endpoint.latencies().quantile(q).as_secs_f64() * 1e3);
            EndpointReport {
                id: instance.id.clone(),
                address: instance.authority(),
                health: instance.health,
                note: instance.note.clone(),
                weight: instance.weight,
                version: instance.version.clone(),
                certificate_expires: instance.certificate_expires,
                connected: endpoint.is_some_and(|endpoint| endpoint.member().link().is_connected()),
                in_flight: endpoint.map_or(0, |endpoint| endpoint.in_flight()),
                calls: endpoint.map_or(0, |endpoint| endpoint.calls()),
                errors: endpoint.map_or(0, |endpoint| endpoint.errors()),
                p50_ms: quantile(0.5),
                p99_ms: quantile(0.99),
                ewma_ms: endpoint
                    .and_then(|endpoint| endpoint.latency())
                    .map_or(0.0, |micros| f64::from(micros) / 1e3),
                streams: endpoint.map_or(0, |endpoint| endpoint.streams()),
                failing: endpoint.map_or(0.0, |endpoint| f64::from(endpoint.failing(now))),
                utilization: endpoint.map_or(0.0, |endpoint| f64::from(endpoint.utilization(now))),
                ejected: endpoint.is_some_and(|endpoint| endpoint.is_ejected()),
                ejections: endpoint.map_or(0, |endpoint| endpoint.ejections()),
            }
        })
        .collect()
}
