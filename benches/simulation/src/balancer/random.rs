//! Uniform random over everything listed, dead or alive: what tonic 0.14's `balance_channel` comes to.
//!
//! tonic balances with tower's P2C, but every connection reports a load of 0, so that the first of two random ones
//! always wins; and a lost connection says that it is ready, so that calls go there and fail.
//! Source: tonic `transport/channel/service/{connection,reconnect}.rs`.

use fastrand::Rng;

use super::roster::Roster;
use super::{Balancer, End, Listing, Pick};

#[derive(Debug)]
pub(super) struct Random {
    rng: Rng,
    roster: Roster<()>,
}

impl Random {
    pub(super) fn new(rng: Rng) -> Self {
        Self {
            rng,
            roster: Roster::default(),
        }
    }
}

impl Balancer for Random {
    fn list(&mut self, servers: &[Listing], _: u64) {
        self.roster.list(servers, || ());
    }

    fn connections(&mut self, _: u64) {}

    fn pick(&mut self, _: u64, _: &[u32]) -> Pick {
        if self.roster.nodes.is_empty() {
            return Pick::Wait;
        }
        let index = self.rng.usize(..self.roster.nodes.len());
        Pick::Server {
            server: self.roster.server(index),
            token: 0,
        }
    }

    fn end(&mut self, _: &End) {}
}
