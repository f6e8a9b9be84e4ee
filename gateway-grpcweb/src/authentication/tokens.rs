//! Tokens (JWT): whose they are, and those that were seen before.
//!
//! **What.** A token is verified once: the algorithm by the key's kind, the signature, issuer, audience and times; what
//! it says becomes a principal. The outcome is remembered until the token ends or its issuer's keys change, in a bounded
//! store, so that a browser that sends the same token with every call costs a look.
//!
//! **When not.** A token cannot be taken back before it ends: that is what sessions and API keys are for; let tokens be
//! short. Encrypted tokens and opaque ones that need introspection are not understood.
//!
//! **Source.** RFC 7515, 7519, 8725 (best current practices).

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lyceum::configuration;
use lyceum::error::Error as Refusal;
use lyceum::principal::{Principal, Remembered};
use serde::Deserialize;
use tokio::task::JoinSet;

use super::issuer::Issuer;
use super::pseudonyms::Pseudonyms;
use super::refusals::{invalid_token, unauthenticated};
use super::{Error, signatures};

/// The longest token that is looked at.
const LONGEST: usize = 8 * 1024;
/// All remembered tokens together, in bytes.
const MEMORY: u64 = 8 * 1024 * 1024;

/// All issuers, and the tokens of theirs that were seen.
pub(super) struct Tokens {
    issuers: Vec<Arc<Issuer>>,
    seen: Remembered<Seen>,
    skew: u64,
    lifetime_limit: u64,
    _following: JoinSet<()>,
}

/// A token that was verified.
#[derive(Clone)]
struct Seen {
    principal: Arc<Principal>,
    /// Which of the issuers, and which keys of it.
    issuer: usize,
    generation: u64,
    /// Seconds since 1970.
    ends: u64,
}

/// What is read of a token before it is known whose it is.
#[derive(Deserialize)]
struct Unverified {
    iss: Option<String>,
}

// === impl Tokens ===

impl Tokens {
    /// Begins to follow the keys of every issuer; ends with this.
    pub(super) fn open(
        issuers: &[configuration::Issuer],
        settings: &configuration::Authentication,
        pseudonyms: &Arc<Pseudonyms>,
    ) -> Result<Self, Error> {
        signatures::install();
        let issuers = issuers
            .iter()
            .map(|issuer| match Issuer::open(issuer, settings, Arc::clone(pseudonyms)) {
                Ok(opened) => Ok(Arc::new(opened)),
                Err(error) => Err(Error::Issuer {
                    issuer: issuer.issuer.clone(),
                    problem: error.to_string(),
                }),
            })
            .collect::<Result<Vec<_>, Error>>()?;
        let mut following = JoinSet::new();
        for issuer in &issuers {
            following.spawn(Arc::clone(issuer).follow());
        }
        Ok(Self {
            issuers,
            seen: Remembered::new(MEMORY),
            skew: settings.clock_skew.as_secs(),
            lifetime_limit: settings.lifetime_limit.as_secs(),
            _following: following,
        })
    }

    /// Whether anybody's tokens are accepted.
    pub(super) fn are_accepted(&self) -> bool {
        !self.issuers.is_empty()
    }

    /// Who a token speaks of.
    pub(super) async fn principal(&self, token: &str) -> Result<Arc<Principal>, Refusal> {
        if token.len() > LONGEST {
            return Err(invalid_token(format_args!("it is longer than {LONGEST} bytes")));
        }
        let now = now();
        if let Some(seen) = self.seen.get(token.as_bytes())
            && seen.ends >= now
            && self.issuers[seen.issuer].generation() == seen.generation
        {
            return Ok(seen.principal);
        }
        // Large, and rare: what every call waits in stays small.
        let seen = Box::pin(self.verified(token, now)).await?;
        let principal = Arc::clone(&seen.principal);
        self.seen.insert(token.as_bytes(), seen);
        Ok(principal)
    }

    async fn verified(&self, token: &str, now: u64) -> Result<Seen, Refusal> {
        let unreadable = || invalid_token("it cannot be read");
        let header = jsonwebtoken::decode_header(token)
            .map_err(|_| invalid_token("its head cannot be read, or names an algorithm that is none"))?;
        if header.crit.is_some() {
            return Err(invalid_token("it demands something that is not understood (crit)"));
        }
        let claims = token.split('.').nth(1).ok_or_else(unreadable)?;
        let claims = URL_SAFE_NO_PAD.decode(claims).map_err(|_| unreadable())?;
        let Unverified { iss } = serde_json::from_slice(&claims).map_err(|_| unreadable())?;
        let at = iss
            .and_then(|name| self.issuers.iter().position(|issuer| issuer.name == name))
            .ok_or_else(|| {
                unauthenticated(
                    "TOKEN_ISSUER_UNKNOWN",
                    "the token is of an issuer that is not trusted here (iss)",
                )
            })?;
        let issuer = &self.issuers[at];
        let (claims, generation) = issuer.verify(token, &header).await?;
        // It was verified as a number; one beyond the range of integers ends too late.
        let expires = claims
            .get("exp")
            .and_then(serde_json::Value::as_f64)
            .unwrap_or(f64::MAX);
        if expires > (now + self.lifetime_limit + self.skew) as f64 {
            return Err(invalid_token(format_args!(
                "it ends later than tokens may ({} s from now)",
                self.lifetime_limit
            )));
        }
        let ends = expires.max(0.0) as u64 + self.skew;
        let principal = issuer.mapping.principal(&claims, ends).map_err(invalid_token)?;
        Ok(Seen {
            principal: Arc::new(principal),
            issuer: at,
            generation,
            ends,
        })
    }
}

/// Seconds since 1970.
pub(super) fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or(Duration::ZERO)
        .as_secs()
}
