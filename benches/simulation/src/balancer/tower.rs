//! tower's `Balance`: the better of two different ready services by `PeakEwma`.
//!
//! ```text
//! cost = estimate · (calls in flight + 1)
//! ```
//!
//! The estimate jumps to a slower answer and decays towards a faster one over 10 s; each reading decays it towards 0.
//! Every end counts, failures and give-ups too, which is why a server that fails fast attracts calls. Decay and first
//! estimate are not tower's (it has none) but linkerd's 10 s and 30 ms.
//! Source: tower `load/peak_ewma.rs`, `balance/p2c/service.rs`.

use fastrand::Rng;

use super::roster::{Roster, two};
use super::{Balancer, End, Listing, Pick};

const DECAY: f64 = 10e6;
const FIRST: f64 = 30e3;

/// What tower keeps of one service.
#[derive(Clone, Copy, Debug)]
pub(super) struct PeakEwma {
    estimate: f64,
    updated: u64,
    in_flight: u32,
}

// === impl PeakEwma ===

impl PeakEwma {
    pub(super) fn new(now: u64) -> Self {
        Self {
            estimate: FIRST,
            updated: now,
            in_flight: 0,
        }
    }

    fn update(&mut self, now: u64, took: f64) {
        if self.estimate < took {
            self.estimate = took;
        } else {
            let keep = (-(now.saturating_sub(self.updated) as f64) / DECAY).exp();
            self.estimate = self.estimate * keep + took * (1.0 - keep);
        }
        self.updated = now;
    }

    pub(super) fn cost(&mut self, now: u64) -> f64 {
        self.update(now, 0.0);
        self.estimate * f64::from(self.in_flight + 1)
    }

    pub(super) fn begin(&mut self) {
        self.in_flight += 1;
    }

    pub(super) fn end(&mut self, end: &End) {
        self.in_flight = self.in_flight.saturating_sub(1);
        self.update(end.now, (end.now - end.begun) as f64);
    }
}

#[derive(Debug)]
pub(super) struct Tower {
    rng: Rng,
    roster: Roster<PeakEwma>,
}

impl Tower {
    pub(super) fn new(rng: Rng) -> Self {
        Self {
            rng,
            roster: Roster::default(),
        }
    }
}

impl Balancer for Tower {
    fn list(&mut self, servers: &[Listing], now: u64) {
        self.roster.list(servers, || PeakEwma::new(now));
    }

    fn connections(&mut self, _: u64) {
        self.roster.connections();
    }

    fn pick(&mut self, now: u64, _: &[u32]) -> Pick {
        let Some((first, second)) = two(&mut self.rng, &self.roster.ready) else {
            return Pick::Wait;
        };
        let nodes = &mut self.roster.nodes;
        let chosen = if nodes[first].note.cost(now) <= nodes[second].note.cost(now) {
            first
        } else {
            second
        };
        nodes[chosen].note.begin();
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
