//! The run itself: a queue of events in virtual time, without a thread or a clock.
//!
//! Calls arrive in a Poisson process whether or not earlier ones have been answered (open loop): a client that waits
//! for its answers would spare a slow server and flatter the balancer. Which client has the call, its demand and the
//! time of its arrival come from a generator of their own, so that every balancer is given the same calls for a seed.
//! Give-ups need no place in the queue of events: with one time-out for all, they are due in the order of calls.
//!
//! When not: nothing here knows packets, threads or TLS; real servers are faulted in the root package's tests.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use fastrand::Rng;
use lyceum::balancing::{Micros, Outcome};
use lyceum::policy;
use lyceum::resilience::budget::Budget;

use crate::balancer::{Balancer, End, Identity, Kind, Listing, Pick};
use crate::distribution::exponential;
use crate::measure::Measure;
use crate::scene::{Change, MILLI, SECOND, Scene};
use crate::server::{Report, Server, Visit};

/// How often balancers are given time of their own.
const TICK: u64 = 100 * MILLI;
/// How often a call that nobody could take is offered again.
const OFFER: u64 = 10 * MILLI;
/// How long an unhealthy answer to a health check takes when there is none.
const PROBE_TIMEOUT: u64 = SECOND;
/// A retry waits up to this long.
const BACKOFF: u64 = 50 * MILLI;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Event {
    /// The next call.
    Arrive,
    /// A server is done with a call, unless it was paused meanwhile.
    Done {
        server: u32,
        slot: u32,
        generation: u32,
        failed: bool,
        stolen: u64,
    },
    Retry {
        slot: u32,
        generation: u32,
    },
    Probed {
        client: u32,
        server: u32,
        healthy: bool,
    },
    Offer,
    Tick,
    Change(u32),
}

/// One call of a client.
#[derive(Debug, Default)]
struct Call {
    generation: u32,
    client: u32,
    arrived: u64,
    demand: u64,
    begun: u64,
    server: u32,
    token: u32,
    /// Servers that failed it.
    tried: Vec<u32>,
}

struct Client {
    balancer: Box<dyn Balancer>,
    budget: Budget,
    /// Calls that nobody could take.
    waiting: VecDeque<Visit>,
}

struct Engine<'a> {
    scene: &'a Scene,
    now: u64,
    events: BinaryHeap<Reverse<(u64, u64, Event)>>,
    sequence: u64,
    servers: Vec<Server>,
    connected: Vec<Arc<AtomicBool>>,
    listed: Vec<bool>,
    clients: Vec<Client>,
    calls: Vec<Call>,
    free: Vec<u32>,
    timeouts: VecDeque<(u64, Visit)>,
    /// Decides what arrives.
    arrivals: Rng,
    /// The exact time of the next arrival.
    next: f64,
    /// Decides what happens to it.
    fate: Rng,
    offering: bool,
    /// The settings of every client's retry budget: the defaults.
    budget: policy::Budget,
    probes: Vec<u32>,
    measure: Measure,
}

/// Runs a scene with a balancer in every client.
#[must_use]
pub fn run(scene: &Scene, kind: Kind, seed: u64) -> Measure {
    let mut root = Rng::with_seed(seed);
    let (arrivals, fate) = (root.fork(), root.fork());
    let clients = (0..scene.clients)
        .map(|client| Client {
            balancer: kind.build(
                root.fork(),
                Identity {
                    client,
                    zone: (client % u32::from(scene.zones)) as u8,
                    subset: scene.subset,
                },
            ),
            budget: Budget::default(),
            waiting: VecDeque::new(),
        })
        .collect();
    let mut engine = Engine {
        scene,
        now: 0,
        events: BinaryHeap::new(),
        sequence: 0,
        servers: (scene.instances.iter())
            .map(|instance| {
                let mut server = Server::new(instance.limit);
                server.up = instance.present;
                server
            })
            .collect(),
        connected: (scene.instances.iter())
            .map(|instance| Arc::new(AtomicBool::new(instance.present)))
            .collect(),
        listed: scene.instances.iter().map(|instance| instance.present).collect(),
        clients,
        calls: Vec::new(),
        free: Vec::new(),
        timeouts: VecDeque::new(),
        arrivals,
        next: 0.0,
        fate,
        offering: false,
        budget: policy::Budget::default(),
        probes: Vec::new(),
        measure: Measure::new(scene.instances.len(), scene.length),
    };
    engine.run();
    engine.measure
}

// === impl Engine ===

