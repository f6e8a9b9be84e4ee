//! How a database became what it is: steps that only go forward, each run once.
//!
//! A step that has run is never changed and never taken back: what follows it says what is different now. A service that
//! finds steps it does not know refuses to start, because a newer version of it wrote here; two versions at a time are
//! fine as long as each step can be lived with by the version before (add, then use, then remove in a later release).
//!
//! Three words are translated, since the two databases call the same thing differently: `{bytes}`, `{real}`, and
//! `{sequence}`, a key that counts by itself.
//!
//! When not: filling columns for minutes; do it in the service, in batches. Source: sqlx's migrator.

use std::borrow::Cow;

use sqlx::Executor as _;
use sqlx::migrate::{MigrateError, MigrationType, Migrator};

use super::Error;
use super::engine::{Engine, Opened, schema};

/// One step.
#[derive(Clone, Copy, Debug)]
pub struct Migration {
    /// Its place; a service's begin at 1.
    pub version: i64,
    /// What it does, in a few words.
    pub name: &'static str,
    /// Its SQL.
    pub sql: &'static str,
}

/// What every service's database has beside its own tables.
const OWN: &[Migration] = &[
    Migration {
        version: 1,
        name: "data keys",
        sql: include_str!("migrations/0001_data_keys.sql"),
    },
    Migration {
        version: 2,
        name: "events",
        sql: include_str!("migrations/0002_events.sql"),
    },
];

/// Brings a database up to date.
pub(super) async fn run(opened: &Opened, migrations: &[Migration]) -> Result<(), Error> {
    if opened.engine == Engine::Postgres {
        // A service's name is letters, digits and hyphens.
        let made = format!("CREATE SCHEMA IF NOT EXISTS \"{}\"", schema(&opened.service));
        opened.writer.execute(sqlx::AssertSqlSafe(made)).await?;
    }
    for (table, steps) in [("lyceum_migrations", OWN), ("migrations", migrations)] {
        let steps = steps.iter().map(|step| step.for_engine(opened.engine)).collect();
        let mut migrator = Migrator::with_migrations(steps);
        migrator.set_locking(false);
        migrator.dangerous_set_table_name(table);
        migrator
            .run(&opened.writer)
            .await
            .map_err(|error| refused(&opened.service, error))?;
    }
    Ok(())
}

fn refused(service: &str, error: MigrateError) -> Error {
    let problem = match error {
        MigrateError::VersionMissing(version) => {
            format!("it has step {version}, which this version does not know: run the newer version")
        }
        MigrateError::VersionMismatch(version) => format!("step {version} was changed after it had run"),
        MigrateError::Dirty(version) => format!("step {version} broke off: restore a backup"),
        MigrateError::Execute(error) | MigrateError::ExecuteMigration(error, _) => match Error::from(error) {
            Error::Refused(code) => format!("a step is refused ({code})"),
            other => return other,
        },
        other => other.to_string(),
    };
    Error::Migration {
        service: service.to_owned(),
        problem,
    }
}

impl Migration {
    fn for_engine(&self, engine: Engine) -> sqlx::migrate::Migration {
        let (bytes, real, sequence) = match engine {
            Engine::Sqlite => ("BLOB", "REAL", "INTEGER PRIMARY KEY AUTOINCREMENT"),
            Engine::Postgres => (
                "BYTEA",
                "DOUBLE PRECISION",
                "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
            ),
        };
        let sql = self
            .sql
            .replace("{bytes}", bytes)
            .replace("{real}", real)
            .replace("{sequence}", sequence);
        sqlx::migrate::Migration::new(
            self.version,
            Cow::Borrowed(self.name),
            MigrationType::Simple,
            sqlx::SqlSafeStr::into_sql_str(sqlx::AssertSqlSafe(sql)),
            false,
        )
    }
}
