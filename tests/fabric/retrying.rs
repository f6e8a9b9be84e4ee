//! Trying again: only what may be repeated, only elsewhere, no more often than is allowed, and as the callee says.

#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::time::Duration;

use futures_util::future::join_all;
use lyceum::contracts::testing::v1::{GetProbeRequest, RecordProbeRequest};
use lyceum::policy::Serving as Settings;
use lyceum::testing::wait_for;
use tokio::time::Instant;
use tonic::Code;

use crate::faults::stage::Stage;
use crate::raw::{Raw, framed};
use crate::scene::{get, reason};

const GET: &str = "/lyceum.testing.v1.ProbeService/GetProbe";
/// Nothing but retries decides what becomes of a call.
const PLAIN: &str = "[balancing]\npolicy = \"round-robin\"\nejection.enabled = false\nslow_start = \"0s\"\n";

fn plain(call: &str, rest: &str) -> String {
    format!("{PLAIN}[call]\nbreaker_failures = 0\n{call}\n{rest}")
}

fn fail(stage: &Stage, code: Code) {
    for one in &stage.placed {
        one.serving.fail(code);
    }
}

fn each(stage: &Stage) -> Vec<u64> {
    stage.placed.iter().map(|one| one.serving.received()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_tried_as_often_as_the_policy_says_each_time_elsewhere() {
    let stage = Stage::of(3).await;
    fail(&stage, Code::Unavailable);
    let (mut received, mut retries) = (0, 0);
    for attempts in 1..=3 {
        stage.obey(&plain(&format!("attempts = {attempts}"), "")).await;
        let before = each(&stage);
        let status = get(&stage.client).await.unwrap_err();
        assert_eq!(reason(&status), "PROBE_TOLD_TO_FAIL", "{status:?}");
        let asked: Vec<u64> = each(&stage).iter().zip(before).map(|(now, then)| now - then).collect();
        assert!(asked.iter().all(|times| *times <= 1), "{attempts} attempts: {asked:?}");
        received += attempts;
        retries += attempts - 1;
        assert_eq!(stage.received(), received);
        assert_eq!(stage.counted("retries"), retries);
    }
    let repeated: u64 = stage.placed.iter().map(|one| one.serving.repeated()).sum();
    assert_eq!(repeated, retries, "the callee is told");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_instance_that_has_just_failed_is_not_the_next_while_another_is_there() {
    let stage = Stage::of(2).await;
    stage.obey(&plain("attempts = 5", "")).await;
    fail(&stage, Code::Unavailable);
    for call in 1..=4 {
        let before = each(&stage);
        get(&stage.client).await.unwrap_err();
        let mut asked: Vec<u64> = each(&stage).iter().zip(before).map(|(now, then)| now - then).collect();
        asked.sort_unstable();
        assert_eq!(asked, [2, 3], "call {call} goes to and fro");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_change_something_is_sent_once() {
    let stage = Stage::of(3).await;
    stage.obey(&plain("attempts = 5", "")).await;
    fail(&stage, Code::Unavailable);
    let mut client = stage.client.clone();
    for _ in 0..6 {
        let status = client.record_probe(RecordProbeRequest::default()).await.unwrap_err();
        assert_eq!(reason(&status), "PROBE_TOLD_TO_FAIL");
    }
    assert_eq!(stage.received(), 6);
    assert_eq!(stage.counted("retries"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callee_that_says_when_is_asked_no_sooner_and_one_that_says_never_not_again() {
    let stage = Stage::of(2).await;
    stage.obey(&plain("attempts = 2", "")).await;
    let answers = async |milliseconds: i32| {
        for one in &stage.placed {
            one.serving.fail_and_push_back(Code::Unavailable, milliseconds);
        }
        let (before, begun) = (stage.received(), Instant::now());
        let status = get(&stage.client).await.unwrap_err();
        assert_eq!(reason(&status), "PROBE_TOLD_TO_FAIL");
        (stage.received() - before, begun.elapsed())
    };
    let (attempts, took) = answers(400).await;
    assert_eq!(attempts, 2);
    assert!(took >= Duration::from_millis(400), "asked again after {took:?}");
    let (attempts, took) = answers(0).await;
    assert_eq!(attempts, 2, "{took:?}");
    assert_eq!(answers(-1).await.0, 1, "never");
    // A minute is longer than the policy waits (backoff_limit), and longer than the caller has.
    let (attempts, took) = answers(60_000).await;
    assert_eq!(attempts, 1);
    assert!(took < Duration::from_secs(5), "told after {took:?}");
    assert_eq!(stage.counted("retries"), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_server_at_its_limit_refuses_is_answered_elsewhere() {
    let stage = Stage::of(2).await;
    stage.obey(&plain("", "")).await;
    let (full, free) = (&stage.placed[0].serving, &stage.placed[1].serving);
    full.admission.apply(&Settings {
        limit_min: 1,
        limit_initial: 1,
        limit_max: 1,
        queue: 0,
        ..Settings::default()
    });
    let raw = Raw::operator(&stage.scene.folder, full.address).await;
    // The request's delay_milliseconds is 60,000.
    let held = tokio::spawn(async move { raw.call(GET, &[], framed(&[0x10, 0xe0, 0xd4, 0x03])).await });
    wait_for("the only place to be taken", || async {
        full.admission.reading().running == 1
    })
    .await;
    for _ in 0..10 {
        assert_eq!(get(&stage.client).await.unwrap().instance, free.id);
    }
    assert_eq!((full.received(), free.received()), (1, 10));
    let retries = stage.counted("retries");
    assert!(retries >= 4, "{retries} of 10 calls in turn met the full one");
    held.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_for_want_of_resources_that_does_not_say_when_is_final() {
    let stage = Stage::of(2).await;
    stage.obey(&plain("", "")).await;
    for code in [Code::ResourceExhausted, Code::Internal, Code::Aborted, Code::NotFound] {
        fail(&stage, code);
        let before = stage.received();
        assert_eq!(get(&stage.client).await.unwrap_err().code(), code);
        assert_eq!(stage.received(), before + 1, "{code:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_that_is_longer_than_the_time_left_is_not_made() {
    let stage = Stage::of(2).await;
    stage.obey(&plain("", "")).await;
    for one in &stage.placed {
        one.serving.fail_and_push_back(Code::Unavailable, 900);
    }
    let mut request = tonic::Request::new(GetProbeRequest::default());
    request.set_timeout(Duration::from_millis(800));
    let status = stage.client.clone().get_probe(request).await.unwrap_err();
    // The callee's own word, rather than DEADLINE_EXCEEDED after a wait for nothing.
    assert_eq!(reason(&status), "PROBE_TOLD_TO_FAIL", "{status:?}");
    assert_eq!(stage.received(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_callee_that_fails_altogether_gets_a_fifth_more_and_no_storm() {
    const CALLS: u64 = 1000;
    let stage = Stage::of(3).await;
    let budget = "[budget]\nshare = 0.2\nfloor = 0\nwindow = \"1m\"";
    stage.obey(&plain("attempts = 5\nbackoff = \"1ms\"", budget)).await;
    fail(&stage, Code::Unavailable);
    for _ in 0..CALLS / 50 {
        for answer in join_all((0..50).map(|_| get(&stage.client))).await {
            assert_eq!(reason(&answer.unwrap_err()), "PROBE_TOLD_TO_FAIL");
        }
    }
    let (received, retries) = (stage.received(), stage.counted("retries"));
    let standing = stage.channel().standing();
    println!("{received} requests for {CALLS} calls; {retries} retries; the budget: {standing:?}");
    assert_eq!(received, CALLS + retries);
    assert!(received <= CALLS * 12 / 10, "{received} requests for {CALLS} calls");
    assert!(retries >= CALLS / 10, "the budget is there to be used: {retries}");
    assert_eq!((standing.budget_spent, standing.budget_allowed), (retries, CALLS / 5));
    assert!(stage.counted("retries_over_budget") > CALLS / 2);
}
