//! One of three instances is worse than the others: slow, failing at once, silent, or now and then gone.

use std::time::Duration;

use lyceum::testing::wait_for;
use tonic::Code;

use super::stage::{DEADLINE, Stage};

const RATE: u32 = 100;
/// The most that the slow one of three may answer; a fair share is 0.33.
const SLOW_SHARE: f64 = 0.05;
/// One call in so many, at most, is lost in a black hole or fails where everything does,
const HOLED: u64 = 50;
/// beside a few that were there before anybody could know.
const FEW: u64 = 3;

#[tokio::test(flavor = "multi_thread")]
async fn one_slow_of_three_gets_few_calls_and_fails_none() {
    let stage = Stage::of(3).await;
    let load = stage.gets(RATE);
    load.answers(100).await;
    stage.placed[0].serving.slow_down(Duration::from_secs(1));
    let since = load.now();
    load.sends(400).await;
    let until = load.now();
    let report = load.end().await;
    let slow = report.during(since..until);
    println!("one slow of three: {slow}");
    let _ = report.flawless();
    let share = slow.share(stage.placed[0].id());
    assert!(share < SLOW_SHARE, "the slow one answered {share:.3} of the calls");
    assert!(slow.quantile(0.8) < Duration::from_millis(500), "{slow}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_fails_fast_of_three_gets_few_calls() {
    let stage = Stage::of(3).await;
    // Nothing here may be tried again, so that each failure is one that the balancer chose.
    let load = stage.records(RATE);
    load.answers(100).await;
    stage.placed[0].serving.fail(Code::Unavailable);
    let since = load.now();
    load.sends(400).await;
    let until = load.now();
    let report = load.end().await;
    let failing = report.during(since..until);
    println!("one fails fast of three, nothing repeated: {failing}");
    assert!(
        failing.failed() <= failing.sent / HOLED + FEW,
        "too many reach the failing one: {failing}"
    );
    assert!(
        failing
            .causes()
            .keys()
            .all(|cause| cause == "Unavailable PROBE_TOLD_TO_FAIL"),
        "{failing}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_fails_fast_of_three_fails_no_idempotent_call() {
    let stage = Stage::of(3).await;
    let load = stage.gets(RATE);
    load.answers(50).await;
    stage.placed[0].serving.fail(Code::Unavailable);
    load.sends(250).await;
    let report = load.end().await;
    println!("one fails fast of three, idempotent: {report}");
    let sent = report.flawless();
    let received = stage.received();
    assert!(
        received * 5 <= sent * 6,
        "{received} calls reached a server for {sent}: more than 1.2 ×"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn one_black_hole_of_three_costs_few_calls() {
    let stage = Stage::of(3).await;
    let (gets, records) = (stage.gets(RATE), stage.records(RATE / 4));
    gets.answers(100).await;
    records.answers(25).await;
    stage.placed[0].proxy.black_hole();
    let since = gets.now();
    gets.sends(400).await;
    let until = gets.now();
    let (gets, records) = (gets.end().await, records.end().await);
    let (holed, recorded) = (gets.during(since..until), records.during(since..until));
    println!("one black hole of three: {holed}\n  not idempotent: {recorded}");
    for report in [&holed, &recorded] {
        assert!(
            report.failed() <= report.sent / HOLED + FEW,
            "too many are lost in it: {report}"
        );
        assert!(
            report
                .causes()
                .keys()
                .all(|cause| cause.starts_with("DeadlineExceeded")),
            "{report}"
        );
        assert!(
            report.samples.iter().all(|sample| sample.took < 2 * DEADLINE),
            "{report}"
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flapping_instance_costs_no_idempotent_call() {
    let stage = Stage::of(3).await;
    let (gets, records) = (stage.gets(RATE), stage.records(RATE / 4));
    gets.answers(50).await;
    let flapping = &stage.placed[0].proxy;
    for _ in 0..4 {
        flapping.cut();
        gets.sends(25).await;
        flapping.mend();
        wait_for("its connection", || async { flapping.open() > 0 }).await;
        gets.sends(25).await;
    }
    let (gets, records) = (gets.end().await, records.end().await);
    println!("one flaps: {gets}\n  not idempotent: {records}");
    let _ = gets.flawless();
    assert!(
        records
            .causes()
            .keys()
            .all(|cause| cause == "Unavailable CONNECTION_LOST"),
        "{records}"
    );
    assert!(flapping.accepted() >= 5, "it was connected to after every cut");
    let recorded: u64 = stage.placed.iter().map(|one| one.serving.recorded()).sum();
    assert!(
        (records.answered()..=records.sent).contains(&recorded),
        "{recorded} executed: {records}"
    );
}
