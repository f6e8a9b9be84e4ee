//! Commands that look: status, configuration, help.

use std::process::Stdio;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::running::{Up, lyceum, pid, run, said, signal};

#[tokio::test]
async fn status_tells_every_instance_and_every_change() {
    let mut up = Up::start(&["--replicas", "writing-analysis=2"]).await;
    let consul = format!("consul.address={}", up.consul());
    let output = run(&["status", "--json", "--set", &consul]).await;
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["passing"], true);
    let instances = told["instances"].as_array().unwrap();
    assert_eq!(instances.len(), 4);
    for instance in instances {
        assert_eq!(instance["health"], "passing", "{instance}");
        assert!(instance["weight"].as_f64().unwrap() > 0.0, "{instance}");
        assert!(
            instance["certificate_expires"].as_str().unwrap().ends_with('Z'),
            "{instance}"
        );
        assert_eq!(instance["version"], env!("CARGO_PKG_VERSION"), "{instance}");
    }

    let (good, text, _) = said(&run(&["status", "--set", &consul]).await);
    assert!(good);
    assert_eq!(text.lines().count(), 5, "{text}");
    assert_eq!(text.matches("passing").count(), 4, "{text}");

    let mut watch = lyceum(&["status", "--json", "--watch", "--set", &consul])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    let first: Value = serde_json::from_str(&lines.next_line().await.unwrap().unwrap()).unwrap();
    assert_eq!(first["instances"].as_array().unwrap().len(), 4);
    let victim = up.processes("writing-analysis").remove(0);
    signal(pid(&victim), rustix::process::Signal::KILL);
    let new = up.event("restarted").await["id"].clone();
    // Each line is a whole picture; the last of them has the new instance and not the old.
    loop {
        let line = lines.next_line().await.unwrap().unwrap();
        let picture: Value = serde_json::from_str(&line).unwrap();
        let ids: Vec<_> = picture["instances"]
            .as_array()
            .unwrap()
            .iter()
            .map(|instance| &instance["id"])
            .collect();
        if ids.contains(&&new) && !ids.contains(&&victim["id"]) {
            break;
        }
    }
    signal(watch.id().unwrap(), rustix::process::Signal::INT);
    assert!(watch.wait().await.unwrap().success());
    up.stop().await;
}

#[tokio::test]
async fn every_mistake_of_a_configuration_at_once() {
    let wrong = [
        "serving.streams=0",
        "gateway.body_limit=lots",
        "telemetry.sample=2",
        "nowhere.key=1",
    ];
    let settings: Vec<&str> = wrong.iter().flat_map(|setting| ["--set", setting]).collect();
    let arguments: Vec<&str> = ["config", "check"]
        .into_iter()
        .chain(settings.iter().copied())
        .collect();
    let (good, _, error) = said(&run(&arguments).await);
    assert!(!good);
    for key in ["serving.streams", "gateway.body_limit", "telemetry.sample", "nowhere"] {
        assert!(error.contains(key), "{key} is missing: {error}");
    }

    let arguments: Vec<&str> = ["config", "check", "--json"]
        .into_iter()
        .chain(settings.iter().copied())
        .collect();
    let output = run(&arguments).await;
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["valid"], false);
    assert!(told["problems"].as_array().unwrap().len() >= 4, "{told}");

    let up: Vec<&str> = ["up"].into_iter().chain(settings).collect();
    assert_eq!(said(&run(&up).await).2, error, "the same message, whatever the command");
}

#[tokio::test]
async fn the_configuration_is_shown_without_its_secrets() {
    let mut command = lyceum(&["config", "show", "--set", "gateway.address=127.0.0.1:9090"]);
    let output = command
        .env("LYCEUM_CONSUL__TOKEN", "s3cr3t")
        .env("LYCEUM_TELEMETRY__LOG", "debug")
        .output()
        .await;
    let (good, text, error) = said(&output.unwrap());
    assert!(good, "{error}");
    assert!(
        text.contains("127.0.0.1:9090") && text.contains("log = \"debug\""),
        "{text}"
    );
    assert!(!text.contains("s3cr3t"), "{text}");
    let output = run(&["config", "show", "--json"]).await;
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["gateway"]["address"], "127.0.0.1:8080");
    assert_eq!(said(&run(&["config", "check"]).await).1, "The configuration is fine.\n");
}

#[tokio::test]
async fn help_teaches_by_example() {
    for command in [
        &["--help"][..],
        &["up", "--help"],
        &["serve", "--help"],
        &["status", "--help"],
        &["certificates", "operator", "--help"],
        &["policy", "show", "--help"],
        &["policy", "set", "--help"],
    ] {
        let (good, text, _) = said(&run(command).await);
        assert!(good);
        assert!(text.contains("Examples:"), "{text}");
        assert!(!text.contains('\u{1b}'), "colours without a terminal");
        assert!(!text.contains("tether") && !text.contains("--supervised"), "{text}");
    }
}

#[tokio::test]
async fn the_help_of_up_says_where_consul_and_the_logs_are() {
    let (_, text, _) = said(&run(&["up", "--help"]).await);
    for word in ["CONSUL_HTTP_ADDR", "data/logs", "Ctrl-C"] {
        assert!(text.contains(word), "{word} is missing: {text}");
    }
}

#[tokio::test]
async fn a_reader_that_leaves_is_no_error() {
    let mut child = lyceum(&["config", "show"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().await.unwrap();
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
}
