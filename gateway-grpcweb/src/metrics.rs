//! What the gateway counts: calls by method and code, their duration, what is under way.
//!
//! The handles of a method are made once and kept with its route, so that a call counts with a few atomic additions.
//! A method is named only once a service has answered it: what strangers ask for is counted as `other`, or anybody
//! could fill the memory with names. When not: what the fabric's client sees of the same calls is `lyceum_rpc_client_…`.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use lyceum::telemetry::{Counts, Histogram, code_name};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use tonic::Code;

use crate::journal::Journal;

/// The name of every method that no service has answered yet.
pub(crate) const OTHER: &str = "other";

/// How many codes gRPC has.
pub(crate) const CODES: usize = 17;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct MethodLabels {
    method: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CodeLabels {
    method: String,
    code: &'static str,
}

/// Every metric of a gateway.
#[derive(Clone, Debug, Default)]
pub(crate) struct Metrics {
    calls: Family<CodeLabels, Counter>,
    durations: Family<MethodLabels, Histogram>,
    in_flight: Gauge,
    methods: Arc<Mutex<BTreeMap<String, Arc<Method>>>>,
    /// A line for each call.
    pub(crate) journal: Arc<Journal>,
    /// Connections that are open.
    pub(crate) connections: Gauge,
    /// WebSockets that are open.
    pub(crate) websockets: Gauge,
    /// Documents served: the page, and what the gateway tells of itself.
    pub(crate) documents: Counter,
}

/// The metrics of one method.
#[derive(Debug)]
pub(crate) struct Method {
    /// `package.Service/Method`, or `other`.
    pub(crate) name: String,
    calls: Family<CodeLabels, Counter>,
    ended: [OnceLock<Counter>; CODES],
    duration: Histogram,
    all_in_flight: Gauge,
    begun: AtomicU64,
    left: AtomicU64,
    pub(crate) journal: Arc<Journal>,
}

/// What a method has counted by a time.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tally {
    /// Calls that are under way.
    pub(crate) in_flight: u64,
    /// Calls that ended, by code.
    pub(crate) ended: [u64; CODES],
    /// How long they took.
    pub(crate) durations: Counts,
}

// === impl Metrics ===

impl Metrics {
    /// Metrics that show in a registry.
    pub(crate) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        registry.register(
            "gateway_calls",
            "Browsers' calls that ended, by gRPC code",
            metrics.calls.clone(),
        );
        registry.register(
            "gateway_duration_seconds",
            "Duration of browsers' calls",
            metrics.durations.clone(),
        );
        registry.register(
            "gateway_in_flight",
            "Browsers' calls under way",
            metrics.in_flight.clone(),
        );
        registry.register(
            "gateway_connections",
            "Browsers' connections",
            metrics.connections.clone(),
        );
        registry.register("gateway_websockets", "Browsers' WebSockets", metrics.websockets.clone());
        registry.register(
            "gateway_documents",
            "Documents served beside calls",
            metrics.documents.clone(),
        );
        registry.register(
            "gateway_access_lines_dropped",
            "Lines that the access log could not take",
            metrics.journal.dropped.clone(),
        );
        metrics
    }

    /// The handles of a method: looked up once a route, not once a call.
    pub(crate) fn method(&self, name: impl Into<String>) -> Arc<Method> {
        let name = name.into();
        let mut methods = self.methods.lock().unwrap_or_else(PoisonError::into_inner);
        let made = methods.entry(name).or_insert_with_key(|name| {
            let labels = MethodLabels { method: name.clone() };
            Arc::new(Method {
                duration: self.durations.get_or_create_owned(&labels),
                name: name.clone(),
                calls: self.calls.clone(),
                ended: [const { OnceLock::new() }; CODES],
                all_in_flight: self.in_flight.clone(),
                begun: AtomicU64::new(0),
                left: AtomicU64::new(0),
                journal: Arc::clone(&self.journal),
            })
        });
        Arc::clone(made)
    }

    /// Every method that has handles, by name.
    pub(crate) fn methods(&self) -> Vec<Arc<Method>> {
        let methods = self.methods.lock().unwrap_or_else(PoisonError::into_inner);
        methods.values().cloned().collect()
    }
}

// === impl Method ===

impl Method {
    /// A call begins.
    pub(crate) fn begin(&self) {
        self.all_in_flight.inc();
        self.begun.fetch_add(1, Ordering::Relaxed);
    }

    /// A call that began turns out to be another method's.
    pub(crate) fn hand_over(&self, to: &Self) {
        to.begun.fetch_add(1, Ordering::Relaxed);
        self.left.fetch_add(1, Ordering::Relaxed);
    }

    /// It ended with a code after this long.
    pub(crate) fn end(&self, code: Code, took: Duration) {
        self.all_in_flight.dec();
        self.left.fetch_add(1, Ordering::Relaxed);
        self.duration.observe(took);
        self.ended[code as usize]
            .get_or_init(|| {
                let labels = CodeLabels {
                    method: self.name.clone(),
                    code: code_name(code),
                };
                self.calls.get_or_create_owned(&labels)
            })
            .inc();
    }

    /// What was counted so far.
    pub(crate) fn tally(&self) -> Tally {
        let left = self.left.load(Ordering::Relaxed);
        Tally {
            in_flight: self.begun.load(Ordering::Relaxed).saturating_sub(left),
            ended: std::array::from_fn(|code| self.ended[code].get().map_or(0, Counter::get)),
            durations: self.duration.counts(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_show_by_method_and_code() {
        let mut registry = Registry::with_prefix("lyceum");
        let metrics = Metrics::register(&mut registry);
        let method = metrics.method("p.S/M");
        method.begin();
        method.begin();
        method.end(Code::Unauthenticated, Duration::from_millis(2));
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        for line in [
            "lyceum_gateway_calls_total{method=\"p.S/M\",code=\"UNAUTHENTICATED\"} 1",
            "lyceum_gateway_duration_seconds_count{method=\"p.S/M\"} 1",
            "lyceum_gateway_in_flight 1",
        ] {
            assert!(text.contains(line), "{line} is not in\n{text}");
        }
    }
}
