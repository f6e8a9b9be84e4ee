//! Statements that travel with a call in two headers: `<version>.<claims>.<signature>`, and the certificates of whoever
//! signed it, `<certificate>[.<certificate>…]`, each part base64url.
//!
//! Whoever reads one needs no key beforehand: the certificates lead to roots that it trusts anyway, and name the service
//! that signed. The signature is over version, claims and certificates with a prefix for each kind of statement, so that
//! none is good as another kind's, nor with other certificates, nor as part of a handshake. When not: what is claimed,
//! and for how long, is for each kind to say ([`crate::principal`], [`crate::privacy::permit`]). Source: JWS (RFC 7515)
//! and PASETO for the shape; RFC 8725 for what is left out.

use std::sync::Arc;
use std::time::SystemTime;

use arc_swap::ArcSwapOption;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderValue;
use quick_cache::sync::Cache;
use rustls::pki_types::CertificateDer;

use super::{Error, Holder, Material, Source, SpiffeId, signed_by};

/// The longest statement that is looked at, its certificates included.
pub(crate) const LONGEST: usize = 4096;
/// A leaf and two that lead to the root.
const CERTIFICATES: usize = 3;
/// How many signers are remembered.
const SIGNERS: usize = 64;
const UNREADABLE: &str = "its certificate cannot be read";
const NONE: &str = "it is no token";

/// What tells one kind of statement from another.
pub(crate) struct Kind {
    /// Stands first in the text.
    pub(crate) version: &'static str,
    /// What goes before the signed bytes and makes them none of TLS, nor of another kind.
    pub(crate) prefix: &'static [u8],
}

impl Kind {
    fn write<E>(
        &self,
        claims: &[u8],
        chain: &str,
        sign: impl FnOnce(&[u8]) -> Result<Vec<u8>, E>,
    ) -> Result<String, E> {
        let mut token = format!("{}.", self.version);
        URL_SAFE_NO_PAD.encode_string(claims, &mut token);
        let signature = sign(&self.signed(&token, chain))?;
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(signature, &mut token);
        Ok(token)
    }

    /// Version and claims have one dot between them and end at the next, so no other certificates make the same bytes.
    fn signed(&self, body: &str, chain: &str) -> Vec<u8> {
        [self.prefix, body.as_bytes(), b".", chain.as_bytes()].concat()
    }

    /// Takes a statement apart.
    pub(crate) fn parse<'t>(&self, token: &'t [u8], chain: &'t [u8]) -> Result<Statement<'t>, &'static str> {
        if token.len() + chain.len() > LONGEST {
            return Err("it is larger than a token may be");
        }
        let token = std::str::from_utf8(token).map_err(|_| NONE)?;
        let chain = std::str::from_utf8(chain).map_err(|_| UNREADABLE)?;
        let (body, signature) = token.rsplit_once('.').ok_or(NONE)?;
        match body.split_once('.') {
            Some((version, claims)) if version == self.version && !claims.contains('.') => Ok(Statement {
                claims: URL_SAFE_NO_PAD.decode(claims).map_err(|_| NONE)?,
                signed: self.signed(body, chain),
                signature: URL_SAFE_NO_PAD.decode(signature).map_err(|_| NONE)?,
                chain,
            }),
            _ => Err(NONE),
        }
    }
}

/// A statement taken apart; nothing of it is believed yet.
pub(crate) struct Statement<'t> {
    claims: Vec<u8>,
    signed: Vec<u8>,
    signature: Vec<u8>,
    chain: &'t str,
}

impl Statement<'_> {
    /// What it claims; refused where a field is unknown, comes twice, or is written in more bytes than it needs.
    pub(crate) fn claims<M: prost::Message + Default>(&self) -> Result<M, &'static str> {
        let claims = M::decode(&self.claims[..]).map_err(|_| NONE)?;
        if claims.encode_to_vec() == self.claims {
            Ok(claims)
        } else {
            Err(NONE)
        }
    }
}

/// Writes statements in the name of this process.
pub(crate) struct Writer {
    identity: Source,
    /// Written once for all.
    chain: ArcSwapOption<Chain>,
}

/// The certificates of this process as they travel.
struct Chain {
    header: HeaderValue,
    version: u64,
}

impl Writer {
    pub(crate) fn new(identity: Source) -> Self {
        Self {
            identity,
            chain: ArcSwapOption::empty(),
        }
    }

    pub(crate) fn identity(&self) -> &Source {
        &self.identity
    }

