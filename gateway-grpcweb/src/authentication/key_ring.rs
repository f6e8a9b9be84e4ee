//! The API keys of the deployment as this gateway knows them, and the judgement of one that is shown.
//!
//! Followed in Consul, so that a key that is made, rotated or revoked counts at every gateway within a second, and the
//! last known ones count while Consul is away. Every use is audited: a line under the target `lyceum::audit` with the
//! key's id, the method, what became of it and the correlation id, and a counter by key and outcome. A document with a
//! mistake opens nothing.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lyceum::Fabric;
use lyceum::consul::Stored;
use lyceum::error::Error as Refusal;
use lyceum::principal::Principal;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use tokio_util::task::AbortOnDropHandle;

use super::Shown;
use super::keys::{self, FOLDER, Key, Moment};
use super::refusals::unauthenticated;

/// The most keys that are followed.
const MOST: usize = 10_000;
/// What a key is called that is none of ours.
const UNKNOWN: &str = "unknown";
const ACCEPTED: &str = "accepted";

type Known = HashMap<String, Arc<Ready>>;

/// Every key.
pub(super) struct KeyRing {
    known: Arc<ArcSwapOption<Known>>,
    uses: Family<Use, Counter>,
    _following: AbortOnDropHandle<()>,
}

/// A key in the form that it is judged in.
struct Ready {
    id: Arc<str>,
    key: Key,
    principal: Arc<Principal>,
    hashes: Vec<([u8; 32], Option<Moment>)>,
}

/// A use of a key.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Use {
    key: String,
    outcome: &'static str,
}

/// Whose key it was.
#[derive(Clone, Debug)]
pub(super) struct Holder {
    pub(super) principal: Arc<Principal>,
    pub(super) id: Arc<str>,
}

// === impl KeyRing ===

impl KeyRing {
    pub(super) fn follow(fabric: &Fabric) -> Self {
        let uses = Family::default();
        fabric.metrics().register(|registry| {
            registry.register(
                "gateway_key_uses",
                "Uses of API keys, by key and what became of them",
                uses.clone(),
            );
        });
        let known: Arc<ArcSwapOption<Known>> = Arc::default();
        let mut values = fabric.values(FOLDER);
        let table = Arc::clone(&known);
        let following = tokio::spawn(async move {
            loop {
                if let Some(stored) = values.borrow_and_update().clone() {
                    table.store(Some(Arc::new(read(&stored))));
                }
                if values.changed().await.is_err() {
                    return;
                }
            }
        });
        Self {
            known,
            uses,
            _following: AbortOnDropHandle::new(following),
        }
    }

    /// Whose key this is, if it opens the method; audited either way.
    pub(super) fn judge(&self, key: &str, shown: Shown<'_>) -> Result<Holder, Refusal> {
        let known = self.known.load();
        let ready = keys::parts(key).and_then(|(id, secret)| Some((known.as_ref()?.get(id)?, secret)));
        let outcome = match (&ready, known.is_some()) {
            (Some((ready, secret)), _) => ready.judge(secret, shown.uri.path(), Moment::now()),
            (None, true) => Err(unauthenticated("KEY_UNKNOWN", "there is no such API key")),
            (None, false) => Err(Refusal::unavailable(
                "GATEWAY_STARTING",
                "the gateway does not know the API keys yet",
            )
            .with_retry_after(std::time::Duration::from_secs(1))),
        };
        let id = ready.map_or(UNKNOWN, |(ready, _)| &ready.id);
        let said = outcome.as_ref().map_or_else(Refusal::reason, |_| ACCEPTED);
        tracing::info!(
            target: "lyceum::audit",
            key = id,
            method = shown.called,
            outcome = said,
            correlation = shown.correlation,
            "an API key was used"
        );
        let label = Use {
            key: id.to_owned(),
            outcome: said,
        };
        self.uses.get_or_create(&label).inc();
        outcome
    }
}

fn read(stored: &[Stored]) -> Known {
    if stored.len() > MOST {
        tracing::warn!(
            keys = stored.len(),
            most = MOST,
            "there are more API keys than are followed"
        );
    }
    stored
        .iter()
        .take(MOST)
        .filter_map(|stored| match Ready::read(&stored.value) {
            Ok(ready) if stored.key.strip_prefix(FOLDER) == Some(&ready.id) => {
                Some((ready.key.id.clone(), Arc::new(ready)))
            }
            Ok(_) => {
                tracing::warn!(
                    key = stored.key,
                    "an API key's document has the id of another; it opens nothing"
                );
                None
            }
            Err(error) => {
                tracing::warn!(key = stored.key, %error, "an API key's document cannot be used; it opens nothing");
                None
            }
        })
        .collect()
}

