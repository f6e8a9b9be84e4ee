//! Serving: a service's methods on a mutual-TLS port, announced in Consul, drained in good order.
//!
//! [`Server`] adds to a generated server what every service owes its callers and operators: who may call and for whom, context and
//! deadline, input rules (in the codec), metrics (`GET /metrics` on the same port), `grpc.health.v1`, reflection v1 and
//! v1alpha, limits. There is no plaintext port: operators use a certificate of their own.
//!
//! What comes in is measured, and refused before it drowns the rest: [`admission`]. Each answer tells its caller how
//! busy the instance is ([`LoadHandle`]); an instance that stays overloaded says so in Consul.
//!
//! Draining: maintenance in Consul → health NOT_SERVING → a moment for callers to see it → GOAWAY on every connection →
//! grace for calls under way → UNAVAILABLE for those that outlast it → deregistration. When not: the browser's side is the gateway's.
//! Why not tonic's server: TLS is configured per accept here, so that renewed certificates are used without a restart,
//! and connections age with jitter (gRPC A9). Source: gRPC's graceful shutdown; ztunnel's per-accept configuration.

mod accept;
pub mod admission;
mod compute;
mod frames;
mod health;
mod inbound;
mod lingering;
mod load;
mod presence;
mod reply;

pub use compute::{SHORT_TEXT, compute};
pub use health::HealthHandle;
pub use load::LoadHandle;
pub use presence::Presence;

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::time::{Instant, MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::server::NamedService;
use tonic::service::{Routes, RoutesBuilder};

use crate::contracts::{DESCRIPTORS, METHODS};
use crate::fabric::Fabric;
use crate::identity;
use crate::policy::Watched;
use crate::principal::Access;
use crate::privacy::Consent;
use crate::registration::Health;

/// How often a server looks at its own load.
const LOOK: Duration = Duration::from_millis(100);

/// Why a server could not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The port cannot be had.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// The contracts cannot be reflected.
    #[error("cannot serve reflection: {0}")]
    Reflection(#[from] tonic_reflection::server::Error),
    /// No usable certificate.
    #[error(transparent)]
    Identity(#[from] identity::Error),
}

/// A service in the making.
#[derive(Debug)]
pub struct Server {
    fabric: Fabric,
    routes: RoutesBuilder,
    methods: Vec<String>,
    capabilities: Vec<String>,
    consent: Consent,
    foreign: Access,
    health: HealthHandle,
    admission: admission::Handle,
    load: LoadHandle,
}

impl Server {
    /// A server for the service that `fabric` was started as.
    #[must_use]
    pub fn new(fabric: &Fabric) -> Self {
        let mut routes = RoutesBuilder::default();
        let (health, service) = HealthHandle::new();
        routes.add_service(service);
        let admission = admission::Handle::new(fabric.metrics().admission().clone());
        Self {
            load: LoadHandle::new(admission.clone()),
            admission,
            fabric: fabric.clone(),
            routes,
            methods: Vec::new(),
            capabilities: Vec::new(),
            consent: Consent::Processing,
            foreign: Access::DENIED,
            health,
        }
    }

    /// Adds a generated server.
    #[must_use]
    #[expect(
        clippy::should_implement_trait,
        reason = "it adds a service, as every builder of servers calls it"
    )]
    pub fn add<S>(mut self, service: S) -> Self
    where
        S: tower::Service<http::Request<Body>, Response = http::Response<Body>, Error = Infallible>
            + NamedService
            + Clone
            + Send
            + Sync
            + 'static,
        S::Future: Send + 'static,
    {
        self.methods.push(S::NAME.to_owned());
        self.routes.add_service(service);
        self
    }

    /// Announces something that this instance can do beyond its contract.
    #[must_use]
    pub fn capable_of(mut self, capability: impl Into<String>) -> Self {
        self.capabilities.push(capability.into());
        self
    }

    /// What a call must at least be allowed to do with a student's data; [`Consent::Processing`] unless said.
    #[must_use]
    pub fn requires(mut self, consent: Consent) -> Self {
        self.consent = consent;
        self
    }

    /// Who may call methods that none of our contracts knows; nobody unless said. What a contract of ours says of its own
    /// stands.
    #[must_use]
    pub fn allow(mut self, access: Access) -> Self {
        self.foreign = access;
        self
    }

    /// Tells callers and operators how the service is; see [`HealthHandle`].
    #[must_use]
    pub fn health(&self) -> HealthHandle {
        self.health.clone()
    }

    /// Looks at how much the server takes on and changes it; see [`admission`].
    #[must_use]
    pub fn admission(&self) -> admission::Handle {
        self.admission.clone()
    }

    /// Tells callers how busy the service's own resources are; see [`LoadHandle`].
    #[must_use]
    pub fn load(&self) -> LoadHandle {
        self.load.clone()
    }

    /// Listens and announces the instance; calls are answered once [`Bound::serve`] runs.
    ///
    /// # Errors
    /// A port that cannot be had.
    pub async fn bind(mut self) -> Result<Bound, Error> {
        let settings = self.fabric.configuration().serving.clone();
        let wanted = SocketAddr::new(settings.address, settings.port);
        let failed = |source| Error::Listen {
            address: wanted,
            source,
        };
        let listener = TcpListener::bind(wanted).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;

        let mut reflected = self.methods.clone();
        reflected.push("grpc.health.v1.Health".to_owned());
        let reflection = || {
            let builder = tonic_reflection::server::Builder::configure()
                .register_encoded_file_descriptor_set(DESCRIPTORS)
                .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET);
            reflected
                .iter()
                .fold(builder, |builder, name| builder.with_service_name(name))
        };
        self.routes.add_service(reflection().build_v1()?);
        self.routes.add_service(reflection().build_v1alpha()?);
        self.health.serving(&self.methods).await;

        // The policy as far as it is known; `serve` follows it.
        let policy = self.fabric.policies().watch(self.fabric.service());
        self.admission.apply(&policy.load().serving);
        let ours = |service: &str| METHODS.iter().any(|method| method.service == service);
        let foreign = inbound::Foreign {
            services: self.methods.iter().filter(|service| !ours(service)).cloned().collect(),
            access: self.foreign,
        };
        let presence = Presence::announce(&self.fabric, address, self.methods, self.capabilities);
        self.health.announce_through(presence.id());
        let routes = self.routes.routes().prepare();
        Ok(Bound {
            fabric: self.fabric,
            listener,
            address,
            routes,
            presence,
            health: self.health,
            consent: self.consent,
            foreign,
            admission: self.admission,
            load: self.load,
            policy,
        })
    }

    /// Serves until `shutdown`, then drains.
    ///
    /// # Errors
    /// As [`Server::bind`].
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), Error> {
        self.bind().await?.serve(shutdown).await;
        Ok(())
    }
}

