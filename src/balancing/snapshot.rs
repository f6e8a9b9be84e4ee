//! One state of a pool: its endpoints and the table to draw from. Never changed, only replaced.

use std::sync::Arc;

use fastrand::Rng;

use super::alias::Alias;
use super::{Endpoint, Member, Micros};

/// Endpoints with their alias table.
#[derive(Debug)]
pub(super) struct Snapshot<M> {
    endpoints: Vec<Arc<Endpoint<M>>>,
    alias: Alias,
    mean_weight: f32,
    weighted: usize,
}

impl<M> Snapshot<M> {
    pub(super) fn new(endpoints: Vec<Arc<Endpoint<M>>>) -> Self {
        let weights: Vec<u32> = endpoints.iter().map(|endpoint| endpoint.weight()).collect();
        let weighted = weights.iter().filter(|weight| **weight > 0).count();
        let total: u64 = weights.iter().map(|weight| u64::from(*weight)).sum();
        let mean_weight = total as f32 / weighted.max(1) as f32;
        Self {
            alias: Alias::new(&weights),
            endpoints,
            mean_weight,
            weighted,
        }
    }

    pub(super) fn endpoints(&self) -> &[Arc<Endpoint<M>>] {
        &self.endpoints
    }

    /// How many endpoints can be drawn.
    pub(super) fn weighted(&self) -> usize {
        self.weighted
    }

    pub(super) fn mean_weight(&self) -> f32 {
        self.mean_weight
    }

    pub(super) fn draw(&self, rng: &mut Rng) -> Option<&Arc<Endpoint<M>>> {
        self.alias.draw(rng).map(|index| &self.endpoints[index])
    }
}

impl<M: Member> Snapshot<M> {
    pub(super) fn find(&self, key: &str) -> Option<&Arc<Endpoint<M>>> {
        self.endpoints.iter().find(|endpoint| endpoint.member().key() == key)
    }

    /// The median latency (µs) and share of failures of those that have answered.
    pub(super) fn medians(&self, now: Micros) -> (f32, f32) {
        let mut latencies: Vec<f32> = self
            .endpoints
            .iter()
            .filter_map(|endpoint| endpoint.latency())
            .collect();
        let mut failures: Vec<f32> = self.endpoints.iter().map(|endpoint| endpoint.failing(now)).collect();
        (median(&mut latencies), median(&mut failures))
    }
}

fn median(values: &mut [f32]) -> f32 {
    if values.is_empty() {
        return 0.0;
    }
    let middle = (values.len() - 1) / 2;
    *values.select_nth_unstable_by(middle, f32::total_cmp).1
}
