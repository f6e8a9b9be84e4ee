//! State on both databases: the same tests for each.

#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::future::join_all;
use lyceum::configuration::Configuration;
use lyceum::error::Error as CallError;
use lyceum::privacy::Sensitive;
use lyceum::storage::sqlx::{self, Row as _};
use lyceum::storage::{Error, Migration, Place, Retention, Storage, conflict, micros};
use lyceum::testing::postgres::Postgres;
use lyceum::testing::probe::Folder;
use lyceum::testing::wait_for;

const NOTES: Migration = Migration {
    version: 1,
    name: "notes",
    sql: "CREATE TABLE notes (id TEXT PRIMARY KEY, version BIGINT NOT NULL, weight {real} NOT NULL, body {bytes} NOT NULL, \
          until BIGINT); CREATE TABLE lines (place {sequence}, text TEXT NOT NULL);",
};
const MARKS: Migration = Migration {
    version: 2,
    name: "marks",
    sql: "ALTER TABLE notes ADD COLUMN mark BIGINT",
};

/// A database of one kind, for one test.
struct Stage {
    folder: Folder,
    postgres: Option<Postgres>,
    configuration: Configuration,
}

impl Stage {
    async fn of(postgres: bool) -> Self {
        let folder = Folder::new();
        let postgres = if postgres { Some(Postgres::start().await) } else { None };
        let mut configuration = Configuration {
            data: folder.path().to_path_buf(),
            ..Configuration::default()
        };
        configuration.storage.postgres = postgres.as_ref().map(|postgres| Sensitive::new(postgres.url()));
        Self {
            folder,
            postgres,
            configuration,
        }
    }

    async fn open(&self) -> Storage {
        Storage::open(&self.configuration, "class-notes", &[NOTES])
            .await
            .unwrap()
    }
}

/// Each test on each database.
macro_rules! on_both {
    ($($name:ident)*) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(super::Stage::of(false).await).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                super::$name(super::Stage::of(true).await).await;
            })*
        }
    };
}

on_both! {
    what_is_committed_is_there_and_nothing_else
    two_that_write_the_same_are_told
    many_writers_and_readers_wait_their_turn
    several_processes_bring_a_database_up_to_date_once
    a_newer_or_changed_past_is_refused
    sealed_columns_are_bound_to_their_place_and_survive_new_keys
    a_wrong_key_is_said
    what_may_not_be_kept_goes
}

async fn put(storage: &Storage, id: &str, body: &[u8]) -> Result<(), Error> {
    let mut transaction = storage.begin().await?;
    sqlx::query("INSERT INTO notes (id, version, weight, body) VALUES ($1, 1, $2, $3)")
        .bind(id.to_owned())
        .bind(0.5_f64)
        .bind(body.to_vec())
        .execute(&mut *transaction)
        .await?;
    transaction.commit().await?;
    Ok(())
}

async fn count(storage: &Storage) -> i64 {
    let row = sqlx::query("SELECT COUNT(*) FROM notes")
        .fetch_one(storage.reader())
        .await
        .unwrap();
    row.get(0)
}

async fn what_is_committed_is_there_and_nothing_else(stage: Stage) {
    let storage = stage.open().await;
    put(&storage, "a", b"\0\xff body").await.unwrap();
    let mut dropped = storage.begin().await.unwrap();
    sqlx::query("DELETE FROM notes").execute(&mut *dropped).await.unwrap();
    assert_eq!(count(&storage).await, 1, "a reader sees what is committed");
    drop(dropped);
    let row = sqlx::query("SELECT id, version, weight, body, until FROM notes")
        .fetch_one(storage.reader())
        .await
        .unwrap();
    let (id, version, weight): (String, i64, f64) = (row.get(0), row.get(1), row.get(2));
    assert_eq!((id.as_str(), version, weight), ("a", 1, 0.5));
    assert_eq!(row.get::<Vec<u8>, _>(3), b"\0\xff body");
    assert_eq!(row.get::<Option<i64>, _>(4), None);
    assert!(matches!(put(&storage, "a", b"again").await, Err(Error::Exists)));
    storage.close().await;
    let again = stage.open().await;
    assert_eq!(count(&again).await, 1);
}

