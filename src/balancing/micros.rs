//! Time as the balancer sees it: microseconds that the caller brings along.
//!
//! The balancer has no clock, so that a simulator can run the same code, and so that a call reads its clock once.

use std::time::Duration;

/// Microseconds since an epoch of the caller's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Micros(pub u64);

impl Micros {
    /// Milliseconds, wrapping after 49 days; differences stay right.
    pub(super) fn millis(self) -> u32 {
        (self.0 / 1000) as u32
    }

    /// What has passed since then. A clock that went backwards counts as no time.
    pub(crate) fn since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }

    pub(super) fn after(self, pause: Duration) -> Self {
        Self(self.0.saturating_add(micros(pause)))
    }
}

pub(super) fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
