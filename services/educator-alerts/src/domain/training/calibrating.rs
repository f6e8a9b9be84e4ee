//! Platt's calibration: a line on the log-odds, fitted on data that the weights never saw.
//!
//! What: `slope · score + offset`, by maximum likelihood on targets drawn in from 0 and 1, so that few observations cannot
//! make it overconfident. Why a line and not isotonic steps: it keeps the estimate a sum that can be explained, and on
//! the log-odds of a logistic regression it is the form that fits (Niculescu-Mizil & Caruana 2005 found such models near
//! calibrated already; isotonic pays from thousands of observations on other shapes). Source: Platt 1999; the targets of
//! Lin, Lin & Weng 2007.

use crate::domain::model::logistic;

const STEPS: usize = 100;

/// The line.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Calibration {
    /// Above 0.
    pub slope: f64,
    /// Added.
    pub offset: f64,
}

/// Fits the line to scores (log-odds) and outcomes; `None` where there is no such line with a positive slope.
#[must_use]
pub fn platt(scores: &[(f64, bool)]) -> Option<Calibration> {
    let bad = scores.iter().filter(|(_, outcome)| *outcome).count() as f64;
    let good = scores.len() as f64 - bad;
    let (high, low) = ((bad + 1.0) / (bad + 2.0), 1.0 / (good + 2.0));
    let (mut slope, mut offset) = (1.0, 0.0);
    for _ in 0..STEPS {
        // The ridge keeps the step finite where all scores are one.
        let (mut ss, mut so, mut oo) = (1e-9, 0.0, 1e-9);
        let (mut to_slope, mut to_offset) = (0.0, 0.0);
        for (score, outcome) in scores {
            let p = logistic(slope * score + offset);
            let residual = if *outcome { high } else { low } - p;
            let variance = p * (1.0 - p);
            to_slope += residual * score;
            to_offset += residual;
            ss += variance * score * score;
            so += variance * score;
            oo += variance;
        }
        let determinant = ss * oo - so * so;
        if determinant.is_nan() || determinant <= 1e-12 {
            return None;
        }
        let step_slope = (oo * to_slope - so * to_offset) / determinant;
        let step_offset = (ss * to_offset - so * to_slope) / determinant;
        let longest = step_slope.abs().max(step_offset.abs());
        let share = if longest > 2.0 { 2.0 / longest } else { 1.0 };
        slope += share * step_slope;
        offset += share * step_offset;
        if longest < 1e-10 {
            return (slope > 0.0 && slope.is_finite() && offset.is_finite()).then_some(Calibration { slope, offset });
        }
    }
    None
}
