//! Random times: how long until the next call comes, how long a call takes.
//!
//! Why ours: three lines each, drawn from the seeded generator that everything else uses. When not: for statistics
//! proper there is `rand_distr`. Source: inverse transform for the exponential, Box and Muller 1958 for the normal.

use fastrand::Rng;

/// How service times are spread around their mean.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Distribution {
    /// Memoryless: what queueing theory is written for.
    Exponential,
    /// A long tail to the right, as services have; `sigma` is the standard deviation of the logarithm.
    LogNormal {
        /// 0.7 puts the 99th percentile at four times the mean.
        sigma: f64,
    },
    /// Always the mean.
    Constant,
}

// === impl Distribution ===

impl Distribution {
    /// One value, the long-run mean of which is `mean`.
    pub fn draw(self, rng: &mut Rng, mean: f64) -> f64 {
        match self {
            Self::Exponential => exponential(rng, mean),
            Self::LogNormal { sigma } => mean * (sigma * normal(rng) - sigma * sigma / 2.0).exp(),
            Self::Constant => mean,
        }
    }
}

/// The time until the next event of a Poisson process with this mean gap.
pub fn exponential(rng: &mut Rng, mean: f64) -> f64 {
    -mean * (1.0 - rng.f64()).ln()
}

fn normal(rng: &mut Rng) -> f64 {
    let radius = (-2.0 * (1.0 - rng.f64()).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.f64()).cos()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mean(distribution: Distribution) -> f64 {
        let mut rng = Rng::with_seed(1);
        (0..200_000).map(|_| distribution.draw(&mut rng, 10.0)).sum::<f64>() / 200_000.0
    }

    #[test]
    fn every_distribution_has_the_mean_that_it_was_asked_for() {
        assert!((mean(Distribution::Exponential) - 10.0).abs() < 0.1);
        assert!((mean(Distribution::LogNormal { sigma: 0.7 }) - 10.0).abs() < 0.1);
        assert!((mean(Distribution::Constant) - 10.0).abs() < 1e-6);
    }

    #[test]
    fn a_log_normal_has_its_tail() {
        let mut rng = Rng::with_seed(2);
        let over = (0..200_000)
            .filter(|_| Distribution::LogNormal { sigma: 0.7 }.draw(&mut rng, 10.0) > 39.9)
            .count();
        assert!(
            (1_800..2_200).contains(&over),
            "{over} of 200,000 above the 99th percentile"
        );
    }
}
