//! `[balancing]`: which instance a call goes to.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::rules::Rules;
use crate::balancing::{self, Settings};

/// How an instance is chosen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Choice {
    /// Two drawn by weight, the healthier one taken.
    #[default]
    HealthWeighted,
    /// One after the other.
    RoundRobin,
    /// Any.
    Random,
    /// The one that `pinned` names: for an operator who looks at one instance.
    Pinned,
}

/// Which instance a call goes to.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Balancing {
    /// How an instance is chosen: `health-weighted`, `round-robin`, `random` or `pinned`.
    pub policy: Choice,
    /// The instance's id, with `policy = "pinned"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pinned: Option<String>,
    /// A request header whose value keeps calls on the same instance while that is not overloaded: for sessions, caches.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub affinity: Option<String>,
    /// How many times its share an instance may have under way before its keys go to the next, 1.01 to 10.
    pub affinity_bound: f64,
    /// How long a new instance takes to get its full share, 0 to 10 min; 0 gives it at once.
    #[serde(with = "humantime_serde")]
    pub slow_start: Duration,
    /// How many instances this process calls, 12 to 10,000; 0 calls all. For pools of hundreds.
    pub subset: u32,
    /// How much more an instance of the caller's zone gets than one elsewhere, 1 to 100; 1 does not look at zones.
    pub zone_factor: f64,
    /// When an instance is left out for a while.
    pub ejection: Ejection,
}

impl Default for Balancing {
    fn default() -> Self {
        Self {
            policy: Choice::HealthWeighted,
            pinned: None,
            affinity: None,
            affinity_bound: 1.25,
            slow_start: Duration::from_secs(10),
            subset: 0,
            zone_factor: 4.0,
            ejection: Ejection::default(),
        }
    }
}

/// When an instance is left out for a while, and how it comes back.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ejection {
    /// Whether instances are ejected at all.
    pub enabled: bool,
    /// Failures in a row that eject, 1 to 1,000.
    pub failures: u32,
    /// Or a share of successes below this part of the rest's, 0 to 1; 0 never.
    pub success: f64,
    /// Calls in the last ten seconds before that share counts, 1 to 10,000.
    pub samples: u32,
    /// The first ejection's length, 100 ms to 10 min; it doubles with each that follows.
    #[serde(with = "humantime_serde")]
    pub first: Duration,
    /// The longest ejection, 100 ms to 1 h.
    #[serde(with = "humantime_serde")]
    pub longest: Duration,
}

impl Default for Ejection {
    fn default() -> Self {
        Self {
            enabled: true,
            failures: 5,
            success: 0.8,
            samples: 5,
            first: Duration::from_secs(1),
            longest: Duration::from_secs(60),
        }
    }
}

impl Balancing {
    /// As the balancer takes them.
    #[must_use]
    pub fn settings(&self) -> Settings {
        let ejection = &self.ejection;
        Settings {
            policy: match self.policy {
                Choice::HealthWeighted => balancing::Policy::HealthWeighted,
                Choice::RoundRobin => balancing::Policy::RoundRobin,
                Choice::Random => balancing::Policy::Random,
                Choice::Pinned => balancing::Policy::Pinned(self.pinned.clone().unwrap_or_default()),
            },
            slow_start: self.slow_start,
            subset: self.subset as usize,
            zone_factor: self.zone_factor as f32,
            affinity: self.affinity.is_some().then_some(self.affinity_bound as f32),
            ejection: ejection.enabled.then_some(balancing::Ejection {
                failures: ejection.failures,
                success: ejection.success as f32,
                samples: ejection.samples,
                first: ejection.first,
                longest: ejection.longest,
            }),
        }
    }

    pub(super) fn check(&self, rules: &mut Rules<'_>) {
        if self.policy == Choice::Pinned && self.pinned.as_deref().unwrap_or_default().is_empty() {
            rules.broken("pinned", "must name an instance's id when policy is \"pinned\"");
        }
        if let Some(header) = &self.affinity {
            // Metadata that is binary, and headers of HTTP/2 and gRPC themselves, identify no session.
            let named = header
                .parse::<http::HeaderName>()
                .is_ok_and(|name| name.as_str() == header);
            if !named || header.starts_with("grpc-") || header.ends_with("-bin") {
                rules.broken("affinity", "must be the name of a text header, in lower case");
            }
        }
        rules.time("slow_start", self.slow_start, "0s", "10m");
        if self.subset != 0 {
            rules.count("subset", self.subset, 12, 10_000);
        }
        rules.share("affinity_bound", self.affinity_bound, 1.01, 10.0);
        rules.share("zone_factor", self.zone_factor, 1.0, 100.0);
        let ejection = &self.ejection;
        rules.count("ejection.failures", ejection.failures, 1, 1000);
        rules.share("ejection.success", ejection.success, 0.0, 1.0);
        rules.count("ejection.samples", ejection.samples, 1, 10_000);
        rules.time("ejection.first", ejection.first, "100ms", "10m");
        rules.time("ejection.longest", ejection.longest, "100ms", "1h");
        if ejection.first > ejection.longest {
            rules.broken("ejection.first", "must not be more than ejection.longest");
        }
    }
}
