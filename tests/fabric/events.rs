//! Events between two services over mutual TLS, on both databases: told once, in order, whatever breaks.

#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use futures_util::future::join_all;
use lyceum::Fabric;
use lyceum::contracts::events::v1::FollowEventsRequest;
use lyceum::contracts::events::v1::events_service_client::EventsServiceClient;
use lyceum::contracts::testing::v1::GetProbeRequest;
use lyceum::events::{Consumer, Consuming, Event, Failure, New, Outbox, consume, dead};
use lyceum::privacy::Sensitive;
use lyceum::serving::Server;
use lyceum::storage::sqlx::{self, Row as _};
use lyceum::storage::{Migration, Storage, Transaction};
use lyceum::testing::postgres::Postgres;
use lyceum::testing::wait_for;
use prost::Message as _;
use tokio::task::JoinHandle;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::Code;

use crate::scene::{PROBE, Scene, reason, start};

const KIND: &str = "lyceum.testing.v1.GetProbeRequest";

/// What the consumer makes of events: the newest of each subject, and how many.
const SEEN: &[Migration] = &[Migration {
    version: 1,
    name: "seen",
    sql: "CREATE TABLE seen (subject TEXT PRIMARY KEY, sequence BIGINT NOT NULL, events BIGINT NOT NULL);",
}];

struct Stage {
    scene: Scene,
    /// Before the fabrics that use it, so that it is the last to go.
    outbox: Outbox,
    publisher: Fabric,
    publishing: Option<JoinHandle<()>>,
    kept: Storage,
    _postgres: Option<Postgres>,
}

impl Stage {
    async fn of(postgres: bool) -> Self {
        let postgres = if postgres { Some(Postgres::start().await) } else { None };
        let scene = Scene::start().await;
        let mut configuration = scene.configuration();
        configuration.storage.postgres = postgres.as_ref().map(|postgres| Sensitive::new(postgres.url()));
        let publisher = start(configuration.clone(), PROBE);
        let state = Storage::open(&configuration, PROBE, &[]).await.unwrap();
        let kept = Storage::open(&configuration, "caller", SEEN).await.unwrap();
        let mut stage = Self {
            outbox: Outbox::open(&state).await.unwrap(),
            scene,
            publisher,
            publishing: None,
            kept,
            _postgres: postgres,
        };
        stage.publish().await;
        stage
    }

    /// Serves the outbox, from now on alone.
    async fn publish(&mut self) {
        if let Some(publishing) = self.publishing.take() {
            publishing.abort();
            let _ = publishing.await;
        }
        let bound = Server::new(&self.publisher)
            .add(self.outbox.service())
            .bind()
            .await
            .unwrap();
        let serving = bound.serve(std::future::pending());
        self.publishing = Some(tokio::spawn(async move {
            let _ = serving.await;
        }));
    }

    /// Something happens to a subject.
    async fn happens(&self, subject: &str, number: u32) {
        let mut transaction = self.outbox_storage_begin().await;
        self.append(&mut transaction, subject, number).await;
        self.outbox.commit(transaction).await.unwrap();
    }

    async fn outbox_storage_begin(&self) -> Transaction {
        self.outbox.storage().begin().await.unwrap()
    }

    async fn append(&self, transaction: &mut Transaction, subject: &str, number: u32) {
        let data = GetProbeRequest {
            delay_milliseconds: number,
            ..GetProbeRequest::default()
        };
        let new = New {
            kind: KIND,
            subject,
            data: &data,
        };
        self.outbox.append(transaction, new).await.unwrap();
    }

    fn follow(&self, keeper: &Arc<Keeper>) -> Follower {
        let (fabric, storage, keeper) = (self.scene.caller(), self.kept.clone(), Arc::clone(keeper));
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        let task = tokio::spawn(async move {
            let what = Consuming {
                consumer: "keeper",
                source: PROBE.to_owned(),
                types: vec![KIND],
            };
            consume(&fabric, &storage, &what, &*keeper, stopped).await.unwrap();
        });
        Follower { task, stop }
    }

    /// What was dealt with, by subject: the newest and how many.
    async fn seen(&self) -> BTreeMap<String, (i64, i64)> {
        let rows = sqlx::query("SELECT subject, sequence, events FROM seen")
            .fetch_all(self.kept.reader())
            .await
            .unwrap();
        rows.iter().map(|row| (row.get(0), (row.get(1), row.get(2)))).collect()
    }

