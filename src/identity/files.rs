//! Identity from PEM files that somebody else keeps fresh (cert-manager, Vault agent, a deployment's own means).
//!
//! Looked at every few seconds instead of watched: renewals replace files by rename or through a changed symbolic
//! link, which watchers miss, and one read of three small files costs nothing.

use std::path::{Path, PathBuf};

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::{Error, Material, SpiffeId};

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
        let key = PrivateKeyDer::from_pem_slice(&read(&self.key)?).map_err(|error| Error::Content {
            path: self.key.clone(),
            problem: format!("holds no private key: {error}"),
        })?;
        let roots = certificates(&self.roots)?;
        Material::try_new(id, version, chain, key, roots).map_err(|error| match error {
            Error::Certificate(problem) => Error::Content {
                path: self.certificate.clone(),
                problem: format!("is unusable: {problem}"),
            },
            Error::Tls(rustls::Error::InconsistentKeys(_)) => Error::Content {
                path: self.key.clone(),
                problem: format!(
                    "is not the key of {}: replace both together",
                    self.certificate.display()
                ),
            },
            other => other,
        })
    }

    /// Whether the files still hold what is in use. What cannot be read counts as changed, so that loading says why.
    pub(super) fn unchanged_since(&self, current: &Material) -> bool {
        match (certificates(&self.certificate), certificates(&self.roots)) {
            (Ok(chain), Ok(roots)) => current.is_made_of(&chain, &roots),
            _ => false,
        }
    }
}

pub(super) fn read(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|source| Error::File {
        path: path.to_path_buf(),
        source,
    })
}

/// Every certificate of a PEM file; at least one.
pub(super) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
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
