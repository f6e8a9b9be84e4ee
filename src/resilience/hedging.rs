//! Hedging: when an idempotent call is late, another instance is asked too, and the first answer counts.
//!
//! Late is later than the method's own 95th percentile: one call in twenty is asked twice, and the budget bounds it
//! when all are late, as then the callee is busy and not one instance slow. When not: where the time depends on what is
//! asked, the late calls are the long ones, and hedging does the longest work twice; therefore it is off unless the
//! policy asks for it. Source: Dean and Barroso, "The Tail at Scale" (2013); gRPC A6.

use std::time::Duration;

use super::latency::Latency;
use crate::balancing::Micros;
use crate::policy::Call;

/// When the second instance is asked, counted from the first request; `None`: not at all.
///
/// Not while too few calls are known to say what is late, and not where the second answer could not come in time
/// (`left`: until the deadline).
#[must_use]
pub fn delay(settings: &Call, latency: &Latency, left: Option<Duration>, now: Micros) -> Option<Duration> {
    if !settings.hedge || settings.attempts < 2 {
        return None;
    }
    let delay = latency.late(now)?.max(settings.hedge_floor);
    let answered = delay + latency.least(now).unwrap_or_default();
    left.is_none_or(|left| answered < left).then_some(delay)
}

#[cfg(test)]
mod tests;
