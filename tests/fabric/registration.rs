//! Announcing an instance to a real agent, through everything that happens to one.

#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::time::Duration;

use lyceum::consul::{Check, Client, Entry, Health, Query};
use lyceum::discovery::Meta;
use lyceum::registration::{Announcement, DRAINING, Registration, State, Weights};
use lyceum::testing::consul::Consul;
use lyceum::testing::{wait_for, wait_until};

fn announcement(port: u16) -> Announcement {
    // Short, so that a test sees it lapse; in production it would flap.
    Announcement {
        ttl: Duration::from_secs(3),
        ..Announcement::new("writing", "127.0.0.1", port)
    }
}

async fn entries(client: &Client) -> Vec<Entry> {
    client
        .health("writing", &Query::default())
        .await
        .map(|answer| answer.value)
        .unwrap_or_default()
}

/// The instance's own check.
async fn check(client: &Client) -> Option<Check> {
    let entry = entries(client).await.pop()?;
    entry.checks.into_iter().find(|check| check.id.starts_with("service:"))
}

#[tokio::test]
async fn an_instance_lives_its_whole_life() {
    let consul = Consul::start().await;
    let client = consul.client();
    let mut announcement = announcement(7001);
    announcement.weights = Weights { passing: 8, warning: 2 };
    announcement.meta = Meta {
        version: "1.2.3".into(),
        methods: vec!["lyceum.writing_analysis.v1.WritingAnalysisService".into()],
        ..Meta::default()
    };
    let registration = Registration::spawn(client.clone(), announcement);
    registration.registered().await;
    wait_for("the instance, passing", || async {
        check(&client)
            .await
            .is_some_and(|check| check.health() == Health::Passing)
    })
    .await;
    let entry = entries(&client).await.remove(0);
    assert_eq!(
        (entry.service.id.as_str(), entry.service.port),
        ("writing-127-0-0-1-7001", 7001)
    );
    assert_eq!(
        (
            entry.service.meta["version"].as_str(),
            entry.service.meta["protocol"].as_str()
        ),
        ("1.2.3", "grpc")
    );
    assert_eq!(
        entry.service.meta["methods"],
        "lyceum.writing_analysis.v1.WritingAnalysisService"
    );

    registration.set_health(Health::Warning, "120 of 100 requests");
    wait_for("the warning with its note", || async {
        check(&client)
            .await
            .is_some_and(|check| check.status == "warning" && check.output == "120 of 100 requests")
    })
    .await;
    registration.update_meta(|meta| meta.version = "1.2.4".into());
    wait_for("the new metadata", || async {
        entries(&client)
            .await
            .first()
            .is_some_and(|entry| entry.service.meta["version"] == "1.2.4")
    })
    .await;
    assert_eq!(
        check(&client).await.unwrap().status,
        "warning",
        "registering again keeps the health"
    );

    registration.drain().await.unwrap();
    wait_for("the maintenance", || async {
        let entry = entries(&client).await.remove(0);
        entry
            .checks
            .iter()
            .any(|check| check.notes == DRAINING && check.health() == Health::Critical)
    })
    .await;
    registration.update_meta(|meta| meta.version = "1.2.5".into());
    wait_for("metadata that changes while draining", || async {
        entries(&client)
            .await
            .first()
            .is_some_and(|entry| entry.service.meta["version"] == "1.2.5")
    })
    .await;
    assert!(
        entries(&client).await[0]
            .checks
            .iter()
            .any(|check| check.notes == DRAINING),
        "maintenance survives it"
    );
    registration.deregister().await.unwrap();
    wait_for("the instance to go", || async { entries(&client).await.is_empty() }).await;
    assert!(client.agent_checks().await.unwrap().is_empty());
}

#[tokio::test]
async fn an_instance_that_dies_lapses_and_its_next_life_heals() {
    let consul = Consul::start().await;
    let client = consul.client();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let (first, theirs) = (announcement(7002), client.clone());
    // A runtime that is shut down takes its tasks with it as a killed process does: nothing says goodbye.
    runtime
        .spawn(async move {
            let registration = Registration::spawn(theirs, first);
            registration.registered().await;
            registration.drain().await.unwrap();
            std::mem::forget(registration);
        })
        .await
        .unwrap();
    runtime.shutdown_background();
    wait_for("the check to lapse", || async {
        check(&client)
            .await
            .is_some_and(|check| check.health() == Health::Critical)
    })
    .await;
    let second = Registration::spawn(client.clone(), announcement(7002));
    second.registered().await;
    wait_for("the next life, passing and out of maintenance", || async {
        let entries = entries(&client).await;
        entries.len() == 1 && entries[0].checks.iter().all(|check| check.health() == Health::Passing)
    })
    .await;
    second.deregister().await.unwrap();
}

#[tokio::test]
async fn an_agent_restarted_without_its_data_hears_of_every_instance_again() {
    let mut consul = Consul::start().await;
    let client = consul.client();
    let registrations: Vec<_> = (0..3)
        .map(|n| Registration::spawn(client.clone(), announcement(7010 + n)))
        .collect();
    for registration in &registrations {
        registration.registered().await;
    }
    registrations[0].set_health(Health::Warning, "busy");
    consul.kill().await;
    for registration in &registrations {
        let mut state = registration.state_watch();
        wait_until("the agent to be missed", &mut state, |state| {
            matches!(state, State::Failing(_))
        })
        .await;
    }
    consul.start_again_wiped().await;
    wait_for("all three again", || async {
        let entries = entries(&client).await;
        entries.len() == 3
            && entries
                .iter()
                .flat_map(|entry| &entry.checks)
                .all(|check| check.health() <= Health::Warning)
    })
    .await;
    wait_for("the first one's warning again", || async {
        let entries = entries(&client).await;
        let checks = entries
            .iter()
            .filter(|entry| entry.service.port == 7010)
            .flat_map(|entry| &entry.checks);
        checks
            .filter(|check| check.output == "busy" && check.status == "warning")
            .count()
            == 1
    })
    .await;
    for registration in registrations {
        registration.deregister().await.unwrap();
    }
}

#[tokio::test]
async fn an_agent_that_starts_late_is_waited_for() {
    let mut consul = Consul::start().await;
    consul.kill().await;
    let registration = Registration::spawn(consul.client(), announcement(7003));
    let mut state = registration.state_watch();
    wait_until("a failure", &mut state, |state| matches!(state, State::Failing(_))).await;
    consul.start_again_wiped().await;
    registration.registered().await;
    registration.deregister().await.unwrap();
}

#[tokio::test]
async fn an_agent_that_hangs_is_noticed_and_forgiven() {
    let consul = Consul::start().await;
    let mut settings = consul.settings();
    settings.timeout = Duration::from_millis(500);
    let client = Client::try_new(&settings).unwrap();
    let registration = Registration::spawn(client, announcement(7004));
    registration.registered().await;
    let mut state = registration.state_watch();
    signal("-STOP", consul.pid().unwrap()).await;
    let failing = wait_until("the silence", &mut state, |state| matches!(state, State::Failing(_))).await;
    assert!(
        matches!(failing, State::Failing(lyceum::consul::Error::TimedOut { .. })),
        "{failing:?}"
    );
    signal("-CONT", consul.pid().unwrap()).await;
    wait_until("the agent's return", &mut state, |state| {
        matches!(state, State::Registered)
    })
    .await;
    registration.deregister().await.unwrap();
}

async fn signal(name: &str, pid: u32) {
    let status = tokio::process::Command::new("kill")
        .args([name, &pid.to_string()])
        .status()
        .await
        .unwrap();
    assert!(status.success());
}
