//! Days from midnight to midnight (UTC), as quotas count them.

use std::time::{Duration, SystemTime};

const SECONDS: u64 = 24 * 3600;

/// A day, counted from 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Day(pub(super) u64);

impl Day {
    /// Which day it is, and how long it still lasts.
    pub(super) fn now() -> (Self, Duration) {
        let since = SystemTime::now()
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap_or_default()
            .as_secs();
        (Self(since / SECONDS), Duration::from_secs(SECONDS - since % SECONDS))
    }
}
