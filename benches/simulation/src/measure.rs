//! What a run is judged by.

use lyceum::balancing::Outcome;
use serde::Serialize;

use crate::histogram::Histogram;
use crate::scene::SECOND;

/// One second of a run, by when calls arrived.
#[derive(Clone, Debug, Default)]
pub struct Moment {
    /// Calls of clients.
    pub calls: u32,
    /// What was sent to servers for them.
    pub attempts: u32,
    /// Calls that were answered well.
    pub answered: u32,
    /// How long calls took, failures at once aside.
    pub latencies: Histogram,
}

/// What is counted while a run goes on.
#[derive(Debug)]
pub struct Measure {
    calls: u64,
    answered: u64,
    timed_out: u64,
    within_second: u64,
    latencies: Histogram,
    /// The sum of what is in `latencies`.
    took: u64,
    failed: u64,
    /// Attempts by server.
    pub by_server: Vec<u64>,
    /// Second by second.
    pub moments: Vec<Moment>,
}

/// The figures of one run.
#[derive(Clone, Debug, Serialize)]
pub struct Figures {
    /// Calls of clients.
    pub calls: u64,
    /// Attempts sent to servers.
    pub attempts: u64,
    /// % of calls that were answered well.
    pub answered: f64,
    /// % of calls that nobody answered in time.
    pub timed_out: f64,
    /// % of calls that were answered well within a second.
    pub within_second: f64,
    /// % of calls that failed at once.
    pub failed: f64,
    /// Mean in ms, and percentiles, over everything but failures at once; a time-out counts as long as it is.
    pub mean: f64,
    /// Half of the calls took no longer.
    pub p50: f64,
    /// 99 %.
    pub p99: f64,
    /// 99.9 %.
    pub p999: f64,
    /// % of attempts that the first server had.
    pub first_share: f64,
    /// The busiest server's attempts ÷ the mean.
    pub imbalance: f64,
    /// % of calls answered well in the last third, when whatever happened is over.
    pub recovered: f64,
    /// Attempts ÷ calls in the worst second.
    pub amplification: f64,
}

// === impl Measure ===

impl Measure {
    pub(crate) fn new(servers: usize, length: u64) -> Self {
        Self {
            calls: 0,
            answered: 0,
            timed_out: 0,
            within_second: 0,
            latencies: Histogram::default(),
            took: 0,
            failed: 0,
            by_server: vec![0; servers],
            moments: vec![Moment::default(); (length / SECOND) as usize + 1],
        }
    }

    fn moment(&mut self, time: u64) -> &mut Moment {
        let last = self.moments.len() - 1;
        &mut self.moments[((time / SECOND) as usize).min(last)]
    }

    pub(crate) fn arrived(&mut self, now: u64) {
        self.calls += 1;
        self.moment(now).calls += 1;
    }

    pub(crate) fn sent(&mut self, now: u64, server: u32) {
        self.by_server[server as usize] += 1;
        self.moment(now).attempts += 1;
    }

    pub(crate) fn ended(&mut self, arrived: u64, now: u64, outcome: Outcome) {
        let took = now - arrived;
        if outcome == Outcome::Answered {
            self.answered += 1;
            self.within_second += u64::from(took < SECOND);
            self.moment(arrived).answered += 1;
        }
        if outcome == Outcome::TimedOut {
            self.timed_out += 1;
        }
        if outcome == Outcome::Failed {
            self.failed += 1;
        } else {
            self.took += took;
            self.latencies.record(took);
            self.moment(arrived).latencies.record(took);
        }
    }

    /// The figures of the run.
    #[must_use]
    pub fn figures(&self) -> Figures {
        let share = |part: u64, of: u64| 100.0 * part as f64 / (of as f64).max(1.0);
        let milli = |quantile| self.latencies.quantile(quantile) / 1000.0;
        let attempts: u64 = self.by_server.iter().sum();
        let used = self.by_server.iter().filter(|count| **count > 0).count().max(1);
        let busiest = self.by_server.iter().copied().max().unwrap_or(0);
        // The last moment is the rest of a second.
        let whole = &self.moments[..self.moments.len() - 1];
        let last = &whole[whole.len() * 2 / 3..];
        let sum = |of: fn(&Moment) -> u32| last.iter().map(|moment| u64::from(of(moment))).sum::<u64>();
        Figures {
            calls: self.calls,
            attempts,
            answered: share(self.answered, self.calls),
            timed_out: share(self.timed_out, self.calls),
            within_second: share(self.within_second, self.calls),
            failed: share(self.failed, self.calls),
            mean: self.took as f64 / 1000.0 / ((self.calls - self.failed) as f64).max(1.0),
            p50: milli(0.5),
            p99: milli(0.99),
            p999: milli(0.999),
            first_share: share(self.by_server[0], attempts),
            imbalance: busiest as f64 * used as f64 / (attempts as f64).max(1.0),
            recovered: share(sum(|moment| moment.answered), sum(|moment| moment.calls)),
            amplification: (whole.iter())
                .map(|moment| f64::from(moment.attempts) / f64::from(moment.calls.max(1)))
                .fold(0.0, f64::max),
        }
    }
}
