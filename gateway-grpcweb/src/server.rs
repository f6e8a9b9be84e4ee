//! The gateway as a process sees it: bound, announced, serving, drained.
//!
//! It registers in Consul like any other instance, without methods, so that operators find it. Draining: its health
//! says so → a moment for load balancers to see it → no new connections → grace for calls under way → deregistration.
//! When not: TLS towards browsers is a reverse proxy's, or a tunnel's; the gateway listens on loopback unless told.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;

use lyceum::Fabric;
use lyceum::serving::Presence;
use tokio::net::TcpListener;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::connection::Connections;
use crate::edge::Edge;
use crate::{route, schema};

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
    presence: Presence,
    /// Follows Consul until the gateway ends.
    _following: [AbortOnDropHandle<()>; 3],
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
        let following = [
            tokio::spawn(route::follow(self.fabric.clone(), Arc::clone(&edge.routes))),
            tokio::spawn(schema::follow(self.fabric.clone(), Arc::clone(&edge.schema))),
            tokio::spawn(Arc::clone(&edge.quota).follow(self.fabric.clone())),
        ];
        let presence = Presence::announce(&self.fabric, address, Vec::new(), Vec::new());
        Ok(Bound {
            fabric: self.fabric,
            edge,
            listener,
            address,
            presence,
            _following: following.map(AbortOnDropHandle::new),
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
        self.presence.id()
    }

    /// Serves until `shutdown`, then drains.
    pub async fn serve(self, shutdown: impl Future<Output = ()>) {
        let Self {
            fabric,
            edge,
            listener,
            address,
            presence,
            _following,
        } = self;
        let settings = &fabric.configuration().gateway;
        let places = usize::try_from(settings.connections).unwrap_or(usize::MAX);
        let connections = Connections::new(Arc::clone(&edge), places, settings.header_timeout);
        let stop = CancellationToken::new();
        let accepting = tokio::spawn(Arc::clone(&connections).accept(listener, stop.clone()));
        tracing::info!(instance = presence.id(), %address, "the gateway is serving");

        presence.until(shutdown).await;

        edge.drain();
        presence.leaving().await;
        let settings = &fabric.configuration().serving;
        sleep(settings.drain_notice).await;
        stop.cancel();
        // It only ends when it is told to.
        let _ = accepting.await;
        let left = connections.drain(settings.drain_grace).await;
        if left > 0 {
            tracing::warn!(connections = left, "calls were still under way when the grace ended");
        }
        edge.quota.leave(&fabric).await;
        presence.left().await;
    }
}
