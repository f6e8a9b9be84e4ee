//! The cases: what can happen to a pool of servers, and the figure that each is judged by.
//!
//! Times that are a share of the run (a third in, half of it) stay so with any number of requests; a cold start or a
//! pause has its own length. No case retries unless its name says so: a retry hides what the balancer did.

mod faults;
mod fleet;
mod load;

use serde::Serialize;

use crate::measure::Figures;
use crate::scene::{SECOND, Scene};

/// What a case is judged by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Metric {
    /// % answered well within a second.
    WithinSecond,
    /// % answered well.
    Answered,
    /// The 99th percentile in ms.
    P99,
    /// The 99.9th percentile in ms.
    P999,
    /// % of attempts that the first server had, of which half is right.
    FirstShare,
    /// The busiest server ÷ the mean.
    Imbalance,
    /// % answered well once the cause is over.
    Recovered,
    /// Attempts ÷ calls in the worst second.
    Amplification,
}

// === impl Metric ===

impl Metric {
    /// What a table's heading says.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::WithinSecond => "< 1 s, %",
            Self::Answered => "ok, %",
            Self::P99 => "p99, ms",
            Self::P999 => "p99.9, ms",
            Self::FirstShare => "first's share, % (50)",
            Self::Imbalance => "busiest ÷ mean",
            Self::Recovered => "ok after, %",
            Self::Amplification => "attempts ÷ calls",
        }
    }

    /// The metric of a run.
    #[must_use]
    pub fn of(self, figures: &Figures) -> f64 {
        match self {
            Self::WithinSecond => figures.within_second,
            Self::Answered => figures.answered,
            Self::P99 => figures.p99,
            Self::P999 => figures.p999,
            Self::FirstShare => figures.first_share,
            Self::Imbalance => figures.imbalance,
            Self::Recovered => figures.recovered,
            Self::Amplification => figures.amplification,
        }
    }

    /// How far from the ideal a value is: lower is better, whatever the metric.
    #[must_use]
    pub fn regret(self, value: f64) -> f64 {
        match self {
            Self::WithinSecond | Self::Answered | Self::Recovered => 100.0 - value,
            Self::P99 | Self::P999 | Self::Imbalance | Self::Amplification => value,
            Self::FirstShare => (value - 50.0).abs(),
        }
    }
}

/// One case.
#[derive(Clone, Copy, Debug)]
pub struct Case {
    /// What `--case` takes.
    pub name: &'static str,
    /// One line for people.
    pub about: &'static str,
    /// What it is judged by.
    pub metrics: &'static [Metric],
    scene: fn(&mut Plan),
}

/// A scene under construction, which knows how long it lasts.
#[derive(Debug)]
struct Plan {
    requests: u64,
    scene: Scene,
}

// === impl Plan ===

impl Plan {
    /// So many servers at this load, for as long as the requests last.
    fn pool(&mut self, servers: u32, load: f64) {
        self.scene = Scene::new(servers, load);
        self.scene.length = (self.requests as f64 / self.scene.rate * SECOND as f64) as u64;
    }

    /// A time by its share of the run.
    fn share(&self, share: f64) -> u64 {
        (self.scene.length as f64 * share) as u64
    }
}

// === impl Case ===

impl Case {
    /// All of them, in the order of tables.
    #[must_use]
    pub fn all() -> Vec<Self> {
        [&load::CASES[..], &faults::CASES, &fleet::CASES].concat()
    }

    /// The scene for so many requests, with so many clients where it is not to have its own number of them.
    #[must_use]
    pub fn scene(&self, requests: u64, clients: Option<u32>) -> Scene {
        let mut plan = Plan {
            requests,
            scene: Scene::new(1, 0.1),
        };
        (self.scene)(&mut plan);
        plan.scene.clients = clients.unwrap_or(plan.scene.clients);
        plan.scene.changes.sort_by_key(|(time, _)| *time);
        plan.scene
    }
}
