//! Two versions of one API side by side, and what callers hear of the one that is to go.

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::BodyExt as _;
use lyceum::contracts::testing::v2::probe_service_server::{ProbeService, ProbeServiceServer};
use lyceum::contracts::testing::v2::{GetProbeRequest, GetProbeResponse};
use lyceum::policy::key;
use lyceum::testing::wait_for;
use serde_json::Value;
use tonic::{Response, Status};

use crate::stage::Stage;

/// `lyceum.testing.v2`.
struct Second;

#[tonic::async_trait]
impl ProbeService for Second {
    async fn get_probe(&self, _: tonic::Request<GetProbeRequest>) -> Result<Response<GetProbeResponse>, Status> {
        Ok(Response::new(GetProbeResponse { version: 2 }))
    }
}

async fn called(stage: &Stage, path: &str, headers: &[(&str, &str)]) -> (u16, HeaderMap, Value) {
    let browser = stage.browser();
    let mut request = Request::post(browser.uri(path)).header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let answer = browser.begin(request.body(Bytes::from_static(b"{}")).unwrap()).await;
    let (parts, body) = answer.response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (
        parts.status.as_u16(),
        parts.headers,
        serde_json::from_slice(&body).unwrap(),
    )
}

/// The version that a call without a version is answered by.
async fn version(stage: &Stage, headers: &[(&str, &str)]) -> u64 {
    let (status, _, body) = called(stage, "/api/lyceum.testing.ProbeService/get-probe", headers).await;
    assert_eq!(status, 200, "{body}");
    body["version"].as_u64().unwrap_or(1)
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_stay_with_a_version_or_move_along() {
    let mut stage = Stage::start().await;
    wait_for("the first version", || async {
        called(&stage, "/api/testing/get-probe", &[]).await.0 == 200
    })
    .await;
    assert_eq!(version(&stage, &[]).await, 1);
    stage
        .serve("testing-next", |server| server.add(ProbeServiceServer::new(Second)))
        .await;
    wait_for("the second version", || async { version(&stage, &[]).await == 2 }).await;
    assert_eq!(version(&stage, &[("lyceum-version", "v1")]).await, 1);
    assert_eq!(version(&stage, &[("lyceum-version", "v2")]).await, 2);
    // By its full name it is what it is.
    let first = "/api/lyceum.testing.v1.ProbeService/get-probe";
    let (_, headers, body) = called(&stage, first, &[]).await;
    assert!(body["instance"].is_string() && !headers.contains_key("deprecation"));
    let (status, _, body) = called(&stage, first, &[("lyceum-version", "v2")]).await;
    assert_eq!((status, &body["code"]), (404, &5.into()));

    let policy = "[edge.versions.defaults]\n\"lyceum.testing.ProbeService\" = \"v1\"\n[edge.versions.keys]\nnew = \"v2\"\n\
                  [edge.versions.deprecated.\"lyceum.testing.v1\"]\nsince = \"2026-01-01\"\nsunset = \"2026-12-31\"\n";
    stage.consul.client().kv_put(&key("gateway"), policy).await.unwrap();
    wait_for("the default", || async { version(&stage, &[]).await == 1 }).await;
    assert_eq!(version(&stage, &[("lyceum-version", "v2")]).await, 2);
    let (_, headers, _) = called(&stage, first, &[]).await;
    assert_eq!(headers["deprecation"], "@1767225600");
    assert_eq!(headers["sunset"], "Thu, 31 Dec 2026 00:00:00 GMT");
    let links: Vec<&str> = headers
        .get_all("link")
        .iter()
        .map(|link| link.to_str().unwrap())
        .collect();
    assert_eq!(links.len(), 2);
    assert!(links[1].starts_with("</api/lyceum.testing.v2.ProbeService/GetProbe>; rel=\"successor-version\""));
}
