//! The deadline's budget: what time a call passes on, and whether an attempt is worth starting.
//!
//! A deadline crosses services as the time that is left (`grpc-timeout`), less what the hop itself costs: so the callee
//! gives up first, and its word comes back while somebody still waits for it. An attempt that cannot be answered in what
//! is left, going by the fastest answer of the last seconds, is not started: nobody would read it, and the callee would
//! work for nothing. That fastest answer is forgotten after twenty seconds, so a method that became faster is found out.
//!
//! When not: streams, whose first answer says nothing of their end. Source: gRPC's deadline propagation; "Site
//! Reliability Engineering", chapter 22.

use std::time::Duration;

use super::latency::Latency;
use crate::balancing::Micros;
use crate::policy::Call;

/// What the callee is given of the time that is left; `None`: nothing is.
#[must_use]
pub fn passed_on(left: Duration, settings: &Call) -> Option<Duration> {
    left.checked_sub(settings.hop).filter(|left| !left.is_zero())
}

/// Whether an attempt is worth starting.
#[must_use]
pub fn is_enough(left: Duration, settings: &Call, latency: &Latency, now: Micros) -> bool {
    passed_on(left, settings).is_some() && latency.least(now).is_none_or(|least| left >= least)
}

/// Whether a call that ran out of time had as much as calls of its method take: then the time-out is the callee's
/// failure, otherwise its caller's hurry. Where nobody has been answered lately, a tenth of the usual deadline is enough.
#[must_use]
pub fn was_enough(given: Duration, settings: &Call, latency: &Latency, now: Micros) -> bool {
    let usual = latency.late(now).or(latency.least(now));
    given >= usual.unwrap_or(settings.deadline / 10)
}

#[cfg(test)]
mod tests;
