//! Logistic regression with an L2 penalty, by Newton's method.
//!
//! What: the weights that maximise the penalised likelihood, and their covariance (the inverse of the penalised
//! information). Why Newton: seven weights, a convex problem, a handful of steps to the last digit, so that the same data
//! gives the same weights everywhere. The intercept is not penalised. Source: Hoerl & Kennard 1970; le Cessie & van
//! Houwelingen 1992.

use crate::domain::model::logistic;
use crate::domain::signals::COUNT;

/// Intercept and signals.
pub const WIDTH: usize = COUNT + 1;
/// Newton either gets there in a few steps or not at all.
const STEPS: usize = 50;
const CLOSE_ENOUGH: f64 = 1e-10;

type Matrix = [[f64; WIDTH]; WIDTH];

/// Weights and how sure they are.
#[derive(Clone, Debug, PartialEq)]
pub struct Fit {
    /// The intercept first.
    pub weights: [f64; WIDTH],
    /// Their covariance.
    pub covariance: Matrix,
}

impl Fit {
    /// The log-odds of a row.
    #[must_use]
    pub fn score(&self, row: &[f64; WIDTH]) -> f64 {
        dot(&self.weights, row)
    }
}

fn dot(a: &[f64; WIDTH], b: &[f64; WIDTH]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// Fits; `None` where the rows do not determine the weights.
#[must_use]
pub fn fit(rows: &[([f64; WIDTH], bool)], penalty: f64) -> Option<Fit> {
    let mut weights = [0.0; WIDTH];
    for _ in 0..STEPS {
        let (gradient, information) = derivatives(rows, &weights, penalty);
        let lower = cholesky(&information)?;
        let step = solve(&lower, &gradient);
        // Half steps, should a whole one overshoot: never more than 4 log-odds at once.
        let longest = step.iter().fold(0.0_f64, |most, s| most.max(s.abs()));
        let share = if longest > 4.0 { 4.0 / longest } else { 1.0 };
        for (weight, step) in weights.iter_mut().zip(step) {
            *weight += share * step;
        }
        if longest < CLOSE_ENOUGH {
            let (_, information) = derivatives(rows, &weights, penalty);
            let lower = cholesky(&information)?;
            return Some(Fit {
                weights,
                covariance: inverse(&lower),
            });
        }
    }
    None
}

/// Fits, leaving out what would count against its direction: 1 for up, -1 for down, 0 for either, intercept aside.
#[must_use]
pub fn fit_in_direction(rows: &[([f64; WIDTH], bool)], penalty: f64, directions: &[f64; COUNT]) -> Option<Fit> {
    let mut rows = rows.to_vec();
    let mut left_out = [false; COUNT];
    // Each round leaves out at least one more.
    for _ in 0..=COUNT {
        let mut fit = fit(&rows, penalty)?;
        let wrong = |i: usize| !left_out[i] && fit.weights[i + 1] * directions[i] < 0.0;
        let Some(worst) = (0..COUNT)
            .filter(|i| wrong(*i))
            .max_by(|a, b| fit.weights[a + 1].abs().total_cmp(&fit.weights[b + 1].abs()))
        else {
            for i in (0..COUNT).filter(|i| left_out[*i]) {
                fit.weights[i + 1] = 0.0;
                fit.covariance[i + 1] = [0.0; WIDTH];
                fit.covariance.iter_mut().for_each(|line| line[i + 1] = 0.0);
            }
            return Some(fit);
        };
        left_out[worst] = true;
        rows.iter_mut().for_each(|(row, _)| row[worst + 1] = 0.0);
    }
    None
}

/// Of the penalised log-likelihood: the gradient, and the information (minus the second derivatives).
fn derivatives(rows: &[([f64; WIDTH], bool)], weights: &[f64; WIDTH], penalty: f64) -> ([f64; WIDTH], Matrix) {
    let mut gradient = [0.0; WIDTH];
    let mut information = [[0.0; WIDTH]; WIDTH];
    for (row, outcome) in rows {
        let p = logistic(dot(weights, row));
        let residual = f64::from(u8::from(*outcome)) - p;
        let variance = p * (1.0 - p);
        for (i, line) in information.iter_mut().enumerate() {
            gradient[i] += residual * row[i];
            for (cell, value) in line[..=i].iter_mut().zip(row) {
                *cell += variance * row[i] * value;
            }
        }
    }
    for i in 1..WIDTH {
        gradient[i] -= penalty * weights[i];
        information[i][i] += penalty;
    }
    // Only the lower triangle is read.
    (gradient, information)
}

/// The lower triangle whose square is `matrix`; `None` where it is not positive definite.
fn cholesky(matrix: &Matrix) -> Option<Matrix> {
    let mut lower = [[0.0; WIDTH]; WIDTH];
    for i in 0..WIDTH {
        for j in 0..=i {
            let known: f64 = (0..j).map(|k| lower[i][k] * lower[j][k]).sum();
            let rest = matrix[i][j] - known;
            lower[i][j] = if i == j {
                if rest.is_nan() || rest <= 1e-12 {
                    return None;
                }
                rest.sqrt()
            } else {
                rest / lower[j][j]
            };
        }
    }
    Some(lower)
}

fn solve(lower: &Matrix, right: &[f64; WIDTH]) -> [f64; WIDTH] {
    let mut x = *right;
    for i in 0..WIDTH {
        let known: f64 = (0..i).map(|k| lower[i][k] * x[k]).sum();
        x[i] = (x[i] - known) / lower[i][i];
    }
    for i in (0..WIDTH).rev() {
        let known: f64 = (i + 1..WIDTH).map(|k| lower[k][i] * x[k]).sum();
        x[i] = (x[i] - known) / lower[i][i];
    }
    x
}

fn inverse(lower: &Matrix) -> Matrix {
    let mut inverse = [[0.0; WIDTH]; WIDTH];
    for i in 0..WIDTH {
        let mut unit = [0.0; WIDTH];
        unit[i] = 1.0;
        let column = solve(lower, &unit);
        for j in 0..WIDTH {
            inverse[j][i] = column[j];
        }
    }
    inverse
}
