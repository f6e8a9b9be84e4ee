//! What a certificate's key signs beside handshakes, and how somebody else checks it.
//!
//! The one who checks needs no key beforehand: the chain comes along and leads to the roots that it trusts anyway. Which
//! algorithm it was follows from the key in the certificate, never from what the sender says of it, so that there is
//! none to choose. When not: what a signature is good for is decided by whoever asked for it ([`crate::principal`]).
//! Source: RFC 8725 (what goes wrong where a token names its own algorithm), X.509-SVID.

use std::sync::Arc;

use rustls::crypto::ring::sign::any_supported_type;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, SignatureVerificationAlgorithm, UnixTime};
use rustls::sign::SigningKey;
use rustls::{RootCertStore, SignatureScheme};
use webpki::{EndEntityCert, KeyUsage};

use super::material::provider;
use super::verification::identity_of;
use super::{Error, SpiffeId};

/// One algorithm for each kind of key.
const SCHEMES: &[SignatureScheme] = &[
    SignatureScheme::ECDSA_NISTP256_SHA256,
    SignatureScheme::ECDSA_NISTP384_SHA384,
    SignatureScheme::ED25519,
    SignatureScheme::RSA_PSS_SHA256,
];
/// The same on the other side.
static ALGORITHMS: &[&dyn SignatureVerificationAlgorithm] = &[
    webpki::ring::ECDSA_P256_SHA256,
    webpki::ring::ECDSA_P384_SHA384,
    webpki::ring::ED25519,
    webpki::ring::RSA_PSS_2048_8192_SHA256_LEGACY_KEY,
];

/// The key in the form that signs.
pub(super) fn signing_key(key: &PrivateKeyDer<'_>) -> Result<Arc<dyn SigningKey>, Error> {
    Ok(any_supported_type(key)?)
}

/// Signs `message`.
pub(super) fn sign(key: &dyn SigningKey, message: &[u8]) -> Result<Vec<u8>, Error> {
    let signer = key
        .choose_scheme(SCHEMES)
        .ok_or_else(|| Error::Certificate("its key is of a kind that signs nothing here".to_owned()))?;
    Ok(signer.sign(message)?)
}

/// Whose certificate this is, if its chain leads to one of `roots` now.
pub(super) fn holder(
    roots: &RootCertStore,
    leaf: &CertificateDer<'_>,
    intermediates: &[CertificateDer<'_>],
    now: UnixTime,
) -> Result<SpiffeId, String> {
    let unreadable = |error: webpki::Error| error.to_string();
    EndEntityCert::try_from(leaf)
        .map_err(unreadable)?
        .verify_for_usage(
            provider().signature_verification_algorithms.all,
            &roots.roots,
            intermediates,
            now,
            KeyUsage::client_auth(),
            None,
            None,
        )
        .map_err(unreadable)?;
    identity_of(leaf)
}

/// Whether `signature` is that of the certificate's key.
pub(crate) fn signed_by(leaf: &CertificateDer<'_>, message: &[u8], signature: &[u8]) -> bool {
    EndEntityCert::try_from(leaf).is_ok_and(|certificate| {
        ALGORITHMS
            .iter()
            .any(|algorithm| certificate.verify_signature(*algorithm, message, signature).is_ok())
    })
}
