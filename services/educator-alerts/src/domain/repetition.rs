//! Whether something seen is new, or the same again.
//!
//! What: the same student, class, kind and cause within 14 days of the alert that was raised first is that alert seen
//! again; so is what comes again while an alert has been called a false alarm, for 28 days. Why counted from the raising
//! and not from the last sighting: something that lasts must come up again some day, however often it is seen.
//!
//! 1. The first of its kind is never lost, and neither is the first after a window.
//! 2. In any window at most one alert is raised for the same.
//! 3. An alert that was closed with a result gives way at once: what comes after it is news.
//!
//! When not: how it grows more severe is the alert's own ([`super::alert`]).

use jiff::{SignedDuration, Timestamp};

use super::alert::{Alert, Outcome};

/// How long the same is no news.
pub const WINDOW: SignedDuration = SignedDuration::from_hours(14 * 24);
/// How long, after an educator called it a false alarm.
pub const FALSE_ALARM_WINDOW: SignedDuration = SignedDuration::from_hours(28 * 24);

/// Whether what is seen at a moment is the latest alert about the same, seen again. The latest is the one that was raised
/// last, whatever became of it.
#[must_use]
pub fn repeats(latest: &Alert, at: Timestamp) -> bool {
    let Some(content) = &latest.content else { return false };
    let window = match &content.closing {
        None => WINDOW,
        Some(closing) if closing.outcome == Outcome::FalseAlarm => FALSE_ALARM_WINDOW,
        // News of before the end is no news after it.
        Some(closing) => return at <= closing.at && at.duration_since(content.raised) < WINDOW,
    };
    // What happened before and is heard of later belongs to it too.
    at.duration_since(content.raised) < window
}

#[cfg(test)]
mod tests;
