//! How and when somebody is told of an alert.
//!
//! What: at once, when the quiet ends, with the next digest, or not at all. Why one place: threshold, mute, digest and
//! quiet hours meet here, and in this order. When not: lists show every alert, told or not.

use jiff::Timestamp;

use super::alert::{Content, Severity};
use super::preferences::Preferences;

/// How and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// At once.
    Now,
    /// When the quiet ends.
    AfterQuiet(Timestamp),
    /// With the digest then.
    Digest(Timestamp),
    /// Not at all: in lists alone.
    Silent,
}

/// Decides for an alert as it is now.
#[must_use]
pub fn deliver(preferences: &Preferences, content: &Content, now: Timestamp) -> Delivery {
    let severity = content.last.severity;
    // Whoever took it on knows; what is closed has been taken on.
    if content.acknowledged.is_some() {
        return Delivery::Silent;
    }
    if !preferences.want(content.subject.kind, content.last.measure) {
        return Delivery::Silent;
    }
    if preferences.gather(severity)
        && let Some(digest) = &preferences.digest
        && let Some(due) = digest.due(&preferences.quiet, now)
    {
        return Delivery::Digest(due);
    }
    if severity == Severity::Urgent && preferences.urgent_always {
        return Delivery::Now;
    }
    match preferences.quiet.until(now) {
        Some(end) => Delivery::AfterQuiet(end),
        None => Delivery::Now,
    }
}

#[cfg(test)]
mod tests;
