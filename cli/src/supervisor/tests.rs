#![allow(clippy::unwrap_used, reason = "a test may fail loudly")]

use std::path::Path;

use super::*;

/// A shell as a process; each test has its own folder for the log.
fn shell(folder: &Path, script: &str) -> Program {
    Program {
        name: "shell".to_owned(),
        label: "shell-1".to_owned(),
        path: "/bin/sh".into(),
        arguments: vec!["-c".into(), script.into(), "sh".into()],
        log: folder.join("shell.log"),
        announces: true,
        keeps_address: None,
    }
}

const ANNOUNCE: &str = r#"echo '{"name":"shell","id":"shell-0","address":"127.0.0.1:1"}'; "#;

async fn started(supervisor: &mut Supervisor) -> u32 {
    match supervisor.event().await {
        Event::Started { pid, .. } => pid,
        event => panic!("{event:?}"),
    }
}

async fn serving(supervisor: &mut Supervisor) -> Announcement {
    match supervisor.event().await {
        Event::Serving { announcement, .. } => announcement,
        event => panic!("{event:?}"),
    }
}

fn lives(pid: u32) -> bool {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    rustix::process::test_kill_process(pid).is_ok()
}

fn kill(pid: u32) {
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

#[tokio::test]
async fn what_dies_comes_back() {
    let folder = tempfile::tempdir().unwrap();
    let mut supervisor = Supervisor::new();
    let slot = supervisor.keep(shell(folder.path(), &format!("{ANNOUNCE} exec cat")), None);
    let first = started(&mut supervisor).await;
    assert_eq!(serving(&mut supervisor).await.id, "shell-0");
    kill(first);
    match supervisor.event().await {
        Event::Died { how, .. } => assert_eq!(how, "was killed by signal 9"),
        event => panic!("{event:?}"),
    }
    let second = started(&mut supervisor).await;
    assert_ne!(first, second);
    assert_eq!(serving(&mut supervisor).await.address, "127.0.0.1:1");
    assert!(supervisor.stop([slot], std::future::pending()).await.is_empty());
    assert!(!lives(second));
}

#[tokio::test]
async fn a_deaf_process_is_killed_when_patience_ends() {
    let folder = tempfile::tempdir().unwrap();
    let mut supervisor = Supervisor::new();
    let deaf = supervisor.keep(
        shell(
            folder.path(),
            &format!("trap '' TERM; {ANNOUNCE} while :; do read x; done"),
        ),
        None,
    );
    let pid = started(&mut supervisor).await;
    serving(&mut supervisor).await;
    assert_eq!(supervisor.stop([deaf], std::future::ready(())).await, [deaf]);
    assert!(!lives(pid));
    assert!(
        supervisor.stop([deaf], std::future::pending()).await.is_empty(),
        "it was stopped already"
    );
}

#[tokio::test]
async fn what_cannot_start_says_why_and_is_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut program = shell(folder.path(), "");
    program.path = folder.path().join("missing");
    let mut supervisor = Supervisor::new();
    supervisor.keep(program, None);
    for _ in 0..2 {
        match supervisor.event().await {
            Event::Died { how, .. } => assert!(how.starts_with("could not be started"), "{how}"),
            event => panic!("{event:?}"),
        }
    }
}

#[tokio::test]
async fn its_input_closes_with_the_supervisor_and_its_errors_are_in_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let program = shell(folder.path(), "cat; echo gone >&2");
    let mut process = program.start().unwrap();
    let early = tokio::time::timeout(Duration::from_millis(50), process.turn()).await;
    assert!(early.is_err(), "waiting must not close its input: {early:?}");
    process.close_input();
    assert!(matches!(process.turn().await, Turn::Ended(how) if how == "ended with code 0"));
    assert_eq!(program.log_tail(), "gone");
}

#[tokio::test]
async fn an_address_is_kept_across_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    // Ends after announcing; says on the log with which arguments it was started.
    let mut program = shell(folder.path(), &format!(r#"echo "$@" >&2; {ANNOUNCE}"#));
    program.keeps_address = Some("gateway.address");
    let mut supervisor = Supervisor::new();
    let slot = supervisor.keep(program, None);
    let mut deaths = 0;
    while deaths < 3 {
        deaths += usize::from(matches!(supervisor.event().await, Event::Died { .. }));
    }
    let log = std::fs::read_to_string(&supervisor.program(slot).log).unwrap();
    let starts: Vec<&str> = log.lines().collect();
    assert_eq!(starts[0], "");
    assert_eq!(starts[1], "--set gateway.address=127.0.0.1:1");
    assert_eq!(starts[2], starts[1], "asked for once, not once more a start");
}
