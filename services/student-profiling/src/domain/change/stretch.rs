//! A stretch without a change: a straight line through observations, its noise unknown, both integrated out.
//!
//! What: Bayesian linear regression with the conjugate prior (normal for the line given the noise, inverse gamma for the
//! noise), one observation at a time. Each observation's probability, given those before it in the stretch, is a
//! Student's t. Why the prior is proper and broad: a stretch of one observation must have a probability too. When not:
//! levels that wander; [`crate::domain::growth`] follows those. Source: Gelman et al. 2013, *Bayesian Data Analysis*,
//! § 14.8; Murphy 2012, § 7.6.3.

use statrs::function::gamma::ln_gamma;

use crate::domain::observation::{Observation, When};

/// The noise's standard deviation that the prior expects.
const NOISE: f64 = 0.08;

/// Deviations of the level and of the growth in a day, before anything is seen.
const LEVEL: f64 = 0.3;
const GROWTH: f64 = 0.001_5;

/// The shape of the prior of the noise's variance: as if it had been seen in twice as many observations.
const SHAPE: f64 = 3.0;

/// What is known of a line.
pub(super) struct Stretch {
    first: When,
    level: f64,
    growth: f64,
    // Covariances, in units of the noise's variance.
    v00: f64,
    v01: f64,
    v11: f64,
    shape: f64,
    scale: f64,
}

impl Stretch {
    /// Nothing seen yet; days count from `first`.
    pub(super) fn from(first: When) -> Self {
        Self {
            first,
            level: 0.5,
            growth: 0.0,
            v00: (LEVEL / NOISE) * (LEVEL / NOISE),
            v01: 0.0,
            v11: (GROWTH / NOISE) * (GROWTH / NOISE),
            shape: SHAPE,
            scale: (SHAPE - 1.0) * NOISE * NOISE,
        }
    }

    /// All of these seen; there is one at least.
    pub(super) fn over(observations: &[&Observation]) -> Self {
        let mut stretch = Self::from(observations[0].at());
        for observation in observations {
            stretch.see(observation);
        }
        stretch
    }

    /// Takes in one observation and tells the logarithm of its probability density before it.
    pub(super) fn see(&mut self, observation: &Observation) -> f64 {
        let day = observation.at().days_since(self.first);
        let (to_level, to_growth) = (self.v00 + day * self.v01, self.v01 + day * self.v11);
        let spread = 1.0 / observation.weight() + to_level + day * to_growth;
        let surprise = observation.value() - (self.level + day * self.growth);
        let surprising = surprise * surprise / (2.0 * self.scale * spread);
        let density = ln_gamma(self.shape + 0.5)
            - ln_gamma(self.shape)
            - 0.5 * (std::f64::consts::TAU * self.scale * spread).ln()
            - (self.shape + 0.5) * surprising.ln_1p();
        self.level += to_level / spread * surprise;
        self.growth += to_growth / spread * surprise;
        self.v00 -= to_level * to_level / spread;
        self.v01 -= to_level * to_growth / spread;
        self.v11 -= to_growth * to_growth / spread;
        self.shape += 0.5;
        self.scale += self.scale * surprising;
        density
    }

    /// The line's level at a time.
    pub(super) fn level_at(&self, at: When) -> f64 {
        self.level + at.days_since(self.first) * self.growth
    }

    /// The line's growth in a day.
    pub(super) fn growth(&self) -> f64 {
        self.growth
    }
}
