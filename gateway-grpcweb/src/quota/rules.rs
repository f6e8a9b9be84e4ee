//! The limits that hold at a time, as a call is checked against them.
//!
//! With no limit that concerns a caller a check is a few comparisons: neither a clock is read nor anything allocated.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv6Addr};
use std::num::NonZeroU32;
use std::sync::OnceLock;
use std::time::Duration;

use governor::RateLimiter;
use governor::clock::Clock;
use governor::middleware::StateInformationMiddleware;
use http::{HeaderMap, HeaderValue};
use lyceum::error::Error as Refusal;
use lyceum::policy::{Limits, Network, Rate};
use tokio::time::Instant;

use super::day::Day;
use super::kept::{Kept, Since};
use super::standing::{Left, Standing, exceeded, seconds};
use super::{Counts, Of, origin};
use crate::guard::Denied;

/// How long a day is in a header.
const DAY: u64 = 24 * 3600;

/// Everything that may be in `RateLimit-Policy` of an answer; the bits of [`Standing`].
const OWN: [Of; 5] = [Of::Address, Of::Principal, Of::Key, Of::PrincipalDay, Of::KeyDay];

/// The limits of one gateway.
#[derive(Debug)]
pub(crate) struct Rules {
    address: Option<Limiter>,
    loopback: bool,
    proxies: Vec<Network>,
    principal: Option<Limiter>,
    key: Option<Limiter>,
    method: Option<Limiter>,
    methods: HashMap<String, Option<Limiter>>,
    everyone: Option<Limiter>,
    per_day: [u32; 2],
    policies: [OnceLock<HeaderValue>; 128],
    counts: Counts,
    pub(super) share: Duration,
}

/// One limit.
#[derive(Debug)]
struct Limiter {
    of: Of,
    rate: RateLimiter<u64, Since, Elapsed, StateInformationMiddleware>,
    calls: u32,
    burst: u32,
    per: Duration,
}

/// The time since a limiter began.
#[derive(Clone, Debug)]
struct Elapsed(Instant);

impl Clock for Elapsed {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

// === impl Rules ===

impl Rules {
    /// One gateway's share of the limits of all `gateways`.
    pub(super) fn new(limits: &Limits, gateways: u32, counts: Counts) -> Self {
        let callers = |of, rate: &Rate| Limiter::new(of, rate, gateways, &counts.callers);
        let shared = |of, rate: &Rate| Limiter::new(of, rate, gateways, &counts.shared);
        Self {
            address: callers(Of::Address, &limits.address),
            loopback: limits.loopback,
            proxies: limits.proxies(),
            principal: callers(Of::Principal, &limits.principal.rate()),
            key: callers(Of::Key, &limits.key.rate()),
            method: shared(Of::Method, &limits.method),
            methods: limits
                .methods
                .iter()
                .map(|(name, rate)| (name.clone(), shared(Of::Method, rate)))
                .collect(),
            everyone: shared(Of::Everyone, &limits.everyone),
            per_day: [limits.principal.per_day, limits.key.per_day],
            policies: [const { OnceLock::new() }; 128],
            share: limits.share,
            counts,
        }
    }

    /// Counts a call of an address, before anybody asks who is calling.
    ///
    /// # Errors
    /// One too many.
    pub(crate) fn arrive(&self, peer: IpAddr, headers: &HeaderMap, standing: &mut Standing) -> Result<(), Box<Denied>> {
        let Some(limiter) = &self.address else { return Ok(()) };
        let address = origin::of(peer, headers, &self.proxies);
        if address.is_loopback() && !self.loopback {
            return Ok(());
        }
        standing.saw(self.take(limiter, self.counts.name(Of::Address, network(address)))?);
        Ok(())
    }

    /// Counts a call of a method by whoever is calling.
    ///
    /// # Errors
    /// One too many.
    pub(crate) fn call(
        &self,
        principal: Option<&str>,
        key: Option<&str>,
        method: &str,
        standing: &mut Standing,
    ) -> Result<(), Box<Denied>> {
        let callers = [
            (Of::Key, Of::KeyDay, key, &self.key, self.per_day[1]),
            (
                Of::Principal,
                Of::PrincipalDay,
                principal,
                &self.principal,
                self.per_day[0],
            ),
        ];
        for (of, _, who, limiter, _) in &callers {
            if let (Some(who), Some(limiter)) = (who, limiter) {
                standing.saw(self.take(limiter, self.counts.name(*of, who))?);
            }
        }
        let of_method = self.methods.get(method).map_or(self.method.as_ref(), Option::as_ref);
        if let Some(limiter) = of_method {
            self.take(limiter, self.counts.name(Of::Method, method))?;
        }
        if let Some(limiter) = &self.everyone {
            self.take(limiter, self.counts.name(Of::Everyone, ()))?;
        }
        // Last, as what was taken of a day does not come back by itself.
        for (_, of, who, _, per_day) in callers {
            if let (Some(who), 1..) = (who, per_day) {
                standing.saw(self.spend(of, who, per_day)?);
            }
        }
        Ok(())
    }

