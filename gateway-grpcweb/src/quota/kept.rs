//! Until when each caller has used up its calls: one number a caller, for a bounded number of callers.
//!
//! **What.** The state behind the limiters: [`Kept`] has the absolute time of GCRA's "theoretical arrival", so that
//! limits can change above it; [`Since`] is a limiter's view of it.
//!
//! **Why ours.** The stores that come with `governor` grow with whoever calls. Here callers whose calls have all come
//! back are forgotten where room is needed, which changes nothing for them; if there is still no room, newcomers of that
//! shard share one allowance, so that a flood of addresses neither fills the memory nor shuts out who was there before.
//! A known caller costs a shared lock of one of 64 shards and one compare-and-swap.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use governor::nanos::Nanos;
use governor::state::StateStore;
use tokio::time::Instant;

const SHARDS: usize = 64;

/// How often a full shard is looked through for callers to forget.
const SWEEP: u64 = 1_000_000_000;

/// Arrival times by caller.
#[derive(Debug)]
pub(super) struct Kept {
    epoch: Instant,
    /// Callers that a shard has room for.
    room: AtomicUsize,
    shards: Box<[Shard]>,
}

#[derive(Debug, Default)]
struct Shard {
    known: RwLock<HashMap<u64, AtomicU64, BuildHasherDefault<AsItIs>>>,
    /// What everybody shares for whom there is no room.
    others: AtomicU64,
    swept: AtomicU64,
}

/// [`Kept`] as a limiter that began later sees it.
#[derive(Clone, Debug)]
pub(super) struct Since {
    kept: Arc<Kept>,
    offset: u64,
}

/// A hasher for numbers that are hashes already.
#[derive(Debug, Default)]
struct AsItIs(u64);

// === impl Kept ===

impl Kept {
    /// Room for this many callers.
    pub(super) fn new(callers: usize) -> Self {
        let kept = Self {
            epoch: Instant::now(),
            room: AtomicUsize::new(0),
            shards: (0..SHARDS).map(|_| Shard::default()).collect(),
        };
        kept.limit(callers);
        kept
    }

    /// Room for another number of callers; those that are there stay.
    pub(super) fn limit(&self, callers: usize) {
        self.room.store(callers.div_ceil(SHARDS), Ordering::Relaxed);
    }

    /// The same for a limiter that begins at `start`.
    pub(super) fn since(self: &Arc<Self>, start: Instant) -> Since {
        Since {
            kept: Arc::clone(self),
            offset: nanoseconds(start.saturating_duration_since(self.epoch)),
        }
    }

    fn with<R>(&self, caller: u64, use_it: impl Fn(&AtomicU64) -> R) -> R {
        let shard = &self.shards[(caller >> 58) as usize % SHARDS];
        if let Some(until) = shard.known.read().unwrap_or_else(PoisonError::into_inner).get(&caller) {
            return use_it(until);
        }
        let mut known = shard.known.write().unwrap_or_else(PoisonError::into_inner);
        let room = self.room.load(Ordering::Relaxed);
        if known.len() >= room && !known.contains_key(&caller) {
            let now = nanoseconds(self.epoch.elapsed());
            let swept = shard.swept.load(Ordering::Relaxed);
            if swept == 0 || now >= swept + SWEEP {
                shard.swept.store(now.max(1), Ordering::Relaxed);
                known.retain(|_, until| *until.get_mut() > now);
            }
            if known.len() >= room {
                drop(known);
                return use_it(&shard.others);
            }
        }
        use_it(known.entry(caller).or_default())
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.known.read().unwrap().len()).sum()
    }
}

fn nanoseconds(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

// === impl Since ===

impl StateStore for Since {
    type Key = u64;

    fn measure_and_replace<T, F, E>(&self, caller: &u64, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        self.kept.with(*caller, |until| {
            let mut before = until.load(Ordering::Acquire);
            loop {
                // What lies before the limiter's beginning has come back long ago.
                let seen = before.checked_sub(self.offset).filter(|_| before > 0);
                let (outcome, next) = decide(seen.map(Nanos::from))?;
                let after = self.offset.saturating_add(next.as_u64());
                match until.compare_exchange_weak(before, after, Ordering::Release, Ordering::Relaxed) {
                    Ok(_) => return Ok(outcome),
                    Err(now) => before = now,
                }
            }
        })
    }
}

// === impl AsItIs ===

impl Hasher for AsItIs {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(*byte);
        }
    }

    fn write_u64(&mut self, number: u64) {
        // The upper bits chose the shard; the map wants its upper bits to differ.
        self.0 = number.rotate_left(6);
    }
}
