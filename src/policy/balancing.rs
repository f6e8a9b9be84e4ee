//! `[balancing]`: which instance a call goes to.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::rules::Rules;

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
    /// How long a new instance takes to get its full share, 0 to 10 min; 0 gives it at once.
    #[serde(with = "humantime_serde")]
    pub slow_start: Duration,
    /// How many instances this process calls, 12 to 10,000; 0 calls all. For pools of hundreds.
    pub subset: u32,
    /// What an instance in another zone weighs beside one in this, 0.001 to 1; 1 does not look at zones.
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
            slow_start: Duration::from_secs(10),
            subset: 0,
            zone_factor: 1.0,
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
    /// An instance whose share of successes is below this part of the pool's is ejected, 0 to 1; 0 never.
    pub ratio: f64,
    /// Calls in the last ten seconds before that share counts, 1 to 10,000.
    pub samples: u32,
    /// The first ejection's length, 100 ms to 10 min; it doubles with each that follows.
    #[serde(with = "humantime_serde")]
    pub pause: Duration,
    /// The longest ejection, 100 ms to 1 h.
    #[serde(with = "humantime_serde")]
    pub pause_limit: Duration,
    /// The most of a pool that is left out, 0 to 0.5.
    pub most: f64,
}

impl Default for Ejection {
    fn default() -> Self {
        Self {
            enabled: true,
            failures: 5,
            ratio: 0.8,
            samples: 5,
            pause: Duration::from_secs(1),
            pause_limit: Duration::from_secs(60),
            most: 0.5,
        }
    }
}

impl Balancing {
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
        rules.share("zone_factor", self.zone_factor, 0.001, 1.0);
        let ejection = &self.ejection;
        rules.count("ejection.failures", ejection.failures, 1, 1000);
        rules.share("ejection.ratio", ejection.ratio, 0.0, 1.0);
        rules.count("ejection.samples", ejection.samples, 1, 10_000);
        rules.time("ejection.pause", ejection.pause, "100ms", "10m");
        rules.time("ejection.pause_limit", ejection.pause_limit, "100ms", "1h");
        rules.share("ejection.most", ejection.most, 0.0, 0.5);
        if ejection.pause > ejection.pause_limit {
            rules.broken("ejection.pause", "must not be more than ejection.pause_limit");
        }
    }
}
