#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use super::*;
use crate::consul::{Check, Entry, Query, is_maintenance};
use crate::discovery::Memory;

const TTL: Duration = Duration::from_secs(15);

fn announcement() -> Announcement {
    Announcement::new("writing", "127.0.0.1", 7)
}

const ID: &str = "writing-127-0-0-1-7";

fn unreachable() -> consul::Error {
    consul::Error::Unreachable {
        address: "memory".into(),
        reason: "ordered".into(),
    }
}

async fn entry(memory: &Memory) -> Option<Entry> {
    memory.health("writing", &Query::default()).await.unwrap().value.pop()
}

async fn check(memory: &Memory) -> Option<Check> {
    entry(memory).await.map(|entry| entry.checks[0].clone())
}

/// The time on the paused clock until the register shows what is expected.
async fn until(memory: &Memory, expected: impl Fn(&Entry) -> bool) -> Duration {
    let start = Instant::now();
    let shown = async {
        while !entry(memory).await.is_some_and(|entry| expected(&entry)) {
            sleep(Duration::from_millis(1)).await;
        }
    };
    assert!(
        timeout(Duration::from_secs(600), shown).await.is_ok(),
        "{:?}",
        entry(memory).await
    );
    start.elapsed()
}

async fn registered(memory: &Memory) -> Registration {
    let registration = Registration::spawn(memory.clone(), announcement());
    registration.registered().await;
    registration
}

#[tokio::test(start_paused = true)]
async fn an_instance_is_passing_from_the_start() {
    let memory = Memory::new();
    let start = Instant::now();
    let registration = registered(&memory).await;
    assert!(start.elapsed() < Duration::from_millis(10));
    let entry = entry(&memory).await.unwrap();
    assert_eq!((entry.service.id.as_str(), registration.id()), (ID, ID));
    assert_eq!(entry.service.tags, ["lyceum"]);
    assert_eq!(entry.service.meta["protocol"], "grpc");
    assert_eq!(entry.checks[0].health(), Health::Passing);
}

#[tokio::test(start_paused = true)]
async fn the_heartbeat_never_lets_the_check_lapse() {
    let memory = Memory::new();
    let _registration = registered(&memory).await;
    let start = memory.heartbeats();
    for _ in 0..3600 {
        sleep(Duration::from_secs(1)).await;
        assert_eq!(check(&memory).await.unwrap().health(), Health::Passing);
    }
    // An hour of one every third of the TTL, a tenth more or less, and a few with the renewals.
    let sent = memory.heartbeats() - start;
    assert!((650..810).contains(&sent), "{sent}");
}

#[tokio::test(start_paused = true)]
async fn heartbeats_are_not_in_step() {
    let memory = Memory::new();
    let _registration = registered(&memory).await;
    let mut gaps = Vec::new();
    for _ in 0..6 {
        let (count, start) = (memory.heartbeats(), Instant::now());
        while memory.heartbeats() == count {
            sleep(Duration::from_millis(1)).await;
        }
        gaps.push(start.elapsed());
    }
    let (least, most) = (gaps.iter().min().unwrap(), gaps.iter().max().unwrap());
    assert!(
        *least >= Duration::from_millis(4490) && *most <= Duration::from_millis(5510),
        "{gaps:?}"
    );
    assert_ne!(least, most);
}

#[tokio::test(start_paused = true)]
async fn health_and_note_are_told_at_once() {
    let memory = Memory::new();
    let registration = registered(&memory).await;
    registration.set_health(Health::Warning, "120 of 100 requests");
    let took = until(&memory, |entry| entry.checks[0].health() == Health::Warning).await;
    assert!(took < Duration::from_millis(300), "{took:?}");
    assert_eq!(check(&memory).await.unwrap().output, "120 of 100 requests");
    registration.set_health(Health::Critical, "no disk");
    until(&memory, |entry| entry.checks[0].health() == Health::Critical).await;
    registration.set_health(Health::Passing, "");
    until(&memory, |entry| entry.checks[0].health() == Health::Passing).await;
}

