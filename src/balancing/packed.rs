//! A decaying value and the time it was set, packed into one atomic word: read and written without a lock.
//!
//! Decay is exponential. It is computed by a parabola between powers of two, within 0.3 % of the true value, as a pick
//! needs four of them and the library's takes longer than the rest of the score.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::Micros;

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

    /// The value as it was set, and the share of influence that it still has when it fades over so many milliseconds.
    pub(super) fn faded(&self, now: Micros, over: f32) -> (f32, f32) {
        let (value, set) = Self::unpack(self.0.load(Ordering::Relaxed));
        (value, kept(now, set, over))
    }

    /// Replaces the value by what `next` makes of it and of the share of influence that it still has.
    pub(super) fn update(&self, now: Micros, over: f32, next: impl Fn(f32, f32) -> f32) {
        let mut word = self.0.load(Ordering::Relaxed);
        loop {
            let (value, set) = Self::unpack(word);
            let new = Self::pack(next(value, kept(now, set, over)), now.millis());
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

/// An `f32` that is read and written without a lock.
#[derive(Debug, Default)]
pub(super) struct Float(AtomicU32);

impl Float {
    pub(super) fn get(&self) -> f32 {
        f32::from_bits(self.0.load(Ordering::Relaxed))
    }

    pub(super) fn set(&self, value: f32) {
        self.0.store(value.to_bits(), Ordering::Relaxed);
    }
}

/// e^(−Δt / over). A time that went backwards counts as no time.
fn kept(now: Micros, set: u32, over: f32) -> f32 {
    let passed = now.millis().wrapping_sub(set);
    if passed > u32::MAX / 2 {
        1.0
    } else {
        fade(passed as f32 / over)
    }
}

/// e^(−x) for x ≥ 0: exact at powers of two, a parabola between them.
pub(super) fn fade(x: f32) -> f32 {
    let halvings = x * std::f32::consts::LOG2_E;
    if halvings >= 30.0 {
        return 0.0;
    }
    let whole = halvings as u32;
    let rest = halvings - whole as f32;
    let fraction = 1.0 + rest * (-0.671_57 + rest * 0.171_57);
    f32::from_bits(fraction.to_bits() - (whole << 23))
}
