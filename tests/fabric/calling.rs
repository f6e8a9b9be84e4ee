//! Register → discover → call, over mutual TLS.

#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use lyceum::Fabric;
use lyceum::client::Channel;
use lyceum::contracts::testing::v1::GetProbeRequest;
use lyceum::contracts::testing::v1::probe_service_client::ProbeServiceClient;
use lyceum::testing::consul::Consul;
use lyceum::testing::probe::{Folder, Serving, configuration};

/// The probe's clients call the Consul service "testing", as its package says.
const PROBE: &str = "testing";

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_is_registered_found_and_called() {
    let consul = Consul::start().await;
    let folder = Folder::new();
    let configuration = configuration(&folder, &consul.address());
    let fabric = Fabric::start(configuration.clone(), PROBE).unwrap();
    let serving = Serving::start(&fabric).await;
    let caller = Fabric::start(configuration, "caller").unwrap();
    let mut client: ProbeServiceClient<Channel> = caller.client();
    caller.channel(PROBE).unwrap().ready().await;
    let reply = client
        .get_probe(GetProbeRequest {
            payload: "x".into(),
            ..Default::default()
        })
        .await
        .unwrap()
        .into_inner();
    assert_eq!(reply.instance, serving.id);
    assert!(reply.caller.ends_with("/svc/caller"), "{}", reply.caller);
    assert!(reply.deadline_remaining_milliseconds > 0);
    serving.stop().await;
}
