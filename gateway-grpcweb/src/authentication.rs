//! Who is asking: from what a request shows to a principal.
//!
//! ```text
//! authorization: Bearer eyJ…  ─▶ tokens ─▶ issuer ─▶ claims ─┐
//! authorization: Bearer lyk_… ─▶ key_ring (x-api-key too) ───┤
//! cookie ─▶ session ─▶ ended? ─▶ origin (CSRF) ──────────────┼─▶ Caller: principal, and by what it was proven
//! client certificate (SPIFFE) ───────────────────────────────┤
//! nothing ─▶ anonymous ──────────────────────────────────────┘
//! ```
//!
//! **What.** Each kind of proof has a module; here they meet. What the request itself says in a header comes before its
//! cookie, and both before the connection's certificate, which is the machine's that carries the request. Two headers
//! that speak of two principals are refused.
//!
//! **Why.** A credential that is shown and not good is an error, never "anonymous". And what the gateway has judged goes
//! no further: services get the gateway's signed word instead.
//!
//! **When not.** What the principal may do is decided in `guard`, and again in the service.
//!
//! **Source.** RFC 6750 (bearer tokens), RFC 8725, OWASP ASVS 4.0 (chapters 2, 3 and 9).

mod caller;
mod claims;
pub mod development;
mod ended;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod issuer;
mod key_ring;
mod key_set;
pub mod keys;
mod moment;
mod origin;
mod outcomes;
mod pseudonyms;
mod reading;
mod refusals;
mod session;
mod sign_in;
mod signatures;
mod tokens;

use std::net::SocketAddr;
use std::sync::Arc;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue};
use lyceum::Fabric;
use lyceum::configuration::Issuer;
use lyceum::error::Error as Refusal;
use lyceum::identity::SpiffeId;
use lyceum::principal::Principal;
use lyceum::secret;

use ended::Ended;
use key_ring::KeyRing;
use moment::Moment;
use outcomes::Outcomes;
use pseudonyms::Pseudonyms;
use refusals::{invalid_token, unauthenticated};
use session::{Broken, Session, Sessions};
use tokens::Tokens;

pub(crate) use caller::{Caller, Identified, Proof, Shown};
pub(crate) use sign_in::{PATH as SESSION, refused};

const API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// Why the gateway cannot tell who asks.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Development on an address that others reach.
    #[error(
        "gateway.authentication.development lets anybody be anybody, and the gateway listens on {0}: listen on loopback, \
         or set it to false"
    )]
    Exposed(SocketAddr),
    /// An issuer whose keys have no place to be read from.
    #[error("gateway.authentication.issuers: {issuer:?}: {problem}")]
    Issuer {
        /// Which one.
        issuer: String,
        /// What is wrong.
        problem: String,
    },
    /// The key of sessions or of pseudonyms.
    #[error("gateway.authentication.{setting}: {source}")]
    Secret {
        /// Which.
        setting: &'static str,
        /// Why.
        source: secret::Error,
    },
    /// The development keys.
    #[error("the development keys of the data folder cannot be used: {0}")]
    Development(#[from] development::Error),
}

/// Tells who asks.
pub(crate) struct Authentication {
    tokens: Tokens,
    keys: KeyRing,
    sessions: Option<(Sessions, Ended)>,
    development: bool,
    trust_domain: String,
    anonymous: Arc<Principal>,
    outcomes: Outcomes,
}

// === impl Authentication ===

