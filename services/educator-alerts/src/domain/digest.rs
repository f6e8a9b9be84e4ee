//! What is told together: less severe alerts, once a day or once a week.
//!
//! What: when the next digest is due, and what is in it: the most severe first, then the oldest. Why: an alert that can
//! wait costs more attention alone than in company. When not: what is urgent never waits for a digest. Source: batching
//! of notifications lowers their cost (Fitz et al. 2019).

use jiff::Timestamp;
use jiff::civil::Weekday;

use super::alert::{Content, Severity};
use super::quiet::{Minute, Quiet};

/// At most this many alerts in one.
pub const MOST: usize = 200;

/// How alerts are told together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Digest {
    /// The day of the week; every day without one.
    pub weekday: Option<Weekday>,
    /// The minute of the day.
    pub minute: Minute,
    /// What is less severe than this waits for it.
    pub below: Severity,
}

impl Digest {
    /// When the next one after a moment is told: at its minute, or when the quiet around it ends.
    #[must_use]
    pub fn due(&self, quiet: &Quiet, now: Timestamp) -> Option<Timestamp> {
        let due = quiet.next(self.minute, self.weekday, now)?;
        Some(quiet.until(due).unwrap_or(due))
    }
}

/// The alerts of a digest in their order, the first [`MOST`], and how many there are in all.
#[must_use]
pub fn compose<'a>(waiting: impl IntoIterator<Item = &'a Content>) -> (Vec<&'a Content>, usize) {
    // What was taken on since needs no telling any more.
    let mut open: Vec<&Content> = waiting
        .into_iter()
        .filter(|content| content.acknowledged.is_none())
        .collect();
    open.sort_by_key(|content| (std::cmp::Reverse(content.last.severity), content.raised));
    let total = open.len();
    open.truncate(MOST);
    (open, total)
}
