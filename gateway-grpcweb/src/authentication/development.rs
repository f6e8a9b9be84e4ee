//! Tokens and sessions of one machine: keys in the data folder, made where there are none.
//!
//! `lyceum token` signs with them, and a gateway with `gateway.authentication.development` accepts what they sign, as
//! from any other issuer: the same code verifies it. Such a gateway also lets anybody sign in as a made-up person of a
//! role, and listens on loopback alone. When not: whoever reads the folder can be anybody, so a deployment has a real
//! issuer and never sets `development`.

use std::fs::{self, OpenOptions};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use lyceum::identity::authority::write_private;
use lyceum::principal::{Principal, Role};
use lyceum::secret::{self, Secret};
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::json;

use super::keys::Moment;
use super::signatures;

/// What development tokens say in `iss`.
pub const ISSUER: &str = "lyceum-development";
/// What they say in `aud`.
pub const AUDIENCE: &str = "lyceum";

/// Why there are no keys.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file cannot be read or made.
    #[error("{path}: {source}")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file holds something else.
    #[error("{path} is damaged: remove its folder to make new keys")]
    Content {
        /// Which file.
        path: PathBuf,
    },
    /// A file cannot be written.
    #[error(transparent)]
    Write(#[from] lyceum::identity::Error),
    /// A secret cannot be made.
    #[error(transparent)]
    Secret(#[from] secret::Error),
    /// A token cannot be signed.
    #[error("a token cannot be signed: {0}")]
    Sign(String),
}

/// The keys of a data folder.
#[derive(Debug)]
pub struct Keys {
    folder: PathBuf,
}

// === impl Keys ===

impl Keys {
    /// Opens the keys of a data folder, making them where there are none. Two processes may do so at once.
    ///
    /// # Errors
    /// A folder that cannot be written.
    pub fn open(data: &Path) -> Result<Self, Error> {
        let keys = Self {
            folder: data.join("authentication"),
        };
        if !keys.are_made() {
            keys.make()?;
        }
        Ok(keys)
    }

    /// The public key, a JWK Set.
    #[must_use]
    pub fn set(&self) -> PathBuf {
        self.folder.join("development.jwks.json")
    }

    /// The key that sessions are sealed with.
    #[must_use]
    pub fn session_key(&self) -> PathBuf {
        self.folder.join("session.key")
    }

    /// The key that pseudonyms are made with.
    #[must_use]
    pub fn pseudonym_key(&self) -> PathBuf {
        self.folder.join("pseudonym.key")
    }

    fn signing_key(&self) -> PathBuf {
        self.folder.join("development.key")
    }

    /// A token for somebody.
    ///
    /// # Errors
    /// A key that cannot be read.
    pub fn mint(&self, principal: &Principal, lifetime: Duration, now: Moment) -> Result<String, Error> {
        signatures::install();
        let path = self.signing_key();
        let text = fs::read_to_string(&path).map_err(|source| Error::File {
            path: path.clone(),
            source,
        })?;
        let key = STANDARD.decode(text.trim()).map_err(|_| Error::Content { path })?;
        let mut header = Header::new(Algorithm::EdDSA);
        header.kid = Some(self.id(&key)?);
        let claims = json!({
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": principal.subject().expose(),
            "iat": now.0,
            "nbf": now.0,
            "exp": now.after(lifetime).0,
            "roles": principal.roles().iter().map(Role::name).collect::<Vec<_>>(),
            "students": principal.students().expose(),
            "classes": principal.classes().expose(),
        });
        jsonwebtoken::encode(&header, &claims, &EncodingKey::from_ed_der(&key))
            .map_err(|error| Error::Sign(error.to_string()))
    }

    fn are_made(&self) -> bool {
        [self.signing_key(), self.set(), self.session_key(), self.pseudonym_key()]
            .iter()
            .all(|path| path.exists())
    }

    fn make(&self) -> Result<(), Error> {
        let failed = |path: &Path| {
            let path = path.to_path_buf();
            move |source| Error::File { path, source }
        };
        let mut folder = fs::DirBuilder::new();
        folder.recursive(true).mode(0o700);
        folder.create(&self.folder).map_err(failed(&self.folder))?;
        // One of several processes is the maker; the others wait for what it writes.
        let lock_path = self.folder.join("development.lock");
        let lock = OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(&lock_path)
            .map_err(failed(&lock_path))?;
        lock.lock().map_err(failed(&lock_path))?;
        for secret in [self.session_key(), self.pseudonym_key()] {
            if !secret.exists() {
                Secret::make(&secret)?;
            }
        }
        if !(self.signing_key().exists() && self.set().exists()) {
            let random = secret::Error::Random;
            let key = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).map_err(|_| random)?;
            let (id, public) = self.public(key.as_ref())?;
            let set = json!({ "keys": [
                { "kty": "OKP", "crv": "Ed25519", "use": "sig", "alg": "EdDSA", "kid": id, "x": public }
            ]});
            write_private(&self.signing_key(), &STANDARD.encode(&key))?;
            write_private(&self.set(), &set.to_string())?;
        }
        Ok(())
    }

    fn id(&self, key: &[u8]) -> Result<String, Error> {
        Ok(self.public(key)?.0)
    }

    /// The public half of a key, and what it is called.
    fn public(&self, key: &[u8]) -> Result<(String, String), Error> {
        let damaged = || Error::Content {
            path: self.signing_key(),
        };
        let pair = Ed25519KeyPair::from_pkcs8(key).map_err(|_| damaged())?;
        let public = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
        Ok((format!("development-{}", &public[..8]), public))
    }
}

/// Somebody made up, to try a role with.
#[must_use]
pub fn person(role: Role) -> Principal {
    let some = |principal: Principal| {
        principal
            .with_students(match role {
                Role::Parent => vec!["demo-student".to_owned()],
                _ => Vec::new(),
            })?
            .with_classes(match role {
                Role::Student | Role::Educator => vec!["demo-class".to_owned()],
                _ => Vec::new(),
            })
    };
    // The names are pseudonyms.
    Principal::try_new(format!("demo-{role}"), role)
        .and_then(some)
        .unwrap_or_else(|_| Principal::anonymous())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn keys_are_made_once_and_are_the_owners_alone() {
        let data = std::env::temp_dir().join(format!("lyceum-development-{}", std::process::id()));
        let keys = Keys::open(&data).unwrap();
        let files = [keys.signing_key(), keys.set(), keys.session_key(), keys.pseudonym_key()];
        let before: Vec<_> = files.iter().map(|path| fs::read(path).unwrap()).collect();
        Keys::open(&data).unwrap();
        for (path, before) in files.iter().zip(before) {
            assert_eq!(fs::read(path).unwrap(), before);
            assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
        }
        let token = keys
            .mint(&person(Role::Parent), Duration::from_secs(60), Moment::now())
            .unwrap();
        assert_eq!(token.split('.').count(), 3);
        fs::remove_dir_all(data).unwrap();
    }

    #[test]
    fn everybody_made_up_has_their_role() {
        for role in Role::ALL {
            let person = person(role);
            assert_eq!(person.roles(), role.into());
            assert!(!person.is_anonymous());
        }
        assert!(person(Role::Parent).has_student("demo-student"));
    }
}
