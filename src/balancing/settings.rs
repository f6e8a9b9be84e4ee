//! What can be chosen about a pool. The defaults need no thought; all of it may change while the pool is used.

use std::time::Duration;

/// How the instance of a call is chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// The better of two that are drawn by weight.
    #[default]
    HealthWeighted,
    /// One after the other, as often as the weights say.
    RoundRobin,
    /// At random, by weight.
    Random,
    /// Always this one, by its key or its id: for operators. Nobody, when it is not in the pool.
    Pinned(String),
}

/// When an instance gets no calls for a while. See [`super::Endpoint::is_ejected`].
#[derive(Clone, Debug, PartialEq)]
pub struct Ejection {
    /// So many failures one after the other; more where the rest of the pool fails too.
    pub failures: u32,
    /// Or a share of successes below this share of the rest's,
    pub success: f32,
    /// seen in no fewer calls than these within ten seconds.
    pub samples: u32,
    /// The first time out; doubled each time that it did not help, with jitter.
    pub first: Duration,
    /// The longest.
    pub longest: Duration,
}

impl Default for Ejection {
    fn default() -> Self {
        Self {
            failures: 5,
            success: 0.8,
            samples: 5,
            first: Duration::from_secs(1),
            longest: Duration::from_secs(60),
        }
    }
}

/// The settings of a pool.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// How the instance of a call is chosen.
    pub policy: Policy,
    /// How long an instance that joins a pool at work takes to get its whole share; zero: no time.
    pub slow_start: Duration,
    /// How many instances of a larger pool this process uses; 0: all of them. Anything else counts as 12 at least.
    pub subset: usize,
    /// How much more an instance of the same zone gets than one elsewhere; 1: zones do not matter.
    pub zone_factor: f32,
    /// For calls with an affinity key: how much more than its share an instance may have under way before its keys go to
    /// the next. `None`: keys are ignored. With it, there is no subset: every process must see the same instances.
    pub affinity: Option<f32>,
    /// When an instance gets no calls for a while; `None`: it always does.
    pub ejection: Option<Ejection>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            policy: Policy::default(),
            slow_start: Duration::from_secs(10),
            subset: 0,
            zone_factor: 4.0,
            affinity: None,
            ejection: Some(Ejection::default()),
        }
    }
}
