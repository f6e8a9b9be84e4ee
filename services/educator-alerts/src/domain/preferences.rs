//! How an educator wants to be told: thresholds, quiet hours, digest, what is muted.
//!
//! What: values that were checked once. Why floors and ceilings: most of what lies below the floor would be wrong and students
//! watched over trifles; above the ceiling an educator could switch the estimate off and nobody would know that nobody
//! looks. When not: who is alerted at all does not hang on one educator: alerts are raised from the lowest threshold of
//! all educators of a class ([`Thresholds::lowest`]), and each is told from their own.
//!
//! Source: alarms that are mostly wrong are soon ignored, the right ones too (Sendelbach & Funk 2013, on alarm fatigue).

use super::alert::{Kind, Severity};
use super::digest::Digest;
use super::quiet::Quiet;

/// From where on somebody is told; each within its floor and ceiling.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Thresholds {
    risk_percent: u32,
    idle_days: u32,
    missed_tasks: u32,
    step_percent: u32,
}

/// A threshold with its bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bounds {
    /// Its name in the contract.
    pub name: &'static str,
    /// The least.
    pub floor: u32,
    /// What holds unless somebody says otherwise.
    pub usual: u32,
    /// The most.
    pub ceiling: u32,
}

/// A threshold outside its bounds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} is between {} and {}", .0.name, .0.floor, .0.ceiling)]
pub struct OutOfBounds(pub Bounds);

impl Thresholds {
    /// The estimate, in per cent.
    pub const RISK: Bounds = bounds("risk_percent", 40, 60, 90);
    /// Days without work.
    pub const IDLE: Bounds = bounds("idle_days", 5, 10, 60);
    /// Tasks missed in four weeks.
    pub const MISSED: Bounds = bounds("missed_tasks", 2, 3, 20);
    /// A step of the level, in hundredths.
    pub const STEP: Bounds = bounds("step_percent", 10, 15, 60);

    /// Checks them; 0 means the usual one.
    ///
    /// # Errors
    /// The first that is outside its bounds.
    pub fn try_new(
        risk_percent: u32,
        idle_days: u32,
        missed_tasks: u32,
        step_percent: u32,
    ) -> Result<Self, OutOfBounds> {
        Ok(Self {
            risk_percent: Self::RISK.check(risk_percent)?,
            idle_days: Self::IDLE.check(idle_days)?,
            missed_tasks: Self::MISSED.check(missed_tasks)?,
            step_percent: Self::STEP.check(step_percent)?,
        })
    }

    /// The lowest of all: what must be raised so that each is told what they asked for. The usual ones for nobody.
    #[must_use]
    pub fn lowest(of: impl IntoIterator<Item = Self>) -> Self {
        of.into_iter()
            .reduce(|a, b| Self {
                risk_percent: a.risk_percent.min(b.risk_percent),
                idle_days: a.idle_days.min(b.idle_days),
                missed_tasks: a.missed_tasks.min(b.missed_tasks),
                step_percent: a.step_percent.min(b.step_percent),
            })
            .unwrap_or_default()
    }

    /// The one of a kind, in the unit of [`Sighting::measure`](super::alert::Sighting::measure).
    #[must_use]
    pub fn of(&self, kind: Kind) -> u32 {
        match kind {
            Kind::Risk => self.risk_percent,
            Kind::Idle => self.idle_days,
            Kind::MissedTasks => self.missed_tasks,
            Kind::Drop | Kind::Rise => self.step_percent,
        }
    }
}

impl Default for Thresholds {
    fn default() -> Self {
        Self {
            risk_percent: Self::RISK.usual,
            idle_days: Self::IDLE.usual,
            missed_tasks: Self::MISSED.usual,
            step_percent: Self::STEP.usual,
        }
    }
}

const fn bounds(name: &'static str, floor: u32, usual: u32, ceiling: u32) -> Bounds {
    Bounds {
        name,
        floor,
        usual,
        ceiling,
    }
}

impl Bounds {
    fn check(self, value: u32) -> Result<u32, OutOfBounds> {
        match value {
            0 => Ok(self.usual),
            value if (self.floor..=self.ceiling).contains(&value) => Ok(value),
            _ => Err(OutOfBounds(self)),
        }
    }
}

