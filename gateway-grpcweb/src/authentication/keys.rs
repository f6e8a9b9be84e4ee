//! API keys: what programs outside the mesh show, and what is kept of them.
//!
//! **What.** A key is `lyk_<id>_<secret>`. The id names the document in Consul, `lyceum/keys/<id>`: whose it is, which
//! roles and methods it opens, until when, and the SHA-256 of its secret. The secret itself is shown once, when it is
//! made, and kept nowhere. Rotation adds a second hash and lets the first one end after an overlap, so that a program can
//! change over without a moment in which its key fails.
//!
//! **Why no slow hash.** Argon2 and its kin protect passwords, which people choose from few. A secret here is 256 random
//! bits: nobody finds it by trying however fast the hash is, and a slow one would let strangers burn the gateway's time.
//!
//! **When not.** People sign in with their identity provider; a key is a program's. Source: OWASP, "API security", and
//! NIST SP 800-63B, 5.1.2 (look-up secrets of 112 bits and more need no slow hash).

use std::collections::BTreeSet;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lyceum::principal::{Principal, Role, Roles};
use lyceum::secret::{self, random};
use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};

pub use super::moment::Moment;

/// Where the documents of all keys are.
pub const FOLDER: &str = "lyceum/keys/";
/// What every key begins with, so that one in a log or a repository is found by scanners.
pub const PREFIX: &str = "lyk_";

/// The most scopes of a key.
const SCOPES: usize = 64;
/// The most secrets at a time: the newest, and those that still overlap.
const SECRETS: usize = 4;
/// 32 bytes in base64.
const SECRET_LENGTH: usize = 43;
const ID_LENGTH: usize = 12;
/// A document is far smaller.
const DOCUMENT: usize = 64 * 1024;

/// What is wrong with a key's document, or what was asked to be made of it.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It is no document of a key.
    #[error("it is no document of a key: {0}")]
    Unreadable(#[from] serde_json::Error),
    /// It is larger than any.
    #[error("it is larger than a key's document can be")]
    TooLarge,
    /// A role that is none.
    #[error("{0:?} is no role: it must be one of student, educator, administrator, service, parent")]
    Role(String),
    /// An owner that is no pseudonym, or too many students or classes.
    #[error(transparent)]
    Principal(#[from] lyceum::principal::Error),
    /// A scope that is none.
    #[error("{0:?} is no scope: write package.Service/Method, package.Service/*, or * for everything")]
    Scope(String),
    /// Too many scopes, or none.
    #[error("a key has 1 to {SCOPES} scopes")]
    Scopes,
    /// It was revoked.
    #[error("the key is revoked: make a new one")]
    Revoked,
    /// Its secrets overlap too often.
    #[error("the key was rotated {SECRETS} times within the overlap: wait for the older secrets to end")]
    Rotations,
    /// No randomness.
    #[error(transparent)]
    Random(#[from] secret::Error),
}

/// A key's document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Key {
    /// Names the key; no secret.
    pub id: String,
    /// The program that it is given to: what services know the caller as.
    pub owner: String,
    /// The roles that it gives.
    pub roles: Vec<String>,
    /// The methods that it opens: `package.Service/Method`, `package.Service/*`, or `*`.
    pub scopes: BTreeSet<String>,
    /// Whose data is the owner's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub students: Vec<String>,
    /// The owner's classes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
    /// When it was made.
    pub created: Moment,
    /// When it ends; never, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Moment>,
    /// When it was taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<Moment>,
    /// Its secrets, the newest first.
    pub secrets: Vec<Hashed>,
}

/// What is kept of a secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hashed {
    /// The SHA-256 of the secret's text, in base64.
    pub sha256: String,
    /// When it was made.
    pub created: Moment,
    /// When it ends, once there is a newer one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Moment>,
}

/// A key as it is shown to its owner, once. Prints nothing by accident.
pub struct Shown(String);

impl Shown {
    /// The whole key.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Shown {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Shown")
    }
}

// === impl Key ===

impl Key {
    /// A new key for a program, and what to give it.
    ///
    /// # Errors
    /// An owner, role or scope that is none.
    pub fn create(owner: &str, roles: Roles, scopes: BTreeSet<String>, now: Moment) -> Result<(Self, Shown), Error> {
        let id = id()?;
        let (secret, shown) = made(&id, now)?;
        let key = Self {
            id,
            owner: owner.to_owned(),
            roles: roles.iter().map(|role| role.name().to_owned()).collect(),
            scopes,
            students: Vec::new(),
            classes: Vec::new(),
            created: now,
            expires: None,
            revoked: None,
            secrets: vec![secret],
        };
        key.check()?;
        Ok((key, shown))
    }

