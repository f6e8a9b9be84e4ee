//! Percentiles of many durations in little memory.
//!
//! Buckets are 1/256 of a power of two wide, so that a percentile is right within 0.4 % at any size. When not: the
//! fabric's own histogram has few buckets because Prometheus keeps them all; comparing balancers needs finer ones.
//! Source: the layout of HdrHistogram.

const SUB_BITS: u32 = 8;
const SUBS: usize = 1 << SUB_BITS;

/// Counts of values by size.
#[derive(Clone, Debug, Default)]
pub struct Histogram {
    counts: Vec<u32>,
    total: u64,
}

fn bucket(value: u64) -> usize {
    let bits = 64 - value.leading_zeros();
    if bits <= SUB_BITS + 1 {
        return value as usize;
    }
    let shift = bits - SUB_BITS - 1;
    (shift as usize) * SUBS + (value >> shift) as usize
}

/// The middle of a bucket.
fn value(bucket: usize) -> f64 {
    if bucket < 2 * SUBS {
        return bucket as f64;
    }
    let shift = bucket / SUBS - 1;
    let lower = ((bucket - shift * SUBS) as u64) << shift;
    lower as f64 + ((1_u64 << shift) as f64) / 2.0
}

// === impl Histogram ===

impl Histogram {
    /// Counts one value.
    pub fn record(&mut self, value: u64) {
        let bucket = bucket(value);
        if bucket >= self.counts.len() {
            self.counts.resize(bucket + 1, 0);
        }
        self.counts[bucket] += 1;
        self.total += 1;
    }

    /// The value that a share `quantile` of all values does not exceed; 0 without values.
    #[must_use]
    pub fn quantile(&self, quantile: f64) -> f64 {
        let rank = (quantile * self.total as f64).ceil().max(1.0) as u64;
        let mut below = 0;
        for (index, count) in self.counts.iter().enumerate() {
            below += u64::from(*count);
            if below >= rank {
                return value(index);
            }
        }
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_are_right_within_a_hundredth() {
        let mut histogram = Histogram::default();
        for value in 1..=1_000_000 {
            histogram.record(value);
        }
        for quantile in [0.001, 0.1, 0.5, 0.9, 0.99, 0.999] {
            let found = histogram.quantile(quantile) / 1_000_000.0;
            assert!((found / quantile - 1.0).abs() < 0.01, "{quantile}: {found}");
        }
    }

    #[test]
    fn buckets_follow_each_other_without_gaps() {
        let mut last = 0;
        for value in 0..100_000 {
            let bucket = bucket(value);
            assert!(bucket == last || bucket == last + 1, "{value}");
            last = bucket;
        }
    }

    #[test]
    fn nothing_has_no_percentiles() {
        assert_eq!(Histogram::default().quantile(0.5), 0.0);
    }
}
