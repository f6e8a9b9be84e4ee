//! The alias table: a draw in proportion to weights in constant time.
//!
//! Source: Walker 1977, built in O(n) as Vose 1991 has it.

use fastrand::Rng;

/// A table over the indices of the weights it was built from.
#[derive(Debug, Default)]
pub(super) struct Alias {
    /// For each slot: below the threshold its own index, above it the other.
    slots: Vec<(u32, u32)>,
}

impl Alias {
    /// Indices with weight 0 are never drawn. O(n).
    pub(super) fn new(weights: &[f32]) -> Self {
        let total: f64 = weights.iter().map(|weight| f64::from(*weight)).sum();
        if total <= 0.0 {
            return Self::default();
        }
        let count = weights.len() as f64;
        let mut shares: Vec<f64> = weights
            .iter()
            .map(|weight| f64::from(*weight) * count / total)
            .collect();
        let (mut small, mut large): (Vec<u32>, Vec<u32>) =
            (0..weights.len() as u32).partition(|index| shares[*index as usize] < 1.0);
        let mut slots = vec![(0, 0); weights.len()];
        while let (Some(poor), Some(rich)) = (small.last().copied(), large.last().copied()) {
            small.pop();
            slots[poor as usize] = ((shares[poor as usize] * f64::from(u32::MAX)) as u32, rich);
            shares[rich as usize] -= 1.0 - shares[poor as usize];
            if shares[rich as usize] < 1.0 {
                large.pop();
                small.push(rich);
            }
        }
        // What rounding left over is a full slot, unless it never had a weight.
        for index in large.into_iter().chain(small) {
            let itself = if weights[index as usize] > 0.0 {
                index
            } else {
                heaviest(weights)
            };
            slots[index as usize] = (if itself == index { u32::MAX } else { 0 }, itself);
        }
        Self { slots }
    }

    /// An index at random.
    #[inline]
    pub(super) fn draw(&self, rng: &mut Rng) -> Option<usize> {
        // One number serves both: its high half chooses the slot, its low half the side.
        let bits = rng.u64(..);
        let slot = ((bits >> 32) * self.slots.len() as u64) >> 32;
        self.side(slot as usize, bits as u32)
    }

    /// The index of a turn. Turns of equal weights go round in order; otherwise each has its share of any longer run.
    pub(super) fn turn(&self, turn: u64) -> Option<usize> {
        let count = self.slots.len().max(1) as u64;
        // Multiples of the golden ratio fill the unit interval evenly, whenever one stops.
        let round = (turn / count).wrapping_mul(0x9e37_79b9);
        self.side((turn % count) as usize, round as u32)
    }

    #[inline]
    fn side(&self, slot: usize, place: u32) -> Option<usize> {
        let (threshold, other) = *self.slots.get(slot)?;
        // A full slot has the highest threshold.
        Some(if place <= threshold && threshold > 0 {
            slot
        } else {
            other as usize
        })
    }
}

fn heaviest(weights: &[f32]) -> u32 {
    (0..weights.len() as u32)
        .max_by(|one, other| weights[*one as usize].total_cmp(&weights[*other as usize]))
        .unwrap_or(0)
}
