//! `[serving]`: how much a server of the service takes on at a time, and whom it lets wait.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::rules::Rules;

/// What a server of the service takes on.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Serving {
    /// Whether the limit moves with what the server is seen to manage; otherwise `limit_initial` stays.
    pub adaptive: bool,
    /// The least that the limit falls to, 1 to 100,000 calls at a time.
    pub limit_min: u32,
    /// The limit to begin with.
    pub limit_initial: u32,
    /// The most that it rises to.
    pub limit_max: u32,
    /// Calls that may wait for a place, 0 to 100,000.
    pub queue: u32,
    /// How long a wait is fine, 1 ms to 10 s.
    #[serde(with = "humantime_serde")]
    pub queue_target: Duration,
    /// How long waits may be longer before calls are refused, 10 ms to 1 min.
    #[serde(with = "humantime_serde")]
    pub queue_interval: Duration,
    /// The most of the limit that one caller holds while others wait, 0.01 to 1.
    pub caller_share: f64,
    /// The most of the limit that batch calls hold while interactive ones come, 0 to 1.
    pub batch_share: f64,
    /// When a refused call may try again, 1 ms to 1 min.
    #[serde(with = "humantime_serde")]
    pub retry_after: Duration,
    /// Calls at a time of one method, 1 to 100,000, by its name; the others share the limit alone.
    pub bulkheads: BTreeMap<String, u32>,
}

impl Default for Serving {
    fn default() -> Self {
        Self {
            adaptive: true,
            limit_min: 4,
            limit_initial: 64,
            limit_max: 1024,
            queue: 128,
            queue_target: Duration::from_millis(20),
            queue_interval: Duration::from_millis(100),
            caller_share: 0.5,
            batch_share: 0.5,
            retry_after: Duration::from_millis(100),
            bulkheads: BTreeMap::new(),
        }
    }
}

impl Serving {
    pub(super) fn check(&self, rules: &mut Rules<'_>) {
        rules.count("limit_min", self.limit_min, 1, 100_000);
        rules.count("limit_initial", self.limit_initial, 1, 100_000);
        rules.count("limit_max", self.limit_max, 1, 100_000);
        if !(self.limit_min <= self.limit_initial && self.limit_initial <= self.limit_max) {
            rules.broken("limit_initial", "must be between limit_min and limit_max");
        }
        rules.count("queue", self.queue, 0, 100_000);
        rules.time("queue_target", self.queue_target, "1ms", "10s");
        rules.time("queue_interval", self.queue_interval, "10ms", "1m");
        rules.share("caller_share", self.caller_share, 0.01, 1.0);
        rules.share("batch_share", self.batch_share, 0.0, 1.0);
        rules.time("retry_after", self.retry_after, "1ms", "1m");
        for (method, calls) in &self.bulkheads {
            rules.count(&format!("bulkheads.{method}"), *calls, 1, 100_000);
        }
    }
}
