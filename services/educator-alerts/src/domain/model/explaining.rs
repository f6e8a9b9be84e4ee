//! An estimate in words: what each signal added, and what would change it.
//!
//! What: one sentence a signal about the work, and the same estimate with one signal other than it is. Why both: a
//! number alone invites either trust or contempt; a teacher can check a sentence, and act on what would change it
//! (counterfactual explanations: Wachter, Mittelstadt & Russell 2018). When not: sentences speak of work and days, never
//! of the person, name nobody, and never say that one thing causes another.

use super::{Estimate, Model};
use crate::domain::signals::{Signal, Signals, WEEKS};

/// At most this many.
pub const WHAT_IFS: usize = 4;
/// Less than this is no change.
const NOTEWORTHY: f64 = 0.005;
/// Log-odds below this are not worth a word of direction.
const FAINT: f64 = 0.05;

/// What one signal adds.
#[derive(Clone, Debug, PartialEq)]
pub struct Contribution {
    /// Which.
    pub signal: Signal,
    /// Its log-odds; positive raises the estimate.
    pub log_odds: f64,
    /// In words.
    pub explanation: String,
}

/// The estimate if one signal were another.
#[derive(Clone, Debug, PartialEq)]
pub struct WhatIf {
    /// Which.
    pub signal: Signal,
    /// The probability then, less than it is.
    pub probability: f64,
    /// Whether no alert would stand.
    pub below_threshold: bool,
    /// In words.
    pub explanation: String,
}

/// Every signal once, the strongest first.
#[must_use]
pub fn contributions(signals: &Signals, estimate: &Estimate) -> Vec<Contribution> {
    let mut all: Vec<Contribution> = Signal::ALL
        .into_iter()
        .zip(estimate.contributions)
        .map(|(signal, log_odds)| Contribution {
            signal,
            log_odds,
            explanation: format!("{}; {}.", seen(signal, signals), direction(log_odds)),
        })
        .collect();
    all.sort_by(|a, b| b.log_odds.abs().total_cmp(&a.log_odds.abs()));
    all
}

fn direction(log_odds: f64) -> &'static str {
    if log_odds.abs() < FAINT {
        "that hardly moves the estimate"
    } else if log_odds > 0.0 {
        "that raises the estimate"
    } else {
        "that lowers the estimate"
    }
}

/// What a signal shows, as half a sentence about the work.
#[must_use]
pub fn seen(signal: Signal, signals: &Signals) -> String {
    let profile = signals.profile();
    match signal {
        Signal::Level => format!("The recent work stands at {:.2} of 1", profile.level),
        Signal::Slope if profile.slope.abs() < 0.0005 => "The level of the work stays even".to_owned(),
        Signal::Slope => format!(
            "The level of the work {} by {:.3} a week",
            if profile.slope > 0.0 { "rises" } else { "falls" },
            profile.slope.abs()
        ),
        Signal::Idle => match profile.idle_days {
            0 => "The last work came today".to_owned(),
            1 => "The last work came yesterday".to_owned(),
            days => format!("The last work came {days} days ago"),
        },
        Signal::Missed if profile.due == 0 => format!("No task was due in the last {WEEKS} weeks"),
        Signal::Missed => format!(
            "Of {} due in the last {WEEKS} weeks, {} missed",
            counted(profile.due, "task", "tasks"),
            match profile.missed {
                0 => "none was".to_owned(),
                1 => "1 was".to_owned(),
                missed => format!("{missed} were"),
            }
        ),
        Signal::Step => match profile.step {
            Some(step) if step.size != 0.0 => format!(
                "The level {} by {:.2}, {}",
                if step.size > 0.0 { "rose" } else { "fell" },
                step.size.abs(),
                match step.age_days {
                    0 => "today".to_owned(),
                    days => format!("{} ago", counted(days, "day", "days")),
                }
            ),
            _ => "The level has made no sudden step".to_owned(),
        },
        Signal::Uncertainty => format!(
            "The level rests on {} and is known to ±{:.2}",
            counted(profile.works, "piece of work", "pieces of work"),
            2.0 * profile.uncertainty
        ),
    }
}

fn counted(count: u32, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// What would lower the estimate, the most effective first. `threshold` is the probability from which an alert stands.
#[must_use]
pub fn what_ifs(model: &Model, signals: &Signals, threshold: f64) -> Vec<WhatIf> {
    let now = model.estimate(signals).probability;
    let mut found: Vec<WhatIf> = alternatives(signals)
        .into_iter()
        .filter_map(|(signal, other, words)| {
            let probability = model.estimate(&other).probability;
            (probability < now - NOTEWORTHY).then(|| WhatIf {
                signal,
                probability,
                below_threshold: probability < threshold,
                explanation: format!(
                    "{words}, the estimate would be {:.0} % instead of {:.0} %.",
                    probability * 100.0,
                    now * 100.0
                ),
            })
        })
        .collect();
    found.sort_by(|a, b| a.probability.total_cmp(&b.probability));
    // One a signal: the smallest change that is enough, else the greatest.
    let mut best: Vec<WhatIf> = Vec::new();
    for candidate in found {
        match best.iter_mut().find(|chosen| chosen.signal == candidate.signal) {
            // Sorted, so this one changes less than the chosen one; it will do if it is enough.
            Some(chosen) if candidate.below_threshold => *chosen = candidate,
            Some(_) => {}
            None => best.push(candidate),
        }
    }
    best.sort_by(|a, b| a.probability.total_cmp(&b.probability));
    best.truncate(WHAT_IFS);
    best
}

/// Work as it could be; nothing that nobody can change.
fn alternatives(signals: &Signals) -> Vec<(Signal, Signals, String)> {
    let profile = *signals.profile();
    let mut all = Vec::new();
    if profile.idle_days > 0 {
        let other = signals.but(|profile| profile.idle_days = 0);
        all.push((Signal::Idle, other, "Had a piece of work come today".to_owned()));
    }
    for fewer in 1..=profile.missed.min(8) {
        // The last step is none missed at all.
        let missed = if fewer == 8 { 0 } else { profile.missed - fewer };
        let other = signals.but(|profile| profile.missed = missed);
        let words = match missed {
            0 => "Had no task been missed".to_owned(),
            left => format!("Had only {} been missed", counted(left, "task", "tasks")),
        };
        all.push((Signal::Missed, other, words));
    }
    if profile.slope < 0.0 {
        let other = signals.but(|profile| profile.slope = 0.0);
        all.push((Signal::Slope, other, "Had the level stayed even".to_owned()));
    }
    if profile.step.is_some_and(|step| step.size < 0.0) {
        let other = signals.but(|profile| profile.step = None);
        all.push((Signal::Step, other, "Had the level not fallen".to_owned()));
    }
    for tenths in [0.05, 0.1, 0.2] {
        if profile.level + tenths <= 1.0 {
            let other = signals.but(|profile| profile.level += tenths);
            let words = format!("Did the work stand at {:.2}", profile.level + tenths);
            all.push((Signal::Level, other, words));
        }
    }
    all
}
