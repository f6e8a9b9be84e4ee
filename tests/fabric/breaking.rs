//! The circuit breaker: a method that fails whatever the instance is left alone for a moment, and found well again.

#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::time::Duration;

use futures_util::future::join_all;
use lyceum::client::BreakerState;
use lyceum::contracts::testing::v1::{GetProbeRequest, RecordProbeRequest};
use lyceum::testing::wait_for;
use tokio::time::Instant;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::faults::stage::Stage;
use crate::scene::{Client, PROBE, Scene, get, reason};

const GET: &str = "lyceum.testing.v1.ProbeService/GetProbe";
const PLAIN: &str = "[balancing]\npolicy = \"round-robin\"\nejection.enabled = false\nslow_start = \"0s\"\n";

async fn stage(call: &str) -> Stage {
    let stage = Stage::of(2).await;
    stage.obey(&format!("{PLAIN}[call]\nattempts = 1\n{call}\n")).await;
    stage
}

fn fail(stage: &Stage, code: Code) {
    for one in &stage.placed {
        one.serving.fail(code);
    }
}

fn state(stage: &Stage, method: &str) -> Option<BreakerState> {
    let breakers = stage.channel().standing().breakers;
    breakers
        .iter()
        .find(|breaker| breaker.method == method)
        .map(|breaker| breaker.state)
}

async fn record(stage: &Stage) -> Result<(), Status> {
    let mut client = stage.client.clone();
    client.record_probe(RecordProbeRequest::default()).await.map(drop)
}

/// Fails so many times that the breaker opens.
async fn open(stage: &Stage, failures: u32) {
    for _ in 0..failures {
        assert_ne!(state(stage, GET), Some(BreakerState::Open));
        assert_eq!(reason(&get(&stage.client).await.unwrap_err()), "PROBE_TOLD_TO_FAIL");
    }
    assert_eq!(state(stage, GET), Some(BreakerState::Open));
}

