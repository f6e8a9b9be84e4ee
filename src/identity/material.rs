//! A certificate in use: the chain, its key, the roots, and the TLS configuration made from them once.
//!
//! The whole chain is always presented and every root is trusted, because a certificate authority rotates by listing
//! two roots for a while. Keys stay in memory that only rustls reads; nothing here prints them.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rustls::crypto::CryptoProvider;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use rustls::server::danger::ClientCertVerifier;
use rustls::sign::{CertifiedKey, SigningKey};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::verification::{CalleeVerifier, CallerVerifier};
use super::{Error, SpiffeId, signing};

/// One version of an identity's certificate.
pub struct Material {
    /// Counts renewals from 1.
    pub version: u64,
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
    signing: Arc<dyn SigningKey>,
    roots: Arc<RootCertStore>,
    /// The roots as they were given, to tell a change.
    given: Vec<CertificateDer<'static>>,
    expires: OffsetDateTime,
    server: Arc<ServerConfig>,
}

impl fmt::Debug for Material {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Material")
            .field("version", &self.version)
            .field("expires", &self.expires)
            .finish_non_exhaustive()
    }
}

impl Material {
    /// Checks that the certificate is `id`'s and valid now, and makes the TLS configuration.
    pub(super) fn try_new(
        id: &SpiffeId,
        version: u64,
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
        roots: Vec<CertificateDer<'static>>,
    ) -> Result<Self, Error> {
        let leaf = chain
            .first()
            .ok_or_else(|| Error::Certificate("the chain is empty".to_owned()))?;
        let found = super::verification::identity_of(leaf).map_err(Error::Certificate)?;
        if &found != id {
            return Err(Error::Certificate(format!("it is {found}'s, and this process is {id}")));
        }
        let expires = validity(leaf)?;
        let mut store = RootCertStore::empty();
        for root in &roots {
            store.add(root.clone())?;
        }
        let given = roots;
        let roots = Arc::new(store);
        let provider = provider();
        let callers = CallerVerifier::demanding(Arc::clone(&roots), &provider, id.trust_domain())?;
        let mut server = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_client_cert_verifier(Arc::new(callers))
            .with_single_cert(chain.clone(), key.clone_key())?;
        server.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Self {
            version,
            chain,
            signing: signing::signing_key(&key)?,
            key,
            roots,
            given,
            expires,
            server: Arc::new(server),
        })
    }

    /// The configuration for one accepted connection.
    #[must_use]
    pub fn server(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.server)
    }

    /// The configuration for connections to `callee`, whose exact identity is demanded.
    ///
    /// # Errors
    /// Where rustls refuses the certificate or its key.
    pub fn client(&self, callee: &SpiffeId) -> Result<ClientConfig, Error> {
        let provider = provider();
        let verifier = CalleeVerifier::new(Arc::clone(&self.roots), &provider, callee.clone());
        let mut client = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(verifier))
            .with_client_auth_cert(self.chain.clone(), self.key.clone_key())?;
        client.alpn_protocols = vec![b"h2".to_vec()];
        Ok(client)
    }

    /// The chain and its key, for a server that others than the fabric's callers connect to.
    ///
    /// # Errors
    /// Where rustls refuses them.
    pub fn certified(&self) -> Result<CertifiedKey, Error> {
        certified(self.chain.clone(), self.key.clone_key())
    }

    /// Verifies callers who show a certificate of this trust domain, and lets those in who show none.
    ///
    /// # Errors
    /// Roots that verify nobody.
    pub fn invited(&self, trust_domain: &str) -> Result<Arc<dyn ClientCertVerifier>, Error> {
        let callers = CallerVerifier::inviting(Arc::clone(&self.roots), &provider(), trust_domain)?;
        Ok(Arc::new(callers))
    }

    /// The certificate with what leads to the roots, leaf first.
    pub(crate) fn chain(&self) -> &[CertificateDer<'static>] {
        &self.chain
    }

    /// Signs `message` with the certificate's key.
    pub(crate) fn sign(&self, message: &[u8]) -> Result<Vec<u8>, Error> {
        signing::sign(self.signing.as_ref(), message)
    }

    /// Whose certificate this is, if its chain leads to the roots that this process trusts, and until when it lasts.
    pub(crate) fn holder(
        &self,
        chain: &[CertificateDer<'_>],
        now: SystemTime,
    ) -> Result<(SpiffeId, SystemTime), String> {
        let (leaf, intermediates) = chain.split_first().ok_or("there is no certificate")?;
        let now = UnixTime::since_unix_epoch(now.duration_since(UNIX_EPOCH).unwrap_or_default());
        let holder = signing::holder(&self.roots, leaf, intermediates, now)?;
        let expires = validity(leaf).map_err(|error| error.to_string())?;
        Ok((holder, expires.into()))
    }

    /// When the certificate ends, as RFC 3339.
    #[must_use]
    pub fn expires_rfc3339(&self) -> String {
        self.expires.format(&Rfc3339).unwrap_or_default()
    }

    /// When the certificate ends.
    #[must_use]
    pub fn expires(&self) -> SystemTime {
        self.expires.into()
    }

    /// Whether it was made of these: the roots count too, as they change by themselves when an authority is replaced.
    pub(super) fn is_made_of(&self, chain: &[CertificateDer<'static>], roots: &[CertificateDer<'static>]) -> bool {
        self.chain == chain && self.given == roots
    }

    /// How long it is still valid.
    #[must_use]
    pub fn remaining(&self) -> Duration {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let end = u64::try_from(self.expires.unix_timestamp()).unwrap_or(0);
        Duration::from_secs(end).saturating_sub(now)
    }
}

/// A chain that is valid now, with the key that fits it.
pub(super) fn certified(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<CertifiedKey, Error> {
    let leaf = chain
        .first()
        .ok_or_else(|| Error::Certificate("the chain is empty".to_owned()))?;
    validity(leaf)?;
    Ok(CertifiedKey::from_der(chain, key, &provider())?)
}

/// The one cryptography provider of this workspace.
pub(crate) fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn validity(leaf: &CertificateDer<'_>) -> Result<OffsetDateTime, Error> {
    let (_, certificate) = x509_parser::parse_x509_certificate(leaf)
        .map_err(|error| Error::Certificate(format!("it cannot be read: {error}")))?;
    let validity = certificate.validity();
    let now = OffsetDateTime::now_utc();
    let (from, until) = (validity.not_before.to_datetime(), validity.not_after.to_datetime());
    if now < from {
        return Err(Error::Certificate(format!(
            "it is not valid before {}",
            from.format(&Rfc3339).unwrap_or_default()
        )));
    }
    if now >= until {
        return Err(Error::Certificate(format!(
            "it expired at {}: renew it",
            until.format(&Rfc3339).unwrap_or_default()
        )));
    }
    Ok(until)
}
