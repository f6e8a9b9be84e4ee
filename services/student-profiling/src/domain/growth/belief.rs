//! What is believed of a skill after its observations: every model that they leave possible, with its share.
//!
//! Why an average: see [`super`]. Both views of a skill, [`super::Trajectory`] and [`crate::domain::skills`], ask the
//! same belief, so that they never disagree. When not: nothing is estimated here; a share is a model's likelihood, times
//! what was believed of it before, among those of all models. Source: Hoeting et al. 1999, *Statistical Science* 14.

use statrs::distribution::{ContinuousCDF, Normal};

use super::filter::{self, Model, Reading, State};
use super::{GROWTH_DRIFT, LEVEL_DRIFT, NOISE, NOISE_BELIEVED, PRIOR};
use crate::domain::change::{Changes, NEARLY_CERTAIN};
use crate::domain::observation::Observation;

/// A model that weighs less than this, beside the best one, is left out of the average.
const NEGLIGIBLE: f64 = 1e-3;

/// The variance that the level gains where it broke: as little is known of it as before the first observation.
const BREAK: f64 = PRIOR.level_variance;

/// Models, their shares, and what each knows after the last observation.
pub(crate) struct Belief {
    models: Vec<(Model, f64, State)>,
}

impl Belief {
    /// After these observations of one skill, by time; none leave what was believed before.
    pub(crate) fn after(readings: &[Reading]) -> Self {
        let mut models = Vec::with_capacity(NOISE.len() * LEVEL_DRIFT.len() * GROWTH_DRIFT.len());
        for (noise, believed) in NOISE.into_iter().zip(NOISE_BELIEVED) {
            for level_drift in LEVEL_DRIFT {
                for growth_drift in GROWTH_DRIFT {
                    let model = Model {
                        noise: noise * noise,
                        level_drift: level_drift * level_drift,
                        growth_drift: growth_drift * growth_drift,
                    };
                    let (likelihood, last) = filter::run(&model, PRIOR, readings);
                    models.push((model, likelihood + believed.ln(), last));
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
        Self { models }
    }

    /// The level at each of the readings that the belief comes from.
    pub(crate) fn levels(&self, readings: &[Reading]) -> Vec<Mixture> {
        let mut levels = vec![Mixture::default(); readings.len()];
        for (model, share, _) in &self.models {
            for (level, (mean, variance)) in levels.iter_mut().zip(filter::smooth(model, PRIOR, readings)) {
                level.add(*share, mean, variance);
            }
        }
        levels
    }

    /// The level so many days after the last observation, if growth goes on.
    pub(crate) fn ahead(&self, days: f64) -> Mixture {
        let mut level = Mixture::default();
        for (model, share, last) in &self.models {
            let then = last.after(days, model);
            level.add(*share, then.level, then.level_variance);
        }
        level
    }

    /// The level so many days after the last observation, if nothing is known to have gone on: it stays, and what growth
    /// would have made of it is uncertainty. With each part's share and standard deviation.
    pub(crate) fn unseen(&self, days: f64) -> Vec<(f64, f64, f64)> {
        self.models
            .iter()
            .map(|(model, share, last)| {
                let then = last.after(days, model);
                let moved = then.level - last.level;
                (*share, last.level, (then.level_variance + moved * moved).sqrt())
            })
            .collect()
    }

    /// The growth in a day.
    pub(crate) fn growth(&self) -> Mixture {
        let mut growth = Mixture::default();
        for (_, share, last) in &self.models {
            growth.add(*share, last.growth, last.growth_variance);
        }
        growth
    }

    /// How probable it is that the level grows.
    pub(crate) fn growing(&self) -> f64 {
        let growing = self.models.iter().map(|(_, share, last)| {
            // A variance that rounding took to nothing leaves the sign alone.
            share * Normal::standard().cdf(last.growth / last.growth_variance.sqrt().max(1e-12))
        });
        growing.sum::<f64>().clamp(0.0, 1.0)
    }

    /// The standard deviation of one observation of full weight.
    pub(crate) fn noise(&self) -> f64 {
        self.models
            .iter()
            .map(|(model, share, _)| share * model.noise.sqrt())
            .sum()
    }
}

/// The observations, sorted by time, as the filter reads them. Where the level broke, what came before says little; but
/// only where that is nearly certain: a student who wanders seems to break now and then, and a needless break makes the
/// rest look quieter than it is.
pub(crate) fn readings(sorted: &[&Observation], changes: &Changes) -> Vec<Reading> {
    let broken = |at| {
        changes
            .found
            .iter()
            .any(|change| change.before == at && change.probability >= NEARLY_CERTAIN)
    };
    let mut last = None;
    sorted
        .iter()
        .map(|observation| {
            let at = observation.at();
            // Of several observations of one moment the first is the one behind the break.
            let jump = if last != Some(at) && broken(at) { BREAK } else { 0.0 };
            last = Some(at);
            Reading {
                day: at.days_since(sorted[0].at()),
                value: observation.value(),
                weight: observation.weight(),
                jump,
            }
        })
        .collect()
}

/// Mean and variance of a mixture, gathered part by part.
#[derive(Clone, Copy, Default)]
pub(crate) struct Mixture {
    mean: f64,
    square: f64,
    share: f64,
    within: f64,
}

impl Mixture {
    /// Welford's update with weights: no difference of large squares.
    pub(crate) fn add(&mut self, share: f64, mean: f64, variance: f64) {
        self.share += share;
        let away = mean - self.mean;
        self.mean += away * share / self.share;
        self.square += share * away * (mean - self.mean);
        self.within += share * variance;
    }

    pub(crate) fn mean(&self) -> f64 {
        self.mean
    }

    pub(crate) fn variance(&self) -> f64 {
        (self.within + self.square) / self.share
    }
}
