//! Identity from PEM files that somebody else keeps fresh (cert-manager, Vault agent, a deployment's own means).
//!
//! Looked at every few seconds instead of watched: renewals replace files by rename or through a changed symbolic
//! link, which watchers miss, and one read of three small files costs nothing.

use std::path::{Path, PathBuf};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;

use super::{Error, Material, SpiffeId, material};

/// The three files.
#[derive(Clone, Debug)]
pub(super) struct Files {
    pub(super) certificate: PathBuf,
    pub(super) key: PathBuf,
    pub(super) roots: PathBuf,
}

impl Files {
    pub(super) fn material(&self, id: &SpiffeId, version: u64) -> Result<Material, Error> {
        let chain = certificates(&self.certificate)?;
        let key = key(&self.key)?;
        let roots = certificates(&self.roots)?;
        Material::try_new(id, version, chain, key, roots).map_err(|error| told(error, &self.certificate, &self.key))
    }

    /// Whether the files still hold what is in use. What cannot be read counts as changed, so that loading says why.
    pub(super) fn unchanged_since(&self, current: &Material) -> bool {
        match (certificates(&self.certificate), certificates(&self.roots)) {
            (Ok(chain), Ok(roots)) => current.is_made_of(&chain, &roots),
            _ => false,
        }
    }
}

/// A chain and its key that need not name an identity of the fabric: a site's.
///
/// # Errors
/// Files that cannot be read or hold something else, a certificate that is not valid now, a key of another one.
pub fn certified(certificate: &Path, key: &Path) -> Result<CertifiedKey, Error> {
    let chain = certificates(certificate)?;
    material::certified(chain, self::key(key)?).map_err(|error| told(error, certificate, key))
}

/// What is wrong, with the file that it is wrong with.
fn told(error: Error, certificate: &Path, key: &Path) -> Error {
    match error {
        Error::Certificate(problem) => Error::Content {
            path: certificate.to_path_buf(),
            problem: format!("is unusable: {problem}"),
        },
        Error::Tls(rustls::Error::InconsistentKeys(_)) => Error::Content {
            path: key.to_path_buf(),
            problem: format!("is not the key of {}: replace both together", certificate.display()),
        },
        other => other,
    }
}

fn key(path: &Path) -> Result<PrivateKeyDer<'static>, Error> {
    PrivateKeyDer::from_pem_slice(&read(path)?).map_err(|error| Error::Content {
        path: path.to_path_buf(),
        problem: format!("holds no private key: {error}"),
    })
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|source| Error::File {
        path: path.to_path_buf(),
        source,
    })
}

/// Every certificate of a PEM file; at least one.
///
/// # Errors
/// A file that cannot be read, is not PEM, or holds none.
pub fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let content = read(path)?;
    let wrong = |problem: String| Error::Content {
        path: path.to_path_buf(),
        problem,
    };
    let found = CertificateDer::pem_slice_iter(&content)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| wrong(format!("is not PEM: {error}")))?;
    if found.is_empty() {
        return Err(wrong("holds no certificate".to_owned()));
    }
    Ok(found)
}
