//! Where a skill stands now, and how sure that is.
//!
//! What: the level's posterior at a time, by the belief that [`super::growth`] draws its trajectories from. It forgets:
//! the level drifts, so old work counts less, and a student who was not seen for long is known less. Nobody grows
//! unseen: after the last observation the level stays where it was, and what growth would have made of it is added to
//! the uncertainty. The mass in each quarter of the scale is the probability of a [`Stage`]; how wide the band is, is
//! how much may be said at all ([`Sureness`]).
//!
//! Why not a Beta posterior with exponential forgetting, which needs no filter: its width knows how much was observed,
//! but not how far the observations lie apart, nor that the level moved. On simulated students its band of 90 % held
//! the truth 99.9 % of the time where they stayed and 70 % where they grew (60 days' half-life, five trials an
//! observation). When not: what lies between one observation and the next is a trajectory's business. Source: as
//! [`super::growth`]; the stages are quarters of the scale, and our own.

use statrs::distribution::{ContinuousCDF, Normal};

use super::change::Changes;
use super::growth::belief::{Belief, Mixture, readings};
use super::growth::{self, Band, Error, Estimate};
use super::observation::{Observation, When};

/// The band's probability, in per cent.
pub const BAND_PERCENT: u32 = 90;

/// The fewest observations that make sure.
pub const SURE: usize = 5;

/// A quarter of the scale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Below 0.25.
    Beginning,
    /// 0.25 to 0.5.
    Developing,
    /// 0.5 to 0.75.
    Secure,
    /// 0.75 and above.
    Extending,
}

impl Stage {
    /// All of them, from below.
    pub const ALL: [Self; 4] = [Self::Beginning, Self::Developing, Self::Secure, Self::Extending];
}

/// How much is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Sureness {
    /// The band is wider than half the scale, or there are fewer than three observations.
    Guess,
    /// Wider than a quarter of it.
    Tentative,
    /// Narrower, by five observations or more.
    Sure,
}

/// Where a skill stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Assessment {
    /// The level, with its band of 90 %.
    pub level: Estimate,
    /// The probability of each stage, from below; they sum to 1.
    pub stages: [f64; 4],
    /// So many fresh observations of full weight would alone be as sure.
    pub evidence: f64,
    /// Observations.
    pub observations: usize,
    /// The latest of them.
    pub latest: Option<When>,
}

impl Assessment {
    /// Where a skill stands at a time, by its observations in whatever order they come, and the `changes` found in
    /// them. A time before the latest observation (clocks differ) is taken for that.
    ///
    /// # Errors
    /// None in practice: the band is one that exists.
    pub fn of(observations: &[Observation], changes: &Changes, now: When) -> Result<Self, Error> {
        let sorted = growth::newest(observations, growth::MOST);
        let latest = sorted.last().map(|observation| observation.at());
        Self::by(
            &Belief::after(&readings(&sorted, changes)),
            observations.len(),
            latest,
            now,
        )
    }

    /// The same by a belief that was formed already.
    pub(crate) fn by(belief: &Belief, observations: usize, latest: Option<When>, now: When) -> Result<Self, Error> {
        let band = Band::parse(BAND_PERCENT)?;
        let days = latest.map_or(0.0, |latest| now.days_since(latest).max(0.0));
        let mut level = Mixture::default();
        let mut below = [0.0; 3];
        for (share, mean, deviation) in belief.unseen(days) {
            level.add(share, mean, deviation * deviation);
            for (below, edge) in below.iter_mut().zip([0.25, 0.5, 0.75]) {
                *below += share * Normal::standard().cdf((edge - mean) / deviation);
            }
        }
        let stages = [below[0], below[1] - below[0], below[2] - below[1], 1.0 - below[2]];
        Ok(Self {
            level: Estimate::level(level.mean(), level.variance(), band),
            // Rounding may leave a share a hair below nothing.
            stages: stages.map(|share| share.clamp(0.0, 1.0)),
            evidence: belief.noise() * belief.noise() / level.variance(),
            observations,
            latest,
        })
    }

    /// How much is known. Fewer than [`growth::LEAST`] observations are a guess, and fewer than [`SURE`] never sure,
    /// however well they agree: that may be chance.
    #[must_use]
    pub fn sureness(&self) -> Sureness {
        let width = self.level.upper - self.level.lower;
        if width > 0.5 || self.observations < growth::LEAST {
            Sureness::Guess
        } else if width > 0.25 || self.observations < SURE {
            Sureness::Tentative
        } else {
            Sureness::Sure
        }
    }

    /// The most probable stage, and how probable it is.
    #[must_use]
    pub fn stage(&self) -> (Stage, f64) {
        let mut best = (Stage::ALL[0], self.stages[0]);
        for (&stage, &probability) in Stage::ALL.iter().zip(&self.stages) {
            if probability > best.1 {
                best = (stage, probability);
            }
        }
        best
    }

    /// The probability of a stage or a lower one.
    #[must_use]
    pub fn at_most(&self, stage: Stage) -> f64 {
        self.stages[..=stage as usize].iter().sum::<f64>().min(1.0)
    }
}

#[cfg(test)]
mod tests;
