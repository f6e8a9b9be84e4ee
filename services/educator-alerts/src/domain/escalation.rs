//! Whom an alert is passed on to when nobody takes it on.
//!
//! What: from the class's educators to all educators of the student, then to administrators, after a time that depends on
//! how soon the alert wants to be looked at. Why: an alert that one absent person alone can see is no safety net. Praise
//! and what can wait are passed on to nobody: the fewer see them the better.
//!
//! 1. Never once somebody has taken it on, never without consent (the alert refuses both).
//! 2. One step further at a time at the most as time goes on, and never back.
//!
//! When not: it widens who is told, not who may see; that stands in principals and the contract.

use jiff::{SignedDuration, Timestamp};

use super::alert::{Content, Reach, Severity};

/// After how many hours each step is taken: to all educators, to administrators.
fn hours(severity: Severity) -> Option<[i64; 2]> {
    match severity {
        Severity::Notice => None,
        Severity::Attention => Some([7 * 24, 14 * 24]),
        Severity::Urgent => Some([24, 72]),
    }
}

/// How far an alert should have come by now; `None` where it has.
#[must_use]
pub fn due(content: &Content, now: Timestamp) -> Option<Reach> {
    if content.acknowledged.is_some() {
        return None;
    }
    let waited = now.duration_since(content.raised);
    let [to_educators, to_administrators] = hours(content.last.severity)?.map(SignedDuration::from_hours);
    let reach = if waited >= to_administrators {
        Reach::Administrators
    } else if waited >= to_educators {
        Reach::Educators
    } else {
        return None;
    };
    (reach > content.reach).then_some(reach)
}

/// When to look next; `None` where it will be passed on no further.
#[must_use]
pub fn next(content: &Content) -> Option<Timestamp> {
    if content.acknowledged.is_some() {
        return None;
    }
    let steps = hours(content.last.severity)?.map(SignedDuration::from_hours);
    let step = match content.reach {
        Reach::Class => steps[0],
        Reach::Educators => steps[1],
        Reach::Administrators => return None,
    };
    content.raised.checked_add(step).ok()
}

#[cfg(test)]
mod tests;
