//! Leaving in good order: shutdown and aged connections under load, seen by nobody.

#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::time::Duration;

use lyceum::consul::Query;
use lyceum::contracts::testing::v1::probe_service_client::ProbeServiceClient;
use lyceum::contracts::testing::v1::{GetProbeRequest, WatchProbeRequest};
use lyceum::testing::probe::Serving;
use lyceum::testing::proxy::Proxy;
use lyceum::testing::wait_for;
use tonic::Code;

use crate::load::{Call, Load};
use crate::raw::Raw;
use crate::scene::{PROBE, Scene, client, reason, start};

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_under_load_costs_no_call_and_streams_finish() {
    let scene = Scene::start().await;
    let fabric = scene.fabric(PROBE);
    let (stays, leaves) = (Serving::start(&fabric).await, Serving::start(&fabric).await);
    let caller = scene.caller();
    let mut client = client(&caller, 2).await;
    let (gets, records) = (
        Load::start(&client, 8, Call::Get(3)),
        Load::start(&client, 3, Call::Record),
    );
    gets.answers(100).await;
    // A second of stream on the one that leaves.
    let mut stream = loop {
        let request = WatchProbeRequest {
            count: 100,
            interval_milliseconds: 10,
            ..WatchProbeRequest::default()
        };
        let mut stream = client.watch_probe(request).await.unwrap().into_inner();
        let first = stream.message().await.unwrap().unwrap();
        if first.instance == leaves.id {
            break stream;
        }
    };
    let id = leaves.id.clone();
    let stopping = tokio::spawn(leaves.stop());
    let mut seen = 1;
    while let Some(message) = stream.message().await.unwrap() {
        assert_eq!(message.sequence, seen);
        seen += 1;
    }
    assert_eq!(seen, 100, "the stream under way came to its end");
    stopping.await.unwrap();
    let left = scene
        .consul
        .client()
        .health(PROBE, &Query::default())
        .await
        .unwrap()
        .value;
    assert!(
        left.iter().all(|entry| entry.service.id != id),
        "deregistered when it had stopped"
    );
    assert!(left.iter().any(|entry| entry.service.id == stays.id));
    gets.answers(100).await;
    records.answers(100).await;
    println!(
        "{} and {} calls",
        gets.end().await.flawless(),
        records.end().await.flawless()
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn every_instance_is_replaced_under_load_without_a_failed_call() {
    let scene = Scene::start().await;
    let mut configuration = scene.configuration();
    // As in production: callers have time to hear of it before connections are told to end.
    configuration.serving.drain_notice = Duration::from_millis(300);
    let fabric = start(configuration, PROBE);
    let mut servings = vec![Serving::start(&fabric).await, Serving::start(&fabric).await];
    let caller = scene.caller();
    let channel = caller.channel(PROBE).unwrap();
    let client = client(&caller, 2).await;
    let (gets, records) = (
        Load::start(&client, 4, Call::Get(3)),
        Load::start(&client, 2, Call::Record),
    );
    let mut recorded = 0;
    for _ in 0..4 {
        let new = Serving::start(&fabric).await;
        wait_for("calls to the new one", || async {
            channel.report().iter().any(|one| one.id == new.id && one.calls > 0)
        })
        .await;
        servings.push(new);
        let old = servings.remove(0);
        recorded += old.stop().await;
    }
    println!("{} calls", gets.end().await.flawless());
    let answered = records.end().await.flawless();
    recorded += servings.iter().map(Serving::recorded).sum::<u64>();
    assert_eq!(recorded, answered, "each executed once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_outlasts_the_grace_is_cut_and_the_server_ends() {
    let scene = Scene::start().await;
    let mut configuration = scene.configuration();
    configuration.serving.drain_grace = Duration::from_millis(300);
    let serving = Serving::start(&start(configuration, PROBE)).await;
    let caller = scene.caller();
    let mut client = client(&caller, 1).await;
    let request = WatchProbeRequest {
        interval_milliseconds: 10,
        ..WatchProbeRequest::default()
    };
    let mut stream = client.watch_probe(request).await.unwrap().into_inner();
    assert!(stream.message().await.unwrap().is_some());
    let begun = tokio::time::Instant::now();
    serving.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(4), "{:?}", begun.elapsed());
    let end = loop {
        match stream.message().await {
            Ok(Some(_)) => {}
            end => break end,
        }
    };
    let status = end.unwrap_err();
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::Unavailable, "DRAINING")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_does_not_keep_an_aged_connection_for_ever() {
    let scene = Scene::start().await;
    let mut configuration = scene.configuration();
    configuration.serving.connection_age = Duration::from_secs(1);
    configuration.serving.connection_age_grace = Duration::from_millis(300);
    let _serving = Serving::start(&start(configuration, PROBE)).await;
    let mut client = client(&scene.caller(), 1).await;
    for _ in 0..2 {
        let request = WatchProbeRequest {
            interval_milliseconds: 10,
            ..WatchProbeRequest::default()
        };
        let mut stream = client.watch_probe(request).await.unwrap().into_inner();
        let status = loop {
            match stream.message().await {
                Ok(message) => assert!(message.is_some(), "a stream without an end ended"),
                Err(status) => break status,
            }
        };
        assert_eq!(
            (status.code(), reason(&status).as_str()),
            (Code::Unavailable, "CONNECTION_AGED")
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_outlasts_the_grace_is_told_so() {
    let scene = Scene::start().await;
    let mut configuration = scene.configuration();
    configuration.serving.drain_grace = Duration::from_millis(300);
    let serving = Serving::start(&start(configuration, PROBE)).await;
    let raw = Raw::operator(&scene.folder, serving.address).await;
    let request = GetProbeRequest {
        delay_milliseconds: 60_000,
        ..GetProbeRequest::default()
    };
    let call = tokio::spawn(async move { ProbeServiceClient::new(raw).get_probe(request).await });
    wait_for("the call to run", || async { serving.admission.reading().running == 1 }).await;
    serving.stop().await;
    let status = call.await.unwrap().unwrap_err();
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::Unavailable, "DRAINING")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_without_callers_ends_at_once() {
    let scene = Scene::start().await;
    let serving = Serving::start(&scene.fabric(PROBE)).await;
    let begun = tokio::time::Instant::now();
    serving.stop().await;
    assert!(begun.elapsed() < Duration::from_secs(2), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_that_age_under_load_cost_no_call() {
    let scene = Scene::start().await;
    let mut configuration = scene.configuration();
    configuration.serving.connection_age = Duration::from_secs(1);
    configuration.consul.address = "127.0.0.1:1".to_owned();
    let serving = Serving::start(&start(configuration, PROBE)).await;
    let wire = Proxy::to(serving.address).await;
    let _announced = scene.announce(PROBE, wire.address()).await;
    let caller = scene.caller();
    let client = client(&caller, 1).await;
    let (gets, records) = (
        Load::start(&client, 8, Call::Get(3)),
        Load::start(&client, 3, Call::Record),
    );
    // A single instance: whatever its old connection does not take has nobody else to go to.
    wait_for("four connections, one after the other", || async {
        wire.accepted() >= 4
    })
    .await;
    let recorded = records.end().await.flawless();
    println!("{} and {recorded} calls", gets.end().await.flawless());
    assert_eq!(serving.recorded(), recorded, "each executed once");
}