// === impl Ready ===

impl Ready {
    fn read(document: &[u8]) -> Result<Self, keys::Error> {
        let key = Key::read(document)?;
        let hashes = key
            .secrets
            .iter()
            .filter_map(|secret| {
                let hash = URL_SAFE_NO_PAD.decode(&secret.sha256).ok()?;
                Some((hash.try_into().ok()?, secret.not_after))
            })
            .collect();
        Ok(Self {
            id: key.id.as_str().into(),
            principal: Arc::new(key.principal()?),
            key,
            hashes,
        })
    }

    fn judge(&self, secret: &str, path: &str, now: Moment) -> Result<Holder, Refusal> {
        // Comparing hashes tells by its time at most something of a hash, of which nobody can make a secret.
        let hash = keys::hash(secret);
        let Some((_, not_after)) = self.hashes.iter().find(|(known, _)| *known == hash) else {
            return Err(unauthenticated("KEY_UNKNOWN", "there is no such API key"));
        };
        if self.key.revoked.is_some() {
            return Err(unauthenticated("KEY_REVOKED", "the API key is revoked"));
        }
        if not_after.is_some_and(|end| end <= now) {
            return Err(unauthenticated(
                "KEY_EXPIRED",
                "the API key was rotated, and its old secret has ended: use the new one",
            ));
        }
        if self.key.expires.is_some_and(|end| end <= now) {
            return Err(unauthenticated("KEY_EXPIRED", "the API key has expired"));
        }
        if !self.key.opens(path) {
            return Err(Refusal::permission_denied(
                "SCOPE_MISSING",
                "the API key does not open this method: its scopes name those that it opens",
            ));
        }
        Ok(Holder {
            principal: Arc::clone(&self.principal),
            id: Arc::clone(&self.id),
        })
    }
}

/// Whether the key of a document opens a path to who shows this secret.
#[cfg(feature = "fuzzing")]
pub(super) fn opens(document: &[u8], secret: &str, path: &str, now: Moment) -> bool {
    Ready::read(document).is_ok_and(|ready| ready.judge(secret, path, now).is_ok())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use lyceum::principal::Role;

    use super::*;

    fn reason(key: &Key, shown: &keys::Shown, path: &str, now: u64) -> &'static str {
        let ready = Ready::read(&key.document()).unwrap();
        let (_, secret) = keys::parts(shown.expose()).unwrap();
        ready
            .judge(secret, path, Moment(now))
            .map_or_else(|refusal| refusal.reason(), |_| ACCEPTED)
    }

    #[test]
    fn an_old_secret_works_during_the_overlap_and_never_after() {
        let scopes = ["p.S/*".to_owned()].into();
        let (mut key, old) = Key::create("bot", Role::Service.into(), scopes, Moment(1000)).unwrap();
        key.expires = Some(Moment(5000));
        let new = key.rotate(Duration::from_secs(60), Moment(2000)).unwrap();
        assert_eq!(reason(&key, &old, "/p.S/Get", 2059), ACCEPTED);
        assert_eq!(reason(&key, &old, "/p.S/Get", 2060), "KEY_EXPIRED");
        assert_eq!(reason(&key, &new, "/p.S/Get", 2060), ACCEPTED);
        assert_eq!(reason(&key, &new, "/q.S/Get", 2060), "SCOPE_MISSING");
        assert_eq!(reason(&key, &new, "/p.S/Get", 5000), "KEY_EXPIRED");
        key.revoke(Moment(3000));
        assert_eq!(reason(&key, &new, "/p.S/Get", 3000), "KEY_REVOKED");
        let (_, foreign) = Key::create("bot", Role::Service.into(), ["*".to_owned()].into(), Moment(0)).unwrap();
        assert_eq!(reason(&key, &foreign, "/p.S/Get", 2000), "KEY_UNKNOWN");
    }

    #[test]
    fn a_document_under_a_foreign_id_opens_nothing() {
        let (key, _) = Key::create("bot", Role::Service.into(), ["*".to_owned()].into(), Moment(0)).unwrap();
        let stored = |place: String, value: Vec<u8>| Stored {
            key: place,
            value: value.into(),
        };
        assert_eq!(read(&[stored(key.place(), key.document())]).len(), 1);
        let wrong = [
            stored(format!("{FOLDER}abcdefghijkl"), key.document()),
            stored(key.place(), b"{}".to_vec()),
        ];
        assert!(read(&wrong).is_empty());
    }
}