    /// Gives the key a new secret; the ones before end after `overlap`.
    ///
    /// # Errors
    /// A key that is revoked, or was rotated too often of late.
    pub fn rotate(&mut self, overlap: Duration, now: Moment) -> Result<Shown, Error> {
        if self.revoked.is_some() {
            return Err(Error::Revoked);
        }
        self.secrets
            .retain(|secret| secret.not_after.is_none_or(|end| end > now));
        if self.secrets.len() >= SECRETS {
            return Err(Error::Rotations);
        }
        let end = now.after(overlap);
        for secret in &mut self.secrets {
            secret.not_after = Some(secret.not_after.map_or(end, |earlier| earlier.min(end)));
        }
        let (secret, shown) = made(&self.id, now)?;
        self.secrets.insert(0, secret);
        Ok(shown)
    }

    /// Takes the key back, at once and for good.
    pub fn revoke(&mut self, now: Moment) {
        self.revoked.get_or_insert(now);
    }

    /// Reads a document.
    ///
    /// # Errors
    /// What is no document, or has a role, scope or owner that is none.
    pub fn read(document: &[u8]) -> Result<Self, Error> {
        if document.len() > DOCUMENT {
            return Err(Error::TooLarge);
        }
        let key: Self = serde_json::from_slice(document)?;
        key.check()?;
        Ok(key)
    }

    /// Its document.
    #[must_use]
    pub fn document(&self) -> Vec<u8> {
        // Texts, numbers and lists can always be written.
        serde_json::to_vec_pretty(self).unwrap_or_default()
    }

    /// Where its document is.
    #[must_use]
    pub fn place(&self) -> String {
        format!("{FOLDER}{}", self.id)
    }

    /// Who calls with it.
    ///
    /// # Errors
    /// An owner or role that is none.
    pub fn principal(&self) -> Result<Principal, Error> {
        let roles = self
            .roles
            .iter()
            .map(|role| role.parse::<Role>().map_err(|_| Error::Role(role.clone())))
            .collect::<Result<Roles, _>>()?;
        let principal = Principal::try_new(self.owner.clone(), roles)?
            .with_students(self.students.clone())?
            .with_classes(self.classes.clone())?;
        Ok(match self.expires {
            Some(end) => principal.until(end.time()),
            None => principal,
        })
    }

    /// Whether it opens `/package.Service/Method`.
    #[must_use]
    pub fn opens(&self, path: &str) -> bool {
        let method = path.strip_prefix('/').unwrap_or(path);
        self.scopes.iter().any(|scope| match scope.strip_suffix('*') {
            None => scope == method,
            Some(service) => method.starts_with(service),
        })
    }

    fn check(&self) -> Result<(), Error> {
        self.principal()?;
        if self.scopes.is_empty() || self.scopes.len() > SCOPES {
            return Err(Error::Scopes);
        }
        match self.scopes.iter().find(|scope| !is_scope(scope)) {
            Some(scope) => Err(Error::Scope(scope.clone())),
            None => Ok(()),
        }
    }
}

/// The id and the secret of a key as somebody shows it.
#[must_use]
pub fn parts(shown: &str) -> Option<(&str, &str)> {
    let (id, secret) = shown.strip_prefix(PREFIX)?.split_once('_')?;
    (is_id(id) && secret.len() == SECRET_LENGTH).then_some((id, secret))
}

/// Whether a text can be a key's id.
#[must_use]
pub fn is_id(text: &str) -> bool {
    text.len() == ID_LENGTH
        && text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase())
}

/// What is kept of a secret.
pub(super) fn hash(secret: &str) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest(&SHA256, secret.as_bytes()).as_ref());
    hash
}

fn made(id: &str, now: Moment) -> Result<(Hashed, Shown), Error> {
    let secret = URL_SAFE_NO_PAD.encode(random::<32>()?);
    let hashed = Hashed {
        sha256: URL_SAFE_NO_PAD.encode(hash(&secret)),
        created: now,
        not_after: None,
    };
    Ok((hashed, Shown(format!("{PREFIX}{id}_{secret}"))))
}

fn id() -> Result<String, Error> {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let bytes: [u8; ID_LENGTH] = random()?;
    Ok(bytes
        .iter()
        .map(|byte| char::from(LETTERS[usize::from(byte % 32)]))
        .collect())
}

