//! How long a method's calls take: a moving histogram without a lock.
//!
//! Two generations of ten seconds each, so that what is told rests on the last ten to twenty seconds; buckets a sixteenth
//! of their value wide, from a microsecond to a day. A recording is one addition; every tenth of a second one of them
//! also works out what [`Latency::late`] and [`Latency::least`] tell, so that asking is one load.
//!
//! When not: metrics, which need fixed buckets for all time (`telemetry`). Source: Correia and Tene's HdrHistogram, for
//! the buckets; own code because the crates of that name lock or cannot forget.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use crate::balancing::Micros;

/// Buckets for each power of two.
const STEPS: u64 = 16;
/// Up to 2³⁶ µs.
const BUCKETS: usize = 33 * STEPS as usize;
/// How long a generation counts, in µs.
const GENERATION: u64 = 10_000_000;
/// How often what is told is worked out, in µs.
const EVERY: u64 = 100_000;
/// Fewer say nothing of what is late.
const SAMPLES: u64 = 100;
const UNKNOWN: u64 = u64::MAX;

/// One method's latencies.
#[derive(Debug)]
pub struct Latency {
    generations: [Generation; 2],
    worked_out: AtomicU64,
    late: AtomicU64,
    least: AtomicU64,
}

#[derive(Debug)]
struct Generation {
    number: AtomicU64,
    buckets: Box<[AtomicU32; BUCKETS]>,
}

// === impl Latency ===

impl Default for Latency {
    fn default() -> Self {
        Self {
            generations: [Generation::default(), Generation::default()],
            worked_out: AtomicU64::new(0),
            late: AtomicU64::new(UNKNOWN),
            least: AtomicU64::new(UNKNOWN),
        }
    }
}

impl Latency {
    /// Takes note of a call that went well. `quantile` is what counts as late.
    pub fn record(&self, taken: Duration, now: Micros, quantile: f64) {
        let number = now.0 / GENERATION;
        self.generations[(number % 2) as usize].add(number, bucket(taken));
        let worked_out = self.worked_out.load(Relaxed);
        if now.0 >= worked_out.saturating_add(EVERY)
            && self
                .worked_out
                .compare_exchange(worked_out, now.0, Relaxed, Relaxed)
                .is_ok()
        {
            self.work_out(number, quantile);
        }
    }

    /// What all but the share of `quantile` take less than; none while too few calls are known.
    #[must_use]
    pub fn late(&self, now: Micros) -> Option<Duration> {
        self.told(&self.late, now)
    }

    /// The least that a call took lately; none where nobody called lately.
    #[must_use]
    pub fn least(&self, now: Micros) -> Option<Duration> {
        self.told(&self.least, now)
    }

    fn told(&self, value: &AtomicU64, now: Micros) -> Option<Duration> {
        let fresh = now.0 < self.worked_out.load(Relaxed).saturating_add(2 * GENERATION);
        let value = value.load(Relaxed);
        (fresh && value != UNKNOWN).then(|| Duration::from_micros(value))
    }

    fn work_out(&self, number: u64, quantile: f64) {
        let current: Vec<_> = self
            .generations
            .iter()
            .filter(|generation| generation.number.load(Relaxed) + 1 >= number)
            .collect();
        let count = |index: usize| -> u64 {
            current
                .iter()
                .map(|generation| u64::from(generation.buckets[index].load(Relaxed)))
                .sum()
        };
        let total: u64 = (0..BUCKETS).map(count).sum();
        let rank = (quantile * total as f64).ceil() as u64;
        let (mut below, mut late, mut least) = (0, UNKNOWN, UNKNOWN);
        for index in 0..BUCKETS {
            let count = count(index);
            if count > 0 && least == UNKNOWN {
                least = floor(index);
            }
            below += count;
            if below >= rank && total >= SAMPLES {
                late = floor(index + 1);
                break;
            }
        }
        self.late.store(late, Relaxed);
        self.least.store(least, Relaxed);
    }
}

// === impl Generation ===

impl Default for Generation {
    fn default() -> Self {
        Self {
            number: AtomicU64::new(0),
            buckets: Box::new([const { AtomicU32::new(0) }; BUCKETS]),
        }
    }
}

impl Generation {
    fn add(&self, number: u64, bucket: usize) {
        let known = self.number.load(Relaxed);
        if known < number && self.number.compare_exchange(known, number, Relaxed, Relaxed).is_ok() {
            // What others add while this empties is lost or kept: either way a few of thousands.
            for bucket in self.buckets.iter() {
                bucket.store(0, Relaxed);
            }
        }
        self.buckets[bucket].fetch_add(1, Relaxed);
    }
}

fn bucket(taken: Duration) -> usize {
    let micros = u64::try_from(taken.as_micros()).unwrap_or(u64::MAX);
    if micros < STEPS {
        return micros as usize;
    }
    let power = u64::from(micros.ilog2());
    let step = (micros >> (power - 4)) % STEPS;
    (((power - 3) * STEPS + step) as usize).min(BUCKETS - 1)
}

/// The least that falls into a bucket, in µs.
fn floor(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < STEPS {
        return bucket;
    }
    (STEPS + bucket % STEPS) << (bucket / STEPS - 1)
}

#[cfg(test)]
mod tests;