#[tokio::test(start_paused = true)]
async fn an_instance_may_begin_overloaded() {
    let memory = Memory::new();
    let registration = Registration::spawn(memory.clone(), announcement());
    registration.set_health(Health::Warning, "warming up");
    registration.registered().await;
    assert_eq!(check(&memory).await.unwrap().health(), Health::Warning);
}

#[tokio::test(start_paused = true)]
async fn a_state_that_flickers_is_told_now_and_then_and_its_last_word_counts() {
    let memory = Memory::new();
    let registration = registered(&memory).await;
    let before = memory.heartbeats();
    for round in 0..1000 {
        registration.set_health(
            if round % 2 == 0 {
                Health::Warning
            } else {
                Health::Passing
            },
            format!("{round}"),
        );
        sleep(Duration::from_millis(2)).await;
    }
    registration.set_health(Health::Critical, "the last");
    until(&memory, |entry| entry.checks[0].output == "the last").await;
    let sent = memory.heartbeats() - before;
    assert!(sent <= 13, "{sent} heartbeats in two seconds");
}

#[tokio::test(start_paused = true)]
async fn a_wiped_agent_hears_of_the_instance_again() {
    let memory = Memory::new();
    let registration = registered(&memory).await;
    registration.set_health(Health::Warning, "busy");
    until(&memory, |entry| entry.checks[0].health() == Health::Warning).await;
    memory.wipe();
    let took = until(&memory, |entry| entry.checks[0].output == "busy").await;
    assert!(took <= TTL / 2, "{took:?}");
    assert_eq!(check(&memory).await.unwrap().health(), Health::Warning);
}

