//! Statistics over a class under ε-differential privacy: what is told could nearly as well have been told if any one
//! student were not in the data.
//!
//! Three steps, apart so that each can be proven alone:
//! 1. [`Question::count`] makes integers of the members' levels. A student is in it once, with a level cut to 0 to 1 and
//!    rounded to thousandths, so that one student moves the integers by no more than the stated sensitivity.
//! 2. [`Release::blur`] adds discrete Laplace noise, by OpenDP: sampled exactly over rationals (Canonne, Kamath &
//!    Steinke 2020), since the gaps between floats leak the secret (Mironov 2012). OpenDP's privacy map says what the
//!    noise costs, rounded upwards; the scale is raised until that is no more than what was charged.
//! 3. [`Question::tell`] makes figures of the noisy integers alone, so it costs nothing. A reply about too few is
//!    withheld here, on the noisy count: withholding on the true one would tell it.
//!
//! Neighbours are two classes that differ by all that is held of one student. So who is in the class is no secret, and
//! [`LEAST_MEMBERS`] is checked on the class's list; whether anything is held of a member is one. Step 0 is charging
//! [`super::budget`].
//!
//! OpenDP is built without its feature `use-openssl` (Lyceum has one stack of cryptography, and OpenSSL is not in it).
//! Its random bits then come from `rand`'s thread generator, ChaCha20 seeded and reseeded by the operating system: a
//! cryptographic generator, which OpenDP's documentation nevertheless calls not secure, since its authors vouch for
//! OpenSSL's alone. It cannot be seeded: tests of the noise have a tolerance instead.
//!
//! When not: what a student sees of themselves, or their educator of one student, is told as it is, by consent. Source:
//! Dwork et al. 2006; Ghosh, Roughgarden & Sundararajan 2012 (the discrete Laplace).

use opendp::domains::{AtomDomain, VectorDomain};
use opendp::measurements::make_laplace;
use opendp::measures::MaxDivergence;
use opendp::metrics::L1Distance;
use thiserror::Error;

use super::budget::Epsilon;

/// The smallest class that is spoken of.
pub const LEAST_MEMBERS: usize = 10;

/// The largest.
pub const MOST_MEMBERS: usize = 10_000;

/// Levels are rounded to this many steps.
const STEPS: f64 = 1000.0;

/// A level counts from the middle of the scale, so that one student moves a sum by half of it at most.
const HALF: i64 = 500;

/// Why there is no answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Error {
    /// A class of fewer than [`LEAST_MEMBERS`] or more than [`MOST_MEMBERS`].
    #[error("a class has {LEAST_MEMBERS} to {MOST_MEMBERS} members to be asked")]
    Size,
    /// The operating system gave no randomness.
    #[error("no noise could be drawn")]
    Noise,
}

/// What is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Question {
    /// How many have a level.
    Count,
    /// The mean of their levels.
    Mean,
    /// How many are in each quarter of the scale.
    Stages,
}

/// Integers that are blurred together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Release {
    /// The integers.
    pub values: Vec<i64>,
    /// How far one student moves them, all differences added.
    pub sensitivity: i64,
    /// What blurring them costs.
    pub epsilon: Epsilon,
}

/// One figure with its margin.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Figure {
    /// The figure.
    pub value: f64,
    /// The exact figure is within this of the value, with a probability of at least 95 %.
    pub margin: f64,
}

/// What is told.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    /// The figures: one, or one for each stage.
    Told(Vec<Figure>),
    /// Fewer take part than may be spoken of, as far as the noise tells.
    Withheld,
}

impl Question {
    /// Asks a class: one entry for each member, empty where nothing may be used or is held. Charge all of them before.
    ///
    /// # Errors
    /// [`Error::Size`], [`Error::Noise`].
    pub fn answer(self, members: &[Option<f64>], epsilon: Epsilon) -> Result<Answer, Error> {
        if !(LEAST_MEMBERS..=MOST_MEMBERS).contains(&members.len()) {
            return Err(Error::Size);
        }
        let releases = self.count(members, epsilon);
        let noisy: Vec<Vec<i64>> = releases.iter().map(Release::blur).collect::<Result<_, _>>()?;
        Ok(self.tell(&noisy, epsilon))
    }

