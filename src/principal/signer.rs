//! Vouching for principals: what the gateway does once it knows who asks.
//!
//! A token is signed once for a principal and sent with all of their calls until a minute before it ends; a call costs a
//! look into a bounded cache. When not: a service passes on the token that it was given, it never signs another.

use std::fmt;
use std::time::{Duration, SystemTime};

use prost::Message as _;
use quick_cache::Weighter;
use quick_cache::sync::Cache;
use tonic::Code;

use super::Principal;
use super::token::{self, Claims, KIND, LIFETIME, Token};
use crate::error::Error;
use crate::identity;
use crate::identity::statement::{LONGEST, Writer};

/// All kept tokens together, in bytes.
const MEMORY: u64 = 4 * 1024 * 1024;
/// How many are expected, to size the table.
const EXPECTED: usize = 2048;
/// A token is replaced this long before it ends, so that it still lasts for the calls behind the call.
const AHEAD: Duration = Duration::from_secs(60);

/// Signs for principals in the name of this process.
pub struct Signer {
    statements: Writer,
    tokens: Cache<Principal, Signed, Weight>,
}

#[derive(Clone)]
struct Signed {
    token: Token,
    /// When it is to be replaced, in seconds.
    renew: u64,
    /// The certificate that it was signed with.
    version: u64,
}

#[derive(Clone)]
struct Weight;

impl Weighter<Principal, Signed> for Weight {
    fn weight(&self, principal: &Principal, signed: &Signed) -> u64 {
        // A principal's names are in the token too, a third larger.
        let names = principal.students.expose().len() + principal.classes.expose().len();
        (2 * signed.token.principal().len() + 24 * names + 256) as u64
    }
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Signer")
            .field("identity", self.statements.identity().id())
            .field("tokens", &self.tokens.len())
            .finish()
    }
}

impl Signer {
    /// Signs with the newest certificate of this identity.
    #[must_use]
    pub fn new(identity: identity::Source) -> Self {
        Self {
            statements: Writer::new(identity),
            tokens: Cache::with_weighter(EXPECTED, MEMORY, Weight),
        }
    }

    /// What goes with calls on behalf of `principal`.
    ///
    /// # Errors
    /// UNAUTHENTICATED with reason PRINCIPAL_EXPIRED; FAILED_PRECONDITION with reason PRINCIPAL_TOO_LARGE where the names
    /// and this process' certificates make a token of more than 4 KiB; INTERNAL where the key does not sign.
    pub fn sign(&self, principal: &Principal) -> Result<Token, Error> {
        if principal.is_anonymous() {
            return Ok(Token::anonymous());
        }
        let now = SystemTime::now();
        let version = self.statements.identity().version();
        if let Some(known) = self.tokens.get(principal)
            && known.renew > token::seconds(now)
            && known.version == version
        {
            return Ok(known.token);
        }
        let signed = self.fresh(principal, now)?;
        let token = signed.token.clone();
        self.tokens.insert(principal.clone(), signed);
        Ok(token)
    }

    fn fresh(&self, principal: &Principal, now: SystemTime) -> Result<Signed, Error> {
        let material = self.statements.identity().material();
        let whole = now + LIFETIME;
        let expires = principal
            .expires
            .into_iter()
            .fold(whole, SystemTime::min)
            .min(material.expires());
        if expires <= now {
            return Err(Error::new(
                Code::Unauthenticated,
                "PRINCIPAL_EXPIRED",
                "what you showed to say who you are has expired: show it afresh",
            ));
        }
        let claims = Claims::of(principal, expires);
        let unsigned = || {
            Error::new(
                Code::Internal,
                "PRINCIPAL_UNSIGNED",
                "this process cannot vouch for anybody",
            )
        };
        let written = self.statements.write(&KIND, &claims.encode_to_vec(), &material);
        let (token, certificate) = written
            .map_err(|error| {
                tracing::error!(%error, "a principal cannot be signed");
                unsigned()
            })?
            .ok_or_else(|| {
                Error::failed_precondition(
                    "PRINCIPAL_TOO_LARGE",
                    format!("a principal's students and classes make a token of more than {LONGEST} bytes: name fewer"),
                )
            })?;
        // One that ends sooner than usual would end no later if it were signed again.
        let renew = if expires < whole { expires } else { expires - AHEAD };
        Ok(Signed {
            token: Token::new(token, certificate),
            renew: token::seconds(renew),
            version: material.version,
        })
    }
}
