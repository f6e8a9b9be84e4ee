//! Events that a consumer could not deal with: to be looked at, and tried again once whatever was wrong is mended.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use prost::Message as _;
use sqlx::Row as _;

use super::{Consumer, Event, Failure};
use crate::storage::{Error, Storage};

/// An event that was put aside.
#[derive(Clone, Debug)]
pub struct Letter {
    /// Its number among them.
    pub place: i64,
    /// Who could not deal with it.
    pub consumer: String,
    /// As it came.
    pub event: Event,
    /// Why not.
    pub reason: String,
    /// How often it was tried.
    pub attempts: i64,
    /// When it was put aside.
    pub time: SystemTime,
}

/// The oldest after a place, at most `most` of them.
///
/// # Errors
/// The database's.
pub async fn letters(storage: &Storage, after: i64, most: i64) -> Result<Vec<Letter>, Error> {
    let rows = sqlx::query(
        "SELECT place, consumer, event, reason, attempts, time FROM lyceum_dead_letters WHERE place > $1 \
         ORDER BY place LIMIT $2",
    )
    .bind(after)
    .bind(most)
    .fetch_all(storage.reader())
    .await?;
    rows.iter()
        .map(|row| {
            let time: i64 = row.try_get(5)?;
            let event: Vec<u8> = row.try_get(2)?;
            Ok(Letter {
                place: row.try_get(0)?,
                consumer: row.try_get(1)?,
                event: Event::decode(event.as_slice())
                    .map_err(|_| Error::Refused("a dead letter that is no event".to_owned()))?,
                reason: row.try_get(3)?,
                attempts: row.try_get(4)?,
                time: UNIX_EPOCH + Duration::from_micros(time.unsigned_abs()),
            })
        })
        .collect()
}

/// Tries one again; it goes when it is dealt with. It may be out of order by now: others of its subject went on.
///
/// # Errors
/// The consumer's.
pub async fn replay(storage: &Storage, letter: &Letter, consumer: &impl Consumer) -> Result<(), Failure> {
    let mut transaction = storage.begin().await?;
    let gone = sqlx::query("DELETE FROM lyceum_dead_letters WHERE place = $1")
        .bind(letter.place)
        .execute(&mut *transaction)
        .await
        .map_err(Error::from)?;
    if gone.rows_affected() == 0 {
        return Ok(());
    }
    consumer.handle(&letter.event, &mut transaction).await?;
    transaction.commit().await.map_err(Error::from)?;
    Ok(())
}
