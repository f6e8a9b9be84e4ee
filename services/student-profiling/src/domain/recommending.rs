//! What may help next: proposals with what they rest on, why now, and what would change them.
//!
//! What: for each skill at most one proposal, the first of these rules that applies: a drop to talk about, practice at
//! the present level, a skill not seen for long, something harder, too little known, growth to notice. Each applies
//! with a probability that the belief gives, and is silent below [`LIKELY`]: no proposal is better than a guess. What
//! would change a proposal is not made up: further work is put in until the rule no longer applies, and counted
//! ([`Recommendation::unless`]).
//!
//! Why rules and not a learnt model: a student can follow a rule, and no outcome is known yet to learn from. When not:
//! these speak to the student; alerts to educators are another service's, with another bar. Source: proposals are about
//! the work and the next step, never the person (Hattie & Timperley 2007); practice at the edge of what one can do
//! (Ericsson, Krampe & Tesch-Römer 1993); coming back after a time (Cepeda et al. 2006); explanation by contrast (Wachter,
//! Mittelstadt & Russell 2018). The thresholds are our own.

mod wording;

use std::collections::BTreeMap;

use super::change::{Change, Changes};
use super::growth;
use super::growth::belief::{Belief, readings};
use super::observation::{DAY, Observation, Raw, Skill, When};
use super::skills::{Assessment, Stage, Sureness};

/// How probable what a proposal rests on must be.
pub const LIKELY: f64 = 0.7;

/// How probable a drop must be to be spoken of, and a growth.
pub const VERY_LIKELY: f64 = 0.9;

/// A skill not seen for so many days is proposed to be revisited.
pub const LONG_DAYS: f64 = 45.0;

/// A drop longer ago than this is not news.
pub const NEWS_DAYS: f64 = 30.0;

/// A level that moves less than this, at once or in 30 days, is not spoken of.
pub const NOTICEABLE: f64 = 0.05;

/// More further pieces of work than this are not foretold.
pub const FORETOLD: u32 = 8;

/// The most observations that are shown as evidence.
const SHOWN: usize = 5;

/// What kind of next step, in the order in which rules are asked and proposals told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Look at what changed, with somebody.
    Talk,
    /// Practise at the present level.
    Practise,
    /// Come back to it.
    Revisit,
    /// Try something harder.
    Stretch,
    /// Try a piece of work, because little is known.
    Show,
    /// Notice a growth.
    Notice,
}

/// One next step.
#[derive(Clone, Debug, PartialEq)]
pub struct Recommendation {
    /// What kind.
    pub kind: Kind,
    /// The skill.
    pub skill: Skill,
    /// The proposal, in one sentence.
    pub proposal: String,
    /// What it rests on.
    pub because: String,
    /// Why now.
    pub why_now: String,
    /// What would change it.
    pub unless: String,
    /// How probable it is that what it rests on holds.
    pub confidence: f64,
    /// So many further pieces of work would end it, one a day; absent where work does not, or not so little.
    pub ends_after: Option<u32>,
    /// What speaks for it most, newest first.
    pub evidence: Vec<Observation>,
}

/// The proposals for a student's observations, of whatever skills and in whatever order, most useful first.
#[must_use]
pub fn recommend(observations: &[Observation], now: When, most: usize) -> Vec<Recommendation> {
    let mut skills: BTreeMap<&Skill, Vec<Observation>> = BTreeMap::new();
    for observation in observations {
        skills.entry(observation.skill()).or_default().push(observation.clone());
    }
    let mut applying: Vec<(&Skill, View, Reason)> = skills
        .into_iter()
        .filter_map(|(skill, observations)| {
            let view = View::of(observations, now)?;
            let reason = view.reason()?;
            Some((skill, view, reason))
        })
        .collect();
    // Skills come by name, and the sort is stable: nothing is left to chance.
    applying.sort_by(|(_, _, a), (_, _, b)| a.kind.cmp(&b.kind).then(b.confidence.total_cmp(&a.confidence)));
    applying.truncate(most);
    applying
        .into_iter()
        .map(|(skill, view, reason)| view.told(skill, &reason))
        .collect()
}

/// Why a rule applies.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Reason {
    kind: Kind,
    confidence: f64,
}

