//! What this process's balancer knows of each instance, for operators and the page.

use std::sync::Arc;
use std::time::SystemTime;

use super::connection::{self, Connection};
use crate::balancing::{Endpoint, Member as _};
use crate::discovery::{Health, Instances};

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
}

/// Joins discovery's view with the pool's; critical instances have no endpoint but are reported too.
pub(super) fn of(endpoints: &[Arc<Endpoint<Connection>>], instances: &Instances) -> Vec<EndpointReport> {
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
                connected: endpoint.is_some_and(|endpoint| endpoint.is_ready()),
                in_flight: endpoint.map_or(0, |endpoint| endpoint.in_flight()),
                calls: endpoint.map_or(0, |endpoint| endpoint.calls()),
                errors: endpoint.map_or(0, |endpoint| endpoint.errors()),
                p50_ms: quantile(0.5),
                p99_ms: quantile(0.99),
                ewma_ms: endpoint
                    .and_then(|endpoint| endpoint.latency())
                    .map_or(0.0, |micros| f64::from(micros) / 1e3),
            }
        })
        .collect()
}
