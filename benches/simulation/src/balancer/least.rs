//! The server with the fewest calls of this client in flight, a random one of several.
//!
//! All servers are looked at, which is the most that this idea can give; Envoy's and gRPC's `least_request` draw two.
//! Source: Envoy's documentation of least request with `choice_count` as large as the cluster; gRFC A48.

use fastrand::Rng;

use super::roster::Roster;
use super::{Balancer, End, Listing, Pick};

#[derive(Debug)]
pub(super) struct Least {
    rng: Rng,
    roster: Roster<u32>,
}

impl Least {
    pub(super) fn new(rng: Rng) -> Self {
        Self {
            rng,
            roster: Roster::default(),
        }
    }
}

impl Balancer for Least {
    fn list(&mut self, servers: &[Listing], _: u64) {
        self.roster.list(servers, || 0);
    }

    fn connections(&mut self, _: u64) {
        self.roster.connections();
    }

    fn pick(&mut self, _: u64, _: &[u32]) -> Pick {
        let mut best = None;
        let mut lowest = u32::MAX;
        let mut equals = 0;
        for index in &self.roster.ready {
            let in_flight = self.roster.nodes[*index].note;
            if in_flight < lowest {
                (best, lowest, equals) = (Some(*index), in_flight, 1);
            } else if in_flight == lowest {
                equals += 1;
                if self.rng.u32(..equals) == 0 {
                    best = Some(*index);
                }
            }
        }
        let Some(index) = best else { return Pick::Wait };
        self.roster.nodes[index].note += 1;
        Pick::Server {
            server: self.roster.server(index),
            token: 0,
        }
    }

    fn end(&mut self, end: &End) {
        if let Some(in_flight) = self.roster.note(end.server) {
            *in_flight = in_flight.saturating_sub(1);
        }
    }
}
