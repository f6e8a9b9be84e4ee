//! Every callee of this process, one each, kept up to date: instances, policy, upkeep, health checks of the ejected.

use std::collections::HashMap;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use http::uri::{Authority, Scheme};
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior};

use super::callee::{Callee, Shared};
use super::method::MethodStates;
use super::metrics::{Counters, Gatherer};
use super::outside::Outside;
use crate::balancing::{Micros, Pool};
use crate::configuration::Client;
use crate::discovery::{Discovery, Instances};
use crate::identity;
use crate::policy::Policies;
use crate::resilience::budget::Budget;
use crate::resilience::fallback::Fallback;
use crate::telemetry::Metrics;

/// How often the pool's medians, weights and ejections are looked after.
const UPKEEP: Duration = Duration::from_millis(100);

/// How often answers that are too old are forgotten, in µs.
const TIDY: u64 = 1_000_000;

/// The callees by name.
pub(super) type Known = Mutex<HashMap<String, Arc<Callee>>>;

/// Every callee of this process, one each.
#[derive(Debug)]
pub(crate) struct Callees {
    known: Arc<Known>,
    discovery: Discovery,
    policies: Policies,
    identity: identity::Source,
    settings: Client,
    metrics: Metrics,
    fallback: Arc<Fallback>,
    zone: String,
    epoch: Instant,
    /// Tells this process from its siblings.
    seed: u64,
}

impl Callees {
    #[expect(
        clippy::disallowed_methods,
        reason = "processes must differ in whom they call; nothing replays it"
    )]
    pub(crate) fn new(
        discovery: Discovery,
        policies: Policies,
        identity: identity::Source,
        settings: Client,
        zone: String,
        metrics: Metrics,
    ) -> Self {
        let known = Arc::<Known>::default();
        metrics.register(|registry| registry.register_collector(Box::new(Gatherer::new(&known))));
        Self {
            known,
            discovery,
            policies,
            identity,
            settings,
            metrics,
            fallback: Arc::default(),
            zone,
            epoch: Instant::now(),
            seed: fastrand::u64(..),
        }
    }

    /// What stands in for answers.
    pub(crate) fn fallback(&self) -> &Arc<Fallback> {
        &self.fallback
    }

    /// The callee of this name; followed from the first time on.
    pub(crate) fn get(&self, service: &str) -> Result<Arc<Callee>, identity::Error> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(callee) = known.get(service) {
            return Ok(Arc::clone(callee));
        }
        let instances = self.discovery.watch(service);
        let callee = self.callee(service, instances, None)?;
        known.insert(service.to_owned(), Arc::clone(&callee));
        Ok(callee)
    }

    /// A service outside the mesh; the same from the first time on.
    pub(crate) fn outside(&self, outside: &Outside) -> Result<Arc<Callee>, identity::Error> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(callee) = known.get(outside.name()) {
            return Ok(Arc::clone(callee));
        }
        let (fixed, instances) = watch::channel(Arc::new(outside.instances()));
        let callee = self.callee(outside.name(), instances, Some((outside, fixed)))?;
        known.insert(outside.name().to_owned(), Arc::clone(&callee));
        Ok(callee)
    }

    fn callee(
        &self,
        service: &str,
        instances: watch::Receiver<Arc<Instances>>,
        outside: Option<(&Outside, watch::Sender<Arc<Instances>>)>,
    ) -> Result<Arc<Callee>, identity::Error> {
        let id = self.identity.id().sibling(service)?;
        let policy = self.policies.watch(service);
        // Names in identities are a subset of what an authority may hold.
        let own = || service.parse().unwrap_or_else(|_| Authority::from_static("callee"));
        let (scheme, authority, security, fixed) = match outside {
            None => (Scheme::HTTPS, own(), None, None),
            Some((outside, fixed)) => (
                outside.scheme(),
                outside.authority(),
                Some(outside.security.clone()),
                Some(fixed),
            ),
        };
        let pool = Pool::new(policy.load().balancing.settings(), self.seed);
        let callee = Arc::new(Callee {
            service: service.to_owned(),
            scheme,
            authority,
            pool,
            shared: Arc::new(Shared {
                settings: self.settings.clone(),
                identity: self.identity.clone(),
                callee: id,
                outside: security,
                tls: ArcSwapOption::empty(),
                changed: watch::Sender::new(0),
            }),
            policy,
            budget: Budget::default(),
            methods: MethodStates::default(),
            fallback: Arc::clone(&self.fallback),
            counters: Counters::default(),
            metrics: self.metrics.clone(),
            instances: instances.clone(),
            settled: AtomicBool::new(false),
            _fixed: fixed,
            zone: self.zone.clone(),
            epoch: self.epoch,
        });
        tokio::spawn(follow(Arc::downgrade(&callee), instances));
        Ok(callee)
    }
}

/// Keeps one callee up to date until nobody holds it.
async fn follow(callee: Weak<Callee>, mut instances: watch::Receiver<Arc<Instances>>) {
    let Some(mut policy) = callee.upgrade().map(|callee| callee.policy.changes()) else {
        return;
    };
    let mut upkeep = tokio::time::interval(UPKEEP);
    upkeep.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut rng = fastrand::Rng::new();
    let mut tidied = Micros::default();
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
            Ok(()) = policy.changed() => {
                let Some(callee) = callee.upgrade() else { return };
                let settings = callee.policy.load().balancing.settings();
                callee.pool.configure(settings, callee.now());
                // Another subset has other members.
                let now = Arc::clone(&instances.borrow());
                callee.follow(&now);
            }
            _ = upkeep.tick() => {
                let Some(callee) = callee.upgrade() else { return };
                let now = callee.now();
                for endpoint in callee.pool.maintain(now, &mut rng) {
                    let callee = Arc::clone(&callee);
                    tokio::spawn(async move { callee.check(endpoint).await });
                }
                if now.since(tidied) >= TIDY {
                    tidied = now;
                    callee.fallback.maintain(now);
                }
            }
        }
    }
}
