//! One instance as the balancer sees it: its weight, what is in flight, how fast and how well it answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::Duration;

use super::load::Packed;
use super::{Member, Micros};
use crate::telemetry::Histogram;

/// How a call ended, as far as the instance is to blame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It answered, be it with an error that is the caller's fault.
    Answered,
    /// It failed fast: connection lost, UNAVAILABLE, INTERNAL. Its speed says nothing.
    Failed,
    /// It took longer than the deadline: a failure whose time counts.
    TimedOut,
}

/// A member of the pool with its statistics. One cache line pair each, so that endpoints do not disturb each other.
#[derive(Debug)]
#[repr(align(128))]
pub struct Endpoint<M> {
    in_flight: AtomicU32,
    weight: AtomicU32,
    /// Peak EWMA of the latency in µs.
    latency: Packed,
    /// Moving share of failures, 0 to 1.
    failure: Packed,
    /// When it last answered, or when it got its first call after being idle.
    heard: AtomicU64,
    calls: AtomicU64,
    errors: AtomicU64,
    latencies: Histogram,
    member: M,
}

impl<M> Endpoint<M> {
    pub(super) fn new(member: M, weight: u32) -> Self {
        Self {
            in_flight: AtomicU32::new(0),
            weight: AtomicU32::new(weight),
            latency: Packed::default(),
            failure: Packed::default(),
            heard: AtomicU64::new(0),
            calls: AtomicU64::new(0),
            errors: AtomicU64::new(0),
            latencies: Histogram::default(),
            member,
        }
    }

    /// The connection.
    pub fn member(&self) -> &M {
        &self.member
    }

    /// Its weight; 0 while it gets no calls.
    pub fn weight(&self) -> u32 {
        self.weight.load(Ordering::Relaxed)
    }

    pub(super) fn set_weight(&self, weight: u32) {
        self.weight.store(weight, Ordering::Relaxed);
    }

    /// Calls under way.
    pub fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Relaxed)
    }

    /// Calls that were begun.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// Calls that failed or timed out.
    pub fn errors(&self) -> u64 {
        self.errors.load(Ordering::Relaxed)
    }

    /// Every latency since the endpoint is known.
    pub fn latencies(&self) -> &Histogram {
        &self.latencies
    }

    /// The peak EWMA as it was last set, in µs; `None` before the first answer.
    pub fn latency(&self) -> Option<f32> {
        let value = self.latency.value();
        (value > 0.0).then_some(value)
    }

    pub(super) fn failing(&self, now: Micros) -> f32 {
        self.failure.decayed(now, 0.0)
    }

    /// Whether it fails clearly more than its pool.
    pub(super) fn is_poor(&self, now: Micros, pool: f32) -> bool {
        self.failing(now) - pool > 0.1
    }

    /// Lower is better. The formula stands in [`super`].
    pub(super) fn score(&self, now: Micros, median: f32, failing: f32, mean_weight: f32) -> f32 {
        let in_flight = self.in_flight();
        let mut latency = match self.latency() {
            Some(_) => self.latency.decayed(now, median),
            // Nobody knows it yet: as good as the pool.
            None => median,
        }
        .max(1.0);
        if in_flight > 0 {
            let stall = now.0.saturating_sub(self.heard.load(Ordering::Relaxed)) as f32;
            if stall > 2.0 * latency {
                latency = 2.0 * stall;
            }
        }
        let weight = self.weight().max(1) as f32;
        let excess = (self.failing(now) - failing - 0.02).max(0.0);
        latency * (1.0 + in_flight as f32 * mean_weight / weight) * (1.0 + 100.0 * excess)
    }

    /// Begins a call; the ticket ends it.
    pub fn begin(self: &Arc<Self>, now: Micros) -> Ticket<M> {
        if self.in_flight.fetch_add(1, Ordering::Relaxed) == 0 {
            self.heard.store(now.0, Ordering::Relaxed);
        }
        self.calls.fetch_add(1, Ordering::Relaxed);
        Ticket {
            endpoint: Arc::clone(self),
            begun: now,
            ended: false,
        }
    }
}

/// A call under way. Dropped without [`Ticket::end`] it counts as given up by the caller: neither good nor bad.
#[derive(Debug)]
pub struct Ticket<M> {
    endpoint: Arc<Endpoint<M>>,
    begun: Micros,
    ended: bool,
}

impl<M> Ticket<M> {
    /// Whose call it is.
    pub fn endpoint(&self) -> &Arc<Endpoint<M>> {
        &self.endpoint
    }

    /// The call was never sent: it counts as if it had not been begun.
    pub fn unsent(self) {
        self.endpoint.calls.fetch_sub(1, Ordering::Relaxed);
    }

    /// The first sign of life of a long call: it answers, so it does not stall.
    pub fn heard(&self, now: Micros) {
        self.endpoint.heard.store(now.0, Ordering::Relaxed);
    }

    /// A stream begins to answer: the time until then is the instance's latency, because how long a stream lasts is its
    /// content's business.
    pub fn answering(&self, now: Micros) {
        self.heard(now);
        self.sample(now);
    }

    fn sample(&self, now: Micros) {
        let took = now.0.saturating_sub(self.begun.0);
        let sample = took.max(1) as f32;
        // A peak is believed at once, calm only with time.
        self.endpoint.latency.update(now, |value, keep| {
            if sample > value {
                sample
            } else {
                value * keep + sample * (1.0 - keep)
            }
        });
        self.endpoint.latencies.observe(Duration::from_micros(took));
    }

    /// Ends the call and learns from it. `timed` is false for streams, whose length says nothing about speed.
    pub fn end(mut self, now: Micros, outcome: Outcome, timed: bool) {
        self.ended = true;
        let endpoint = &self.endpoint;
        endpoint.in_flight.fetch_sub(1, Ordering::Relaxed);
        endpoint.heard.store(now.0, Ordering::Relaxed);
        if timed && outcome != Outcome::Failed {
            self.sample(now);
        }
        if outcome == Outcome::Answered {
            endpoint.failure.update(now, |value, keep| value * keep * 0.95);
        } else {
            endpoint.errors.fetch_add(1, Ordering::Relaxed);
            endpoint.failure.update(now, |value, keep| {
                let value = value * keep;
                value + 0.2 * (1.0 - value)
            });
        }
    }
}

impl<M> Drop for Ticket<M> {
    fn drop(&mut self) {
        if !self.ended {
            self.endpoint.in_flight.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

impl<M: Member> Endpoint<M> {
    /// Whether a call could be sent right now.
    pub fn is_ready(&self) -> bool {
        self.member.is_ready()
    }
}
