//! What this process does about its callees, as metrics: counted on the way of calls, gathered when somebody asks.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, PoisonError, Weak};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric as _};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::{ConstCounter, Counter};
use prometheus_client::metrics::gauge::ConstGauge;

use super::callee::Callee;
use super::callees::Known;
use super::{CalleeReport, EndpointReport};

/// What is counted of one callee.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) retries: Counter<u64, AtomicU64>,
    pub(super) hedges: Counter<u64, AtomicU64>,
    pub(super) hedges_won: Counter<u64, AtomicU64>,
    pub(super) over_budget: Counter<u64, AtomicU64>,
    pub(super) opened: Counter<u64, AtomicU64>,
    pub(super) refused: Counter<u64, AtomicU64>,
    pub(super) cached: Counter<u64, AtomicU64>,
    pub(super) supplied: Counter<u64, AtomicU64>,
}

/// Gathers the metrics of every callee.
#[derive(Debug)]
pub(super) struct Gatherer(Weak<Known>);

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CalleeLabels {
    callee: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct InstanceLabels {
    callee: String,
    instance: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct MethodLabels {
    callee: String,
    method: String,
}

impl Gatherer {
    pub(super) fn new(known: &Arc<Known>) -> Self {
        Self(Arc::downgrade(known))
    }

    fn callees(&self) -> Vec<Arc<Callee>> {
        let Some(known) = self.0.upgrade() else {
            return Vec::new();
        };
        let mut callees: Vec<_> = known
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .values()
            .cloned()
            .collect();
        callees.sort_by(|one, other| one.service().cmp(other.service()));
        callees
    }
}

type Count = (&'static str, &'static str, fn(&Counters) -> u64);
type Reading = (&'static str, &'static str, fn(&EndpointReport) -> f64);
type Standing = (&'static str, &'static str, fn(&CalleeReport) -> f64);

const COUNTS: [Count; 8] = [
    ("client_retries", "Attempts after the first", |c| c.retries.get()),
    ("client_hedges", "Second instances asked beside a late one", |c| {
        c.hedges.get()
    }),
    ("client_hedges_won", "Of these, those that answered first", |c| {
        c.hedges_won.get()
    }),
    (
        "client_retries_over_budget",
        "Retries that the budget did not allow",
        |c| c.over_budget.get(),
    ),
    ("client_breaker_opened", "Times that a method's breaker opened", |c| {
        c.opened.get()
    }),
    ("client_breaker_refused", "Calls that an open breaker refused", |c| {
        c.refused.get()
    }),
    ("client_answers_cached", "Calls answered by the last good answer", |c| {
        c.cached.get()
    }),
    (
        "client_answers_static",
        "Calls answered by the author's static answer",
        |c| c.supplied.get(),
    ),
];

const READINGS: [Reading; 9] = [
    ("client_endpoint_weight", "Relative weight", |e| f64::from(e.weight)),
    ("client_endpoint_connected", "1: there is a connection", |e| {
        f64::from(u8::from(e.connected))
    }),
    (
        "client_endpoint_ewma_seconds",
        "The latency that the balancer reckons with",
        |e| e.ewma_ms / 1e3,
    ),
    ("client_endpoint_in_flight", "Calls under way", |e| {
        f64::from(e.in_flight)
    }),
    ("client_endpoint_streams", "Streams that are open", |e| {
        f64::from(e.streams)
    }),
    ("client_endpoint_failing", "Moving share of failures", |e| e.failing),
    (
        "client_endpoint_utilization",
        "What the instance says of its own load",
        |e| e.utilization,
    ),
    ("client_endpoint_ejected", "1: it gets no calls for a while", |e| {
        f64::from(u8::from(e.ejected))
    }),
    ("client_endpoint_ejections", "How often it was ejected", |e| {
        e.ejections as f64
    }),
];

const STANDINGS: [Standing; 2] = [
    (
        "client_budget_spent",
        "Retries and hedges in the budget's window",
        |c| c.budget_spent as f64,
    ),
    ("client_budget_allowed", "How many there may be", |c| {
        c.budget_allowed as f64
    }),
];

impl Collector for Gatherer {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), std::fmt::Error> {
        let callees = self.callees();
        let labels = |callee: &Callee| CalleeLabels {
            callee: callee.service().to_owned(),
        };
        for (name, help, count) in COUNTS {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Counter)?;
            for callee in &callees {
                let value = ConstCounter::new(count(&callee.counters));
                value.encode(family.encode_family(&labels(callee))?)?;
            }
        }
        let reports: Vec<_> = callees.iter().map(|callee| (callee, callee.report())).collect();
        for (name, help, standing) in STANDINGS {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for (callee, report) in &reports {
                ConstGauge::new(standing(report)).encode(family.encode_family(&labels(callee))?)?;
            }
        }
        let mut family = encoder.encode_descriptor(
            "client_breaker_state",
            "0 closed, 1 half-open, 2 open",
            None,
            MetricType::Gauge,
        )?;
        for (callee, report) in &reports {
            for breaker in &report.breakers {
                let labels = MethodLabels {
                    callee: callee.service().to_owned(),
                    method: breaker.method.clone(),
                };
                ConstGauge::new(breaker.state as i64).encode(family.encode_family(&labels)?)?;
            }
        }
        for (name, help, reading) in READINGS {
            let mut family = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for (callee, report) in &reports {
                for endpoint in &report.endpoints {
                    let labels = InstanceLabels {
                        callee: callee.service().to_owned(),
                        instance: endpoint.id.clone(),
                    };
                    ConstGauge::new(reading(endpoint)).encode(family.encode_family(&labels)?)?;
                }
            }
        }
        Ok(())
    }
}
