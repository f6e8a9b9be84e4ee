//! GraphQL over what the services reflect.

use std::fmt::Write as _;

use bytes::Bytes;
use http::{HeaderMap, Request};
use http_body_util::BodyExt as _;
use lyceum::testing::wait_for;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::stage::Stage;

/// Sends a body of JSON.
async fn send(stage: &Stage, headers: &[(&str, &str)], body: impl Into<Bytes>) -> (u16, HeaderMap, Bytes) {
    let mut request = Request::post("/graphql").header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = stage.browser().begin(request.body(body.into()).unwrap()).await;
    let (parts, body) = response.response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (parts.status.as_u16(), parts.headers, body)
}

async fn run(stage: &Stage, query: &str, variables: Value) -> Value {
    let body = json!({ "query": query, "variables": variables }).to_string();
    let (status, headers, body) = send(stage, &[], body).await;
    assert_eq!(
        (status, &headers["content-type"]),
        (200, &"application/json".parse().unwrap())
    );
    serde_json::from_slice(&body).unwrap()
}

/// Ready when the probe is in the schema.
async fn stage() -> Stage {
    let stage = Stage::start().await;
    wait_for("the probe in the schema", || async {
        run(&stage, "{ probe_getProbe(input: {}) { instance } }", json!({})).await["data"]["probe_getProbe"].is_object()
    })
    .await;
    stage
}

