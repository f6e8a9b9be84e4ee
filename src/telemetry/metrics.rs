//! Metrics of calls, on both sides, by method and code.
//!
//! The handles of every known method are made once, so that a call counts with a few atomic additions and no lock or
//! look-up in a label map. Names: `lyceum_rpc_{server,client}_…`.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use tonic::Code;

use super::{AdmissionMetrics, Histogram};
use crate::contracts::METHODS;

/// How many gRPC codes there are.
const CODES: usize = 17;

/// Which side of a call is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Calls that this process answers.
    Server,
    /// Calls that this process makes.
    Client,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct MethodLabels {
    method: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct CodeLabels {
    method: String,
    code: String,
}

/// The metrics of one method on one side; a clone is one more handle to them.
#[derive(Clone, Debug)]
pub struct MethodMetrics(Arc<Handles>);

#[derive(Debug)]
struct Handles {
    duration: Histogram,
    in_flight: Gauge,
    ended: [Counter; CODES],
}

impl MethodMetrics {
    /// A call begins.
    pub fn begin(&self) {
        self.0.in_flight.inc();
    }

    /// It ended with a code after this long.
    pub fn end(&self, code: Code, took: Duration) {
        self.0.in_flight.dec();
        self.0.duration.observe(took);
        self.0.ended[code as usize].inc();
    }
}

/// Every metric of this process; clones share them.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Arc<Mutex<Registry>>,
    server: Arc<Table>,
    client: Arc<Table>,
    admission: AdmissionMetrics,
}

/// One entry a known method, in the order of [`METHODS`], and one for everything else.
#[derive(Debug)]
struct Table {
    known: Vec<MethodMetrics>,
    other: MethodMetrics,
}

impl Table {
    fn register(registry: &mut Registry, side: &str) -> Self {
        let durations = Family::<MethodLabels, Histogram>::default();
        let in_flight = Family::<MethodLabels, Gauge>::default();
        let ended = Family::<CodeLabels, Counter>::default();
        registry.register(
            format!("rpc_{side}_duration_seconds"),
            "Duration of calls",
            durations.clone(),
        );
        registry.register(format!("rpc_{side}_in_flight"), "Calls under way", in_flight.clone());
        registry.register(
            format!("rpc_{side}_calls"),
            "Calls that ended, by gRPC code",
            ended.clone(),
        );
        let of = |method: &str| {
            let labels = MethodLabels {
                method: method.to_owned(),
            };
            MethodMetrics(Arc::new(Handles {
                duration: durations.get_or_create_owned(&labels),
                in_flight: in_flight.get_or_create_owned(&labels),
                ended: std::array::from_fn(|code| {
                    ended.get_or_create_owned(&CodeLabels {
                        method: method.to_owned(),
                        code: code_name(Code::from_i32(code as i32)).to_owned(),
                    })
                }),
            }))
        };
        Self {
            known: METHODS.iter().map(|method| of(&method.path[1..])).collect(),
            other: of("other"),
        }
    }
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("lyceum");
        let server = Arc::new(Table::register(&mut registry, "server"));
        let client = Arc::new(Table::register(&mut registry, "client"));
        let admission = AdmissionMetrics::register(&mut registry);
        Self {
            registry: Arc::new(Mutex::new(registry)),
            server,
            client,
            admission,
        }
    }
}

impl Metrics {
    /// The metrics of the method at `index` of [`METHODS`]; of all unknown methods together without an index.
    #[must_use]
    pub fn method(&self, side: Side, index: Option<usize>) -> &MethodMetrics {
        let table = match side {
            Side::Server => &self.server,
            Side::Client => &self.client,
        };
        index.and_then(|index| table.known.get(index)).unwrap_or(&table.other)
    }

    /// The metrics of what this process takes on as a server.
    #[must_use]
    pub fn admission(&self) -> &AdmissionMetrics {
        &self.admission
    }

    /// Lets a role register metrics of its own; names get the prefix `lyceum_`.
    pub fn register(&self, register: impl FnOnce(&mut Registry)) {
        register(&mut self.registry.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Everything, as OpenMetrics text, which Prometheus reads.
    #[must_use]
    pub fn encode(&self) -> String {
        let mut text = String::new();
        let registry = self.registry.lock().unwrap_or_else(PoisonError::into_inner);
        // Writing to a string cannot fail.
        let _ = prometheus_client::encoding::text::encode(&mut text, &registry);
        text
    }
}

/// The content type of [`Metrics::encode`].
pub const METRICS_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// A code's name as metrics and logs tell it.
#[must_use]
pub fn code_name(code: Code) -> &'static str {
    const NAMES: [&str; CODES] = [
        "OK",
        "CANCELLED",
        "UNKNOWN",
        "INVALID_ARGUMENT",
        "DEADLINE_EXCEEDED",
        "NOT_FOUND",
        "ALREADY_EXISTS",
        "PERMISSION_DENIED",
        "RESOURCE_EXHAUSTED",
        "FAILED_PRECONDITION",
        "ABORTED",
        "OUT_OF_RANGE",
        "UNIMPLEMENTED",
        "INTERNAL",
        "UNAVAILABLE",
        "DATA_LOSS",
        "UNAUTHENTICATED",
    ];
    NAMES[code as usize]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_show_by_method_and_code() {
        let metrics = Metrics::default();
        let method = metrics.method(Side::Server, Some(0));
        method.begin();
        method.end(Code::Unavailable, Duration::from_millis(3));
        let text = metrics.encode();
        let line = format!(
            "lyceum_rpc_server_calls_total{{method=\"{}\",code=\"UNAVAILABLE\"}} 1",
            &METHODS[0].path[1..]
        );
        assert!(text.contains(&line), "{text}");
        assert!(text.contains("lyceum_rpc_server_duration_seconds_bucket"));
        assert!(text.ends_with("# EOF\n"));
    }
}
