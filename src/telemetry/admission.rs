//! Metrics of admission: `lyceum_admission_…`. What is refused is counted as it happens; how things stand is set when
//! somebody reads it, so that calls pay nothing for it.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Duration;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;

use super::Histogram;

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Labels {
    reason: &'static str,
}

/// How a server's admission does; clones share it.
#[derive(Clone, Debug, Default)]
pub struct AdmissionMetrics(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// Limit, running, waiting, streams.
    gauges: [Gauge; 4],
    utilization: Gauge<f64, AtomicU64>,
    shed: Family<Labels, Counter>,
    refused: Counter,
    delay: Histogram,
}

impl AdmissionMetrics {
    pub(super) fn register(registry: &mut Registry) -> Self {
        let metrics = Self::default();
        let told = [
            ("limit", "Calls that may run at a time"),
            ("running", "Calls that run"),
            ("waiting", "Calls that wait for a place"),
            ("streams", "Open streams"),
        ];
        for ((name, help), gauge) in told.into_iter().zip(&metrics.0.gauges) {
            registry.register(format!("admission_{name}"), help, gauge.clone());
        }
        registry.register(
            "admission_utilization_ratio",
            "Calls under way and waiting as a share of the limit, or streams of theirs; as load reports tell it",
            metrics.0.utilization.clone(),
        );
        registry.register("admission_shed", "Calls refused, by reason", metrics.0.shed.clone());
        registry.register(
            "admission_queue_delay_seconds",
            "How long calls waited that got a place",
            metrics.0.delay.clone(),
        );
        metrics
    }

    /// A call got its place after so many µs in the line.
    pub(crate) fn waited(&self, micros: u64) {
        self.0.delay.observe(Duration::from_micros(micros));
    }

    /// A call was refused.
    pub(crate) fn shed(&self, reason: &'static str) {
        self.0.refused.inc();
        self.0.shed.get_or_create(&Labels { reason }).inc();
    }

    /// Calls refused so far.
    pub(crate) fn refused(&self) -> u64 {
        self.0.refused.get()
    }

    /// How things stand: limit, running, waiting, streams.
    pub(crate) fn set(&self, numbers: [u32; 4], utilization: f32) {
        for (gauge, number) in self.0.gauges.iter().zip(numbers) {
            gauge.set(number.into());
        }
        self.0.utilization.set(utilization.into());
    }
}
