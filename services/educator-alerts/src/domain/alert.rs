//! An alert: what was seen in a student's work, who took it on, what was tried, what came of it.
//!
//! What: an event-sourced aggregate. Commands look at the alert as it is and give the event that follows, or a refusal;
//! [`Alert::apply`] is the only thing that changes it. Why so: what was known when, and who did what, is the point of an
//! alert about a minor, and the state can be rebuilt from its history at any time.
//!
//! 1. Without consent nothing is raised and nothing grows; when it is withdrawn, all that was known is gone from the
//!    state at once, and only that there was an alert remains.
//! 2. The severity never falls, the status never goes back, the version counts events.
//! 3. Commands said twice say nothing the second time.
//! 4. Rebuilding from all events is the same as from a snapshot and the rest.
//!
//! When not: events hold what was known at the time, so erasing a student means deleting events too; that is the
//! store's. Source: Young 2010 (CQRS and event sourcing); Fowler 2005.

pub mod event;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use self::event::{Event, Raised, Reason};
use super::consent::Consent;
use super::model::Estimate;
use super::pseudonym::Pseudonym;
use super::signals::Signal;

/// More interventions than this on one alert are a list nobody keeps.
pub const INTERVENTIONS_MOST: usize = 16;
/// The longest id of an alert or an intervention.
pub const ID_MOST: usize = 64;

/// What an alert is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The model's estimate.
    Risk,
    /// No work for long.
    Idle,
    /// Tasks were missed.
    MissedTasks,
    /// The level fell.
    Drop,
    /// The level rose.
    Rise,
}

impl Kind {
    /// All.
    pub const ALL: [Self; 5] = [Self::Risk, Self::Idle, Self::MissedTasks, Self::Drop, Self::Rise];
}

/// How soon it wants to be looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Whenever there is time.
    Notice,
    /// This week.
    Attention,
    /// Today or tomorrow.
    Urgent,
}

/// What became of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Better.
    Improved,
    /// As before.
    Unchanged,
    /// Worse.
    Worsened,
    /// There was nothing to be seen to.
    FalseAlarm,
}

/// Where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Status {
    /// Nobody has taken it on.
    Open,
    /// Somebody has.
    Acknowledged,
    /// Something is being tried.
    Intervening,
    /// What became of it is known.
    Closed,
    /// What was known is gone.
    Removed,
}

/// How far it has been passed on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reach {
    /// The class's educators.
    #[default]
    Class,
    /// All educators of the student.
    Educators,
    /// Administrators.
    Administrators,
}

/// An id of an alert or an intervention: 1 to 64 letters, digits, hyphens and underscores.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Id(String);

impl Id {
    /// Reads one; `None` for another form.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let plain = text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
        (plain && (1..=ID_MOST).contains(&text.len())).then(|| Self(text.to_owned()))
    }

    /// As text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Id {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text).ok_or("an id has 1 to 64 letters, digits, hyphens and underscores")
    }
}

impl From<Id> for String {
    fn from(id: Id) -> Self {
        id.0
    }
}

/// Whom and what an alert is about: the same again is no new alert.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Subject {
    /// The student.
    pub student: Pseudonym,
    /// The class in whose work it was seen.
    pub class: Pseudonym,
    /// What it is about.
    pub kind: Kind,
    /// The signal that gave the reason.
    pub cause: Signal,
}

/// What was seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sighting {
    /// How soon it wants to be looked at.
    pub severity: Severity,
    /// How much it is, in the unit of the kind's threshold: per cent, days, tasks, hundredths of the level.
    pub measure: u32,
    /// The level of the work then, where it is known.
    pub level: Option<f64>,
    /// The estimate then, where there was one.
    pub estimate: Option<Estimate>,
    /// One sentence about the work.
    pub summary: Summary,
}

/// A sentence about a student's work: shown to educators, never printed.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Summary(pub String);

impl std::fmt::Debug for Summary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

/// Something that is being tried.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trial {
    /// The intervention.
    pub intervention: Id,
    /// When it began.
    pub began: Timestamp,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Closing {
    /// What.
    pub outcome: Outcome,
    /// The level of the work then, where it is known.
    pub level: Option<f64>,
    /// When.
    pub at: Timestamp,
}

/// All that is known; gone when consent is withdrawn.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Content {
    /// Whom and what it is about.
    pub subject: Subject,
    /// When it was raised.
    pub raised: Timestamp,
    /// What was seen first.
    pub first: Sighting,
    /// What was seen last; the severity is the greatest seen.
    pub last: Sighting,
    /// When.
    pub last_seen: Timestamp,
    /// How often it was seen again.
    pub recurrences: u32,
    /// How far it has been passed on.
    pub reach: Reach,
    /// Who took it on, and when.
    pub acknowledged: Option<(Pseudonym, Timestamp)>,
    /// What was tried.
    pub trials: Vec<Trial>,
    /// What came of it.
    pub closing: Option<Closing>,
}

/// An alert. It is its own snapshot: what is stored of it and read again is the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Alert {
    /// Identifies it.
    pub id: Id,
    /// How many events made it.
    pub version: u64,
    /// All that is known; `None` once it is removed.
    pub content: Option<Content>,
}

