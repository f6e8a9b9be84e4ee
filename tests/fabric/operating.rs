//! What operators use: health, both reflections and metrics, with stock clients and a certificate of their own.

#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use bytes::Bytes;
use lyceum::registration::Health;
use lyceum::testing::probe::{Folder, Serving};
use lyceum::testing::wait_for;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::{v1, v1alpha};

use crate::raw::{Raw, framed};
use crate::scene::{PROBE, Scene, client, get, start, unannounced};

const SERVICE: &str = "lyceum.testing.v1.ProbeService";

#[tokio::test(flavor = "multi_thread")]
async fn health_answers_for_the_server_and_each_service() {
    let folder = Folder::new();
    let serving = Serving::start(&start(unannounced(&folder), PROBE)).await;
    let mut client = HealthClient::new(Raw::operator(&folder, serving.address).await);
    let mut check = async |service: &str| {
        let request = HealthCheckRequest {
            service: service.to_owned(),
        };
        let answer = client.check(request).await;
        answer
            .map(|answer| answer.into_inner().status())
            .map_err(|status| status.code())
    };
    assert_eq!(check("").await, Ok(ServingStatus::Serving));
    assert_eq!(check(SERVICE).await, Ok(ServingStatus::Serving));
    assert_eq!(check("lyceum.nobody.v1.Nobody").await, Err(Code::NotFound));
    serving.health.set(Health::Warning, "busy").await;
    assert_eq!(
        check(SERVICE).await,
        Ok(ServingStatus::Serving),
        "a warning still serves"
    );
    serving.health.set(Health::Critical, "no disk").await;
    assert_eq!(check("").await, Ok(ServingStatus::NotServing));
    assert_eq!(check(SERVICE).await, Ok(ServingStatus::NotServing));
    serving.health.set(Health::Passing, "").await;

    // A watcher hears of the drain while it happens.
    let mut watcher = HealthClient::new(Raw::operator(&folder, serving.address).await);
    let mut states = watcher.watch(HealthCheckRequest::default()).await.unwrap().into_inner();
    assert_eq!(
        states.message().await.unwrap().unwrap().status(),
        ServingStatus::Serving
    );
    let stopping = tokio::spawn(serving.stop());
    assert_eq!(
        states.message().await.unwrap().unwrap().status(),
        ServingStatus::NotServing
    );
    drop(states);
    stopping.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn both_reflections_list_the_services_and_describe_them() {
    let folder = Folder::new();
    let serving = Serving::start(&start(unannounced(&folder), PROBE)).await;
    let raw = Raw::operator(&folder, serving.address).await;
    macro_rules! ask {
        ($version:ident, $request:expr) => {{
            use $version::server_reflection_request::MessageRequest;
            use $version::server_reflection_response::MessageResponse;
            let mut client = $version::server_reflection_client::ServerReflectionClient::new(raw.clone());
            let request = |message| $version::ServerReflectionRequest {
                host: String::new(),
                message_request: Some(message),
            };
            let requests = vec![
                request(MessageRequest::ListServices(String::new())),
                request(MessageRequest::FileContainingSymbol(SERVICE.to_owned())),
                request(MessageRequest::FileContainingSymbol("lyceum.Nothing".to_owned())),
            ];
            let mut answers = client
                .server_reflection_info(tokio_stream::iter(requests))
                .await
                .unwrap()
                .into_inner();
            let mut next = async || {
                answers
                    .message()
                    .await
                    .unwrap()
                    .and_then(|answer| answer.message_response)
            };
            let Some(MessageResponse::ListServicesResponse(list)) = next().await else {
                panic!("no list");
            };
            let names: Vec<String> = list.service.into_iter().map(|service| service.name).collect();
            let Some(MessageResponse::FileDescriptorResponse(files)) = next().await else {
                panic!("no files");
            };
            // The unknown symbol ends the stream with an error or is answered by one: either way it is said.
            let unknown = answers.message().await;
            let said = match unknown {
                Err(status) => status.code() == Code::NotFound,
                Ok(Some(answer)) => matches!(answer.message_response, Some(MessageResponse::ErrorResponse(_))),
                Ok(None) => false,
            };
            assert!(said, "an unknown symbol");
            (names, files.file_descriptor_proto.concat())
        }};
    }
    for (names, files) in [ask!(v1, ()), ask!(v1alpha, ())] {
        assert!(names.iter().any(|name| name == SERVICE), "{names:?}");
        assert!(names.iter().any(|name| name == "grpc.health.v1.Health"), "{names:?}");
        let text = String::from_utf8_lossy(&files);
        assert!(text.contains("WatchProbeRequest"), "the file holds its messages");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_are_on_the_same_port_and_count_calls_by_code() {
    let scene = Scene::start().await;
    let serving = Serving::start(&scene.fabric(PROBE)).await;
    let caller = scene.caller();
    let client = client(&caller, 1).await;
    for _ in 0..3 {
        get(&client).await.unwrap();
    }
    let raw = Raw::operator(&scene.folder, serving.address).await;
    let (_, status) = raw
        .call("/lyceum.testing.v1.ProbeService/GetProbe", &[], framed(&[0x18, 14]))
        .await
        .unwrap();
    assert_eq!(status.code(), Code::Unavailable, "told to fail");
    let lines = |side: &str| {
        let name = format!("lyceum_rpc_{side}_calls_total{{method=\"{SERVICE}/GetProbe\",code=");
        (format!("{name}\"OK\"}} 3"), format!("{name}\"UNAVAILABLE\"}} 1"))
    };
    let (fine, failed) = lines("server");
    // The server counts a call once its trailers are sent, which the caller may have read before.
    wait_for("the calls in the metrics", || async {
        let metrics = raw
            .send(http::Method::GET, "/metrics", &[], Bytes::new())
            .await
            .unwrap();
        assert_eq!(metrics.status(), http::StatusCode::OK);
        assert!(
            metrics.headers()["content-type"]
                .to_str()
                .unwrap()
                .starts_with("application/openmetrics-text")
        );
        let text = String::from_utf8(metrics.into_body().0.to_vec()).unwrap();
        assert!(text.ends_with("# EOF\n"));
        text.contains(&fine) && text.contains(&failed)
    })
    .await;
    assert!(caller.metrics().encode().contains(&lines("client").0));
}