/// Changes a note at the version that was read.
async fn change(storage: &Storage, id: &str, read: i64) -> Result<i64, Error> {
    let mut transaction = storage.begin().await?;
    let changed = sqlx::query("UPDATE notes SET version = version + 1 WHERE id = $1 AND version = $2")
        .bind(id.to_owned())
        .bind(read)
        .execute(&mut *transaction)
        .await?;
    if changed.rows_affected() == 0 {
        let row = sqlx::query("SELECT version FROM notes WHERE id = $1")
            .bind(id.to_owned())
            .fetch_one(&mut *transaction)
            .await?;
        return Err(conflict(row.try_get(0)?));
    }
    transaction.commit().await?;
    Ok(read + 1)
}

async fn two_that_write_the_same_are_told(stage: Stage) {
    let storage = stage.open().await;
    put(&storage, "a", b"").await.unwrap();
    assert_eq!(change(&storage, "a", 1).await.unwrap(), 2);
    let refused = change(&storage, "a", 1).await.unwrap_err();
    assert!(matches!(refused, Error::Conflict { current: 2 }), "{refused:?}");
    let told = CallError::from(refused);
    assert_eq!((told.code(), told.reason()), (tonic::Code::Aborted, "VERSION_CONFLICT"));
    // Of many at once, one wins each round.
    let rounds = join_all((0..20).map(|_| change(&storage, "a", 2))).await;
    assert_eq!(rounds.iter().filter(|round| round.is_ok()).count(), 1);
}

