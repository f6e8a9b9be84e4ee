//! Whole processes: killed, stopped and continued by signal, replaced one after the other.

use std::time::Duration;

use lyceum::testing::process::{self, Process};
use lyceum::testing::wait_for;
use tokio::process::Command;

use super::stage::{DEADLINE, gets, records};
use crate::scene::{PROBE, Scene, client};

const RATE: u32 = 100;
/// One call in so many, at most, waits in vain for a process that is stopped.
const STOPPED: u64 = 50;

/// The child's part, in this same binary.
#[tokio::test]
#[ignore = "the process of a probe, which other tests start"]
async fn probe() {
    process::serve(PROBE).await;
}

async fn spawn(scene: &Scene) -> Process {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["--exact", "faults::processes::probe", "--ignored", "--nocapture"]);
    let flags = [
        format!("data={}", scene.folder.path().display()),
        format!("consul.address={}", scene.consul.address()),
        "registration.ttl=3s".to_owned(),
        // As in production: callers have time to hear of it before connections are told to end.
        "serving.drain_notice=300ms".to_owned(),
        "serving.drain_grace=5s".to_owned(),
        "telemetry.log=warn".to_owned(),
    ];
    Process::start(command, &flags).await
}

async fn spawn_all(scene: &Scene, count: usize) -> Vec<Process> {
    let mut processes = Vec::new();
    for _ in 0..count {
        processes.push(spawn(scene).await);
    }
    processes
}

#[tokio::test(flavor = "multi_thread")]
async fn kill_9_of_one_of_three_costs_no_idempotent_call() {
    let scene = Scene::start().await;
    let mut processes = spawn_all(&scene, 3).await;
    let client = client(&scene.caller(), 3).await;
    let (gets, records) = (gets(&client, RATE), records(&client, RATE / 2));
    gets.answers(100).await;
    processes[0].kill().await;
    let killed = gets.now();
    gets.answers(200).await;
    let after = gets.now();
    let (gets, records) = (gets.end().await, records.end().await);
    println!(
        "kill -9 of one of three: {}\n  not idempotent: {records}",
        gets.during(killed..after)
    );
    let _ = gets.flawless();
    assert_eq!(gets.during(killed + DEADLINE..after).share(&processes[0].id), 0.0);
    // Those that were on their way to it, and no others, are told that they may or may not have been executed.
    assert!(
        records
            .causes()
            .keys()
            .all(|cause| cause == "Unavailable CONNECTION_LOST"),
        "{records}"
    );
    assert!(records.failed() <= 10, "{records}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_process_costs_few_calls_and_is_called_again_when_it_continues() {
    let scene = Scene::start().await;
    let processes = spawn_all(&scene, 3).await;
    let client = client(&scene.caller(), 3).await;
    let load = gets(&client, RATE);
    load.answers(100).await;
    processes[0].signal("STOP").await;
    let stopped = load.now();
    load.sends(300).await;
    processes[0].signal("CONT").await;
    let continued = load.now();
    wait_for("calls to it", || async {
        load.so_far()
            .during(continued + Duration::from_millis(500)..load.now())
            .share(&processes[0].id)
            > 0.0
    })
    .await;
    let report = load.end().await;
    let stop = report.during(stopped..continued);
    println!("SIGSTOP of one of three: {stop}");
    assert!(
        stop.failed() <= stop.sent / STOPPED + 3,
        "too many wait for it in vain: {stop}"
    );
    assert!(
        stop.causes().keys().all(|cause| cause.starts_with("DeadlineExceeded")),
        "{stop}"
    );
    assert_eq!(report.during(continued..load_end(&report)).failed(), 0, "{report}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rolling_restart_of_all_costs_no_call_and_repeats_none() {
    let scene = Scene::start().await;
    let processes = spawn_all(&scene, 3).await;
    let caller = scene.caller();
    let client = client(&caller, 3).await;
    let channel = caller.channel(PROBE).unwrap();
    let (gets, records) = (gets(&client, RATE), records(&client, RATE / 2));
    gets.answers(50).await;
    let (mut recorded, mut fresh) = (0, Vec::new());
    for old in processes {
        let new = spawn(&scene).await;
        wait_for("a connection to the new one", || async {
            channel.report().iter().any(|one| one.id == new.id && one.connected)
        })
        .await;
        fresh.push(new);
        recorded += old.stop().await.recorded;
    }
    gets.answers(50).await;
    let (gets, records) = (gets.end().await, records.end().await);
    println!("rolling restart of three: {gets}\n  not idempotent: {records}");
    for new in fresh {
        recorded += new.stop().await.recorded;
    }
    let _ = gets.flawless();
    assert_eq!(records.flawless(), recorded, "each executed once");
}

#[tokio::test(flavor = "multi_thread")]
async fn all_killed_and_started_anew_are_called_within_a_second() {
    let scene = Scene::start().await;
    let mut processes = spawn_all(&scene, 3).await;
    let client = client(&scene.caller(), 3).await;
    let load = gets(&client, RATE);
    load.answers(50).await;
    for process in &mut processes {
        process.kill().await;
    }
    let down = load.now();
    load.sends(150).await;
    // Consul still lists the three that are dead beside the one that starts.
    let back = load.now();
    let fresh = spawn_all(&scene, 1).await;
    let serving = load.now();
    let second = Duration::from_secs(1);
    load.sends(150).await;
    let end = load.now();
    let report = load.end().await;
    let (outage, recovered) = (report.during(down..back), report.during(serving + second..end));
    println!(
        "all killed: {outage}\n  one started anew: {}",
        report.during(serving..end)
    );
    assert!(
        outage.causes().keys().all(|cause| cause.starts_with("Unavailable")),
        "{outage}"
    );
    assert!(
        outage.samples.iter().all(|sample| sample.took < second),
        "told at once: {outage}"
    );
    let _ = recovered.flawless();
    assert_eq!(recovered.share(&fresh[0].id), 1.0);
}

/// A moment after the last call.
fn load_end(report: &lyceum::testing::load::Report) -> Duration {
    let last = report.samples.iter().map(|sample| sample.due).max().unwrap_or_default();
    last + Duration::from_millis(1)
}
