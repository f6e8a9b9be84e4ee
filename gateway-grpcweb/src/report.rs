//! What the gateway tells about the fabric: services, their instances, and how calls fared from here.
//!
//! The page's fabric corner and load balancers read it as JSON; nothing in it is invented: names, health and notes are
//! Consul's, calls and latencies are this process's own. When not: history is Prometheus's, at `/gateway/metrics`.

mod answer;
mod calls;

pub(crate) use answer::refused;
pub(crate) use calls::Calls;

use std::collections::BTreeMap;

use lyceum::client::{BreakerReport, CalleeReport, EndpointReport};
use lyceum::discovery::{Health, WEIGHT_UNIT};
use serde::Serialize;

use crate::route::{Routes, Service};
use crate::schema::Schema;

/// `/gateway/health`.
#[derive(Debug, Serialize)]
pub(crate) struct HealthReport {
    pub(crate) status: Condition,
    services: BTreeMap<String, ServiceHealth>,
}

/// Whether calls can be answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Condition {
    Serving,
    Degraded,
    NotServing,
}

/// `/gateway/health/<service>`.
#[derive(Debug, Serialize)]
struct ServiceHealth {
    status: Condition,
    instances: usize,
}

/// `/gateway/services`.
#[derive(Debug, Serialize)]
pub(crate) struct ServicesReport {
    services: Vec<ServiceReport>,
}

#[derive(Debug, Serialize)]
struct ServiceReport {
    name: String,
    methods: Vec<String>,
    /// Whether it was asked for its types: before, JSON cannot be spoken with it.
    settled: bool,
    instances: Vec<InstanceReport>,
    breakers: Vec<Breaker>,
    budget: Budget,
}

/// Whether a method's calls go through.
#[derive(Debug, Serialize)]
struct Breaker {
    method: String,
    state: &'static str,
}

/// Retries and hedges in the budget's window, and how many there may be.
#[derive(Debug, Serialize)]
struct Budget {
    spent: u64,
    allowed: u64,
}

#[derive(Debug, Serialize)]
struct InstanceReport {
    id: String,
    address: String,
    health: &'static str,
    note: String,
    weight: f64,
    version: String,
    certificate_expires: Option<String>,
    connected: bool,
    in_flight: u32,
    streams: u32,
    calls: u64,
    errors: u64,
    latency_ms: Latency,
    failing: f64,
    utilization: f64,
    ejected: bool,
    ejections: u64,
}

#[derive(Debug, Serialize)]
struct Latency {
    p50: f64,
    p99: f64,
    ewma: f64,
}

/// Every service and its instances; `newest` when JSON is spoken with the types that were learnt last.
pub(crate) fn services(routes: &Routes, schema: &Schema, newest: bool) -> ServicesReport {
    let services = routes
        .services()
        .into_iter()
        .map(|service| {
            let standing = service.channel.standing();
            let serves = standing.endpoints.iter().any(|endpoint| endpoint.weight > 0);
            let settled = newest && schema.is_settled(&service.name, serves);
            ServiceReport::new(service.name, service.methods, settled, standing)
        })
        .collect();
    ServicesReport { services }
}

impl ServiceReport {
    fn new(name: String, methods: Vec<String>, settled: bool, standing: CalleeReport) -> Self {
        let breaker = |BreakerReport { method, state }| Breaker {
            method,
            state: state.name(),
        };
        Self {
            name,
            methods,
            settled,
            instances: standing.endpoints.into_iter().map(InstanceReport::from).collect(),
            breakers: standing.breakers.into_iter().map(breaker).collect(),
            budget: Budget {
                spent: standing.budget_spent,
                allowed: standing.budget_allowed,
            },
        }
    }
}

/// The gateway's health: its own, and whether every service has somebody who serves.
pub(crate) fn health(routes: &Routes, draining: bool) -> HealthReport {
    let services: BTreeMap<String, ServiceHealth> = routes
        .services()
        .into_iter()
        .map(|Service { name, channel, .. }| (name, service(&channel.report())))
        .collect();
    let status = if draining || !routes.is_ready() {
        Condition::NotServing
    } else {
        together(services.values().map(|service| service.status))
    };
    HealthReport { status, services }
}

/// One service's health; none of a service that nobody knows.
fn service_health(routes: &Routes, name: &str) -> Option<ServiceHealth> {
    let known = routes.services().into_iter().find(|service| service.name == name)?;
    Some(service(&known.channel.report()))
}

/// How a service fares, by its name in Consul or in a contract.
pub(crate) fn condition(routes: &Routes, name: &str) -> Option<Condition> {
    let named = |known: &crate::route::Service| known.name == name || known.methods.iter().any(|method| method == name);
    let known = routes.services().into_iter().find(named)?;
    Some(service(&known.channel.report()).status)
}

/// A gateway that can reach some services serves; without any known service there is nothing wrong with it either.
fn together(services: impl Iterator<Item = Condition>) -> Condition {
    let (mut all, mut good, mut none) = (0, 0, 0);
    for status in services {
        all += 1;
        good += usize::from(status == Condition::Serving);
        none += usize::from(status == Condition::NotServing);
    }
    if good == all {
        Condition::Serving
    } else if none == all {
        Condition::NotServing
    } else {
        Condition::Degraded
    }
}

