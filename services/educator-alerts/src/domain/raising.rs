//! What in a student's work gives a reason for an alert.
//!
//! What: four rules over the signals and one over the estimate, each with its own threshold, and one alert a cause: where
//! the estimate rests on the very signal that a rule speaks of, both are one. Why rules beside the estimate: "no work for
//! twelve days" needs no model to be worth a look, and is there before a model knows enough. When not: whether the same
//! was said before is [`super::repetition`]'s to know.
//!
//! A larger threshold never makes more alerts, and every sentence speaks of work alone.

use super::alert::{Kind, Severity, Sighting, Summary};
use super::consent::Consent;
use super::model::explaining::seen;
use super::model::{Estimate, Model};
use super::preferences::Thresholds;
use super::signals::{Error, Profile, Signal, Signals};

/// A step that is older than this is no news.
const STEP_NEWS_DAYS: u32 = 14;

/// A reason for an alert.
#[derive(Clone, Debug, PartialEq)]
pub struct Finding {
    /// What it is about.
    pub kind: Kind,
    /// The signal that gives the reason.
    pub cause: Signal,
    /// What was seen.
    pub sighting: Sighting,
}

/// The reasons in a profile, the most severe first; none without consent, because estimating is a use of data already.
/// Too little work for an estimate leaves the rules that need none.
///
/// # Errors
/// A profile that cannot be read.
pub fn findings(
    model: &Model,
    profile: Profile,
    thresholds: &Thresholds,
    consent: Consent,
) -> Result<Vec<Finding>, Error> {
    if consent == Consent::NotCovered {
        return Ok(Vec::new());
    }
    let (signals, estimate) = match Signals::try_new(profile) {
        Ok(signals) => (signals, Some(model.estimate(&signals))),
        Err(Error::TooLittle) => (Signals::of_little(profile)?, None),
        Err(error) => return Err(error),
    };
    let mut found = Vec::new();
    let mut add = |kind, cause, severity, measure, summary| {
        // A level that rests on too little is not told as one.
        let level = estimate.as_ref().map(|_| profile.level);
        found.push(Finding {
            kind,
            cause,
            sighting: Sighting {
                severity,
                measure,
                level,
                estimate: estimate.clone(),
                summary: Summary(summary),
            },
        });
    };

    if let Some(estimate) = &estimate {
        let percent = whole(estimate.probability * 100.0);
        if percent >= thresholds.of(Kind::Risk) {
            let cause = estimate.cause();
            add(
                Kind::Risk,
                cause,
                risk_severity(percent),
                percent,
                risk_summary(estimate, cause, &signals),
            );
        }
    }
    if profile.idle_days >= thresholds.of(Kind::Idle) {
        let severity = match profile.idle_days {
            35.. => Severity::Urgent,
            21.. => Severity::Attention,
            _ => Severity::Notice,
        };
        add(
            Kind::Idle,
            Signal::Idle,
            severity,
            profile.idle_days,
            sentence(Signal::Idle, &signals),
        );
    }
    if profile.missed >= thresholds.of(Kind::MissedTasks) {
        let severity = if profile.missed >= 5 {
            Severity::Attention
        } else {
            Severity::Notice
        };
        add(
            Kind::MissedTasks,
            Signal::Missed,
            severity,
            profile.missed,
            sentence(Signal::Missed, &signals),
        );
    }
    if let Some(step) = profile.step.filter(|step| step.age_days <= STEP_NEWS_DAYS) {
        let size = whole(step.size.abs() * 100.0);
        let kind = if step.size < 0.0 { Kind::Drop } else { Kind::Rise };
        if size >= thresholds.of(kind) {
            let severity = match (kind, size) {
                (Kind::Drop, 40..) => Severity::Urgent,
                (Kind::Drop, 25..) => Severity::Attention,
                _ => Severity::Notice,
            };
            add(kind, Signal::Step, severity, size, sentence(Signal::Step, &signals));
        }
    }
    Ok(one_a_cause(found))
}

fn risk_severity(percent: u32) -> Severity {
    match percent {
        85.. => Severity::Urgent,
        70.. => Severity::Attention,
        _ => Severity::Notice,
    }
}

fn risk_summary(estimate: &Estimate, cause: Signal, signals: &Signals) -> String {
    format!(
        "As things stand, the course's goals may be missed ({:.0} %, {:.0} to {:.0} %). What adds most: {}.",
        estimate.probability * 100.0,
        estimate.low * 100.0,
        estimate.high * 100.0,
        lower_first(&seen(cause, signals)),
    )
}

fn sentence(signal: Signal, signals: &Signals) -> String {
    format!("{}.", seen(signal, signals))
}

fn lower_first(text: &str) -> String {
    let mut letters = text.chars();
    letters
        .next()
        .map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

/// Of the reasons with one cause only the most severe stays; the estimate, where they are equal, because it explains
/// more. Praise and worry are never one.
fn one_a_cause(found: Vec<Finding>) -> Vec<Finding> {
    let mut kept: Vec<Finding> = Vec::new();
    for finding in found {
        let same = |other: &&mut Finding| {
            other.cause == finding.cause && (other.kind == Kind::Rise) == (finding.kind == Kind::Rise)
        };
        match kept.iter_mut().find(same) {
            // The estimate comes first, so it stays where both are as severe.
            Some(other) if finding.sighting.severity > other.sighting.severity => *other = finding,
            Some(_) => {}
            None => kept.push(finding),
        }
    }
    kept.sort_by_key(|finding| std::cmp::Reverse(finding.sighting.severity));
    kept
}

/// A number from 0 to 100 without its fraction, so that what is told is never more than what was measured. A hair is
/// forgiven: 0.15 is fifteen hundredths, though no float is.
fn whole(value: f64) -> u32 {
    (value + 1e-9).clamp(0.0, 100.0) as u32
}

#[cfg(test)]
mod tests;
