//! One instance of the callee: so many calls at a time, the rest waits in line.
//!
//! A server is a queue with `limit` places (G/G/c, first come first served). A call's demand is drawn when it arrives,
//! so that every balancer is given the same calls; the server multiplies it by how slow it is. A call that will fail
//! does so after [`FAST`], before any work: that is what makes a failing server look fast. A call whose client gave up
//! leaves the line, but one that is being served is served to its end.
//!
//! A pause (garbage collection) takes its length from everything that is being served. When not: the network has no
//! model of its own; what it takes is part of the demand.

use std::collections::VecDeque;

/// How long a call takes that fails at once, in µs.
pub const FAST: u64 = 1_000;
/// The window over which a server counts its rates for load reports, in µs.
const WINDOW: u64 = 1_000_000;

/// How an instance treats calls.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Behaviour {
    /// What a call's demand is multiplied by.
    pub slow: f64,
    /// The share of calls that fail at once.
    pub fails: f64,
    /// Accepts calls and never answers: a black hole.
    pub silent: bool,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            slow: 1.0,
            fails: 0.0,
            silent: false,
        }
    }
}

/// What a server says of its load with every answer (gRFC A51).
#[derive(Clone, Copy, Debug, Default)]
pub struct Report {
    /// Calls inside ÷ limit, at this moment.
    pub utilization: f64,
    /// Places in use ÷ limit, over the last second: what a processor's utilisation is like.
    pub average: f64,
    /// Answers a second, good and bad.
    pub rate: f64,
    /// Failures a second.
    pub errors: f64,
}

/// A call inside a server: where the caller keeps it, and which attempt of it this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Visit {
    pub(crate) slot: u32,
    pub(crate) generation: u32,
}

/// One instance.
#[derive(Debug)]
pub struct Server {
    limit: u32,
    busy: u32,
    pub(crate) line: VecDeque<Visit>,
    pub(crate) behaviour: Behaviour,
    /// Its process runs and takes connections.
    pub(crate) up: bool,
    /// Cold caches: (since, for how long, how slow at first).
    cold: Option<(u64, u64, f64)>,
    paused_until: u64,
    /// The sum of all pauses so far: a call that began when it was lower owes the difference.
    stolen: u64,
    window: u64,
    answers: (u32, u32),
    rates: (f64, f64),
    /// Places in use, summed over time, since the window began.
    used: f64,
    counted: u64,
    average: f64,
}

// === impl Server ===

impl Server {
    /// A healthy instance with so many places.
    #[must_use]
    pub fn new(limit: u32) -> Self {
        Self {
            limit,
            busy: 0,
            line: VecDeque::new(),
            behaviour: Behaviour::default(),
            up: true,
            cold: None,
            paused_until: 0,
            stolen: 0,
            window: 0,
            answers: (0, 0),
            rates: (0.0, 0.0),
            used: 0.0,
            counted: 0,
            average: 0.0,
        }
    }

    /// Its caches are empty: from now on `factor` times as slow, getting better evenly for `length` µs.
    pub(crate) fn chill(&mut self, now: u64, length: u64, factor: f64) {
        self.cold = Some((now, length, factor));
    }

    /// Stops the world for `length` µs.
    pub(crate) fn pause(&mut self, now: u64, length: u64) {
        self.paused_until = now + length;
        self.stolen += length;
    }

    pub(crate) fn stolen(&self) -> u64 {
        self.stolen
    }

    pub(crate) fn has_place(&self) -> bool {
        self.busy < self.limit
    }

    /// Takes a call and says when it will be done with it, should nothing come between.
    pub(crate) fn serve(&mut self, now: u64, demand: u64, fails: bool) -> u64 {
        self.count(now);
        self.busy += 1;
        let length = if fails {
            FAST
        } else {
            (demand as f64 * self.slowness(now)) as u64
        };
        now.max(self.paused_until) + length
    }

    fn count(&mut self, now: u64) {
        self.used += f64::from(self.busy) * (now - self.counted) as f64;
        self.counted = now;
    }

    fn slowness(&self, now: u64) -> f64 {
        let cold = self.cold.map_or(1.0, |(since, length, factor)| {
            let left = 1.0 - (now.saturating_sub(since) as f64 / length as f64).min(1.0);
            1.0 + (factor - 1.0) * left
        });
        self.behaviour.slow * cold
    }

    /// A place is free again.
    pub(crate) fn served(&mut self, now: u64, failed: bool) {
        self.count(now);
        self.busy -= 1;
        if now - self.window >= WINDOW {
            let seconds = (now - self.window) as f64 / 1e6;
            self.rates = (f64::from(self.answers.0) / seconds, f64::from(self.answers.1) / seconds);
            self.average = self.used / (now - self.window) as f64 / f64::from(self.limit);
            self.answers = (0, 0);
            self.used = 0.0;
            self.window = now;
        }
        self.answers.0 += 1;
        self.answers.1 += u32::from(failed);
    }

    pub(crate) fn report(&self) -> Report {
        Report {
            utilization: f64::from(self.busy + self.line.len() as u32) / f64::from(self.limit),
            average: self.average,
            rate: self.rates.0,
            errors: self.rates.1,
        }
    }

    /// What `grpc.health.v1` would answer. A server whose handlers fail mostly still says SERVING, and so does this
    /// one: only a dead or silent one does not.
    pub(crate) fn says_serving(&self) -> bool {
        self.up && !self.behaviour.silent
    }
}
