//! How good estimates are, from estimates whose outcome is known.
//!
//! What: discrimination (AUC), calibration (expected calibration error in ten bins, each with its interval; Brier's
//! score; calibration in the large), and fairness across groups ([`fairness`]). Why all: an estimate can rank well and
//! still be wrong about how many, and be right on average and wrong about a group. Each figure has a 95 % interval from
//! a bootstrap over students, so that several observations of one student are not taken for several students.
//! When not: on the data that the weights were fitted on. Sources: Hanley & McNeil 1982; Brier 1950; Naeini, Cooper &
//! Hauskrecht 2015; Guo et al. 2017; Efron & Tibshirani 1993.

pub mod fairness;

use std::collections::BTreeMap;

use fastrand::Rng;

use super::interval::{self, Interval};

/// Bins of the probability.
pub const BINS: usize = 10;
/// Draws of the bootstrap.
const DRAWS: usize = 200;

/// An estimate whose outcome is known.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Labelled {
    /// The estimate, 0 to 1.
    pub probability: f64,
    /// Whether it came about.
    pub outcome: bool,
    /// Whose it is.
    pub student: u32,
    /// Their group, by number.
    pub group: u8,
}

/// Estimates of about the same probability.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bin {
    /// How many.
    pub count: u32,
    /// Their mean estimate.
    pub estimated: f64,
    /// The share that came about, with Wilson's interval.
    pub observed: Interval,
}

/// The figures.
#[derive(Clone, Debug, PartialEq)]
pub struct Report {
    /// Estimates.
    pub count: u32,
    /// Students.
    pub students: u32,
    /// The share of outcomes that came about.
    pub prevalence: f64,
    /// How often one that came about was estimated higher than one that did not.
    pub auc: Interval,
    /// The mean squared error of the probability.
    pub brier: Interval,
    /// The mean distance of estimate and share over the bins. Never below 0, so biased upwards.
    pub calibration_error: Interval,
    /// The share that came about less the mean estimate.
    pub in_the_large: Interval,
    /// The bins that hold anything, lowest first.
    pub bins: Vec<Bin>,
}

/// What naming everybody from a threshold on would do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Operating {
    /// The threshold.
    pub threshold: f64,
    /// The share that is named.
    pub named: Interval,
    /// Of those named, the share where it came about.
    pub precision: Interval,
    /// Of those where it came about, the share that is named.
    pub recall: Interval,
}

/// Too little to say anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there must be estimates between 0 and 1 with both outcomes")]
pub struct Error;

/// Reports. The seed is the bootstrap's.
///
/// # Errors
/// No estimates, all with one outcome, or one that is no probability.
pub fn report(estimates: &[Labelled], seed: u64) -> Result<Report, Error> {
    let all: Vec<&Labelled> = estimates.iter().collect();
    if !sound(&all) {
        return Err(Error);
    }
    let mut rng = Rng::with_seed(seed);
    let samples: Vec<Vec<&Labelled>> = resampled(estimates, &mut rng);
    let with_range = |figure: fn(&[&Labelled]) -> f64| {
        let drawn = samples.iter().filter(|s| both(s)).map(|s| figure(s)).collect();
        interval::percentile(figure(&all), drawn)
    };
    Ok(Report {
        count: all.len() as u32,
        students: by_student(estimates).len() as u32,
        prevalence: share(&all),
        auc: with_range(auc),
        brier: with_range(brier),
        calibration_error: with_range(calibration_error),
        in_the_large: with_range(in_the_large),
        bins: bins(&all),
    })
}

/// What each threshold would do. The seed is the bootstrap's.
///
/// # Errors
/// As [`report`].
pub fn operating(estimates: &[Labelled], thresholds: &[f64], seed: u64) -> Result<Vec<Operating>, Error> {
    let all: Vec<&Labelled> = estimates.iter().collect();
    if !sound(&all) {
        return Err(Error);
    }
    let samples = resampled(estimates, &mut Rng::with_seed(seed));
    let at = |threshold: f64| {
        let with_range = |figure: fn(f64, f64, f64, f64) -> f64| {
            let of = |estimates: &[&Labelled]| {
                let count = |wanted: fn(bool, bool) -> bool| {
                    let hits = estimates
                        .iter()
                        .filter(|e| wanted(e.probability >= threshold, e.outcome));
                    hits.count() as f64
                };
                let (named, hits) = (count(|named, _| named), count(|named, outcome| named && outcome));
                figure(estimates.len() as f64, named, count(|_, outcome| outcome), hits)
            };
            interval::percentile(of(&all), samples.iter().map(|s| of(s)).collect())
        };
        Operating {
            threshold,
            named: with_range(|all, named, _, _| named / all),
            // Nobody named, nobody wrongly.
            precision: with_range(|_, named, _, hits| if named == 0.0 { 1.0 } else { hits / named }),
            recall: with_range(|_, _, outcomes, hits| hits / outcomes),
        }
    };
    Ok(thresholds.iter().map(|threshold| at(*threshold)).collect())
}

