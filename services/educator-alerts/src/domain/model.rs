//! The estimate: how probable it is that a student does not reach the course's goals as things stand.
//!
//! What: logistic regression on six signals, calibrated, with a range around each estimate. Why so plain: every estimate
//! is a sum, so it can tell what each signal added, and on few, strong signals it is hard to beat (Christodoulou et al.
//! 2019 found no gain of machine learning over it in 71 comparisons). The weights are `data/model.json`, made by
//! [`super::training`] from its seed alone.
//!
//! 1. Finite signals in, a probability between 0 and 1 out; nothing is NaN.
//! 2. The contributions and the base add up to the log-odds.
//! 3. The range holds the estimate. It covers what the level's own uncertainty and the weights' do to it (the delta
//!    method), not that the model may be wrong about a school it never saw.
//!
//! When not: it estimates, it does not diagnose and does not decide; nobody is graded or left out by it.
//! Source: Cox 1958; calibration after Platt 1999 with the targets of Lin, Lin & Weng 2007.

pub mod explaining;

use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use super::signals::{COUNT, Signal, Signals};

/// A 95 % range, in standard errors.
const Z95: f64 = 1.959_963_984_540_054;
/// No weight of a sound model is beyond this on standardised signals.
const WEIGHT_MOST: f64 = 50.0;

/// Weights and what they were made from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Model {
    /// The version, as alerts name it.
    pub version: String,
    /// The mean of each scaled signal in the training data.
    pub mean: [f64; COUNT],
    /// Its standard deviation there, above 0.
    pub deviation: [f64; COUNT],
    /// The log-odds of the average student, calibrated.
    pub intercept: f64,
    /// The log-odds for one standard deviation of each signal, calibrated.
    pub weights: [f64; COUNT],
    /// The covariance of intercept and weights, in this order.
    pub covariance: [[f64; COUNT + 1]; COUNT + 1],
    /// The strength of the L2 penalty that cross-validation chose.
    pub penalty: f64,
    /// Slope and offset of the calibration that is in the figures above.
    pub calibration: [f64; 2],
}

/// Weights that are none.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not the form of a model.
    #[error("the model cannot be read: {0}")]
    Form(#[from] serde_json::Error),
    /// A figure that no sound model has.
    #[error("the model's {0} is out of range")]
    OutOfRange(&'static str),
}

/// An estimate with its range and what it is made of.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Estimate {
    /// The probability.
    pub probability: f64,
    /// The lower end of the 95 % range.
    pub low: f64,
    /// Its upper end.
    pub high: f64,
    /// The probability as log-odds.
    pub log_odds: f64,
    /// The log-odds of the average student.
    pub base: f64,
    /// What each signal adds, in the order of [`Signal::ALL`].
    pub contributions: [f64; COUNT],
}

impl Estimate {
    /// The signal that adds most to the estimate; the level, where none adds anything.
    #[must_use]
    pub fn cause(&self) -> Signal {
        let mut cause = Signal::Level;
        let mut most = 0.0;
        for (signal, added) in Signal::ALL.into_iter().zip(self.contributions) {
            if added > most {
                (cause, most) = (signal, added);
            }
        }
        cause
    }
}

impl Model {
    /// The model of this crate.
    #[must_use]
    pub fn built_in() -> &'static Self {
        static MODEL: OnceLock<Model> = OnceLock::new();
        MODEL.get_or_init(|| {
            #[expect(clippy::expect_used, reason = "a test parses the same bytes")]
            Self::parse(include_str!("../../data/model.json")).expect("the crate's own model is sound")
        })
    }

    /// Reads a model and checks every figure.
    ///
    /// # Errors
    /// Another form; a figure that is not finite or beyond what a model can have.
    pub fn parse(json: &str) -> Result<Self, Error> {
        let model: Self = serde_json::from_str(json)?;
        model.check()?;
        Ok(model)
    }

    fn check(&self) -> Result<(), Error> {
        let bounded = |value: &f64| value.is_finite() && value.abs() <= WEIGHT_MOST;
        let all = |name, good| if good { Ok(()) } else { Err(Error::OutOfRange(name)) };
        all("version", (1..=32).contains(&self.version.len()))?;
        all("mean", self.mean.iter().all(bounded))?;
        all(
            "deviation",
            self.deviation.iter().all(|value| bounded(value) && *value >= 1e-6),
        )?;
        all("intercept", bounded(&self.intercept))?;
        all("weights", self.weights.iter().all(bounded))?;
        all("covariance", self.covariance.iter().flatten().all(bounded))?;
        all("penalty", bounded(&self.penalty) && self.penalty >= 0.0)?;
        // A slope below 0 would turn the estimate round.
        all(
            "calibration",
            self.calibration.iter().all(bounded) && self.calibration[0] > 0.0,
        )
    }

    /// Estimates.
    #[must_use]
    pub fn estimate(&self, signals: &Signals) -> Estimate {
        let standard = signals.standardised(&self.mean, &self.deviation);
        let contributions: [f64; COUNT] = std::array::from_fn(|i| self.weights[i] * standard[i]);
        let log_odds = self.intercept + contributions.iter().sum::<f64>();
        let spread = Z95 * self.standard_error(signals, &standard);
        Estimate {
            probability: logistic(log_odds),
            low: logistic(log_odds - spread),
            high: logistic(log_odds + spread),
            log_odds,
            base: self.intercept,
            contributions,
        }
    }

    /// Of the log-odds, by the delta method: the weights' covariance, and the level's own uncertainty through its weight.
    fn standard_error(&self, signals: &Signals, standard: &[f64; COUNT]) -> f64 {
        let row = |i: usize| if i == 0 { 1.0 } else { standard[i - 1] };
        let mut variance = 0.0;
        for (i, line) in self.covariance.iter().enumerate() {
            for (j, covariance) in line.iter().enumerate() {
                variance += row(i) * covariance * row(j);
            }
        }
        let level = Signal::Level as usize;
        let through_level = self.weights[level] / self.deviation[level] * signals.profile().uncertainty;
        // Rounding may leave a variance just below 0.
        (variance.max(0.0) + through_level * through_level).sqrt()
    }
}

/// Log-odds as a probability. Where the power overflows, its inverse is 0, which is right.
#[must_use]
pub fn logistic(log_odds: f64) -> f64 {
    1.0 / (1.0 + (-log_odds).exp())
}

#[cfg(test)]
pub(crate) mod tests;
