//! What each side of a handshake demands of the other's certificate.
//!
//! A caller demands the callee's exact identity; names and addresses do not count, because Consul says where somebody
//! is and must not be able to say who. A callee demands a chain to its roots and an identity of its own trust domain;
//! whether that identity may call is decided per request. rustls' stock server verification refuses certificates
//! without a DNS name, so the chain is verified by rustls' parts and the URI name here.
//! Source: X.509-SVID (exactly one URI name), rustls' `verify_server_cert_signed_by_trust_anchor`.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ClientCertVerifierBuilder, ParsedCertificate, WebPkiClientVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, RootCertStore, SignatureScheme};

use super::{Error, SpiffeId};

/// The identity in a certificate: its only URI name.
pub(super) fn identity_of(certificate: &CertificateDer<'_>) -> Result<SpiffeId, String> {
    let parsed = webpki::EndEntityCert::try_from(certificate).map_err(|error| format!("it cannot be read: {error}"))?;
    let mut names = parsed.valid_uri_names();
    match (names.next(), names.next()) {
        (Some(uri), None) => SpiffeId::parse(uri).map_err(|error| error.to_string()),
        (None, _) => Err("it carries no SPIFFE identity".to_owned()),
        (Some(_), Some(_)) => Err("it carries more than one URI name".to_owned()),
    }
}

/// The verified identity of the other side of a connection; `None` before the handshake is done.
#[must_use]
pub fn peer(connection: &rustls::CommonState) -> Option<SpiffeId> {
    holder(connection.peer_certificates()?.first()?)
}

/// The identity in a certificate that was verified elsewhere.
#[must_use]
pub fn holder(certificate: &CertificateDer<'_>) -> Option<SpiffeId> {
    identity_of(certificate).ok()
}

fn wrong_identity() -> rustls::Error {
    rustls::Error::InvalidCertificate(CertificateError::NotValidForName)
}

/// A caller's demand: this callee and nobody else.
#[derive(Debug)]
pub(super) struct CalleeVerifier {
    roots: Arc<RootCertStore>,
    algorithms: WebPkiSupportedAlgorithms,
    callee: SpiffeId,
}

impl CalleeVerifier {
    pub(super) fn new(roots: Arc<RootCertStore>, provider: &CryptoProvider, callee: SpiffeId) -> Self {
        Self {
            roots,
            algorithms: provider.signature_verification_algorithms,
            callee,
        }
    }
}

impl ServerCertVerifier for CalleeVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let certificate = ParsedCertificate::try_from(end_entity)?;
        verify_server_cert_signed_by_trust_anchor(&certificate, &self.roots, intermediates, now, self.algorithms.all)?;
        match identity_of(end_entity) {
            Ok(found) if found == self.callee => Ok(ServerCertVerified::assertion()),
            _ => Err(wrong_identity()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

/// A callee's demand: somebody of my trust domain.
#[derive(Debug)]
pub(super) struct CallerVerifier {
    chain: Arc<dyn ClientCertVerifier>,
    trust_domain: String,
}

impl CallerVerifier {
    /// Nobody without a certificate.
    pub(super) fn demanding(
        roots: Arc<RootCertStore>,
        provider: &Arc<CryptoProvider>,
        trust_domain: &str,
    ) -> Result<Self, Error> {
        let chain = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(provider));
        Self::try_new(chain, trust_domain)
    }

    /// Those too who show none.
    pub(super) fn inviting(
        roots: Arc<RootCertStore>,
        provider: &Arc<CryptoProvider>,
        trust_domain: &str,
    ) -> Result<Self, Error> {
        let chain = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(provider));
        Self::try_new(chain.allow_unauthenticated(), trust_domain)
    }

    fn try_new(chain: ClientCertVerifierBuilder, trust_domain: &str) -> Result<Self, Error> {
        let chain = chain
            .build()
            .map_err(|error| Error::Certificate(format!("the roots cannot verify callers: {error}")))?;
        Ok(Self {
            chain,
            trust_domain: trust_domain.to_owned(),
        })
    }
}

impl ClientCertVerifier for CallerVerifier {
    fn client_auth_mandatory(&self) -> bool {
        self.chain.client_auth_mandatory()
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        self.chain.root_hint_subjects()
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        let verified = self.chain.verify_client_cert(end_entity, intermediates, now)?;
        match identity_of(end_entity) {
            Ok(found) if found.trust_domain() == self.trust_domain => Ok(verified),
            _ => Err(wrong_identity()),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chain.verify_tls12_signature(message, certificate, signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.chain.verify_tls13_signature(message, certificate, signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.chain.supported_verify_schemes()
    }
}
