//! TLS towards browsers: 1.2 and 1.3, HTTP/2 or HTTP/1.1 by ALPN, a certificate that is renewed while connections go on.
//!
//! **What.** [`Tls`] holds the newest configuration; a connection takes it when it is accepted. The certificate comes
//! from PEM files that somebody else keeps fresh, or is the development authority's for `localhost`. Clients may show a
//! certificate: what it says is in the connection's [`crate::peer::Peer`], and nothing is demanded here.
//!
//! **Why.** Files are looked at every few seconds, as renewals replace them by rename or by a link, which watchers miss.
//! What cannot be used is told, and the certificate in hand goes on serving.
//!
//! **When not.** Within the fabric every connection is mutual TLS already: `lyceum::identity`. ACME is a companion's.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use lyceum::Fabric;
use lyceum::configuration::{self, TlsSource};
use lyceum::identity::{self, Error, certificates, certified};
use rustls::crypto::{CryptoProvider, ring};
use rustls::pki_types::CertificateDer;
use rustls::server::danger::ClientCertVerifier;
use rustls::server::{NoClientAuth, WebPkiClientVerifier};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::{RootCertStore, ServerConfig};
use tokio::sync::watch;
use tokio::time::sleep;

/// What the gateway's port shows its clients.
#[derive(Debug)]
pub(crate) struct Tls {
    origin: Origin,
    current: ArcSwap<Material>,
    changes: watch::Sender<()>,
}

/// Where it comes from.
#[derive(Debug)]
struct Origin {
    identity: identity::Source,
    /// The certificate and its key; without them the identity's own, which names `localhost`.
    files: Option<(PathBuf, PathBuf)>,
    clients: Clients,
    look: Duration,
}

/// Who vouches for clients.
#[derive(Debug)]
enum Clients {
    /// Nobody is asked.
    Unasked,
    Fabric,
    Roots(PathBuf),
}

/// One version of it.
#[derive(Debug)]
struct Material {
    chain: Vec<CertificateDer<'static>>,
    /// The roots that clients chain to; of the fabric's, the version that they came with.
    roots: Vec<CertificateDer<'static>>,
    version: u64,
    tcp: Arc<ServerConfig>,
    quic: Arc<ServerConfig>,
}

// === impl Tls ===

impl Tls {
    /// As configured; none where TLS is somebody else's.
    pub(crate) fn open(fabric: &Fabric) -> Result<Option<Arc<Self>>, Error> {
        let configuration = fabric.configuration();
        let settings = &configuration.gateway.tls;
        let files = match (settings.source, &settings.certificate, &settings.key) {
            (TlsSource::None, ..) => return Ok(None),
            (TlsSource::Files, Some(certificate), Some(key)) => Some((certificate.clone(), key.clone())),
            _ => None,
        };
        let clients = match &settings.clients {
            None => Clients::Unasked,
            Some(path) if path.as_os_str() == configuration::Tls::FABRIC => Clients::Fabric,
            Some(path) => Clients::Roots(path.clone()),
        };
        let origin = Origin {
            identity: fabric.identity().clone(),
            files,
            clients,
            look: configuration.identity.reload,
        };
        let first = origin.load()?;
        Ok(Some(Arc::new(Self {
            origin,
            current: ArcSwap::from_pointee(first),
            changes: watch::Sender::default(),
        })))
    }

    /// For a TCP connection that is accepted now.
    pub(crate) fn tcp(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.current.load().tcp)
    }

    /// For QUIC connections from now on.
    pub(crate) fn quic(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.current.load().quic)
    }

    /// Tells of every renewal.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// Keeps it fresh for as long as it runs.
    pub(crate) async fn follow(self: Arc<Self>) {
        let mut renewals = self.origin.identity.changes();
        let mut told = String::new();
        loop {
            tokio::select! {
                () = sleep(self.origin.look) => {}
                Ok(()) = renewals.changed() => {}
            }
            match self.origin.renewed(&self.current.load()) {
                Ok(None) => told.clear(),
                Ok(Some(material)) => {
                    told.clear();
                    tracing::info!("the gateway's certificate, or who vouches for its clients, is new");
                    self.current.store(Arc::new(material));
                    self.changes.send_replace(());
                }
                Err(error) => {
                    // Once, not at every look.
                    let now = error.to_string();
                    if now != told {
                        tracing::warn!(%error, "the gateway's certificate cannot be renewed; the one in hand goes on serving");
                        told = now;
                    }
                }
            }
        }
    }
}

// === impl Origin ===

impl Origin {
    fn load(&self) -> Result<Material, Error> {
        let (version, certified, roots) = self.read()?;
        self.made(version, certified, roots)
    }

    /// What is there now, if it is something else.
    fn renewed(&self, current: &Material) -> Result<Option<Material>, Error> {
        let (version, certified, roots) = self.read()?;
        if (version, &certified.cert, &roots) == (current.version, &current.chain, &current.roots) {
            return Ok(None);
        }
        self.made(version, certified, roots).map(Some)
    }

    fn read(&self) -> Result<(u64, CertifiedKey, Vec<CertificateDer<'static>>), Error> {
        let own = self.identity.material();
        let certified = match &self.files {
            Some((certificate, key)) => certified(certificate, key)?,
            None => own.certified()?,
        };
        let roots = match &self.clients {
            Clients::Roots(path) => certificates(path)?,
            _ => Vec::new(),
        };
        let version = match (&self.files, &self.clients) {
            (Some(_), Clients::Unasked | Clients::Roots(_)) => 0,
            _ => own.version,
        };
        Ok((version, certified, roots))
    }

    fn made(
        &self,
        version: u64,
        certified: CertifiedKey,
        roots: Vec<CertificateDer<'static>>,
    ) -> Result<Material, Error> {
        let provider = Arc::new(ring::default_provider());
        let chain = certified.cert.clone();
        let mut tcp = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(self.verifier(&roots, &provider)?)
            .with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
        // A client resumes with what it was given; new roots make that worthless, as the key to it is made anew.
        tcp.ticketer = ring::Ticketer::new()?;
        let mut quic = tcp.clone();
        tcp.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        // What is sent before the handshake ends can be replayed, so nothing may be.
        quic.max_early_data_size = 0;
        quic.alpn_protocols = vec![b"h3".to_vec()];
        Ok(Material {
            chain,
            roots,
            version,
            tcp: Arc::new(tcp),
            quic: Arc::new(quic),
        })
    }

    fn verifier(
        &self,
        roots: &[CertificateDer<'static>],
        provider: &Arc<CryptoProvider>,
    ) -> Result<Arc<dyn ClientCertVerifier>, Error> {
        match &self.clients {
            Clients::Unasked => Ok(Arc::new(NoClientAuth)),
            Clients::Fabric => self.identity.material().invited(self.identity.id().trust_domain()),
            Clients::Roots(path) => {
                let mut store = RootCertStore::empty();
                for root in roots {
                    store.add(root.clone())?;
                }
                let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(store), Arc::clone(provider))
                    .allow_unauthenticated()
                    .build();
                verifier.map(|verifier| verifier as _).map_err(|error| Error::Content {
                    path: path.clone(),
                    problem: format!("verifies nobody: {error}"),
                })
            }
        }
    }
}
