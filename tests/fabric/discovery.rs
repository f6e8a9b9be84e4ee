//! Finding instances through a real agent, and keeping them while it is away.

#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use lyceum::consul::Health;
use lyceum::discovery::{self, Discovery, Instances, Settings, WEIGHT_UNIT};
use lyceum::registration::{Announcement, Registration, State, Weights};
use lyceum::testing::consul::Consul;
use lyceum::testing::{wait_for, wait_until};
use tokio::sync::watch;
use tokio::time::Instant;

fn announcement(port: u16) -> Announcement {
    Announcement {
        ttl: Duration::from_secs(6),
        ..Announcement::new("writing", "127.0.0.1", port)
    }
}

fn ports(instances: &Instances) -> Vec<u16> {
    instances.usable().map(|instance| instance.port).collect()
}

async fn until(receiver: &mut watch::Receiver<Arc<Instances>>, expected: &[u16]) -> Arc<Instances> {
    let what = format!("the usable instances {expected:?}");
    wait_until(&what, receiver, |instances| {
        instances.is_known() && ports(instances) == expected
    })
    .await
}

#[tokio::test]
async fn instances_are_found_weighted_and_lost() {
    let consul = Consul::start().await;
    let client = consul.client();
    let discovery = Discovery::new(client.clone(), Settings::default());
    let mut receiver = discovery.watch("writing");
    assert_eq!(receiver.borrow().state, discovery::State::Unknown);
    until(&mut receiver, &[]).await;

    let first = Registration::spawn(client.clone(), announcement(7101));
    let mut second = announcement(7102);
    second.weights = Weights {
        passing: 12,
        warning: 6,
    };
    second.meta.version = "2".into();
    second.meta.capabilities = vec!["streaming".into()];
    let second = Registration::spawn(client, second);
    until(&mut receiver, &[7101, 7102]).await;
    let instances = wait_until("both at ease", &mut receiver, |instances| {
        instances.list.iter().all(|instance| instance.health == Health::Passing)
    })
    .await;
    assert_eq!(instances.list[0].weight, 4 * WEIGHT_UNIT);
    assert_eq!(instances.list[1].weight, 12 * WEIGHT_UNIT);
    assert_eq!(
        (instances.list[1].version.as_str(), &instances.list[1].capabilities[..]),
        ("2", &["streaming".into()][..])
    );
    assert_eq!(
        instances.list[1].socket_address(),
        Some("127.0.0.1:7102".parse().unwrap())
    );

    first.set_health(Health::Warning, "busy");
    let instances = wait_until("the warning", &mut receiver, |instances| {
        instances.list[0].note == "busy"
    })
    .await;
    assert_eq!(
        (instances.list[0].health, instances.list[0].weight),
        (Health::Warning, WEIGHT_UNIT),
        "a quarter"
    );

    second.drain().await.unwrap();
    let instances = until(&mut receiver, &[7101]).await;
    assert!(instances.list[1].maintenance && instances.list.len() == 2);
    second.deregister().await.unwrap();
    wait_until("the second to be gone", &mut receiver, |instances| {
        instances.list.len() == 1
    })
    .await;
    first.set_health(Health::Critical, "no disk");
    let instances = until(&mut receiver, &[]).await;
    assert_eq!((instances.list.len(), instances.list[0].note.as_str()), (1, "no disk"));
    first.deregister().await.unwrap();
    wait_until("the last to be gone", &mut receiver, |instances| {
        instances.list.is_empty()
    })
    .await;
}

#[tokio::test]
async fn a_waiting_client_sees_a_new_instance_within_a_tenth_of_a_second() {
    let consul = Consul::start().await;
    let client = consul.client();
    let discovery = Discovery::new(client.clone(), Settings::default());
    let mut took = Vec::new();
    for port in 7201..7206 {
        let mut receiver = discovery.watch("writing");
        until(&mut receiver, &[]).await;
        let start = Instant::now();
        let registration = Registration::spawn(client.clone(), announcement(port));
        until(&mut receiver, &[port]).await;
        took.push(start.elapsed());
        registration.deregister().await.unwrap();
        until(&mut receiver, &[]).await;
    }
    took.sort();
    assert!(took[2] < Duration::from_millis(100), "the median of {took:?}");
}