    async fn total(&self) -> i64 {
        self.seen().await.values().map(|(_, events)| events).sum()
    }
}

struct Follower {
    task: JoinHandle<()>,
    stop: CancellationToken,
}

impl Follower {
    async fn end(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }
}

/// Counts each subject's events, and refuses one that does not follow the one before.
#[derive(Default)]
struct Keeper {
    out_of_order: AtomicU64,
    /// Refuses the number 13 as long as it is set.
    superstitious: AtomicBool,
    /// When the newest was dealt with.
    heard: std::sync::Mutex<Vec<Instant>>,
}

impl Consumer for Keeper {
    async fn handle(&self, event: &Event, transaction: &mut Transaction) -> Result<(), Failure> {
        let data = GetProbeRequest::decode(event.data.clone()).map_err(|_| Failure::Never("its data is no message"))?;
        let sequence = i64::try_from(event.sequence).unwrap();
        let changed = sqlx::query(
            "INSERT INTO seen (subject, sequence, events) VALUES ($1, $2, 1) ON CONFLICT (subject) DO UPDATE SET \
             sequence = excluded.sequence, events = seen.events + 1 WHERE seen.sequence + 1 = excluded.sequence",
        )
        .bind(event.subject.clone())
        .bind(sequence)
        .execute(&mut **transaction)
        .await
        .map_err(lyceum::storage::Error::from)?;
        if changed.rows_affected() == 0 {
            self.out_of_order.fetch_add(1, Ordering::Relaxed);
        }
        // Only after it has written: what a refused one wrote must go.
        if data.delay_milliseconds == 13 && self.superstitious.load(Ordering::Relaxed) {
            return Err(Failure::Never("thirteen"));
        }
        self.heard.lock().unwrap().push(Instant::now());
        Ok(())
    }
}

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
    what_is_committed_is_told_once_and_in_order_and_nothing_else
    whatever_breaks_nothing_is_lost_or_doubled
    several_instances_of_a_consumer_share_the_work
    what_cannot_be_dealt_with_is_put_aside_and_tried_again
}

async fn what_is_committed_is_told_once_and_in_order_and_nothing_else(stage: Stage) {
    stage.happens("before", 0).await;
    let keeper = Arc::new(Keeper::default());
    let follower = stage.follow(&keeper);
    let stage = Arc::new(stage);
    let writers = (0..4).map(|writer| {
        let stage = Arc::clone(&stage);
        tokio::spawn(async move {
            for number in 0..50_u32 {
                let subject = format!("s-{}", (number + writer) % 7);
                let mut transaction = stage.outbox_storage_begin().await;
                stage.append(&mut transaction, &subject, number).await;
                if number % 5 == 0 {
                    // Never happened.
                    drop(transaction);
                    continue;
                }
                stage.outbox.commit(transaction).await.unwrap();
            }
        })
    });
    for writer in join_all(writers).await {
        writer.unwrap();
    }
    wait_for("every event", || async { stage.total().await >= 161 }).await;
    follower.end().await;
    let seen = stage.seen().await;
    assert_eq!(seen.len(), 8);
    assert_eq!(stage.total().await, 161);
    assert!(seen.values().all(|(newest, events)| newest == events), "{seen:?}");
    assert_eq!(keeper.out_of_order.load(Ordering::Relaxed), 0);
}

async fn whatever_breaks_nothing_is_lost_or_doubled(mut stage: Stage) {
    let keeper = Arc::new(Keeper::default());
    let mut random = fastrand::Rng::with_seed(11);
    let mut written = 0;
    for round in 0..12_u32 {
        let follower = stage.follow(&keeper);
        let goal = written + 1 + i64::from(random.u32(0..8));
        for number in 0..10 {
            stage.happens(&format!("s-{}", (round + number) % 4), number).await;
            written += 1;
        }
        wait_for("some of them", || async { stage.total().await >= goal.min(written) }).await;
        // As when a process is killed: in the middle of whatever it does.
        follower.task.abort();
        let _ = follower.task.await;
        if round % 4 == 3 {
            stage.publish().await;
        }
    }
    let follower = stage.follow(&keeper);
    wait_for("all of them", || async { stage.total().await >= written }).await;
    follower.end().await;
    let seen = stage.seen().await;
    assert_eq!(stage.total().await, written, "{seen:?}");
    assert!(seen.values().all(|(newest, events)| newest == events), "{seen:?}");
    assert_eq!(keeper.out_of_order.load(Ordering::Relaxed), 0);
}

