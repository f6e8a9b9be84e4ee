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
    /// The logarithm of Γ(shape + ½) / Γ(shape).
    gain: f64,
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
            gain: ln_gamma(SHAPE + 0.5) - ln_gamma(SHAPE),
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
        let density = self.gain
            - 0.5 * (std::f64::consts::TAU * self.scale * spread).ln()
            - (self.shape + 0.5) * surprising.ln_1p();
        self.level += to_level / spread * surprise;
        self.growth += to_growth / spread * surprise;
        self.v00 -= to_level * to_level / spread;
        self.v01 -= to_level * to_growth / spread;
        self.v11 -= to_growth * to_growth / spread;
        // Γ(a + 1) = a Γ(a), so that half a step further needs a logarithm and no gamma function.
        self.gain = self.shape.ln() - self.gain;
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

#[cfg(test)]
mod tests {
    use statrs::distribution::{Continuous, StudentsT};

    use super::*;
    use crate::domain::controls::Source;
    use crate::domain::observation::{DAY, Raw};

    /// After as many observations as there may be, each density is still the Student's t that theory has.
    #[test]
    fn each_observation_has_a_students_t() {
        let mut rng = fastrand::Rng::with_seed(7);
        let mut stretch = Stretch::from(When::default());
        for index in 0..400_u32 {
            let observation = Observation::try_from(Raw {
                id: index.to_string(),
                skill: "cohesion".to_owned(),
                value: rng.f64(),
                weight: 0.01 + 0.99 * rng.f64(),
                at: i64::from(index) * DAY,
                source: Source::Writing,
            })
            .expect("it is valid");
            let day = f64::from(index);
            let spread = 1.0 / observation.weight() + stretch.v00 + 2.0 * day * stretch.v01 + day * day * stretch.v11;
            let scale = (stretch.scale / stretch.shape * spread).sqrt();
            let expected = StudentsT::new(stretch.level + day * stretch.growth, scale, 2.0 * stretch.shape)
                .expect("it exists")
                .ln_pdf(observation.value());
            let density = stretch.see(&observation);
            assert!((density - expected).abs() < 1e-9, "{index}: {density} {expected}");
        }
    }
}
