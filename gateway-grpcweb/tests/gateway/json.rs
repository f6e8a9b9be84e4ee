//! REST with JSON: by name, by annotation, streams, failures, bad input.

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::BodyExt as _;
use lyceum::testing::wait_for;
use serde_json::{Value, json};

use crate::browser::{Browser, Raw};
use crate::stage::Stage;

/// All of an answer.
struct Answer {
    http: u16,
    headers: HeaderMap,
    body: Bytes,
}

impl Answer {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|_| panic!("no JSON: {:?}", self.body))
    }

    fn reason(&self) -> String {
        let status = self.json();
        let details = status["details"].as_array().unwrap();
        let info = details
            .iter()
            .find(|detail| detail["@type"] == "type.googleapis.com/google.rpc.ErrorInfo");
        info.unwrap()["reason"].as_str().unwrap().to_owned()
    }

    fn lines(&self) -> Vec<Value> {
        let text = std::str::from_utf8(&self.body).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}

async fn send(browser: &Browser, line: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Answer {
    let (method, path) = line.split_once(' ').unwrap();
    let mut request = Request::builder().method(method).uri(browser.uri(path));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = browser.begin(request.body(body.into()).unwrap()).await;
    let (parts, body) = response.response.into_parts();
    Answer {
        http: parts.status.as_u16(),
        headers: parts.headers,
        body: body.collect().await.unwrap().to_bytes(),
    }
}

const JSON: (&str, &str) = ("content-type", "application/json");

async fn post(browser: &Browser, path: &str, body: &str) -> Answer {
    send(browser, &format!("POST {path}"), &[JSON], body.to_owned()).await
}

/// A stage whose gateway has learnt the probe's types.
async fn stage() -> Stage {
    let stage = Stage::start().await;
    let browser = stage.browser();
    // What is unknown is only said to be once every service was asked for its types.
    wait_for("the probe's types", || async {
        post(&browser, "/api/testing/GetProbe", "{}").await.http == 200
            && post(&browser, "/api/testing/get-nothing", "{}").await.http == 404
    })
    .await;
    stage
}

#[tokio::test(flavor = "multi_thread")]
async fn a_method_answers_by_every_name_that_it_has() {
    let stage = stage().await;
    for browser in [stage.browser(), stage.browser().over_http2()] {
        for path in [
            "/api/testing/GetProbe",
            "/api/testing/get-probe",
            "/api/lyceum.testing.v1.ProbeService/GetProbe",
            "/api/lyceum.testing.ProbeService/get-probe",
            "/v1/testing/probe:get",
        ] {
            let answer = post(&browser, path, r#"{"payload":"ZXNzYXk="}"#).await;
            assert_eq!(
                (answer.http, &answer.headers["content-type"]),
                (200, &"application/json".parse().unwrap()),
                "{path}"
            );
            let told = answer.json();
            assert_eq!(
                (&told["payload"], &told["instance"]),
                (&json!("ZXNzYXk="), &json!(stage.probe().id))
            );
            assert_eq!(
                told["correlationId"],
                answer.headers["x-correlation-id"].to_str().unwrap()
            );
            assert_eq!(answer.headers["cache-control"], "no-store");
            assert!(!answer.headers.contains_key("grpc-status"));
        }
    }
    let browser = stage.browser();
    // Nothing is a message without fields; a method without side effects can be read.
    assert_eq!(
        send(&browser, "POST /api/testing/record-probe", &[], "").await.json()["count"],
        "1"
    );
    let answer = send(&browser, "GET /api/testing/get-probe?payload=_-8", &[], "").await;
    assert_eq!(answer.json()["payload"], "/+8=");
    let answer = send(&browser, "GET /api/testing/record-probe", &[], "").await;
    assert_eq!(
        (answer.http, &answer.headers["allow"]),
        (405, &"OPTIONS, POST".parse().unwrap())
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn annotations_bind_paths_queries_and_bodies() {
    let stage = stage().await;
    let browser = stage.browser();
    let answer = send(
        &browser,
        "GET /v1/testing/probe?payload=ZXNz&delay_milliseconds=1",
        &[],
        "",
    )
    .await;
    assert_eq!((answer.http, &answer.json()["payload"]), (200, &json!("ZXNz")));
    // A body that is one field, an answer that is one field.
    let answer = send(&browser, "PUT /v1/testing/probe:record", &[JSON], r#""ZXNz""#).await;
    assert_eq!((answer.http, &answer.body[..]), (200, &b"\"1\""[..]));
    let answer = send(&browser, "GET /v1/testing/probe/3:watch?payloadBytes=2", &[], "").await;
    assert_eq!(answer.lines().len(), 3);
    assert_eq!(answer.lines()[2]["result"]["sequence"], "2");
    // What a variable holds of several segments; no service has such a name, and it is that which is said.
    let answer = send(&browser, "GET /v1/testing/probe/services/a%2Fb/told", &[], "").await;
    assert_eq!(answer.http, 400);
    assert!(
        answer.json()["message"].as_str().unwrap().contains("services/a%2Fb"),
        "{:?}",
        answer.json()
    );

    for (line, body, http, reason) in [
        ("GET /v1/testing/probe?nothing=1", "", 400, "INPUT_INVALID"),
        ("GET /v1/testing/probe?fail_with=x", "", 400, "INPUT_INVALID"),
        ("GET /v1/testing/probe/many:watch", "", 400, "INPUT_INVALID"),
        ("GET /v1/testing/probe/3:watch?count=4", "", 400, "INPUT_INVALID"),
        ("GET /v1/testing/probe", "{}", 400, "BODY_UNWANTED"),
        ("PUT /v1/testing/probe:record", "5", 400, "INPUT_INVALID"),
        ("DELETE /v1/testing/probe", "", 405, "VERB_UNKNOWN"),
    ] {
        let answer = send(&browser, line, &[JSON], body).await;
        assert_eq!((answer.http, answer.reason().as_str()), (http, reason), "{line}");
    }
    let answer = send(&browser, "DELETE /v1/testing/probe", &[], "").await;
    assert_eq!(answer.headers["allow"], "GET, OPTIONS");
    // Nobody's path is the page's, which is not built here.
    assert_eq!(send(&browser, "GET /v1/testing/nothing", &[], "").await.http, 503);
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_are_statuses_or_problems() {
    let stage = stage().await;
    let browser = stage.browser();
    let answer = post(&browser, "/api/testing/get-probe", r#"{"failWith":7}"#).await;
    assert_eq!((answer.http, answer.json()["code"].as_i64()), (403, Some(7)));
    assert_eq!(answer.json()["message"], "the probe was told to fail");
    assert_eq!(answer.reason(), "PROBE_TOLD_TO_FAIL");
    let wrong = r#"{"delayMilliseconds":60001}"#;
    let headers = [JSON, ("accept", "application/problem+json")];
    let answer = send(&browser, "POST /api/testing/get-probe", &headers, wrong).await;
    assert_eq!(answer.headers["content-type"], "application/problem+json");
    let problem = answer.json();
    assert_eq!((answer.http, &problem["status"]), (400, &json!(400)));
    assert_eq!(problem["type"], "urn:lyceum:error:INPUT_INVALID");
    assert_eq!(problem["errors"][0]["field"], "delay_milliseconds");

    for (path, http, reason) in [
        ("/api/nobody/get-probe", 404, "SERVICE_UNKNOWN"),
        ("/api/testing/get-nothing", 404, "METHOD_UNKNOWN"),
        ("/api/testing", 404, "PATH_UNKNOWN"),
        ("/api/testing/get-probe/more", 404, "PATH_UNKNOWN"),
        ("/api/", 404, "PATH_UNKNOWN"),
    ] {
        let answer = post(&browser, path, "{}").await;
        assert_eq!((answer.http, answer.reason().as_str()), (http, reason), "{path}");
    }
    let late = [JSON, ("x-request-timeout", "50ms")];
    let answer = send(
        &browser,
        "POST /api/testing/get-probe",
        &late,
        r#"{"delayMilliseconds":60000}"#,
    )
    .await;
    assert_eq!((answer.http, answer.reason().as_str()), (504, "DEADLINE_EXCEEDED"));
    let late = [JSON, ("grpc-timeout", "50m")];
    let answer = send(
        &browser,
        "POST /api/testing/get-probe",
        &late,
        r#"{"delayMilliseconds":60000}"#,
    )
    .await;
    assert_eq!(answer.http, 504);
    let answer = send(
        &browser,
        "POST /api/testing/get-probe",
        &[JSON, ("x-request-timeout", "soon")],
        "{}",
    )
    .await;
    assert_eq!((answer.http, answer.reason().as_str()), (400, "TIMEOUT_INVALID"));
}

#[tokio::test(flavor = "multi_thread")]
async fn bad_bodies_get_a_clear_status() {
    let stage = stage().await;
    let browser = stage.browser();
    let deep = r#"{"payload":"#.to_owned() + &"[".repeat(10_000) + &"]".repeat(10_000) + "}";
    let path = "POST /api/testing/get-probe";
    for (body, reason) in [
        (&b"{\"paylaod\":\"\"}"[..], "INPUT_INVALID"),
        (b"{\"payload\":\"\xff\"}", "JSON_INVALID"),
        (b"{\"payload\":", "JSON_INVALID"),
        (b"null", "INPUT_INVALID"),
        (b"[1]", "INPUT_INVALID"),
        (&"[".repeat(10_000).into_bytes(), "INPUT_INVALID"),
        (deep.as_bytes(), "INPUT_INVALID"),
    ] {
        let answer = send(&browser, path, &[JSON], body.to_vec()).await;
        assert_eq!(
            (answer.http, answer.reason().as_str()),
            (400, reason),
            "{}",
            answer.json()
        );
    }
    let answer = send(&browser, path, &[JSON], &b"{\"paylaod\":\"secret\"}"[..]).await;
    assert_eq!(
        answer.json()["message"],
        "paylaod is not a field of lyceum.testing.v1.GetProbeRequest"
    );
    let answer = send(&browser, path, &[("content-type", "text/plain")], "{}").await;
    assert_eq!((answer.http, answer.reason().as_str()), (415, "CONTENT_TYPE_UNKNOWN"));
    let answer = send(&browser, path, &[JSON, ("content-encoding", "br")], "{}").await;
    assert_eq!((answer.http, answer.reason().as_str()), (501, "ENCODING_UNKNOWN"));
    // A hundred megabytes are refused before they have come.
    let mut raw = Raw::connect(stage.address).await;
    raw.write("POST /api/testing/get-probe HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 104857600\r\n\r\n{")
        .await;
    let answer = raw.read_until("BODY_TOO_LARGE").await;
    assert!(answer.starts_with("HTTP/1.1 429"), "{answer}");
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_come_as_lines_or_as_events() {
    let stage = stage().await;
    let browser = stage.browser();
    let asked = r#"{"count":3,"payloadBytes":2}"#;
    let answer = post(&browser, "/api/testing/watch-probe", asked).await;
    assert_eq!(
        (answer.http, &answer.headers["content-type"]),
        (200, &"application/x-ndjson".parse().unwrap())
    );
    let lines = answer.lines();
    assert_eq!(lines.len(), 3);
    assert_eq!(
        (&lines[0]["result"]["payload"], &lines[2]["result"]["sequence"]),
        (&json!("cHA="), &json!("2"))
    );

    let answer = post(&browser, "/api/testing/watch-probe", r#"{"count":2,"failWith":10}"#).await;
    assert_eq!(answer.http, 200);
    assert_eq!(answer.lines().len(), 3);
    let error = &answer.lines()[2]["error"];
    assert_eq!(
        (&error["code"], &error["message"]),
        (&json!(10), &json!("the probe was told to fail"))
    );

    let events = [("accept", "text/event-stream")];
    let answer = send(&browser, "GET /v1/testing/probe/2:watch", &events, "").await;
    assert_eq!(answer.headers["content-type"], "text/event-stream");
    let text = std::str::from_utf8(&answer.body).unwrap();
    let events: Vec<&str> = text.split_terminator("\n\n").collect();
    assert!(events[0].starts_with("id: 0\ndata: {"), "{text}");
    assert!(events[1].starts_with("id: 1\ndata: {\"sequence\":\"1\""), "{text}");
    assert_eq!(events[2..], ["event: end\ndata: {}"]);
    let events = [("accept", "text/event-stream")];
    let answer = send(&browser, "GET /v1/testing/probe/1:watch?failWith=5", &events, "").await;
    let text = std::str::from_utf8(&answer.body).unwrap();
    assert!(text.contains("\n\nevent: error\ndata: {\"code\":5,"), "{text}");

    // Each message is there as soon as it is, and leaving ends the call.
    let request = Request::get("/v1/testing/probe/0:watch?interval_milliseconds=5")
        .body(Bytes::new())
        .unwrap();
    let answer = browser.begin(request).await;
    let mut body = answer.response.into_body();
    for _ in 0..3 {
        assert!(
            body.frame()
                .await
                .unwrap()
                .unwrap()
                .into_data()
                .unwrap()
                .ends_with(b"\n")
        );
    }
    drop(answer.connection);
}

#[tokio::test(flavor = "multi_thread")]
async fn many_messages_go_up_as_lines() {
    let stage = stage().await;
    let lines = "{\"payload\":\"AQ==\"}\n\n{\"payload\":\"Ag==\"}\r\n{}";
    let kind = [("content-type", "application/x-ndjson")];
    for browser in [stage.browser(), stage.browser().over_http2()] {
        let answer = send(&browser, "POST /api/testing/exchange-probe", &kind, lines).await;
        let payloads: Vec<Value> = answer
            .lines()
            .iter()
            .map(|line| line["result"]["payload"].clone())
            .collect();
        assert_eq!(
            (answer.http, payloads),
            (200, vec![json!("AQ=="), json!("Ag=="), Value::Null])
        );
        let answer = send(
            &browser,
            "POST /api/testing/exchange-probe",
            &kind,
            "{}\n{\"nope\":1}\n",
        )
        .await;
        let last = answer.lines().pop().unwrap();
        let error = last.get("error").unwrap_or(&last);
        assert_eq!(
            error["message"], "nope is not a field of lyceum.testing.v1.ExchangeProbeRequest",
            "{last}"
        );
    }
    let answer = post(&stage.browser(), "/api/testing/exchange-probe", "{}").await;
    assert_eq!((answer.http, answer.reason().as_str()), (415, "CONTENT_TYPE_UNKNOWN"));
}

#[tokio::test(flavor = "multi_thread")]
async fn metadata_goes_both_ways_and_other_sites_can_read() {
    let stage = stage().await;
    let browser = stage.browser();
    let headers = [
        JSON,
        ("origin", "https://school.example"),
        ("x-correlation-id", "essay-42"),
        ("lyceum-principal", "teacher"),
    ];
    let answer = send(&browser, "POST /api/testing/get-probe", &headers, "{}").await;
    assert_eq!(answer.headers["access-control-allow-origin"], "https://school.example");
    assert!(
        answer.headers["access-control-expose-headers"]
            .to_str()
            .unwrap()
            .contains("x-correlation-id")
    );
    assert_eq!(answer.headers["lyceum-instance"], stage.probe().id.as_str());
    let told = answer.json();
    assert_eq!(
        (&told["correlationId"], &told["principal"]),
        (&json!("essay-42"), &json!("anonymous"))
    );
    // What a service tells beside a failure stands in the headers.
    let version = send(
        &browser,
        "POST /api/testing/get-probe",
        &[JSON, ("lyceum-version", "v1")],
        "{}",
    )
    .await;
    assert_eq!(version.http, 200);
    let version = send(
        &browser,
        "POST /api/testing/get-probe",
        &[JSON, ("lyceum-version", "v7")],
        "{}",
    )
    .await;
    assert_eq!((version.http, version.reason().as_str()), (404, "VERSION_UNKNOWN"));
}
