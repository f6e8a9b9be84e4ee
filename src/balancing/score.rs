//! The score: what a call costs at an endpoint. Lower is better; the formula stands in [`super`].

use std::sync::atomic::Ordering;

use super::Micros;
use super::endpoint::{Endpoint, MEMORY};
use super::packed::Float;
use super::ring::Traffic;

/// How much more than its pool an endpoint may fail before it counts.
const TOLERANCE: f32 = 0.02;
/// What each point of failing beyond that costs.
const PENALTY: f32 = 100.0;
/// What the call itself adds to those in flight, as far as the weights are concerned, though no more than what is usually
/// in flight. With nothing, the lightest idle instance would win against a heavy one that has a single call; with this
/// much in an idle pool, the heaviest would get all.
const OWN: f32 = 0.45;

/// Latencies within this many times the usual one count as usual.
const NEAR: f32 = 2.0;
/// A latency counts as no more than this many times the usual one.
const WORST: f32 = 30.0;

/// What is usual in the pool: written by upkeep, read by picks.
#[derive(Debug, Default)]
#[repr(align(64))]
pub(super) struct Pulse {
    /// The median latency in µs; 0 before anybody has answered.
    pub(super) latency: Float,
    /// The median share of failures.
    pub(super) failing: Float,
    /// Open streams per endpoint of mean weight.
    pub(super) streams: Float,
    /// Calls in flight per endpoint of mean weight, over about half a second.
    pub(super) load: Float,
    pub(super) traffic: Traffic,
}

/// A pulse as one pick reads it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Usual {
    pub(super) latency: f32,
    pub(super) failing: f32,
    pub(super) streams: f32,
    load: f32,
    own: f32,
}

/// What is held against an endpoint.
#[derive(Clone, Copy, Debug)]
pub(super) struct Score {
    pub(super) cost: f32,
    /// Whether another draw is worth its while.
    pub(super) poor: bool,
}

impl Score {
    pub(super) const WORST: Self = Self {
        cost: f32::INFINITY,
        poor: true,
    };
}

impl Pulse {
    /// The first answer stands for everybody's, until upkeep knows better: an instance that nobody knows must not look
    /// faster than any that has answered.
    pub(super) fn begin(&self, latency: f32) {
        if self.latency.get() == 0.0 {
            self.latency.set(latency);
        }
    }

    pub(super) fn read(&self) -> Usual {
        let (latency, load) = (self.latency.get(), self.load.get());
        Usual {
            latency,
            failing: self.failing.get(),
            streams: self.streams.get(),
            load,
            own: OWN.min(load),
        }
    }
}

impl<M> Endpoint<M> {
    /// The moving latency, drawn towards what is usual as it ages; `None` before the first answer.
    #[inline]
    pub(super) fn smoothed(&self, now: Micros, usual: Usual) -> Option<f32> {
        let (value, kept) = self.hot.latency.faded(now, MEMORY);
        // Bounded, so that the time to be forgotten is too: nobody is left out for a minute for one bad second.
        let value = if usual.latency > 0.0 {
            value.min(WORST * usual.latency)
        } else {
            value
        };
        (value > 0.0).then_some(usual.latency + (value - usual.latency) * kept)
    }

    /// The latency that is expected now.
    #[inline]
    fn expected(&self, now: Micros, usual: Usual) -> f32 {
        // Nobody knows it yet: as good as the pool.
        let mut latency = self.smoothed(now, usual).unwrap_or(usual.latency);
        // Healthy instances differ by chance: at low load the luckiest would otherwise get nearly every call.
        if latency < NEAR * usual.latency {
            latency = usual.latency;
        }
        latency = latency.max(1.0);
        if self.in_flight() > 0 {
            let stall = now.since(Micros(self.hot.heard.load(Ordering::Relaxed))) as f32;
            if stall > 2.0 * latency {
                latency = 2.0 * stall;
            }
        }
        latency
    }

    /// What a call of a mean endpoint's size costs while nothing is in flight: latency made worse by failures.
    pub(super) fn cost(&self, now: Micros, usual: Usual) -> f32 {
        let excess = (self.failing(now) - usual.failing - TOLERANCE).max(0.0);
        self.expected(now, usual) * (1.0 + PENALTY * excess)
    }

    #[inline]
    pub(super) fn score(&self, now: Micros, usual: Usual, streaming: bool) -> Score {
        let latency = self.expected(now, usual);
        let excess = self.failing(now) - usual.failing;
        let streams = self.streams() as f32;
        let relief = self.hot.relief.get();
        // A stream wants the endpoint with the fewest open; other calls mind only those beyond the usual.
        let load = if streaming {
            streams * relief
        } else {
            (0.5 * (streams * relief - usual.streams)).max(0.0)
        };
        let queue = self.in_flight() as f32 + 0.5 * self.utilization(now);
        let own = usual.own * relief;
        let cost = latency * (1.0 + own + queue * relief + load) * (1.0 + PENALTY * (excess - TOLERANCE).max(0.0));
        Score {
            cost,
            poor: cost > usual.latency.max(1.0) * (1.0 + own + usual.load),
        }
    }
}
