//! `[serving]`: how much a server of the service takes on at a time, and whom it lets wait; see [`crate::serving::admission`].

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::rules::Rules;

/// How many calls a server of the service takes at a time, and how long others wait.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Serving {
    /// The lowest that the limit falls to, 1 to 100,000 calls at a time.
    pub limit_min: u32,
    /// The limit before anything is measured, `limit_min` to `limit_max`.
    pub limit_initial: u32,
    /// The highest that it rises to, up to 100,000. As low as `limit_min`, the limit is fixed.
    pub limit_max: u32,
    /// Open streams at a time, beside the calls, 1 to 100,000.
    pub streams: u32,
    /// Calls that may wait for a place, 0 to 100,000.
    pub queue: u32,
    /// How long one waits in overload, 0 s to `queue_interval`.
    #[serde(with = "humantime_serde")]
    pub queue_target: Duration,
    /// The longest that one waits, 1 ms to 1 min. Somebody waiting all that while is what overload means.
    #[serde(with = "humantime_serde")]
    pub queue_interval: Duration,
    /// How many calls or streams of a method may be here at a time, waiting or not, 1 to 100,000, by its name such as
    /// `AnalyzeWriting`.
    pub bulkheads: BTreeMap<String, u32>,
}

impl Default for Serving {
    fn default() -> Self {
        Self {
            limit_min: 16,
            limit_initial: 64,
            limit_max: 4096,
            streams: 4096,
            queue: 1024,
            queue_target: Duration::from_millis(50),
            queue_interval: Duration::from_millis(500),
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
        rules.count("streams", self.streams, 1, 100_000);
        rules.count("queue", self.queue, 0, 100_000);
        rules.time("queue_interval", self.queue_interval, "1ms", "1m");
        if self.queue_target > self.queue_interval {
            rules.broken("queue_target", "must be at most queue_interval");
        }
        for (method, calls) in &self.bulkheads {
            rules.count(&format!("bulkheads.{method}"), *calls, 1, 100_000);
        }
    }
}
