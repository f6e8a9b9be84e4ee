//! What operators see: the access log, how calls fare, health by service, and who may look.

mod everything;

use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::BodyExt as _;
use lyceum::Fabric;
use lyceum::contracts::testing::v1::{GetProbeRequest, WatchProbeRequest};
use lyceum::policy::key;
use lyceum::testing::wait_for;
use lyceum_gateway_grpcweb::Gateway;
use prost::Message as _;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::browser::{Browser, Form, frame};
use crate::issuer::{Signing, Site, claims, set, trusting};
use crate::stage::Stage;

const GET: &str = "lyceum.testing.v1.ProbeService/GetProbe";
const WATCH: &str = "lyceum.testing.v1.ProbeService/WatchProbe";
const ECHO: &str = "mirror.v1.MirrorService/Echo";

/// An access log in memory.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }

    /// The lines that are of calls with this correlation id.
    fn of(&self, correlation: &str) -> Vec<Value> {
        let text = self.text();
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.filter(|line| line["correlation"] == correlation).collect()
    }
}

/// A second gateway, whose access log can be read.
struct Logged {
    browser: Browser,
    log: Log,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

impl Logged {
    async fn start(stage: &Stage) -> Self {
        let mut own = stage.configuration();
        own.gateway.address = "127.0.0.1:0".parse().unwrap();
        let log = Log::default();
        let gateway = Gateway::new(&Fabric::start(own, "gateway").unwrap()).access_log(log.clone());
        let bound = gateway.bind().await.unwrap();
        let browser = Browser::new(bound.address());
        let stop = CancellationToken::new();
        let serving = tokio::spawn(bound.serve(stop.clone().cancelled_owned()));
        wait_for("both services behind the second gateway", || async {
            browser.answers(GET).await && browser.answers(ECHO).await
        })
        .await;
        Self {
            browser,
            log,
            stop,
            serving,
        }
    }

    async fn call(&self, method: &str, form: Form, correlation: &str, message: &[u8]) {
        let request = self
            .browser
            .call(method, form)
            .header("x-correlation-id", correlation)
            .header("x-forwarded-for", "203.0.113.99")
            .body(form.encode(&frame(message)))
            .unwrap();
        self.browser.send(request).await;
    }

