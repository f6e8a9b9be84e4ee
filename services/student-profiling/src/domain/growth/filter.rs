//! The Kalman filter and fixed-interval smoother of a local linear trend seen at irregular times.
//!
//! Why written out for two states: no matrices, no inverse, no allocation in the filter; 90 models of 400 observations
//! take a few milliseconds. The smoother is the backward recursion of Durbin & Koopman (equal to Rauch, Tung & Striebel's,
//! but it never inverts a covariance, which two observations of one moment would make nearly singular). When not: other
//! state spaces. Source: Durbin & Koopman 2012, § 4.3 (filter), § 4.4 (smoother), § 3.8 (the variance of a step in
//! continuous time); the tests hold it against Gaussian conditioning and the book's figures of the Nile.

/// The variances of a model; times are days.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Model {
    /// Of an observation of full weight.
    pub noise: f64,
    /// That the level gains in a day.
    pub level_drift: f64,
    /// That the growth in a day gains in a day.
    pub growth_drift: f64,
}

/// One observation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Reading {
    /// Days since some moment before the first; never falls from reading to reading.
    pub day: f64,
    /// What was seen.
    pub value: f64,
    /// Divides the variance of the noise.
    pub weight: f64,
    /// Variance that the level gained abruptly before this; 0 where nothing broke.
    pub jump: f64,
}

/// What is known of level and growth at a moment: means, variances, covariance.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct State {
    /// The level's mean.
    pub level: f64,
    /// The mean of the growth in a day.
    pub growth: f64,
    /// The level's variance.
    pub level_variance: f64,
    /// Of level and growth.
    pub covariance: f64,
    /// The growth's variance.
    pub growth_variance: f64,
}

/// Beyond so many days without an observation nothing more is forgotten: the band is wider than the scale long before,
/// and variances stay of a size that can be computed with.
const LONGEST_GAP: f64 = 1000.0;

/// Rounding takes no variance below this.
const LEAST_VARIANCE: f64 = 1e-12;

/// What a reading told against what was expected.
struct Innovation {
    surprise: f64,
    variance: f64,
}

impl State {
    /// What is known so many days later.
    #[must_use]
    pub fn after(self, days: f64, model: &Model) -> Self {
        let days = days.clamp(0.0, LONGEST_GAP);
        let Model {
            level_drift,
            growth_drift,
            ..
        } = *model;
        Self {
            level: self.level + days * self.growth,
            growth: self.growth,
            level_variance: self.level_variance
                + days * (2.0 * self.covariance + days * self.growth_variance)
                + days * level_drift
                + days * days * days / 3.0 * growth_drift,
            covariance: self.covariance + days * self.growth_variance + days * days / 2.0 * growth_drift,
            growth_variance: self.growth_variance + days * growth_drift,
        }
    }

    /// What is expected when a reading comes.
    fn before(self, reading: &Reading, days: f64, model: &Model) -> Self {
        let mut expected = self.after(days, model);
        expected.level_variance += reading.jump;
        expected
    }

    fn innovation(&self, reading: &Reading, model: &Model) -> Innovation {
        Innovation {
            surprise: reading.value - self.level,
            variance: self.level_variance + model.noise / reading.weight,
        }
    }

    fn given(self, innovation: &Innovation) -> Self {
        let Innovation { surprise, variance } = *innovation;
        let (to_level, to_growth) = (self.level_variance / variance, self.covariance / variance);
        Self {
            level: self.level + to_level * surprise,
            growth: self.growth + to_growth * surprise,
            // (1 - gain) * variance, without the difference of near equals that it would be for a wide prior.
            level_variance: (self.level_variance * (variance - self.level_variance) / variance).max(LEAST_VARIANCE),
            covariance: self.covariance * (variance - self.level_variance) / variance,
            growth_variance: (self.growth_variance - to_growth * self.covariance).max(0.0),
        }
    }
}

/// The logarithm of the readings' likelihood, and what is known after the last of them.
#[must_use]
pub fn run(model: &Model, prior: State, readings: &[Reading]) -> (f64, State) {
    let mut state = prior;
    let mut likelihood = 0.0;
    let mut day = readings.first().map_or(0.0, |reading| reading.day);
    for reading in readings {
        state = state.before(reading, reading.day - day, model);
        day = reading.day;
        let innovation = state.innovation(reading, model);
        let Innovation { surprise, variance } = innovation;
        likelihood -= 0.5 * ((std::f64::consts::TAU * variance).ln() + surprise * surprise / variance);
        state = state.given(&innovation);
    }
    (likelihood, state)
}

/// Mean and variance of the level at each reading, given all of them.
#[must_use]
pub fn smooth(model: &Model, prior: State, readings: &[Reading]) -> Vec<(f64, f64)> {
    let mut state = prior;
    let mut day = readings.first().map_or(0.0, |reading| reading.day);
    let expected: Vec<State> = readings
        .iter()
        .map(|reading| {
            let expected = state.before(reading, reading.day - day, model);
            day = reading.day;
            state = expected.given(&expected.innovation(reading, model));
            expected
        })
        .collect();

    let mut levels = vec![(0.0, 0.0); readings.len()];
    // The book's r and N: what later readings say of the state, and how sure they are of it.
    let (mut r0, mut r1) = (0.0, 0.0);
    let (mut n00, mut n01, mut n11) = (0.0, 0.0, 0.0);
    for (index, reading) in readings.iter().enumerate().rev() {
        let at = &expected[index];
        let Innovation { surprise, variance } = at.innovation(reading, model);
        let step = readings
            .get(index + 1)
            .map_or(0.0, |next| (next.day - reading.day).clamp(0.0, LONGEST_GAP));
        let (u0, u1) = (r0, step * r0 + r1);
        let (u00, u01, u11) = (n00, step * n00 + n01, step * (step * n00 + 2.0 * n01) + n11);
        let (kept, moved) = ((variance - at.level_variance) / variance, at.covariance / variance);
        (r0, r1) = (surprise / variance + kept * u0 - moved * u1, u1);
        n00 = 1.0 / variance + kept * kept * u00 - 2.0 * kept * moved * u01 + moved * moved * u11;
        (n01, n11) = (kept * u01 - moved * u11, u11);
        let (p00, p01) = (at.level_variance, at.covariance);
        let known = p00 * (p00 * n00 + 2.0 * p01 * n01) + p01 * p01 * n11;
        levels[index] = (at.level + p00 * r0 + p01 * r1, (p00 - known).max(LEAST_VARIANCE));
    }
    levels
}