    /// The two headers of a statement; None where they are longer together than is looked at.
    pub(crate) fn write(
        &self,
        kind: &Kind,
        claims: &[u8],
        material: &Material,
    ) -> Result<Option<(HeaderValue, HeaderValue)>, Error> {
        let chain = self.chain(material);
        // Letters, digits and dots are a header's value always.
        let certificates = chain.header.to_str().unwrap_or_default();
        let token = kind.write(claims, certificates, |message| material.sign(message))?;
        if token.len() + certificates.len() > LONGEST {
            return Ok(None);
        }
        let token = HeaderValue::try_from(token).ok();
        Ok(token.map(|token| (token, chain.header.clone())))
    }

    fn chain(&self, material: &Material) -> Arc<Chain> {
        if let Some(chain) = self.chain.load_full().filter(|chain| chain.version == material.version) {
            return chain;
        }
        let header = HeaderValue::try_from(joined(material.chain()));
        let chain = Arc::new(Chain {
            header: header.unwrap_or_else(|_| HeaderValue::from_static("")),
            version: material.version,
        });
        self.chain.store(Some(Arc::clone(&chain)));
        chain
    }
}

/// Whom a process believes, and the certificates that it has verified.
pub(crate) struct Trust {
    identity: Source,
    services: Vec<String>,
    refusal: &'static str,
    signers: Cache<Arc<str>, Arc<Signer>>,
}

/// A certificate that may sign.
pub(crate) struct Signer {
    /// As it travels, with what leads to the roots.
    chain: Arc<str>,
    leaf: CertificateDer<'static>,
    expires: SystemTime,
    version: u64,
}

impl Signer {
    /// Whether it travels so.
    pub(crate) fn travels_as(&self, chain: &[u8]) -> bool {
        self.chain.as_bytes() == chain
    }
}

impl Trust {
    /// In what these services of this trust domain say. `refusal` is what is said of others' statements.
    pub(crate) fn new(identity: Source, services: Vec<String>, refusal: &'static str) -> Self {
        Self {
            identity,
            services,
            refusal,
            signers: Cache::new(SIGNERS),
        }
    }

    pub(crate) fn services(&self) -> &[String] {
        &self.services
    }

    /// Of the certificate and roots of this process: what was verified under another is to be verified again.
    pub(crate) fn version(&self) -> u64 {
        self.identity.version()
    }

    /// Whose statement it is, where that is somebody to believe.
    pub(crate) fn verify(&self, statement: &Statement<'_>, now: SystemTime) -> Result<Arc<Signer>, &'static str> {
        let signer = self.signer(statement.chain, now)?;
        if signed_by(&signer.leaf, &statement.signed, &statement.signature) {
            Ok(signer)
        } else {
            Err("its signature is not that of its certificate")
        }
    }

    fn signer(&self, chain: &str, now: SystemTime) -> Result<Arc<Signer>, &'static str> {
        let version = self.identity.version();
        if let Some(known) = self.signers.get(chain)
            && known.version == version
            && known.expires > now
        {
            return Ok(known);
        }
        let certificates = parted(chain).ok_or(UNREADABLE)?;
        let (id, expires) = self
            .identity
            .material()
            .holder(&certificates, now)
            .map_err(|_| "its certificate is not trusted here")?;
        if !self.includes(&id) {
            return Err(self.refusal);
        }
        let leaf = certificates.into_iter().next().ok_or("there is no certificate")?;
        let chain: Arc<str> = chain.into();
        let signer = Arc::new(Signer {
            chain: Arc::clone(&chain),
            leaf,
            expires,
            version,
        });
        self.signers.insert(chain, Arc::clone(&signer));
        Ok(signer)
    }

    /// Whether this is one of those services.
    pub(crate) fn includes(&self, id: &SpiffeId) -> bool {
        id.trust_domain() == self.identity.id().trust_domain()
            && matches!(id.holder(), Holder::Service(name) if self.services.contains(name))
    }
}

/// The certificates of a signer as they travel.
fn joined(certificates: &[CertificateDer<'_>]) -> String {
    let mut chain = String::new();
    for certificate in certificates.iter().take(CERTIFICATES) {
        if !chain.is_empty() {
            chain.push('.');
        }
        URL_SAFE_NO_PAD.encode_string(certificate, &mut chain);
    }
    chain
}

/// Reads what [`joined`] wrote.
fn parted(chain: &str) -> Option<Vec<CertificateDer<'static>>> {
    let chain: Vec<_> = chain
        .split('.')
        .take(CERTIFICATES + 1)
        .map(|part| URL_SAFE_NO_PAD.decode(part).map(CertificateDer::from))
        .collect::<Result<_, _>>()
        .ok()?;
    (chain.len() <= CERTIFICATES).then_some(chain)
}