impl Authentication {
    /// Reads what the configuration names, and begins to follow issuers, API keys and sessions that were ended. Must be
    /// called within a tokio runtime.
    pub(crate) fn start(fabric: &Fabric, address: SocketAddr) -> Result<Self, Error> {
        let configuration = fabric.configuration();
        let settings = &configuration.gateway.authentication;
        if settings.development && !address.ip().is_loopback() {
            return Err(Error::Exposed(address));
        }
        let mut issuers = settings.issuers.clone();
        let (mut session_key, mut pseudonym_key) = (settings.session_key.clone(), settings.pseudonym_key.clone());
        if settings.development {
            let keys = development::Keys::open(&configuration.data)?;
            let set = keys.set().display().to_string();
            issuers.push(Issuer::new(development::ISSUER, development::AUDIENCE, set));
            session_key.get_or_insert_with(|| keys.session_key());
            pseudonym_key.get_or_insert_with(|| keys.pseudonym_key());
        }
        let secret = |setting| move |source| Error::Secret { setting, source };
        let pseudonyms = Pseudonyms::open(pseudonym_key.as_deref()).map_err(secret("pseudonym_key"))?;
        let sessions = match session_key {
            Some(file) => {
                let sessions = Sessions::open(&file, settings.session_idle, settings.session_limit)
                    .map_err(secret("session_key"))?;
                Some((sessions, Ended::follow(fabric)))
            }
            None => None,
        };
        if settings.development {
            tracing::warn!("development: anybody on this machine may sign in as anybody");
        }
        Ok(Self {
            tokens: Tokens::open(&issuers, settings, &Arc::new(pseudonyms))?,
            keys: KeyRing::follow(fabric),
            sessions,
            development: settings.development,
            trust_domain: fabric.identity().id().trust_domain().to_owned(),
            anonymous: Arc::new(Principal::anonymous()),
            outcomes: Outcomes::register(fabric),
        })
    }

    /// Who asks for `shown`.
    ///
    /// # Errors
    /// UNAUTHENTICATED for whatever is shown and not good, PERMISSION_DENIED for a key that does not open the method,
    /// UNAVAILABLE while it cannot be told.
    pub(crate) async fn identify(&self, shown: Shown<'_>) -> Result<Identified, Refusal> {
        let bearer = self.bearer(shown.headers);
        let keeps_authorization = !matches!(bearer, Ok(None));
        let key = shown.headers.get(API_KEY);
        let (proof, accepted, outcome) = if keeps_authorization || key.is_some() {
            let caller = match bearer {
                Ok(bearer) => self.by_header(bearer, key, shown).await,
                Err(refusal) => Err(refusal),
            };
            ("header", &self.outcomes.header, caller.map(|caller| (caller, None)))
        } else if let Some(session) = self.session(shown) {
            let used = session.and_then(|(session, secure)| self.by_session(&session, secure, shown));
            ("session", &self.outcomes.session, used)
        } else if let Some(id) = shown.certificate {
            let caller = self.by_certificate(id).map(|caller| (caller, None));
            ("certificate", &self.outcomes.certificate, caller)
        } else {
            return Ok(Identified {
                caller: self.nobody(),
                cookie: None,
                keeps_authorization,
            });
        };
        match outcome {
            Ok((caller, cookie)) => {
                accepted.inc();
                Ok(Identified {
                    caller,
                    cookie,
                    keeps_authorization,
                })
            }
            Err(refusal) => {
                self.outcomes.refused(proof, &refusal);
                Err(refusal)
            }
        }
    }

