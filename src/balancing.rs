//! Balancing: which instance answers the next call.
//!
//! **What.** Health-weighted power of two choices: two instances are drawn in proportion to their weights, and the one
//! with the lower score gets the call; when both are worse than usual, more are drawn. The score is the latency that is
//! expected times what is in flight, relative to the weight, and far worse for an instance that fails more than its pool
//! does: an instance that fails fast must not look attractive. One that only fails is ejected for a while.
//!
//! ```text
//! score = L · (1 + (q + c) · w̄/w) · (1 + 100 · max(0, f − f_median − 0.02))
//! L     = m + (ewma − m) · e^(−Δt/10 s),   m = the pool's median;   below 2 m: L = m;   if stall > 2 L then L = 2 · stall
//! q     = calls in flight + 0.5 · U,       U = the load that the server reports
//! c     = what is usually in flight, 0.45 at the most: the call itself
//! f     = share of failures, moving;       w = Consul's weight × slow start × zone
//! ```
//!
//! **Why.** docs/balancing.md tells each term's reason, what failed, and how it compares in simulation.
//!
//! A pick takes no lock and allocates nothing: it reads a snapshot (alias table and endpoints) and one cache line of each
//! endpoint that it draws. What needs more is done by [`Pool::maintain`], ten times a second. The module knows no
//! transport; [`Member`] is all it asks of a connection. Time comes from the caller, so that a simulator can run the same
//! code.
//!
//! **When not.** Calls that must reach one certain instance: pin them.
//!
//! **Source.** Mitzenmacher 2001 (two choices); Finagle's latency-aware balancer; Walker's alias method in Vose's form (1991); the
//! parts name theirs.

mod alias;
mod ejection;
mod endpoint;
mod hashing;
mod micros;
mod packed;
mod pick;
mod ring;
mod score;
mod settings;
mod snapshot;
mod subset;
#[cfg(test)]
mod tests;
mod ticket;
mod upkeep;
mod utilization;
mod weight;
mod zone;

pub use endpoint::Endpoint;
pub use hashing::hash;
pub use micros::Micros;
pub use pick::{Ask, Picked};
pub use settings::{Ejection, Policy, Settings};
pub use ticket::{Outcome, Ticket};

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;

use score::Pulse;
use snapshot::Snapshot;
use upkeep::Upkeep;

/// What the balancer must know of a connection.
pub trait Member {
    /// Identifies the instance across changes of the pool: what keeps its statistics.
    fn key(&self) -> &str;
    /// What operators call the instance.
    fn id(&self) -> &str {
        self.key()
    }
    /// Whether a call could be sent right now. Asked for each draw: a load of an atomic, at the most.
    fn is_ready(&self) -> bool;
}

/// What discovery says of an instance.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Its share relative to the others; 0 leaves it out of picks.
    pub weight: u32,
    /// Whether it is in this process's zone.
    pub same_zone: bool,
}

/// The instances of one callee.
#[derive(Debug)]
pub struct Pool<M> {
    snapshot: ArcSwap<Snapshot<M>>,
    pulse: Arc<Pulse>,
    turn: Turn,
    /// Seeds this process's subset.
    identity: u64,
    upkeep: Mutex<Upkeep>,
}

/// Whose turn it is, for round robin.
#[derive(Debug, Default)]
#[repr(align(64))]
struct Turn(AtomicU64);

impl<M> Default for Pool<M> {
    fn default() -> Self {
        Self::new(Settings::default(), 0)
    }
}

impl<M> Pool<M> {
    /// An empty pool. `identity` is a [`hash()`] of what tells this process from its siblings: it decides their subsets,
    /// and where each begins its turns.
    #[must_use]
    pub fn new(settings: Settings, identity: u64) -> Self {
        let pulse = Arc::<Pulse>::default();
        pulse.traffic.count(settings.affinity.is_some());
        Self {
            snapshot: ArcSwap::default(),
            pulse,
            turn: Turn(AtomicU64::new(identity >> 1)),
            identity,
            upkeep: Mutex::new(Upkeep::new(settings)),
        }
    }

    /// Everybody in the pool, for reports.
    #[must_use]
    pub fn endpoints(&self) -> Vec<Arc<Endpoint<M>>> {
        self.snapshot.load().endpoints.clone()
    }

    /// Whether nobody could be picked, ready or not.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.snapshot
            .load()
            .endpoints
            .iter()
            .all(|endpoint| endpoint.weight() == 0)
    }
}
