//! A register in memory that keeps Consul's rules, so that registration and discovery can be tested on a paused clock.
//!
//! It has an index that output-only heartbeats do not bump, blocking reads, TTL checks that lapse, maintenance that
//! survives re-registration, and faults to order: unreachable, wiped, or answering from a server without a leader. It is
//! no production register: nothing outside the process sees it.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::consul::{
    Answer, Check, Entry, EntryService, EntryWeights, Error, Health, MAX_WAIT, Node, Query, Result, Service,
    maintenance_check_id,
};

const NODE: &str = "memory";
const NODE_ADDRESS: &str = "127.0.0.1";

/// The register. Clones share it.
#[derive(Clone, Debug)]
pub struct Memory {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    register: Mutex<Register>,
    /// Wakes blocked reads after every change.
    changes: watch::Sender<()>,
}

#[derive(Debug)]
struct Register {
    index: u64,
    /// Counts wipes and outages: a read that began before one breaks off, as its connection would.
    life: u64,
    held: BTreeMap<String, Held>,
    fault: Option<Error>,
    leaderless: bool,
    reads: u64,
    heartbeats: u64,
    registrations: u64,
}

#[derive(Debug)]
struct Held {
    service: Service,
    health: Health,
    output: String,
    /// The output that reads show: an agent tells the others of a new output with a new status, or minutes later.
    shown: String,
    lapses: Instant,
    critical_since: Option<Instant>,
    maintenance: Option<String>,
}

// === impl Memory ===

impl Memory {
    /// An empty register.
    #[must_use]
    pub fn new() -> Self {
        let register = Register {
            index: 1,
            life: 0,
            held: BTreeMap::new(),
            fault: None,
            leaderless: false,
            reads: 0,
            heartbeats: 0,
            registrations: 0,
        };
        Self {
            shared: Arc::new(Shared {
                register: Mutex::new(register),
                changes: watch::Sender::new(()),
            }),
        }
    }

    /// From now on every call fails with this error (and blocked reads break off), or with none works again.
    pub fn set_fault(&self, fault: Option<Error>) {
        let mut register = self.lock();
        register.life += u64::from(fault.is_some());
        register.fault = fault;
        self.changed(register);
    }

    /// Whether stale reads come from a server that knows no leader and sees nothing.
    pub fn set_leaderless(&self, leaderless: bool) {
        let mut register = self.lock();
        register.leaderless = leaderless;
        register.index += 1;
        self.changed(register);
    }

    /// Forgets everything, the index too, as an agent does that is restarted with its data wiped.
    pub fn wipe(&self) {
        let mut register = self.lock();
        register.life += 1;
        register.held.clear();
        register.index = 1;
        self.changed(register);
    }

    /// How many reads were asked so far: hammering shows here.
    #[must_use]
    pub fn reads(&self) -> u64 {
        self.lock().reads
    }

    /// How many heartbeats came so far, refused ones too.
    #[must_use]
    pub fn heartbeats(&self) -> u64 {
        self.lock().heartbeats
    }

    /// How many registrations came so far, refused ones and those that changed nothing too.
    #[must_use]
    pub fn registrations(&self) -> u64 {
        self.lock().registrations
    }

    /// The ids of everything that is registered.
    #[must_use]
    pub fn ids(&self) -> Vec<String> {
        self.lock().held.keys().cloned().collect()
    }

    /// Registers an instance, or changes it; the same again changes nothing.
    ///
    /// # Errors
    /// Only an ordered fault.
    pub fn register(&self, service: &Service) -> Result<()> {
        self.lock().registrations += 1;
        let mut register = self.working()?;
        match register.held.get_mut(&service.id) {
            Some(held) if same(&held.service, service) => return Ok(()),
            Some(held) => held.service = service.clone(),
            None => {
                let held = Held {
                    service: service.clone(),
                    health: service.check.status,
                    output: String::new(),
                    shown: String::new(),
                    lapses: Instant::now() + service.check.ttl,
                    critical_since: None,
                    maintenance: None,
                };
                register.held.insert(service.id.clone(), held);
            }
        }
        register.index += 1;
        self.changed(register);
        Ok(())
    }

    /// Removes an instance; an unknown one is fine.
    ///
    /// # Errors
    /// Only an ordered fault.
    pub fn deregister(&self, id: &str) -> Result<()> {
        let mut register = self.working()?;
        if register.held.remove(id).is_some() {
            register.index += 1;
            self.changed(register);
        }
        Ok(())
    }

    /// Takes an instance out of service, or back.
    ///
    /// # Errors
    /// 404 for an unknown instance, or an ordered fault.
    pub fn maintenance(&self, id: &str, enable: bool, reason: &str) -> Result<()> {
        let mut register = self.working()?;
        let Some(held) = register.held.get_mut(id) else {
            return Err(Error::Refused {
                operation: "change a service's maintenance",
                status: http::StatusCode::NOT_FOUND,
                body: "unknown service".to_owned(),
            });
        };
        let maintenance = enable.then(|| reason.to_owned());
        if held.maintenance != maintenance {
            held.maintenance = maintenance;
            register.index += 1;
            self.changed(register);
        }
        Ok(())
    }

    /// Why an instance is in maintenance, or none when it is not.
    ///
    /// # Errors
    /// Only an ordered fault.
    pub fn maintenance_reason(&self, id: &str) -> Result<Option<String>> {
        Ok(self.working()?.held.get(id).and_then(|held| held.maintenance.clone()))
    }