impl Engine<'_> {
    fn push(&mut self, time: u64, event: Event) {
        self.sequence += 1;
        self.events.push(Reverse((time, self.sequence, event)));
    }

    fn run(&mut self) {
        self.list();
        for (index, (time, _)) in self.scene.changes.iter().enumerate() {
            self.push(*time, Event::Change(index as u32));
        }
        self.push(0, Event::Arrive);
        self.push(TICK, Event::Tick);
        // After the last arrival everything inside has time to end.
        let end = self.scene.length
            + u64::from(self.scene.retry.map_or(1, |retry| retry.attempts)) * self.scene.timeout
            + SECOND;
        while let Some(Reverse((time, ..))) = self.events.peek().copied() {
            // A give-up may bring a retry that is due before that event.
            if let Some((due, visit)) = self.timeouts.front().copied()
                && due <= time
            {
                self.timeouts.pop_front();
                if self.is_under_way(visit) {
                    self.now = due;
                    self.end(visit.slot, Outcome::TimedOut, None);
                }
                continue;
            }
            if time > end {
                break;
            }
            self.now = time;
            if let Some(Reverse((_, _, event))) = self.events.pop() {
                self.handle(event);
            }
        }
    }

    /// Whether an attempt has not ended yet.
    fn is_under_way(&self, visit: Visit) -> bool {
        self.calls[visit.slot as usize].generation == visit.generation
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Arrive => self.arrive(),
            Event::Done {
                server,
                slot,
                generation,
                failed,
                stolen,
            } => {
                let owed = self.servers[server as usize].stolen() - stolen;
                if owed > 0 {
                    let stolen = stolen + owed;
                    let event = Event::Done {
                        server,
                        slot,
                        generation,
                        failed,
                        stolen,
                    };
                    self.push(self.now + owed, event);
                    return;
                }
                self.done(server, Visit { slot, generation }, failed);
            }
            Event::Retry { slot, generation } => {
                if self.is_under_way(Visit { slot, generation }) {
                    self.attempt(slot);
                }
            }
            Event::Probed {
                client,
                server,
                healthy,
            } => {
                let now = self.now;
                self.clients[client as usize].balancer.probed(server, healthy, now);
            }
            Event::Offer => self.offer(),
            Event::Tick => self.tick(),
            Event::Change(index) => self.change(self.scene.changes[index as usize].1),
        }
    }

    fn arrive(&mut self) {
        let slot = self.free.pop().unwrap_or_else(|| {
            self.calls.push(Call::default());
            self.calls.len() as u32 - 1
        });
        let demand = self.scene.spread.draw(&mut self.arrivals, self.scene.mean);
        let call = &mut self.calls[slot as usize];
        call.client = self.arrivals.u32(..self.scene.clients);
        call.arrived = self.now;
        call.demand = demand as u64;
        call.tried.clear();
        let client = &mut self.clients[call.client as usize];
        client.budget.deposit(Micros(self.now), &self.budget);
        self.measure.arrived(self.now);
        self.attempt(slot);
        self.next += exponential(&mut self.arrivals, SECOND as f64 / self.scene.rate);
        if self.next < self.scene.length as f64 {
            self.push(self.next as u64, Event::Arrive);
        }
    }

    /// Starts an attempt; its time runs from now.
    fn attempt(&mut self, slot: u32) {
        let generation = self.calls[slot as usize].generation;
        let visit = Visit { slot, generation };
        self.calls[slot as usize].begun = self.now;
        self.calls[slot as usize].server = u32::MAX;
        self.timeouts.push_back((self.now + self.scene.timeout, visit));
        if !self.place(visit) {
            let client = self.calls[slot as usize].client;
            self.clients[client as usize].waiting.push_back(visit);
            if !self.offering {
                self.offering = true;
                self.push(self.now + OFFER, Event::Offer);
            }
        }
    }

    /// Gives a call to whom the balancer picks; false: it has to wait.
    fn place(&mut self, visit: Visit) -> bool {
        let call = &mut self.calls[visit.slot as usize];
        let client = &mut self.clients[call.client as usize];
        match client.balancer.pick(self.now, &call.tried) {
            Pick::Wait => return false,
            Pick::Refuse => self.end(visit.slot, Outcome::Failed, None),
            Pick::Server { server, token } => {
                call.server = server;
                call.token = token;
                call.begun = self.now;
                self.measure.sent(self.now, server);
                self.enter(server, visit);
            }
        }
        true
    }

    fn enter(&mut self, number: u32, visit: Visit) {
        let server = &mut self.servers[number as usize];
        if !server.up {
            self.end(visit.slot, Outcome::Failed, None);
        } else if server.behaviour.silent {
            // It stays in nobody's line until its client gives up.
        } else if server.has_place() {
            self.serve(number, visit);
        } else {
            server.line.push_back(visit);
        }
    }

    fn serve(&mut self, number: u32, visit: Visit) {
        let server = &mut self.servers[number as usize];
        let failed = server.behaviour.fails > 0.0 && self.fate.f64() < server.behaviour.fails;
        let until = server.serve(self.now, self.calls[visit.slot as usize].demand, failed);
        let event = Event::Done {
            server: number,
            slot: visit.slot,
            generation: visit.generation,
            failed,
            stolen: server.stolen(),
        };
        self.push(until, event);
    }

    fn done(&mut self, number: u32, visit: Visit, failed: bool) {
        let server = &mut self.servers[number as usize];
        server.served(self.now, failed);
        let (report, silent) = (server.report(), server.behaviour.silent);
        if self.is_under_way(visit) && !silent {
            let outcome = if failed { Outcome::Failed } else { Outcome::Answered };
            self.end(visit.slot, outcome, Some(report));
        }
        // Whoever gave up while waiting has left the line.
        while let Some(next) = self.servers[number as usize].line.pop_front() {
            if self.is_under_way(next) {
                self.serve(number, next);
                break;
            }
        }
    }

    /// An attempt is over, and with it the call unless it may be tried again.
    fn end(&mut self, slot: u32, outcome: Outcome, report: Option<Report>) {
        let now = self.now;
        let call = &mut self.calls[slot as usize];
        call.generation += 1;
        let client = &mut self.clients[call.client as usize];
        if call.server != u32::MAX {
            client.balancer.end(&End {
                server: call.server,
                token: call.token,
                begun: call.begun,
                now,
                outcome,
                report,
            });
        }
        if outcome != Outcome::Answered
            && let Some(retry) = self.scene.retry
        {
            call.tried.push(call.server);
            if (call.tried.len() as u32) < retry.attempts
                && (!retry.budget || client.budget.withdraw(Micros(now), &self.budget))
            {
                let generation = call.generation;
                let pause = self.fate.u64(..BACKOFF);
                self.push(now + pause, Event::Retry { slot, generation });
                return;
            }
        }
        self.measure.ended(call.arrived, now, outcome);
        self.free.push(slot);
    }

    fn offer(&mut self) {
        self.offering = false;
        for client in 0..self.clients.len() {
            while let Some(visit) = self.clients[client].waiting.pop_front() {
                if self.is_under_way(visit) && !self.place(visit) {
                    self.clients[client].waiting.push_front(visit);
                    self.offering = true;
                    break;
                }
            }
        }
        if self.offering {
            self.push(self.now + OFFER, Event::Offer);
        }
    }

    fn tick(&mut self) {
        for client in 0..self.clients.len() {
            let mut probes = std::mem::take(&mut self.probes);
            self.clients[client].balancer.tick(self.now, &mut probes);
            for server in probes.drain(..) {
                let target = &self.servers[server as usize];
                let healthy = target.says_serving();
                let took = if target.up && !healthy { PROBE_TIMEOUT } else { MILLI };
                let client = client as u32;
                self.push(
                    self.now + took,
                    Event::Probed {
                        client,
                        server,
                        healthy,
                    },
                );
            }
            self.probes = probes;
        }
        self.push(self.now + TICK, Event::Tick);
    }

    fn change(&mut self, change: Change) {
        match change {
            Change::Behave(server, behaviour) => self.servers[server as usize].behaviour = behaviour,
            Change::Chill(server, length, factor) => {
                self.servers[server as usize].chill(self.now, length, factor);
            }
            Change::Pause(server, length) => self.servers[server as usize].pause(self.now, length),
            Change::Start(server) => {
                self.servers[server as usize].up = true;
                self.connect(server, true);
            }
            Change::Leave(server) => {
                self.servers[server as usize].up = false;
                self.connect(server, false);
            }
            Change::List(server) => {
                self.listed[server as usize] = true;
                self.list();
            }
            Change::Unlist(server) => {
                self.listed[server as usize] = false;
                self.list();
            }
        }
    }

    fn connect(&mut self, server: u32, connected: bool) {
        self.connected[server as usize].store(connected, Ordering::Relaxed);
        for client in &mut self.clients {
            client.balancer.connections(self.now);
        }
    }

    fn list(&mut self) {
        let listings: Vec<Listing> = (self.scene.instances.iter().enumerate())
            .filter(|(server, _)| self.listed[*server])
            .map(|(server, instance)| Listing {
                server: server as u32,
                weight: instance.weight,
                zone: instance.zone,
                connected: Arc::clone(&self.connected[server]),
            })
            .collect();
        for client in &mut self.clients {
            client.balancer.list(&listings, self.now);
        }
    }
}
