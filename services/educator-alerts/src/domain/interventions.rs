//! What could be tried for an alert, and why that.
//!
//! What: the entries of a small catalogue that fit the kind and the cause of an alert, the best fitting first, each with
//! its reasons. Why so few and why fixed: an educator can read them all and knows their evidence; a model that learnt what
//! "works" from who was helped would learn whom educators help. What came of them here is told beside them
//! ([`super::effectiveness`]) and does not move the order, because nobody was helped by lot.
//! When not: an idea for somebody who knows the student, never an instruction. Source: each entry names its own
//! ([`catalogue`]).

pub mod catalogue;

pub use self::catalogue::CATALOGUE;
use super::alert::{Content, Kind, Severity};
use super::signals::Signal;

/// At most this many.
pub const MOST: usize = 10;
/// An intervention of fewer minutes can be begun today.
const SHORT: u32 = 10;

/// Something that an educator can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Intervention {
    /// Its id.
    pub id: &'static str,
    /// A few words.
    pub title: &'static str,
    /// What to do.
    pub description: &'static str,
    /// What studies found.
    pub evidence: &'static str,
    /// The publications.
    pub source: &'static str,
    /// Where the evidence ends.
    pub caution: &'static str,
    /// Minutes of an educator's time at first.
    pub minutes: u32,
    /// The kinds of alerts that it answers, and why.
    pub kinds: &'static [(Kind, &'static str)],
    /// The causes that it fits best, and why.
    pub causes: &'static [(Signal, &'static str)],
}

/// An intervention with the reasons to try it here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recommendation {
    /// What.
    pub intervention: &'static Intervention,
    /// Why; never empty.
    pub reasons: Vec<&'static str>,
}

/// The entry of an id.
#[must_use]
pub fn find(id: &str) -> Option<&'static Intervention> {
    CATALOGUE.iter().find(|intervention| intervention.id == id)
}

/// What fits, the best first; what has been begun comes last and says so.
#[must_use]
pub fn recommend(content: &Content, most: usize) -> Vec<Recommendation> {
    let subject = &content.subject;
    let mut fitting: Vec<((bool, usize, u32), Recommendation)> = CATALOGUE
        .iter()
        .filter_map(|intervention| {
            let kind = intervention.kinds.iter().find(|(kind, _)| *kind == subject.kind);
            let cause = intervention.causes.iter().find(|(cause, _)| *cause == subject.cause);
            // Praise for a rise and help for a fall share their cause, so the kind must fit.
            let (_, for_kind) = kind?;
            let mut reasons: Vec<&'static str> = cause.iter().map(|(_, why)| *why).collect();
            reasons.push(for_kind);
            if content.last.severity == Severity::Urgent && intervention.minutes <= SHORT {
                reasons.push("It takes a few minutes, and this wants to be looked at soon.");
            }
            let begun = content
                .trials
                .iter()
                .any(|trial| trial.intervention.as_str() == intervention.id);
            if begun {
                reasons.push("It has been begun for this alert already; going on with it may be the best next step.");
            }
            let rank = (begun, usize::from(cause.is_none()), intervention.minutes);
            Some((rank, Recommendation { intervention, reasons }))
        })
        .collect();
    // Stable, so equals stay in the order of the catalogue.
    fitting.sort_by_key(|(rank, _)| *rank);
    fitting
        .into_iter()
        .map(|(_, recommendation)| recommendation)
        .take(most.clamp(1, MOST))
        .collect()
}

#[cfg(test)]
mod tests;
