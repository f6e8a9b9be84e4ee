//! Dealing with what happens elsewhere, each event once.
//!
//! The cursor moves in the transaction in which the event is dealt with. So after a crash it is where the state is, and of
//! several instances of a consumer the first one that moves it deals with the event: the others wait for its commit, find
//! it moved, and go on.
//!
//! When not: work that is no change of state (a message sent, a call made) is done once more after a crash; give it the
//! event's id to be recognised by. Source: idempotent consumer (Richardson); linkerd's backoff for the pauses.

use std::time::{Duration, SystemTime};

use prost::Message as _;
use sqlx::Row as _;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use super::Event;
use crate::contracts::events::v1::FollowEventsRequest;
use crate::contracts::events::v1::events_service_client::EventsServiceClient;
use crate::fabric::Fabric;
use crate::storage::{Error, Storage, Transaction, micros};
use crate::{client, identity};

/// The shortest and the longest pause before the same is tried again.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(5));
/// How often an event is tried that its consumer refuses.
const ATTEMPTS: u32 = 3;

/// What deals with events.
pub trait Consumer: Send + Sync + 'static {
    /// Deals with one, writing what it changes with `transaction`, which is committed afterwards.
    ///
    /// # Errors
    /// [`Failure`].
    fn handle(&self, event: &Event, transaction: &mut Transaction) -> impl Future<Output = Result<(), Failure>> + Send;
}

/// Why an event was not dealt with.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// Not now: it is tried again until it succeeds.
    #[error("not now: {0}")]
    Later(#[from] Error),
    /// Never: it is put aside after some tries, and the next one follows. The reason says nothing of what stands in it.
    #[error("never: {0}")]
    Never(&'static str),
}

/// What is followed, and by whom.
#[derive(Clone, Debug)]
pub struct Consuming {
    /// The consumer's name, the same for good: its cursor has it.
    pub consumer: &'static str,
    /// The Consul service that publishes.
    pub source: String,
    /// The types that are wanted; all where none is named.
    pub types: Vec<&'static str>,
}

/// Deals with what happens at a service until `stop`.
///
/// # Errors
/// A source whose name no identity can have; everything else is tried again.
pub async fn consume(
    fabric: &Fabric,
    storage: &Storage,
    what: &Consuming,
    consumer: &impl Consumer,
    stop: CancellationToken,
) -> Result<(), identity::Error> {
    let client = EventsServiceClient::new(fabric.channel(&what.source)?);
    let mut rng = fastrand::Rng::new();
    let mut failures = 0;
    let following = async {
        loop {
            let (moved, ended) = follow(client.clone(), storage, what, consumer, &mut rng).await;
            failures = if moved { 0 } else { failures + 1 };
            tracing::debug!(consumer = what.consumer, source = what.source, %ended, "following breaks off");
            sleep(pause(failures, &mut rng)).await;
        }
    };
    stop.run_until_cancelled(following).await;
    Ok(())
}

/// Follows until something breaks off: whether anything was dealt with, and what broke off.
async fn follow(
    mut client: EventsServiceClient<client::Channel>,
    storage: &Storage,
    what: &Consuming,
    consumer: &impl Consumer,
    rng: &mut fastrand::Rng,
) -> (bool, Status) {
    let mut moved = false;
    let ended = async {
        let request = FollowEventsRequest {
            after: cursor(storage, what).await?.unsigned_abs(),
            types: what.types.iter().map(|kind| (*kind).to_owned()).collect(),
        };
        let mut events = client.follow_events(request).await?.into_inner();
        while let Some(response) = events.message().await? {
            if let Some(event) = response.event {
                deal(storage, what, consumer, &event, rng).await?;
                moved = true;
            }
        }
        Err::<(), Status>(Status::unavailable("the stream ended"))
    };
    let ended = ended
        .await
        .err()
        .unwrap_or_else(|| Status::unavailable("the stream ended"));
    (moved, ended)
}

/// Deals with one event, or puts it aside.
async fn deal(
    storage: &Storage,
    what: &Consuming,
    consumer: &impl Consumer,
    event: &Event,
    rng: &mut fastrand::Rng,
) -> Result<(), Error> {
    let mut attempts = 0;
    loop {
        let mut transaction = storage.begin().await?;
        if !advance(&mut transaction, what, event.position).await? {
            return Ok(());
        }
        attempts += 1;
        match consumer.handle(event, &mut transaction).await {
            Ok(()) => {
                transaction.commit().await?;
                return Ok(());
            }
            Err(Failure::Never(reason)) if attempts >= ATTEMPTS => {
                // What it wrote before it failed goes; its place in the line is given up for good.
                drop(transaction);
                let mut transaction = storage.begin().await?;
                if advance(&mut transaction, what, event.position).await? {
                    put_aside(&mut transaction, what, event, reason, attempts).await?;
                    transaction.commit().await?;
                    tracing::warn!(
                        consumer = what.consumer,
                        source = what.source,
                        reason,
                        "an event is put aside"
                    );
                }
                return Ok(());
            }
            Err(failure) => {
                drop(transaction);
                tracing::debug!(consumer = what.consumer, %failure, attempts, "an event waits");
                sleep(pause(attempts, rng)).await;
            }
        }
    }
}

async fn cursor(storage: &Storage, what: &Consuming) -> Result<i64, Error> {
    let row = sqlx::query("SELECT position FROM lyceum_cursors WHERE consumer = $1 AND source = $2")
        .bind(what.consumer)
        .bind(what.source.clone())
        .fetch_optional(storage.reader())
        .await?;
    Ok(match row {
        Some(row) => row.try_get(0)?,
        None => 0,
    })
}

/// Moves the cursor to an event; whether it was not there or beyond already.
async fn advance(transaction: &mut Transaction, what: &Consuming, position: u64) -> Result<bool, Error> {
    let moved = sqlx::query(
        "INSERT INTO lyceum_cursors (consumer, source, position) VALUES ($1, $2, $3) ON CONFLICT (consumer, source) \
         DO UPDATE SET position = excluded.position WHERE lyceum_cursors.position < excluded.position",
    )
    .bind(what.consumer)
    .bind(what.source.clone())
    .bind(i64::try_from(position).unwrap_or(i64::MAX))
    .execute(&mut **transaction)
    .await?;
    Ok(moved.rows_affected() > 0)
}

async fn put_aside(
    transaction: &mut Transaction,
    what: &Consuming,
    event: &Event,
    reason: &str,
    attempts: u32,
) -> Result<(), Error> {
    sqlx::query(
        "INSERT INTO lyceum_dead_letters (consumer, source, event, reason, attempts, time) VALUES ($1, $2, $3, $4, $5, $6)",
    )
    .bind(what.consumer)
    .bind(what.source.clone())
    .bind(event.encode_to_vec())
    .bind(reason.to_owned())
    .bind(i64::from(attempts))
    .bind(micros(SystemTime::now()))
    .execute(&mut **transaction)
    .await?;
    Ok(())
}

/// Longer each time, a little by chance, so that many do not come back in step.
fn pause(failures: u32, rng: &mut fastrand::Rng) -> Duration {
    let (shortest, longest) = PAUSES;
    let whole = (shortest * 2_u32.saturating_pow(failures.min(12))).min(longest);
    whole.mul_f64(0.75 + 0.5 * rng.f64())
}
