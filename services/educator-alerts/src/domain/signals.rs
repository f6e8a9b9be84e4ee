//! What is known of a student's work when the model looks at it.
//!
//! What: six signals that a profile gives, checked once, and the scale on which the model reads each. Why checked here:
//! behind this door every number is finite and in its range, so no estimate can be anything else. When not: nothing
//! about who a student is (origin, gender, language, disability) is a signal, and no text is.
//!
//! Scales: days and shares saturate, because the tenth day without work says more than the fiftieth; a step of the level
//! halves every four weeks, because old news is no reason. Source: engagement and assessment are what early warning
//! rests on (Kuzilek et al. 2017; Tempelaar, Rienties & Giesbers 2015).

use serde::{Deserialize, Serialize};

/// How many signals the model reads.
pub const COUNT: usize = 6;
/// Weeks of work that missed tasks are counted over.
pub const WEEKS: u32 = 4;
/// Fewer pieces of work than this tell too little for an estimate.
pub const LEAST_WORKS: u32 = 3;
/// Days after which idleness says nothing more.
const IDLE_MOST: u32 = 60;
/// Days in which the news of a step halves.
const HALF_LIFE_DAYS: f64 = 28.0;
/// A change of the level a week beyond this is taken for this: it comes from very few works.
const SLOPE_MOST: f64 = 0.2;
/// The same of its uncertainty.
const UNCERTAINTY_MOST: f64 = 0.5;

/// A signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Signal {
    /// The level of the work.
    Level,
    /// The change of the level a week.
    Slope,
    /// Days since the last work.
    Idle,
    /// The share of due tasks that were missed.
    Missed,
    /// The step at the last change point.
    Step,
    /// How unsure the level is.
    Uncertainty,
}

impl Signal {
    /// All, in the order of the model's weights.
    pub const ALL: [Self; COUNT] = [
        Self::Level,
        Self::Slope,
        Self::Idle,
        Self::Missed,
        Self::Step,
        Self::Uncertainty,
    ];
}

/// The level before and after a change point.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// After less before, -1 to 1.
    pub size: f64,
    /// Days since.
    pub age_days: u32,
}

/// What a profile says, unchecked.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Profile {
    /// The level of the work, 0 to 1.
    pub level: f64,
    /// Its standard deviation, 0 to 1.
    pub uncertainty: f64,
    /// Its change a week, -1 to 1.
    pub slope: f64,
    /// Pieces of work that it rests on.
    pub works: u32,
    /// Days since the last work.
    pub idle_days: u32,
    /// Tasks due in the last four weeks.
    pub due: u32,
    /// How many of them were missed.
    pub missed: u32,
    /// The last change point, where there is one.
    pub step: Option<Step>,
}

/// A profile that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A number outside its range, or none at all.
    #[error("{0} is not a number in its range")]
    OutOfRange(&'static str),
    /// More tasks missed than due.
    #[error("more tasks were missed than were due")]
    MissedMoreThanDue,
    /// Too little work for an estimate.
    #[error("there are fewer than {LEAST_WORKS} pieces of work")]
    TooLittle,
}

/// Signals that are finite and in range.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Signals(Profile);

impl Signals {
    /// Checks a profile.
    ///
    /// # Errors
    /// A number outside its range; too little work to say anything.
    pub fn try_new(profile: Profile) -> Result<Self, Error> {
        let signals = Self::of_little(profile)?;
        if profile.works < LEAST_WORKS {
            return Err(Error::TooLittle);
        }
        Ok(signals)
    }

    /// The same, however little work there is: for rules that need no estimate.
    pub(crate) fn of_little(profile: Profile) -> Result<Self, Error> {
        let within = |name, value: f64, least: f64| {
            // NaN is in no range.
            if (least..=1.0).contains(&value) {
                Ok(())
            } else {
                Err(Error::OutOfRange(name))
            }
        };
        within("level", profile.level, 0.0)?;
        within("uncertainty", profile.uncertainty, 0.0)?;
        within("slope", profile.slope, -1.0)?;
        if let Some(step) = profile.step {
            within("step", step.size, -1.0)?;
        }
        if profile.missed > profile.due {
            return Err(Error::MissedMoreThanDue);
        }
        Ok(Self(profile))
    }

    /// The profile as it was given.
    #[must_use]
    pub fn profile(&self) -> &Profile {
        &self.0
    }

    /// The step at the last change point after fading; 0 without one.
    #[must_use]
    pub fn faded_step(&self) -> f64 {
        self.0.step.map_or(0.0, |step| {
            step.size * (-f64::from(step.age_days) / HALF_LIFE_DAYS).exp2()
        })
    }

    /// On the model's scales, in the order of [`Signal::ALL`]; `None` for what is not known: where no task was due, none
    /// missed is no merit.
    #[must_use]
    pub fn scaled(&self) -> [Option<f64>; COUNT] {
        let profile = &self.0;
        [
            Some(profile.level),
            Some(profile.slope.clamp(-SLOPE_MOST, SLOPE_MOST)),
            Some(f64::from(profile.idle_days.min(IDLE_MOST)).ln_1p()),
            // One task more than were due: one missed of one due says less than six of six.
            (profile.due > 0).then(|| f64::from(profile.missed) / (f64::from(profile.due) + 1.0)),
            Some(self.faded_step()),
            Some(profile.uncertainty.min(UNCERTAINTY_MOST)),
        ]
    }

    /// In standard deviations from a mean; what is not known is average.
    #[must_use]
    pub fn standardised(&self, mean: &[f64; COUNT], deviation: &[f64; COUNT]) -> [f64; COUNT] {
        let scaled = self.scaled();
        std::array::from_fn(|i| scaled[i].map_or(0.0, |value| (value - mean[i]) / deviation[i]))
    }

    /// The same work with something else about it.
    pub(crate) fn but(&self, change: impl FnOnce(&mut Profile)) -> Self {
        let mut profile = self.0;
        change(&mut profile);
        Self(profile)
    }
}
