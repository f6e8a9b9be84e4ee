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
use tonic::Code;

use super::remembered::Remembered;
use super::token::{Claims, KIND, SKEW, Token};
use super::{ANONYMOUS, Principal};
use crate::context::headers::{PRINCIPAL, PRINCIPAL_CERTIFICATE};
use crate::error::Error;
use crate::identity::statement::{Signer, Trust};
use crate::identity::{self, SpiffeId};

/// All remembered tokens together, in bytes.
const MEMORY: u64 = 4 * 1024 * 1024;
const NO_VOUCHER: &str = "its signer may not vouch for anybody (authorization.vouchers)";

static NOBODY: LazyLock<Arc<Principal>> = LazyLock::new(|| Arc::new(Principal::anonymous()));

/// Knows who a call is for.
pub struct Verifier {
    vouchers: Trust,
    tokens: Remembered<Known>,
}

#[derive(Clone)]
struct Known {
    principal: Arc<Principal>,
    signer: Arc<Signer>,
    version: u64,
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("vouchers", &self.vouchers.services())
            .field("tokens", &self.tokens)
            .finish_non_exhaustive()
    }
}

impl Verifier {
    /// Believes tokens that one of these services signed, in the trust domain of `identity`.
    #[must_use]
    pub fn new(identity: identity::Source, vouchers: Vec<String>) -> Self {
        Self {
            vouchers: Trust::new(identity, vouchers, NO_VOUCHER),
            tokens: Remembered::new(MEMORY),
        }
    }

    /// Who somebody at the other end of a connection is, as long as they bring no token: whoever their certificate says.
    /// A service that may vouch for others never speaks for itself: without a token it speaks for nobody.
    #[must_use]
    pub fn holder(&self, id: &SpiffeId) -> Arc<Principal> {
        if self.vouchers.includes(id) {
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
        let version = self.vouchers.version();
        if let Some(known) = self.tokens.get(token)
            && known.version == version
            && known.principal.expires.is_some_and(|end| now <= end + SKEW)
            && known.signer.travels_as(certificate)
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
    ) -> Result<(Principal, Arc<Signer>), &'static str> {
        let statement = KIND.parse(token, certificate)?;
        let principal = statement.claims::<Claims>()?.principal(now)?;
        Ok((principal, self.vouchers.verify(&statement, now)?))
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