/// A server that listens and is announced.
#[derive(Debug)]
pub struct Bound {
    fabric: Fabric,
    listener: TcpListener,
    address: SocketAddr,
    routes: Routes,
    presence: Presence,
    health: HealthHandle,
    consent: Consent,
    foreign: inbound::Foreign,
    admission: admission::Handle,
    load: LoadHandle,
    policy: Arc<Watched>,
}

impl Bound {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its id in Consul.
    #[must_use]
    pub fn id(&self) -> &str {
        self.presence.id()
    }

    /// Serves until `shutdown`, then drains.
    pub async fn serve(self, shutdown: impl Future<Output = ()>) {
        let Self {
            fabric,
            listener,
            address,
            routes,
            presence,
            health,
            consent,
            foreign,
            admission,
            load,
            policy,
        } = self;
        let settings = fabric.configuration().serving.clone();
        let inbound = inbound::Inbound::new(&fabric, routes, consent, foreign, admission.clone(), load);
        let connections = accept::Connections::new(settings.clone(), fabric.identity().clone(), inbound);
        // A caller that drops this future ends the server with it, connections and all.
        let _cut = connections.cut_off_when_dropped();
        let stop_accepting = CancellationToken::new();
        let _stop = stop_accepting.clone().drop_guard();
        let accepting = tokio::spawn(accept::accept(
            listener,
            Arc::clone(&connections),
            stop_accepting.clone(),
        ));
        tracing::info!(instance = presence.id(), %address, "serving");

        keep(&presence, &health, &admission, &policy, shutdown).await;

        presence.leaving().await;
        health.stopping().await;
        tokio::time::sleep(settings.drain_notice).await;
        stop_accepting.cancel();
        let _ = accepting.await;
        let left = connections.drain(settings.drain_grace).await;
        if left > 0 {
            tracing::warn!(connections = left, "calls were still under way when the grace ended");
        }
        presence.left().await;
    }
}

/// Keeps the policy in force and the announcement true until `shutdown`: what the service says of itself, and whether it is overloaded. The worse
/// of the two counts.
async fn keep(
    presence: &Presence,
    health: &HealthHandle,
    admission: &admission::Handle,
    policy: &Watched,
    shutdown: impl Future<Output = ()>,
) {
    let mut states = health.states();
    let mut overload = admission::Overload::default();
    let mut note = None;
    let mut policies = policy.changes();
    let mut applied = policy.load().serving.clone();
    let mut look = interval(LOOK);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut until = std::pin::pin!(presence.until(shutdown));
    loop {
        tokio::select! {
            () = &mut until => return,
            Ok(()) = states.changed() => {}
            Ok(()) = policies.changed() => {
                let now = &policy.load().serving;
                if *now != applied {
                    admission.apply(now);
                    applied = now.clone();
                }
                continue;
            }
            _ = look.tick() => {
                let now = Instant::now();
                admission.tick(now);
                match overload.observe(&admission.reading(), admission.refused(), now) {
                    Some(changed) => {
                        match &changed {
                            Some(note) => tracing::warn!("{note}"),
                            None => tracing::info!("no longer overloaded"),
                        }
                        note = changed;
                    }
                    None => continue,
                }
            }
        }
        let (said, why) = states.borrow_and_update().clone();
        match &note {
            Some(note) if said == Health::Passing => presence.set_health(Health::Warning, note.clone()),
            Some(note) => presence.set_health(said, format!("{why}; {note}")),
            None => presence.set_health(said, why),
        }
    }
}
