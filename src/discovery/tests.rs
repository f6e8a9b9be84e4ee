#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::collections::BTreeMap;

use tokio::time::{Instant, advance, timeout};

use super::*;
use crate::consul::{Service, TtlCheck, Weights};

const A_WHILE: Duration = Duration::from_secs(600);

fn service(name: &str, id: &str, tags: &[&str]) -> Service {
    Service {
        id: id.into(),
        name: name.into(),
        address: "127.0.0.1".into(),
        port: 7,
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        meta: BTreeMap::new(),
        weights: Weights::default(),
        check: TtlCheck {
            id: format!("service:{id}"),
            name: "c".into(),
            ttl: Duration::from_secs(86_400),
            status: Health::Passing,
            deregister_critical_service_after: Duration::from_secs(86_400),
        },
    }
}

fn register(memory: &Memory, ids: &[&str]) {
    for id in ids {
        memory.register(&service("writing", id, &["lyceum"])).unwrap();
    }
}

fn discovery(memory: &Memory) -> Discovery {
    Discovery::new(memory.clone(), Settings::default())
}

fn unreachable() -> Error {
    Error::Unreachable {
        address: "memory".into(),
        reason: "ordered".into(),
    }
}

fn ids(instances: &Instances) -> Vec<&str> {
    instances.list.iter().map(|instance| instance.id.as_str()).collect()
}

/// Waits, on the paused clock, until the instances are these.
async fn until(receiver: &mut watch::Receiver<Arc<Instances>>, expected: &[&str]) {
    let outcome = timeout(
        A_WHILE,
        receiver.wait_for(|instances| instances.is_known() && ids(instances) == expected),
    );
    let seen = outcome.await.map(|found| found.is_ok());
    assert_eq!(
        seen,
        Ok(true),
        "expected {expected:?}, the last was {:?}",
        receiver.borrow()
    );
}

/// Whether the instances stay as they are for so long.
async fn stays(receiver: &mut watch::Receiver<Arc<Instances>>, time: Duration) -> bool {
    receiver.mark_unchanged();
    timeout(time, receiver.changed()).await.is_err()
}

#[tokio::test(start_paused = true)]
async fn a_service_is_unknown_until_consul_answers_and_known_though_empty_after() {
    let memory = Memory::new();
    let mut receiver = discovery(&memory).watch("writing");
    assert_eq!(receiver.borrow().state, State::Unknown);
    until(&mut receiver, &[]).await;
}

