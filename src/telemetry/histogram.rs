//! A histogram of durations that is observed without a lock.
//!
//! Why ours: prometheus-client's takes a lock for each observation, on the path of every call. Fixed buckets from
//! 50 µs to 60 s suit calls; percentiles are interpolated within a bucket, which is as exact as the buckets are.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use prometheus_client::encoding::{EncodeMetric, MetricEncoder, NoLabelSet};
use prometheus_client::metrics::{MetricType, TypedMetric};

/// Upper bounds in microseconds; a last bucket takes the rest.
const BOUNDS: [u64; 24] = [
    50, 100, 200, 300, 500, 750, 1_000, 1_500, 2_500, 5_000, 7_500, 10_000, 15_000, 25_000, 50_000, 100_000, 250_000,
    500_000, 1_000_000, 2_500_000, 5_000_000, 10_000_000, 30_000_000, 60_000_000,
];

/// How many durations each bucket of a histogram had at a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts([u64; BOUNDS.len() + 1]);

/// Durations by bucket; clones share them.
#[derive(Clone, Debug, Default)]
pub struct Histogram(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    counts: [AtomicU64; BOUNDS.len() + 1],
    sum_micros: AtomicU64,
}

impl Histogram {
    /// Counts one duration.
    pub fn observe(&self, duration: Duration) {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        let bucket = BOUNDS.partition_point(|bound| *bound < micros);
        self.0.counts[bucket].fetch_add(1, Ordering::Relaxed);
        self.0.sum_micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// What was counted so far.
    #[must_use]
    pub fn counts(&self) -> Counts {
        Counts(std::array::from_fn(|index| {
            self.0.counts[index].load(Ordering::Relaxed)
        }))
    }

    /// As [`Counts::quantile`], of everything that was counted so far.
    #[must_use]
    pub fn quantile(&self, quantile: f64) -> Duration {
        self.counts().quantile(quantile)
    }
}

impl Counts {
    /// What was counted since an earlier time.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        Self(std::array::from_fn(|index| {
            self.0[index].saturating_sub(earlier.0[index])
        }))
    }

    /// What both counted.
    #[must_use]
    pub fn with(&self, other: &Self) -> Self {
        Self(std::array::from_fn(|index| self.0[index] + other.0[index]))
    }

    /// The duration that a share `quantile` (0 to 1) of the observations did not exceed; zero without observations.
    #[must_use]
    pub fn quantile(&self, quantile: f64) -> Duration {
        let counts = &self.0;
        let total: u64 = counts.iter().sum();
        if total == 0 {
            return Duration::ZERO;
        }
        let rank = quantile.clamp(0.0, 1.0) * total as f64;
        let mut below = 0_u64;
        for (index, count) in counts.iter().enumerate() {
            if *count > 0 && (below + count) as f64 >= rank {
                let lower = if index == 0 { 0 } else { BOUNDS[index - 1] };
                let upper = BOUNDS.get(index).copied().unwrap_or(lower);
                let inside = (rank - below as f64).max(0.0) / *count as f64;
                return Duration::from_micros(lower + ((upper - lower) as f64 * inside) as u64);
            }
            below += count;
        }
        Duration::from_micros(BOUNDS[BOUNDS.len() - 1])
    }
}

impl EncodeMetric for Histogram {
    fn encode(&self, mut encoder: MetricEncoder<'_>) -> Result<(), std::fmt::Error> {
        let Counts(counts) = self.counts();
        let total = counts.iter().sum();
        let buckets: Vec<(f64, u64)> = counts
            .iter()
            .enumerate()
            .map(|(index, count)| {
                (
                    BOUNDS.get(index).map_or(f64::MAX, |micros| *micros as f64 / 1e6),
                    *count,
                )
            })
            .collect();
        let sum = self.0.sum_micros.load(Ordering::Relaxed) as f64 / 1e6;
        encoder.encode_histogram::<NoLabelSet>(sum, total, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

impl TypedMetric for Histogram {
    const TYPE: MetricType = MetricType::Histogram;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_lie_in_their_bucket() {
        let histogram = Histogram::default();
        assert_eq!(histogram.quantile(0.5), Duration::ZERO);
        for micros in [60, 70, 80, 90, 400_000] {
            histogram.observe(Duration::from_micros(micros));
        }
        let median = histogram.quantile(0.5);
        assert!(
            median > Duration::from_micros(50) && median <= Duration::from_micros(100),
            "{median:?}"
        );
        let top = histogram.quantile(0.99);
        assert!(
            top > Duration::from_millis(250) && top <= Duration::from_millis(500),
            "{top:?}"
        );
        let before = histogram.counts();
        histogram.observe(Duration::from_millis(20));
        let since = histogram.counts().since(&before);
        assert!(since.quantile(0.01) > Duration::from_millis(15) && since.quantile(1.0) == Duration::from_millis(25));
        assert_eq!(since.with(&before), histogram.counts());
        histogram.observe(Duration::from_secs(3600));
        assert_eq!(histogram.quantile(1.0), Duration::from_secs(60));
    }
}