#[tokio::test]
async fn an_agent_that_dies_and_comes_back_empty_costs_no_instance() {
    let mut consul = Consul::start().await;
    let client = consul.client();
    let discovery = Discovery::new(client.clone(), Settings::default());
    let mut receiver = discovery.watch("writing");
    let mut names = discovery.services();
    let registrations: Vec<_> = (7301..7304)
        .map(|port| Registration::spawn(client.clone(), announcement(port)))
        .collect();
    let all = [7301, 7302, 7303];
    until(&mut receiver, &all).await;
    wait_until("the service's name", &mut names, |names| **names == ["writing"]).await;

    // From now on somebody looks at every value that is published.
    let fewest = Arc::new(AtomicUsize::new(usize::MAX));
    let (seen, mut watched) = (Arc::clone(&fewest), receiver.clone());
    let watching = tokio::spawn(async move {
        while watched.changed().await.is_ok() {
            let usable = watched.borrow_and_update().usable().count();
            seen.fetch_min(usable, Ordering::SeqCst);
        }
    });

    // The old agent's index is far above where the new one's begins: who waits on it waits in vain.
    for _ in 0..300 {
        client.kv_put("count", "").await.unwrap();
    }
    registrations[0].set_health(Health::Warning, "busy");
    wait_until("a high index", &mut receiver, |instances| {
        instances.list[0].note == "busy"
    })
    .await;
    consul.kill().await;
    for registration in &registrations {
        let mut state = registration.state_watch();
        let missed = |state: &State| matches!(state, State::Failing(_));
        wait_until("the agent to be missed", &mut state, missed).await;
    }
    assert_eq!(ports(&receiver.borrow()), all, "the last good instances");
    consul.start_again_wiped().await;
    let start = Instant::now();
    // A fourth proves that the watch follows the new agent: its index began again far below the old one's.
    let fourth = Registration::spawn(client, announcement(7304));
    until(&mut receiver, &[7301, 7302, 7303, 7304]).await;
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
    assert_eq!(**names.borrow(), ["writing"]);
    for registration in &registrations {
        registration.registered().await;
    }
    fourth.deregister().await.unwrap();
    until(&mut receiver, &all).await;
    watching.abort();
    assert!(
        fewest.load(Ordering::SeqCst) >= 3,
        "somebody saw only {} of 3",
        fewest.load(Ordering::SeqCst)
    );
    for registration in registrations {
        registration.deregister().await.unwrap();
    }
}

#[tokio::test]
async fn many_watches_share_one_connection() {
    let consul = Consul::start().await;
    let client = consul.client();
    let discovery = Discovery::new(client.clone(), Settings::default());
    // An agent allows 200 connections from one address and closes the rest with an empty reply.
    let mut receivers: Vec<_> = (0..500).map(|_| discovery.watch("writing")).collect();
    let registration = Registration::spawn(client, announcement(7401));
    for receiver in &mut receivers {
        until(receiver, &[7401]).await;
    }
    registration.deregister().await.unwrap();
}

#[tokio::test]
async fn an_instance_that_lapses_leaves_at_once_and_returns_with_its_heartbeat() {
    let consul = Consul::start().await;
    let client = consul.client();
    let discovery = Discovery::new(client.clone(), Settings::default());
    let mut receiver = discovery.watch("writing");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let (theirs, short) = (
        client.clone(),
        Announcement {
            ttl: Duration::from_secs(1),
            ..announcement(7501)
        },
    );
    runtime.spawn(async move {
        let registration = Registration::spawn(theirs, short);
        std::future::pending::<()>().await;
        drop(registration);
    });
    let _other = Registration::spawn(client.clone(), announcement(7502));
    until(&mut receiver, &[7501, 7502]).await;
    runtime.shutdown_background();
    let instances = until(&mut receiver, &[7502]).await;
    assert!(
        instances.list[0].note.contains("TTL expired"),
        "{}",
        instances.list[0].note
    );
    let _again = Registration::spawn(client, announcement(7501));
    until(&mut receiver, &[7501, 7502]).await;
}

#[tokio::test]
async fn an_instance_on_a_node_that_dies_is_critical_though_its_own_check_passes() {
    let server = Consul::start().await;
    let mut node = server.start_node().await;
    let mut receiver = Discovery::new(server.client(), Settings::default()).watch("writing");
    // Without an address of its own it is at its node's.
    let unnamed = Announcement {
        address: String::new(),
        ttl: Duration::from_secs(600),
        ..announcement(7601)
    };
    let registration = Registration::spawn(node.client(), unnamed);
    let instances = until(&mut receiver, &[7601]).await;
    assert_eq!(
        (instances.list[0].node.as_str(), instances.list[0].host.as_str()),
        ("node", "127.0.0.1")
    );
    node.kill().await;
    let instances = until(&mut receiver, &[]).await;
    assert_eq!((instances.list.len(), instances.list[0].health), (1, Health::Critical));
    drop(registration);
}

