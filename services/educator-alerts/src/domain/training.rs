//! The recipe that makes `data/model.json`: the same seed gives the same weights, and a test says so.
//!
//! What, step by step:
//! 1. A cohort of 6,000 made-up students ([`cohort`]), each seen on days 28, 56 and 84 of a course of 16 weeks.
//! 2. Split by student, never by observation: 60 % to fit, 20 % to calibrate, 20 % kept for the report.
//! 3. Signals standardised by the first part's mean and deviation.
//! 4. Logistic regression with an L2 penalty ([`fitting`]); its strength by five-fold cross-validation over students
//!    (Stone 1974).
//!    A signal that would count the wrong way round (a rising level as a worry, because it stands in for another) is left
//!    out, so that no explanation says what no teacher would believe.
//! 5. Calibration on the second part ([`calibrating`]), folded into the weights, so that contributions still add up.
//! 6. The report on the third ([`super::quality`]).
//!
//! **The cohort is made up.** The crate carries no data of real students; the generator stands in, and its figures say
//! that the recipe works, not how well the model knows real students: a school retrains on its own, consented data with
//! the same recipe before it relies on any estimate.
//! When not: no clock and no randomness but the seed's.

pub mod calibrating;
pub mod cohort;
pub mod fitting;

use std::ops::Range;

use self::calibrating::Calibration;
use self::cohort::Observation;
use self::fitting::{Fit, WIDTH};
use super::model::{Model, logistic};
use super::quality::Labelled;
use super::signals::COUNT;

/// The version that the recipe stamps.
pub const VERSION: &str = "2026.1";
/// The seed of cohort, split and folds.
pub const SEED: u64 = 20_261_122;
/// Students in the cohort.
pub const STUDENTS: u32 = 6_000;
/// Which way each signal may count, in the order of [`Signal::ALL`](super::signals::Signal::ALL); 0 for either.
const DIRECTIONS: [f64; COUNT] = [-1.0, -1.0, 1.0, 1.0, -1.0, 0.0];
/// The strengths that are tried, weakest first.
const PENALTIES: [f64; 6] = [0.1, 1.0, 3.0, 10.0, 30.0, 100.0];
const FOLDS: u32 = 5;

/// Data that cannot be learnt from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Too few students, or all with one outcome.
    #[error("there are too few students of one of the outcomes in a part of the data")]
    TooFew,
    /// Signals that say the same, or an optimum that was not found.
    #[error("the weights cannot be determined from these signals")]
    Undetermined,
}

/// What the recipe makes.
#[derive(Clone, Debug)]
pub struct Trained {
    /// The model.
    pub model: Model,
    /// The part kept for the report, with the model's probabilities.
    pub held_out: Vec<Labelled>,
}

/// The recipe, from its seed.
///
/// # Errors
/// Never with the constants as they stand; a test runs it.
pub fn run() -> Result<Trained, Error> {
    train(&cohort::generate(STUDENTS, SEED), SEED)
}

/// The recipe on any observations.
///
/// # Errors
/// Too few students; signals that determine nothing.
pub fn train(observations: &[Observation], seed: u64) -> Result<Trained, Error> {
    let of = |tenths: Range<u32>| part(observations, seed, tenths);
    let (fitting, calibrating, report) = (of(0..6), of(6..8), of(8..10));
    for part in [&fitting, &calibrating, &report] {
        let bad = part.iter().filter(|o| o.off_track).count();
        if bad < 10 || part.len() - bad < 10 {
            return Err(Error::TooFew);
        }
    }
    let (mean, deviation) = moments(&fitting)?;
    let rows = |part: &[&Observation]| -> Vec<([f64; WIDTH], bool)> {
        part.iter()
            .map(|o| (row(&o.signals.standardised(&mean, &deviation)), o.off_track))
            .collect()
    };
    let fit_rows = rows(&fitting);
    let folds: Vec<u32> = fitting
        .iter()
        .map(|o| mix(u64::from(o.student), seed ^ 0xF01D) % FOLDS)
        .collect();
    let penalty = choose_penalty(&fit_rows, &folds)?;
    let fit = fitting::fit_in_direction(&fit_rows, penalty, &DIRECTIONS).ok_or(Error::Undetermined)?;
    let scores: Vec<(f64, bool)> = rows(&calibrating)
        .iter()
        .map(|(row, bad)| (fit.score(row), *bad))
        .collect();
    let calibration = calibrating::platt(&scores).ok_or(Error::Undetermined)?;
    // Observations of one student are alike: as though each student had been seen once.
    let students = fitting
        .iter()
        .map(|o| o.student)
        .collect::<std::collections::BTreeSet<_>>();
    let clustering = fitting.len() as f64 / students.len() as f64;
    let model = fold(&fit, calibration, mean, deviation, penalty, clustering);
    let held_out = report
        .iter()
        .map(|o| Labelled {
            probability: model.estimate(&o.signals).probability,
            outcome: o.off_track,
            student: o.student,
            group: o.group,
        })
        .collect();
    Ok(Trained { model, held_out })
}

