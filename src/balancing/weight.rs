//! Weights: what share of the calls an endpoint should get.
//!
//! The product of Consul's weight for its state, its slow start and its zone; 0 while it is ejected. An instance that
//! joins a pool at work begins with a tenth of its share and has all of it after the slow start, as its caches are cold.
//! When the whole pool is new, they are all equally cold, and nobody is held back.

use std::sync::atomic::Ordering;

use super::ejection::Standing;
use super::endpoint::Endpoint;
use super::{Micros, Settings};

/// What an instance begins with.
const BEGINNING: f32 = 0.1;

impl<M> Endpoint<M> {
    /// It joins, or returns to, a pool at work.
    pub(super) fn join(&self, now: Micros) {
        self.joined.store(now.0.max(1), Ordering::Relaxed);
    }

    /// Whether its slow start is under way.
    pub(super) fn is_starting(&self) -> bool {
        self.joined.load(Ordering::Relaxed) > 0
    }

    /// Its weight for draws, with the zone's factor.
    pub(super) fn effective(&self, now: Micros, settings: &Settings, zone: f32) -> f32 {
        if matches!(self.hot.state.get(), Standing::Out | Standing::Asked | Standing::Failed) {
            return 0.0;
        }
        let zone = if self.is_same_zone() { zone } else { 1.0 };
        self.weight() as f32 * self.slow_start(now, settings) * zone
    }

    fn slow_start(&self, now: Micros, settings: &Settings) -> f32 {
        let joined = self.joined.load(Ordering::Relaxed);
        if joined == 0 {
            return 1.0;
        }
        let whole = settings.slow_start.as_micros() as f32;
        let passed = now.since(Micros(joined)) as f32;
        if passed >= whole {
            self.joined.store(0, Ordering::Relaxed);
            return 1.0;
        }
        (passed / whole).max(BEGINNING)
    }
}
