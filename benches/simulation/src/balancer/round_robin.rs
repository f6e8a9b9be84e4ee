//! Round robin over live connections, from a random start: gRPC's `round_robin`.
//!
//! Several clients, each in its own turn, do not make one perfect rotation; that is how it is in life.
//! Source: grpc-go `balancer/roundrobin`.

use fastrand::Rng;

use super::roster::Roster;
use super::{Balancer, End, Listing, Pick};

#[derive(Debug)]
pub(super) struct RoundRobin {
    next: usize,
    roster: Roster<()>,
}

impl RoundRobin {
    pub(super) fn new(mut rng: Rng) -> Self {
        Self {
            next: rng.usize(..1 << 20),
            roster: Roster::default(),
        }
    }
}

impl Balancer for RoundRobin {
    fn list(&mut self, servers: &[Listing], _: u64) {
        self.roster.list(servers, || ());
    }

    fn connections(&mut self, _: u64) {
        self.roster.connections();
    }

    fn pick(&mut self, _: u64, _: &[u32]) -> Pick {
        if self.roster.ready.is_empty() {
            return Pick::Wait;
        }
        self.next = self.next.wrapping_add(1);
        let index = self.roster.ready[self.next % self.roster.ready.len()];
        Pick::Server {
            server: self.roster.server(index),
            token: 0,
        }
    }

    fn end(&mut self, _: &End) {}
}
