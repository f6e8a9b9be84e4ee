//! How a skill grows: a level and a growth rate that drift, seen through noise, with a band that holds them.
//!
//! What: the local linear trend in continuous time, since students do not work at regular intervals. Level *l* and
//! growth *b* follow `dl = b dt + σ_l dW`, `db = σ_b dW'`; an observation of weight *w* is `l` plus noise of variance
//! `σ²/w`. A Kalman filter and a fixed-interval smoother give level and variance at every observation
//! ([`filter`]).
//!
//! The three σ differ from student to student and cannot be estimated from ten observations: a maximum-likelihood
//! estimate is often exactly zero, and the band then far too narrow. So nothing is estimated: every combination of
//! [`NOISE`], [`LEVEL_DRIFT`] and [`GROWTH_DRIFT`] is a model, its likelihood its weight, and the answer their
//! average. The band covers what is not known of the σ too.
//!
//! When not: under [`LEAST`] observations; for where a skill stands today, [`super::skills`] asks the same belief;
//! abrupt changes are the business of [`super::change`], and smooth a step into a slope here. Source: Durbin & Koopman
//! 2012, *Time Series Analysis by State Space Methods*, §§ 3.2, 3.8, 4.3, 4.4; Harvey 1989, ch. 9.

pub(crate) mod belief;
pub mod filter;

use statrs::distribution::{ContinuousCDF, Normal};
use thiserror::Error;

use self::belief::{Belief, readings};
use self::filter::State;
use super::change::Changes;
use super::observation::{Observation, When};

/// Fewer observations than this show no growth.
pub const LEAST: usize = 3;

/// More than this are not looked at: the newest are.
pub const MOST: usize = 400;

/// How far one may look ahead, in days.
pub const FARTHEST_DAYS: u32 = 90;

/// Standard deviations of one observation of full weight.
pub const NOISE: [f64; 6] = [0.02, 0.04, 0.07, 0.11, 0.16, 0.24];

/// How much each of [`NOISE`] is believed before anything is seen: three pieces of work that happen to agree must not
/// pass for a student who always does.
pub const NOISE_BELIEVED: [f64; 6] = [0.02, 0.08, 0.20, 0.30, 0.25, 0.15];

/// Standard deviations that the level drifts by in a day; by the square root of so much more in several.
pub const LEVEL_DRIFT: [f64; 5] = [0.001, 0.004, 0.008, 0.016, 0.035];

/// Standard deviations that the growth in a day drifts by in a day.
pub const GROWTH_DRIFT: [f64; 3] = [0.0, 0.000_1, 0.000_5];

/// What is believed before the first observation: the middle, give or take; growth of a third of the scale in a
/// hundred days, up or down, is within two deviations.
const PRIOR: State = State {
    level: 0.5,
    growth: 0.0,
    level_variance: 0.3 * 0.3,
    covariance: 0.0,
    growth_variance: 0.001_5 * 0.001_5,
};

/// Days that growth is told in.
pub const MONTH: f64 = 30.0;

/// Why there is no trajectory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Error {
    /// Fewer observations than [`LEAST`].
    #[error("a trajectory needs at least {LEAST} observations")]
    TooFew,
    /// A band outside its range.
    #[error("a band is 50 to 99 per cent")]
    Band,
    /// A horizon outside its range.
    #[error("a horizon is at most {FARTHEST_DAYS} days")]
    Horizon,
}

/// The probability that a band holds the truth with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Band {
    percent: u32,
    deviations: f64,
}

impl Band {
    /// Reads per cent.
    ///
    /// # Errors
    /// [`Error::Band`].
    pub fn parse(percent: u32) -> Result<Self, Error> {
        if !(50..=99).contains(&percent) {
            return Err(Error::Band);
        }
        let deviations = Normal::standard().inverse_cdf(0.5 + f64::from(percent) / 200.0);
        Ok(Self { percent, deviations })
    }

    /// Per cent.
    #[must_use]
    pub fn percent(self) -> u32 {
        self.percent
    }
}

