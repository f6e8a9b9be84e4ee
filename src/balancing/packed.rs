//! A decaying value and the time it was set, packed into one atomic word: read and written without a lock.
//!
//! Decay is exponential. It is computed by a parabola between powers of two, within 0.3 % of the true value, as a pick
//! needs up to eight of them, and the library's would take longer than the rest of the pick.

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

    /// The value as it was set, and the share of influence that it still has.
    #[inline]
    pub(super) fn faded(&self, now: Micros, memory: Memory) -> (f32, f32) {
        let (value, set) = Self::unpack(self.0.load(Ordering::Relaxed));
        (value, memory.kept(now, set))
    }

    /// Replaces the value by what `next` makes of it and of the share of influence that it still has.
    pub(super) fn update(&self, now: Micros, memory: Memory, next: impl Fn(f32, f32) -> f32) {
        let mut word = self.0.load(Ordering::Relaxed);
        loop {
            let (value, set) = Self::unpack(word);
            let new = Self::pack(next(value, memory.kept(now, set)), now.millis());
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

/// How fast something is forgotten.
#[derive(Clone, Copy, Debug)]
pub(super) struct Memory {
    halvings_per_milli: f32,
}

impl Memory {
    /// Influence falls to 1/e in this time.
    pub(super) const fn of_millis(millis: f32) -> Self {
        Self {
            halvings_per_milli: std::f32::consts::LOG2_E / millis,
        }
    }

    /// e^(−Δt / memory). A time that went backwards counts as no time.
    #[inline]
    fn kept(self, now: Micros, set: u32) -> f32 {
        let passed = now.millis().wrapping_sub(set);
        if passed > u32::MAX / 2 {
            1.0
        } else {
            halved(passed as f32 * self.halvings_per_milli)
        }
    }
}

/// 2^(−x) for x ≥ 0: exact at whole numbers, a parabola between them.
#[inline]
pub(super) fn halved(x: f32) -> f32 {
    if x >= 30.0 {
        return 0.0;
    }
    let whole = x as u32;
    let rest = x - whole as f32;
    let fraction = 1.0 + rest * (-0.671_57 + rest * 0.171_57);
    f32::from_bits(fraction.to_bits() - (whole << 23))
}
