//! Connections that are made with the first call, for callers that know many and call few.

#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use lyceum::Fabric;
use lyceum::client::Channel;
use lyceum::contracts::testing::v1::GetProbeRequest;
use lyceum::contracts::testing::v1::probe_service_client::ProbeServiceClient;
use lyceum::testing::probe::Serving;
use lyceum::testing::proxy::Proxy;
use lyceum::testing::wait_for;

use crate::scene::{PROBE, Scene, start, unannounced};

async fn known(caller: &Fabric, instances: usize) -> Channel {
    let channel = caller.channel(PROBE).unwrap();
    wait_for("every instance to be known", || async {
        channel.report().len() == instances
    })
    .await;
    channel
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_not_called_is_not_connected_to() {
    let scene = Scene::start().await;
    let fabric = start(unannounced(&scene.folder), PROBE);
    let (near, far) = (Serving::start(&fabric).await, Serving::start(&fabric).await);
    let wires = [Proxy::to(near.address).await, Proxy::to(far.address).await];
    let _announced = [
        scene.announce(PROBE, wires[0].address()).await,
        scene.announce(PROBE, wires[1].address()).await,
    ];
    let mut configuration = scene.configuration();
    configuration.client.eager = false;
    let caller = start(configuration, "caller");
    let channel = known(&caller, 2).await;
    let accepted = || wires[0].accepted() + wires[1].accepted();
    assert_eq!(accepted(), 0);
    assert!(channel.report().iter().all(|one| !one.connected));

    let mut client: ProbeServiceClient<Channel> = caller.client();
    client.get_probe(GetProbeRequest::default()).await.unwrap();
    assert_eq!(accepted(), 1, "the first call makes the one that it needs");
    for _ in 0..50 {
        client.get_probe(GetProbeRequest::default()).await.unwrap();
    }
    assert_eq!(accepted(), 2, "each was called, each over one connection");
    assert!(channel.report().iter().all(|one| one.connected));
}

#[tokio::test(flavor = "multi_thread")]
async fn one_that_cannot_be_reached_costs_no_call() {
    let scene = Scene::start().await;
    let fabric = start(unannounced(&scene.folder), PROBE);
    let serving = Serving::start(&fabric).await;
    let gone = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nowhere = gone.local_addr().unwrap();
    drop(gone);
    let _announced = [
        scene.announce(PROBE, serving.address).await,
        scene.announce(PROBE, nowhere).await,
    ];
    let mut configuration = scene.configuration();
    configuration.client.eager = false;
    let caller = start(configuration, "caller");
    known(&caller, 2).await;
    let mut client: ProbeServiceClient<Channel> = caller.client();
    for _ in 0..50 {
        client.get_probe(GetProbeRequest::default()).await.unwrap();
    }
}