    /// `RateLimit-Policy` of an answer for which these limits were looked at.
    pub(super) fn policy(&self, seen: u8) -> HeaderValue {
        let made = || {
            let mut text = String::new();
            for of in OWN.into_iter().filter(|of| seen & (1 << *of as u8) != 0) {
                let (calls, per) = match of {
                    Of::PrincipalDay => (self.per_day[0], DAY),
                    Of::KeyDay => (self.per_day[1], DAY),
                    _ => self
                        .limiter(of)
                        .map(|limiter| (limiter.calls, limiter.per.as_secs()))
                        .unwrap_or_default(),
                };
                let comma = if text.is_empty() { "" } else { ", " };
                // Writing to a string cannot fail.
                let _ = write!(text, "{comma}\"{}\";q={calls};w={per}", of.name());
            }
            HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""))
        };
        self.policies[usize::from(seen) % self.policies.len()]
            .get_or_init(made)
            .clone()
    }

    /// Whether anything is counted by the day.
    pub(super) fn has_days(&self) -> bool {
        self.per_day != [0, 0]
    }

    fn limiter(&self, of: Of) -> Option<&Limiter> {
        match of {
            Of::Address => self.address.as_ref(),
            Of::Principal => self.principal.as_ref(),
            Of::Key => self.key.as_ref(),
            _ => None,
        }
    }

    fn take(&self, limiter: &Limiter, caller: u64) -> Result<Left, Box<Denied>> {
        let not_until = match limiter.rate.check_key(&caller) {
            Ok(state) => {
                let left = state.remaining_burst_capacity();
                let back = limiter.per / limiter.calls.max(1) * limiter.burst.saturating_sub(left);
                return Ok(Left {
                    of: limiter.of,
                    calls: left.into(),
                    whole: limiter.burst.into(),
                    back,
                });
            }
            Err(not_until) => not_until,
        };
        let wait = not_until.wait_time_from(limiter.rate.clock().now());
        let (of, calls, per) = (limiter.of, limiter.calls, seconds(limiter.per));
        let whose = match of {
            Of::Address => "calls of one address",
            Of::Method => "calls of this method",
            Of::Everyone => "calls",
            _ => "calls of one caller",
        };
        let message = format!(
            "the gateway takes {calls} {whose} in {per} s; call again in {} s, and more slowly",
            seconds(wait).max(1)
        );
        let policy = HeaderValue::try_from(format!("\"{}\";q={calls};w={per}", of.name()))
            .unwrap_or(HeaderValue::from_static(""));
        Err(exceeded(Refusal::exhausted("RATE_LIMITED", message), of, policy, wait))
    }

    fn spend(&self, of: Of, who: &str, per_day: u32) -> Result<Left, Box<Denied>> {
        let (day, rest) = Day::now();
        match self
            .counts
            .days
            .spend(day, of, who, self.counts.name(of, who), per_day.into())
        {
            Some(left) => Ok(Left {
                of,
                calls: left,
                whole: per_day.into(),
                back: rest,
            }),
            None => {
                let message = format!("all {per_day} calls of today are used; there are new ones after midnight (UTC)");
                let policy = self.policy(1 << of as u8);
                Err(exceeded(Refusal::exhausted("QUOTA_SPENT", message), of, policy, rest))
            }
        }
    }
}

// === impl Limiter ===

impl Limiter {
    fn new(of: Of, rate: &Rate, gateways: u32, kept: &std::sync::Arc<Kept>) -> Option<Self> {
        if rate.calls == 0 {
            return None;
        }
        let whole = NonZeroU32::new(gateways).unwrap_or(NonZeroU32::MIN);
        let burst = if rate.burst == 0 { rate.calls } else { rate.burst };
        let burst = NonZeroU32::new(burst / whole).unwrap_or(NonZeroU32::MIN);
        let quota = governor::Quota::with_period(rate.per * whole.get() / rate.calls)?.allow_burst(burst);
        let start = Instant::now();
        Some(Self {
            of,
            rate: RateLimiter::new(quota, kept.since(start), Elapsed(start)),
            // What this gateway grants is what its headers say.
            calls: (rate.calls / whole).max(1),
            burst: burst.get(),
            per: rate.per,
        })
    }
}

/// What counts as one address: of IPv6 its /64, as whoever has one address there has them all.
fn network(address: IpAddr) -> IpAddr {
    match address {
        IpAddr::V4(_) => address,
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
    }
}