fn sound(estimates: &[&Labelled]) -> bool {
    both(estimates) && estimates.iter().all(|e| (0.0..=1.0).contains(&e.probability))
}

fn both(estimates: &[&Labelled]) -> bool {
    estimates.iter().any(|e| e.outcome) && estimates.iter().any(|e| !e.outcome)
}

fn by_student(estimates: &[Labelled]) -> Vec<Vec<&Labelled>> {
    let mut students: BTreeMap<u32, Vec<&Labelled>> = BTreeMap::new();
    for estimate in estimates {
        students.entry(estimate.student).or_default().push(estimate);
    }
    students.into_values().collect()
}

/// Students drawn with replacement, with all that is theirs.
fn resampled<'a>(estimates: &'a [Labelled], rng: &mut Rng) -> Vec<Vec<&'a Labelled>> {
    let students = by_student(estimates);
    (0..DRAWS)
        .map(|_| {
            (0..students.len())
                .flat_map(|_| students[rng.usize(0..students.len())].iter().copied())
                .collect()
        })
        .collect()
}

fn share(estimates: &[&Labelled]) -> f64 {
    estimates.iter().filter(|e| e.outcome).count() as f64 / estimates.len().max(1) as f64
}

/// The area under the curve, by ranks; ties count half.
#[must_use]
pub fn auc(estimates: &[&Labelled]) -> f64 {
    let mut sorted: Vec<(f64, bool)> = estimates.iter().map(|e| (e.probability, e.outcome)).collect();
    sorted.sort_by(|a, b| a.0.total_cmp(&b.0));
    let (mut below, mut pairs, mut bad) = (0.0, 0.0, 0.0);
    for tied in sorted.chunk_by(|a, b| a.0 == b.0) {
        let hits = tied.iter().filter(|(_, outcome)| *outcome).count() as f64;
        let misses = tied.len() as f64 - hits;
        pairs += hits * (below + misses / 2.0);
        below += misses;
        bad += hits;
    }
    if bad * below == 0.0 { 0.5 } else { pairs / (bad * below) }
}

fn brier(estimates: &[&Labelled]) -> f64 {
    let error = |e: &&Labelled| (e.probability - f64::from(u8::from(e.outcome))).powi(2);
    estimates.iter().map(error).sum::<f64>() / estimates.len().max(1) as f64
}

fn in_the_large(estimates: &[&Labelled]) -> f64 {
    let mean = estimates.iter().map(|e| e.probability).sum::<f64>() / estimates.len().max(1) as f64;
    share(estimates) - mean
}

fn bins(estimates: &[&Labelled]) -> Vec<Bin> {
    tallied(estimates)
        .into_iter()
        .filter(|(count, _, _)| *count > 0)
        .map(|(count, sum, hits)| Bin {
            count,
            estimated: sum / f64::from(count),
            observed: interval::wilson(hits, count),
        })
        .collect()
}

/// Count, sum of estimates, outcomes of each bin.
fn tallied(estimates: &[&Labelled]) -> [(u32, f64, u32); BINS] {
    let mut tally = [(0, 0.0, 0); BINS];
    for estimate in estimates {
        let bin = ((estimate.probability * BINS as f64) as usize).min(BINS - 1);
        tally[bin].0 += 1;
        tally[bin].1 += estimate.probability;
        tally[bin].2 += u32::from(estimate.outcome);
    }
    tally
}

/// The mean distance between estimate and share over the bins, weighted by what they hold.
#[must_use]
pub fn calibration_error(estimates: &[&Labelled]) -> f64 {
    let distance: f64 = tallied(estimates)
        .iter()
        .map(|(_, sum, hits)| (sum - f64::from(*hits)).abs())
        .sum();
    distance / estimates.len().max(1) as f64
}

#[cfg(test)]
mod tests;
