//! Consul is wiped or gone: instances register again, and calls do not stop.

#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::collections::BTreeSet;

use lyceum::consul::{Health, Query};
use lyceum::testing::probe::Serving;
use lyceum::testing::wait_for;

use crate::load::{Call, Load};
use crate::scene::{PROBE, Scene, client};

#[tokio::test(flavor = "multi_thread")]
async fn consul_wiped_or_gone_stops_no_call() {
    let mut scene = Scene::start().await;
    let fabric = scene.fabric(PROBE);
    let mut servings = Vec::new();
    for _ in 0..3 {
        servings.push(Serving::start(&fabric).await);
    }
    let ids: BTreeSet<String> = servings.iter().map(|serving| serving.id.clone()).collect();
    let caller = scene.caller();
    let client = client(&caller, 3).await;
    let (gets, records) = (
        Load::start(&client, 2, Call::Get(5)),
        Load::start(&client, 2, Call::Record),
    );
    gets.answers(50).await;

    scene.consul.start_again_wiped().await;
    let consul = scene.consul.client();
    wait_for("every instance again, passing", || async {
        let entries = consul
            .health(PROBE, &Query::default())
            .await
            .map(|answer| answer.value)
            .unwrap_or_default();
        let passing = entries
            .iter()
            .filter(|entry| entry.checks.iter().all(|check| check.health() == Health::Passing));
        passing.map(|entry| entry.service.id.clone()).collect::<BTreeSet<_>>() == ids
    })
    .await;
    gets.answers(50).await;

    // Gone for longer than a heartbeat is believed.
    scene.consul.kill().await;
    let gone = tokio::time::Instant::now();
    wait_for("more than the time to live", || async {
        gone.elapsed() > fabric.configuration().registration.ttl * 4 / 3
    })
    .await;
    gets.answers(50).await;
    let channel = caller.channel(PROBE).unwrap();
    assert_eq!(channel.report().iter().filter(|one| one.connected).count(), 3);

    // Whoever starts meanwhile is called once Consul is back.
    let late = Serving::start(&fabric).await;
    scene.consul.start_again_wiped().await;
    wait_for("calls to the late one", || async {
        channel.report().iter().any(|one| one.id == late.id && one.calls > 0)
    })
    .await;
    println!(
        "{} and {} calls",
        gets.end().await.flawless(),
        records.end().await.flawless()
    );
}