/// `*`, `package.Service/*` or `package.Service/Method`.
fn is_scope(scope: &str) -> bool {
    let is_name = |name: &str| {
        !name.is_empty()
            && name.len() <= 256
            && name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_'))
    };
    scope == "*"
        || scope
            .split_once('/')
            .is_some_and(|(service, method)| is_name(service) && (method == "*" || is_name(method)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> (Key, Shown) {
        let scopes = ["p.S/Get".to_owned(), "q.T/*".to_owned()].into();
        Key::create("grading-bot", Role::Service.into(), scopes, Moment(1000)).unwrap()
    }

    #[test]
    fn a_key_is_shown_once_and_only_its_hash_is_kept() {
        let (key, shown) = key();
        let (id, secret) = parts(shown.expose()).unwrap();
        assert_eq!(id, key.id);
        let document = String::from_utf8(key.document()).unwrap();
        assert!(!document.contains(secret) && !format!("{key:?}{shown:?}").contains(secret));
        assert_eq!(key.secrets[0].sha256, URL_SAFE_NO_PAD.encode(hash(secret)));
        assert_eq!(Key::read(document.as_bytes()).unwrap(), key);
        assert_eq!(key.place(), format!("lyceum/keys/{id}"));
    }

    #[test]
    fn scopes_open_methods_and_whole_services_and_nothing_beside() {
        let (key, _) = key();
        for (path, opens) in [
            ("/p.S/Get", true),
            ("/p.S/GetAll", false),
            ("/p.S/List", false),
            ("/q.T/Any", true),
            ("/q.TT/Any", false),
            ("/q.T", false),
        ] {
            assert_eq!(key.opens(path), opens, "{path}");
        }
        let (all, _) = Key::create("x", Role::Service.into(), ["*".to_owned()].into(), Moment(0)).unwrap();
        assert!(all.opens("/p.S/Get"));
    }

    #[test]
    fn what_is_no_key_is_refused() {
        let made = |owner: &str, scopes: &[&str]| {
            let scopes = scopes.iter().map(ToString::to_string).collect();
            Key::create(owner, Role::Service.into(), scopes, Moment(0)).map(drop)
        };
        assert!(matches!(made("ada@school.example", &["*"]), Err(Error::Principal(_))));
        assert!(matches!(made("x", &[]), Err(Error::Scopes)));
        for scope in ["p.S", "p.S/", "/Get", "p.S/G*", "p S/Get", "**", "p.S/Get/More"] {
            assert!(matches!(made("x", &[scope]), Err(Error::Scope(_))), "{scope}");
        }
        let mut document: serde_json::Value = serde_json::from_slice(&key().0.document()).unwrap();
        document["roles"] = serde_json::json!(["root"]);
        assert!(matches!(
            Key::read(document.to_string().as_bytes()),
            Err(Error::Role(_))
        ));
        for shown in ["lyk_", "lyk_abc_def", "lyk_abcdefghijk2_short", "abcdefghijk2_x"] {
            assert!(parts(shown).is_none(), "{shown}");
        }
    }

    #[test]
    fn rotation_overlaps_and_ends() {
        let (mut key, _) = key();
        key.rotate(Duration::from_secs(60), Moment(2000)).unwrap();
        let ends: Vec<_> = key.secrets.iter().map(|secret| secret.not_after).collect();
        assert_eq!(ends, [None, Some(Moment(2060))]);
        key.rotate(Duration::from_secs(600), Moment(2010)).unwrap();
        let ends: Vec<_> = key.secrets.iter().map(|secret| secret.not_after).collect();
        assert_eq!(
            ends,
            [None, Some(Moment(2610)), Some(Moment(2060))],
            "no rotation makes an old secret live longer"
        );
        key.rotate(Duration::from_secs(60), Moment(2070)).unwrap();
        assert_eq!(key.secrets.len(), 3, "what has ended is gone");
        key.rotate(Duration::from_secs(60), Moment(2071)).unwrap();
        let error = key.rotate(Duration::from_secs(60), Moment(2072)).unwrap_err();
        assert!(matches!(error, Error::Rotations));
        key.revoke(Moment(3000));
        key.revoke(Moment(4000));
        assert_eq!(key.revoked, Some(Moment(3000)));
        assert!(matches!(key.rotate(Duration::ZERO, Moment(5000)), Err(Error::Revoked)));
    }
}
