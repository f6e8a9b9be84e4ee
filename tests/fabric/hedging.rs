//! Hedging: an instance that is late is overtaken by another, its call is cancelled, and both are paid for.

#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::time::Duration;

use lyceum::contracts::testing::v1::RecordProbeRequest;
use lyceum::testing::wait_for;
use tokio::time::Instant;
use tonic::Code;

use crate::faults::stage::Stage;
use crate::scene::get;

/// A call goes to any instance, however slow it is.
const ANY: &str = "[balancing]\npolicy = \"random\"\nejection.enabled = false\nslow_start = \"0s\"\n";
/// Much later than an answer takes, and much sooner than a slow instance.
const HEDGE: &str = "[call]\nhedge = true\nhedge_floor = \"100ms\"\n";
/// The latency's own period (`resilience::latency`), with a little more.
const PERIOD: Duration = Duration::from_millis(150);

/// Calls until it is known what is late: after a hundred calls, and the next look at them.
async fn acquaint<T>(call: impl AsyncFn() -> T) {
    for _ in 0..120 {
        call().await;
    }
    let begun = Instant::now();
    while begun.elapsed() < PERIOD {
        call().await;
    }
}

async fn record(stage: &Stage) {
    let mut client = stage.client.clone();
    client.record_probe(RecordProbeRequest::default()).await.unwrap();
}

/// Two instances whose usual latency the caller knows.
async fn known(policy: &str) -> Stage {
    let stage = Stage::of(2).await;
    stage.obey(&format!("{ANY}{policy}")).await;
    acquaint(async || get(&stage.client).await.unwrap()).await;
    stage
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_instance_is_overtaken_and_its_calls_are_cancelled() {
    const CALLS: u64 = 16;
    let stage = known(HEDGE).await;
    let (slow, quick) = (&stage.placed[0].serving, &stage.placed[1].serving);
    let (before, spent) = (stage.counted("hedges"), stage.channel().standing().budget_spent);
    let received = (slow.received(), quick.received());
    slow.slow_down(Duration::from_secs(30));
    for _ in 0..CALLS {
        assert_eq!(get(&stage.client).await.unwrap().instance, quick.id);
    }
    let hedges = stage.counted("hedges") - before;
    println!("{hedges} of {CALLS} calls were hedged");
    assert!(hedges >= 2, "every other call or so begins at the slow one: {hedges}");
    // Each call is answered by the quick one, and was or is also at the slow one where it was hedged.
    assert_eq!(quick.received() - received.1, CALLS);
    assert_eq!(slow.received() - received.0, hedges);
    wait_for("every call that was overtaken to be dropped at the server", || async {
        slow.abandoned() == hedges
    })
    .await;
    assert_eq!(quick.abandoned(), 0, "nobody gives up on the one that answers");
    assert!(stage.counted("hedges_won") >= 2);
    // What the acquaintance spent may leave the budget's window; what is spent now has not yet.
    let now = stage.channel().standing().budget_spent;
    assert!(
        (hedges..=spent + hedges).contains(&now),
        "{now} charged for {hedges} hedges"
    );
    assert_eq!(stage.counted("retries"), 0, "a hedge is no retry");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_empty_budget_makes_everybody_wait() {
    let stage = known(&format!("{HEDGE}[budget]\nshare = 0.0\nfloor = 0\n")).await;
    let slow = &stage.placed[0].serving;
    slow.slow_down(Duration::from_millis(200));
    let mut waited = 0;
    for _ in 0..16 {
        waited += u32::from(get(&stage.client).await.unwrap().instance == slow.id);
    }
    assert!(waited >= 2, "every other call or so waits for the slow one: {waited}");
    assert_eq!(stage.counted("hedges"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_hedged_unless_the_policy_asks_for_it() {
    let stage = known("").await;
    let slow = &stage.placed[0].serving;
    slow.slow_down(Duration::from_millis(200));
    for _ in 0..16 {
        get(&stage.client).await.unwrap();
    }
    assert_eq!((stage.counted("hedges"), slow.abandoned()), (0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_change_something_is_never_hedged() {
    let stage = Stage::of(2).await;
    stage.obey(&format!("{ANY}{HEDGE}")).await;
    acquaint(async || record(&stage).await).await;
    stage.placed[0].serving.slow_down(Duration::from_millis(200));
    let before = stage.received();
    for _ in 0..16 {
        record(&stage).await;
    }
    assert_eq!(stage.received(), before + 16);
    let recorded: u64 = stage.placed.iter().map(|one| one.serving.recorded()).sum();
    assert_eq!(recorded, stage.received(), "each executed once");
    assert_eq!(stage.counted("hedges"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_instance_that_fails_leaves_the_first_its_time() {
    let stage = known(HEDGE).await;
    let (slow, broken) = (&stage.placed[0].serving, &stage.placed[1].serving);
    let before = stage.counted("hedges_won");
    slow.slow_down(Duration::from_millis(300));
    broken.fail(Code::Unavailable);
    for _ in 0..16 {
        assert_eq!(get(&stage.client).await.unwrap().instance, slow.id);
    }
    assert!(stage.counted("hedges") > 0, "it was asked");
    assert_eq!(stage.counted("hedges_won"), before);
    assert_eq!(slow.abandoned(), 0);
}
