//! Identity: who this process is, proven by a certificate that is renewed while it runs.
//!
//! An identity is a SPIFFE URI in the certificate's only URI name ([`SpiffeId`]). It comes from a development
//! authority in the data folder or from PEM files that somebody else keeps fresh; either way [`Source`] holds the
//! newest [`Material`], and a connection made after a renewal uses it while older connections live on. When a renewal
//! fails, the certificate in hand keeps serving, and the log says so.
//!
//! When not: what an identity *may do* is decided in [`crate::authorization`].
//! Source: SPIFFE-ID and X.509-SVID specifications; ztunnel for per-accept configuration and half-life renewal.

pub mod authority;
mod files;
mod material;
mod signing;
mod spiffe;
pub(crate) mod statement;
mod verification;

pub use files::{certificates, certified};
pub use material::Material;
pub(crate) use material::provider;
pub(crate) use signing::signed_by;
pub use spiffe::{Holder, SpiffeId};
pub use verification::{holder, peer};

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::configuration::{Configuration, IdentitySource};
use authority::DevelopmentAuthority;

/// Why there is no usable identity.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// Which file.
        path: PathBuf,
        /// What went wrong.
        source: std::io::Error,
    },
    /// A file holds something else than it should.
    #[error("{path}: {problem}")]
    Content {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A name that no identity can have.
    #[error("\"{name}\" {problem}")]
    Name {
        /// The name.
        name: String,
        /// What it must be.
        problem: &'static str,
    },
    /// The certificate is not for this process, not valid now, or does not fit its key.
    #[error("the certificate is unusable: {0}")]
    Certificate(String),
    /// A certificate could not be made.
    #[error("cannot issue a certificate: {0}")]
    Issue(#[from] rcgen::Error),
    /// rustls refused what it was given.
    #[error("cannot use the certificate for TLS: {0}")]
    Tls(#[from] rustls::Error),
}

/// The newest identity of this process; cheap to clone.
#[derive(Clone, Debug)]
pub struct Source {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    id: SpiffeId,
    current: ArcSwap<Material>,
    changed: watch::Sender<u64>,
}

/// Where material comes from.
#[derive(Debug)]
enum Issuer {
    Development(DevelopmentAuthority, Duration),
    Files(files::Files, Duration),
}

impl Issuer {
    /// The configured one.
    fn open(configuration: &Configuration) -> Result<Self, Error> {
        let settings = &configuration.identity;
        Ok(
            match (settings.source, &settings.certificate, &settings.key, &settings.roots) {
                (IdentitySource::Files, Some(certificate), Some(key), Some(roots)) => Self::Files(
                    files::Files {
                        certificate: certificate.clone(),
                        key: key.clone(),
                        roots: roots.clone(),
                    },
                    settings.reload,
                ),
                _ => Self::Development(
                    DevelopmentAuthority::open(&configuration.data.join("identity"), &settings.trust_domain)?,
                    settings.lifetime,
                ),
            },
        )
    }

    fn load(&self, id: &SpiffeId, version: u64) -> Result<Material, Error> {
        match self {
            Self::Development(authority, lifetime) => authority.material(id, *lifetime, version),
            Self::Files(files, _) => files.material(id, version),
        }
    }

    /// How long to wait before looking again: half of what is left, or the reload interval of files.
    fn pause(&self, material: &Material) -> Duration {
        match self {
            Self::Development(..) => material.remaining() / 2,
            Self::Files(_, reload) => *reload,
        }
    }

    fn is_fresh(&self, current: &Material) -> bool {
        match self {
            Self::Development(..) => false,
            Self::Files(files, _) => files.unchanged_since(current),
        }
    }
}

impl Source {
    /// The identity of `service` by the configuration; a task keeps it fresh for as long as the process runs.
    ///
    /// # Errors
    /// Where the first certificate cannot be had: unreadable files, a data folder that cannot be written, a
    /// certificate of somebody else.
    pub fn start(configuration: &Configuration, service: &str) -> Result<Self, Error> {
        let settings = &configuration.identity;
        let id = SpiffeId::service(&settings.trust_domain, &settings.datacenter, service)?;
        let issuer = Issuer::open(configuration)?;
        let first = issuer.load(&id, 1)?;
        let source = Self {
            shared: Arc::new(Shared {
                id,
                current: ArcSwap::from_pointee(first),
                changed: watch::Sender::new(1),
            }),
        };
        tokio::spawn(renew(source.clone(), issuer));
        Ok(source)
    }

    /// Who this process is.
    #[must_use]
    pub fn id(&self) -> &SpiffeId {
        &self.shared.id
    }

    /// The newest certificate with everything made from it.
    #[must_use]
    pub fn material(&self) -> Arc<Material> {
        self.shared.current.load_full()
    }

    /// The version of the newest certificate; cheaper than [`Source::material`].
    pub(crate) fn version(&self) -> u64 {
        self.shared.current.load().version
    }

    /// Tells of every renewal; the value is the material's version.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.shared.changed.subscribe()
    }
}

/// An operator's certificate by the configuration, for a program that asks once and ends: nothing renews it.
///
/// # Errors
/// As [`Source::start`], and a name that makes no identity.
pub fn operator(configuration: &Configuration, name: &str) -> Result<Material, Error> {
    let id = SpiffeId::operator(&configuration.identity.trust_domain, name)?;
    Issuer::open(configuration)?.load(&id, 1)
}

/// Between two looks at the wall clock while a renewal waits.
const LOOK: Duration = Duration::from_secs(30);

/// Keeps a source fresh: at half-life, and sooner after a failure.
async fn renew(source: Source, issuer: Issuer) {
    const RETRY: Duration = Duration::from_secs(1);
    let mut pause = issuer.pause(&source.material());
    loop {
        pass(pause, SystemTime::now).await;
        let current = source.material();
        if issuer.is_fresh(&current) {
            pause = issuer.pause(&current);
            continue;
        }
        match issuer.load(&source.shared.id, current.version + 1) {
            Ok(material) => {
                pause = issuer.pause(&material);
                tracing::info!(expires = %material.expires_rfc3339(), "certificate renewed");
                let version = material.version;
                source.shared.current.store(Arc::new(material));
                source.shared.changed.send_replace(version);
            }
            Err(error) => {
                tracing::warn!(%error, expires = %current.expires_rfc3339(), "certificate not renewed; the one in hand keeps serving");
                pause = RETRY.max(issuer.pause(&current) / 4).min(Duration::from_secs(60));
            }
        }
    }
}

/// Waits for a time by the monotonic clock or the wall clock, whichever passes it first: certificates end by the wall
/// clock, which may be set, and the monotonic one stands still while a machine is suspended.
async fn pass(time: Duration, wall: impl Fn() -> SystemTime) {
    let (next, due) = (Instant::now() + time, wall() + time);
    loop {
        let by_wall = due.duration_since(wall()).unwrap_or_default();
        let left = next.saturating_duration_since(Instant::now()).min(by_wall);
        if left.is_zero() {
            return;
        }
        tokio::time::sleep(left.min(LOOK)).await;
    }
}

#[cfg(test)]
mod tests;
