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
//! When not: under [`LEAST`] observations; for one number of where a skill stands today, [`super::skills`] is steadier;
//! abrupt changes are the business of [`super::change`], and smooth a step into a slope here. Source: Durbin & Koopman
//! 2012, *Time Series Analysis by State Space Methods*, §§ 3.2, 3.8, 4.3, 4.4; Harvey 1989, ch. 9; averaging over models:
//! Hoeting et al. 1999.

pub mod filter;

use statrs::distribution::{ContinuousCDF, Normal};
use thiserror::Error;

use self::filter::{Model, Reading, State};
use super::observation::{Observation, When};

/// Fewer observations than this show no growth.
pub const LEAST: usize = 3;

/// More than this are not looked at: the newest are.
pub const MOST: usize = 400;

/// How far one may look ahead, in days.
pub const FARTHEST_DAYS: u32 = 90;

/// Standard deviations of one observation of full weight.
pub const NOISE: [f64; 6] = [0.02, 0.04, 0.07, 0.11, 0.16, 0.24];

/// Standard deviations that the level drifts by in a day; by the square root of so much more in several.
pub const LEVEL_DRIFT: [f64; 4] = [0.001, 0.004, 0.010, 0.025];

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

/// A model that weighs less than this, beside the best one, is left out of the average.
const NEGLIGIBLE: f64 = 1e-3;

/// Days that growth is told in.
const MONTH: f64 = 30.0;

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
    fn level(mean: f64, variance: f64, band: Band) -> Self {
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
    /// The trajectory of the observations of one skill, in whatever order they come, and `horizon` days ahead.
    ///
    /// # Errors
    /// [`Error::TooFew`], [`Error::Horizon`].
    pub fn of(observations: &[Observation], band: Band, horizon: u32) -> Result<Self, Error> {
        let observations = newest(observations, MOST);
        if observations.len() < LEAST {
            return Err(Error::TooFew);
        }
        if horizon > FARTHEST_DAYS {
            return Err(Error::Horizon);
        }
        let first = observations[0].at();
        let latest = observations[observations.len() - 1].at();
        let readings: Vec<Reading> = observations
            .iter()
            .map(|observation| Reading {
                day: observation.at().days_since(first),
                value: observation.value(),
                weight: observation.weight(),
            })
            .collect();
        let models = weigh(&readings);

        let mut levels = vec![Mixture::default(); readings.len()];
        for (model, share, _) in &models {
            for (level, (mean, variance)) in levels.iter_mut().zip(filter::smooth(model, PRIOR, &readings)) {
                level.add(*share, mean, variance);
            }
        }
        let points = observations
            .iter()
            .zip(&levels)
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
                let mut level = Mixture::default();
                for (model, share, last) in &models {
                    let then = last.after(f64::from(days), model);
                    level.add(*share, then.level, then.level_variance);
                }
                widest = widest.max(level.variance());
                Point {
                    at: latest.plus_days(days),
                    observed: None,
                    level: Estimate::level(level.mean(), widest, band),
                }
            })
            .collect();

        let (mut growth, mut growing, mut noise) = (Mixture::default(), 0.0, 0.0);
        for (model, share, last) in &models {
            growth.add(*share, last.growth * MONTH, last.growth_variance * MONTH * MONTH);
            growing += share * Normal::standard().cdf(last.growth / last.growth_variance.sqrt());
            noise += share * model.noise.sqrt();
        }
        Ok(Self {
            points,
            forecast,
            growth: Estimate::normal(growth.mean(), growth.variance(), band),
            growing: growing.clamp(0.0, 1.0),
            noise,
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

/// Every model that the readings leave possible, with its share of belief and the state that it ends in.
fn weigh(readings: &[Reading]) -> Vec<(Model, f64, State)> {
    let mut models = Vec::with_capacity(NOISE.len() * LEVEL_DRIFT.len() * GROWTH_DRIFT.len());
    for noise in NOISE {
        for level_drift in LEVEL_DRIFT {
            for growth_drift in GROWTH_DRIFT {
                let model = Model {
                    noise: noise * noise,
                    level_drift: level_drift * level_drift,
                    growth_drift: growth_drift * growth_drift,
                };
                let (likelihood, last) = filter::run(&model, PRIOR, readings);
                models.push((model, likelihood, last));
            }
        }
    }
    let best = models.iter().map(|model| model.1).fold(f64::NEG_INFINITY, f64::max);
    models.retain_mut(|(_, likelihood, _)| {
        *likelihood = (*likelihood - best).exp();
        *likelihood >= NEGLIGIBLE
    });
    let sum: f64 = models.iter().map(|model| model.1).sum();
    for (_, share, _) in &mut models {
        *share /= sum;
    }
    models
}

/// Mean and variance of a mixture, gathered part by part.
#[derive(Clone, Copy, Default)]
struct Mixture {
    mean: f64,
    square: f64,
    share: f64,
    within: f64,
}

impl Mixture {
    /// Welford's update with weights: no difference of large squares.
    fn add(&mut self, share: f64, mean: f64, variance: f64) {
        self.share += share;
        let away = mean - self.mean;
        self.mean += away * share / self.share;
        self.square += share * away * (mean - self.mean);
        self.within += share * variance;
    }

    fn mean(&self) -> f64 {
        self.mean
    }

    fn variance(&self) -> f64 {
        (self.within + self.square) / self.share
    }
}

#[cfg(test)]
mod tests;
