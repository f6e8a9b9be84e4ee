//! What goes wrong with state, and what its callers are told of it.
//!
//! A database's own words may quote what it holds, so neither callers nor logs get them: a kind, and the engine's code.
//! When not: a row that is not there is a domain's business, not an error.

use tonic::Status;

use crate::error::Error as CallError;
use crate::secret;

/// Why something cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Nobody answers in time: it is not there, or too much is asked of it.
    #[error("the database does not answer ({0})")]
    Unavailable(String),
    /// No room is left.
    #[error("the database has no room left ({0})")]
    Full(String),
    /// It is damaged.
    #[error("the database is damaged ({0}): restore a backup (`lyceum data restore`)")]
    Corrupt(String),
    /// Somebody else changed it meanwhile.
    #[error("it was changed meanwhile: it is at version {current}")]
    Conflict {
        /// The version that it has now.
        current: i64,
    },
    /// Something there is already that may be there once.
    #[error("it is there already")]
    Exists,
    /// A newer version of the service wrote here, or a migration was changed after it had run.
    #[error("the database of {service} cannot be brought up to date: {problem}")]
    Migration {
        /// Whose it is.
        service: String,
        /// What is wrong with it.
        problem: String,
    },
    /// What was sealed cannot be opened.
    #[error("what is kept sealed cannot be opened: it was sealed with a key that is not in storage.key, or changed")]
    Sealed,
    /// The key that seals.
    #[error("storage.key: {0}")]
    Key(#[from] secret::Error),
    /// Settings that cannot be used.
    #[error("storage.{setting}: {problem}")]
    Setting {
        /// Which.
        setting: &'static str,
        /// What is wrong.
        problem: String,
    },
    /// A file or folder.
    #[error("{path}: {source}")]
    File {
        /// Which.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A mistake of ours: SQL that is none, a column of another type.
    #[error("the database refuses ({0})")]
    Refused(String),
}

/// What somebody is told who wrote with a version that is not the newest.
#[must_use]
pub fn conflict(current: i64) -> Error {
    Error::Conflict { current }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match &error {
            sqlx::Error::Database(told) => {
                if told.is_unique_violation() {
                    return Self::Exists;
                }
                of_code(&told.code().unwrap_or_default())
            }
            sqlx::Error::PoolTimedOut => Self::Unavailable("no connection in time".to_owned()),
            sqlx::Error::PoolClosed => Self::Unavailable("closed".to_owned()),
            sqlx::Error::Io(error) => Self::Unavailable(error.kind().to_string()),
            sqlx::Error::Tls(_) => Self::Unavailable("TLS".to_owned()),
            sqlx::Error::WorkerCrashed => Self::Unavailable("its worker ended".to_owned()),
            other => Self::Refused(kind(other).to_owned()),
        }
    }
}

/// By SQLite's result code, whose lowest byte is its kind, or by SQLSTATE.
fn of_code(code: &str) -> Error {
    let said = format!("code {code}");
    if let Some(sqlite) = code.parse::<u32>().ok().filter(|_| code.len() < 5) {
        return match sqlite & 0xff {
            // BUSY, LOCKED, INTERRUPT, IOERR, CANTOPEN
            5 | 6 | 9 | 10 | 14 => Error::Unavailable(said),
            13 => Error::Full(said),
            // CORRUPT, NOTADB
            11 | 26 => Error::Corrupt(said),
            _ => Error::Refused(said),
        };
    }
    match code {
        "53100" => Error::Full(said),
        "XX001" | "XX002" => Error::Corrupt(said),
        // Serialization, deadlock, a statement that took too long: the same again may go well.
        "40001" | "40P01" | "57014" => Error::Unavailable(said),
        _ if ["08", "53", "57", "58"].iter().any(|class| code.starts_with(class)) => Error::Unavailable(said),
        _ => Error::Refused(said),
    }
}

fn kind(error: &sqlx::Error) -> &'static str {
    match error {
        sqlx::Error::RowNotFound => "no row",
        sqlx::Error::ColumnNotFound(_) | sqlx::Error::ColumnIndexOutOfBounds { .. } => "no such column",
        sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_) | sqlx::Error::TypeNotFound { .. } => {
            "a column of another type"
        }
        sqlx::Error::Protocol(_) => "protocol",
        sqlx::Error::Configuration(_) => "settings",
        _ => "other",
    }
}

impl From<Error> for CallError {
    fn from(error: Error) -> Self {
        use std::time::Duration;
        use tonic::Code;
        let message = "what is kept here cannot be reached now: try again";
        match error {
            Error::Conflict { current } => CallError::new(
                Code::Aborted,
                "VERSION_CONFLICT",
                "somebody else changed it meanwhile: read it again, then write",
            )
            .with_metadata("current", current.to_string()),
            Error::Exists => CallError::new(Code::AlreadyExists, "EXISTS_ALREADY", "it is there already"),
            Error::Unavailable(_) => {
                CallError::unavailable("STORAGE_UNAVAILABLE", message).with_retry_after(Duration::from_secs(1))
            }
            Error::Full(_) => CallError::exhausted("STORAGE_FULL", "no more can be kept: tell whoever runs this"),
            Error::Corrupt(_) => CallError::new(
                Code::DataLoss,
                "STORAGE_CORRUPT",
                "what is kept here is damaged: tell whoever runs this",
            ),
            _ => CallError::new(
                Code::Internal,
                "STORAGE_FAILED",
                "what is kept here cannot be used: tell whoever runs this",
            ),
        }
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        // The one place that every failed call passes; the words say nothing of what is kept.
        match &error {
            Error::Conflict { .. } | Error::Exists => {}
            failed => tracing::warn!(error = %failed, "state cannot be used"),
        }
        CallError::from(error).into()
    }
}