#[tokio::test(flavor = "multi_thread")]
async fn a_query_calls_and_answers_only_what_is_asked_for() {
    let stage = stage().await;
    let query = "query Q($payload: Bytes!) {
        one: probe_getProbe(input: { payload: $payload, delayMilliseconds: 300 }) { ...Seen }
        two: probe_getProbe(input: { delayMilliseconds: 300 }) { ...Seen correlationId }
    }
    fragment Seen on Testing_GetProbeResponse { payload, instance, __typename }";
    let began = Instant::now();
    let answer = run(&stage, query, json!({ "payload": "ZXNzYXk=" })).await;
    assert!(began.elapsed().as_millis() < 590, "both at once");
    let (one, two) = (&answer["data"]["one"], &answer["data"]["two"]);
    assert_eq!(
        *one,
        json!({ "payload": "ZXNzYXk=", "instance": stage.probe().id, "__typename": "Testing_GetProbeResponse" })
    );
    assert!(!two["correlationId"].as_str().unwrap().is_empty());
    assert_eq!(answer.get("errors"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_is_null_beside_what_does_not() {
    let stage = stage().await;
    let query = "{
        good: probe_getProbe(input: {}) { instance }
        bad: probe_getProbe(input: { failWith: 5 }) { instance }
        wrong: probe_getProbe(input: { delayMilliseconds: 60001 }) { instance }
    }";
    let answer = run(&stage, query, json!({})).await;
    assert_eq!(answer["data"]["good"]["instance"], stage.probe().id);
    assert_eq!(
        (&answer["data"]["bad"], &answer["data"]["wrong"]),
        (&Value::Null, &Value::Null)
    );
    let errors = answer["errors"].as_array().unwrap();
    let error = |path: &str| errors.iter().find(|error| error["path"] == json!([path])).unwrap();
    assert_eq!(error("bad")["message"], "the probe was told to fail");
    assert_eq!(
        error("bad")["extensions"],
        json!({ "code": "NOT_FOUND", "reason": "PROBE_TOLD_TO_FAIL" })
    );
    assert_eq!(
        error("wrong")["extensions"]["violations"][0]["field"],
        "delay_milliseconds"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn mutations_go_one_after_the_other() {
    let stage = stage().await;
    let query = "mutation { a: probe_recordProbe(input: {}) { count } b: probe_recordProbe(input: {}) { count } }";
    let answer = run(&stage, query, json!({})).await;
    assert_eq!(answer["data"], json!({ "a": { "count": "1" }, "b": { "count": "2" } }));
    let answer = run(&stage, "{ probe_recordProbe(input: {}) { count } }", json!({})).await;
    assert_eq!(answer["data"], Value::Null, "it is no query");

    let (_, _, body) = stage
        .browser()
        .get("/graphql?query=mutation%7Bprobe_recordProbe(input%3A%7B%7D)%7Bcount%7D%7D")
        .await;
    let answer: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(answer["errors"][0]["extensions"]["reason"], "METHOD_NOT_GET");
    let (status, _, body) = stage
        .browser()
        .get("/graphql?query=%7Bprobe_getProbe(input%3A%7B%7D)%7Binstance%7D%7D")
        .await;
    let answer: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!(
        (status, &answer["data"]["probe_getProbe"]["instance"]),
        (200, &json!(stage.probe().id))
    );
}

/// The events of an answer, as names and data.
fn events(body: &[u8]) -> Vec<(String, Value)> {
    let text = String::from_utf8_lossy(body).into_owned();
    let mut events = Vec::new();
    for event in text.split_terminator("\n\n").filter(|event| !event.starts_with(':')) {
        let (name, data) = event.split_once('\n').unwrap();
        let data = data.strip_prefix("data:").unwrap().trim_start();
        let data = if data.is_empty() {
            Value::Null
        } else {
            serde_json::from_str(data).unwrap()
        };
        events.push((name.strip_prefix("event: ").unwrap().to_owned(), data));
    }
    events
}

#[tokio::test(flavor = "multi_thread")]
async fn subscriptions_are_events() {
    let stage = stage().await;
    let listens = [("accept", "text/event-stream")];
    let body = json!({ "query": "subscription { probe_watchProbe(input: { count: 3 }) { sequence } }" }).to_string();
    let (status, headers, answer) = send(&stage, &listens, body.clone()).await;
    assert_eq!(
        (status, &headers["content-type"]),
        (200, &"text/event-stream".parse().unwrap())
    );
    let events_of = events(&answer);
    assert_eq!(events_of.len(), 4);
    assert_eq!(
        events_of[2],
        (
            "next".to_owned(),
            json!({ "data": { "probe_watchProbe": { "sequence": "2" } } })
        )
    );
    assert_eq!(events_of[3], ("complete".to_owned(), Value::Null));

    let failing =
        json!({ "query": "subscription { probe_watchProbe(input: { count: 1, failWith: 9 }) { sequence } }" });
    let (_, _, answer) = send(&stage, &listens, failing.to_string()).await;
    let events_of = events(&answer);
    assert_eq!(
        events_of[1].1["errors"][0]["extensions"]["reason"],
        "PROBE_TOLD_TO_FAIL"
    );
    assert_eq!(events_of[2].0, "complete");

    let query = json!({ "query": "{ probe_getProbe(input: {}) { instance } }" }).to_string();
    let (_, _, answer) = send(&stage, &listens, query).await;
    assert_eq!(
        events(&answer)[0].1["data"]["probe_getProbe"]["instance"],
        stage.probe().id
    );
    let (status, _, answer) = send(&stage, &listens, json!({ "query": "{" }).to_string()).await;
    assert_eq!((status, events(&answer)[1].0.as_str()), (200, "complete"));

    let (_, _, answer) = send(&stage, &[], body).await;
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    assert_eq!(answer["errors"][0]["extensions"]["reason"], "ACCEPT_EVENTS");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_who_leaves_ends_the_call() {
    let stage = stage().await;
    let endless =
        json!({ "query": "subscription { probe_watchProbe(input: { intervalMilliseconds: 5 }) { sequence } }" });
    let request = Request::post("/graphql")
        .header("content-type", "application/json")
        .header("accept", "text/event-stream")
        .body(Bytes::from(endless.to_string()))
        .unwrap();
    let answer = stage.browser().begin(request).await;
    let mut body = answer.response.into_body();
    let first = body.frame().await.unwrap().unwrap().into_data().unwrap();
    assert!(first.starts_with(b"event: next\n"), "{first:?}");
    drop(answer.connection);
    wait_for("the call to be cancelled", || async {
        let (_, _, metrics) = stage.browser().get("/gateway/metrics").await;
        String::from_utf8_lossy(&metrics)
            .contains("gateway_calls_total{method=\"lyceum.testing.v1.ProbeService/WatchProbe\",code=\"CANCELLED\"} 1")
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_schema_tells_itself() {
    let stage = stage().await;
    let query = "{
        __schema { queryType { name } mutationType { name } subscriptionType { name } types { name kind } }
        __type(name: \"Query\") { fields { name description args { name type { kind ofType { name } } } } }
    }";
    let answer = run(&stage, query, json!({})).await;
    assert_eq!(answer["data"]["__schema"]["subscriptionType"]["name"], "Subscription");
    let fields = answer["data"]["__type"]["fields"].as_array().unwrap();
    let probe = fields.iter().find(|field| field["name"] == "probe_getProbe").unwrap();
    assert_eq!(
        probe["args"][0]["type"]["ofType"]["name"],
        "Testing_GetProbeRequestInput"
    );
    assert!(
        probe["description"]
            .as_str()
            .unwrap()
            .starts_with("Answers after the delay")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_come_in_lists_and_are_told_by_status_where_wanted() {
    let stage = stage().await;
    let list = json!([{ "query": "{ schemaGeneration }" }, { "query": "{ nothing }" }]).to_string();
    let (_, _, body) = send(&stage, &[], list).await;
    let answers: Value = serde_json::from_slice(&body).unwrap();
    assert!(answers[0]["data"]["schemaGeneration"].is_string());
    assert!(answers[1]["errors"][0]["message"].as_str().unwrap().contains("nothing"));

    let accept = [("accept", "application/graphql-response+json")];
    let wrong = json!({ "query": "{ nothing }" }).to_string();
    let (status, headers, _) = send(&stage, &accept, wrong).await;
    assert_eq!(
        (status, &headers["content-type"]),
        (400, &"application/graphql-response+json".parse().unwrap())
    );
    let failing = json!({ "query": "{ probe_getProbe(input: { failWith: 5 }) { instance } }" }).to_string();
    assert_eq!(send(&stage, &accept, failing).await.0, 200);

    let many = json!(vec![json!({ "query": "{ schemaGeneration }" }); 11]).to_string();
    assert_eq!(send(&stage, &[], many).await.0, 400);
    let form = Request::post("/graphql")
        .header("content-type", "text/plain")
        .body(Bytes::from("{}"))
        .unwrap();
    assert_eq!(
        stage.browser().begin(form).await.response.status(),
        400,
        "another site can send text"
    );
    let put = Request::put("/graphql").body(Bytes::new()).unwrap();
    assert_eq!(stage.browser().begin(put).await.response.status(), 405);
}

#[tokio::test(flavor = "multi_thread")]
async fn bombs_are_refused_at_once() {
    let stage = stage().await;
    let aliases = (0..30).fold(String::new(), |mut text, index| {
        let _ = write!(text, "a{index}: probe_getProbe(input: {{}}) {{ instance }} ");
        text
    });
    let mut doubling = "{ probe_getProbe(input: {}) { ...F0 } }".to_owned();
    for index in 0..60 {
        let _ = write!(
            doubling,
            " fragment F{index} on Testing_GetProbeResponse {{ ...F{0} ...F{0} }}",
            index + 1
        );
    }
    doubling.push_str(" fragment F60 on Testing_GetProbeResponse { instance }");
    let directives = format!("{{ schemaGeneration {} }}", "@skip(if: false) ".repeat(1000));
    let lists = format!(
        "{{ probe_getProbe(input: {}{}) {{ instance }} }}",
        "[".repeat(40),
        "]".repeat(40)
    );
    let types = format!(
        "query Q($a: {}Int{}) {{ schemaGeneration }}",
        "[".repeat(47),
        "]".repeat(47)
    );
    let circle = "{ ...A } fragment A on Query { ...B } fragment B on Query { ...A }".to_owned();
    let turning = format!(
        "{{ __schema {{ {} name {} }} }}",
        "types { fields { type { ".repeat(3),
        "} } } ".repeat(3)
    );
    let bombs = [
        "{".repeat(1_000_000),
        "{a".repeat(30_000),
        "[".repeat(1_000_000),
        "#".repeat(1_000_000),
        format!("{{ {aliases} }}"),
        doubling,
        directives,
        lists,
        types.clone(),
        circle,
        turning,
        format!("{{ {} }}", "schemaGeneration ".repeat(4000)),
        format!("\"{}", "\\".repeat(60_000)),
    ];
    for bomb in bombs {
        let began = Instant::now();
        let answer = run(&stage, &bomb, json!({})).await;
        assert!(
            began.elapsed().as_millis() < 2000,
            "{:?}: {}",
            began.elapsed(),
            &bomb[..40]
        );
        assert!(
            answer["errors"].is_array() || bomb == types,
            "{answer}: {}",
            &bomb[..40]
        );
    }
    // An answer that aliases make large.
    let payload = "QUFB".repeat(250_000);
    let copies = (0..50).fold(String::new(), |mut text, index| {
        let _ = write!(text, "p{index}: payload ");
        text
    });
    let query = format!("query Q($p: Bytes) {{ probe_getProbe(input: {{ payload: $p }}) {{ {copies} }} }}");
    let answer = run(&stage, &query, json!({ "p": payload })).await;
    assert_eq!(answer["errors"][0]["extensions"]["reason"], "ANSWER_TOO_LARGE");
    let answer = run(&stage, "{ schemaGeneration }", json!({})).await;
    assert!(
        answer["data"]["schemaGeneration"].is_string(),
        "and nobody else suffers"
    );
}
