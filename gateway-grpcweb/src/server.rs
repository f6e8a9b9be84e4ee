//! The gateway as a process sees it: bound, announced, serving, drained.
//!
//! It registers in Consul like any other instance, without methods, so that operators find it. Draining: its health
//! says so → a moment for load balancers to see it → no new connections → grace for calls under way → deregistration.
//!
//! **Why it may refuse to start.** It listens on loopback unless told. On an address that other machines reach, it wants
//! TLS, or to be told with `gateway.exposed` that something in front of it sees to that: a school's essays must not cross
//! a network in the clear because a default was forgotten.

use std::fmt;
use std::future::Future;
use std::io::{self, Write};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use lyceum::Fabric;
use lyceum::configuration::LogFormat;
use lyceum::serving::Presence;
use quinn::Endpoint;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::AbortOnDropHandle;

use crate::authentication::{self, Authentication};
use crate::connection::Connections;
use crate::edge::Edge;
use crate::journal::{self, Journal};
use crate::port::Port;
use crate::tls::Tls;
use crate::{http3, json, rights, route, schema, upstreams};

/// How long a gateway that takes over a port waits to know the way to every service.
const KNOWN: Duration = Duration::from_secs(10);

/// Why a gateway could not run.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A service outside the mesh cannot be called.
    #[error(transparent)]
    Upstream(#[from] upstreams::Error),
    /// The port cannot be had.
    #[error("cannot listen on {address}: {source}; set gateway.address to one that is free")]
    Listen {
        /// Where.
        address: SocketAddr,
        /// Why.
        source: std::io::Error,
    },
    /// Other machines would reach it unprotected.
    #[error(
        "other machines reach {address}, and {missing}: set gateway.tls.source, or say with gateway.exposed=true that \
         this is meant, because something in front of the gateway sees to it"
    )]
    Exposed {
        /// Where.
        address: SocketAddr,
        /// What is missing.
        missing: &'static str,
    },
    /// Its certificate cannot be used.
    #[error("gateway.tls: {0}")]
    Tls(#[from] lyceum::identity::Error),
    /// Nobody could be told from anybody.
    #[error(transparent)]
    Authentication(#[from] authentication::Error),
}

/// A gateway in the making.
pub struct Gateway {
    fabric: Fabric,
    access_log: Option<Box<dyn Write + Send>>,
}

/// A gateway that listens and is announced.
#[derive(Debug)]
pub struct Bound {
    fabric: Fabric,
    edge: Arc<Edge>,
    listener: TcpListener,
    address: SocketAddr,
    presence: Presence,
    tls: Option<Arc<Tls>>,
    /// For HTTP/3, if there is any.
    quic: Option<Endpoint>,
    /// Follow Consul, and the certificate's files, until the gateway ends.
    following: Vec<AbortOnDropHandle<()>>,
}

// === impl Gateway ===

impl Gateway {
    /// A gateway into a fabric that was started under the gateway's name.
    #[must_use]
    pub fn new(fabric: &Fabric) -> Self {
        Self {
            fabric: fabric.clone(),
            access_log: None,
        }
    }

    /// Writes the access log there, as JSON, instead of to standard error.
    #[must_use]
    pub fn access_log(self, writer: impl Write + Send + 'static) -> Self {
        Self {
            access_log: Some(Box::new(writer)),
            ..self
        }
    }

    /// Listens, announces the gateway and begins to learn the routes; calls are answered once [`Bound::serve`] runs.
    ///
    /// # Errors
    /// A port that cannot be had, a certificate or another setting that cannot be used, an address that must not be exposed
    /// like this.
    pub async fn bind(self) -> Result<Bound, Error> {
        let settings = &self.fabric.configuration().gateway;
        let wanted = settings.address;
        let outside = upstreams::open(&self.fabric)?;
        let tls = Tls::open(&self.fabric)?;
        if !wanted.ip().is_loopback() && tls.is_none() {
            let missing = "everything that it says would cross the network in the clear";
            if !settings.exposed {
                return Err(Error::Exposed {
                    address: wanted,
                    missing,
                });
            }
            tracing::warn!(address = %wanted, missing, "the gateway is exposed, as gateway.exposed says");
        }
        let failed = |source| Error::Listen {
            address: wanted,
            source,
        };
        let port = Port::take(wanted, settings.reuse_port).map_err(failed)?;
        let address = port.address().map_err(failed)?;
        let authentication = Authentication::start(&self.fabric, address)?;
        let edge = Arc::new_cyclic(|own| Edge::new(&self.fabric, authentication, own.clone()));
        let announced = outside
            .iter()
            .map(|upstream| (upstream.channel.clone(), upstream.announced()));
        let announced = announced.collect();
        let mut following = vec![
            tokio::spawn(route::follow(self.fabric.clone(), Arc::clone(&edge.routes), announced)),
            tokio::spawn(schema::follow(self.fabric.clone(), Arc::clone(&edge.schema))),
            tokio::spawn(json::follow(Arc::clone(&edge.schema), Arc::clone(&edge.rest))),
            tokio::spawn(Arc::clone(&edge.quota).follow(self.fabric.clone())),
            tokio::spawn(Arc::clone(&edge.live).follow()),
            tokio::spawn(Arc::clone(&edge.calls).follow()),
            tokio::spawn(rights::watch(self.fabric.clone())),
        ];
        following.extend(
            outside
                .into_iter()
                .map(|upstream| tokio::spawn(schema::follow_outside(upstream, Arc::clone(&edge.schema)))),
        );
        following.extend(tls.clone().map(|tls| tokio::spawn(tls.follow())));
        following.extend(log(&self.fabric, &edge.metrics.journal, self.access_log));
        let quic = match &tls {
            Some(tls) if settings.http3 => {
                let endpoint = http3::endpoint(address, tls).map_err(failed)?;
                following.push(tokio::spawn(http3::follow(endpoint.clone(), Arc::clone(tls))));
                Some(endpoint)
            }
            _ => None,
        };
        if settings.reuse_port && timeout(KNOWN, edge.routes.known()).await.is_err() {
            tracing::warn!("Consul does not answer; the gateway opens without knowing the services");
        }
        let listener = port.listen().map_err(failed)?;
        let presence = Presence::announce(&self.fabric, address, Vec::new(), Vec::new());
        Ok(Bound {
            fabric: self.fabric,
            edge,
            listener,
            address,
            presence,
            tls,
            quic,
            following: following.into_iter().map(AbortOnDropHandle::new).collect(),
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

impl fmt::Debug for Gateway {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Gateway").finish_non_exhaustive()
    }
}

/// Begins the access log, unless the filter of the ordinary one leaves it out; answers what keeps it going.
fn log(fabric: &Fabric, journal: &Arc<Journal>, writer: Option<Box<dyn Write + Send>>) -> Vec<JoinHandle<()>> {
    let (writer, format) = match writer {
        Some(writer) => (writer, LogFormat::Json),
        None if tracing::enabled!(target: journal::TARGET, tracing::Level::INFO) => {
            let writer: Box<dyn Write + Send> = Box::new(io::stderr());
            (writer, fabric.configuration().telemetry.format)
        }
        None => return Vec::new(),
    };
    journal.open(format);
    let policy = fabric.policies().watch(fabric.service());
    vec![
        tokio::spawn(Arc::clone(journal).write_to(writer)),
        tokio::spawn(Arc::clone(journal).follow(policy)),
    ]
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
            tls,
            quic,
            following: _following,
        } = self;
        let secure = tls.is_some();
        let elsewhere = quic.as_ref().and_then(|_| {
            let told = format!("h3=\":{}\"; ma=86400", address.port());
            HeaderValue::from_str(&told).ok()
        });
        let connections = Connections::new(Arc::clone(&edge), tls, elsewhere, &fabric.configuration().gateway);
        let stop = CancellationToken::new();
        let accepting = tokio::spawn(Arc::clone(&connections).accept(listener, stop.clone()));
        let accepting_quic = quic
            .clone()
            .map(|endpoint| tokio::spawn(Arc::clone(&connections).accept_quic(endpoint, stop.clone())));
        tracing::info!(instance = presence.id(), %address, secure, http3 = quic.is_some(), "the gateway is serving");

        presence.until(shutdown).await;

        edge.drain();
        presence.leaving().await;
        let settings = &fabric.configuration().serving;
        sleep(settings.drain_notice).await;
        stop.cancel();
        // It only ends when it is told to.
        let _ = accepting.await;
        if let Some(accepting) = accepting_quic {
            let _ = accepting.await;
        }
        let left = connections.drain(settings.drain_grace).await;
        if left > 0 {
            tracing::warn!(connections = left, "calls were still under way when the grace ended");
        }
        edge.quota.leave(&fabric).await;
        if let Some(endpoint) = quic {
            endpoint.close(quinn::VarInt::from_u32(0), b"");
        }
        presence.left().await;
        edge.metrics.journal.settle().await;
    }
}
