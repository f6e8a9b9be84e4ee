//! One issuer of tokens, and its keys: read at the start, now and then, and when a token names a key that is not known.
//!
//! Keys that were good stay good while their place cannot be read. A token with an unknown key makes the gateway look
//! again, at most once a pause however many such tokens come, so that nobody can make it hammer the issuer. Every change
//! of the keys is a new generation: what was verified with the old ones is verified again. Source: RFC 8725; OpenID
//! Connect Core, 10.1.1 (rotation).

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use jsonwebtoken::errors::ErrorKind;
use jsonwebtoken::{Algorithm, Header, Validation};
use lyceum::configuration;
use lyceum::error::Error as Refusal;
use tokio::sync::Mutex;
use tokio::time::{Instant, sleep};

use super::claims::{Claims, Mapping};
use super::key_set::KeySet;
use super::pseudonyms::Pseudonyms;
use super::reading::{self, Place};
use super::refusals::{invalid_token, issuer_unreachable, unauthenticated};

/// How often a file is looked at: links and mounts change without a word to whoever watches.
const LOOK: Duration = Duration::from_secs(1);

/// The algorithms that a token may be signed with, one for each kind of key.
pub(super) const ALGORITHMS: [Algorithm; 3] = [Algorithm::ES256, Algorithm::RS256, Algorithm::EdDSA];

/// An issuer whose word is taken.
pub(super) struct Issuer {
    pub(super) name: String,
    pub(super) mapping: Mapping,
    /// By the order of [`ALGORITHMS`].
    validations: [Validation; 3],
    place: Place,
    refresh: Duration,
    pause: Duration,
    current: ArcSwapOption<Current>,
    last: Mutex<Last>,
}

/// Keys that were read.
pub(super) struct Current {
    keys: KeySet,
    generation: u64,
    document: Bytes,
}

/// The last reading.
#[derive(Default)]
struct Last {
    at: Option<Instant>,
    stamp: Option<(SystemTime, u64)>,
}

// === impl Issuer ===

impl Issuer {
    pub(super) fn open(
        settings: &configuration::Issuer,
        all: &configuration::Authentication,
        pseudonyms: Arc<Pseudonyms>,
    ) -> Result<Self, reading::Error> {
        Ok(Self {
            name: settings.issuer.clone(),
            mapping: Mapping::new(settings, pseudonyms),
            validations: ALGORITHMS.map(|algorithm| {
                let mut validation = Validation::new(algorithm);
                validation.leeway = all.clock_skew.as_secs();
                validation.validate_nbf = true;
                validation.set_issuer(&[&settings.issuer]);
                validation.set_audience(&settings.audience);
                validation.set_required_spec_claims(&["exp", "iss", "aud"]);
                validation
            }),
            place: Place::open(&settings.keys, &all.roots)?,
            refresh: all.refresh,
            pause: all.refresh_pause,
            current: ArcSwapOption::empty(),
            last: Mutex::default(),
        })
    }

    /// Which keys these are; changes with them.
    pub(super) fn generation(&self) -> u64 {
        self.current.load().as_ref().map_or(0, |current| current.generation)
    }

    /// The claims of a token that this issuer signed, that is for this gateway, and whose time it is; and the generation
    /// of the keys that say so.
    pub(super) async fn verify(&self, token: &str, header: &Header) -> Result<(Claims, u64), Refusal> {
        let Some(at) = ALGORITHMS.iter().position(|known| *known == header.alg) else {
            return Err(invalid_token("it is not signed with ES256, RS256 or EdDSA"));
        };
        let (id, algorithm) = (header.kid.as_deref(), header.alg);
        let has = |current: &Arc<Current>| current.keys.find(id, algorithm).is_some();
        let mut current = self.current.load_full();
        if !current.as_ref().is_some_and(has) {
            self.look_again().await;
            current = self.current.load_full();
        }
        let Some(current) = current else {
            return Err(issuer_unreachable());
        };
        let Some(key) = current.keys.find(id, algorithm) else {
            return Err(unauthenticated(
                "TOKEN_KEY_UNKNOWN",
                "the token is signed with a key that its issuer does not have (any more)",
            ));
        };
        match jsonwebtoken::decode::<Claims>(token, &key.key, &self.validations[at]) {
            Ok(token) => Ok((token.claims, current.generation)),
            Err(error) => Err(explained(error.kind())),
        }
    }

    /// Reads the keys again unless that was just done; whoever comes meanwhile waits for the same reading.
    async fn look_again(&self) {
        let mut last = self.last.lock().await;
        if last.at.is_none_or(|at| at.elapsed() >= self.pause) {
            self.read(&mut last).await;
        }
    }

    async fn read(&self, last: &mut Last) {
        last.stamp = self.place.stamp();
        let outcome = self.place.read().await;
        last.at = Some(Instant::now());
        let document = match outcome {
            Ok(document) => document,
            Err(error) => {
                tracing::warn!(issuer = self.name, %error, "an issuer's keys cannot be read; keeping those that are known");
                return;
            }
        };
        let before = self.current.load_full();
        if before.as_ref().is_some_and(|before| before.document == document) {
            return;
        }
        match KeySet::parse(&document) {
            Ok(keys) => {
                tracing::info!(issuer = self.name, "the issuer's keys are read");
                self.current.store(Some(Arc::new(Current {
                    keys,
                    generation: before.map_or(0, |before| before.generation) + 1,
                    document,
                })));
            }
            Err(error) => {
                tracing::warn!(issuer = self.name, %error, "an issuer's keys cannot be used; keeping those that are known");
            }
        }
    }

    /// Keeps the keys fresh for as long as it runs.
    pub(super) async fn follow(self: Arc<Self>) {
        loop {
            {
                let mut last = self.last.lock().await;
                let file_is_same = last.at.is_some() && self.place.is_file() && last.stamp == self.place.stamp();
                if !file_is_same {
                    self.read(&mut last).await;
                }
            }
            sleep(match (self.place.is_file(), self.current.load().is_some()) {
                (true, _) => LOOK,
                (false, true) => self.refresh,
                (false, false) => self.pause.max(LOOK),
            })
            .await;
        }
    }
}

/// What is wrong with a token, without a word of it.
fn explained(kind: &ErrorKind) -> Refusal {
    let why = match kind {
        ErrorKind::ExpiredSignature => {
            return unauthenticated("TOKEN_EXPIRED", "the token has expired: get a new one");
        }
        ErrorKind::ImmatureSignature => {
            return unauthenticated("TOKEN_NOT_YET_VALID", "the token is not valid yet (nbf)");
        }
        ErrorKind::InvalidAudience => {
            return unauthenticated("TOKEN_AUDIENCE", "the token is for somebody else (aud)");
        }
        ErrorKind::InvalidSignature => "its signature is not its issuer's",
        ErrorKind::MissingRequiredClaim(claim) if claim == "exp" => "it has no end (exp)",
        ErrorKind::MissingRequiredClaim(claim) if claim == "aud" => "it does not say whom it is for (aud)",
        ErrorKind::MissingRequiredClaim(_) | ErrorKind::InvalidClaimFormat(_) => "one of its claims has another form",
        ErrorKind::InvalidAlgorithm | ErrorKind::UnsupportedAlgorithm => "its algorithm does not fit its key",
        _ => "it cannot be read",
    };
    invalid_token(why)
}
