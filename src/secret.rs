//! Secrets of a deployment: 32 random bytes in a file that only its owner reads.
//!
//! Keys for different purposes are derived (HKDF), so that one file serves several and none of them tells another. A
//! file may have several lines: the first is used to make, all are used to check, so a secret is replaced without a
//! moment in which nothing fits. Source: RFC 5869.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use crate::identity::authority::write_private;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{AES_256_GCM, LessSafeKey, UnboundKey};
use ring::rand::{SecureRandom as _, SystemRandom};
use ring::{hkdf, hmac};

const LENGTH: usize = 32;
/// The most secrets of a file.
const LINES: usize = 8;

/// Why there is no secret.
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
    #[error(
        "{path} must have 1 to {LINES} lines, each of 32 random bytes in base64: `openssl rand -base64 32` makes one"
    )]
    Content {
        /// Which file.
        path: PathBuf,
    },
    /// A file cannot be written.
    #[error(transparent)]
    Write(#[from] crate::identity::Error),
    /// The system has no randomness.
    #[error("the system gives no random bytes")]
    Random,
    /// A key cannot be derived.
    #[error("no key can be derived of the secret")]
    Derive,
}

/// One secret.
#[derive(Clone)]
pub struct Secret(hkdf::Prk);

// === impl Secret ===

impl Secret {
    /// One of these bytes.
    #[must_use]
    pub fn of(bytes: [u8; LENGTH]) -> Self {
        Self(hkdf::Salt::new(hkdf::HKDF_SHA256, b"lyceum").extract(&bytes))
    }

    /// The secrets of a file; at least one.
    ///
    /// # Errors
    /// A file that cannot be read or holds something else.
    pub fn read(path: &Path) -> Result<Vec<Self>, Error> {
        let text = fs::read_to_string(path).map_err(|source| Error::File {
            path: path.to_path_buf(),
            source,
        })?;
        Self::parse(&text).ok_or_else(|| Error::Content {
            path: path.to_path_buf(),
        })
    }

    /// The secrets of a text, a line each; none where it is something else.
    #[must_use]
    pub fn parse(text: &str) -> Option<Vec<Self>> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
        let secrets = lines
            .map(|line| Some(Self::of(STANDARD.decode(line).ok()?.try_into().ok()?)))
            .collect::<Option<Vec<_>>>()?;
        (1..=LINES).contains(&secrets.len()).then_some(secrets)
    }

    /// Makes a file where there is none.
    ///
    /// # Errors
    /// A folder that cannot be written; a system without randomness.
    pub fn make(path: &Path) -> Result<(), Error> {
        write_private(path, &format!("{}\n", STANDARD.encode(random::<LENGTH>()?)))?;
        Ok(())
    }

    /// A key to authenticate with.
    ///
    /// # Errors
    /// None in practice: HKDF refuses only keys of thousands of bytes.
    pub fn hmac(&self, purpose: &'static str) -> Result<hmac::Key, Error> {
        let info = [purpose.as_bytes()];
        let expanded = self.0.expand(&info, hmac::HMAC_SHA256);
        Ok(expanded.map_err(|_| Error::Derive)?.into())
    }

    /// A key to seal with.
    ///
    /// # Errors
    /// As [`Secret::hmac`].
    pub fn seal(&self, purpose: &'static str) -> Result<LessSafeKey, Error> {
        let info = [purpose.as_bytes()];
        let expanded = self.0.expand(&info, &AES_256_GCM);
        Ok(LessSafeKey::new(UnboundKey::from(expanded.map_err(|_| Error::Derive)?)))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// Random bytes of the system.
///
/// # Errors
/// A system that gives none.
pub fn random<const N: usize>() -> Result<[u8; N], Error> {
    let mut bytes = [0; N];
    SystemRandom::new().fill(&mut bytes).map_err(|_| Error::Random)?;
    Ok(bytes)
}