    async fn stop(self) -> Log {
        self.stop.cancel();
        self.serving.await.unwrap();
        self.log
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_call_is_a_line_that_tells_nothing_of_its_caller() {
    let stage = Stage::start().await;
    let gateway = Logged::start(&stage).await;
    let essay = GetProbeRequest {
        payload: "dear diary".into(),
        ..Default::default()
    };
    let essay = essay.encode_to_vec();
    gateway.call(GET, Form::Binary, "good-1", &essay).await;
    gateway.call(GET, Form::Text, "text-1", &essay).await;
    let failing = GetProbeRequest {
        fail_with: 9,
        ..Default::default()
    };
    gateway.call(GET, Form::Binary, "bad-1", &failing.encode_to_vec()).await;
    gateway
        .call("made.up.Service/Secret?pupil=ada", Form::Binary, "lost-1", b"")
        .await;
    let large = vec![b'x'; 200_000];
    gateway.call(ECHO, Form::Binary, "large-1", &large).await;
    let log = gateway.stop().await;

    let [good] = &log.of("good-1")[..] else {
        panic!("{}", log.text())
    };
    assert_eq!(good["method"], GET);
    assert_eq!((&good["code"], &good["http"]), (&json!("OK"), &json!(200)));
    assert_eq!((&good["front"], &good["level"]), (&json!("grpc-web"), &json!("info")));
    assert_eq!(good["received"], essay.len() + 5);
    assert!(good["sent"].as_u64().unwrap() > 5);
    assert!(good["milliseconds"].as_f64().unwrap() > 0.0);
    assert_eq!(good["instance"], stage.probe().id.as_str());
    assert_eq!(log.of("text-1")[0]["front"], "grpc-web-text");
    assert_eq!(log.of("text-1")[0]["received"], essay.len() + 5, "not its base64");
    let [bad] = &log.of("bad-1")[..] else {
        panic!("{}", log.text())
    };
    assert_eq!(bad["code"], "FAILED_PRECONDITION");
    let large_line = &log.of("large-1")[0];
    assert_eq!(
        (&large_line["received"], &large_line["sent"]),
        (&json!(large.len() + 5), &json!(large.len() + 5))
    );
    let text = log.text();
    for secret in ["diary", "203.0.113.99", "127.0.0.1", "Secret", "ada", "made.up"] {
        assert!(!text.contains(secret), "{secret} is in\n{text}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_share_is_logged_changes_while_the_gateway_runs_and_failures_are_logged_anyway() {
    let stage = Stage::start().await;
    let gateway = Logged::start(&stage).await;
    stage
        .consul
        .client()
        .kv_put(&key("gateway"), "[edge.log]\nsample = 0.0\n")
        .await
        .unwrap();
    wait_for("calls to be logged no more", || async {
        let before = gateway.log.of("probing").len();
        for _ in 0..3 {
            gateway.call(GET, Form::Binary, "probing", b"").await;
        }
        // A failure is written after what came before it.
        let failing = GetProbeRequest {
            fail_with: 5,
            ..Default::default()
        };
        let failures = gateway.log.of("failing").len();
        gateway
            .call(GET, Form::Binary, "failing", &failing.encode_to_vec())
            .await;
        wait_for("the failure", || async { gateway.log.of("failing").len() > failures }).await;
        gateway.log.of("probing").len() == before
    })
    .await;
    gateway.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_told_by_method_and_live() {
    let mut stage = Stage::start().await;
    let browser = stage.browser();
    let failing = GetProbeRequest {
        fail_with: 5,
        ..Default::default()
    };
    for _ in 0..4 {
        browser.unary(GET, b"").await;
    }
    browser.unary(GET, &failing.encode_to_vec()).await;
    let endless = WatchProbeRequest {
        interval_milliseconds: 50,
        ..Default::default()
    };
    let request = browser
        .call(WATCH, Form::Binary)
        .body(frame(&endless.encode_to_vec()))
        .unwrap();
    let _stream = browser.begin(request).await;

    let (status, _, body) = browser.get("/gateway/calls").await;
    assert_eq!(status, 200);
    let told: Value = serde_json::from_slice(&body).unwrap();
    let get = &told["methods"][GET];
    assert_eq!(get["errors"], json!({ "NOT_FOUND": 1 }));
    assert!(get["calls"].as_u64().unwrap() >= 5 && get["recent"]["calls"].as_u64().unwrap() >= 5);
    assert!(get["recent"]["per_second"].as_f64().unwrap() > 0.0);
    let latency = &get["recent"]["latency_ms"];
    assert!(latency["p50"].as_f64().unwrap() > 0.0 && latency["p99"].as_f64() >= latency["p90"].as_f64());
    assert_eq!(told["methods"][WATCH]["in_flight"], 1);

    let request = Request::builder()
        .uri("/gateway/calls/live")
        .body(Bytes::new())
        .unwrap();
    let mut live = browser.begin(request).await;
    assert_eq!(live.response.headers()["content-type"], "text/event-stream");
    let mut events = Vec::new();
    while events.len() < 3 {
        let chunk = live.response.body_mut().frame().await.unwrap().unwrap();
        let chunk = chunk.into_data().unwrap();
        let event = chunk.strip_prefix(b"data: ").unwrap().strip_suffix(b"\n\n").unwrap();
        events.push(serde_json::from_slice::<Value>(event).unwrap());
        browser.unary(ECHO, b"").await;
    }
    assert!(events[2]["methods"][ECHO]["calls"].as_u64() > events[0]["methods"][ECHO]["calls"].as_u64());

    stage.shut_down();
    let rest = live.response.body_mut().collect();
    tokio::time::timeout(Duration::from_secs(5), rest)
        .await
        .unwrap()
        .unwrap();
    stage.stopped().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn listeners_have_a_limit_and_leave_their_places() {
    let stage = Stage::start_empty(|_| {}).await;
    let browser = stage.browser();
    let listen = || async {
        let request = Request::builder()
            .uri("/gateway/calls/live")
            .body(Bytes::new())
            .unwrap();
        browser.begin(request).await
    };
    let mut listeners = Vec::new();
    let refused = loop {
        let response = listen().await;
        if response.response.status() != 200 {
            break response;
        }
        listeners.push(response);
        assert!(listeners.len() < 1000);
    };
    assert_eq!(refused.response.status(), 503);
    drop(listeners);
    wait_for("a place", || async { listen().await.response.status() == 200 }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn health_is_told_by_service() {
    let mut stage = Stage::start().await;
    let browser = stage.browser();
    let health = |path: &'static str| async move {
        let (status, _, body) = browser.get(path).await;
        (status, serde_json::from_slice::<Value>(&body).unwrap_or_default())
    };
    let serving = json!({ "status": "serving", "instances": 1 });
    // A busy machine makes an instance warn for a while, which is no less 200.
    for path in ["/gateway/health/testing", "/gateway/health/mirror"] {
        wait_for("the service to be well", || async {
            let (status, told) = health(path).await;
            assert_eq!((status, &told["instances"]), (200, &json!(1)));
            told == serving
        })
        .await;
    }
    assert_eq!(health("/gateway/health/nobody").await.0, 404);
    assert_eq!(health("/gateway/health/").await.0, 404);
    stage.probe.take().unwrap().stop().await;
    wait_for("the probe to be gone", || async {
        health("/gateway/health/testing").await.0 == 503
    })
    .await;
    assert_eq!(
        health("/gateway/health/testing").await.1,
        json!({ "status": "not_serving", "instances": 0 })
    );
    assert_eq!(health("/gateway/health/mirror").await.0, 200);
    let (status, all) = health("/gateway/health").await;
    assert_eq!(
        (status, &all["status"]),
        (200, &json!("degraded")),
        "degraded is not down"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn operators_see_everything_from_anywhere_and_strangers_only_health() {
    let key = Signing::ed("ed");
    let site = Site::start(set(&[&key])).await;
    let stage = Stage::start_with(trusting(site.url())).await;
    let browser = stage.browser();
    let ask = |path: &'static str, forwarded: &'static str, token: String| async move {
        let request = Request::builder()
            .uri(path)
            .header(forwarded, "for=203.0.113.9")
            .header("authorization", format!("Bearer {token}"));
        let mut request = request.body(Bytes::new()).unwrap();
        if token.is_empty() {
            request.headers_mut().remove("authorization");
        }
        browser.begin(request).await.response.status().as_u16()
    };
    let of = |role: &str| key.token(&claims(json!({ "roles": [role] })));
    for forwarded in ["x-forwarded-for", "forwarded"] {
        for path in [
            "/gateway/services",
            "/gateway/metrics",
            "/gateway/calls",
            "/gateway/calls/live",
            "/gateway/nothing",
        ] {
            assert_eq!(ask(path, forwarded, String::new()).await, 401, "{path}");
            assert_eq!(ask(path, forwarded, "made-up".to_owned()).await, 401, "{path}");
            assert_eq!(ask(path, forwarded, of("student")).await, 403, "{path}");
        }
        for role in ["educator", "administrator"] {
            assert_eq!(ask("/gateway/calls", forwarded, of(role)).await, 200);
        }
        assert_eq!(ask("/gateway/health", forwarded, String::new()).await, 200);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_has_a_correlation_id() {
    let stage = Stage::start().await;
    let browser = stage.browser();
    let ask = |path: &'static str, id: &'static str| async move {
        let mut request = Request::builder().uri(path);
        if !id.is_empty() {
            request = request.header("x-correlation-id", id);
        }
        let response = browser.begin(request.body(Bytes::new()).unwrap()).await.response;
        response.headers()["x-correlation-id"].to_str().unwrap().to_owned()
    };
    for path in ["/", "/gateway/health", "/gateway/nothing", "/gateway/calls"] {
        assert_eq!(ask(path, "mine-1").await, "mine-1", "{path}");
        assert_ne!(ask(path, "").await, ask(path, "").await);
        assert_ne!(ask(path, "not an id: <script>").await, "not an id: <script>");
    }
    for method in [GET, "made.up.Service/Method"] {
        let request = browser
            .call(method, Form::Binary)
            .header("x-correlation-id", "mine-2")
            .body(frame(b""))
            .unwrap();
        assert_eq!(browser.send(request).await.headers["x-correlation-id"], "mine-2");
        assert!(!browser.unary(method, b"").await.headers["x-correlation-id"].is_empty());
    }
}
