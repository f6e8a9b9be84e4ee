//! `[budget]`: how much may be sent a second time, to the whole service.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::rules::Rules;

/// The budget that retries and hedges are charged to.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Budget {
    /// Retries for each call, 0 to 1.
    pub share: f64,
    /// Retries a second that are allowed however few the calls, 0 to 10,000.
    pub floor: u32,
    /// How far back calls and retries are counted, 1 s to 1 min.
    #[serde(with = "humantime_serde")]
    pub window: Duration,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            share: 0.2,
            floor: 10,
            window: Duration::from_secs(10),
        }
    }
}

impl Budget {
    pub(super) fn check(&self, rules: &mut Rules<'_>) {
        rules.share("share", self.share, 0.0, 1.0);
        rules.count("floor", self.floor, 0, 10_000);
        rules.time("window", self.window, "1s", "1m");
    }
}
