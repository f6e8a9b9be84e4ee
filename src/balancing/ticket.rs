//! A call under way, and what its end teaches about the instance.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::endpoint::MEMORY;
use super::{Endpoint, Micros};

/// What an answer's latency counts against what is known; more, the older that is.
const NEWS: f32 = 0.05;
/// What a failure counts against the share of failures, and a success.
const FAILURE: f32 = 0.2;
const SUCCESS: f32 = 0.05;

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

/// A call under way. Dropped without [`Ticket::end`] it counts as given up by the caller: neither good nor bad.
#[derive(Debug)]
pub struct Ticket<M> {
    endpoint: Arc<Endpoint<M>>,
    begun: Micros,
    /// Whether it has begun to answer, and so is a stream.
    streaming: AtomicBool,
    /// Whether it is the one call that an ejected endpoint gets.
    canary: bool,
    counted: bool,
    over: bool,
}

impl<M> Ticket<M> {
    pub(super) fn new(endpoint: Arc<Endpoint<M>>, now: Micros) -> Self {
        if endpoint.hot.in_flight.fetch_add(1, Ordering::Relaxed) == 0 {
            endpoint.hot.heard.store(now.0, Ordering::Relaxed);
        }
        Self {
            begun: now,
            streaming: AtomicBool::new(false),
            canary: endpoint.hot.state.begin(),
            counted: endpoint.pulse.traffic.enter(),
            over: false,
            endpoint,
        }
    }

    /// Whose call it is.
    pub fn endpoint(&self) -> &Arc<Endpoint<M>> {
        &self.endpoint
    }

    /// The call was never sent: it counts as if it had not been begun.
    pub fn unsent(mut self) {
        self.leave();
    }

    /// A sign of life of a long call: it answers, so it does not stall.
    pub fn heard(&self, now: Micros) {
        self.endpoint.hot.heard.store(now.0, Ordering::Relaxed);
    }

    /// A stream begins to answer: the time until then is the instance's latency, because how long a stream lasts is its
    /// content's business. From now on it counts among the open streams.
    pub fn answering(&self, now: Micros) {
        self.heard(now);
        if !self.streaming.swap(true, Ordering::Relaxed) {
            self.sample(now);
            self.endpoint.hot.streams.fetch_add(1, Ordering::Relaxed);
            self.endpoint.hot.in_flight.fetch_sub(1, Ordering::Relaxed);
        }
    }

    fn sample(&self, now: Micros) {
        let took = now.since(self.begun);
        let sample = took.max(1) as f32;
        self.endpoint.pulse.begin(sample);
        let usual = self.endpoint.pulse.latency.get();
        self.endpoint.hot.latency.update(now, MEMORY, |value, keep| {
            // Until it has answered, it is taken to be like the pool.
            let value = if value == 0.0 { usual } else { value };
            sample + (value - sample) * keep * (1.0 - NEWS)
        });
        self.endpoint.latencies.observe(Duration::from_micros(took));
    }

    /// Ends the call and learns from it. `timed` is false for streams, whose length says nothing about speed.
    pub fn end(mut self, now: Micros, outcome: Outcome, timed: bool) {
        let hot = &self.endpoint.hot;
        hot.heard.store(now.0, Ordering::Relaxed);
        if timed && outcome != Outcome::Failed {
            self.sample(now);
        }
        if outcome == Outcome::Answered {
            hot.answered.fetch_add(1, Ordering::Relaxed);
            if hot.streak.load(Ordering::Relaxed) > 0 {
                hot.streak.store(0, Ordering::Relaxed);
            }
            // Most instances have never failed.
            if hot.failure.value() > 0.0 {
                hot.failure
                    .update(now, MEMORY, |value, keep| value * keep * (1.0 - SUCCESS));
            }
        } else {
            self.endpoint.failed.fetch_add(1, Ordering::Relaxed);
            hot.streak.fetch_add(1, Ordering::Relaxed);
            hot.failure.update(now, MEMORY, |value, keep| {
                let value = value * keep;
                value + FAILURE * (1.0 - value)
            });
        }
        if self.canary {
            hot.state.tried(outcome == Outcome::Answered);
            self.canary = false;
        }
        self.leave();
    }

    /// It is no longer under way.
    fn leave(&mut self) {
        if std::mem::replace(&mut self.over, true) {
            return;
        }
        let hot = &self.endpoint.hot;
        let place = if *self.streaming.get_mut() {
            &hot.streams
        } else {
            &hot.in_flight
        };
        place.fetch_sub(1, Ordering::Relaxed);
        if self.counted {
            self.endpoint.pulse.traffic.leave();
        }
        if self.canary {
            hot.state.untried();
        }
    }
}

impl<M> Drop for Ticket<M> {
    fn drop(&mut self) {
        if !self.over {
            self.endpoint.given_up.fetch_add(1, Ordering::Relaxed);
            self.leave();
        }
    }
}