async fn several_instances_of_a_consumer_share_the_work(stage: Stage) {
    let keeper = Arc::new(Keeper::default());
    let followers: Vec<_> = (0..3).map(|_| stage.follow(&keeper)).collect();
    for number in 0..90 {
        stage.happens(&format!("s-{}", number % 5), number).await;
    }
    wait_for("all of them", || async { stage.total().await >= 90 }).await;
    for follower in followers {
        follower.end().await;
    }
    let seen = stage.seen().await;
    assert_eq!(stage.total().await, 90);
    assert!(seen.values().all(|(newest, events)| newest == events), "{seen:?}");
    assert_eq!(keeper.out_of_order.load(Ordering::Relaxed), 0);
}

async fn what_cannot_be_dealt_with_is_put_aside_and_tried_again(stage: Stage) {
    let keeper = Arc::new(Keeper::default());
    keeper.superstitious.store(true, Ordering::Relaxed);
    let follower = stage.follow(&keeper);
    for number in 10..20 {
        stage.happens(&format!("s-{number}"), number).await;
    }
    wait_for("the others", || async { stage.total().await >= 9 }).await;
    let letters = dead::letters(&stage.kept, 0, 10).await.unwrap();
    assert_eq!(letters.len(), 1);
    let letter = &letters[0];
    assert_eq!(
        (letter.event.subject.as_str(), letter.reason.as_str(), letter.attempts),
        ("s-13", "thirteen", 3)
    );
    assert!(!format!("{letter:?}").contains("s-13"), "{letter:?}");
    assert_eq!(stage.seen().await.get("s-13"), None, "what it wrote is gone");
    let again = dead::replay(&stage.kept, letter, &*keeper).await;
    assert!(matches!(again, Err(Failure::Never("thirteen"))));
    assert_eq!(dead::letters(&stage.kept, 0, 10).await.unwrap().len(), 1);
    keeper.superstitious.store(false, Ordering::Relaxed);
    dead::replay(&stage.kept, letter, &*keeper).await.unwrap();
    dead::replay(&stage.kept, letter, &*keeper).await.unwrap();
    assert!(dead::letters(&stage.kept, 0, 10).await.unwrap().is_empty());
    assert_eq!(stage.seen().await["s-13"], (1, 1), "once, however often it is replayed");
    follower.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_position_that_nobody_gave_out_is_refused() {
    let stage = Stage::of(false).await;
    stage.happens("s-1", 1).await;
    let caller = stage.scene.caller();
    let mut client = EventsServiceClient::new(caller.channel(PROBE).unwrap());
    let mut follow = async |after| {
        let request = FollowEventsRequest {
            after,
            types: Vec::new(),
        };
        client.follow_events(request).await
    };
    for after in [2, u64::MAX] {
        let refused = follow(after).await.unwrap_err();
        assert_eq!(
            (refused.code(), reason(&refused).as_str()),
            (Code::FailedPrecondition, "POSITION_UNKNOWN")
        );
    }
    let mut events = follow(0).await.unwrap().into_inner();
    let event = events.message().await.unwrap().unwrap().event.unwrap();
    assert_eq!((event.source.as_str(), event.event_type.as_str()), (PROBE, KIND));
    assert_eq!((event.position, event.sequence, event.id.len()), (1, 1, 32));
    assert!(!format!("{event:?}").contains("s-1"), "{event:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_is_known_elsewhere_within_moments() {
    let stage = Stage::of(false).await;
    let keeper = Arc::new(Keeper::default());
    let follower = stage.follow(&keeper);
    stage.happens("first", 0).await;
    wait_for("the consumer", || async { stage.total().await == 1 }).await;
    let mut took: Vec<Duration> = Vec::new();
    for number in 0..100_u32 {
        let begun = Instant::now();
        stage.happens("s-1", number).await;
        let known = usize::try_from(number).unwrap() + 2;
        wait_for("the next", || async { keeper.heard.lock().unwrap().len() >= known }).await;
        took.push(keeper.heard.lock().unwrap()[known - 1] - begun);
    }
    took.sort();
    println!("from change to consumer: median {:?}, p99 {:?}", took[50], took[98]);
    follower.end().await;
}
