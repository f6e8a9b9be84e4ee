//! Which database, and how it is spoken to.
//!
//! **SQLite**: a file for each service in the data folder, with a write-ahead log, so that readers and the one writer do
//! not wait for each other; several processes share it. What is deleted is overwritten (`secure_delete`), because erasing
//! somebody means it. **PostgreSQL**: a schema for each service in one database; time-outs on the server as well.
//!
//! When not: nothing here knows a table. Source: sqlite.org/pragma.html; PostgreSQL's "Client Connection Defaults".

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::Once;
use std::time::Duration;

use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{Any, ConnectOptions as _, Connection as _, Executor as _, Pool};
use url::Url;

use super::Error;
use crate::configuration::{Configuration, Storage as Settings};

/// Readers of a SQLite file in one process.
const READERS: u32 = 4;
/// The number by which PostgreSQL knows that a database is being brought up to date.
const TURN: i64 = 0x4C59_4345_554D;

/// A kind of database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// A file beside the service.
    Sqlite,
    /// A server.
    Postgres,
}

/// A database that answers, and may be out of date.
#[derive(Clone, Debug)]
pub(super) struct Opened {
    pub(super) service: String,
    pub(super) engine: Engine,
    pub(super) writer: Pool<Any>,
    pub(super) reader: Pool<Any>,
    /// SQLite's file.
    pub(super) file: Option<PathBuf>,
}

/// Leave to change what the database is; ends when dropped.
#[derive(Debug)]
pub(super) enum Turn {
    File {
        _locked: File,
    },
    Connection {
        _locked: Box<sqlx::pool::PoolConnection<Any>>,
    },
}

/// Opens the database of a service.
pub(super) async fn open(configuration: &Configuration, service: &str) -> Result<Opened, Error> {
    static DRIVERS: Once = Once::new();
    DRIVERS.call_once(|| {
        // Fails only when they are installed already.
        let _ = sqlx::any::install_drivers(&[sqlx::sqlite::any::DRIVER, sqlx::postgres::any::DRIVER]);
    });
    let settings = &configuration.storage;
    match &settings.postgres {
        None => sqlite(settings, &file(&configuration.data, service), service).await,
        Some(url) => postgres(settings, url.expose(), service).await,
    }
}

/// Where a service's SQLite file is.
pub(super) fn file(data: &Path, service: &str) -> PathBuf {
    data.join("storage").join(format!("{service}.sqlite"))
}

async fn sqlite(settings: &Settings, file: &Path, service: &str) -> Result<Opened, Error> {
    let failed = |path: &Path| {
        let path = path.to_path_buf();
        move |source| Error::File { path, source }
    };
    if let Some(folder) = file.parent() {
        let mut made = DirBuilder::new();
        made.recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(failed(folder))?;
    }
    // Before SQLite makes it for everybody to read.
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    options.open(file).map_err(failed(file))?;
    let absolute = fs::canonicalize(file).map_err(failed(file))?;
    let mut url = address("sqlite:///")?;
    url.set_path(&absolute.to_string_lossy());
    url.set_query(Some("mode=rw"));
    let pragmas = format!(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = {}; PRAGMA busy_timeout = {}; PRAGMA foreign_keys = ON; \
         PRAGMA secure_delete = ON; PRAGMA temp_store = MEMORY; PRAGMA journal_size_limit = 16777216",
        if settings.durable { "FULL" } else { "NORMAL" },
        settings.wait.as_millis(),
    );
    Ok(Opened {
        service: service.to_owned(),
        engine: Engine::Sqlite,
        writer: pool(settings, &url, 1, Some(&pragmas)).await?,
        reader: pool(settings, &url, READERS, Some(&pragmas)).await?,
        file: Some(absolute),
    })
}

async fn postgres(settings: &Settings, given: &str, service: &str) -> Result<Opened, Error> {
    let mut url = address(given)?;
    let schema = schema(service);
    let milliseconds = settings.statement.as_millis();
    url.query_pairs_mut()
        .append_pair("options[search_path]", &schema)
        .append_pair("options[statement_timeout]", &milliseconds.to_string())
        .append_pair("options[lock_timeout]", &settings.wait.as_millis().to_string())
        .append_pair(
            "options[idle_in_transaction_session_timeout]",
            &milliseconds.to_string(),
        )
        .append_pair("application_name", &format!("lyceum-{service}"));
    let synchronous = if settings.durable { "on" } else { "local" };
    let session = format!("SET synchronous_commit = {synchronous}");
    let all = pool(settings, &url, settings.connections, Some(&session)).await?;
    Ok(Opened {
        service: service.to_owned(),
        engine: Engine::Postgres,
        writer: all.clone(),
        reader: all,
        file: None,
    })
}

/// The schema of a service: its name, as SQL has names.
pub(super) fn schema(service: &str) -> String {
    service.replace('-', "_")
}

fn address(text: &str) -> Result<Url, Error> {
    // Its words may repeat a password.
    text.parse().map_err(|_| Error::Setting {
        setting: "postgres",
        problem: "must be postgres://user@host:port/database".to_owned(),
    })
}

async fn pool(settings: &Settings, url: &Url, size: u32, session: Option<&str>) -> Result<Pool<Any>, Error> {
    let options = AnyConnectOptions::from_url(url)?
        // Statements are ours; what they carry is not for logs.
        .disable_statement_logging();
    // A pool tries again until its time is up and then knows only that; one connection says what is wrong.
    let mut first = options.connect().await?;
    if let Some(session) = session {
        first.execute(sqlx::AssertSqlSafe(session.to_owned())).await?;
    }
    first.close().await?;
    let session = session.map(str::to_owned);
    let pool = AnyPoolOptions::new()
        .max_connections(size)
        .acquire_timeout(settings.wait)
        .idle_timeout(Some(Duration::from_secs(600)))
        .test_before_acquire(true)
        .after_connect(move |connection, _| {
            let session = session.clone();
            Box::pin(async move {
                if let Some(session) = session {
                    connection.execute(sqlx::AssertSqlSafe(session)).await?;
                }
                Ok(())
            })
        })
        .connect_with(options)
        .await?;
    Ok(pool)
}

impl Opened {
    /// Waits for its turn to change what the database is; other processes wait meanwhile.
    pub(super) async fn turn(&self) -> Result<Turn, Error> {
        match &self.file {
            Some(file) => {
                let path = file.with_extension("lock");
                let failed = {
                    let path = path.clone();
                    |source| Error::File { path, source }
                };
                let locked = tokio::task::spawn_blocking(move || {
                    let mut options = OpenOptions::new();
                    let file = options
                        .write(true)
                        .create(true)
                        .truncate(false)
                        .mode(0o600)
                        .open(path)?;
                    file.lock()?;
                    Ok(file)
                });
                match locked.await {
                    Ok(locked) => Ok(Turn::File {
                        _locked: locked.map_err(failed)?,
                    }),
                    Err(_) => Err(Error::Unavailable("the runtime ends".to_owned())),
                }
            }
            None => {
                // Given back to the server with its connection, whatever becomes of this process.
                let mut connection = self.writer.acquire().await?;
                sqlx::query("SELECT CAST(pg_advisory_lock($1) AS TEXT)")
                    .bind(TURN)
                    .execute(&mut *connection)
                    .await?;
                connection.close_on_drop();
                Ok(Turn::Connection {
                    _locked: Box::new(connection),
                })
            }
        }
    }
}
