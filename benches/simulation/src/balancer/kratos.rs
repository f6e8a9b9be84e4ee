//! kratos' default selector: P2C by success ÷ (latency × calls in flight).
//!
//! ```text
//! weight = success / (latency · in flight),   in flight counts from 1
//! ```
//!
//! Latency and success are averages that forget over 600 ms; every end counts. Where more than half of the calls in
//! flight are older than the average, their mean age takes its place. A node without statistics has a latency of 10 s.
//! One that lost against another and was not picked for 3 s is picked all the same. Discovery weights are not used.
//! Source: kratos `selector/p2c/p2c.go`, `selector/node/ewma/node.go`.

use std::collections::VecDeque;

use fastrand::Rng;
use lyceum::balancing::Outcome;

use super::roster::{Roster, two};
use super::{Balancer, End, Listing, Pick};

const TAU: f64 = 600e3;
const UNKNOWN: f64 = 10e6;
const FORCED_AFTER: u64 = 3_000_000;

#[derive(Debug)]
struct Note {
    latency: f64,
    success: f64,
    stamp: u64,
    /// When the calls in flight began, oldest first.
    begun: VecDeque<u64>,
    predicted_at: u64,
    predicted: f64,
    picked: u64,
}

// === impl Note ===

impl Note {
    fn new() -> Self {
        Self {
            latency: 0.0,
            success: 1.0,
            stamp: 0,
            begun: VecDeque::new(),
            predicted_at: 0,
            predicted: 0.0,
            picked: 0,
        }
    }

    fn weight(&mut self, now: u64) -> f64 {
        let every = (self.latency / 5.0).clamp(5e3, 200e3);
        if (now - self.predicted_at) as f64 > every {
            self.predicted_at = now;
            self.predicted = self.predict(now);
        }
        let latency = if self.latency == 0.0 {
            UNKNOWN
        } else {
            self.latency.max(self.predicted)
        };
        self.success / (latency * (self.begun.len() + 1) as f64)
    }

    fn predict(&self, now: u64) -> f64 {
        // In order of age: the late ones are a prefix.
        let late = self.begun.partition_point(|begun| (now - begun) as f64 > self.latency);
        if late <= self.begun.len() / 2 + 1 {
            return 0.0;
        }
        let total: u64 = self.begun.iter().take(late).map(|begun| now - begun).sum();
        total as f64 / late as f64
    }

    fn end(&mut self, end: &End) {
        if let Some(index) = self.begun.iter().position(|begun| *begun == end.begun) {
            self.begun.remove(index);
        }
        let passed = end.now - std::mem::replace(&mut self.stamp, end.now);
        let keep = if self.latency == 0.0 {
            0.0
        } else {
            (-(passed as f64) / TAU).exp()
        };
        self.latency = self.latency * keep + (end.now - end.begun) as f64 * (1.0 - keep);
        let success = f64::from(u8::from(end.outcome == Outcome::Answered));
        self.success = self.success * keep + success * (1.0 - keep);
    }
}

#[derive(Debug)]
pub(super) struct Kratos {
    rng: Rng,
    roster: Roster<Note>,
}

impl Kratos {
    pub(super) fn new(rng: Rng) -> Self {
        Self {
            rng,
            roster: Roster::default(),
        }
    }
}

impl Balancer for Kratos {
    fn list(&mut self, servers: &[Listing], _: u64) {
        self.roster.list(servers, Note::new);
    }

    fn connections(&mut self, _: u64) {
        self.roster.connections();
    }

    fn pick(&mut self, now: u64, _: &[u32]) -> Pick {
        let Some((first, second)) = two(&mut self.rng, &self.roster.ready) else {
            return Pick::Wait;
        };
        let nodes = &mut self.roster.nodes;
        let (mut chosen, other) = if nodes[second].note.weight(now) > nodes[first].note.weight(now) {
            (second, first)
        } else {
            (first, second)
        };
        if now - nodes[other].note.picked > FORCED_AFTER {
            chosen = other;
        }
        let note = &mut nodes[chosen].note;
        note.picked = now;
        note.begun.push_back(now);
        Pick::Server {
            server: self.roster.server(chosen),
            token: 0,
        }
    }

    fn end(&mut self, end: &End) {
        if let Some(note) = self.roster.note(end.server) {
            note.end(end);
        }
    }
}
