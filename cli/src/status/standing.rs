//! How one process sees those it calls, read from its metrics.
//!
//! The names are those that `lyceum::client` gives its metrics; whatever else is there, and whatever a newer process
//! adds, is passed over. When not: history, rates and alerts are Prometheus's, from the same metrics.

use std::collections::BTreeMap;

use lyceum::discovery::WEIGHT_UNIT;
use serde::{Serialize, Serializer};

use super::exposition::{self, Sample};

const PREFIX: &str = "lyceum_client_";

/// One callee of a process.
#[derive(Debug, Default, PartialEq, Serialize)]
pub(super) struct Callee {
    pub(super) service: String,
    /// By id.
    #[serde(serialize_with = "listed")]
    pub(super) instances: BTreeMap<String, Endpoint>,
    /// The methods that were called.
    pub(super) breakers: Vec<Breaker>,
    pub(super) budget: Budget,
    /// What was counted since the process started, by name.
    pub(super) counts: BTreeMap<String, u64>,
}

/// One instance.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub(super) struct Endpoint {
    pub(super) id: String,
    pub(super) connected: bool,
    /// In Consul's own unit.
    pub(super) weight: f64,
    pub(super) ewma_ms: f64,
    pub(super) in_flight: u64,
    pub(super) streams: u64,
    pub(super) failing: f64,
    pub(super) utilization: f64,
    pub(super) ejected: bool,
    pub(super) ejections: u64,
}

/// One method's breaker.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub(super) struct Breaker {
    pub(super) method: String,
    pub(super) state: &'static str,
}

/// Retries and hedges in the budget's window.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub(super) struct Budget {
    pub(super) spent: u64,
    pub(super) allowed: u64,
}

/// Every callee of the process whose metrics these are, by name.
pub(super) fn read(text: &str) -> Result<Vec<Callee>, exposition::Error> {
    let mut callees = BTreeMap::<String, Callee>::new();
    for sample in exposition::samples(text, PREFIX)? {
        let Some(name) = sample.label("callee") else { continue };
        let callee = callees.entry(name.to_owned()).or_insert_with(|| Callee {
            service: name.to_owned(),
            ..Callee::default()
        });
        callee.take(&sample);
    }
    Ok(callees.into_values().collect())
}

// === impl Callee ===

impl Callee {
    fn take(&mut self, sample: &Sample<'_>) {
        let name = &sample.name[PREFIX.len()..];
        if let Some(reading) = name.strip_prefix("endpoint_") {
            if let Some(id) = sample.label("instance") {
                let endpoint = self.instances.entry(id.to_owned()).or_insert_with(|| Endpoint {
                    id: id.to_owned(),
                    ..Endpoint::default()
                });
                endpoint.take(reading, sample.value);
            }
        } else if let Some(count) = name.strip_suffix("_total") {
            self.counts.insert(count.to_owned(), whole(sample.value));
        } else {
            match name {
                "budget_spent" => self.budget.spent = whole(sample.value),
                "budget_allowed" => self.budget.allowed = whole(sample.value),
                "breaker_state" => self.breakers.extend(sample.label("method").map(|method| Breaker {
                    method: method.to_owned(),
                    state: match whole(sample.value) {
                        0 => "closed",
                        1 => "half-open",
                        _ => "open",
                    },
                })),
                _ => {}
            }
        }
    }
}

// === impl Endpoint ===

impl Endpoint {
    fn take(&mut self, reading: &str, value: f64) {
        match reading {
            "connected" => self.connected = value > 0.0,
            "weight" => self.weight = value / f64::from(WEIGHT_UNIT),
            "ewma_seconds" => self.ewma_ms = value * 1e3,
            "in_flight" => self.in_flight = whole(value),
            "streams" => self.streams = whole(value),
            "failing" => self.failing = value,
            "utilization" => self.utilization = value,
            "ejected" => self.ejected = value > 0.0,
            "ejections" => self.ejections = whole(value),
            _ => {}
        }
    }
}

fn listed<S: Serializer>(instances: &BTreeMap<String, Endpoint>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(instances.values())
}

/// A count; what is no count is 0.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the cast keeps to the range of u64"
)]
fn whole(value: f64) -> u64 {
    value.round() as u64
}
