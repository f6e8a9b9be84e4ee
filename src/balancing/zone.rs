//! Zones: instances of the caller's own zone are preferred by a factor, as long as that does not harm.
//!
//! The factor is bounded by how small the own zone is: no instance gets more than [`MOST`] times its fair share because
//! of where it is. It falls quickly when the own zone answers worse than the others, and comes back slowly.
//! Source: the idea is Envoy's zone-aware routing; the feedback instead of its fixed rules is ours.

/// How much more than its fair share an instance gets at most.
const MOST: f32 = 2.5;
/// The own zone is poor when its cost is that many times the others',
const POOR: f32 = 1.5;
/// and well again below this.
const WELL: f32 = 1.2;
/// How fast the preference falls and comes back, each tenth of a second.
const FALL: f32 = 0.8;
const RISE: f32 = 1.02;

/// How much of the preference is in force, 0 to 1.
#[derive(Debug)]
pub(super) struct Preference(f32);

impl Default for Preference {
    fn default() -> Self {
        Self(1.0)
    }
}

impl Preference {
    /// Learns what a call costs here and elsewhere: latency made worse by failures.
    pub(super) fn learn(&mut self, own: f32, others: f32) {
        if own > POOR * others {
            self.0 *= FALL;
        } else if own < WELL * others {
            self.0 = (self.0.max(0.01) * RISE).min(1.0);
        }
    }

    /// The factor for the own zone, which has this share of the pool's weight.
    pub(super) fn factor(&self, wanted: f32, share: f32) -> f32 {
        // Weighted by k, an instance gets k ÷ (k·share + 1 − share) of its fair share.
        let bound = if MOST * share < 1.0 {
            MOST * (1.0 - share) / (1.0 - MOST * share)
        } else {
            f32::INFINITY
        };
        1.0 + (wanted.min(bound).max(1.0) - 1.0) * self.0
    }
}
