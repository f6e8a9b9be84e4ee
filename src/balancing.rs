//! Balancing: which instance answers the next call.
//!
//! Health-weighted power of two choices: two instances are drawn in proportion to their weights (Consul's, by the
//! state that the instance reports of itself), and the one with the lower score gets the call. The score is the peak
//! latency (EWMA) times what is in flight, relative to the weight, and far worse for an instance that fails more than
//! its pool does: an instance that fails fast must not look attractive.
//!
//! ```text
//! score = L · (1 + q · w̄/w) · (1 + 100 · max(0, f − f_median − 0.02))
//! L     = m + (ewma − m) · e^(−Δt/10 s),   m = the pool's median;   if stall > 2 L then L = 2 · stall
//! q     = calls in flight,   f = share of failures, moving
//! ```
//!
//! A pick takes no lock and allocates nothing: it reads a snapshot (alias table and endpoints) and a few packed
//! atomics. The module knows no transport; [`Member`] is all it asks of a connection. Time comes from the caller, so
//! that a simulator can run the same code. When not: calls that must reach one certain instance.
//! Source: Mitzenmacher 2001 (two choices); Finagle's peak EWMA; Walker's alias method in Vose's form (1991).

mod alias;
mod endpoint;
mod load;
mod snapshot;

pub use endpoint::{Endpoint, Outcome, Ticket};
pub use load::Micros;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use arc_swap::ArcSwap;
use fastrand::Rng;

use load::Packed;
use snapshot::Snapshot;

/// What the balancer must know of a connection.
pub trait Member {
    /// Identifies the instance across changes of the pool: what keeps its statistics.
    fn key(&self) -> &str;
    /// Whether a call could be sent right now.
    fn is_ready(&self) -> bool;
}

/// How often the pool's medians are refreshed, in µs.
const MEDIAN_EVERY: u64 = 100_000;
/// How often until somebody has answered.
const MEDIAN_FIRST: u64 = 1000;
/// Draws before a pick looks at every endpoint for one that it has not tried, or takes a poor one.
const DRAWS: usize = 8;

/// The instances of one callee.
#[derive(Debug)]
pub struct Pool<M> {
    snapshot: ArcSwap<Snapshot<M>>,
    /// The pool's median latency (µs) and, in the time's place, nothing.
    latency: Packed,
    /// The pool's median share of failures.
    failure: Packed,
    refreshed: AtomicU64,
}

impl<M> Default for Pool<M> {
    fn default() -> Self {
        Self {
            snapshot: ArcSwap::from_pointee(Snapshot::new(Vec::new())),
            latency: Packed::default(),
            failure: Packed::default(),
            refreshed: AtomicU64::new(0),
        }
    }
}

impl<M: Member> Pool<M> {
    /// Replaces the members. An endpoint whose key stays keeps its statistics and its connection; `make` is called for
    /// new keys only, and may refuse one. Weights are relative; a weight of 0 leaves the endpoint out of picks. O(n).
    pub fn update<T>(
        &self,
        wanted: impl IntoIterator<Item = (u32, T)>,
        key: impl Fn(&T) -> &str,
        mut make: impl FnMut(T) -> Option<M>,
    ) {
        let known = self.snapshot.load();
        let endpoints = wanted
            .into_iter()
            .filter_map(|(weight, item)| match known.find(key(&item)) {
                Some(endpoint) => {
                    endpoint.set_weight(weight);
                    Some(Arc::clone(endpoint))
                }
                None => make(item).map(|member| Arc::new(Endpoint::new(member, weight))),
            })
            .collect();
        self.snapshot.store(Arc::new(Snapshot::new(endpoints)));
    }

    /// Everybody in the pool, for reports.
    #[must_use]
    pub fn endpoints(&self) -> Vec<Arc<Endpoint<M>>> {
        self.snapshot.load().endpoints().to_vec()
    }

    /// Whether nobody could be picked, ready or not.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.snapshot.load().weighted() == 0
    }

    /// The endpoint for the next call, avoiding `tried` where there is anybody else. An endpoint that is not ready is
    /// returned only when none is. `None`: the pool is empty.
    pub fn pick(&self, rng: &mut Rng, now: Micros, tried: &[Arc<Endpoint<M>>]) -> Option<Arc<Endpoint<M>>> {
        let snapshot = self.snapshot.load();
        self.refresh(&snapshot, now);
        let (median, failing) = (self.latency.value(), self.failure.value());
        let mean_weight = snapshot.mean_weight();
        let usable = |endpoint: &Arc<Endpoint<M>>| {
            endpoint.member().is_ready() && !tried.iter().any(|t| Arc::ptr_eq(t, endpoint))
        };
        let mut best: Option<(&Arc<Endpoint<M>>, f32)> = None;
        let mut draws = 0;
        // Two draws with replacement keep the weights; more only while the draws hit endpoints that are no choice.
        while draws < 2 || (best.is_none() && draws < DRAWS) {
            draws += 1;
            let endpoint = snapshot.draw(rng)?;
            if !usable(endpoint) {
                continue;
            }
            let score = endpoint.score(now, median, failing, mean_weight);
            if best.is_none_or(|(_, lowest)| score < lowest) {
                best = Some((endpoint, score));
            }
        }
        if let Some((endpoint, score)) = best {
            // All draws may have hit the same poor endpoint: more of them give the others a chance. It gets its own again
            // once its failures have decayed, by no more than a call or two.
            while endpoint.is_poor(now, failing) && draws < DRAWS {
                draws += 1;
                let other = snapshot.draw(rng)?;
                if usable(other) && other.score(now, median, failing, mean_weight) < score {
                    return Some(Arc::clone(other));
                }
            }
            return Some(Arc::clone(endpoint));
        }
        // Rare: look at everybody, first for one that is ready and new, then for one that is new, then for any.
        let weighted = || snapshot.endpoints().iter().filter(|endpoint| endpoint.weight() > 0);
        weighted()
            .find(|endpoint| usable(endpoint))
            .or_else(|| weighted().find(|endpoint| endpoint.member().is_ready()))
            .or_else(|| weighted().find(|endpoint| !tried.iter().any(|t| Arc::ptr_eq(t, endpoint))))
            .or_else(|| weighted().next())
            .map(Arc::clone)
    }

    /// Refreshes the medians ten times a second: by the one caller that notices, off everybody else's path.
    fn refresh(&self, snapshot: &Snapshot<M>, now: Micros) {
        let last = self.refreshed.load(Ordering::Relaxed);
        // Before the first answer there is no median, and an instance that nobody knows would look better than any.
        let every = if self.latency.value() > 0.0 {
            MEDIAN_EVERY
        } else {
            MEDIAN_FIRST
        };
        if now.0.saturating_sub(last) < every
            || self
                .refreshed
                .compare_exchange(last, now.0, Ordering::Relaxed, Ordering::Relaxed)
                .is_err()
        {
            return;
        }
        let (latency, failure) = snapshot.medians(now);
        self.latency.set(latency, now);
        self.failure.set(failure, now);
    }
}

#[cfg(test)]
mod tests;
