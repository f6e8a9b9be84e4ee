//! One state of a pool: its endpoints and the table to draw from. Never changed, only replaced.

use std::sync::Arc;

use fastrand::Rng;

use super::alias::Alias;
use super::ring::Ring;
use super::settings::Policy;
use super::{Endpoint, Member};

/// Endpoints with their alias table.
#[derive(Debug)]
pub(super) struct Snapshot<M> {
    pub(super) endpoints: Vec<Arc<Endpoint<M>>>,
    pub(super) policy: Choice,
    /// Affinity's ring and bound, where keys count.
    pub(super) ring: Option<(Arc<Ring>, f32)>,
    alias: Alias,
    /// What the table was made of.
    weights: Vec<f32>,
    total: f32,
}

/// A policy with its instance looked up.
#[derive(Clone, Copy, Debug)]
pub(super) enum Choice {
    HealthWeighted,
    RoundRobin,
    Random,
    Pinned(Option<usize>),
}

impl<M: Member> Snapshot<M> {
    /// The table for these weights. O(n).
    pub(super) fn new(
        endpoints: Vec<Arc<Endpoint<M>>>,
        weights: Vec<f32>,
        policy: &Policy,
        ring: Option<(Arc<Ring>, f32)>,
    ) -> Self {
        let weighted = weights.iter().filter(|weight| **weight > 0.0).count();
        let total: f32 = weights.iter().sum();
        let mean = total / weighted.max(1) as f32;
        for (endpoint, weight) in endpoints.iter().zip(&weights) {
            endpoint.hot.relief.set(if *weight > 0.0 { mean / weight } else { 1.0 });
        }
        let policy = match policy {
            Policy::HealthWeighted => Choice::HealthWeighted,
            Policy::RoundRobin => Choice::RoundRobin,
            Policy::Random => Choice::Random,
            Policy::Pinned(name) => Choice::Pinned(endpoints.iter().position(|endpoint| endpoint.is_called(name))),
        };
        Self {
            alias: Alias::new(&weights),
            endpoints,
            policy,
            ring,
            weights,
            total,
        }
    }

    pub(super) fn weights(&self) -> &[f32] {
        &self.weights
    }

    /// An endpoint's share of the calls.
    pub(super) fn share(&self, index: usize) -> f32 {
        self.weights[index] / self.total.max(f32::MIN_POSITIVE)
    }

    #[inline]
    pub(super) fn draw(&self, rng: &mut Rng) -> Option<usize> {
        self.alias.draw(rng)
    }

    /// Whose turn it is.
    pub(super) fn turn(&self, turn: u64) -> Option<usize> {
        self.alias.turn(turn)
    }
}

impl<M> Default for Snapshot<M> {
    fn default() -> Self {
        Self {
            endpoints: Vec::new(),
            policy: Choice::HealthWeighted,
            ring: None,
            alias: Alias::default(),
            weights: Vec::new(),
            total: 0.0,
        }
    }
}
