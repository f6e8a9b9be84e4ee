//! What the gateway tells about the fabric: services, their instances, and how calls fared from here.
//!
//! The page's fabric corner and load balancers read it as JSON; nothing in it is invented: names, health and notes are
//! Consul's, calls and latencies are this process's own. When not: history is Prometheus's, at `/gateway/metrics`.

use std::collections::BTreeMap;

use lyceum::client::EndpointReport;
use lyceum::discovery::{Health, WEIGHT_UNIT};
use serde::Serialize;

use crate::route::{Routes, Service};

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
    instances: Vec<InstanceReport>,
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
    calls: u64,
    errors: u64,
    latency_ms: Latency,
}

#[derive(Debug, Serialize)]
struct Latency {
    p50: f64,
    p99: f64,
    ewma: f64,
}

/// Every service and its instances.
pub(crate) fn services(routes: &Routes) -> ServicesReport {
    let services = routes
        .services()
        .into_iter()
        .map(|service| ServiceReport {
            instances: service.channel.report().into_iter().map(InstanceReport::from).collect(),
            name: service.name,
            methods: service.methods,
        })
        .collect();
    ServicesReport { services }
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
            calls: report.calls,
            errors: report.errors,
            latency_ms: Latency {
                p50: report.p50_ms,
                p99: report.p99_ms,
                ewma: report.ewma_ms,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

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
                "in_flight": 1, "calls": 123, "errors": 1, "latency_ms": { "p50": 1.5, "p99": 5.0, "ewma": 1.25 }
            })
        );
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
