//! How often the gateway may be called: by an address, a principal, an API key, of a method, by everybody, in a day.
//!
//! ```text
//! policy `gateway` ─┐                       ┌─ kept   until when each caller has used up its calls (GCRA)
//! live gateways ────┴─▶ rules ─▶ check ─────┤
//!                                           └─ ledger what was used of the day ⇄ Consul, in batches
//! ```
//!
//! **What.** [`Quota::rules`] are the limits that hold now; each call is checked against its address before anybody asks
//! who is calling, and against the rest after. The narrowest limit comes first, so that one caller's flood is not counted
//! against everybody. What a caller has left is told in `RateLimit` headers.
//!
//! **Why.** Rates are counted here alone, each gateway taking its share of the limit: no call waits for a network, and
//! Consul or Redis would have to be written to with every call. Days are longer than gateways live, so those are
//! counted together in Consul, a batch at a time.
//!
//! **When not.** How many calls an *instance* takes at a time is its own admission; who may call at all is access.
//!
//! **Source.** The generic cell rate algorithm (crate `governor`); draft-ietf-httpapi-ratelimit-headers-10.

mod day;
mod following;
mod kept;
mod ledger;
mod origin;
mod rules;
mod standing;

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use lyceum::policy::Limits;

pub(crate) use rules::Rules;
pub(crate) use standing::{Standing, Together};

use kept::Kept;
use ledger::Ledger;

/// The limits that hold, and what was used of them.
#[derive(Debug)]
pub(crate) struct Quota {
    current: ArcSwap<Rules>,
    counts: Counts,
}

/// What was used; it outlives every change of a limit. Clones share it.
#[derive(Clone, Debug)]
struct Counts {
    /// Callers are known by a number that is drawn anew in each process.
    names: RandomState,
    callers: Arc<Kept>,
    /// Methods and everybody: few, and never crowded out by callers.
    shared: Arc<Kept>,
    days: Arc<Ledger>,
}

/// Who or what is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Of {
    Address,
    Principal,
    Key,
    Method,
    Everyone,
    PrincipalDay,
    KeyDay,
}

// === impl Quota ===

impl Quota {
    /// The limits of a gateway that is alone, until [`Quota::follow`] knows better.
    pub(crate) fn new(limits: &Limits) -> Self {
        let counts = Counts {
            names: RandomState::new(),
            callers: Arc::new(Kept::new(limits.kept as usize)),
            shared: Arc::new(Kept::new(usize::MAX)),
            days: Arc::default(),
        };
        Self {
            current: ArcSwap::from_pointee(Rules::new(limits, 1, counts.clone())),
            counts,
        }
    }

    /// What holds now, without a lock.
    pub(crate) fn rules(&self) -> Guard<Arc<Rules>> {
        self.current.load()
    }

    fn change(&self, limits: &Limits, gateways: u32) {
        self.counts.callers.limit(limits.kept as usize);
        self.current
            .store(Arc::new(Rules::new(limits, gateways, self.counts.clone())));
    }
}

impl Counts {
    fn name(&self, of: Of, who: impl std::hash::Hash) -> u64 {
        self.names.hash_one((of, who))
    }
}

impl Of {
    /// As headers and errors call it.
    const fn name(self) -> &'static str {
        match self {
            Self::Address => "address",
            Self::Principal => "principal",
            Self::Key => "key",
            Self::Method => "method",
            Self::Everyone => "everyone",
            Self::PrincipalDay => "principal-day",
            Self::KeyDay => "key-day",
        }
    }
}

#[cfg(test)]
mod tests;
