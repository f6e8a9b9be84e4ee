//! The limit: how many calls at a time this instance answers well, learned from how long they take.
//!
//! Every window of time each method's mean latency is held against its own usual one. While calls take as long as ever,
//! more of them at a time do no harm, and a limit that is reached rises; when they take longer, they wait for something
//! behind the handler (threads, a core, a database), and the limit falls by that gradient. The usual latency is only
//! learned while the limit is *not* reached, or when it can fall no further: latency under our own pressure says
//! nothing of the method, and a usual latency that creeps up with the queue would let the limit run away.
//!
//! ```text
//! g = mean over calls of min(1, (2 · usual + 5 ms) / latency), at least ½
//! g < 0.95  limit · (1 + g)/2          reached, g ≥ 0.95  limit + √limit  (· 1.5 until the first fall)
//! ```
//!
//! A method compares with itself only, so that a change of the mix is no overload. The 5 ms are CoDel's: less is noise.
//! When not: `limit_min` = `limit_max` fixes the limit. Source: TCP Vegas (Brakmo & Peterson 1995); Netflix concurrency-limits
//! (`Gradient2Limit`, `VegasLimit`), whose usual latency follows every sample.

use crate::policy::Serving;

/// Times its usual latency that a method may take.
const TOLERANCE: f32 = 2.0;
/// What it may take beyond that, in µs.
const SLACK: f32 = 5_000.0;
/// The lowest gradient of one window.
const STEEPEST: f32 = 0.5;
/// Gradients above are noise.
const LEVEL: f32 = 0.95;
/// Growth a window until the limit falls for the first time, as TCP's slow start.
const START: f32 = 1.5;

/// What one method's calls took in a window.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sample {
    pub(super) calls: u32,
    /// µs, of all together.
    pub(super) sum: u64,
    /// µs, of the fastest.
    pub(super) least: u64,
}

/// The lowest and the highest limit; a policy is checked when it is read, one made by hand is not.
fn bounds(settings: &Serving) -> (f32, f32) {
    let min = settings.limit_min.max(1);
    (min as f32, settings.limit_max.max(min) as f32)
}

/// The limit and what it was learned from.
#[derive(Debug)]
pub(super) struct Limiter {
    min: f32,
    max: f32,
    limit: f32,
    starting: bool,
    /// A method's usual latency in µs; 0 before its first call.
    usual: Vec<f32>,
}

impl Limiter {
    pub(super) fn new(settings: &Serving, methods: usize) -> Self {
        Self {
            min: bounds(settings).0,
            max: bounds(settings).1,
            limit: (settings.limit_initial as f32).clamp(bounds(settings).0, bounds(settings).1),
            starting: true,
            usual: vec![0.0; methods],
        }
    }

    /// Takes other bounds, and keeps what was learned.
    pub(super) fn bound(&mut self, settings: &Serving) {
        (self.min, self.max) = bounds(settings);
        self.limit = self.limit.clamp(self.min, self.max);
    }

    pub(super) fn limit(&self) -> u32 {
        self.limit as u32
    }

    /// A method's usual latency in µs.
    pub(super) fn usual(&self, method: usize) -> u64 {
        self.usual.get(method).map_or(0, |usual| *usual as u64)
    }