#[tokio::test(start_paused = true)]
async fn instances_come_and_go_at_once() {
    let memory = Memory::new();
    let mut receiver = discovery(&memory).watch("writing");
    register(&memory, &["b", "a"]);
    until(&mut receiver, &["a", "b"]).await;
    let start = Instant::now();
    memory.deregister("a").unwrap();
    until(&mut receiver, &["b"]).await;
    assert!(start.elapsed() < Duration::from_millis(300), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn one_watch_serves_everyone() {
    let memory = Memory::new();
    register(&memory, &["a"]);
    let discovery = discovery(&memory);
    let mut receivers: Vec<_> = (0..300).map(|_| discovery.clone().watch("writing")).collect();
    for receiver in &mut receivers {
        until(receiver, &["a"]).await;
    }
    assert!(memory.reads() <= 2, "one read, and one that blocks: {}", memory.reads());
}

#[tokio::test(start_paused = true)]
async fn a_watch_ends_with_its_last_receiver_and_begins_anew() {
    let memory = Memory::new();
    register(&memory, &["a"]);
    let discovery = discovery(&memory);
    let mut first = discovery.watch("writing");
    let mut second = discovery.watch("writing");
    until(&mut first, &["a"]).await;
    drop(first);
    assert!(stays(&mut second, Duration::from_secs(1)).await);
    assert_eq!(lock(&discovery.inner.services).len(), 1);
    drop(second);
    while !lock(&discovery.inner.services).is_empty() {
        tokio::task::yield_now().await;
    }
    let reads = memory.reads();
    register(&memory, &["b"]);
    advance(A_WHILE).await;
    tokio::task::yield_now().await;
    assert_eq!(memory.reads(), reads, "nobody listens, nobody asks");
    until(&mut discovery.watch("writing"), &["a", "b"]).await;
}

#[tokio::test(start_paused = true)]
async fn errors_keep_the_last_good_instances_and_do_not_hammer() {
    let memory = Memory::new();
    register(&memory, &["a", "b"]);
    let mut receiver = discovery(&memory).watch("writing");
    until(&mut receiver, &["a", "b"]).await;
    let errors = [
        unreachable(),
        Error::TimedOut {
            operation: "tell a service's health",
            after: Duration::from_secs(60),
        },
        Error::Unreadable {
            operation: "tell a service's health",
            reason: "no JSON".into(),
        },
        Error::Refused {
            operation: "tell a service's health",
            status: http::StatusCode::INTERNAL_SERVER_ERROR,
            body: "No cluster leader".into(),
        },
    ];
    for error in errors {
        let reads = memory.reads();
        memory.set_fault(Some(error));
        assert!(stays(&mut receiver, A_WHILE).await);
        let asked = memory.reads() - reads;
        assert!((60..600).contains(&asked), "{asked} reads in ten minutes of failures");
    }
    memory.set_fault(None);
    register(&memory, &["c"]);
    until(&mut receiver, &["a", "b", "c"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_register_that_lost_its_data_is_followed_from_its_new_index() {
    let memory = Memory::new();
    register(&memory, &["a", "b", "c"]);
    let mut receiver = discovery(&memory).watch("writing");
    until(&mut receiver, &["a", "b", "c"]).await;
    memory.wipe();
    assert!(
        stays(&mut receiver, Duration::from_secs(10)).await,
        "all are kept: they are only late"
    );
    register(&memory, &["b"]);
    assert!(
        stays(&mut receiver, Duration::from_secs(3)).await,
        "the first one back does not get all the calls"
    );
    register(&memory, &["a", "c", "d"]);
    until(&mut receiver, &["a", "b", "c", "d"]).await;
    let start = Instant::now();
    memory.deregister("a").unwrap();
    until(&mut receiver, &["b", "c", "d"]).await;
    assert!(
        start.elapsed() < Duration::from_secs(1),
        "with all back its word counts at once"
    );
}

#[tokio::test(start_paused = true)]
async fn those_that_never_come_back_after_a_loss_of_data_go() {
    let memory = Memory::new();
    register(&memory, &["a", "b"]);
    let mut receiver = discovery(&memory).watch("writing");
    until(&mut receiver, &["a", "b"]).await;
    memory.wipe();
    register(&memory, &["b"]);
    let start = Instant::now();
    until(&mut receiver, &["b"]).await;
    assert!(start.elapsed() < Duration::from_secs(30), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn the_last_one_to_leave_is_held_briefly_and_then_gone() {
    let memory = Memory::new();
    register(&memory, &["a"]);
    let mut receiver = discovery(&memory).watch("writing");
    until(&mut receiver, &["a"]).await;
    let start = Instant::now();
    memory.deregister("a").unwrap();
    until(&mut receiver, &[]).await;
    let held = start.elapsed();
    assert!(
        (Duration::from_secs(2)..Duration::from_secs(3)).contains(&held),
        "{held:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn all_critical_is_known_at_once() {
    let memory = Memory::new();
    register(&memory, &["a", "b"]);
    let mut receiver = discovery(&memory).watch("writing");
    until(&mut receiver, &["a", "b"]).await;
    let start = Instant::now();
    for id in ["a", "b"] {
        memory
            .heartbeat(&format!("service:{id}"), Health::Critical, "no disk")
            .unwrap();
    }
    let instances = receiver
        .wait_for(|instances| instances.usable().next().is_none())
        .await
        .unwrap();
    assert_eq!(instances.list[0].note, "no disk");
    assert!(start.elapsed() < Duration::from_millis(300), "{:?}", start.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_server_without_a_leader_is_not_believed() {
    let memory = Memory::new();
    register(&memory, &["a"]);
    let mut receiver = discovery(&memory).watch("writing");
    until(&mut receiver, &["a"]).await;
    memory.set_leaderless(true);
    assert!(stays(&mut receiver, A_WHILE).await, "its empty answer is not seen");
    register(&memory, &["b"]);
    until(&mut receiver, &["a", "b"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_register_that_changes_without_end_is_not_hammered() {
    let memory = Memory::new();
    register(&memory, &["a"]);
    let mut receiver = discovery(&memory).watch("writing");
    until(&mut receiver, &["a"]).await;
    let reads = memory.reads();
    for round in 0..1000 {
        let health = if round % 2 == 0 {
            Health::Warning
        } else {
            Health::Passing
        };
        memory.heartbeat("service:a", health, "").unwrap();
        assert!(
            timeout(Duration::from_millis(10), std::future::pending::<()>())
                .await
                .is_err()
        );
    }
    let asked = memory.reads() - reads;
    assert!((40..60).contains(&asked), "{asked} reads in ten seconds");
}

#[tokio::test(start_paused = true)]
async fn a_return_without_a_change_wakes_nobody() {
    let memory = Memory::new();
    register(&memory, &["a"]);
    let mut receiver = discovery(&memory).watch("writing");
    until(&mut receiver, &["a"]).await;
    let reads = memory.reads();
    memory.register(&service("another", "x", &[])).unwrap();
    assert!(stays(&mut receiver, A_WHILE).await);
    assert!(memory.reads() > reads + 5, "the waits ended and were begun again");
}

#[tokio::test(start_paused = true)]
async fn the_fabrics_services_are_those_with_its_tag() {
    let memory = Memory::new();
    memory.register(&service("database", "d", &["other"])).unwrap();
    let discovery = discovery(&memory);
    let mut names = discovery.services();
    names.changed().await.unwrap();
    assert!(names.borrow_and_update().is_empty());
    memory.register(&service("writing", "w", &["lyceum"])).unwrap();
    memory.register(&service("ai", "v", &["x", "lyceum"])).unwrap();
    names.wait_for(|names| **names == ["ai", "writing"]).await.unwrap();
    memory.set_fault(Some(unreachable()));
    names.mark_unchanged();
    assert!(
        timeout(A_WHILE, names.changed()).await.is_err(),
        "errors keep the names"
    );
    memory.set_fault(None);
    memory.deregister("v").unwrap();
    names.wait_for(|names| **names == ["writing"]).await.unwrap();
}

#[test]
fn results_that_access_control_hides_are_no_empty_list() {
    let answer = |value: Vec<u8>, filtered| Answer {
        value,
        index: 1,
        known_leader: true,
        last_contact: Duration::ZERO,
        filtered,
        connections: 0,
    };
    assert!(believable(answer(vec![], true)).unwrap_err().is_forbidden());
    assert!(
        believable(answer(vec![1], true)).is_ok(),
        "those that are shown may be used"
    );
    assert!(believable(answer(vec![], false)).is_ok());
}
