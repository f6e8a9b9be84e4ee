//! Instances die under load: idempotent calls do not notice, others are never executed twice.

#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::time::Duration;

use lyceum::contracts::testing::v1::{RecordProbeRequest, WatchProbeRequest};
use lyceum::testing::probe::Serving;
use lyceum::testing::proxy::Proxy;
use lyceum::testing::wait_for;
use tokio::time::{Instant, timeout};
use tonic::Code;

use crate::load::{Call, Load};
use crate::scene::{PROBE, Process, Scene, client, get, reason, start};

/// Long enough for any machine, short enough to tell a hang.
const SOON: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread")]
async fn killing_one_of_three_under_load_is_invisible_to_idempotent_calls() {
    let scene = Scene::start().await;
    let mut processes = Vec::new();
    for _ in 0..3 {
        processes.push(Process::start(scene.configuration()).await);
    }
    let caller = scene.caller();
    let client = client(&caller, 3).await;
    let (gets, records) = (
        Load::start(&client, 8, Call::Get(2)),
        Load::start(&client, 4, Call::Record),
    );
    gets.answers(200).await;
    processes[0].kill();
    gets.answers(200).await;
    records.answers(200).await;
    processes[1].kill();
    gets.answers(200).await;
    records.answers(200).await;
    let answered = gets.end().await.flawless();
    let records = records.end().await;
    println!(
        "{answered} idempotent calls, {} recorded, {} lost",
        records.answered,
        records.errors.len()
    );

    let executed: u64 = processes.iter().map(Process::recorded).sum();
    let lost = records.errors.len() as u64;
    assert!(
        (records.answered..=records.answered + lost).contains(&executed),
        "{executed} executions of {} answered and {lost} lost calls",
        records.answered
    );
    for status in &records.errors {
        assert_eq!(
            (status.code(), reason(status).as_str()),
            (Code::Unavailable, "CONNECTION_LOST")
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_wire_costs_no_idempotent_call_and_repeats_no_other() {
    let scene = Scene::start().await;
    // Two instances that only their wires announce.
    let mut unannounced = scene.configuration();
    unannounced.consul.address = "127.0.0.1:1".to_owned();
    let fabric = start(unannounced, PROBE);
    let (near, far) = (Serving::start(&fabric).await, Serving::start(&fabric).await);
    let wires = [Proxy::to(near.address).await, Proxy::to(far.address).await];
    let _announced = [
        scene.announce(PROBE, wires[0].address()).await,
        scene.announce(PROBE, wires[1].address()).await,
    ];
    let caller = scene.caller();
    let client = client(&caller, 2).await;
    let channel = caller.channel(PROBE).unwrap();
    let (gets, records) = (
        Load::start(&client, 8, Call::Get(2)),
        Load::start(&client, 4, Call::Record),
    );
    for wire in wires.iter().cycle().take(6) {
        gets.answers(50).await;
        wire.cut();
        gets.answers(50).await;
        wire.mend();
        wait_for("the connection's return", || async {
            channel.report().iter().all(|instance| instance.connected)
        })
        .await;
    }
    let answered = gets.end().await.flawless();
    let records = records.end().await;
    println!(
        "{answered} idempotent calls, {} recorded, {} lost",
        records.answered,
        records.errors.len()
    );
    let (executed, lost) = (near.recorded() + far.recorded(), records.errors.len() as u64);
    assert!(
        (records.answered..=records.answered + lost).contains(&executed),
        "{executed} executions of {} answered and {lost} lost calls",
        records.answered
    );
    assert!(
        wires.iter().all(|wire| wire.accepted() >= 4),
        "every cut needed a new connection"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_dies_while_streaming_ends_the_stream_with_an_error() {
    let scene = Scene::start().await;
    let mut process = Process::start(scene.configuration()).await;
    let caller = scene.caller();
    let mut client = client(&caller, 1).await;
    let request = WatchProbeRequest {
        interval_milliseconds: 5,
        ..WatchProbeRequest::default()
    };
    let mut stream = client.watch_probe(request).await.unwrap().into_inner();
    let first = stream.message().await.unwrap().unwrap();
    assert_eq!((first.sequence, first.instance.as_str()), (0, process.id.as_str()));
    process.kill();
    let begun = Instant::now();
    let end = timeout(SOON, async {
        loop {
            match stream.message().await {
                Ok(Some(_)) => {}
                end => break end,
            }
        }
    })
    .await
    .expect("the stream hangs");
    let status = end.expect_err("the stream ends as if it were whole");
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::Unavailable, "CONNECTION_LOST")
    );
    println!("the end of the stream took {:?}", begun.elapsed());

    // Nobody else is there: the next call says so at once instead of waiting for its deadline.
    let begun = Instant::now();
    let status = get(&client).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    let status = client.record_probe(RecordProbeRequest::default()).await.unwrap_err();
    assert_eq!(status.code(), Code::Unavailable, "{status:?}");
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_whose_task_is_aborted_goes_with_its_port_and_its_connections() {
    let scene = Scene::start().await;
    let serving = Serving::start(&scene.fabric(PROBE)).await;
    let address = serving.address;
    let mut client = client(&scene.caller(), 1).await;
    let request = WatchProbeRequest {
        interval_milliseconds: 5,
        ..WatchProbeRequest::default()
    };
    let mut stream = client.watch_probe(request).await.unwrap().into_inner();
    assert!(stream.message().await.unwrap().is_some());
    drop(serving);
    let status = loop {
        match stream.message().await {
            Ok(message) => assert!(message.is_some(), "the stream ends as if it were whole"),
            Err(status) => break status,
        }
    };
    assert_eq!(reason(&status), "CONNECTION_LOST");
    wait_for("the port to be free", || async {
        tokio::net::TcpListener::bind(address).await.is_ok()
    })
    .await;
    let consul = scene.consul.client();
    wait_for("its deregistration", || async {
        consul
            .health(PROBE, &lyceum::consul::Query::default())
            .await
            .is_ok_and(|answer| answer.value.is_empty())
    })
    .await;
}
