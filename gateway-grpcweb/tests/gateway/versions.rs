//! Two versions of one API side by side, and what callers hear of the one that is to go.

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::BodyExt as _;
use lyceum::contracts::testing::v2::probe_service_server::{ProbeService, ProbeServiceServer};
use lyceum::contracts::testing::v2::{GetProbeRequest, GetProbeResponse};
use lyceum::policy::key;
use lyceum::testing::wait_for;
use prost::Message as _;
use serde_json::Value;
use tonic::{Response, Status};

use crate::browser::{Answer, Form, frame};
use crate::stage::Stage;
use crate::websocket::{MANY, Page, SINGLE, called_once};

/// `lyceum.testing.v2`.
pub(crate) struct Second;

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

const UNVERSIONED: &str = "lyceum.testing.ProbeService/GetProbe";

/// By grpc-web, with a version in a header, or none.
async fn by_grpc_web(stage: &Stage, version: &str) -> Answer {
    let browser = stage.browser();
    let mut request = browser.call(UNVERSIONED, Form::Binary);
    if !version.is_empty() {
        request = request.header("lyceum-version", version);
    }
    browser.send(request.body(frame(b"")).unwrap()).await
}

/// Which version a message is of: only the second says so in its first field.
fn version_of(message: &[u8]) -> u32 {
    match GetProbeResponse::decode(message) {
        Ok(answer) if answer.version == 2 => 2,
        _ => 1,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_front_that_has_paths_takes_a_name_without_a_version() {
    let mut stage = Stage::start().await;
    wait_for("the first version", || async {
        by_grpc_web(&stage, "").await.status() == Some(0)
    })
    .await;
    assert_eq!(version_of(&by_grpc_web(&stage, "").await.messages[0]), 1);
    stage
        .serve("testing-next", |server| server.add(ProbeServiceServer::new(Second)))
        .await;
    wait_for("the second version", || async {
        version_of(&by_grpc_web(&stage, "").await.messages[0]) == 2
    })
    .await;
    assert_eq!(version_of(&by_grpc_web(&stage, "v1").await.messages[0]), 1);
    let refused = by_grpc_web(&stage, "v3").await;
    assert_eq!(
        (refused.status(), refused.reason().as_str()),
        (Some(5), "VERSION_UNKNOWN")
    );
    let refused = by_grpc_web(&stage, "newest").await;
    assert_eq!(
        (refused.status(), refused.reason().as_str()),
        (Some(3), "VERSION_INVALID")
    );
    for unknown in [
        "lyceum.testing.ProbeService/Nothing",
        "lyceum.testing.Nothing/GetProbe",
        "testing/GetProbe",
    ] {
        let refused = stage.browser().unary(unknown, b"").await;
        assert_eq!(
            (refused.status(), refused.reason().as_str()),
            (Some(12), "METHOD_UNKNOWN"),
            "{unknown}"
        );
    }

    // The policy decides for who says nothing, and says that the first is to go.
    let policy = "[edge.versions.defaults]\n\"lyceum.testing.ProbeService\" = \"v1\"\n\
                  [edge.versions.deprecated.\"lyceum.testing.v1\"]\nsince = \"2026-01-01\"\nsunset = \"2026-12-31\"\n";
    stage.consul.client().kv_put(&key("gateway"), policy).await.unwrap();
    wait_for("the default", || async {
        version_of(&by_grpc_web(&stage, "").await.messages[0]) == 1
    })
    .await;
    let told = |headers: &HeaderMap| {
        assert_eq!(headers["deprecation"], "@1767225600");
        assert_eq!(headers["sunset"], "Thu, 31 Dec 2026 00:00:00 GMT");
        assert_eq!(headers.get_all("link").iter().count(), 2);
    };
    told(&by_grpc_web(&stage, "").await.headers);
    assert!(!by_grpc_web(&stage, "v2").await.headers.contains_key("deprecation"));
    let full = stage
        .browser()
        .unary("lyceum.testing.v1.ProbeService/GetProbe", b"")
        .await;
    told(&full.headers);

    let (status, headers, body) = called(&stage, &format!("/{UNVERSIONED}"), &[]).await;
    assert!(status == 200 && body["instance"].is_string(), "{body}");
    told(&headers);
    let (status, _, body) = called(&stage, &format!("/{UNVERSIONED}"), &[("lyceum-version", "v2")]).await;
    assert_eq!((status, body), (200, serde_json::json!({ "version": 2 })));
    let (status, _, body) = called(&stage, &format!("/{UNVERSIONED}"), &[("lyceum-version", "v3")]).await;
    assert_eq!((status, &body["code"]), (404, &"not_found".into()));

    for (said, version) in [("", 1), ("lyceum-version: v2\r\n", 2)] {
        let mut page = Page::over(crate::websocket::open(&stage, "", MANY).await);
        page.begin(1, UNVERSIONED, said).await;
        page.message(1, b"").await;
        page.end(1).await;
        let (messages, code) = page.finish(1).await;
        assert_eq!((version_of(&messages[0]), code), (version, 0));
        if version == 1 {
            told(&page.headers[&1]);
        }
        let (messages, status) = called_once(&stage, UNVERSIONED, SINGLE, said).await;
        assert_eq!((version_of(&messages[0]), i32::from(status.code())), (version, 0));
    }
}
