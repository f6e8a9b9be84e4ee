//! What is left behind: nothing.

use std::process::Stdio;

use lyceum::consul::Query;
use lyceum::testing::consul::Consul;
use lyceum::testing::wait_for;
use rustix::process::Signal;
use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::running::{Up, gone, lives, lyceum, pid, run, said, signal};

#[tokio::test]
async fn ctrl_c_leaves_no_process_and_no_registration() {
    let consul = Consul::start().await;
    let client = consul.client();
    let mut command = lyceum(&["up", "--gateway-port", "0", "--json"]);
    command.env("CONSUL_HTTP_ADDR", consul.address());
    let up = Up::start_by(command, &["--replicas", "writing-analysis=2"]).await;
    assert_eq!(up.consul(), format!("http://{}", consul.address()));
    assert!(up.processes("consul").is_empty(), "it was there already");
    let pids = up.pids();
    assert_eq!(pids.len(), 4);
    assert!(pids.iter().all(|pid| lives(*pid)));
    for (service, instances) in [("writing-analysis", 2), ("ai-validator", 1), ("gateway", 1)] {
        assert_eq!(
            client.health(service, &Query::default()).await.unwrap().value.len(),
            instances,
            "{service}"
        );
    }

    // Another fabric beside it, with an authority of its own, is told what it is about to do.
    let data = tempfile::tempdir().unwrap();
    let mut other = lyceum(&["up", "--gateway-port", "0", "--data", data.path().to_str().unwrap()]);
    let mut other = other
        .env("CONSUL_HTTP_ADDR", consul.address())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(other.stdout.take().unwrap()).lines();
    let mut note = String::new();
    while !note.contains("note: ") {
        note = lines.next_line().await.unwrap().expect("a note");
    }
    assert!(
        note.contains("writing-analysis-") && note.contains("--consul own"),
        "{note}"
    );
    signal(other.id().unwrap(), Signal::TERM);
    while lines.next_line().await.unwrap().is_some() {}
    assert!(other.wait().await.unwrap().success());

    up.stop().await;
    assert!(!pids.iter().any(|pid| lives(*pid)), "{pids:?}");
    for service in ["writing-analysis", "ai-validator", "gateway"] {
        assert!(
            client
                .health(service, &Query::default())
                .await
                .unwrap()
                .value
                .is_empty(),
            "{service}"
        );
    }
}

#[tokio::test]
async fn what_was_killed_is_deregistered_at_once() {
    let consul = Consul::start().await;
    let client = consul.client();
    let mut command = lyceum(&["up", "--gateway-port", "0", "--json"]);
    command.env("CONSUL_HTTP_ADDR", consul.address());
    let mut up = Up::start_by(command, &[]).await;
    let victim = up.processes("ai-validator").remove(0);
    signal(pid(&victim), Signal::KILL);
    up.event("restarted").await;
    wait_for("the new instance alone", async || {
        let entries = client.health("ai-validator", &Query::default()).await.unwrap().value;
        entries.len() == 1 && entries[0].service.id != victim["id"].as_str().unwrap()
    })
    .await;
    up.stop().await;
}

#[tokio::test]
async fn nothing_outlives_an_up_that_was_killed() {
    let mut up = Up::start(&["--set", "serving.drain_grace=1s"]).await;
    let pids = up.pids();
    assert_eq!(pids.len(), 4, "Consul is one of them");
    up.kill().await;
    gone(&pids).await;
}

#[tokio::test]
async fn two_fabrics_do_not_disturb_each_other() {
    let (one, other) = tokio::join!(Up::start(&[]), Up::start(&[]));
    assert_ne!(one.consul(), other.consul());
    assert_ne!(one.gateway(), other.gateway());
    let instances = async |up: &Up| {
        let output = run(&["status", "--json", "--set", &format!("consul.address={}", up.consul())]).await;
        let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        told["instances"]
            .as_array()
            .unwrap()
            .iter()
            .map(|i| i["id"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let (ones, others) = (instances(&one).await, instances(&other).await);
    assert_eq!((ones.len(), others.len()), (3, 3));
    assert!(!ones.iter().any(|id| others.contains(id)));

    let data = one.data().to_str().unwrap().to_owned();
    let output = run(&["up", "--consul", "own", "--gateway-port", "0", "--data", &data]).await;
    let (good, _, error) = said(&output);
    assert!(!good && error.contains("another `lyceum up`"), "{error}");

    one.stop().await;
    assert_eq!(instances(&other).await, others);
    other.stop().await;
}

#[tokio::test]
async fn a_served_process_ends_with_its_supervisor() {
    let consul = Consul::start().await;
    let data = tempfile::tempdir().unwrap();
    let address = format!("consul.address={}", consul.address());
    let mut command = lyceum(&[
        "serve",
        "writing-analysis",
        "ai-validator",
        "--supervised",
        "--set",
        &address,
    ]);
    let mut child = command
        .args([
            "--data",
            data.path().to_str().unwrap(),
            "--set",
            "serving.drain_notice=10ms",
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    let client = consul.client();
    let registered = async |service: &str| client.health(service, &Query::default()).await.unwrap().value.len();
    wait_for("both services of the process", async || {
        registered("writing-analysis").await == 1 && registered("ai-validator").await == 1
    })
    .await;
    drop(child.stdin.take());
    assert!(child.wait().await.unwrap().success());
    assert_eq!(
        (registered("writing-analysis").await, registered("ai-validator").await),
        (0, 0)
    );
}