/// A figure and how sure it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    /// The best single figure.
    pub mean: f64,
    /// Its standard deviation.
    pub deviation: f64,
    /// The lower end of the band.
    pub lower: f64,
    /// The upper end of the band.
    pub upper: f64,
}

impl Estimate {
    fn normal(mean: f64, variance: f64, band: Band) -> Self {
        let deviation = variance.sqrt();
        Self {
            mean,
            deviation,
            lower: mean - band.deviations * deviation,
            upper: mean + band.deviations * deviation,
        }
    }

    /// The same for a level, which nothing takes outside 0 to 1.
    pub(crate) fn level(mean: f64, variance: f64, band: Band) -> Self {
        let Self {
            mean,
            deviation,
            lower,
            upper,
        } = Self::normal(mean, variance, band);
        Self {
            mean: mean.clamp(0.0, 1.0),
            deviation,
            lower: lower.clamp(0.0, 1.0),
            upper: upper.clamp(0.0, 1.0),
        }
    }
}

/// A level at a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    /// When.
    pub at: When,
    /// What was observed; absent for a time to come.
    pub observed: Option<f64>,
    /// Where the level was or may be.
    pub level: Estimate,
}

/// How a skill grew.
#[derive(Clone, Debug, PartialEq)]
pub struct Trajectory {
    /// One for each of the newest [`MOST`] observations, by time.
    pub points: Vec<Point>,
    /// From the latest observation on, a week apart, the horizon last; empty without a horizon.
    pub forecast: Vec<Point>,
    /// How much the level grows in 30 days, as of the latest observation.
    pub growth: Estimate,
    /// How probable it is that it grows at all.
    pub growing: f64,
    /// The standard deviation of one observation of full weight around the level.
    pub noise: f64,
}

impl Trajectory {
    /// The trajectory of the observations of one skill, in whatever order they come, and `horizon` days ahead. Behind
    /// the `changes` that were found in them the level starts anew (an intervention; Harvey & Durbin 1986).
    ///
    /// # Errors
    /// [`Error::TooFew`], [`Error::Horizon`].
    pub fn of(observations: &[Observation], changes: &Changes, band: Band, horizon: u32) -> Result<Self, Error> {
        let observations = newest(observations, MOST);
        if observations.len() < LEAST {
            return Err(Error::TooFew);
        }
        if horizon > FARTHEST_DAYS {
            return Err(Error::Horizon);
        }
        let latest = observations[observations.len() - 1].at();
        let readings = readings(&observations, changes);
        let belief = Belief::after(&readings);
        let points = observations
            .iter()
            .zip(belief.levels(&readings))
            .map(|(observation, level)| Point {
                at: observation.at(),
                observed: Some(observation.value()),
                level: Estimate::level(level.mean(), level.variance(), band),
            })
            .collect();

        // The models may come to agree on some later day; that is no knowledge of that day.
        let mut widest = 0.0_f64;
        let forecast = ahead(horizon)
            .map(|days| {
                let level = belief.ahead(f64::from(days));
                widest = widest.max(level.variance());
                Point {
                    at: latest.plus_days(days),
                    observed: None,
                    level: Estimate::level(level.mean(), widest, band),
                }
            })
            .collect();
        let growth = belief.growth();
        Ok(Self {
            points,
            forecast,
            growth: Estimate::normal(growth.mean() * MONTH, growth.variance() * MONTH * MONTH, band),
            growing: belief.growing(),
            noise: belief.noise(),
        })
    }
}

/// The newest of the observations by time and id, oldest first.
pub(crate) fn newest(observations: &[Observation], most: usize) -> Vec<&Observation> {
    let mut sorted: Vec<&Observation> = observations.iter().collect();
    sorted.sort_unstable_by(|a, b| a.order().cmp(&b.order()));
    sorted.split_off(sorted.len().saturating_sub(most))
}

/// The days of a forecast: today, every week, the horizon.
fn ahead(horizon: u32) -> impl Iterator<Item = u32> {
    let weeks = (0..horizon).step_by(7);
    weeks.chain((horizon > 0).then_some(horizon))
}

#[cfg(test)]
pub(crate) mod tests;
