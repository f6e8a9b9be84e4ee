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
    pub(super) fn new(weights: &[u32]) -> Self {
        let total: u64 = weights.iter().map(|weight| u64::from(*weight)).sum();
        if total == 0 {
            return Self::default();
        }
        let count = weights.len() as f64;
        let mut shares: Vec<f64> = weights
            .iter()
            .map(|weight| f64::from(*weight) * count / total as f64)
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
            let itself = if weights[index as usize] > 0 {
                index
            } else {
                heaviest(weights)
            };
            slots[index as usize] = (if itself == index { u32::MAX } else { 0 }, itself);
        }
        Self { slots }
    }

    pub(super) fn draw(&self, rng: &mut Rng) -> Option<usize> {
        if self.slots.is_empty() {
            return None;
        }
        let slot = rng.usize(..self.slots.len());
        let (threshold, other) = self.slots[slot];
        Some(if rng.u32(..) < threshold { slot } else { other as usize })
    }
}

fn heaviest(weights: &[u32]) -> u32 {
    (0..weights.len() as u32)
        .max_by_key(|index| weights[*index as usize])
        .unwrap_or(0)
}