/// Kinds that somebody is not told of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Muted(Vec<Kind>);

/// The estimate cannot be muted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the estimate cannot be muted: raise its threshold instead")]
pub struct NotMutable;

impl Muted {
    /// Checks them.
    ///
    /// # Errors
    /// The estimate is among them.
    pub fn try_new(mut kinds: Vec<Kind>) -> Result<Self, NotMutable> {
        if kinds.contains(&Kind::Risk) {
            return Err(NotMutable);
        }
        kinds.sort_unstable();
        kinds.dedup();
        Ok(Self(kinds))
    }

    /// The kinds, each once.
    #[must_use]
    pub fn kinds(&self) -> &[Kind] {
        &self.0
    }
}

/// All of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Preferences {
    /// When to be left alone.
    pub quiet: Quiet,
    /// Whether urgent alerts come all the same.
    pub urgent_always: bool,
    /// What is told together.
    pub digest: Option<Digest>,
    /// From where on.
    pub thresholds: Thresholds,
    /// What not.
    pub muted: Muted,
}

impl Preferences {
    /// Whether they are told of such an alert at all.
    #[must_use]
    pub fn want(&self, kind: Kind, measure: u32) -> bool {
        measure >= self.thresholds.of(kind) && !self.muted.0.contains(&kind)
    }

    /// Whether it waits for a digest.
    #[must_use]
    pub fn gather(&self, severity: Severity) -> bool {
        self.digest.as_ref().is_some_and(|digest| severity < digest.below)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn floors_and_ceilings_hold_and_nothing_said_is_the_usual() {
        assert_eq!(Thresholds::try_new(0, 0, 0, 0).unwrap(), Thresholds::default());
        assert!(Thresholds::try_new(40, 5, 2, 10).is_ok() && Thresholds::try_new(90, 60, 20, 60).is_ok());
        for (low, bounds) in [
            (Thresholds::try_new(39, 0, 0, 0), Thresholds::RISK),
            (Thresholds::try_new(91, 0, 0, 0), Thresholds::RISK),
            (Thresholds::try_new(0, 4, 0, 0), Thresholds::IDLE),
            (Thresholds::try_new(0, 0, 1, 0), Thresholds::MISSED),
            (Thresholds::try_new(0, 0, 0, 61), Thresholds::STEP),
        ] {
            assert_eq!(low.unwrap_err(), OutOfBounds(bounds));
        }
        let said = Thresholds::try_new(39, 0, 0, 0).unwrap_err().to_string();
        assert_eq!(said, "risk_percent is between 40 and 90");
    }

    #[test]
    fn the_estimate_cannot_be_muted() {
        assert_eq!(Muted::try_new(vec![Kind::Rise, Kind::Risk]), Err(NotMutable));
        let muted = Muted::try_new(vec![Kind::Rise, Kind::Rise]).unwrap();
        assert_eq!(muted.kinds(), [Kind::Rise]);
        let preferences = Preferences {
            muted,
            ..Preferences::default()
        };
        assert!(!preferences.want(Kind::Rise, 100) && preferences.want(Kind::Drop, 100));
        let usual = Thresholds::STEP.usual;
        assert!(preferences.want(Kind::Drop, usual) && !preferences.want(Kind::Drop, usual - 1));
    }

    proptest! {
        #[test]
        fn what_anybody_wants_is_raised(
            risks in prop::collection::vec((40_u32..=90, 5_u32..=60, 2_u32..=20, 10_u32..=60), 0..8),
            measure in 0_u32..100,
        ) {
            let all: Vec<Thresholds> =
                risks.into_iter().map(|(r, i, m, s)| Thresholds::try_new(r, i, m, s).unwrap()).collect();
            let lowest = Thresholds::lowest(all.clone());
            for kind in Kind::ALL {
                let wanted = all.iter().any(|own| measure >= own.of(kind));
                prop_assert!(!wanted || measure >= lowest.of(kind));
                prop_assert!(all.is_empty() || all.iter().any(|own| own.of(kind) == lowest.of(kind)));
            }
        }
    }
}
