//! What is known of a student, piece by piece: a value of a skill, when, how much it counts, where it comes from.
//!
//! Why types of their own: a value that exists is within its range, so that nothing behind this module checks again,
//! and no NaN gets in. Whoever receives an observation (an event, a test) parses it here. When not: how a text's
//! measures become values of skills is the business of whoever measures. Source: ranges as in the contract.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::controls::Source;

/// Why an observation was refused. No value is repeated: it may identify a student.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Error {
    /// A student's pseudonym.
    #[error("a student is 1 to 128 of the characters A-Z, a-z, 0-9, _ and -")]
    Student,
    /// An observation's id.
    #[error("an observation's id is 1 to 128 of the characters A-Z, a-z, 0-9, _, :, . and -")]
    Id,
    /// A skill's name.
    #[error("a skill is 1 to 64 of the characters a-z, 0-9 and -")]
    Skill,
    /// An observed value.
    #[error("a value is 0 to 1")]
    Value,
    /// A weight.
    #[error("a weight is above 0 and at most 1")]
    Weight,
    /// A time.
    #[error("a time is 0 to 4102444800000 milliseconds since 1970")]
    Time,
}

fn parse(text: String, longest: usize, allowed: impl Fn(u8) -> bool, error: Error) -> Result<String, Error> {
    if (1..=longest).contains(&text.len()) && text.bytes().all(allowed) {
        Ok(text)
    } else {
        Err(error)
    }
}

/// A student's pseudonym. Its `Debug` shows nothing.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Student(String);

impl Student {
    /// Reads a pseudonym.
    ///
    /// # Errors
    /// [`Error::Student`].
    pub fn parse(text: impl Into<String>) -> Result<Self, Error> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-".contains(&byte);
        parse(text.into(), 128, allowed, Error::Student).map(Self)
    }

    /// The pseudonym: for looking a student up, never for printing.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Student {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(lyceum::privacy::REDACTED)
    }
}

/// The id that an observation's source gave it. Its `Debug` shows nothing, since sources make ids of what they have.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ObservationId(String);

impl ObservationId {
    /// Reads an id.
    ///
    /// # Errors
    /// [`Error::Id`].
    pub fn parse(text: impl Into<String>) -> Result<Self, Error> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_:.-".contains(&byte);
        parse(text.into(), 128, allowed, Error::Id).map(Self)
    }

    /// The id itself.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ObservationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(lyceum::privacy::REDACTED)
    }
}

impl TryFrom<String> for ObservationId {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        Self::parse(text)
    }
}

impl From<ObservationId> for String {
    fn from(id: ObservationId) -> Self {
        id.0
    }
}

/// A skill's name, such as `reflection-depth`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Skill(String);

impl Skill {
    /// Reads a skill's name.
    ///
    /// # Errors
    /// [`Error::Skill`].
    pub fn parse(text: impl Into<String>) -> Result<Self, Error> {
        let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
        parse(text.into(), 64, allowed, Error::Skill).map(Self)
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Skill {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        Self::parse(text)
    }
}

impl From<Skill> for String {
    fn from(skill: Skill) -> Self {
        skill.0
    }
}

/// Milliseconds since 1970-01-01T00:00:00Z, up to the year 2100.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "i64", into = "i64")]
pub struct When(i64);

/// Milliseconds in a day.
pub const DAY: i64 = 86_400_000;

impl When {
    /// The latest time there is.
    pub const LATEST: Self = Self(4_102_444_800_000);

    /// Reads a time.
    ///
    /// # Errors
    /// [`Error::Time`].
    pub fn parse(milliseconds: i64) -> Result<Self, Error> {
        (0..=Self::LATEST.0)
            .contains(&milliseconds)
            .then_some(Self(milliseconds))
            .ok_or(Error::Time)
    }

    /// Milliseconds since 1970.
    #[must_use]
    pub fn milliseconds(self) -> i64 {
        self.0
    }

    /// Days from `earlier` to this; negative when `earlier` is later.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "130 years of milliseconds fit into 52 bits")]
    pub fn days_since(self, earlier: Self) -> f64 {
        (self.0 - earlier.0) as f64 / DAY as f64
    }

    /// This many days later, the year 2100 at most.
    #[must_use]
    pub fn plus_days(self, days: u32) -> Self {
        Self((self.0 + i64::from(days) * DAY).min(Self::LATEST.0))
    }
}

impl TryFrom<i64> for When {
    type Error = Error;

    fn try_from(milliseconds: i64) -> Result<Self, Error> {
        Self::parse(milliseconds)
    }
}

impl From<When> for i64 {
    fn from(when: When) -> Self {
        when.0
    }
}

/// One piece of evidence of a skill. Ordered by time, then id: the order in which every method reads them, so that it
/// does not matter in which order they came. Value and weight are kept in millionths, so that they are the same in every
/// store and message.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Stored", into = "Stored")]
pub struct Observation {
    id: ObservationId,
    skill: Skill,
    value: u32,
    weight: u32,
    at: When,
    source: Source,
}

/// An observation as it comes from outside, unchecked.
#[derive(Clone, Debug)]
pub struct Raw {
    /// See [`Observation::id`].
    pub id: String,
    /// See [`Observation::skill`].
    pub skill: String,
    /// See [`Observation::value`].
    pub value: f64,
    /// See [`Observation::weight`].
    pub weight: f64,
    /// See [`Observation::at`].
    pub at: i64,
    /// See [`Observation::source`].
    pub source: Source,
}

/// Less than this is no evidence, and would make variances overflow.
pub const MIN_WEIGHT: f64 = 1e-3;

const MILLIONTHS: f64 = 1e6;

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "checked to be 0 to 1 before"
)]
fn millionths(share: f64) -> u32 {
    (share * MILLIONTHS).round() as u32
}