/// The observations that [`train`] keeps for the report, in the order of [`Trained::held_out`].
#[must_use]
pub fn held_out(observations: &[Observation], seed: u64) -> Vec<&Observation> {
    part(observations, seed, 8..10)
}

/// The observations of the students in some tenths.
fn part(observations: &[Observation], seed: u64, tenths: Range<u32>) -> Vec<&Observation> {
    let within = |o: &&Observation| tenths.contains(&(mix(u64::from(o.student), seed) % 10));
    observations.iter().filter(within).collect()
}

/// A number that looks drawn and is the same every time (`SplitMix64`'s finaliser).
fn mix(value: u64, seed: u64) -> u32 {
    let mut x = value
        .wrapping_add(seed)
        .wrapping_add(1)
        .wrapping_mul(0x9E37_79B9_7F4A_7C15);
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((x ^ (x >> 31)) >> 32) as u32
}

/// Mean and deviation of each signal, where it is known.
fn moments(part: &[&Observation]) -> Result<([f64; COUNT], [f64; COUNT]), Error> {
    let (mut mean, mut deviation) = ([0.0; COUNT], [0.0; COUNT]);
    for i in 0..COUNT {
        let known: Vec<f64> = part.iter().filter_map(|o| o.signals.scaled()[i]).collect();
        let count = known.len().max(1) as f64;
        mean[i] = known.iter().sum::<f64>() / count;
        deviation[i] = (known.iter().map(|value| (value - mean[i]).powi(2)).sum::<f64>() / count).sqrt();
        if deviation[i] < 1e-6 {
            return Err(Error::Undetermined);
        }
    }
    Ok((mean, deviation))
}

/// With the intercept in front.
fn row(standard: &[f64; COUNT]) -> [f64; WIDTH] {
    std::array::from_fn(|i| if i == 0 { 1.0 } else { standard[i - 1] })
}

/// The penalty with the least loss on students that were left out.
fn choose_penalty(rows: &[([f64; WIDTH], bool)], folds: &[u32]) -> Result<f64, Error> {
    let mut tried = Vec::new();
    for penalty in PENALTIES {
        let mut losses = Vec::new();
        for fold in 0..FOLDS {
            let side = |inside: bool| -> Vec<([f64; WIDTH], bool)> {
                let chosen = rows.iter().zip(folds).filter(|(_, f)| (**f == fold) == inside);
                chosen.map(|(row, _)| *row).collect()
            };
            let (left_out, rest) = (side(true), side(false));
            if left_out.is_empty() {
                return Err(Error::TooFew);
            }
            let fit = fitting::fit(&rest, penalty).ok_or(Error::Undetermined)?;
            let loss: f64 = left_out.iter().map(|(row, bad)| loss(fit.score(row), *bad)).sum();
            losses.push(loss / left_out.len() as f64);
        }
        tried.push((penalty, losses.iter().sum::<f64>()));
    }
    let best = tried.iter().min_by(|a, b| a.1.total_cmp(&b.1));
    best.map(|(penalty, _)| *penalty).ok_or(Error::Undetermined)
}

/// Log-loss.
fn loss(log_odds: f64, outcome: bool) -> f64 {
    let p = logistic(if outcome { log_odds } else { -log_odds });
    -p.max(1e-12).ln()
}

/// Calibration is linear on log-odds, so it goes into intercept, weights and their covariance.
fn fold(
    fit: &Fit,
    calibration: Calibration,
    mean: [f64; COUNT],
    deviation: [f64; COUNT],
    penalty: f64,
    clustering: f64,
) -> Model {
    let Calibration { slope, offset } = calibration;
    Model {
        version: VERSION.to_owned(),
        mean,
        deviation,
        intercept: slope * fit.weights[0] + offset,
        weights: std::array::from_fn(|i| slope * fit.weights[i + 1]),
        covariance: fit.covariance.map(|line| line.map(|c| slope * slope * clustering * c)),
        penalty,
        calibration: [slope, offset],
    }
}

#[cfg(test)]
mod tests;
