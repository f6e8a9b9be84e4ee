//! The data folder of one `lyceum up`: made, proved writable, and claimed, before anything starts.
//!
//! Two `lyceum up` in one folder would share logs and restart each other's mistakes, so the second is refused. The
//! claim is a lock that the kernel drops with the process, however that ends; no stale file can keep a folder closed.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

/// Marks the logs of the run before.
const PREVIOUS: &str = ".previous";

/// A claimed data folder; free again when this is dropped.
#[derive(Debug)]
pub(crate) struct Folder {
    /// Where logs go.
    pub(crate) logs: PathBuf,
    _claim: File,
}

/// Why a folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// It cannot be written.
    #[error("the data folder {} cannot be used: {source}; choose another with --data DIR, or make it one that you may write to", path.display())]
    Unusable {
        /// The folder.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// Another has it.
    #[error("another `lyceum up` runs in the data folder {}; stop it, or choose another folder with --data DIR", path.display())]
    Claimed {
        /// The folder.
        path: PathBuf,
    },
}

// === impl Folder ===

impl Folder {
    /// Makes the folder where it is missing, and claims it.
    pub(crate) fn claim(path: &Path) -> Result<Self, Error> {
        let logs = path.join("logs");
        let unusable = |source| Error::Unusable {
            path: path.to_owned(),
            source,
        };
        std::fs::create_dir_all(&logs).map_err(unusable)?;
        let mut claim = OpenOptions::new()
            .create(true)
            .append(true)
            .open(path.join("up.lock"))
            .map_err(unusable)?;
        match claim.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(Error::Claimed { path: path.to_owned() }),
            Err(TryLockError::Error(source)) => return Err(unusable(source)),
        }
        set_aside(&logs).map_err(unusable)?;
        // For a person who wonders whose it is; and a full disk shows here, not later.
        claim
            .set_len(0)
            .and_then(|()| writeln!(claim, "{}", std::process::id()))
            .map_err(unusable)?;
        Ok(Self { logs, _claim: claim })
    }
}

/// Logs begin anew with each run; those of the run before stay beside them, and only those.
fn set_aside(logs: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(logs)? {
        let path = entry?.path();
        let name = path
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        if let Some(label) = name.strip_suffix(".log")
            && !label.ends_with(PREVIOUS)
        {
            std::fs::rename(&path, logs.join(format!("{label}{PREVIOUS}.log")))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
    use super::*;

    #[test]
    fn one_claim_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let first = Folder::claim(folder.path()).unwrap();
        assert!(first.logs.is_dir());
        let error = Folder::claim(folder.path()).unwrap_err();
        assert!(matches!(error, Error::Claimed { .. }), "{error}");
        drop(first);
        Folder::claim(folder.path()).unwrap();
    }

    #[test]
    fn logs_begin_anew_and_the_last_ones_stay() {
        let folder = tempfile::tempdir().unwrap();
        let log = |name: &str| folder.path().join("logs").join(name);
        for run in ["first", "second", "third"] {
            let _folder = Folder::claim(folder.path()).unwrap();
            assert!(!log("consul.log").exists());
            std::fs::write(log("consul.log"), run).unwrap();
        }
        assert_eq!(std::fs::read_to_string(log("consul.log")).unwrap(), "third");
        assert_eq!(std::fs::read_to_string(log("consul.previous.log")).unwrap(), "second");
        assert_eq!(std::fs::read_dir(folder.path().join("logs")).unwrap().count(), 2);
    }

    #[test]
    fn a_folder_that_cannot_be_made_says_what_to_do() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = Folder::claim(&file.path().join("data")).unwrap_err().to_string();
        assert!(error.contains("--data DIR"), "{error}");
    }
}
