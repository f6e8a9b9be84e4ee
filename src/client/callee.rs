//! One service to call: its pool of instances, following discovery, and the TLS settings that demand its identity.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use http::uri::{Authority, Scheme};
use rustls::ClientConfig;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior};

use super::EndpointReport;
use super::connection::{self, Connection};
use super::report;
use crate::balancing::{Ask, Endpoint, Micros, Pool, Wanted};
use crate::configuration::Client;
use crate::discovery::{Discovery, Instances};
use crate::error::Error;
use crate::identity::{self, SpiffeId};
use crate::telemetry::Metrics;

/// How often the pool's medians, weights and ejections are looked after.
const UPKEEP: Duration = Duration::from_millis(100);

/// What the connections of one callee share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) settings: Client,
    identity: identity::Source,
    callee: SpiffeId,
    /// The settings made from the certificate of this version.
    tls: ArcSwapOption<(u64, Arc<ClientConfig>)>,
    /// Counts changes that a waiting call should look at.
    changed: watch::Sender<u64>,
}

impl Shared {
    pub(super) fn announce(&self) {
        self.changed.send_modify(|changes| *changes += 1);
    }

    /// TLS settings from the newest certificate; made once for each.
    pub(super) fn tls(&self) -> Result<Arc<ClientConfig>, identity::Error> {
        let material = self.identity.material();
        if let Some(known) = self.tls.load().as_ref()
            && known.0 == material.version
        {
            return Ok(Arc::clone(&known.1));
        }
        let made = Arc::new(material.client(&self.callee)?);
        self.tls.store(Some(Arc::new((material.version, Arc::clone(&made)))));
        Ok(made)
    }
}

/// A service that this process calls.
#[derive(Debug)]
pub(crate) struct Callee {
    service: String,
    pub(super) scheme: Scheme,
    pub(super) authority: Authority,
    pub(super) pool: Pool<Connection>,
    pub(super) shared: Arc<Shared>,
    pub(super) metrics: Metrics,
    instances: watch::Receiver<Arc<Instances>>,
    epoch: Instant,
}

impl Callee {
    pub(crate) fn service(&self) -> &str {
        &self.service
    }