async fn many_writers_and_readers_wait_their_turn(stage: Stage) {
    // As in two processes.
    let (one, other) = (Arc::new(stage.open().await), Arc::new(stage.open().await));
    let writers = (0..40).map(|number| {
        let storage = Arc::clone(if number % 2 == 0 { &one } else { &other });
        tokio::spawn(async move {
            let mut transaction = storage.begin().await.unwrap();
            // Reads first and writes later, which is how a place in line is lost where it is not taken at once.
            let row = sqlx::query("SELECT COUNT(*) FROM lines")
                .fetch_one(&mut *transaction)
                .await
                .unwrap();
            let seen: i64 = row.get(0);
            sqlx::query("INSERT INTO lines (text) VALUES ($1)")
                .bind(format!("{number} after {seen}"))
                .execute(&mut *transaction)
                .await
                .unwrap();
            transaction.commit().await.unwrap();
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
    let rows = sqlx::query("SELECT place FROM lines ORDER BY place")
        .fetch_all(one.reader())
        .await
        .unwrap();
    let places: Vec<i64> = rows.iter().map(|row| row.get(0)).collect();
    assert_eq!(places.len(), 40);
    assert!(places.is_sorted_by(|one, next| one < next));
}

async fn several_processes_bring_a_database_up_to_date_once(stage: Stage) {
    let opened = join_all((0..6).map(|_| Storage::open(&stage.configuration, "class-notes", &[NOTES, MARKS]))).await;
    for storage in opened {
        let storage = storage.unwrap();
        sqlx::query("SELECT mark FROM notes")
            .fetch_all(storage.reader())
            .await
            .unwrap();
    }
    // Another service's tables are its own.
    let other = Storage::open(&stage.configuration, "other", &[]).await.unwrap();
    assert!(
        sqlx::query("SELECT 1 FROM notes")
            .fetch_all(other.reader())
            .await
            .is_err()
    );
}

async fn a_newer_or_changed_past_is_refused(stage: Stage) {
    let storage = Storage::open(&stage.configuration, "class-notes", &[NOTES, MARKS])
        .await
        .unwrap();
    put(&storage, "a", b"").await.unwrap();
    storage.close().await;
    let open = |migrations| {
        let configuration = stage.configuration.clone();
        async move {
            Storage::open(&configuration, "class-notes", migrations)
                .await
                .unwrap_err()
                .to_string()
        }
    };
    let older = open(&[NOTES]).await;
    assert!(older.contains("step 2") && older.contains("newer version"), "{older}");
    const CHANGED: Migration = Migration {
        sql: "ALTER TABLE notes ADD COLUMN mark TEXT",
        ..MARKS
    };
    let changed = open(&[NOTES, CHANGED]).await;
    assert!(changed.contains("step 2 was changed"), "{changed}");
    // A step that fails leaves nothing behind, and the one before stands.
    const BROKEN: Migration = Migration {
        version: 3,
        name: "broken",
        sql: "CREATE TABLE half (id BIGINT); CREATE TABLE notes (id BIGINT);",
    };
    let broken = open(&[NOTES, MARKS, BROKEN]).await;
    assert!(broken.contains("class-notes") && !broken.contains("CREATE"), "{broken}");
    let again = Storage::open(&stage.configuration, "class-notes", &[NOTES, MARKS])
        .await
        .unwrap();
    assert_eq!(count(&again).await, 1);
    assert!(
        sqlx::query("SELECT 1 FROM half")
            .fetch_all(again.reader())
            .await
            .is_err()
    );
}

const BODY: Place<'static> = Place {
    table: "notes",
    column: "body",
    row: "a",
};

async fn sealed_columns_are_bound_to_their_place_and_survive_new_keys(mut stage: Stage) {
    let key = stage.folder.path().join("keys");
    let line = |byte: u8| STANDARD.encode([byte; 32]);
    std::fs::write(&key, line(1)).unwrap();
    stage.configuration.storage.key = Some(key.clone());
    let storage = stage.open().await;
    let text = "I was sure that I was right.".as_bytes();
    let sealed = storage.vault().seal(BODY, text).unwrap();
    assert!(!sealed.windows(8).any(|part| text.windows(8).any(|other| part == other)));
    assert_ne!(
        sealed,
        storage.vault().seal(BODY, text).unwrap(),
        "never the same twice"
    );
    put(&storage, "a", &sealed).await.unwrap();
    assert_eq!(storage.vault().unseal(BODY, &sealed).await.unwrap(), text);
    for other in [
        Place { row: "b", ..BODY },
        Place { column: "text", ..BODY },
        Place {
            table: "note",
            column: "sbody",
            ..BODY
        },
    ] {
        assert!(
            matches!(storage.vault().unseal(other, &sealed).await, Err(Error::Sealed)),
            "{other:?}"
        );
    }
    for at in 0..sealed.len() {
        let mut changed = sealed.clone();
        changed[at] ^= 1;
        assert!(storage.vault().unseal(BODY, &changed).await.is_err(), "changed at {at}");
        assert!(
            storage.vault().unseal(BODY, &sealed[..at]).await.is_err(),
            "cut at {at}"
        );
    }
    // A new data key in one process is known to the other when it meets it.
    let other = stage.open().await;
    storage.vault().rotate().await.unwrap();
    let newer = storage.vault().seal(BODY, text).unwrap();
    assert_ne!(newer[..5], sealed[..5]);
    assert_eq!(other.vault().unseal(BODY, &newer).await.unwrap(), text);
    // A new secret seals the keys anew, after which the old one is needed no more.
    std::fs::write(&key, format!("{}\n{}\n", line(2), line(1))).unwrap();
    stage.open().await;
    std::fs::write(&key, line(2)).unwrap();
    let later = stage.open().await;
    for sealed in [&sealed, &newer] {
        assert_eq!(later.vault().unseal(BODY, sealed).await.unwrap(), text);
    }
}

async fn a_wrong_key_is_said(mut stage: Stage) {
    stage.open().await;
    stage.configuration.storage.key_value = Some(Sensitive::new(STANDARD.encode([9; 32])));
    let refused = Storage::open(&stage.configuration, "class-notes", &[NOTES])
        .await
        .unwrap_err();
    assert!(matches!(refused, Error::Sealed), "{refused:?}");
    assert!(refused.to_string().contains("storage.key"), "{refused}");
}

async fn what_may_not_be_kept_goes(stage: Stage) {
    let storage = stage.open().await;
    let now = SystemTime::now();
    let mut transaction = storage.begin().await.unwrap();
    for number in 0..1203_i64 {
        let until = match number {
            0 => None,
            1 => Some(micros(now + Duration::from_secs(1))),
            _ => Some(micros(now) - number),
        };
        sqlx::query("INSERT INTO notes (id, version, weight, body, until) VALUES ($1, 1, 0.0, $2, $3)")
            .bind(number.to_string())
            .bind(vec![1_u8])
            .bind(until)
            .execute(&mut *transaction)
            .await
            .unwrap();
    }
    transaction.commit().await.unwrap();
    let notes = Retention {
        table: "notes",
        key: "id",
        until: "until",
    };
    assert_eq!(storage.sweep(notes, now).await.unwrap(), 1201);
    assert_eq!(count(&storage).await, 2);
    assert_eq!(storage.sweep(notes, now).await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_crashes_is_waited_for_and_loses_nothing() {
    let stage = Stage::of(true).await;
    let storage = stage.open().await;
    put(&storage, "before", b"").await.unwrap();
    let postgres = stage.postgres.as_ref().unwrap();
    postgres.crash();
    let refused = put(&storage, "meanwhile", b"").await.unwrap_err();
    let told = CallError::from(refused);
    assert_eq!(
        (told.code(), told.reason()),
        (tonic::Code::Unavailable, "STORAGE_UNAVAILABLE")
    );
    postgres.restart().await;
    wait_for("the database", || async { put(&storage, "after", b"").await.is_ok() }).await;
    assert_eq!(count(&storage).await, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_their_owners_alone_and_what_is_no_database_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let stage = Stage::of(false).await;
    let storage = stage.open().await;
    put(&storage, "a", b"").await.unwrap();
    let folder = stage.folder.path().join("storage");
    for entry in std::fs::read_dir(&folder).unwrap() {
        let entry = entry.unwrap();
        let mode = entry.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o077, 0, "{:?} {mode:o}", entry.path());
    }
    std::fs::write(folder.join("other.sqlite"), [b'x'; 5000]).unwrap();
    let refused = Storage::open(&stage.configuration, "other", &[]).await.unwrap_err();
    assert!(matches!(refused, Error::Corrupt(_)), "{refused:?}");
}

fn told(error: Error) -> (tonic::Code, &'static str) {
    let told = CallError::from(error);
    (told.code(), told.reason())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_refuses_and_what_was_there_stays() {
    let stage = Stage::of(false).await;
    let storage = stage.open().await;
    put(&storage, "a", b"small").await.unwrap();
    let limit = async |pages: i64| {
        let mut transaction = storage.begin().await.unwrap();
        let pragma = format!("PRAGMA max_page_count = {pages}");
        sqlx::query(sqlx::AssertSqlSafe(pragma))
            .fetch_all(&mut *transaction)
            .await
            .unwrap();
        transaction.commit().await.unwrap();
    };
    limit(60).await;
    let large = vec![7; 400_000];
    assert_eq!(
        told(put(&storage, "b", &large).await.unwrap_err()),
        (tonic::Code::ResourceExhausted, "STORAGE_FULL")
    );
    assert_eq!(count(&storage).await, 1);
    put(&storage, "c", b"small").await.unwrap();
    limit(10_000).await;
    put(&storage, "b", &large).await.unwrap();
    assert_eq!(count(&storage).await, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_holds_the_pen_too_long_makes_others_wait_no_longer_than_they_may() {
    let mut stage = Stage::of(false).await;
    stage.configuration.storage.wait = Duration::from_millis(100);
    let (one, other) = (stage.open().await, stage.open().await);
    let held = one.begin().await.unwrap();
    for waiting in [&one, &other] {
        assert_eq!(
            told(put(waiting, "a", b"").await.unwrap_err()),
            (tonic::Code::Unavailable, "STORAGE_UNAVAILABLE")
        );
        assert_eq!(count(waiting).await, 0, "readers do not wait");
    }
    drop(held);
    put(&other, "a", b"").await.unwrap();
    put(&one, "b", b"").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_page_is_said_to_be_damaged() {
    let stage = Stage::of(false).await;
    let storage = stage.open().await;
    for number in 0..200 {
        put(&storage, &number.to_string(), &[1; 2000]).await.unwrap();
    }
    storage.close().await;
    let file = stage.folder.path().join("storage/class-notes.sqlite");
    let mut bytes = std::fs::read(&file).unwrap();
    let length = bytes.len();
    // The notes themselves, and nothing that is read to open it.
    bytes[length / 2..].fill(0xA5);
    std::fs::write(&file, bytes).unwrap();
    let storage = stage.open().await;
    let read = sqlx::query("SELECT id, body FROM notes")
        .fetch_all(storage.reader())
        .await;
    let refused = Error::from(read.err().unwrap());
    assert!(matches!(refused, Error::Corrupt(_)), "{refused:?}");
    assert_eq!(told(refused), (tonic::Code::DataLoss, "STORAGE_CORRUPT"));
}
