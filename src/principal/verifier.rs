//! Whom to believe: a token that a trusted service signed for this trust domain, a moment ago.
//!
//! Nothing is fetched and nothing is configured but who may vouch ([`crate::configuration::Authorization::vouchers`]): a
//! token brings its signer's certificate, which must chain to the roots of this process. A certificate that was
//! verified is remembered, so that a new token costs one signature; a token that was verified is remembered until it
//! ends, so that it costs a look. Both are forgotten when this process' certificate or roots are renewed.
//!
//! When not: what a principal may do is [`super::Access`].

use std::fmt;
use std::sync::{Arc, LazyLock};
use std::time::SystemTime;

use http::{HeaderMap, HeaderName, HeaderValue};
use quick_cache::sync::Cache;
use rustls::pki_types::CertificateDer;
use tonic::Code;

use super::remembered::Remembered;
use super::token::{self, LONGEST, Parts, SKEW, Token};
use super::{ANONYMOUS, Principal};
use crate::context::headers::{PRINCIPAL, PRINCIPAL_CERTIFICATE};
use crate::error::Error;
use crate::identity::{self, Holder, SpiffeId, signed_by};

/// All remembered tokens together, in bytes.
const MEMORY: u64 = 4 * 1024 * 1024;
/// How many signers are remembered.
const SIGNERS: usize = 64;
const UNREADABLE: &str = "its certificate cannot be read";

static NOBODY: LazyLock<Arc<Principal>> = LazyLock::new(|| Arc::new(Principal::anonymous()));

/// Knows who a call is for.
pub struct Verifier {
    identity: identity::Source,
    vouchers: Vec<String>,
    tokens: Remembered<Known>,
    signers: Cache<Arc<str>, Arc<Trusted>>,
}

#[derive(Clone)]
struct Known {
    principal: Arc<Principal>,
    signer: Arc<Trusted>,
    version: u64,
}

/// A certificate that may vouch.
struct Trusted {
    /// As it travels, with what leads to the roots.
    chain: Arc<str>,
    leaf: CertificateDer<'static>,
    expires: SystemTime,
    version: u64,
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("vouchers", &self.vouchers)
            .field("tokens", &self.tokens)
            .finish_non_exhaustive()
    }
}

impl Verifier {
    /// Believes tokens that one of these services signed, in the trust domain of `identity`.
    #[must_use]
    pub fn new(identity: identity::Source, vouchers: Vec<String>) -> Self {
        Self {
            identity,
            vouchers,
            tokens: Remembered::new(MEMORY),
            signers: Cache::new(SIGNERS),
        }
    }

    /// Who somebody at the other end of a connection is, as long as they bring no token: whoever their certificate says.
    /// A service that may vouch for others never speaks for itself: without a token it speaks for nobody.
    #[must_use]
    pub fn holder(&self, id: &SpiffeId) -> Arc<Principal> {
        if self.vouches(id) {
            Arc::clone(&NOBODY)
        } else {
            Arc::new(Principal::of_certificate(id))
        }
    }

    /// On whose behalf a call with these headers is made, and the token that says so. `caller` is who it is for without
    /// a token. Nobody has to prove that they are nobody: `anonymous` only ever gives rights away.
    ///
    /// # Errors
    /// UNAUTHENTICATED with reason PRINCIPAL_INVALID.
    pub fn principal(
        &self,
        headers: &HeaderMap,
        caller: &Arc<Principal>,
    ) -> Result<(Arc<Principal>, Option<Token>), Error> {
        let principal = one(headers, &PRINCIPAL)?;
        match (principal, one(headers, &PRINCIPAL_CERTIFICATE)?) {
            (None, None) => Ok((Arc::clone(caller), None)),
            (Some(nobody), None) if nobody == ANONYMOUS => Ok((Arc::clone(&NOBODY), None)),
            (Some(token), Some(certificate)) => {
                let principal = self.verify(token.as_bytes(), certificate.as_bytes(), SystemTime::now())?;
                Ok((principal, Some(Token::new(token.clone(), certificate.clone()))))
            }
            (Some(_), None) => Err(invalid("its certificate is missing")),
            (None, Some(_)) => Err(invalid("there is a certificate and no principal")),
        }
    }

    /// The principal of a token, both parts of which are given as they travel.
    ///
    /// # Errors
    /// UNAUTHENTICATED with reason PRINCIPAL_INVALID.
    pub fn verify(&self, token: &[u8], certificate: &[u8], now: SystemTime) -> Result<Arc<Principal>, Error> {
        if token.len() + certificate.len() > LONGEST {
            return Err(invalid("it is larger than a token may be"));
        }
        let version = self.identity.version();
        if let Some(known) = self.tokens.get(token)
            && known.version == version
            && known.principal.expires.is_some_and(|end| now <= end + SKEW)
            && known.signer.chain.as_bytes() == certificate
        {
            return Ok(known.principal);
        }
        let (principal, signer) = self.read(token, certificate, now).map_err(invalid)?;
        let principal = Arc::new(principal);
        let known = Known {
            principal: Arc::clone(&principal),
            signer,
            version,
        };
        self.tokens.insert(token, known);
        Ok(principal)
    }

    /// What costs nothing is looked at first.
    fn read(
        &self,
        token: &[u8],
        certificate: &[u8],
        now: SystemTime,
    ) -> Result<(Principal, Arc<Trusted>), &'static str> {
        const NONE: &str = "it is no token";
        let token = std::str::from_utf8(token).ok().and_then(Parts::parse).ok_or(NONE)?;
        let chain = std::str::from_utf8(certificate).map_err(|_| UNREADABLE)?;
        let claims = token.claims().ok_or(NONE)?;
        let principal = claims.principal(now)?;
        let (message, signature) = token.signature(chain).ok_or(NONE)?;
        let signer = self.signer(chain, now)?;
        if signed_by(&signer.leaf, &message, &signature) {
            Ok((principal, signer))
        } else {
            Err("its signature is not that of its certificate")
        }
    }

    fn signer(&self, chain: &str, now: SystemTime) -> Result<Arc<Trusted>, &'static str> {
        let version = self.identity.version();
        if let Some(known) = self.signers.get(chain)
            && known.version == version
            && known.expires > now
        {
            return Ok(known);
        }
        let certificates = token::certificates(chain).ok_or(UNREADABLE)?;
        let (id, expires) = self
            .identity
            .material()
            .holder(&certificates, now)
            .map_err(|_| "its certificate is not trusted here")?;
        if !self.vouches(&id) {
            return Err("its signer may not vouch for anybody (authorization.vouchers)");
        }
        let leaf = certificates.into_iter().next().ok_or("there is no certificate")?;
        let chain: Arc<str> = chain.into();
        let trusted = Arc::new(Trusted {
            chain: Arc::clone(&chain),
            leaf,
            expires,
            version,
        });
        self.signers.insert(chain, Arc::clone(&trusted));
        Ok(trusted)
    }

    fn vouches(&self, id: &SpiffeId) -> bool {
        id.trust_domain() == self.identity.id().trust_domain()
            && matches!(id.holder(), Holder::Service(name) if self.vouchers.contains(name))
    }
}

/// The only value of a header; more than one is none.
fn one<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h HeaderValue>, Error> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (value, None) => Ok(value),
        _ => Err(invalid("there is more than one")),
    }
}

fn invalid(why: &str) -> Error {
    Error::new(
        Code::Unauthenticated,
        "PRINCIPAL_INVALID",
        format!("the principal of the call cannot be believed: {why}"),
    )
}

#[cfg(test)]
mod tests;
