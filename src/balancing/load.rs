//! A decaying value and the time it was set, packed into one atomic word: read and written without a lock.

use std::sync::atomic::{AtomicU64, Ordering};

/// Microseconds since an epoch of the caller's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Micros(pub u64);

impl Micros {
    /// Milliseconds, wrapping after 49 days; differences stay right.
    fn millis(self) -> u32 {
        (self.0 / 1000) as u32
    }
}

/// Half the influence of a value is gone after about seven seconds.
const DECAY_MILLIS: f32 = 10_000.0;

/// An `f32` and the millisecond it was set at.
#[derive(Debug, Default)]
pub(super) struct Packed(AtomicU64);

impl Packed {
    fn unpack(word: u64) -> (f32, u32) {
        (f32::from_bits((word >> 32) as u32), word as u32)
    }

    fn pack(value: f32, millis: u32) -> u64 {
        (u64::from(value.to_bits()) << 32) | u64::from(millis)
    }

    /// The value as it was set.
    pub(super) fn value(&self) -> f32 {
        Self::unpack(self.0.load(Ordering::Relaxed)).0
    }

    pub(super) fn set(&self, value: f32, now: Micros) {
        self.0.store(Self::pack(value, now.millis()), Ordering::Relaxed);
    }

    /// The value drawn towards `rest` by the time since it was set.
    pub(super) fn decayed(&self, now: Micros, rest: f32) -> f32 {
        let (value, set) = Self::unpack(self.0.load(Ordering::Relaxed));
        rest + (value - rest) * keep(now, set)
    }

    /// Replaces the value by what `next` makes of it and of the share of influence that it still has.
    pub(super) fn update(&self, now: Micros, next: impl Fn(f32, f32) -> f32) {
        let mut word = self.0.load(Ordering::Relaxed);
        loop {
            let (value, set) = Self::unpack(word);
            let new = Self::pack(next(value, keep(now, set)), now.millis());
            match self
                .0
                .compare_exchange_weak(word, new, Ordering::Relaxed, Ordering::Relaxed)
            {
                Ok(_) => return,
                Err(current) => word = current,
            }
        }
    }
}

/// e^(−Δt / 10 s). A time that went backwards counts as no time.
fn keep(now: Micros, set: u32) -> f32 {
    let passed = now.millis().wrapping_sub(set);
    if passed == 0 || passed > u32::MAX / 2 {
        1.0
    } else {
        (-(passed as f32) / DECAY_MILLIS).exp()
    }
}
