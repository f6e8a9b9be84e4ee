//! Too much at once, and instances that hold everybody up: limits queue or refuse, and nothing hangs.

#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::time::Duration;

use bytes::Bytes;
use futures_util::future::join_all;
use lyceum::contracts::testing::v1::GetProbeRequest;
use lyceum::testing::probe::{Folder, Serving};
use lyceum::testing::proxy::Proxy;
use lyceum::testing::wait_for;
use tokio::net::TcpStream;
use tokio::time::Instant;
use tonic::{Code, Request};

use crate::load::{Call, Load};
use crate::raw::{Raw, framed};
use crate::scene::{PROBE, Scene, client, get, start, unannounced};

const GET: &str = "/lyceum.testing.v1.ProbeService/GetProbe";

#[tokio::test(flavor = "multi_thread")]
async fn more_calls_than_a_connection_takes_wait_their_turn() {
    let scene = Scene::start().await;
    let mut configuration = scene.configuration();
    configuration.serving.streams = 4;
    let _serving = Serving::start(&start(configuration, PROBE)).await;
    let client = client(&scene.caller(), 1).await;
    let request = GetProbeRequest {
        delay_milliseconds: 20,
        ..GetProbeRequest::default()
    };
    let calls = (0..60).map(|_| {
        let (mut client, request) = (client.clone(), request.clone());
        async move { client.get_probe(request).await }
    });
    for answer in join_all(calls).await {
        answer.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_that_hold_connections_open_are_put_out() {
    let folder = Folder::new();
    let mut configuration = unannounced(&folder);
    configuration.serving.connections = 4;
    configuration.serving.handshake = Duration::from_millis(200);
    let serving = Serving::start(&start(configuration, PROBE)).await;
    // All places are taken by sockets that never say a word.
    let mut silent = Vec::new();
    for _ in 0..8 {
        silent.push(TcpStream::connect(serving.address).await.unwrap());
    }
    let begun = Instant::now();
    let raw = Raw::operator(&folder, serving.address).await;
    let (_, status) = raw.call(GET, &[], framed(&[])).await.unwrap();
    assert_eq!(status.code(), Code::Ok);
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_beyond_their_limit_cost_only_their_own_call() {
    let folder = Folder::new();
    let serving = Serving::start(&start(unannounced(&folder), PROBE)).await;
    let raw = Raw::operator(&folder, serving.address).await;
    let long = "x".repeat(64 * 1024);
    let headers = [("content-type", "application/grpc"), ("x-long", long.as_str())];
    let answer = raw
        .send(http::Method::POST, GET, &headers, Bytes::from(framed(&[])))
        .await;
    if let Ok(answer) = answer {
        assert_eq!(answer.status(), http::StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE);
    }
    let (_, status) = raw.call(GET, &[], framed(&[])).await.unwrap();
    assert_eq!(status.code(), Code::Ok, "the connection goes on");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_that_stops_answering_costs_few_calls() {
    let scene = Scene::start().await;
    let fabric = start(unannounced(&scene.folder), PROBE);
    let (near, far) = (Serving::start(&fabric).await, Serving::start(&fabric).await);
    let wires = [Proxy::to(near.address).await, Proxy::to(far.address).await];
    let _announced = [
        scene.announce(PROBE, wires[0].address()).await,
        scene.announce(PROBE, wires[1].address()).await,
    ];
    let client = client(&scene.caller(), 2).await;
    for _ in 0..50 {
        get(&client).await.unwrap();
    }
    // The network swallows everything to the first: no reset, no answer.
    wires[0].hold();
    let call = async || {
        let mut request = Request::new(GetProbeRequest::default());
        request.set_timeout(Duration::from_millis(400));
        client.clone().get_probe(request).await
    };
    let mut failed = 0;
    for _ in 0..30 {
        for answer in join_all((0..10).map(|_| call())).await {
            if let Err(status) = answer {
                assert_eq!(status.code(), Code::DeadlineExceeded, "{status:?}");
                failed += 1;
            }
        }
    }
    println!("{failed} of 300 calls met the silent instance");
    assert!(failed <= 30, "{failed} of 300 calls met the silent instance");
    // When the network is well again, so is every call.
    wires[0].mend();
    for _ in 0..50 {
        get(&client).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_that_leave_in_crowds_disturb_nobody() {
    let scene = Scene::start().await;
    let fabric = start(unannounced(&scene.folder), PROBE);
    let serving = Serving::start(&fabric).await;
    let wire = Proxy::to(serving.address).await;
    let _announced = scene.announce(PROBE, wire.address()).await;
    let caller = scene.caller();
    let client = client(&caller, 1).await;
    let (gets, records) = (
        Load::start(&client, 1, Call::Get(5)),
        Load::start(&client, 1, Call::Record),
    );
    let (mut random, mut left) = (fastrand::Rng::with_seed(9), 0);
    for _ in 0..40 {
        // Some leave before their request is read, some while the answer is on its way.
        let calls = (0..50).map(|_| {
            let mut client = client.clone();
            let mut request = Request::new(GetProbeRequest {
                delay_milliseconds: 3,
                payload: vec![0; 2000].into(),
                ..GetProbeRequest::default()
            });
            request.set_timeout(Duration::from_micros(random.u64(100..60_000)));
            async move { client.get_probe(request).await }
        });
        left += join_all(calls).await.iter().filter(|answer| answer.is_err()).count();
    }
    println!("{left} of 2000 left early");
    assert!(left > 200, "{left} left early: too few to disturb anybody");
    gets.answers(20).await;
    println!(
        "{} and {} calls",
        gets.end().await.flawless(),
        records.end().await.flawless()
    );
    assert_eq!(wire.accepted(), 1, "one connection carried it all");

    let channel = caller.channel(PROBE).unwrap();
    assert_eq!(channel.report()[0].in_flight, 0);
    let idle = |metrics: &str, side: &str| {
        metrics.contains(&format!("lyceum_rpc_{side}_in_flight{{method=\"{}\"}} 0\n", &GET[1..]))
    };
    assert!(idle(&caller.metrics().encode(), "client"));
    wait_for("the callee to let go of every call", || async {
        idle(&fabric.metrics().encode(), "server")
    })
    .await;
}