    /// The bearer credential of a request; none where `authorization` is a service's business.
    fn bearer<'a>(&self, headers: &'a HeaderMap) -> Result<Option<&'a str>, Refusal> {
        let mut values = headers.get_all(AUTHORIZATION).iter().map(bearer_of).peekable();
        if values.peek().is_none() {
            return Ok(None);
        }
        let first = values.next().flatten();
        let others = values.collect::<Vec<_>>();
        let is_key = |value: &Option<&str>| value.is_some_and(|bearer| bearer.starts_with(keys::PREFIX));
        if !self.tokens.are_accepted() && !is_key(&first) && !others.iter().any(is_key) {
            return Ok(None);
        }
        if !others.is_empty() {
            return Err(invalid_token("there is more than one header authorization"));
        }
        first
            .map(Some)
            .ok_or_else(|| invalid_token("the header authorization must be \"Bearer\" and a token or an API key"))
    }

    async fn by_header(
        &self,
        bearer: Option<&str>,
        key: Option<&HeaderValue>,
        shown: Shown<'_>,
    ) -> Result<Caller, Refusal> {
        let by_bearer = match bearer {
            Some(text) if text.starts_with(keys::PREFIX) => Some(self.by_key(text, shown)?),
            Some(token) => Some(Caller {
                principal: self.tokens.principal(token).await?,
                proof: Proof::Token,
            }),
            None => None,
        };
        let by_key = match key {
            // Something unreadable is no key of ours.
            Some(key) => Some(self.by_key(key.to_str().unwrap_or_default(), shown)?),
            None => None,
        };
        match (by_bearer, by_key) {
            (Some(one), Some(other)) if one.principal != other.principal => Err(unauthenticated(
                "CREDENTIALS_CONFLICT",
                "authorization and x-api-key speak of two different callers: send one of them",
            )),
            (Some(caller), _) | (None, Some(caller)) => Ok(caller),
            (None, None) => Ok(self.nobody()),
        }
    }

    fn by_key(&self, text: &str, shown: Shown<'_>) -> Result<Caller, Refusal> {
        let holder = self.keys.judge(text, shown)?;
        Ok(Caller {
            principal: holder.principal,
            proof: Proof::Key(holder.id),
        })
    }

    /// The session of a request's cookie, and whether it has the name that TLS gives it; none where there is no cookie,
    /// or no sessions.
    fn session(&self, shown: Shown<'_>) -> Option<Result<(Session, bool), Refusal>> {
        let (sessions, ended) = self.sessions.as_ref()?;
        let (value, secure) = session::cookie(shown.headers, shown.secure)?;
        Some(match sessions.read(value, Moment::now()) {
            Ok(session) if ended.contains(&session.id) => {
                Err(unauthenticated("SESSION_ENDED", "the session was ended: sign in again"))
            }
            Ok(session) => Ok((session, secure)),
            Err(Broken::Expired) => Err(unauthenticated(
                "SESSION_EXPIRED",
                "the session has expired: sign in again",
            )),
            Err(Broken::Invalid) => Err(unauthenticated(
                "SESSION_INVALID",
                "the cookie is no session of this gateway: sign in again",
            )),
        })
    }

    /// Whose session it is, and the cookie that makes it go on.
    fn by_session(
        &self,
        session: &Session,
        secure: bool,
        shown: Shown<'_>,
    ) -> Result<(Caller, Option<HeaderValue>), Refusal> {
        origin::check(shown.method, shown.uri, shown.headers, &session.csrf)?;
        let principal = session.principal().ok_or_else(|| {
            unauthenticated(
                "SESSION_INVALID",
                "the cookie is no session of this gateway: sign in again",
            )
        })?;
        let now = Moment::now();
        let renewed = self.sessions.as_ref().and_then(|(sessions, _)| {
            let session = sessions.renewed(session, now)?;
            let value = sessions.seal(&session).ok()?;
            Some(session::set_cookie(&value, session.expires(), secure, now))
        });
        let caller = Caller {
            principal,
            proof: Proof::Session,
        };
        Ok((caller, renewed))
    }

    /// A machine of the fabric's own trust domain; another authority's names could be anybody's here.
    fn by_certificate(&self, id: &SpiffeId) -> Result<Caller, Refusal> {
        let principal = Principal::of_certificate(id);
        let known = id.trust_domain() == self.trust_domain && !principal.is_anonymous();
        let caller = known.then(|| Caller {
            principal: Arc::new(principal),
            proof: Proof::Certificate,
        });
        caller.ok_or_else(|| {
            unauthenticated(
                "CERTIFICATE_UNKNOWN",
                "the client certificate names nobody of this fabric: it must have a SPIFFE ID of its trust domain",
            )
        })
    }

    fn nobody(&self) -> Caller {
        Caller {
            principal: Arc::clone(&self.anonymous),
            proof: Proof::Nothing,
        }
    }
}

impl std::fmt::Debug for Authentication {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Authentication")
    }
}

/// What stands behind `Bearer`.
fn bearer_of(value: &HeaderValue) -> Option<&str> {
    let (scheme, credential) = value.to_str().ok()?.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| credential.trim_start())
}
