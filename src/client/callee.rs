//! One service to call: its pool of instances, its policy, what is known of its methods, and the TLS settings that
//! demand its identity.
//!
//! When not: that it is kept up to date is the business of `callees`. Source: `balancing`, `policy`, `resilience`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use http::uri::{Authority, Scheme};
use rustls::ClientConfig;
use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use super::connection::{self, Connection};
use super::method::{MethodState, MethodStates};
use super::metrics::Counters;
use super::outside::Security;
use super::plan::Plan;
use super::{CalleeReport, EndpointReport, report};
use crate::balancing::{Ask, Endpoint, Micros, Pool, Wanted};
use crate::configuration::Client;
use crate::discovery::Instances;
use crate::error::Error;
use crate::identity::{self, SpiffeId};
use crate::policy::Watched;
use crate::resilience::budget::Budget;
use crate::resilience::fallback::Fallback;
use crate::telemetry::Metrics;

/// What the connections of one callee share.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) settings: Client,
    pub(super) identity: identity::Source,
    pub(super) callee: SpiffeId,
    /// Of a service outside the mesh, whose identity is not asked for.
    pub(super) outside: Option<Security>,
    /// The settings made from the certificate of this version.
    pub(super) tls: ArcSwapOption<(u64, Arc<ClientConfig>)>,
    /// Counts changes that a waiting call should look at.
    pub(super) changed: watch::Sender<u64>,
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
    pub(super) service: String,
    pub(super) scheme: Scheme,
    pub(super) authority: Authority,
    pub(super) pool: Pool<Connection>,
    pub(super) shared: Arc<Shared>,
    pub(super) policy: Arc<Watched>,
    pub(super) budget: Budget,
    pub(super) methods: MethodStates,
    pub(super) fallback: Arc<Fallback>,
    pub(super) counters: Counters,
    pub(super) metrics: Metrics,
    pub(super) instances: watch::Receiver<Arc<Instances>>,
    /// Whether discovery has answered and the pool has its answer: what is not in the pool then is not there.
    pub(super) settled: AtomicBool,
    /// Of a service outside the mesh: what says where it is, for as long as it is called.
    pub(super) _fixed: Option<watch::Sender<Arc<Instances>>>,
    /// This process's zone; empty where it has none.
    pub(super) zone: String,
    pub(super) epoch: Instant,
}

impl Callee {
    pub(crate) fn service(&self) -> &str {
        &self.service
    }

    /// The balancer's time.
    pub(super) fn now(&self) -> Micros {
        Micros(u64::try_from(self.epoch.elapsed().as_micros()).unwrap_or(u64::MAX))
    }

    /// What is known of the method at `index` of [`crate::contracts::METHODS`].
    pub(super) fn method(&self, index: Option<usize>) -> &MethodState {
        self.methods.get(index)
    }

    pub(super) fn endpoints(&self) -> Vec<EndpointReport> {
        report::endpoints(&self.pool.endpoints(), &self.instances.borrow(), self.now())
    }

    pub(super) fn report(&self) -> CalleeReport {
        report::callee(self)
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
    /// UNAVAILABLE when nobody is there or nobody can be reached, unless the call waits; DEADLINE_EXCEEDED when it has
    /// waited for so long.
    pub(super) async fn endpoint(
        &self,
        plan: &Plan,
        tried: &[Arc<Endpoint<Connection>>],
    ) -> Result<Arc<Endpoint<Connection>>, Error> {
        if let Some(endpoint) = self.pick(plan, tried)
            && endpoint.is_ready()
        {
            return Ok(endpoint);
        }
        let waiting = self.awaited(plan, tried);
        match plan.deadline {
            Some(deadline) => timeout_at(deadline, waiting)
                .await
                .unwrap_or_else(|_| Err(Error::deadline_exceeded())),
            None => waiting.await,
        }
    }

    async fn awaited(
        &self,
        plan: &Plan,
        tried: &[Arc<Endpoint<Connection>>],
    ) -> Result<Arc<Endpoint<Connection>>, Error> {
        let mut changed = self.shared.changed.subscribe();
        loop {
            changed.mark_unchanged();
            // Looked at first: the pool may be filled between the two.
            let settled = self.settled.load(Ordering::Acquire);
            match self.pick(plan, tried) {
                Some(endpoint) if endpoint.is_ready() => return Ok(endpoint),
                Some(_) => {
                    let endpoints = self.pool.endpoints();
                    for endpoint in &endpoints {
                        endpoint.member().link().hurry();
                    }
                    if !plan.wait
                        && endpoints
                            .iter()
                            .all(|endpoint| endpoint.member().link().is_unreachable())
                    {
                        // Another attempt will not help: somebody has to look.
                        let distrusted =
                            |endpoint: &Arc<Endpoint<Connection>>| endpoint.member().link().is_distrusted();
                        return Err(if !endpoints.is_empty() && endpoints.iter().all(distrusted) {
                            self.nobody("CERTIFICATE_REFUSED", "no instance shows a certificate that is trusted")
                        } else {
                            self.nobody("INSTANCES_UNREACHABLE", "no instance can be reached")
                        });
                    }
                }
                None if !plan.wait && settled => {
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

    /// Whom the balancer would ask next, ready or not.
    pub(super) fn pick(&self, plan: &Plan, tried: &[Arc<Endpoint<Connection>>]) -> Option<Arc<Endpoint<Connection>>> {
        let ask = Ask {
            tried,
            affinity: plan.affinity,
            pinned: None,
            streaming: plan.server_streams() && plan.index.is_some(),
        };
        let now = self.now();
        draw(|rng| self.pool.pick(rng, now, &ask).map(|picked| Arc::clone(&picked)))
    }

    /// Takes over what discovery says now.
    pub(super) fn follow(&self, instances: &Instances) {
        let wanted = instances.usable().map(|instance| {
            let wanted = Wanted {
                weight: instance.weight,
                same_zone: !self.zone.is_empty() && instance.zone == self.zone,
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
        if instances.is_known() {
            self.settled.store(true, Ordering::Release);
        }
        self.shared.announce();
    }
}

/// Draws from this thread's own sequence; a simulator hands in a seeded one.
pub(super) fn draw<T>(with: impl FnOnce(&mut fastrand::Rng) -> T) -> T {
    thread_local! {
        static RNG: std::cell::RefCell<fastrand::Rng> = std::cell::RefCell::new(fastrand::Rng::new());
    }
    RNG.with_borrow_mut(with)
}
