//! Batches: what waits for what, and what becomes of the rest.

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::BodyExt as _;
use lyceum::testing::wait_for;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::stage::Stage;

async fn send(stage: &Stage, headers: &[(&str, &str)], body: impl Into<Bytes>) -> (u16, HeaderMap, Bytes) {
    let mut request = Request::post("/api/batch").header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = stage.browser().begin(request.body(body.into()).unwrap()).await;
    let (parts, body) = response.response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (parts.status.as_u16(), parts.headers, body)
}

async fn run(stage: &Stage, batch: &Value) -> Vec<Value> {
    let (status, headers, body) = send(stage, &[], batch.to_string()).await;
    assert_eq!(
        (status, &headers["content-type"]),
        (200, &"application/json".parse().unwrap())
    );
    let answer: Value = serde_json::from_slice(&body).unwrap();
    answer["answers"].as_array().unwrap().clone()
}

/// Ready when the probe can be named.
async fn stage() -> Stage {
    let stage = Stage::start().await;
    wait_for("the probe among the names", || async {
        let batch = json!({ "calls": [{ "id": "a", "method": "testing/GetProbe" }] });
        let (status, _, body) = send(&stage, &[], batch.to_string()).await;
        status == 200 && String::from_utf8_lossy(&body).contains("\"OK\"")
    })
    .await;
    stage
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_run_at_once_and_answer_in_order() {
    let stage = stage().await;
    let slow = json!({ "delayMilliseconds": 400 });
    let batch = json!({ "calls": [
        { "id": "one", "method": "testing/GetProbe", "request": slow },
        { "id": "two", "method": "/lyceum.testing.v1.ProbeService/GetProbe", "request": slow },
        { "id": "three", "method": "testing/get-probe", "request": { "payload": "ZXNzYXk=" } },
        { "id": "four", "method": "testing/WatchProbe", "request": { "count": 2 } },
    ] });
    let began = Instant::now();
    let answers = run(&stage, &batch).await;
    assert!(
        began.elapsed().as_millis() < 780,
        "both slow ones at once: {:?}",
        began.elapsed()
    );
    let ids: Vec<_> = answers.iter().map(|answer| answer["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["one", "two", "three", "four"]);
    assert!(answers.iter().all(|answer| answer["status"] == "OK"));
    assert_eq!(answers[2]["response"]["payload"], "ZXNzYXk=");
    assert_eq!(answers[3]["responses"][1]["sequence"], "1");
    let correlation = &answers[0]["response"]["correlationId"];
    assert_eq!(
        *correlation, answers[1]["response"]["correlationId"],
        "they belong together"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_takes_values_from_earlier_answers() {
    let stage = stage().await;
    let batch = json!({ "calls": [
        { "id": "last", "method": "testing/GetProbe", "request": { "payload": { "$from": "stream[1].payload" }, "delayMilliseconds": { "$from": "counted.count" } } },
        { "id": "stream", "method": "testing/WatchProbe", "request": { "count": 2, "payloadBytes": 3 }, "after": ["counted"] },
        { "id": "counted", "method": "testing/RecordProbe" },
        { "id": "nowhere", "method": "testing/GetProbe", "request": { "payload": { "$from": "stream[7].payload" } } },
    ] });
    let answers = run(&stage, &batch).await;
    assert_eq!(answers[2]["response"]["count"], "1");
    let payload = &answers[1]["responses"][1]["payload"];
    assert!(payload.as_str().unwrap().len() == 4, "{answers:?}");
    assert_eq!(
        (&answers[0]["status"], &answers[0]["response"]["payload"]),
        (&json!("OK"), payload)
    );
    assert_eq!(answers[3]["status"], "FAILED_PRECONDITION");
    assert_eq!(answers[3]["error"]["details"][0]["reason"], "REFERENCE_MISSING");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_takes_along_only_what_waits_for_it() {
    let stage = stage().await;
    let batch = json!({ "calls": [
        { "id": "bad", "method": "testing/GetProbe", "request": { "failWith": 5 } },
        { "id": "waits", "method": "testing/RecordProbe", "after": ["bad"] },
        { "id": "further", "method": "testing/RecordProbe", "after": ["waits"] },
        { "id": "good", "method": "testing/GetProbe" },
        { "id": "wrong", "method": "testing/GetProbe", "request": { "nothing": 1 } },
        { "id": "unknown", "method": "testing/Nothing" },
        { "id": "upwards", "method": "testing/ExchangeProbe" },
        { "id": "late", "method": "testing/GetProbe", "request": { "delayMilliseconds": 30000 }, "timeout": "100ms" },
    ] });
    let answers = run(&stage, &batch).await;
    let told: Vec<_> = answers
        .iter()
        .map(|answer| {
            let reason = answer["error"]["details"][0]["reason"].as_str().unwrap_or_default();
            (answer["status"].as_str().unwrap(), reason)
        })
        .collect();
    assert_eq!(
        told,
        [
            ("NOT_FOUND", "PROBE_TOLD_TO_FAIL"),
            ("FAILED_PRECONDITION", "DEPENDENCY_FAILED"),
            ("FAILED_PRECONDITION", "DEPENDENCY_FAILED"),
            ("OK", ""),
            ("INVALID_ARGUMENT", "INPUT_INVALID"),
            ("NOT_FOUND", "METHOD_UNKNOWN"),
            ("UNIMPLEMENTED", "METHOD_STREAMS"),
            ("DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED"),
        ]
    );
    assert_eq!(answers[2]["error"]["details"][0]["metadata"]["call"], "waits");
    let count = run(
        &stage,
        &json!({ "calls": [{ "id": "a", "method": "testing/RecordProbe" }] }),
    )
    .await;
    assert_eq!(
        count[0]["response"]["count"], "1",
        "what waited in vain was never called"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_come_as_they_are_ready_where_wanted() {
    let stage = stage().await;
    let batch = json!({ "calls": [
        { "id": "slow", "method": "testing/GetProbe", "request": { "delayMilliseconds": 300 } },
        { "id": "fast", "method": "testing/GetProbe" },
    ] })
    .to_string();
    let (_, headers, body) = send(&stage, &[("accept", "application/x-ndjson")], batch.clone()).await;
    assert_eq!(headers["content-type"], "application/x-ndjson");
    let text = String::from_utf8_lossy(&body).into_owned();
    let ids: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["id"].clone())
        .collect();
    assert_eq!(ids, ["fast", "slow"]);

    let (_, headers, body) = send(&stage, &[("accept", "text/event-stream")], batch).await;
    assert_eq!(headers["content-type"], "text/event-stream");
    let text = String::from_utf8_lossy(&body).into_owned();
    assert!(text.starts_with("event: answer\ndata: {\"id\":\"fast\""), "{text}");
    assert!(text.ends_with("event: end\ndata:\n\n"), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_time_is_for_all_of_them() {
    let stage = stage().await;
    let hanging = json!({ "delayMilliseconds": 30000 });
    let batch = json!({ "timeout": "300ms", "calls": [
        { "id": "slow", "method": "testing/GetProbe", "request": hanging },
        { "id": "fast", "method": "testing/GetProbe" },
        { "id": "after", "method": "testing/GetProbe", "after": ["slow"] },
    ] });
    let began = Instant::now();
    let answers = run(&stage, &batch).await;
    assert!(began.elapsed().as_secs() < 5);
    assert_eq!(
        (&answers[0]["status"], &answers[1]["status"]),
        (&json!("DEADLINE_EXCEEDED"), &json!("OK"))
    );
    assert_ne!(answers[2]["status"], "OK");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_batch_is_refused_with_the_field() {
    let stage = stage().await;
    let circle = json!({ "calls": [
        { "id": "a", "method": "testing/GetProbe", "after": ["b"] },
        { "id": "b", "method": "testing/GetProbe", "request": { "payload": { "$from": "a.payload" } } },
    ] });
    let (status, _, body) = send(&stage, &[], circle.to_string()).await;
    let refused: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        (status, &refused["details"][0]["reason"]),
        (400, &json!("INPUT_INVALID"))
    );
    assert_eq!(refused["details"][1]["fieldViolations"][0]["field"], "calls[0].after");

    let (status, _, _) = send(&stage, &[], "{\"calls\":").await;
    assert_eq!(status, 400);
    let text = Request::post("/api/batch")
        .header("content-type", "text/plain")
        .body(Bytes::from("{}"))
        .unwrap();
    assert_eq!(
        stage.browser().begin(text).await.response.status(),
        400,
        "another site can send text"
    );
    let (status, _, _) = stage.browser().get("/api/batch").await;
    assert_eq!(status, 405);
    // Doubling what is referred to ends at a message's size.
    let mut calls =
        vec![json!({ "id": "c0", "method": "testing/GetProbe", "request": { "payload": "QUFB".repeat(700_000) } })];
    let twice = json!({ "payload": { "$from": "c0.payload" }, "forwardTo": { "$from": "c0.payload" }, "failWith": { "$from": "c0" } });
    calls.push(json!({ "id": "c1", "method": "testing/GetProbe", "request": twice }));
    let answers = run(&stage, &json!({ "calls": calls })).await;
    assert_eq!(answers[1]["error"]["details"][0]["reason"], "MESSAGE_TOO_LARGE");
}