    /// The balancer's time.
    pub(super) fn now(&self) -> Micros {
        Micros(u64::try_from(self.epoch.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    pub(super) fn report(&self) -> Vec<EndpointReport> {
        report::of(&self.pool.endpoints(), &self.instances.borrow())
    }

    pub(super) async fn ready(&self) {
        let mut changed = self.shared.changed.subscribe();
        while !self.pool.endpoints().iter().any(|endpoint| endpoint.is_ready()) {
            if changed.changed().await.is_err() {
                return;
            }
        }
    }

    /// A ready instance that is not among `tried`, where there is one.
    ///
    /// # Errors
    /// UNAVAILABLE when nobody is there or nobody can be reached, unless the call waits.
    pub(super) async fn endpoint(
        &self,
        tried: &[Arc<Endpoint<Connection>>],
        wait: bool,
    ) -> Result<Arc<Endpoint<Connection>>, Error> {
        if let Some(endpoint) = self.pick(tried)
            && endpoint.is_ready()
        {
            return Ok(endpoint);
        }
        let mut changed = self.shared.changed.subscribe();
        loop {
            changed.mark_unchanged();
            match self.pick(tried) {
                Some(endpoint) if endpoint.is_ready() => return Ok(endpoint),
                Some(_) => {
                    let endpoints = self.pool.endpoints();
                    if !wait
                        && endpoints
                            .iter()
                            .all(|endpoint| endpoint.member().link().is_unreachable())
                    {
                        return Err(self.nobody("INSTANCES_UNREACHABLE", "no instance can be reached"));
                    }
                    for endpoint in &endpoints {
                        endpoint.member().link().hurry();
                    }
                }
                None if !wait && self.instances.borrow().is_known() => {
                    return Err(self.nobody("NO_INSTANCES", "no instance is serving"));
                }
                None => {}
            }
            if changed.changed().await.is_err() {
                return Err(self.nobody("NO_INSTANCES", "the fabric is stopping"));
            }
        }
    }

    fn nobody(&self, reason: &'static str, message: &str) -> Error {
        Error::unavailable(reason, format!("{message}: {}", self.service))
            .with_metadata("service", self.service.clone())
            .with_retry_after(Duration::from_secs(1))
    }

    fn pick(&self, tried: &[Arc<Endpoint<Connection>>]) -> Option<Arc<Endpoint<Connection>>> {
        thread_local! {
            // Each thread draws its own sequence; a simulator hands in a seeded one.
            static RNG: std::cell::RefCell<fastrand::Rng> = std::cell::RefCell::new(fastrand::Rng::new());
        }
        let now = self.now();
        RNG.with_borrow_mut(|rng| {
            self.pool.pick(
                rng,
                now,
                &Ask {
                    tried,
                    ..Ask::default()
                },
            )
        })
    }

    /// Takes over what discovery says now.
    fn follow(&self, instances: &Instances) {
        let wanted = instances.usable().map(|instance| {
            let wanted = Wanted {
                weight: instance.weight,
                same_zone: false,
            };
            (wanted, (connection::key(instance), instance))
        });
        let mut refused = Vec::new();
        self.pool.update(
            wanted,
            |(key, _)| key,
            |(key, instance)| {
                let made = Connection::spawn(key, instance, Arc::clone(&self.shared));
                if made.is_none() {
                    refused.push(instance.id.clone());
                }
                made
            },
            self.now(),
        );
        for id in refused {
            tracing::warn!(instance = %id, "announces an address that cannot be called");
        }
        self.shared.announce();
    }
}

/// Every callee of this process, one each.
#[derive(Debug)]
pub(crate) struct Callees {
    known: Mutex<HashMap<String, Arc<Callee>>>,
    discovery: Discovery,
    identity: identity::Source,
    settings: Client,
    metrics: Metrics,
}

impl Callees {
    pub(crate) fn new(discovery: Discovery, identity: identity::Source, settings: Client, metrics: Metrics) -> Self {
        Self {
            known: Mutex::default(),
            discovery,
            identity,
            settings,
            metrics,
        }
    }

    /// The callee of this name; followed from the first time on.
    pub(crate) fn get(&self, service: &str) -> Result<Arc<Callee>, identity::Error> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(callee) = known.get(service) {
            return Ok(Arc::clone(callee));
        }
        let id = self.identity.id().sibling(service)?;
        let instances = self.discovery.watch(service);
        let callee = Arc::new(Callee {
            service: service.to_owned(),
            scheme: Scheme::HTTPS,
            // Names in identities are a subset of what an authority may hold.
            authority: service.parse().unwrap_or_else(|_| Authority::from_static("callee")),
            pool: Pool::default(),
            shared: Arc::new(Shared {
                settings: self.settings.clone(),
                identity: self.identity.clone(),
                callee: id,
                tls: ArcSwapOption::empty(),
                changed: watch::Sender::new(0),
            }),
            metrics: self.metrics.clone(),
            instances: instances.clone(),
            epoch: Instant::now(),
        });
        tokio::spawn(follow(Arc::downgrade(&callee), instances));
        known.insert(service.to_owned(), Arc::clone(&callee));
        Ok(callee)
    }
}

async fn follow(callee: Weak<Callee>, mut instances: watch::Receiver<Arc<Instances>>) {
    let mut upkeep = tokio::time::interval(UPKEEP);
    upkeep.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut rng = fastrand::Rng::new();
    instances.mark_changed();
    loop {
        tokio::select! {
            changed = instances.changed() => {
                let Some(callee) = callee.upgrade() else { return };
                if changed.is_err() {
                    return;
                }
                let now = Arc::clone(&instances.borrow_and_update());
                callee.follow(&now);
            }
            _ = upkeep.tick() => {
                let Some(callee) = callee.upgrade() else { return };
                let now = callee.now();
                for endpoint in callee.pool.maintain(now, &mut rng) {
                    endpoint.probed(now, endpoint.is_ready());
                }
            }
        }
    }
}
