//! Instances come, lapse and return: who is called follows what Consul knows.

#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::collections::HashMap;
use std::time::Duration;

use lyceum::client::{Channel, WaitForReady};
use lyceum::contracts::testing::v1::GetProbeRequest;
use lyceum::registration::Health;
use lyceum::testing::probe::Serving;
use lyceum::testing::proxy::Proxy;
use lyceum::testing::{wait_for, wait_until};
use tokio::time::Instant;
use tonic::Request;

use crate::load::{Call, Load};
use crate::scene::{Client, PROBE, Scene, client, get};

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_call_is_answered_as_soon_as_somebody_is_there() {
    let scene = Scene::start().await;
    let (caller, fabric) = (scene.caller(), scene.fabric(PROBE));
    let mut instances = caller.discovery().watch(PROBE);
    let mut client: Client = caller.client();
    wait_until("Consul's word", &mut instances, |instances| instances.is_known()).await;
    let waiting = tokio::spawn(async move {
        let mut request = Request::new(GetProbeRequest::default());
        request.extensions_mut().insert(WaitForReady);
        client.get_probe(request).await
    });
    let begun = Instant::now();
    let serving = Serving::start(&fabric).await;
    let reply = waiting.await.unwrap().unwrap().into_inner();
    let took = begun.elapsed();
    println!("from binding the port to the first answer: {took:?}");
    assert_eq!(reply.instance, serving.id);
    assert!(took < Duration::from_secs(1), "{took:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_call_of_a_process_finds_who_is_there() {
    let scene = Scene::start().await;
    let serving = Serving::start(&scene.fabric(PROBE)).await;
    client(&scene.caller(), 1).await;
    // Each calls before it knows anybody, and hears of the instance meanwhile.
    for _ in 0..24 {
        let caller = scene.caller();
        assert_eq!(get(&caller.client()).await.unwrap().instance, serving.id);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_whose_heartbeat_stops_gets_no_calls_until_it_beats_again() {
    let scene = Scene::start().await;
    let wire = Proxy::to(scene.consul.address().parse().unwrap()).await;
    let mut behind = scene.configuration();
    behind.consul.address = wire.address().to_string();
    let lapsing = Serving::start(&crate::scene::start(behind, PROBE)).await;
    let other = Serving::start(&scene.fabric(PROBE)).await;
    let caller = scene.caller();
    let client = client(&caller, 2).await;
    let load = Load::start(&client, 4, Call::Get(1));
    let channel = caller.channel(PROBE).unwrap();

    // The instance lives and could answer; only Consul does not hear of it any more.
    wire.cut();
    wait_for("the check to lapse", || async {
        health(&channel, &lapsing.id) == Some(Health::Critical)
    })
    .await;
    load.answers(50).await;
    let before = calls(&channel)[&other.id];
    load.answers(200).await;
    assert!(
        calls(&channel)[&other.id] >= before + 200,
        "the lapsed one gets nothing"
    );

    wire.mend();
    wait_for("the heartbeat's return", || async {
        health(&channel, &lapsing.id) == Some(Health::Passing)
    })
    .await;
    wait_for("calls to the returned", || async {
        calls(&channel).get(&lapsing.id).is_some_and(|calls| *calls > 10)
    })
    .await;
    load.end().await.flawless();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_warning_moves_calls_by_weight_and_a_recovery_brings_them_back() {
    let scene = Scene::start().await;
    let fabric = scene.fabric(PROBE);
    let (busy, well) = (Serving::start(&fabric).await, Serving::start(&fabric).await);
    let caller = scene.caller();
    let client = client(&caller, 2).await;
    let channel = caller.channel(PROBE).unwrap();
    let load = Load::start(&client, 32, Call::Get(20));
    let share = async |calls_made: u64| {
        load.answers(100).await;
        let before = calls(&channel);
        load.answers(calls_made).await;
        let after = calls(&channel);
        let made = |id: &str| (after[id] - before[id]) as f64;
        made(&busy.id) / (made(&busy.id) + made(&well.id))
    };

    busy.health.set(Health::Warning, "95 of 100 requests").await;
    wait_for("the warning", || async {
        health(&channel, &busy.id) == Some(Health::Warning)
    })
    .await;
    // 25 of 125.
    let warned = share(1500).await;
    busy.health.set(Health::Passing, "").await;
    wait_for("the recovery", || async {
        health(&channel, &busy.id) == Some(Health::Passing)
    })
    .await;
    let recovered = share(800).await;
    load.end().await.flawless();
    println!("share while warning {warned:.3}, after {recovered:.3}");
    assert!((0.1..0.3).contains(&warned), "{warned}");
    assert!((0.35..0.65).contains(&recovered), "{recovered}");

    // Critical takes it out; health says so to callers who ask it directly.
    busy.health.set(Health::Critical, "no disk").await;
    wait_for("the end of its service", || async {
        health(&channel, &busy.id) == Some(Health::Critical)
    })
    .await;
    for _ in 0..20 {
        assert_eq!(get(&client).await.unwrap().instance, well.id);
    }
    let note = channel.report().into_iter().find(|one| one.id == busy.id).unwrap().note;
    assert_eq!(note, "no disk");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_with_an_ipv6_address_is_called_there() {
    let scene = Scene::start().await;
    let mut configuration = scene.configuration();
    configuration.serving.address = std::net::Ipv6Addr::LOCALHOST.into();
    let serving = Serving::start(&crate::scene::start(configuration, PROBE)).await;
    let caller = scene.caller();
    let client = client(&caller, 1).await;
    assert_eq!(get(&client).await.unwrap().instance, serving.id);
    let address = &caller.channel(PROBE).unwrap().report()[0].address;
    assert!(address.starts_with("[::1]:"), "{address}");
}

fn health(channel: &Channel, id: &str) -> Option<Health> {
    channel
        .report()
        .into_iter()
        .find(|one| one.id == id)
        .map(|one| one.health)
}

fn calls(channel: &Channel) -> HashMap<String, u64> {
    channel.report().into_iter().map(|one| (one.id, one.calls)).collect()
}
