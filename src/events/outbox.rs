//! What happened here, in the database of the service, in the order in which it was committed.
//!
//! Whoever appends waits for the one before to commit: in SQLite one writes at a time anyway, in PostgreSQL a lock of the
//! schema's own does it. Without it a later position could be seen before an earlier one, and a reader would pass over it.
//! When not: reading what is about one subject alone; keep that in a table of the service's own.

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prost::Message;
use sqlx::{Any, Row as _, any::AnyRow};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::task::AbortOnDropHandle;

use super::Event;
use crate::context;
use crate::storage::{Engine, Error, Storage, Transaction, micros};
use crate::{secret, storage};

/// How often it is looked whether another process has written, while somebody follows.
const LOOK: Duration = Duration::from_millis(5);
/// The number of the lock that writers of a schema's outbox take.
const LOCK: i32 = 0x4C59;

/// What happened at a service; cheap to clone.
#[derive(Clone, Debug)]
pub struct Outbox {
    storage: Storage,
    newest: Arc<watch::Sender<i64>>,
    _looking: Arc<AbortOnDropHandle<()>>,
}

/// Something that happens.
#[derive(Clone, Copy, Debug)]
pub struct New<'a, M> {
    /// The full name of its message.
    pub kind: &'static str,
    /// Whom or what it is about: 1 to 128 characters.
    pub subject: &'a str,
    /// The message.
    pub data: &'a M,
}

// === impl Outbox ===

impl Outbox {
    /// The outbox of a service. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// The database's.
    pub async fn open(storage: &Storage) -> Result<Self, Error> {
        let newest = Arc::new(watch::Sender::new(last(storage).await?));
        let looking = tokio::spawn(look(storage.clone(), Arc::clone(&newest)));
        Ok(Self {
            storage: storage.clone(),
            newest,
            _looking: Arc::new(AbortOnDropHandle::new(looking)),
        })
    }

    /// Where it lies, with whatever else the service keeps.
    #[must_use]
    pub fn storage(&self) -> &Storage {
        &self.storage
    }

    /// Writes an event with what it changed. It happens when the transaction is committed, or never.
    ///
    /// # Errors
    /// The database's.
    pub async fn append<M: Message>(&self, transaction: &mut Transaction, new: New<'_, M>) -> Result<(), Error> {
        if self.storage.engine() == Engine::Postgres {
            sqlx::query("SELECT CAST(pg_advisory_xact_lock($1, hashtext(current_schema())) AS TEXT)")
                .bind(LOCK)
                .execute(&mut **transaction)
                .await?;
        }
        let now = SystemTime::now();
        let traceparent = context::current().map(|context| context.trace.to_header());
        let traceparent = traceparent
            .as_ref()
            .and_then(|header| header.to_str().ok())
            .unwrap_or_default();
        sqlx::query(
            "INSERT INTO lyceum_outbox (id, type, subject, sequence, time, data, traceparent) SELECT $1, $2, $3, \
             COALESCE(MAX(sequence), 0) + 1, $4, $5, $6 FROM lyceum_outbox WHERE subject = $3",
        )
        .bind(id(now)?)
        .bind(new.kind)
        .bind(new.subject.to_owned())
        .bind(micros(now))
        .bind(new.data.encode_to_vec())
        .bind(traceparent.to_owned())
        .execute(&mut **transaction)
        .await?;
        Ok(())
    }

    /// Commits, and wakes who follows. Without it they are woken some milliseconds later.
    ///
    /// # Errors
    /// The database's: whether it was committed is then not known.
    pub async fn commit(&self, transaction: Transaction) -> Result<(), Error> {
        transaction.commit().await?;
        self.newest.send_replace(last(&self.storage).await?);
        Ok(())
    }

    /// The events after a position, oldest first, at most `most`.
    pub(super) async fn read(&self, after: i64, most: i64) -> Result<Vec<Event>, Error> {
        let rows = sqlx::query(
            "SELECT position, id, type, subject, sequence, time, data, traceparent FROM lyceum_outbox \
             WHERE position > $1 ORDER BY position LIMIT $2",
        )
        .bind(after)
        .bind(most)
        .fetch_all(self.storage.reader())
        .await?;
        rows.iter().map(|row| self.event(row)).collect()
    }

    fn event(&self, row: &AnyRow) -> Result<Event, Error> {
        let time: i64 = row.try_get(5)?;
        Ok(Event {
            id: row.try_get(1)?,
            source: self.storage.service().to_owned(),
            event_type: row.try_get(2)?,
            subject: row.try_get(3)?,
            position: row.try_get::<i64, _>(0)?.unsigned_abs(),
            sequence: row.try_get::<i64, _>(4)?.unsigned_abs(),
            time: Some(prost_types::Timestamp {
                seconds: time.div_euclid(1_000_000),
                // Less than a thousand million.
                nanos: i32::try_from(time.rem_euclid(1_000_000) * 1000).unwrap_or(0),
            }),
            data: row.try_get::<Vec<u8>, _>(6)?.into(),
            traceparent: row.try_get(7)?,
        })
    }

    /// The position of the newest event, and each newer one.
    pub(super) fn newest(&self) -> watch::Receiver<i64> {
        self.newest.subscribe()
    }
}

/// Looks for what other processes write, while somebody follows here.
async fn look(storage: Storage, newest: Arc<watch::Sender<i64>>) {
    let mut ticks = interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        if newest.receiver_count() == 0 {
            continue;
        }
        // It may be away for a moment; who follows waits for it as well.
        if let Ok(last) = last(&storage).await {
            newest.send_if_modified(|known| std::mem::replace(known, last.max(*known)) < last);
        }
    }
}

async fn last(storage: &Storage) -> Result<i64, Error> {
    let row = sqlx::query("SELECT COALESCE(MAX(position), 0) FROM lyceum_outbox")
        .fetch_one::<&sqlx::Pool<Any>>(storage.reader())
        .await?;
    Ok(row.try_get(0)?)
}

/// Sorts by time; never the same twice.
fn id(now: SystemTime) -> Result<String, storage::Error> {
    let milliseconds = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis();
    let random: [u8; 10] = secret::random()?;
    let random = random.iter().fold(String::new(), |mut text, byte| {
        use std::fmt::Write as _;
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    });
    Ok(format!("{milliseconds:012x}{random}"))
}
