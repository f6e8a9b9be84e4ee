//! `[edge.limits]`: how often the gateway may be called, by whom and in total.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::network::Network;
use super::rules::Rules;

/// The most methods that get limits of their own.
const METHODS: usize = 256;

/// The most ranges of proxies.
const PROXIES: usize = 64;

/// How often the gateway may be called. What is no limit has `calls = 0`. All gateways together keep to them: each takes
/// its share.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Limits {
    /// All that come from one address; of IPv6 from one /64, which is one household's.
    pub address: Rate,
    /// Whether addresses of this machine are limited too. Not unless asked for: behind a proxy on the same machine they
    /// are everybody's.
    pub loopback: bool,
    /// Proxies of ours, such as `10.0.0.0/8`, whose `x-forwarded-for` says which address a call comes from.
    pub proxies: Vec<String>,
    /// Each principal that has signed in.
    pub principal: Allowance,
    /// Each API key.
    pub key: Allowance,
    /// Each method, by everybody together.
    pub method: Rate,
    /// Methods that have another limit than `method`, by their names such as `package.Service/Method`.
    pub methods: BTreeMap<String, Rate>,
    /// All calls by everybody together.
    pub everyone: Rate,
    /// How many addresses, principals and keys are told apart at a time, 1,000 to 10,000,000; some 40 bytes each.
    pub kept: u32,
    /// How often gateways tell each other what was used of the day, 100 ms to 1 min.
    #[serde(with = "humantime_serde")]
    pub share: Duration,
}

/// Calls in a time.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rate {
    /// How many, 0 to 10,000,000; 0 is no limit.
    pub calls: u32,
    /// In which time, 1 s to 1 h. They come back evenly, not all at its end.
    #[serde(with = "humantime_serde")]
    pub per: Duration,
    /// How many may come at once, 0 to 10,000,000; 0 stands for as many as `calls`.
    pub burst: u32,
}

/// Calls in a time, and in a day.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Allowance {
    /// As [`Rate::calls`].
    pub calls: u32,
    /// As [`Rate::per`].
    #[serde(with = "humantime_serde")]
    pub per: Duration,
    /// As [`Rate::burst`].
    pub burst: u32,
    /// How many from one midnight (UTC) to the next, 0 to 1,000,000,000; 0 is no limit.
    pub per_day: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            // A school behind one address is let through, a machine that hammers is not.
            address: Rate {
                calls: 30_000,
                burst: 3000,
                ..Rate::default()
            },
            loopback: false,
            proxies: Vec::new(),
            principal: Allowance::default(),
            key: Allowance::default(),
            method: Rate::default(),
            methods: BTreeMap::new(),
            everyone: Rate::default(),
            kept: 100_000,
            share: Duration::from_secs(2),
        }
    }
}

impl Default for Rate {
    fn default() -> Self {
        Self {
            calls: 0,
            per: Duration::from_secs(60),
            burst: 0,
        }
    }
}

impl Default for Allowance {
    fn default() -> Self {
        let Rate { calls, per, burst } = Rate::default();
        Self {
            calls,
            per,
            burst,
            per_day: 0,
        }
    }
}

impl Limits {
    pub(super) fn check(&self, rules: &mut Rules<'_>) {
        self.address.check("address", rules);
        if self.proxies.len() > PROXIES {
            rules.broken("proxies", format!("must be at most {PROXIES}"));
        }
        for proxy in &self.proxies {
            if let Err(error) = proxy.parse::<Network>() {
                rules.broken("proxies", format!("\"{proxy}\" {error}"));
            }
        }
        self.principal.check("principal", rules);
        self.key.check("key", rules);
        self.method.check("method", rules);
        self.everyone.check("everyone", rules);
        if self.methods.len() > METHODS {
            rules.broken("methods", format!("must be at most {METHODS}"));
        }
        for (method, rate) in &self.methods {
            let key = format!("methods.\"{method}\"");
            if !is_method(method) {
                rules.broken(&key, "is no name of a method, as package.Service/Method");
            }
            rate.check(&key, rules);
        }
        rules.count("kept", self.kept, 1000, 10_000_000);
        rules.time("share", self.share, "100ms", "1m");
    }
}

impl Rate {
    fn check(&self, key: &str, rules: &mut Rules<'_>) {
        rules.count(&format!("{key}.calls"), self.calls, 0, 10_000_000);
        rules.time(&format!("{key}.per"), self.per, "1s", "1h");
        rules.count(&format!("{key}.burst"), self.burst, 0, 10_000_000);
    }
}

impl Allowance {
    fn check(&self, key: &str, rules: &mut Rules<'_>) {
        self.rate().check(key, rules);
        rules.count(&format!("{key}.per_day"), self.per_day, 0, 1_000_000_000);
    }

    /// The part of it that is not about days.
    #[must_use]
    pub fn rate(&self) -> Rate {
        Rate {
            calls: self.calls,
            per: self.per,
            burst: self.burst,
        }
    }
}

impl Limits {
    /// [`Limits::proxies`], read.
    #[must_use]
    pub fn proxies(&self) -> Vec<Network> {
        self.proxies.iter().filter_map(|proxy| proxy.parse().ok()).collect()
    }
}

fn is_method(name: &str) -> bool {
    let word = |word: &str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    name.split_once('/')
        .is_some_and(|(service, method)| service.split('.').all(word) && word(method))
}