#[tokio::test(start_paused = true)]
async fn an_unreachable_agent_is_tried_until_it_is_back_without_being_hammered() {
    let memory = Memory::new();
    memory.set_fault(Some(unreachable()));
    let registration = Registration::spawn(memory.clone(), announcement());
    let mut state = registration.state_watch();
    state
        .wait_for(|state| matches!(state, State::Failing(consul::Error::Unreachable { .. })))
        .await
        .unwrap();
    memory.set_fault(None);
    registration.registered().await;
    let before = memory.heartbeats() + memory.registrations();
    memory.set_fault(Some(unreachable()));
    for _ in 0..600 {
        // Changes do not make it try more often.
        registration.set_health(Health::Warning, format!("{:?}", Instant::now()));
        sleep(Duration::from_secs(1)).await;
    }
    let tried = memory.heartbeats() + memory.registrations() - before;
    assert!((200..1200).contains(&tried), "{tried} in ten minutes");
    assert!(matches!(*state.borrow(), State::Failing(_)));
    memory.wipe();
    memory.set_fault(None);
    let took = until(&memory, |entry| entry.checks[0].health() == Health::Warning).await;
    assert!(took < Duration::from_secs(3), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn what_nobody_noticed_is_healed_by_registering_again() {
    let memory = Memory::new();
    let _registration = registered(&memory).await;
    // Somebody registers other tags under the same id; the check, and with it the heartbeat, goes on.
    let mut service = announcement().service(Default::default(), Weights::default(), Health::Passing);
    service.tags = vec!["other".into()];
    memory.register(&service).unwrap();
    let took = until(&memory, |entry| entry.service.tags == ["lyceum"]).await;
    assert!(took <= Duration::from_secs(310), "{took:?}");
}

#[tokio::test(start_paused = true)]
async fn metadata_and_weights_are_told_at_once() {
    let memory = Memory::new();
    let registration = registered(&memory).await;
    registration.update_meta(|meta| meta.version = "2".into());
    registration.set_weights(Weights { passing: 0, warning: 7 });
    let took = until(&memory, |entry| {
        entry.service.meta.get("version").is_some_and(|v| v == "2")
    })
    .await;
    assert!(took < Duration::from_millis(300), "{took:?}");
    let weights = entry(&memory).await.unwrap().service.weights.unwrap();
    assert_eq!(
        (weights.passing, weights.warning),
        (Some(1), Some(7)),
        "a passing weight of 0 would be refused"
    );
}

#[tokio::test(start_paused = true)]
async fn draining_comes_before_deregistering_and_the_heartbeat_ends_with_it() {
    let memory = Memory::new();
    let registration = registered(&memory).await;
    registration.drain().await.unwrap();
    assert_eq!(memory.maintenance_reason(ID).unwrap().as_deref(), Some(DRAINING));
    let before = memory.heartbeats();
    sleep(TTL * 2).await;
    assert!(memory.heartbeats() > before, "while draining it is alive");
    registration.deregister().await.unwrap();
    assert!(memory.ids().is_empty());
    let after = memory.heartbeats();
    sleep(Duration::from_secs(600)).await;
    assert_eq!(
        (memory.heartbeats(), memory.ids()),
        (after, vec![]),
        "no heartbeat, no registration comes after"
    );
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_drains_is_not_called_by_an_agent_that_lost_it() {
    let memory = Memory::new();
    let registration = registered(&memory).await;
    registration.drain().await.unwrap();
    memory.wipe();
    while memory.ids().is_empty() {
        sleep(Duration::from_millis(1)).await;
    }
    let checks = entry(&memory).await.unwrap().checks;
    assert!(
        checks.iter().any(|check| check.health() == Health::Critical),
        "{checks:?}"
    );
    until(&memory, |entry| {
        entry.checks.iter().any(|check| is_maintenance(&check.id))
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_restart_lifts_its_own_maintenance_but_not_an_operators() {
    let memory = Memory::new();
    let first = registered(&memory).await;
    first.drain().await.unwrap();
    // It is killed: nothing deregisters, and the next life has the same id.
    std::mem::forget(first);
    let _second = registered(&memory).await;
    assert_eq!(memory.maintenance_reason(ID).unwrap(), None);

    let memory = Memory::new();
    std::mem::forget(registered(&memory).await);
    memory.maintenance(ID, true, "an operator looks at it").unwrap();
    let _again = registered(&memory).await;
    assert_eq!(
        memory.maintenance_reason(ID).unwrap().as_deref(),
        Some("an operator looks at it")
    );
}

#[tokio::test(start_paused = true)]
async fn dropping_the_handle_deregisters() {
    let memory = Memory::new();
    let registration = registered(&memory).await;
    let mut state = registration.state_watch();
    drop(registration);
    state.wait_for(|state| matches!(state, State::Gone)).await.unwrap();
    assert!(memory.ids().is_empty());
}

#[tokio::test(start_paused = true)]
async fn leaving_does_not_wait_for_an_agent_that_is_away() {
    let memory = Memory::new();
    let registration = registered(&memory).await;
    memory.set_fault(Some(unreachable()));
    let start = Instant::now();
    assert!(matches!(
        registration.drain().await,
        Err(Error::Consul(consul::Error::Unreachable { .. }))
    ));
    assert!(matches!(
        registration.deregister().await,
        Err(Error::Consul(consul::Error::Unreachable { .. }))
    ));
    assert!(start.elapsed() < Duration::from_secs(2), "{:?}", start.elapsed());
    memory.set_fault(None);
    sleep(TTL * 2).await;
    assert_eq!(
        check(&memory).await.unwrap().health(),
        Health::Critical,
        "the check lapses"
    );
    sleep(Duration::from_secs(330)).await;
    assert_eq!(entry(&memory).await, None, "and the agent removes the instance");
}

#[test]
fn an_announcement_keeps_to_consuls_floors() {
    let mut announcement = Announcement::new("writing", "::1", 7);
    assert_eq!(announcement.ttl, TTL, "with a short one a busy machine flaps");
    assert!(announcement.deregister_after >= Duration::from_secs(300));
    assert_eq!(announcement.id, "writing---1-7");
    announcement.ttl = Duration::ZERO;
    announcement.deregister_after = Duration::ZERO;
    let service = announcement.service(Default::default(), Weights { passing: 0, warning: 0 }, Health::Passing);
    assert_eq!(service.check.deregister_critical_service_after, Duration::from_secs(60));
    assert_eq!(
        (service.check.ttl, service.weights.passing),
        (Duration::from_secs(1), 1)
    );
}