    /// Step 1. The costs of the releases add up to `epsilon`.
    #[must_use]
    pub fn count(self, members: &[Option<f64>], epsilon: Epsilon) -> Vec<Release> {
        let levels: Vec<i64> = members.iter().flatten().filter_map(|&level| steps(level)).collect();
        let present = Release {
            values: vec![i64::try_from(levels.len()).unwrap_or(i64::MAX)],
            sensitivity: 1,
            epsilon,
        };
        match self {
            Self::Count => vec![present],
            Self::Mean => {
                let (half, other) = epsilon.halves();
                vec![
                    Release {
                        epsilon: half,
                        ..present
                    },
                    Release {
                        values: vec![levels.iter().map(|level| level - HALF).sum()],
                        sensitivity: HALF,
                        epsilon: other,
                    },
                ]
            }
            Self::Stages => {
                let mut values = vec![0; 4];
                for level in levels {
                    // 0 to 1000 in quarters; 1000 belongs to the last.
                    values[usize::try_from(level / 250).unwrap_or(0).min(3)] += 1;
                }
                // One student is in one of the four.
                vec![Release {
                    values,
                    sensitivity: 1,
                    epsilon,
                }]
            }
        }
    }

    /// Step 3.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "counts of a class fit into 52 bits by far")]
    pub fn tell(self, noisy: &[Vec<i64>], epsilon: Epsilon) -> Answer {
        let count: i64 = noisy.first().map_or(0, |values| values.iter().sum());
        if count < LEAST_MEMBERS as i64 {
            return Answer::Withheld;
        }
        Answer::Told(match (self, noisy) {
            (Self::Mean, [_, sums]) => {
                let (half, other) = epsilon.halves();
                let sum: i64 = sums.iter().sum();
                let (count, sum) = (count as f64, sum as f64 / STEPS);
                // Each margin is kept in 97.5 % of all answers, so both in 95 %.
                let (counts, sums) = (margin(1, half, 0.025), margin(HALF, other, 0.025) / STEPS);
                vec![Figure {
                    value: (0.5 + sum / count).clamp(0.0, 1.0),
                    // No mean is farther than one half from the middle; and rounding to steps moves it by half a step.
                    margin: (sums + 0.5 * counts) / count + 0.5 / STEPS,
                }]
            }
            _ => noisy
                .iter()
                .flatten()
                .map(|&value| Figure {
                    value: value.max(0) as f64,
                    margin: margin(1, epsilon, 0.05),
                })
                .collect(),
        })
    }
}

/// A level in steps; nothing of what is no number.
#[expect(clippy::cast_possible_truncation, reason = "cut to 0 to 1000 before")]
fn steps(level: f64) -> Option<i64> {
    (!level.is_nan()).then(|| (level.clamp(0.0, 1.0) * STEPS).round() as i64)
}

/// The least whole number that the noise exceeds, in either direction, with a probability of `rest` at most.
#[expect(clippy::cast_precision_loss, reason = "sensitivities are small")]
fn margin(sensitivity: i64, epsilon: Epsilon, rest: f64) -> f64 {
    // P(|noise| > m) = 2 p^(m+1) / (1 + p) with p = e^(-epsilon / sensitivity).
    let falloff = -epsilon.at_most() / sensitivity as f64;
    let least = (rest * (1.0 + falloff.exp()) / 2.0).ln() / falloff - 1.0;
    least.ceil().max(0.0)
}

impl Release {
    /// Step 2.
    ///
    /// # Errors
    /// [`Error::Noise`].
    pub fn blur(&self) -> Result<Vec<i64>, Error> {
        let charged = self.epsilon.at_most();
        #[expect(clippy::cast_precision_loss, reason = "sensitivities are small")]
        let mut scale = self.sensitivity as f64 / charged;
        loop {
            let mechanism = make_laplace::<_, _, MaxDivergence>(
                VectorDomain::new(AtomDomain::<i64>::default()),
                L1Distance::<i64>::default(),
                scale,
                None,
            )
            .map_err(|_| Error::Noise)?;
            if mechanism.map(&self.sensitivity).map_err(|_| Error::Noise)? <= charged {
                return mechanism.invoke(&self.values).map_err(|_| Error::Noise);
            }
            scale = scale.next_up();
        }
    }
}

#[cfg(test)]
mod tests;
