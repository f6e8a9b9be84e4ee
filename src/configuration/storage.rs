//! `[storage]`: where services keep what they remember.

use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Errors;
use super::rules::{MILLISECOND, MINUTE, within};
use crate::privacy::Sensitive;
use crate::secret::Secret;

/// Where services keep what they remember.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Storage {
    /// A PostgreSQL server, `postgres://user:password@host:port/database`; SQLite in the data folder where it is not
    /// given. Better in the environment than in a file. Never shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub postgres: Option<Sensitive<String>>,
    /// Connections of one service's process to PostgreSQL, 2 to 100.
    pub connections: u32,
    /// How long one waits for a connection, a lock or its turn to write, 100 ms to 1 min.
    #[serde(with = "humantime_serde")]
    pub wait: Duration,
    /// How long a statement may take on PostgreSQL, 100 ms to 10 min.
    #[serde(with = "humantime_serde")]
    pub statement: Duration,
    /// Whether each commit waits for the disk. Without, what was committed in the last moments before a power failure may
    /// be lost, but nothing is torn; a process that is killed loses nothing either way.
    pub durable: bool,
    /// A file of secrets that seal sensitive columns: 32 random bytes in base64 a line, the first seals, all open. Made in
    /// the data folder where it is not given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<PathBuf>,
    /// The same, itself: for the environment. Never shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_value: Option<Sensitive<String>>,
}

impl Default for Storage {
    fn default() -> Self {
        Self {
            postgres: None,
            connections: 8,
            wait: Duration::from_secs(5),
            statement: Duration::from_secs(10),
            durable: false,
            key: None,
            key_value: None,
        }
    }
}

pub(super) fn check(storage: &Storage, errors: &mut Errors) {
    if !(2..=100).contains(&storage.connections) {
        errors.add("storage.connections", "must be between 2 and 100");
    }
    within(errors, "storage.wait", storage.wait, 100 * MILLISECOND, MINUTE);
    within(
        errors,
        "storage.statement",
        storage.statement,
        100 * MILLISECOND,
        10 * MINUTE,
    );
    if let Some(url) = &storage.postgres
        && !["postgres://", "postgresql://"]
            .iter()
            .any(|scheme| url.expose().starts_with(scheme))
    {
        errors.add("storage.postgres", "must be postgres://user@host:port/database");
    }
    if storage.key.is_some() && storage.key_value.is_some() {
        errors.add("storage.key_value", "give either key or key_value");
    }
    if let Some(value) = &storage.key_value
        && Secret::parse(value.expose()).is_none()
    {
        errors.add(
            "storage.key_value",
            "must be 32 random bytes in base64, up to 8 of them, a line each",
        );
    }
}