fn service(instances: &[EndpointReport]) -> ServiceHealth {
    let usable = instances.iter().filter(|instance| instance.weight > 0);
    let status = if usable.clone().any(|instance| instance.health == Health::Passing) {
        Condition::Serving
    } else if usable.clone().next().is_some() {
        Condition::Degraded
    } else {
        Condition::NotServing
    };
    ServiceHealth {
        status,
        instances: usable.count(),
    }
}

impl From<EndpointReport> for InstanceReport {
    fn from(report: EndpointReport) -> Self {
        Self {
            id: report.id,
            address: report.address,
            health: match report.health {
                Health::Passing => "passing",
                Health::Warning => "warning",
                Health::Critical => "critical",
            },
            note: report.note,
            weight: f64::from(report.weight) / f64::from(WEIGHT_UNIT),
            version: report.version,
            certificate_expires: report
                .certificate_expires
                .map(|time| humantime::format_rfc3339_seconds(time).to_string()),
            connected: report.connected,
            in_flight: report.in_flight,
            streams: report.streams,
            calls: report.calls,
            errors: report.errors,
            latency_ms: Latency {
                p50: report.p50_ms,
                p99: report.p99_ms,
                ewma: report.ewma_ms,
            },
            failing: report.failing,
            utilization: report.utilization,
            ejected: report.ejected,
            ejections: report.ejections,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use lyceum::client::BreakerState;

    use super::*;

    fn instance(health: Health, weight: u32) -> EndpointReport {
        EndpointReport {
            id: "probe-1a2b3c4d".to_owned(),
            address: "127.0.0.1:4000".to_owned(),
            health,
            note: "two calls wait".to_owned(),
            weight,
            version: "0.1.0".to_owned(),
            certificate_expires: Some(SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)),
            connected: true,
            in_flight: 1,
            calls: 123,
            errors: 1,
            p50_ms: 1.5,
            p99_ms: 5.0,
            ewma_ms: 1.25,
            streams: 2,
            failing: 0.5,
            utilization: 0.25,
            ejected: true,
            ejections: 3,
        }
    }

    #[test]
    fn an_instance_is_written_as_the_page_reads_it() {
        let json = serde_json::to_value(InstanceReport::from(instance(Health::Warning, 10))).unwrap();
        assert_eq!(
            json,
            serde_json::json!({
                "id": "probe-1a2b3c4d", "address": "127.0.0.1:4000", "health": "warning", "note": "two calls wait",
                "weight": 2.5, "version": "0.1.0", "certificate_expires": "2027-01-15T08:00:00Z", "connected": true,
                "in_flight": 1, "streams": 2, "calls": 123, "errors": 1,
                "latency_ms": { "p50": 1.5, "p99": 5.0, "ewma": 1.25 },
                "failing": 0.5, "utilization": 0.25, "ejected": true, "ejections": 3
            })
        );
    }

    #[test]
    fn a_service_is_told_with_its_breakers_and_its_budget() {
        let breaker = |method: &str, state| BreakerReport {
            method: method.to_owned(),
            state,
        };
        let standing = CalleeReport {
            endpoints: vec![instance(Health::Passing, 4)],
            breakers: vec![
                breaker("p.S/Get", BreakerState::Closed),
                breaker("p.S/List", BreakerState::Open),
            ],
            budget_spent: 3,
            budget_allowed: 100,
        };
        let report = ServiceReport::new("probe".to_owned(), vec!["p.S".to_owned()], true, standing);
        let json = serde_json::to_value(report).unwrap();
        assert_eq!(json["instances"].as_array().map(Vec::len), Some(1));
        assert_eq!(
            json["breakers"],
            serde_json::json!([
                { "method": "p.S/Get", "state": "closed" }, { "method": "p.S/List", "state": "open" }
            ])
        );
        assert_eq!(json["budget"], serde_json::json!({ "spent": 3, "allowed": 100 }));
    }

    #[test]
    fn a_service_serves_while_somebody_does() {
        let status = |instances: &[EndpointReport]| service(instances).status;
        let (good, slow, gone) = (
            instance(Health::Passing, 4),
            instance(Health::Warning, 1),
            instance(Health::Critical, 0),
        );
        assert_eq!(status(&[good.clone(), gone.clone()]), Condition::Serving);
        assert_eq!(status(&[slow.clone(), gone.clone()]), Condition::Degraded);
        assert_eq!(status(std::slice::from_ref(&gone)), Condition::NotServing);
        assert_eq!(service(&[good, slow, gone]).instances, 2);
    }

    #[test]
    fn the_whole_is_as_good_as_its_parts() {
        use super::Condition::{Degraded, NotServing, Serving};
        assert_eq!(together([].into_iter()), Serving);
        assert_eq!(together([Serving, Serving].into_iter()), Serving);
        assert_eq!(together([Serving, NotServing].into_iter()), Degraded);
        assert_eq!(together([Degraded, Degraded].into_iter()), Degraded);
        assert_eq!(together([NotServing, NotServing].into_iter()), NotServing);
        assert_eq!(serde_json::to_string(&NotServing).unwrap(), "\"not_serving\"");
    }
}