#[tokio::test]
async fn a_cluster_without_servers_costs_no_instance() {
    let mut server = Consul::start().await;
    let node = server.start_node().await;
    let client = node.client();
    let registration = Registration::spawn(client.clone(), announcement(7701));
    let mut receiver = Discovery::new(client.clone(), Settings::default()).watch("writing");
    until(&mut receiver, &[7701]).await;
    server.kill().await;
    let query = lyceum::consul::Query::default();
    wait_for("the agent to have no server", || async {
        let outcome = client.health("writing", &query).await;
        matches!(outcome, Err(lyceum::consul::Error::Refused { status, .. }) if status.is_server_error())
    })
    .await;
    // The agent still takes heartbeats, and the watch has seen its errors by now.
    registration.set_health(Health::Warning, "still here");
    wait_for("the heartbeat", || async {
        client
            .agent_checks()
            .await
            .unwrap()
            .values()
            .any(|check| check.output == "still here")
    })
    .await;
    assert_eq!(ports(&receiver.borrow()), [7701]);
}

#[tokio::test]
async fn with_access_control_a_services_own_token_is_enough() {
    let operator = "11111111-2222-3333-4444-555555555555";
    let consul = Consul::start_with_access_control(operator).await;
    let rules = r#"service "writing" { policy = "write" } service_prefix "" { policy = "read" } node_prefix "" { policy = "read" }"#;
    consul
        .command(
            &["acl", "policy", "create", "-name=writing", &format!("-rules={rules}")],
            operator,
        )
        .await;
    let said = consul
        .command(&["acl", "token", "create", "-policy-name=writing"], operator)
        .await;
    let secret = said
        .lines()
        .find_map(|line| line.strip_prefix("SecretID:"))
        .unwrap()
        .trim();

    let mut receiver = Discovery::new(consul.client_with(secret), Settings::default()).watch("writing");
    let registration = Registration::spawn(consul.client_with(secret), announcement(7801));
    until(&mut receiver, &[7801]).await;
    registration.set_health(Health::Warning, "busy");
    wait_until("the warning", &mut receiver, |instances| {
        instances.list[0].note == "busy"
    })
    .await;
    registration.drain().await.unwrap();
    until(&mut receiver, &[]).await;
    registration.deregister().await.unwrap();
    wait_until("the end", &mut receiver, |instances| instances.list.is_empty()).await;

    let other = Registration::spawn(
        consul.client_with(secret),
        Announcement::new("ai-validator", "127.0.0.1", 7802),
    );
    let mut state = other.state_watch();
    let failing = wait_until("the refusal", &mut state, |state| matches!(state, State::Failing(_))).await;
    assert!(
        matches!(&failing, State::Failing(error) if error.is_forbidden()),
        "{failing:?}"
    );
    assert!(!format!("{failing:?}").contains(secret));
}

#[tokio::test]
async fn instances_that_are_late_to_register_again_are_kept_for_a_while() {
    let mut consul = Consul::start().await;
    let client = consul.client();
    let settings = Settings {
        recovery_hold: Duration::from_secs(3),
        ..Settings::default()
    };
    let mut receiver = Discovery::new(client.clone(), settings).watch("writing");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let theirs = client.clone();
    runtime.spawn(async move {
        let first = Registration::spawn(theirs.clone(), announcement(7901));
        let second = Registration::spawn(theirs, announcement(7902));
        std::future::pending::<()>().await;
        drop((first, second));
    });
    until(&mut receiver, &[7901, 7902]).await;
    // These two will not register again; the new agent knows only a third.
    runtime.shutdown_background();
    consul.kill().await;
    consul.start_again_wiped().await;
    let third = Registration::spawn(client, announcement(7903));
    let found = |instances: &Arc<Instances>| ports(instances).contains(&7903);
    let instances = wait_until("the third", &mut receiver, found).await;
    assert_eq!(
        ports(&instances),
        [7901, 7902, 7903],
        "the first one back does not get all the calls"
    );
    until(&mut receiver, &[7903]).await;
    third.deregister().await.unwrap();
}
