//! Nobody is there for a while, or Consul is not, or everybody fails at once.

use std::time::Duration;

use lyceum::contracts::testing::v1::GetProbeRequest;
use lyceum::testing::load::Load;
use lyceum::testing::probe::Serving;
use lyceum::testing::proxy::Proxy;
use lyceum::testing::wait_for;
use tonic::{Code, Request};

use super::stage::{Stage, gets};
use crate::scene::{PROBE, Scene, client, start};

const RATE: u32 = 100;
/// Within this time of its return every call to a callee is answered.
const RECOVERY: Duration = Duration::from_secs(1);
/// Calls at the servers for each that was offered, however many fail: the budget's share.
const AMPLIFIED: f64 = 1.2;

#[tokio::test(flavor = "multi_thread")]
async fn a_callee_that_was_down_is_called_within_a_second_of_its_return() {
    let stage = Stage::of(3).await;
    let load = stage.gets(RATE);
    load.answers(50).await;
    for one in &stage.placed {
        one.proxy.cut();
    }
    let down = load.now();
    load.sends(250).await;
    for one in &stage.placed {
        one.proxy.mend();
    }
    let back = load.now();
    wait_for("the time to recover, and a second more", || async {
        load.now() > back + RECOVERY + Duration::from_secs(1)
    })
    .await;
    let end = load.now();
    let report = load.end().await;
    let outage = report.during(down..back);
    let second = Duration::from_secs(1);
    let recovered = report.during(back + RECOVERY..end);
    let first = report
        .samples
        .iter()
        .filter(|sample| sample.due >= back && sample.outcome.is_ok())
        .map(|sample| sample.due - back)
        .min();
    println!(
        "all down: {outage}\n  back: {}\n  first answer to a call due {first:?} after its return",
        report.during(back..end)
    );
    assert!(outage.answered() * 20 <= outage.sent, "{outage}");
    assert!(
        outage.causes().keys().all(|cause| cause.starts_with("Unavailable")),
        "told at once, not by a deadline: {outage}"
    );
    assert!(outage.samples.iter().all(|sample| sample.took < second), "{outage}");
    let _ = recovered.flawless();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_partition_from_consul_costs_no_call_and_ends_with_what_is_new() {
    let scene = Scene::start().await;
    let behind = Proxy::to(scene.consul.address().parse().unwrap()).await;
    let mut placed = Vec::new();
    for _ in 0..3 {
        placed.push(super::stage::Placed::start(scene.configuration()).await);
    }
    let mut configuration = scene.configuration();
    configuration.consul.address = behind.address().to_string();
    let caller = start(configuration, "caller");
    let client = client(&caller, 3).await;
    let load = gets(&client, RATE);
    load.answers(50).await;
    behind.black_hole();
    load.answers(100).await;
    // One dies and one comes while the caller hears nothing of it.
    drop(placed.remove(0));
    let late = super::stage::Placed::start(scene.configuration()).await;
    load.answers(100).await;
    let channel = caller.channel(PROBE).unwrap();
    assert!(
        channel.report().iter().all(|one| one.id != late.id()),
        "the partition leaks"
    );
    behind.mend();
    wait_for("calls to the one that came meanwhile", || async {
        channel.report().iter().any(|one| one.id == late.id() && one.calls > 0)
    })
    .await;
    let report = load.end().await;
    println!("a partition from Consul, one dies, one comes: {report}");
    let _ = report.flawless();
}

#[tokio::test(flavor = "multi_thread")]
async fn failing_all_over_is_not_made_worse_by_tries() {
    let stage = Stage::of(3).await;
    let load = stage.gets(RATE);
    load.answers(100).await;
    for (code, what) in [(Code::Unavailable, "everybody fails"), (Code::Ok, "everybody answers")] {
        for one in &stage.placed {
            one.serving.fail(code);
        }
        let before = (load.so_far().sent, stage.received());
        load.sends(300).await;
        let (sent, received) = (load.so_far().sent - before.0, stage.received() - before.1);
        let amplified = received as f64 / sent as f64;
        println!("{what}: {received} calls at the servers for {sent}: {amplified:.2} ×");
        let most = if code == Code::Ok { 1.2 } else { AMPLIFIED };
        // Those under way at either end of the span are counted on one side alone.
        assert!(amplified <= most + 0.1, "{amplified:.2} × is more than {most} ×");
    }
    let report = load.end().await;
    println!("  {report}");
    assert!(
        report.causes().keys().all(|cause| cause.starts_with("Unavailable")),
        "{report}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn half_of_all_calls_failing_is_not_made_worse_by_tries() {
    let stage = Stage::of(3).await;
    // Every other call fails wherever it goes: no breaker opens, no instance is worse than the others, every one of
    // them looks worth trying again.
    let client = stage.client.clone();
    let load = Load::start(RATE, move |number| {
        let mut client = client.clone();
        async move {
            let mut request = Request::new(GetProbeRequest {
                fail_with: if number % 2 == 0 { Code::Unavailable as u32 } else { 0 },
                ..GetProbeRequest::default()
            });
            request.set_timeout(super::stage::DEADLINE);
            Ok(client.get_probe(request).await?.into_inner().instance)
        }
    });
    load.sends(600).await;
    let report = load.end().await;
    let amplified = stage.received() as f64 / report.sent as f64;
    println!(
        "half of all calls fail: {} calls at the servers for {}: {amplified:.2} ×; {report}",
        stage.received(),
        report.sent
    );
    assert!(
        amplified <= AMPLIFIED + 0.02,
        "{amplified:.2} × is more than {AMPLIFIED} ×"
    );
    assert_eq!(
        report.answered(),
        report.sent / 2,
        "the other half are answered: {report}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn slowness_all_over_is_not_made_worse_by_tries() {
    let stage = Stage::of(3).await;
    let load = stage.gets(RATE);
    load.answers(100).await;
    for one in &stage.placed {
        one.serving.slow_down(Duration::from_millis(300));
    }
    let (since, before) = (load.now(), stage.received());
    load.sends(200).await;
    let (until, received) = (load.now(), stage.received() - before);
    let report = load.end().await;
    let sent = report.during(since..until).sent;
    println!("everybody is slow: {received} calls at the servers for {sent}; {report}");
    assert!(received as f64 <= sent as f64 * 1.22, "{received} for {sent}");
    let _ = report.flawless();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_at_its_limit_does_what_it_can_and_recovers_at_once() {
    const LIMIT: u32 = 8;
    let scene = Scene::start().await;
    let mut configuration = scene.configuration();
    let limits = &mut configuration.policy.serving;
    (limits.limit_min, limits.limit_initial, limits.limit_max) = (LIMIT, LIMIT, LIMIT);
    let longest = limits.queue_interval;
    let serving = Serving::start(&start(configuration, PROBE)).await;
    let client = client(&scene.caller(), 1).await;
    serving.slow_down(Duration::from_millis(100));
    // 80 calls a second are what it can do; more than twice that comes.
    let load = gets(&client, 2 * RATE);
    load.sends(600).await;
    let crowded = load.now();
    serving.slow_down(Duration::ZERO);
    load.answers(100).await;
    let relieved = load.now();
    load.sends(100).await;
    let report = load.end().await;
    let (crowd, calm) = (
        report.during(Duration::ZERO..crowded),
        report.during(relieved..Duration::MAX),
    );
    println!("at its limit: {crowd}\n  relieved: {calm}");
    let able = (80.0 * crowded.as_secs_f64()) as u64;
    assert!(
        crowd.answered() * 5 >= able * 3,
        "at least 60 % of the {able} that it is able to: {crowd}"
    );
    assert!(
        crowd
            .causes()
            .keys()
            .all(|cause| cause == "ResourceExhausted OVERLOADED"),
        "what is too much is refused, and nothing waits in vain: {crowd}"
    );
    let patience = longest + Duration::from_secs(1);
    assert!(crowd.samples.iter().all(|sample| sample.took < patience), "{crowd}");
    let _ = calm.flawless();
}
