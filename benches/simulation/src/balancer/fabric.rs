//! The fabric's own balancing, the very code that its client runs, on the simulator's clock.
//!
//! With default settings but for the size of a subset. Health checks that the pool asks for are answered by the
//! simulated server; what a server reports of its load comes back with each answer, as in the trailer of gRFC A51.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use fastrand::Rng;
use lyceum::balancing::{Ask, Endpoint, Member, Micros, Pool, Settings, Ticket, Wanted, hash};

use super::{Balancer, End, Identity, Listing, Pick};

/// A simulated connection.
#[derive(Debug)]
struct Connection {
    key: String,
    server: u32,
    connected: Arc<AtomicBool>,
}

impl Member for Connection {
    fn key(&self) -> &str {
        &self.key
    }

    fn is_ready(&self) -> bool {
        self.connected.load(Ordering::Relaxed)
    }
}

pub(super) struct Fabric {
    rng: Rng,
    pool: Pool<Connection>,
    zone: u8,
    /// Calls under way, by token.
    tickets: Vec<Option<Ticket<Connection>>>,
    free: Vec<u32>,
    /// Whose health was asked for, until the answer comes.
    asked: Vec<Arc<Endpoint<Connection>>>,
}

impl Fabric {
    pub(super) fn new(rng: Rng, identity: Identity) -> Self {
        let settings = Settings {
            subset: identity.subset,
            ..Settings::default()
        };
        Self {
            rng,
            pool: Pool::new(settings, hash(&identity.client.to_le_bytes())),
            zone: identity.zone,
            tickets: Vec::new(),
            free: Vec::new(),
            asked: Vec::new(),
        }
    }

    fn keep(&mut self, ticket: Ticket<Connection>) -> u32 {
        match self.free.pop() {
            Some(token) => {
                self.tickets[token as usize] = Some(ticket);
                token
            }
            None => {
                self.tickets.push(Some(ticket));
                self.tickets.len() as u32 - 1
            }
        }
    }
}

impl Balancer for Fabric {
    fn list(&mut self, servers: &[Listing], now: u64) {
        let zone = self.zone;
        self.pool.update(
            servers.iter().map(|listing| {
                let wanted = Wanted {
                    weight: listing.weight,
                    same_zone: listing.zone == zone,
                };
                (wanted, (listing.server.to_string(), listing))
            }),
            |(key, _)| key.as_str(),
            |(key, listing)| {
                Some(Connection {
                    key,
                    server: listing.server,
                    connected: Arc::clone(&listing.connected),
                })
            },
            Micros(now),
        );
    }

    fn connections(&mut self, _: u64) {}

    fn pick(&mut self, now: u64, tried: &[u32]) -> Pick {
        let tried: Vec<Arc<Endpoint<Connection>>> = if tried.is_empty() {
            Vec::new()
        } else {
            (self.pool.endpoints().into_iter())
                .filter(|endpoint| tried.contains(&endpoint.member().server))
                .collect()
        };
        let ask = Ask {
            tried: &tried,
            ..Ask::default()
        };
        let picked = self.pool.pick(&mut self.rng, Micros(now), &ask);
        let Some(endpoint) = picked.filter(|endpoint| endpoint.is_ready()) else {
            return Pick::Wait;
        };
        let server = endpoint.member().server;
        let token = self.keep(endpoint.begin(Micros(now)));
        Pick::Server { server, token }
    }

    fn end(&mut self, end: &End) {
        let Some(ticket) = self.tickets[end.token as usize].take() else {
            return;
        };
        self.free.push(end.token);
        if let Some(report) = end.report {
            ticket.endpoint().reported(Micros(end.now), report.utilization as f32);
        }
        ticket.end(Micros(end.now), end.outcome, true);
    }

    fn tick(&mut self, now: u64, probes: &mut Vec<u32>) {
        let due = self.pool.maintain(Micros(now), &mut self.rng);
        probes.extend(due.iter().map(|endpoint| endpoint.member().server));
        self.asked.extend(due);
    }

    fn probed(&mut self, server: u32, healthy: bool, now: u64) {
        self.asked.retain(|endpoint| {
            let is_it = endpoint.member().server == server;
            if is_it {
                endpoint.probed(Micros(now), healthy);
            }
            !is_it
        });
    }
}

#[cfg(test)]
mod tests {
    use lyceum::balancing::Policy;

    use super::*;

    #[test]
    fn random_keeps_to_the_weights() {
        let mut fabric = Fabric::new(Rng::with_seed(5), Identity::default());
        let settings = Settings {
            policy: Policy::Random,
            ..Settings::default()
        };
        fabric.pool.configure(settings, Micros(0));
        let listings: Vec<Listing> = [400, 100, 100, 200]
            .into_iter()
            .zip(0..)
            .map(|(weight, server)| Listing {
                server,
                weight,
                zone: 0,
                connected: Arc::new(AtomicBool::new(true)),
            })
            .collect();
        fabric.list(&listings, 0);
        let mut counts = [0_u32; 4];
        for now in 0..80_000 {
            let Pick::Server { server, .. } = fabric.pick(now, &[]) else {
                unreachable!("everybody is ready");
            };
            counts[server as usize] += 1;
        }
        for (count, right) in counts.into_iter().zip([40_000, 10_000, 10_000, 20_000]) {
            assert!(count.abs_diff(right) < 600, "{count}, right is {right}");
        }
    }
}
