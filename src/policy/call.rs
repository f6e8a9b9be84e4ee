//! `[call]` and `[methods.<Name>]`: how one call is made.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::rules::Rules;

/// How a call is made. Each key can be set for the whole service (`[call]`) and again for one method.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Call {
    /// The deadline of a unary call that has none, 10 ms to 1 h.
    #[serde(with = "humantime_serde")]
    pub deadline: Duration,
    /// What a hop itself costs, 0 to 1 s: the callee is given that much less time, so that its answer "too late" still
    /// comes in time.
    #[serde(with = "humantime_serde")]
    pub hop: Duration,
    /// Attempts of one idempotent call, 1 to 5; the budget may allow fewer.
    pub attempts: u32,
    /// The longest pause before the second attempt, 0 to 10 s; it doubles with each and is drawn anew below that.
    #[serde(with = "humantime_serde")]
    pub backoff: Duration,
    /// The longest pause of all, 0 to 1 min. A callee that asks for a longer one is not tried again.
    #[serde(with = "humantime_serde")]
    pub backoff_limit: Duration,
    /// Whether an idempotent unary call is sent to a second instance when the first one is late. Off unless asked for:
    /// where the time depends on what is asked, the late calls are the long ones, and hedging does the longest work
    /// twice. On for look-ups, whose time depends on the instance alone.
    pub hedge: bool,
    /// Late is later than this share of the method's calls, 0.5 to 0.999.
    pub hedge_quantile: f64,
    /// But never earlier than this, 1 ms to 1 min.
    #[serde(with = "humantime_serde")]
    pub hedge_floor: Duration,
    /// Failed calls in a row, whatever the instance, that open the method's circuit breaker, 1 to 1,000; 0 turns it off.
    pub breaker_failures: u32,
    /// How long an open breaker pauses, ± 20 %, before one call tries again, 10 ms to 10 min. Short, as it costs one call
    /// a pause, and as nobody is served meanwhile.
    #[serde(with = "humantime_serde")]
    pub breaker_pause: Duration,
    /// How old the last good answer may be that stands in when nobody answers, up to 1 day; 0 keeps none. Only for
    /// idempotent unary methods, and only where the call's privacy allows to keep anything.
    #[serde(with = "humantime_serde")]
    pub stale: Duration,
}

impl Default for Call {
    fn default() -> Self {
        Self {
            deadline: Duration::from_secs(10),
            hop: Duration::from_millis(1),
            attempts: 3,
            backoff: Duration::from_millis(10),
            backoff_limit: Duration::from_secs(1),
            hedge: false,
            hedge_quantile: 0.95,
            hedge_floor: Duration::from_millis(10),
            breaker_failures: 5,
            breaker_pause: Duration::from_millis(500),
            stale: Duration::ZERO,
        }
    }
}

impl Call {
    pub(super) fn check(&self, rules: &mut Rules<'_>) {
        rules.time("deadline", self.deadline, "10ms", "1h");
        rules.time("hop", self.hop, "0s", "1s");
        rules.count("attempts", self.attempts, 1, 5);
        rules.time("backoff", self.backoff, "0s", "10s");
        rules.time("backoff_limit", self.backoff_limit, "0s", "1m");
        rules.share("hedge_quantile", self.hedge_quantile, 0.5, 0.999);
        rules.time("hedge_floor", self.hedge_floor, "1ms", "1m");
        rules.count("breaker_failures", self.breaker_failures, 0, 1000);
        rules.time("breaker_pause", self.breaker_pause, "10ms", "10m");
        rules.time("stale", self.stale, "0s", "1d");
        if self.hop >= self.deadline {
            rules.broken("hop", "must be less than the deadline");
        }
        if self.backoff > self.backoff_limit {
            rules.broken("backoff", "must not be more than backoff_limit");
        }
    }
}
