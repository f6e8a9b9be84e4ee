//! The gateway as a process sees it: bound, announced, serving, drained.
//!
//! It registers in Consul like any other instance, without methods, so that operators find it. Draining: its health
//! says so → a moment for load balancers to see it → no new connections → grace for calls under way → deregistration.
//! When not: TLS towards browsers is a reverse proxy's, or a tunnel's; the gateway listens on loopback unless told.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use lyceum::Fabric;
use lyceum::registration::{Announcement, Meta, Registration, Weights};
use tokio::net::TcpListener;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::connection::Connections;
use crate::edge::Edge;
use crate::route;

/// How long Consul gets to hear that the gateway leaves.
const GOODBYE: Duration = Duration::from_secs(2);

/// Why a gateway could not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The port cannot be had.
    #[error("cannot listen on {address}: {source}; set gateway.address to one that is free")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
}

/// A gateway in the making.
#[derive(Clone, Debug)]
pub struct Gateway {
    fabric: Fabric,
}

/// A gateway that listens and is announced.
#[derive(Debug)]
pub struct Bound {
    fabric: Fabric,
    edge: Arc<Edge>,
    listener: TcpListener,
    address: SocketAddr,
    registration: Registration,
    /// Follows Consul until the gateway ends.
    _following: AbortOnDropHandle<()>,
}

// === impl Gateway ===

impl Gateway {
    /// A gateway into a fabric that was started under the gateway's name.
    #[must_use]
    pub fn new(fabric: &Fabric) -> Self {
        Self { fabric: fabric.clone() }
    }

    /// Listens, announces the gateway and begins to learn the routes; calls are answered once [`Bound::serve`] runs.
    ///
    /// # Errors
    /// A port that cannot be had.
    pub async fn bind(self) -> Result<Bound, Error> {
        let wanted = self.fabric.configuration().gateway.address;
        let failed = |source| Error::Listen {
            address: wanted,
            source,
        };
        let listener = TcpListener::bind(wanted).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        let edge = Arc::new(Edge::new(&self.fabric));
        let following = tokio::spawn(route::follow(self.fabric.clone(), Arc::clone(&edge.routes)));
        let registration = Registration::spawn(self.fabric.consul().clone(), announcement(&self.fabric, address));
        Ok(Bound {
            fabric: self.fabric,
            edge,
            listener,
            address,
            registration,
            _following: AbortOnDropHandle::new(following),
        })
    }

    /// Serves until `shutdown`, then drains.
    ///
    /// # Errors
    /// As [`Gateway::bind`].
    pub async fn run(self, shutdown: impl Future<Output = ()>) -> Result<(), Error> {
        self.bind().await?.serve(shutdown).await;
        Ok(())
    }
}

fn announcement(fabric: &Fabric, address: SocketAddr) -> Announcement {
    let settings = &fabric.configuration().registration;
    let service = fabric.service();
    // Listening everywhere is no address to be found at: Consul then says its node's.
    let host = if address.ip().is_unspecified() {
        String::new()
    } else {
        address.ip().to_string()
    };
    let mut announcement = Announcement::new(service, host, address.port());
    announcement.id = instance_id(service);
    announcement.ttl = settings.ttl;
    announcement.deregister_after = settings.deregister_after;
    announcement.weights = Weights {
        passing: settings.weight_passing,
        warning: settings.weight_warning,
    };
    announcement.meta = Meta {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        certificate_expires: Some(fabric.identity().material().expires()),
        ..Meta::default()
    };
    announcement
}

/// `<service>-<8 hexadecimal digits>`: new for each process, so that a restart is never mistaken for its forerunner.
#[expect(
    clippy::disallowed_methods,
    reason = "ids must differ between processes; nothing replays them"
)]
fn instance_id(service: &str) -> String {
    format!("{service}-{:08x}", fastrand::u32(..))
}

// === impl Bound ===

impl Bound {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Its id in Consul.
    #[must_use]
    pub fn id(&self) -> &str {
        self.registration.id()
    }

    /// Serves until `shutdown`, then drains.
    pub async fn serve(self, shutdown: impl Future<Output = ()>) {
        let Self {
            fabric,
            edge,
            listener,
            address,
            registration,
            _following,
        } = self;
        let settings = &fabric.configuration().gateway;
        let places = usize::try_from(settings.connections).unwrap_or(usize::MAX);
        let connections = Connections::new(Arc::clone(&edge), places, settings.header_timeout);
        let stop = CancellationToken::new();
        let accepting = tokio::spawn(Arc::clone(&connections).accept(listener, stop.clone()));
        tracing::info!(instance = registration.id(), %address, "the gateway is serving");

        let mut certificates = fabric.identity().changes();
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            tokio::select! {
                () = &mut shutdown => break,
                Ok(()) = certificates.changed() => {
                    let expires = fabric.identity().material().expires();
                    registration.update_meta(|meta| meta.certificate_expires = Some(expires));
                }
            }
        }

        tracing::info!(instance = registration.id(), "draining");
        edge.drain();
        match timeout(GOODBYE, registration.drain()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "Consul does not know that the gateway drains"),
            Err(_) => tracing::warn!("Consul does not answer; draining without it"),
        }
        let settings = &fabric.configuration().serving;
        sleep(settings.drain_notice).await;
        stop.cancel();
        // It only ends when it is told to.
        let _ = accepting.await;
        let left = connections.drain(settings.drain_grace).await;
        if left > 0 {
            tracing::warn!(connections = left, "calls were still under way when the grace ended");
        }
        match timeout(GOODBYE, registration.deregister()).await {
            Ok(Ok(())) => tracing::info!("stopped"),
            Ok(Err(error)) => tracing::warn!(%error, "not deregistered; Consul removes the instance by itself"),
            Err(_) => tracing::warn!("not deregistered: Consul does not answer; it removes the instance by itself"),
        }
    }
}
