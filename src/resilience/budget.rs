//! The retry budget: how much may be sent a second time, so that retries never become the load.
//!
//! Every call deposits, every retry and hedge withdraws. Over the last ten slots of the window there are never more
//! withdrawals than a share of the calls, or than the floor where calls are few, and the same holds of the last two
//! slots: what ten calm seconds have saved up is not spent in the first second of an outage. With the defaults a callee
//! never gets more than 1.2 times the load, however much of it fails.
//!
//! The meaning is that of tower's `TpsBudget`; the code is not, because that takes a lock and reads the clock at each
//! deposit, which is each call, and because it adds the floor to the share, which lets a storm of a busy caller exceed
//! the share. When not: a request that was never sent costs the callee nothing and is charged nothing.
//! Source: Finagle's `RetryBudget`; "Site Reliability Engineering", chapter 21.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::balancing::Micros;
use crate::policy;

const SLOTS: u64 = 10;
/// Slots that are looked at by themselves too.
const RECENT: u64 = 2;

/// What one callee's calls and retries add up to.
#[derive(Debug, Default)]
pub struct Budget {
    calls: Ring,
    retries: Ring,
}

/// What a budget looks like from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Report {
    /// Calls in the window.
    pub calls: u64,
    /// Retries and hedges in the window.
    pub retries: u64,
    /// How many there may be.
    pub allowed: u64,
}

/// Counts by slot. A slot is one word: which slot of all time it counts for, and the count.
#[derive(Debug, Default)]
struct Ring([AtomicU64; SLOTS as usize]);

// === impl Budget ===

impl Budget {
    /// Takes note of a call.
    pub fn deposit(&self, now: Micros, settings: &policy::Budget) {
        self.calls.add(slot(now, settings));
    }

    /// Whether one more may be sent; if so it is charged.
    #[must_use]
    pub fn withdraw(&self, now: Micros, settings: &policy::Budget) -> bool {
        let slot = slot(now, settings);
        // Charged before it is allowed: of two at once for the last place, neither may slip through.
        self.retries.add(slot);
        let calls = self.calls.sum(slot, SLOTS);
        // Calls may last long: those of the whole window count too, as if they had come evenly.
        let recent = self.calls.sum(slot, RECENT).max(calls * RECENT / SLOTS);
        if self.retries.sum(slot, SLOTS) <= allowed(calls, SLOTS, settings)
            && self.retries.sum(slot, RECENT) <= allowed(recent, RECENT, settings)
        {
            return true;
        }
        self.retries.take_back(slot);
        false
    }

    /// What it looks like now.
    #[must_use]
    pub fn report(&self, now: Micros, settings: &policy::Budget) -> Report {
        let slot = slot(now, settings);
        let calls = self.calls.sum(slot, SLOTS);
        Report {
            calls,
            retries: self.retries.sum(slot, SLOTS),
            allowed: allowed(calls, SLOTS, settings),
        }
    }
}

/// How many retries so many calls within so many slots allow.
fn allowed(calls: u64, slots: u64, settings: &policy::Budget) -> u64 {
    let time = settings.window.as_secs_f64() * slots as f64 / SLOTS as f64;
    let floor = time * f64::from(settings.floor);
    // A count of calls in a minute is far from where a float loses whole numbers.
    (settings.share * calls as f64).max(floor) as u64
}

fn slot(now: Micros, settings: &policy::Budget) -> u32 {
    let window = settings.window.as_secs() * 1_000_000 + u64::from(settings.window.subsec_micros());
    // Wraps after decades, or whenever the window is changed; then the window begins anew.
    (now.0 / (window / SLOTS).max(1)) as u32
}

// === impl Ring ===

impl Ring {
    fn place(&self, slot: u32) -> &AtomicU64 {
        &self.0[(u64::from(slot) % SLOTS) as usize]
    }

    fn add(&self, slot: u32) {
        let place = self.place(slot);
        let word = place.load(Relaxed);
        if unpack(word).0 == slot && unpack(word).1 < u32::MAX / 2 {
            // The slot may be reused in between; then this counts a window later, which errs by one.
            place.fetch_add(1, Relaxed);
        } else {
            let _ = place.fetch_update(Relaxed, Relaxed, |word| match unpack(word) {
                (known, count) if known == slot => Some(pack(slot, count.saturating_add(1))),
                _ => Some(pack(slot, 1)),
            });
        }
    }

    fn take_back(&self, slot: u32) {
        let _ = self.place(slot).fetch_update(Relaxed, Relaxed, |word| {
            let (known, count) = unpack(word);
            (known == slot).then(|| pack(slot, count.saturating_sub(1)))
        });
    }

    /// The last `slots` slots together.
    fn sum(&self, slot: u32, slots: u64) -> u64 {
        let counts = self.0.iter().map(|place| unpack(place.load(Relaxed)));
        counts
            .filter(|(known, _)| u64::from(slot.wrapping_sub(*known)) < slots)
            .map(|(_, count)| u64::from(count))
            .sum()
    }
}

fn pack(slot: u32, count: u32) -> u64 {
    (u64::from(slot) << 32) | u64::from(count)
}

fn unpack(word: u64) -> (u32, u32) {
    ((word >> 32) as u32, word as u32)
}

#[cfg(test)]
mod tests;