    /// Ends a window in which at most `peak` calls ran at a time; `samples` are by method.
    pub(super) fn close(&mut self, samples: &[Sample], peak: u32) {
        let peak = peak as f32;
        let pressed = peak * 2.0 >= self.limit;
        let lowest = self.limit <= self.min;
        let (mut calls, mut gradients) = (0.0, 0.0);
        for (sample, usual) in samples.iter().zip(&mut self.usual) {
            if sample.calls == 0 {
                continue;
            }
            let weight = sample.calls as f32;
            let mean = (sample.sum as f32 / weight).max(1.0);
            if *usual == 0.0 {
                // The fastest call: the rest may have met a crowd already.
                *usual = (sample.least as f32).clamp(1.0, mean);
            }
            calls += weight;
            gradients += weight * ((TOLERANCE * *usual + SLACK) / mean).clamp(STEEPEST, 1.0);
            if mean < *usual {
                *usual += 0.5 * (mean - *usual);
            } else if !pressed || lowest {
                *usual += 0.1 * (mean - *usual);
            }
        }
        if calls == 0.0 || !pressed {
            return;
        }
        let gradient = gradients / calls;
        if gradient < LEVEL {
            self.starting = false;
            self.limit *= f32::midpoint(1.0, gradient);
        } else if peak >= 0.9 * self.limit.floor() {
            self.limit = if self.starting {
                self.limit * START
            } else {
                self.limit + self.limit.sqrt()
            };
        }
        self.limit = self.limit.clamp(self.min, self.max);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn sample(calls: u32, each: u64) -> Sample {
        Sample {
            calls,
            sum: u64::from(calls) * each,
            least: each,
        }
    }

    /// `windows` of calls that take `latency` of the limit, as many at a time as the limit lets.
    fn pressed(limiter: &mut Limiter, windows: usize, latency: impl Fn(u32) -> u64) {
        for _ in 0..windows {
            let limit = limiter.limit();
            limiter.close(&[sample(50, latency(limit))], limit);
        }
    }

    #[test]
    fn calls_that_only_wait_may_be_many() {
        let mut limiter = Limiter::new(&Serving::default(), 1);
        pressed(&mut limiter, 20, |_| 50_000);
        assert_eq!(limiter.limit(), 4096);
    }

    #[test]
    fn it_settles_where_more_calls_only_wait_longer() {
        let mut limiter = Limiter::new(&Serving::default(), 1);
        // 100 at a time are answered in 20 ms; more of them share what there is.
        let saturating = |limit: u32| 20_000 * u64::from(limit.max(100)) / 100;
        pressed(&mut limiter, 100, saturating);
        let settled = limiter.limit();
        assert!((150..=300).contains(&settled), "{settled}");
        // An hour more does not make it creep.
        pressed(&mut limiter, 36_000, saturating);
        assert!((150..=300).contains(&limiter.limit()), "{}", limiter.limit());
    }

    #[test]
    fn a_method_that_became_slow_by_itself_gets_its_places_back() {
        let mut limiter = Limiter::new(&Serving::default(), 1);
        pressed(&mut limiter, 3, |_| 10_000);
        let before = limiter.limit();
        pressed(&mut limiter, 10, |_| 200_000);
        assert!(limiter.limit() < before / 2, "{}", limiter.limit());
        pressed(&mut limiter, 300, |_| 200_000);
        assert!(limiter.limit() > before, "{}", limiter.limit());
    }

    #[test]
    fn a_limit_that_nobody_reaches_stays() {
        let mut limiter = Limiter::new(&Serving::default(), 1);
        for latency in [1000, 900_000, 5_000_000] {
            limiter.close(&[sample(50, latency)], 31);
            assert_eq!(limiter.limit(), 64);
        }
    }

    #[test]
    fn another_mix_of_methods_is_no_overload() {
        let mut limiter = Limiter::new(&Serving::default(), 2);
        limiter.close(&[sample(90, 1000), sample(10, 400_000)], 64);
        let before = limiter.limit();
        limiter.close(&[sample(1, 1000), sample(90, 400_000)], before);
        assert!(limiter.limit() > before);
    }

    proptest! {
        #[test]
        fn it_stays_within_its_bounds(
            min in 1_u32..50,
            more in 0_u32..500,
            windows in proptest::collection::vec((0_u32..1000, any::<u32>(), 0_u32..2000), 0..60),
        ) {
            let settings = Serving { limit_min: min, limit_initial: min + more / 2, limit_max: min + more, ..Serving::default() };
            let mut limiter = Limiter::new(&settings, 1);
            for (calls, each, peak) in windows {
                limiter.close(&[sample(calls, u64::from(each))], peak);
                prop_assert!((settings.limit_min..=settings.limit_max).contains(&limiter.limit()));
            }
        }
    }
}