#[tokio::test(flavor = "multi_thread")]
async fn five_failures_in_a_row_open_it_whatever_the_instance_and_for_one_method_alone() {
    let stage = stage("breaker_pause = \"1m\"").await;
    fail(&stage, Code::Internal);
    open(&stage, 5).await;
    let received: Vec<u64> = stage.placed.iter().map(|one| one.serving.received()).collect();
    assert!(received.iter().all(|calls| *calls >= 1), "{received:?}");
    let begun = Instant::now();
    for _ in 0..100 {
        let status = get(&stage.client).await.unwrap_err();
        assert_eq!(
            (status.code(), reason(&status).as_str()),
            (Code::Unavailable, "BREAKER_OPEN")
        );
        assert_eq!(status.get_details_error_info().unwrap().metadata["service"], PROBE);
        let hint = status.get_details_retry_info().unwrap().retry_delay.unwrap();
        assert!(hint > Duration::ZERO && hint <= Duration::from_secs(72), "{hint:?}");
    }
    let took = begun.elapsed();
    println!("100 refusals took {took:?}");
    assert!(took < Duration::from_secs(2), "refused late: {took:?}");
    assert_eq!(stage.received(), 5, "the callee is spared");
    assert_eq!(stage.counted("breaker_opened"), 1);
    assert_eq!(stage.counted("breaker_refused"), 100);
    let line = format!("lyceum_client_breaker_state{{callee=\"{PROBE}\",method=\"{GET}\"}} 2");
    assert!(stage.caller.metrics().encode().contains(&line));
    // The other methods are not touched: theirs is another fault, if it is one.
    assert_eq!(reason(&record(&stage).await.unwrap_err()), "PROBE_TOLD_TO_FAIL");
    fail(&stage, Code::Ok);
    record(&stage).await.unwrap();
    assert_eq!(reason(&get(&stage.client).await.unwrap_err()), "BREAKER_OPEN");
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_pause_one_call_tries_and_its_answer_closes_it() {
    let stage = stage("breaker_pause = \"3s\"").await;
    fail(&stage, Code::Unavailable);
    open(&stage, 5).await;
    fail(&stage, Code::Ok);
    // The trial takes a while, so that others come while it lasts.
    for one in &stage.placed {
        one.serving.slow_down(Duration::from_millis(500));
    }
    let client = stage.client.clone();
    let crowds = tokio::spawn(async move {
        let mut refused = 0;
        loop {
            let (well, ill): (Vec<_>, Vec<_>) = join_all((0..10).map(|_| get(&client)))
                .await
                .into_iter()
                .partition(Result::is_ok);
            assert!(
                ill.iter()
                    .all(|answer| reason(answer.as_ref().unwrap_err()) == "BREAKER_OPEN")
            );
            refused += ill.len();
            if !well.is_empty() {
                return (well.len(), ill.len(), refused);
            }
            tokio::task::yield_now().await;
        }
    });
    wait_for("the trial", || async {
        state(&stage, GET) == Some(BreakerState::HalfOpen)
    })
    .await;
    let (well, ill, refused) = crowds.await.unwrap();
    assert_eq!((well, ill), (1, 9), "of ten at once one tries");
    assert_eq!(stage.received(), 6);
    assert_eq!(state(&stage, GET), Some(BreakerState::Closed));
    for answer in join_all((0..10).map(|_| get(&stage.client))).await {
        answer.unwrap();
    }
    assert_eq!(stage.received(), 16);
    assert_eq!(stage.counted("breaker_refused"), refused as u64);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trial_that_fails_keeps_it_open() {
    let stage = stage("breaker_pause = \"100ms\"").await;
    fail(&stage, Code::Internal);
    open(&stage, 5).await;
    let (mut trials, mut refused) = (0, 0);
    while trials < 3 {
        match reason(&get(&stage.client).await.unwrap_err()).as_str() {
            "PROBE_TOLD_TO_FAIL" => trials += 1,
            "BREAKER_OPEN" => refused += 1,
            other => panic!("{other}"),
        }
        assert_eq!(state(&stage, GET), Some(BreakerState::Open));
    }
    assert_eq!(stage.received(), 8, "one call a pause");
    assert_eq!(stage.counted("breaker_refused"), refused);
    assert_eq!(stage.counted("breaker_opened"), 1, "it has not been closed since");
    fail(&stage, Code::Ok);
    wait_for("the trial that succeeds", || async { get(&stage.client).await.is_ok() }).await;
    assert_eq!(state(&stage, GET), Some(BreakerState::Closed));
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_and_refusals_at_a_limit_do_not_open_it_nor_do_failures_between_answers() {
    let stage = stage("breaker_pause = \"1m\"").await;
    for code in [
        Code::NotFound,
        Code::InvalidArgument,
        Code::ResourceExhausted,
        Code::Aborted,
    ] {
        fail(&stage, code);
        for _ in 0..6 {
            assert_eq!(get(&stage.client).await.unwrap_err().code(), code);
        }
    }
    for _ in 0..3 {
        fail(&stage, Code::Internal);
        for _ in 0..4 {
            assert_eq!(get(&stage.client).await.unwrap_err().code(), Code::Internal);
        }
        fail(&stage, Code::Ok);
        get(&stage.client).await.unwrap();
    }
    assert_eq!(state(&stage, GET), Some(BreakerState::Closed));
    assert_eq!(stage.counted("breaker_opened"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_opens_it_is_set_for_each_method_while_it_runs() {
    let stage = stage("breaker_failures = 0\nbreaker_pause = \"1m\"\n[methods.GetProbe]\nbreaker_failures = 2").await;
    fail(&stage, Code::Internal);
    open(&stage, 2).await;
    for _ in 0..8 {
        assert_eq!(reason(&record(&stage).await.unwrap_err()), "PROBE_TOLD_TO_FAIL", "off");
    }
    // Turned off, it lets everything through at once.
    stage
        .obey(&format!("{PLAIN}[call]\nattempts = 1\nbreaker_failures = 0\n"))
        .await;
    for _ in 0..8 {
        assert_eq!(reason(&get(&stage.client).await.unwrap_err()), "PROBE_TOLD_TO_FAIL");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_in_a_hurry_and_callees_that_are_not_there_do_not_open_it() {
    let stage = stage("breaker_pause = \"1m\"").await;
    for one in &stage.placed {
        one.serving.slow_down(Duration::from_millis(300));
    }
    for _ in 0..8 {
        let mut request = tonic::Request::new(GetProbeRequest::default());
        request.set_timeout(Duration::from_millis(50));
        let status = stage.client.clone().get_probe(request).await.unwrap_err();
        assert_eq!(status.code(), Code::DeadlineExceeded, "{status:?}");
    }
    get(&stage.client).await.unwrap();

    let empty = Scene::start().await;
    let client: Client = empty.caller().client();
    for _ in 0..8 {
        assert_eq!(reason(&get(&client).await.unwrap_err()), "NO_INSTANCES");
    }
}