    /// A heartbeat of a TTL check; one that changes only the note does not bump the index, and is not shown.
    ///
    /// # Errors
    /// [`Error::UnknownCheck`], or an ordered fault.
    pub fn heartbeat(&self, check: &str, health: Health, note: &str) -> Result<()> {
        self.lock().heartbeats += 1;
        let mut register = self.working()?;
        let now = Instant::now();
        let Some(held) = register.held.values_mut().find(|held| held.service.check.id == check) else {
            return Err(Error::UnknownCheck {
                check: check.to_owned(),
            });
        };
        note.clone_into(&mut held.output);
        held.lapses = now + held.service.check.ttl;
        held.critical_since = (health == Health::Critical).then(|| held.critical_since.unwrap_or(now));
        if held.health != health {
            held.health = health;
            held.shown.clone_from(&held.output);
            register.index += 1;
            self.changed(register);
        }
        Ok(())
    }

    /// Every instance of a service.
    ///
    /// # Errors
    /// Only an ordered fault.
    pub async fn health(&self, service: &str, query: &Query) -> Result<Answer<Vec<Entry>>> {
        self.read(query, |register| {
            register
                .held
                .values()
                .filter(|held| held.service.name == service)
                .map(Held::entry)
                .collect()
        })
        .await
    }

    /// Every service's name with its tags.
    ///
    /// # Errors
    /// Only an ordered fault.
    pub async fn services(&self, query: &Query) -> Result<Answer<BTreeMap<String, Vec<String>>>> {
        self.read(query, |register| {
            let mut services = BTreeMap::<String, Vec<String>>::new();
            for Held { service, .. } in register.held.values() {
                let tags = services.entry(service.name.clone()).or_default();
                tags.extend(service.tags.iter().cloned());
                tags.sort();
                tags.dedup();
            }
            services
        })
        .await
    }

    async fn read<T: Default>(&self, query: &Query, value: impl Fn(&Register) -> T) -> Result<Answer<T>> {
        let mut changes = self.shared.changes.subscribe();
        let until = Instant::now() + query.wait.min(MAX_WAIT);
        let life = {
            let mut register = self.lock();
            register.reads += 1;
            register.life
        };
        loop {
            let wake = {
                let mut register = self.working()?;
                if register.life != life {
                    return Err(broken_off());
                }
                let now = Instant::now();
                if register.lapse(now) {
                    self.shared.changes.send_replace(());
                }
                if register.index > query.index || query.index == 0 || now >= until {
                    let leaderless = register.leaderless && query.stale;
                    return Ok(Answer {
                        value: if leaderless { T::default() } else { value(&register) },
                        index: register.index,
                        known_leader: !leaderless,
                        last_contact: Duration::ZERO,
                        filtered: false,
                        connections: 0,
                    });
                }
                register.next_lapse().map_or(until, |lapse| lapse.min(until))
            };
            tokio::select! {
                _ = changes.changed() => {}
                () = tokio::time::sleep_until(wake) => {}
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Register> {
        self.shared.register.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn working(&self) -> Result<MutexGuard<'_, Register>> {
        let mut register = self.lock();
        if let Some(fault) = register.fault.clone() {
            return Err(fault);
        }
        register.lapse(Instant::now());
        Ok(register)
    }

    fn changed(&self, register: MutexGuard<'_, Register>) {
        drop(register);
        self.shared.changes.send_replace(());
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

/// Everything but the initial status, which only counts the first time.
fn same(held: &Service, again: &Service) -> bool {
    let mut again = again.clone();
    again.check.status = held.check.status;
    *held == again
}

fn broken_off() -> Error {
    Error::Unreachable {
        address: NODE.to_owned(),
        reason: "connection closed".to_owned(),
    }
}

// === impl Register ===

impl Register {
    /// Turns critical what was silent for too long, and removes what was critical for too long.
    fn lapse(&mut self, now: Instant) -> bool {
        let before = self.index;
        for held in self.held.values_mut() {
            if held.health != Health::Critical && held.lapses <= now {
                held.health = Health::Critical;
                held.critical_since = Some(now);
                held.output = format!("TTL expired (last output before timeout follows): {}", held.output);
                held.shown.clone_from(&held.output);
                self.index += 1;
            }
        }
        let count = self.held.len();
        self.held.retain(|_, held| held.reaped_at().is_none_or(|at| now < at));
        self.index += u64::from(self.held.len() < count);
        self.index != before
    }

    fn next_lapse(&self) -> Option<Instant> {
        self.held
            .values()
            .filter_map(|held| {
                if held.health == Health::Critical {
                    held.reaped_at()
                } else {
                    Some(held.lapses)
                }
            })
            .min()
    }
}

// === impl Held ===

impl Held {
    fn reaped_at(&self) -> Option<Instant> {
        self.critical_since
            .map(|since| since + self.service.check.deregister_critical_service_after)
    }

    fn entry(&self) -> Entry {
        let service = &self.service;
        let check = |id: &str, status: Health, notes: &str, output: &str| Check {
            id: id.to_owned(),
            name: id.to_owned(),
            status: status.as_str().to_owned(),
            notes: notes.to_owned(),
            output: output.to_owned(),
            service_id: service.id.clone(),
        };
        let mut checks = vec![check(&service.check.id, self.health, "", &self.shown)];
        if let Some(reason) = &self.maintenance {
            checks.push(check(&maintenance_check_id(&service.id), Health::Critical, reason, ""));
        }
        Entry {
            node: Node {
                name: NODE.to_owned(),
                address: NODE_ADDRESS.to_owned(),
                ..Node::default()
            },
            service: EntryService {
                id: service.id.clone(),
                name: service.name.clone(),
                address: service.address.clone(),
                port: i64::from(service.port),
                tags: service.tags.clone(),
                meta: service.meta.clone(),
                weights: Some(EntryWeights {
                    passing: Some(i64::from(service.weights.passing)),
                    warning: Some(i64::from(service.weights.warning)),
                }),
            },
            checks,
        }
    }
}
