//! What came of what was tried, and how little that proves.
//!
//! What: for each intervention the share of outcomes that improved, the difference to alerts where nothing was tried, in
//! all and among alerts of the same kind and severity, and the mean change of the level, each with a 95 % interval; and the
//! share of alerts that were right. Why with caveats as data: nobody is assigned by lot, whoever is helped is chosen, and
//! an alert is raised at a low point, after which things get better by themselves. A figure without these words would be
//! read as proof.
//!
//! 1. Fewer than ten outcomes are not told: they say little, and could say whose they are.
//! 2. Every effect carries its caveats; without a comparison it says that there is none.
//! 3. A false alarm counts against the alerts, never for an intervention.
//!
//! When not: to decide what works, assign by lot. Sources: Newcombe 1998; Mantel & Haenszel 1959; Student 1908; Campbell
//! & Stanley 1963 on what designs without a control group can tell; Barnett, van der Pols & Dobson 2005 on regression to
//! the mean.

use std::collections::BTreeMap;

use super::alert::{Content, Id, Kind, Outcome, Severity};
use super::interval::{self, Interval};
use super::interventions::CATALOGUE;

/// Fewer outcomes than this are not told.
pub const LEAST: usize = 10;

/// Why a figure proves less than it seems to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Caveat {
    /// Nobody was assigned by lot.
    NotRandomised,
    /// There is nothing to compare with.
    NoComparison,
    /// Low points are followed by better ones anyway.
    RegressionToMean,
    /// Help and harm are both possible.
    Inconclusive,
    /// Others were tried on the same alerts.
    Combined,
}

/// What came of one intervention.
#[derive(Clone, Debug, PartialEq)]
pub struct Effect {
    /// Which.
    pub intervention: Id,
    /// How many outcomes.
    pub outcomes: u32,
    /// The share that improved.
    pub improved: Interval,
    /// How many outcomes without any intervention.
    pub comparison_outcomes: u32,
    /// The share that improved, less that without any.
    pub difference: Option<Interval>,
    /// The difference among alerts of the same kind and severity.
    pub adjusted_difference: Option<Interval>,
    /// The mean change of the level.
    pub level_change: Option<Interval>,
    /// In their order; never empty.
    pub caveats: Vec<Caveat>,
}

/// All that can be told.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Effectiveness {
    /// In the order of the catalogue, then by id.
    pub effects: Vec<Effect>,
    /// The share of closed alerts that were no false alarm.
    pub precision: Option<Interval>,
}

/// What educators are known to choose by.
type Alike = (Kind, Severity);

#[derive(Default)]
struct Tally {
    outcomes: u32,
    improved: u32,
    combined: bool,
    changes: Vec<f64>,
    /// Improved and all.
    alike: BTreeMap<Alike, (u32, u32)>,
}

impl Tally {
    fn count(&mut self, content: &Content, outcome: Outcome, level: Option<f64>) {
        self.outcomes += 1;
        let improved = u32::from(outcome == Outcome::Improved);
        self.improved += improved;
        let alike = self
            .alike
            .entry((content.subject.kind, content.last.severity))
            .or_default();
        *alike = (alike.0 + improved, alike.1 + 1);
        self.combined |= content.trials.len() > 1;
        if let (Some(before), Some(after)) = (content.first.level, level) {
            self.changes.push(after - before);
        }
    }

    fn enough(&self) -> bool {
        self.outcomes as usize >= LEAST
    }
}

/// Tells what came of closed alerts, of one kind or of all. Praise for a rise is told only where it is asked for: after a
/// rise "improved" means something else.
#[must_use]
pub fn effectiveness<'a>(alerts: impl IntoIterator<Item = &'a Content>, kind: Option<Kind>) -> Effectiveness {
    let mut tried: BTreeMap<&Id, Tally> = BTreeMap::new();
    let mut untried = Tally::default();
    let (mut right, mut all) = (0, 0);
    for content in alerts {
        let wanted = kind.map_or(content.subject.kind != Kind::Rise, |kind| content.subject.kind == kind);
        let (Some(closing), true) = (&content.closing, wanted) else {
            continue;
        };
        all += 1;
        if closing.outcome == Outcome::FalseAlarm {
            continue;
        }
        right += 1;
        if content.trials.is_empty() {
            untried.count(content, closing.outcome, closing.level);
        }
        for trial in &content.trials {
            let tally = tried.entry(&trial.intervention).or_default();
            tally.count(content, closing.outcome, closing.level);
        }
    }
    let mut effects: Vec<Effect> = tried
        .into_iter()
        .filter(|(_, tally)| tally.enough())
        .map(|(id, tally)| effect(id, &tally, &untried))
        .collect();
    effects.sort_by_key(|effect| place(&effect.intervention));
    Effectiveness {
        effects,
        precision: (all as usize >= LEAST).then(|| interval::wilson(right, all)),
    }
}

fn effect(id: &Id, tally: &Tally, untried: &Tally) -> Effect {
    let with = (tally.improved, tally.outcomes);
    let difference = untried
        .enough()
        .then(|| interval::newcombe(with, (untried.improved, untried.outcomes)));
    let adjusted_difference = adjusted(tally, untried);
    let level_change = (tally.changes.len() >= LEAST)
        .then(|| interval::student(&tally.changes))
        .flatten();
    let mut caveats = vec![Caveat::NotRandomised];
    match &difference {
        None => caveats.push(Caveat::NoComparison),
        Some(difference) if difference.low <= 0.0 && difference.high >= 0.0 => caveats.push(Caveat::Inconclusive),
        Some(_) => {}
    }
    if level_change.is_some() {
        caveats.push(Caveat::RegressionToMean);
    }
    if tally.combined {
        caveats.push(Caveat::Combined);
    }
    caveats.sort_unstable();
    Effect {
        intervention: id.clone(),
        outcomes: tally.outcomes,
        improved: interval::wilson(with.0, with.1),
        // Few of them are not told either.
        comparison_outcomes: if untried.enough() { untried.outcomes } else { 0 },
        difference,
        adjusted_difference,
        level_change,
        caveats,
    }
}

/// Compares what is alike, where there is enough of it on either side.
fn adjusted(tally: &Tally, untried: &Tally) -> Option<Interval> {
    let strata: Vec<interval::Stratum> = tally
        .alike
        .iter()
        .filter_map(|(alike, with)| Some([*with, *untried.alike.get(alike)?]))
        .collect();
    let enough = |side: usize| strata.iter().map(|stratum| stratum[side].1 as usize).sum::<usize>() >= LEAST;
    (enough(0) && enough(1))
        .then(|| interval::mantel_haenszel(strata))
        .flatten()
}

fn place(id: &Id) -> usize {
    let known = CATALOGUE.iter().position(|entry| entry.id == id.as_str());
    known.unwrap_or(CATALOGUE.len())
}

#[cfg(test)]
mod tests;