impl TryFrom<Raw> for Observation {
    type Error = Error;

    fn try_from(raw: Raw) -> Result<Self, Error> {
        // Comparisons with NaN are false, so it is refused like any value outside.
        if !(0.0..=1.0).contains(&raw.value) {
            return Err(Error::Value);
        }
        if !(raw.weight >= MIN_WEIGHT && raw.weight <= 1.0) {
            return Err(Error::Weight);
        }
        Self::try_from(Stored {
            id: raw.id,
            skill: raw.skill,
            value_millionths: millionths(raw.value),
            weight_millionths: millionths(raw.weight),
            at: raw.at,
            source: raw.source,
        })
    }
}

/// An observation in the columns of a row or the fields of a document.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Stored {
    id: String,
    skill: String,
    value_millionths: u32,
    weight_millionths: u32,
    at: i64,
    source: Source,
}

impl TryFrom<Stored> for Observation {
    type Error = Error;

    fn try_from(stored: Stored) -> Result<Self, Error> {
        if stored.value_millionths > millionths(1.0) {
            return Err(Error::Value);
        }
        if !(millionths(MIN_WEIGHT)..=millionths(1.0)).contains(&stored.weight_millionths) {
            return Err(Error::Weight);
        }
        Ok(Self {
            id: ObservationId::parse(stored.id)?,
            skill: Skill::parse(stored.skill)?,
            value: stored.value_millionths,
            weight: stored.weight_millionths,
            at: When::parse(stored.at)?,
            source: stored.source,
        })
    }
}

impl From<Observation> for Stored {
    fn from(observation: Observation) -> Self {
        Self {
            id: observation.id.0,
            skill: observation.skill.0,
            value_millionths: observation.value,
            weight_millionths: observation.weight,
            at: observation.at.0,
            source: observation.source,
        }
    }
}

impl Observation {
    /// The id that its source gave it.
    #[must_use]
    pub fn id(&self) -> &ObservationId {
        &self.id
    }

    /// The skill.
    #[must_use]
    pub fn skill(&self) -> &Skill {
        &self.skill
    }

    /// What was seen, 0 to 1.
    #[must_use]
    pub fn value(&self) -> f64 {
        f64::from(self.value) / MILLIONTHS
    }

    /// How much it counts, [`MIN_WEIGHT`] to 1: its variance is that of a full observation, divided by this.
    #[must_use]
    pub fn weight(&self) -> f64 {
        f64::from(self.weight) / MILLIONTHS
    }

    /// When the work was done.
    #[must_use]
    pub fn at(&self) -> When {
        self.at
    }

    /// Where it comes from.
    #[must_use]
    pub fn source(&self) -> Source {
        self.source
    }

    /// What observations are sorted by.
    #[must_use]
    pub fn order(&self) -> (When, &ObservationId) {
        (self.at, &self.id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw() -> Raw {
        Raw {
            id: "wa:1".to_owned(),
            skill: "cohesion".to_owned(),
            value: 0.5,
            weight: 1.0,
            at: 1_700_000_000_000,
            source: Source::Writing,
        }
    }

    #[test]
    fn what_is_outside_its_range_is_refused_by_name() {
        assert!(Observation::try_from(raw()).is_ok());
        for value in [-0.01, 1.01, f64::NAN, f64::INFINITY] {
            assert_eq!(Observation::try_from(Raw { value, ..raw() }), Err(Error::Value));
        }
        for weight in [0.0, -1.0, 1.01, 1e-9, f64::NAN] {
            assert_eq!(Observation::try_from(Raw { weight, ..raw() }), Err(Error::Weight));
        }
        for at in [-1, i64::MIN, i64::MAX, When::LATEST.milliseconds() + 1] {
            assert_eq!(Observation::try_from(Raw { at, ..raw() }), Err(Error::Time));
        }
        for skill in ["", "Cohesion", "a b", &"a".repeat(65)] {
            let skill = skill.to_owned();
            assert_eq!(Observation::try_from(Raw { skill, ..raw() }), Err(Error::Skill));
        }
        for id in ["", "a b", "ä", &"a".repeat(129)] {
            let id = id.to_owned();
            assert_eq!(Observation::try_from(Raw { id, ..raw() }), Err(Error::Id));
        }
        assert_eq!(Student::parse("Ada Lovelace"), Err(Error::Student));
    }

    #[test]
    fn nobody_is_told_by_debug() {
        let observation = Observation::try_from(raw()).expect("it is valid");
        let student = Student::parse("s-4711").expect("it is valid");
        let shown = format!("{observation:?} {student:?}");
        assert!(!shown.contains("wa:1") && !shown.contains("4711"), "{shown}");
    }
}
