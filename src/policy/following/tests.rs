#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::time::Duration;

use super::*;

const SERVICE: &str = "writing-analysis";

fn index(name: &str) -> Option<usize> {
    crate::contracts::METHODS
        .iter()
        .position(|method| method.path.ends_with(name))
}

#[test]
fn a_document_counts_and_a_broken_one_leaves_the_last_good_one() {
    let watched = Watched::new(SERVICE, &Policy::default());
    let mut changes = watched.changes();
    watched.take(Some(b"[call]\nattempts = 2\n[methods.AnalyzeWriting]\nattempts = 4"));
    assert!(changes.has_changed().unwrap());
    changes.mark_unchanged();
    assert_eq!(watched.load().call(index("/AnalyzeWriting")).attempts, 4);
    assert_eq!(watched.load().call(index("/EvaluateReflection")).attempts, 2);
    assert_eq!(watched.load().call(None).attempts, 2);

    for broken in [
        &b"[call]\nattempts = 99"[..],
        b"[cal]\nattempts = 1",
        b"call = 1",
        b"\xff\xfe",
        b"[call",
        &vec![b'#'; super::super::DOCUMENT_LIMIT + 1],
    ] {
        watched.take(Some(broken));
        assert_eq!(watched.load().call(None).attempts, 2);
        assert!(!changes.has_changed().unwrap());
    }
}

#[test]
fn without_a_document_the_configuration_holds() {
    let mut base = Policy::default();
    base.call.deadline = Duration::from_secs(3);
    let watched = Watched::new(SERVICE, &base);
    watched.take(Some(b"[call]\ndeadline = \"1s\""));
    assert_eq!(watched.load().call(None).deadline, Duration::from_secs(1));
    watched.take(None);
    assert_eq!(watched.load().call(None).deadline, Duration::from_secs(3));
}

#[test]
fn what_changes_nothing_wakes_nobody() {
    let watched = Watched::new(SERVICE, &Policy::default());
    let changes = watched.changes();
    watched.take(Some(b"[call]\nattempts = 3 # as it is anyway"));
    assert!(!changes.has_changed().unwrap());
}

#[test]
fn a_method_of_another_service_is_not_overridden() {
    let watched = Watched::new("ai-validator", &Policy::default());
    watched.take(Some(b"[methods.AnalyzeWriting]\nattempts = 5"));
    assert_eq!(watched.load().call(index("/AnalyzeWriting")).attempts, 3);
}

#[tokio::test]
async fn all_who_ask_share_one_watch_and_it_ends_with_the_last_of_them() {
    // Nobody listens there: what the configuration says holds.
    let consul = Client::try_new(&crate::consul::Settings::new("127.0.0.1:9".parse().unwrap())).unwrap();
    let mut base = Policy::default();
    base.call.attempts = 2;
    let policies = Policies::new(consul, Settings::default(), base);
    let (one, other) = (policies.watch(SERVICE), policies.watch(SERVICE));
    assert!(Arc::ptr_eq(&one, &other));
    assert_eq!(one.load().call(None).attempts, 2);
    let task = one.task.get().unwrap().clone();
    drop(one);
    assert!(!task.is_finished());
    drop(other);
    while !task.is_finished() {
        tokio::task::yield_now().await;
    }
    assert_eq!(policies.watch(SERVICE).load().call(None).attempts, 2, "and begins anew");
}
