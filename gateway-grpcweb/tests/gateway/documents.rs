//! What the gateway tells of itself, the page, and how it leaves.

use std::fs;
use std::time::Duration;

use http::{Method, Request};
use lyceum::contracts::testing::v1::{GetProbeRequest, GetProbeResponse, WatchProbeRequest};
use lyceum::testing::wait_for;
use prost::Message as _;
use serde_json::{Value, json};

use crate::browser::{Browser, Raw};
use crate::stage::Stage;

const GET: &str = "lyceum.testing.v1.ProbeService/GetProbe";
const WATCH: &str = "lyceum.testing.v1.ProbeService/WatchProbe";

async fn told(browser: &Browser, path: &str) -> Value {
    let (status, headers, body) = browser.get(path).await;
    assert_eq!(status, 200, "{path}");
    assert_eq!(headers["content-type"], "application/json");
    assert_eq!(headers["cache-control"], "no-store");
    serde_json::from_slice(&body).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn services_and_health_are_told_as_they_are() {
    let mut stage = Stage::start().await;
    let browser = stage.browser();
    let before = told(&browser, "/gateway/services").await["services"][1]["instances"][0]["calls"]
        .as_u64()
        .unwrap();
    for _ in 0..3 {
        browser.unary(GET, b"").await;
    }
    let services = told(&browser, "/gateway/services").await;
    let names: Vec<_> = services["services"]
        .as_array()
        .unwrap()
        .iter()
        .map(|service| &service["name"])
        .collect();
    assert_eq!(names, ["mirror", "testing"]);
    let probe = &services["services"][1];
    assert_eq!(probe["methods"], json!(["lyceum.testing.v1.ProbeService"]));
    let instance = &probe["instances"][0];
    assert_eq!(instance["id"], stage.probe().id.as_str());
    assert_eq!(instance["address"], stage.probe().address.to_string());
    assert_eq!(instance["health"], "passing");
    assert_eq!(instance["calls"], before + 3);
    assert_eq!(instance["in_flight"], 0);
    assert!(instance["certificate_expires"].as_str().unwrap().ends_with('Z'));
    assert!(instance["weight"].as_f64().unwrap() > 0.0);
    assert!(instance["latency_ms"]["p50"].as_f64().unwrap() > 0.0);

    let health = told(&browser, "/gateway/health").await;
    assert_eq!(health["status"], "serving");
    assert_eq!(
        health["services"]["testing"],
        json!({ "status": "serving", "instances": 1 })
    );

    stage.probe.take().unwrap().stop().await;
    wait_for("health to say so", || async {
        told(&browser, "/gateway/health").await["status"] == "degraded"
    })
    .await;
    let health = told(&browser, "/gateway/health").await;
    assert_eq!(
        health["services"]["testing"],
        json!({ "status": "not_serving", "instances": 0 })
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_count_calls_by_methods_that_exist() {
    let stage = Stage::start().await;
    let browser = stage.browser();
    for number in 0..50 {
        browser
            .unary(&format!("mirror.v1.MirrorService/Made{number}Up"), b"")
            .await;
        browser.unary(&format!("made.up{number}.Service/Method"), b"").await;
    }
    for _ in 0..5 {
        browser.unary("mirror.v1.MirrorService/Headers", b"").await;
        browser
            .unary(
                GET,
                &GetProbeRequest {
                    fail_with: 9,
                    ..Default::default()
                }
                .encode_to_vec(),
            )
            .await;
    }
    let (status, headers, body) = browser.get("/gateway/metrics").await;
    let text = String::from_utf8(body.to_vec()).unwrap();
    assert_eq!(status, 200);
    assert!(
        headers["content-type"]
            .to_str()
            .unwrap()
            .starts_with("application/openmetrics-text")
    );
    for line in [
        "lyceum_gateway_calls_total{method=\"lyceum.testing.v1.ProbeService/GetProbe\",code=\"FAILED_PRECONDITION\"} 5",
        "lyceum_gateway_calls_total{method=\"mirror.v1.MirrorService/Headers\",code=\"OK\"} 5",
        "lyceum_gateway_in_flight 0",
        "lyceum_rpc_client_calls_total{method=\"lyceum.testing.v1.ProbeService/GetProbe\",code=\"FAILED_PRECONDITION\"} 5",
        "lyceum_gateway_duration_seconds_count{method=\"mirror.v1.MirrorService/Headers\"} 5",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    assert!(
        !text.contains("Up\"") && !text.contains("made.up"),
        "nobody can make names up\n{text}"
    );
    let other = text
        .lines()
        .find(|line| line.starts_with("lyceum_gateway_calls_total{method=\"other\",code=\"UNIMPLEMENTED\"}"));
    let count: u64 = other.unwrap().rsplit(' ').next().unwrap().parse().unwrap();
    assert!(count >= 100, "{count}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_is_served_beside_the_calls() {
    let stage = Stage::start_empty(|_| {}).await;
    let browser = stage.browser();
    let (status, _, body) = browser.get("/").await;
    assert_eq!(status, 503);
    assert!(String::from_utf8_lossy(&body).contains("make page"));

    let dist = stage.folder.path().join("dist");
    fs::create_dir_all(dist.join("assets")).unwrap();
    fs::write(dist.join("index.html"), "<p>desk").unwrap();
    fs::write(dist.join("assets/index-abcdefgh.js"), "let desk").unwrap();
    fs::write(stage.folder.path().join("secret"), "secret").unwrap();
    let (status, headers, body) = browser.get("/").await;
    assert_eq!((status, &body[..]), (200, &b"<p>desk"[..]));
    assert!(
        headers["content-security-policy"]
            .to_str()
            .unwrap()
            .contains("script-src 'self'")
    );
    let (_, headers, _) = browser.get("/assets/index-abcdefgh.js").await;
    assert!(headers["cache-control"].to_str().unwrap().contains("immutable"));
    assert_eq!(browser.get("/fabric").await.2, "<p>desk");
    assert_eq!(browser.get("/gateway/nothing").await.0, 404);

    // As they come, for no client library cleans them here.
    for path in [
        "/../secret",
        "/..%2fsecret",
        "/assets/../../secret",
        "/%2e%2e/secret",
        "//secret",
        "/./../secret",
    ] {
        let mut raw = Raw::connect(stage.address).await;
        raw.write(format!("GET {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"))
            .await;
        let answer = raw.read_to_end().await;
        assert!(!answer.ends_with("secret"), "{path}: {answer}");
    }
    for (method, path) in [(Method::POST, "/"), (Method::DELETE, "/gateway/health")] {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .body(vec![b'x'; 100_000].into())
            .unwrap();
        assert_eq!(browser.begin(request).await.response.status(), 405);
    }
    let request = Request::builder()
        .method(Method::HEAD)
        .uri("/")
        .body(Default::default())
        .unwrap();
    let head = browser.begin(request).await.response;
    assert_eq!(
        (
            head.status().as_u16(),
            head.headers()["content-length"].to_str().unwrap()
        ),
        (200, "7")
    );
    let (_, headers, body) = browser.over_http2().get("/").await;
    assert_eq!(
        (headers["content-type"].to_str().unwrap(), &body[..]),
        ("text/html; charset=utf-8", &b"<p>desk"[..])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_registers_and_leaves_after_its_calls() {
    let mut stage = Stage::start_with(|configuration| configuration.serving.drain_grace = Duration::from_secs(2)).await;
    let browser = stage.browser();
    let consul = stage.consul.client();
    let gateways = || async {
        let answer = consul.services(&lyceum::consul::Query::default()).await.unwrap();
        format!("{:?}", answer.value).contains("gateway")
    };
    wait_for("the gateway in Consul", gateways).await;

    let slow = GetProbeRequest {
        delay_milliseconds: 1000,
        payload: "last".into(),
        ..Default::default()
    };
    let last = tokio::spawn(async move { browser.unary(GET, &slow.encode_to_vec()).await });
    let metric = "lyceum_rpc_client_in_flight{method=\"lyceum.testing.v1.ProbeService/GetProbe\"} 1";
    wait_for("the last call to be under way", || async {
        String::from_utf8_lossy(&browser.get("/gateway/metrics").await.2).contains(metric)
    })
    .await;
    let endless = WatchProbeRequest {
        interval_milliseconds: 50,
        ..Default::default()
    };
    let stream = tokio::spawn(async move { browser.unary(WATCH, &endless.encode_to_vec()).await });
    wait_for("the stream to be under way", || async {
        String::from_utf8_lossy(&browser.get("/gateway/metrics").await.2).contains("lyceum_gateway_in_flight 2")
    })
    .await;
    stage.shut_down();
    let answer = last.await.unwrap();
    assert_eq!(answer.message::<GetProbeResponse>().payload, "last");
    let answer = stream.await.unwrap();
    assert!(answer.whole && !answer.messages.is_empty());
    assert_eq!(
        (answer.status(), answer.reason().as_str()),
        (Some(14), "GATEWAY_STOPPING")
    );
    stage.stopped().await;
    assert!(
        tokio::net::TcpStream::connect(stage.address).await.is_err(),
        "nobody listens any more"
    );
    assert!(!gateways().await, "nobody is registered any more");
}