/// A command that cannot be followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// The student's consent does not cover alerts.
    #[error("the student's consent does not cover alerts")]
    NoConsent,
    /// It is gone.
    #[error("there is no such alert")]
    Removed,
    /// Another outcome stands.
    #[error("the alert is closed")]
    Closed,
    /// It has changed since the caller saw it.
    #[error("the alert is at version {now} by now: look at it again")]
    VersionChanged {
        /// The version it has.
        now: u64,
    },
    /// Too much has been tried.
    #[error("an alert has at most {INTERVENTIONS_MOST} interventions")]
    TooManyInterventions,
    /// A level that is no number from 0 to 1.
    #[error("a level is a number from 0 to 1")]
    Level,
}

/// Events that are no history of one alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("event {at} does not follow from those before it: {why}")]
pub struct Corrupt {
    /// Its number, from 1.
    pub at: u64,
    /// Why.
    pub why: &'static str,
}

impl Alert {
    /// Raises an alert: the first event of its history.
    ///
    /// # Errors
    /// No consent; a level that is none.
    pub fn raise(
        id: Id,
        subject: Subject,
        sighting: Sighting,
        consent: Consent,
        at: Timestamp,
    ) -> Result<Event, Refusal> {
        covered(consent)?;
        known_level(sighting.level)?;
        Ok(Event::Raised(Box::new(Raised {
            id,
            subject,
            sighting,
            at,
        })))
    }

    /// Notes that the same was seen again.
    ///
    /// # Errors
    /// No consent; the alert is gone; a level that is none.
    pub fn see_again(&self, sighting: Sighting, consent: Consent, at: Timestamp) -> Result<Event, Refusal> {
        covered(consent)?;
        known_level(sighting.level)?;
        self.content()?;
        Ok(Event::SeenAgain { sighting, at })
    }

    /// Passes it on; nothing, where it has come that far.
    ///
    /// # Errors
    /// No consent; the alert is gone.
    pub fn pass_on(&self, to: Reach, consent: Consent, at: Timestamp) -> Result<Option<Event>, Refusal> {
        covered(consent)?;
        let content = self.content()?;
        Ok((to > content.reach && content.acknowledged.is_none()).then_some(Event::PassedOn { to, at }))
    }

    /// Takes it on; nothing, where somebody has.
    ///
    /// # Errors
    /// The alert is gone; it has changed.
    pub fn acknowledge(&self, by: Pseudonym, seen: Option<u64>, at: Timestamp) -> Result<Option<Event>, Refusal> {
        if self.content()?.acknowledged.is_some() {
            return Ok(None);
        }
        self.unchanged(seen)?;
        Ok(Some(Event::Acknowledged { by, at }))
    }

    /// Begins an intervention; nothing, where it has begun.
    ///
    /// # Errors
    /// The alert is gone, closed or has changed; too much has been tried.
    pub fn intervene(
        &self,
        intervention: Id,
        by: Pseudonym,
        seen: Option<u64>,
        at: Timestamp,
    ) -> Result<Option<Event>, Refusal> {
        let content = self.content()?;
        if content.trials.iter().any(|trial| trial.intervention == intervention) {
            return Ok(None);
        }
        if content.closing.is_some() {
            return Err(Refusal::Closed);
        }
        if content.trials.len() >= INTERVENTIONS_MOST {
            return Err(Refusal::TooManyInterventions);
        }
        self.unchanged(seen)?;
        Ok(Some(Event::InterventionBegan { intervention, by, at }))
    }

    /// Closes it with what came of it; nothing, where that stands already.
    ///
    /// # Errors
    /// The alert is gone or has changed; another outcome stands; a level that is none.
    pub fn close(
        &self,
        outcome: Outcome,
        level: Option<f64>,
        by: Pseudonym,
        seen: Option<u64>,
        at: Timestamp,
    ) -> Result<Option<Event>, Refusal> {
        match &self.content()?.closing {
            Some(closing) if closing.outcome == outcome => return Ok(None),
            Some(_) => return Err(Refusal::Closed),
            None => {}
        }
        known_level(level)?;
        self.unchanged(seen)?;
        Ok(Some(Event::Closed {
            closing: Closing { outcome, level, at },
            by,
        }))
    }

    /// Removes all that is known; nothing, where it is gone.
    #[must_use]
    pub fn remove(&self, reason: Reason, at: Timestamp) -> Option<Event> {
        self.content.is_some().then_some(Event::Removed { reason, at })
    }

    /// Where it stands.
    #[must_use]
    pub fn status(&self) -> Status {
        match &self.content {
            None => Status::Removed,
            Some(content) if content.closing.is_some() => Status::Closed,
            Some(content) if !content.trials.is_empty() => Status::Intervening,
            Some(content) if content.acknowledged.is_some() => Status::Acknowledged,
            Some(_) => Status::Open,
        }
    }

    fn content(&self) -> Result<&Content, Refusal> {
        self.content.as_ref().ok_or(Refusal::Removed)
    }

    fn unchanged(&self, seen: Option<u64>) -> Result<(), Refusal> {
        match seen {
            Some(version) if version != self.version => Err(Refusal::VersionChanged { now: self.version }),
            _ => Ok(()),
        }
    }
}

fn covered(consent: Consent) -> Result<(), Refusal> {
    match consent {
        Consent::Covered => Ok(()),
        Consent::NotCovered => Err(Refusal::NoConsent),
    }
}

fn known_level(level: Option<f64>) -> Result<(), Refusal> {
    match level {
        Some(level) if !(0.0..=1.0).contains(&level) => Err(Refusal::Level),
        _ => Ok(()),
    }
}

#[cfg(test)]
pub(crate) mod tests;