/// Everything that rules look at.
struct View {
    /// By time; one at least.
    observations: Vec<Observation>,
    now: When,
    changes: Changes,
    assessment: Assessment,
    /// As it was when it was last seen.
    last_seen: Assessment,
    /// How much the level grows in 30 days, and how probable it is that it grows.
    growth: f64,
    growing: f64,
}

impl View {
    fn of(mut observations: Vec<Observation>, now: When) -> Option<Self> {
        observations.sort_unstable_by(|a, b| a.order().cmp(&b.order()));
        let latest = observations.last()?.at();
        let changes = Changes::of(&observations);
        let belief = Belief::after(&readings(&growth::newest(&observations, growth::MOST), &changes));
        let count = observations.len();
        Some(Self {
            assessment: Assessment::by(&belief, count, Some(latest), now).ok()?,
            last_seen: Assessment::by(&belief, count, Some(latest), latest).ok()?,
            growth: belief.growth().mean() * growth::MONTH,
            growing: belief.growing(),
            observations,
            now,
            changes,
        })
    }

    fn latest(&self) -> When {
        self.observations.last().map_or(self.now, Observation::at)
    }

    /// A drop that is news.
    fn drop(&self) -> Option<&Change> {
        self.changes.found.iter().rev().find(|change| {
            change.shift <= -NOTICEABLE
                && change.probability >= VERY_LIKELY
                && self.now.days_since(change.before) <= NEWS_DAYS
        })
    }

    /// The first rule that applies.
    fn reason(&self) -> Option<Reason> {
        let known = self.assessment.sureness() > Sureness::Guess;
        let reason = |kind, confidence| Some(Reason { kind, confidence });
        if let Some(change) = self.drop() {
            return reason(Kind::Talk, change.probability);
        }
        let low = self.assessment.at_most(Stage::Developing);
        if known && low >= LIKELY {
            return reason(Kind::Practise, low);
        }
        if self.now.days_since(self.latest()) >= LONG_DAYS && self.last_seen.sureness() > Sureness::Guess {
            return reason(Kind::Revisit, 1.0);
        }
        let high = 1.0 - self.assessment.at_most(Stage::Secure);
        if known && high >= LIKELY {
            return reason(Kind::Stretch, high);
        }
        if !known {
            return reason(Kind::Show, 1.0);
        }
        let grows = self.growing >= VERY_LIKELY && self.growth >= NOTICEABLE;
        grows.then_some(Reason {
            kind: Kind::Notice,
            confidence: self.growing,
        })
    }

    /// What the student would have shown who ends a proposal by work.
    fn ending_value(&self, kind: Kind) -> Option<f64> {
        match kind {
            // The middle of the stage on the other side.
            Kind::Practise | Kind::Stretch => Some(0.625),
            // As it was.
            Kind::Revisit | Kind::Show => Some(self.last_seen.level.mean),
            Kind::Talk | Kind::Notice => None,
        }
    }

    /// After so many further pieces of work, one a day, the proposal would no longer be made.
    fn ends_after(&self, skill: &Skill, kind: Kind) -> Option<u32> {
        let value = self.ending_value(kind)?;
        let start = self.now.max(self.latest()).milliseconds();
        let mut observations = self.observations.clone();
        (1..=FORETOLD).find(|&count| {
            let further = Observation::try_from(Raw {
                id: format!("foretold:{count}"),
                skill: skill.name().to_owned(),
                value,
                weight: 1.0,
                at: (start + i64::from(count) * DAY).min(When::LATEST.milliseconds()),
                source: self.observations[0].source(),
            });
            let Ok(further) = further else { return false };
            let now = further.at();
            observations.push(further);
            let view = Self::of(observations.clone(), now);
            view.is_some_and(|view| view.reason().is_none_or(|reason| reason.kind != kind))
        })
    }

    /// The observations that speak for it most, newest first.
    fn evidence(&self, kind: Kind) -> Vec<Observation> {
        let speaks = |observation: &&Observation| match kind {
            Kind::Practise => observation.value() < 0.5,
            Kind::Stretch => observation.value() >= 0.75,
            Kind::Talk => self.drop().is_some_and(|change| observation.at() >= change.before),
            Kind::Revisit | Kind::Show | Kind::Notice => true,
        };
        self.observations
            .iter()
            .rev()
            .filter(speaks)
            .take(SHOWN)
            .cloned()
            .collect()
    }
}

#[cfg(test)]
mod tests;
