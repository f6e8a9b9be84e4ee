//! The fabric's own balancing, the very code that its client runs, on the simulator's clock.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use fastrand::Rng;
use lyceum::balancing::{Endpoint, Member, Micros, Pool, Ticket};

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
    /// Calls under way, by token.
    tickets: Vec<Option<Ticket<Connection>>>,
    free: Vec<u32>,
}

impl Fabric {
    pub(super) fn new(rng: Rng, _: Identity) -> Self {
        Self {
            rng,
            pool: Pool::default(),
            tickets: Vec::new(),
            free: Vec::new(),
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
    fn list(&mut self, servers: &[Listing], _: u64) {
        self.pool.update(
            servers
                .iter()
                .map(|listing| (listing.weight, (listing.server.to_string(), listing))),
            |(key, _)| key.as_str(),
            |(key, listing)| {
                Some(Connection {
                    key,
                    server: listing.server,
                    connected: Arc::clone(&listing.connected),
                })
            },
        );
    }

    fn connections(&mut self) {}

    fn pick(&mut self, now: u64, tried: &[u32]) -> Pick {
        let tried: Vec<Arc<Endpoint<Connection>>> = if tried.is_empty() {
            Vec::new()
        } else {
            self.pool
                .endpoints()
                .into_iter()
                .filter(|e| tried.contains(&e.member().server))
                .collect()
        };
        let Some(endpoint) = self.pool.pick(&mut self.rng, Micros(now), &tried) else {
            return Pick::Wait;
        };
        if !endpoint.is_ready() {
            return Pick::Wait;
        }
        let server = endpoint.member().server;
        let token = self.keep(endpoint.begin(Micros(now)));
        Pick::Server { server, token }
    }

    fn end(&mut self, end: &End) {
        if let Some(ticket) = self.tickets[end.token as usize].take() {
            ticket.end(Micros(end.now), end.outcome, true);
            self.free.push(end.token);
        }
    }
}
