//! State: what a service remembers, in SQLite beside it or in PostgreSQL, by the same SQL.
//!
//! ```text
//! store.rs ─▶ begin ─▶ Transaction ─▶ commit      one writer at a time (SQLite), many (PostgreSQL)
//!    └──────▶ reader                               many readers, none of whom waits for a writer
//!    └──────▶ vault                                seals what must not lie in the open
//! ```
//!
//! **What.** [`Storage::open`] finds the database of one service, brings it up to date ([`Migration`]), and hands out
//! connections. A service's `store.rs` is a small struct with a function for each query, written with [`sqlx`]. What two
//! can write has a version ([`conflict`]); what must not lie in the open is sealed ([`Vault`]); what may not be kept for
//! ever is swept ([`Storage::sweep`]); all of it can be copied while it runs.
//!
//! **Why.** One set of SQL and of tests for both: `$1` for parameters, `RETURNING`, `ON CONFLICT`, columns of BIGINT,
//! TEXT, and what [`Migration`] translates. Several instances of a service share one database, so none of them is special.
//!
//! **When not.** Nothing waits for a lock of another service: each has a database (SQLite) or a schema (PostgreSQL) of its
//! own, and reads others' state through their contracts. Large objects belong elsewhere.
//!
//! **Source.** SQLite's write-ahead log (sqlite.org/wal.html); optimistic versions as in Kung and Robinson, 1981.

mod engine;
mod error;
mod migration;
mod retention;
mod vault;

pub use engine::Engine;
pub use error::{Error, conflict};
pub use migration::Migration;
pub use retention::Retention;
pub use sqlx;
pub use vault::{Place, Vault};

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use sqlx::{Any, Pool};

use crate::configuration::Configuration;

/// What is written together, or not at all; dropped, nothing of it is.
pub type Transaction = sqlx::Transaction<'static, Any>;

/// The state of one service; cheap to clone.
#[derive(Clone, Debug)]
pub struct Storage {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    service: String,
    engine: Engine,
    writer: Pool<Any>,
    reader: Pool<Any>,
    vault: Vault,
}

// === impl Storage ===

impl Storage {
    /// Opens the database of a service as the configuration says, makes it where there is none, and brings it up to date.
    /// Several processes may do so at once.
    ///
    /// # Errors
    /// A database that cannot be reached, that a newer version has changed, or whose past was changed; a key that cannot
    /// be read or is not the one it was sealed with.
    pub async fn open(configuration: &Configuration, service: &str, migrations: &[Migration]) -> Result<Self, Error> {
        let opened = engine::open(configuration, service).await?;
        let _turn = opened.turn().await?;
        migration::run(&opened, migrations).await?;
        let vault = Vault::open(configuration, &opened.writer).await?;
        let engine::Opened {
            engine, writer, reader, ..
        } = opened.clone();
        Ok(Self {
            inner: Arc::new(Inner {
                service: service.to_owned(),
                engine,
                writer,
                reader,
                vault,
            }),
        })
    }

    /// Begins to write. In SQLite one writes at a time, and the others wait here.
    ///
    /// # Errors
    /// UNAVAILABLE where no connection is to be had in time.
    pub async fn begin(&self) -> Result<Transaction, Error> {
        let writer = &self.inner.writer;
        let begun = match self.inner.engine {
            // Taken at once: a transaction that reads first and writes later could lose its place to another.
            Engine::Sqlite => match writer.begin_with("BEGIN IMMEDIATE").await {
                // SQLite ends a transaction by itself when no room is left, and the connection still counts it.
                Err(sqlx::Error::InvalidSavePointStatement) => {
                    writer.acquire().await?.close().await?;
                    writer.begin_with("BEGIN IMMEDIATE").await?
                }
                begun => begun?,
            },
            Engine::Postgres => writer.begin().await?,
        };
        Ok(begun)
    }

    /// What to read with; it never waits for who writes.
    #[must_use]
    pub fn reader(&self) -> &Pool<Any> {
        &self.inner.reader
    }

    /// Seals and opens columns.
    #[must_use]
    pub fn vault(&self) -> &Vault {
        &self.inner.vault
    }

    /// Which database it is.
    #[must_use]
    pub fn engine(&self) -> Engine {
        self.inner.engine
    }

    /// Whose state it is.
    #[must_use]
    pub fn service(&self) -> &str {
        &self.inner.service
    }

    /// Waits until every connection is back and closed. What is dropped without it is as well kept.
    pub async fn close(&self) {
        self.inner.reader.close().await;
        self.inner.writer.close().await;
    }
}

/// A time as columns hold it: microseconds since 1970.
#[must_use]
pub fn micros(time: SystemTime) -> i64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros()).unwrap_or(i64::MAX)
}
