//! What no honest caller or service does, at every front: a clear status, little memory, and the others are served.

use bytes::Bytes;
use http::{Method, Request};
use http_body_util::BodyExt as _;
use lyceum::configuration::Configuration;
use lyceum::testing::wait_for;
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use crate::browser::{Form, Raw, frame};
use crate::stage::Stage;
use crate::stranger::{BREAKING, Stranger};

const GET: &str = "lyceum.testing.v1.ProbeService/GetProbe";
const HEADERS: &str = "mirror.v1.MirrorService/Headers";
const JSON: (&str, &str) = ("content-type", "application/json");
const EVENTS: (&str, &str) = ("accept", "text/event-stream");

/// All that is JSON: where, and a body around something that should be a value of it.
const BODIES: [(&str, &str); 6] = [
    ("/api/testing/get-probe", "{\"payload\":@}"),
    ("/lyceum.testing.v1.ProbeService/GetProbe", "{\"payload\":@}"),
    (
        "/api/batch",
        "{\"calls\":[{\"id\":\"a\",\"method\":\"testing/GetProbe\",\"request\":@}]}",
    ),
    (
        "/graphql",
        "{\"query\":\"{ schemaGeneration }\",\"variables\":{\"a\":@}}",
    ),
    (
        "/mcp",
        "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"probe_get_probe\",\"arguments\":{\"a\":@}}}",
    ),
    ("/gateway/session", "{\"subject\":@}"),
];

/// The status and the whole body of an answer.
async fn post(stage: &Stage, path: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> (u16, Bytes) {
    let mut request = Request::builder().method(Method::POST).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let begun = stage.browser().begin(request.body(body.into()).unwrap()).await;
    let status = begun.response.status().as_u16();
    (status, begun.response.into_body().collect().await.unwrap().to_bytes())
}

async fn text(stage: &Stage, path: &str, headers: &[(&str, &str)], body: impl Into<Bytes>) -> String {
    String::from_utf8(post(stage, path, headers, body).await.1.to_vec()).unwrap()
}

/// Anybody may call the service that breaks off, however often it has.
fn open(configuration: &mut Configuration) {
    let everybody = lyceum::policy::Access {
        anyone: true,
        ..Default::default()
    };
    let access = &mut configuration.policy.edge.access;
    access.insert(format!("{BREAKING}/*"), everybody);
    configuration.policy.call.breaker_failures = 0;
}

/// Ready when the probe's types are known.
async fn learnt(stage: &Stage) {
    wait_for("the probe's types", || async {
        post(stage, "/api/testing/get-probe", &[JSON], "{}").await.0 == 200
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_front_refuses_what_is_no_json() {
    let stage = Stage::start().await;
    learnt(&stage).await;
    let deep = "[".repeat(10_000) + &"]".repeat(10_000);
    let objects = "{\"a\":".repeat(10_000) + "1" + &"}".repeat(10_000);
    let number = "9".repeat(100_000);
    for (path, around) in BODIES {
        for (what, value) in [
            ("deep lists", deep.as_bytes()),
            ("deep objects", objects.as_bytes()),
            ("broken UTF-8", b"\"\xc3\x28\""),
            ("an overlong form", b"\"\xc0\xaf\""),
            ("half a surrogate", b"\"\\ud800\""),
            ("a byte order mark", b"\xef\xbb\xbf1"),
            ("an endless number", number.as_bytes()),
            ("nothing", b""),
        ] {
            let (before, behind) = around.split_once('@').unwrap();
            let body = [before.as_bytes(), value, behind.as_bytes()].concat();
            let headers = [JSON, ("accept", "application/json, text/event-stream")];
            let (status, answer) = post(&stage, path, &headers, body).await;
            // GraphQL answers 200 with an error to who does not ask for its newer form, MCP one in its own form.
            let said = String::from_utf8(answer.to_vec()).unwrap();
            let refused = (400..500).contains(&status) || (status == 200 && said.contains("error"));
            assert!(refused, "{path}, {what}: {status} {said}");
            assert!(said.len() < 4096, "{path}, {what}: what was sent is not repeated");
        }
    }
    // Where text stands in a path, which is then nobody's, or in a query.
    for (path, expected) in [
        ("/v1/testing/probe/services/%ff/told", 503),
        ("/v1/testing/probe?forward_to=%c3%28", 400),
        (
            "/lyceum.testing.v1.ProbeService/GetProbe?connect=v1&encoding=json&message=%22%ff%22",
            400,
        ),
        ("/graphql?query=%ff", 400),
        ("/api/%ff/%fe", 404),
    ] {
        let (status, _, body) = stage.browser().get(path).await;
        assert_eq!(status, expected, "{path}: {body:?}");
    }
    learnt(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_megabytes_are_read_by_no_front() {
    let stage = Stage::start_with(|configuration| configuration.policy.edge.body_limit = 100_000).await;
    learnt(&stage).await;
    for (path, kind) in [
        ("/api/testing/get-probe", "application/json"),
        ("/api/testing/exchange-probe", "application/x-ndjson"),
        ("/lyceum.testing.v1.ProbeService/GetProbe", "application/json"),
        ("/lyceum.testing.v1.ProbeService/GetProbe", "application/proto"),
        ("/api/batch", "application/json"),
        ("/graphql", "application/json"),
        ("/mcp", "application/json"),
        ("/gateway/session", "application/json"),
        ("/gateway/nothing", "text/plain"),
    ] {
        for length in ["content-length: 104857600", "transfer-encoding: chunked"] {
            let mut raw = Raw::connect(stage.address).await;
            let head = format!(
                "POST {path} HTTP/1.1\r\nhost: x\r\naccept: application/json, text/event-stream\r\ncontent-type: {kind}\r\n\
                 {length}\r\nconnection: close\r\n\r\n"
            );
            raw.write(head).await;
            let is_chunked = length.starts_with('t');
            if is_chunked {
                raw.write("6400000\r\n").await;
            }
            let (mut read, mut write) = raw.0.into_split();
            let sending = tokio::spawn(async move {
                let megabyte = vec![b' '; 1024 * 1024];
                let mut sent = 0;
                while sent < 100 && write.write_all(&megabyte).await.is_ok() {
                    sent += 1;
                }
                sent
            });
            // A status, which stands behind the headers where messages were awaited one by one.
            let mut answer = Vec::new();
            loop {
                let said = String::from_utf8_lossy(&answer).into_owned();
                let is_refused = said.starts_with("HTTP/1.1 4") && said.contains("\r\n\r\n");
                if is_refused || said.contains("\"code\":8,") {
                    break;
                }
                let more = read.read_buf(&mut answer).await.unwrap();
                assert!(more > 0, "{path} {kind}, {length}: {said}");
            }
            drop(read);
            assert!(
                sending.await.unwrap() < 100,
                "{path} {kind}, {length}: it was all taken"
            );
        }
    }
    learnt(&stage).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_lies_about_its_types_harms_no_other() {
    const LIES: [(&str, &[u8]); 9] = [
        ("map", include_bytes!("../../../fuzz/seeds/descriptors/lie-map")),
        ("missing", include_bytes!("../../../fuzz/seeds/descriptors/lie-missing")),
        ("cycle", include_bytes!("../../../fuzz/seeds/descriptors/lie-cycle")),
        ("numbers", include_bytes!("../../../fuzz/seeds/descriptors/lie-numbers")),
        ("twice", include_bytes!("../../../fuzz/seeds/descriptors/lie-twice")),
        ("deep", include_bytes!("../../../fuzz/seeds/descriptors/lie-deep")),
        ("api", include_bytes!("../../../fuzz/seeds/descriptors/lie-api")),
        ("known", include_bytes!("../../../fuzz/seeds/descriptors/lie-known")),
        ("names", include_bytes!("../../../fuzz/seeds/descriptors/lie-names")),
    ];
    let stage = Stage::start().await;
    learnt(&stage).await;
    let mut liars = Vec::new();
    for (name, set) in LIES {
        liars.push(Stranger::lying(&stage, name, &["l.S"], set).await);
        // Until it was asked for its types, nothing of it is said to be unknown.
        wait_for("the liar to be asked", || async {
            let (status, _, _) = stage.browser().get("/openapi.json").await;
            let (unknown, said) = post(&stage, &format!("/api/{name}/Nothing"), &[JSON], "{}").await;
            assert_eq!(status, 200, "{name}");
            unknown == 404 || (unknown != 503 && panic!("{name}: {unknown} {said:?}"))
        })
        .await;
        learnt(&stage).await;
    }
    let (status, _, document) = stage.browser().get("/gateway/schema").await;
    let document: Value = serde_json::from_slice(&document).unwrap();
    assert_eq!(status, 200);
    let services = document["services"].as_array().unwrap();
    assert!(
        services
            .iter()
            .any(|service| service["name"] == "lyceum.testing.v1.ProbeService")
    );
    let query = json!({ "query": "{ probe_getProbe(input: {}) { instance } }" }).to_string();
    assert!(
        text(&stage, "/graphql", &[JSON], query)
            .await
            .contains(&stage.probe().id)
    );
    let listed = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" }).to_string();
    let accepts = ("accept", "application/json, text/event-stream");
    let version = ("mcp-protocol-version", "2025-11-25");
    let listed = text(&stage, "/mcp", &[JSON, accepts, version], listed).await;
    assert!(listed.contains("probe_get_probe"), "{listed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_resets_in_the_middle_is_a_status_in_every_tongue() {
    let stage = Stage::start_with(open).await;
    let breaking = Stranger::breaking(&stage).await;
    let said = async |path: &str, headers: &[(&str, &str)], body: String| text(&stage, path, headers, body).await;
    let get = format!("/api/{BREAKING}/Get");
    wait_for("the types of the service that breaks off", || async {
        let answer = said(&get, &[JSON], "{}".to_owned()).await;
        answer.contains("\"code\":14") && !answer.contains("GATEWAY_STARTING")
    })
    .await;
    let query = |query: &str| json!({ "query": query }).to_string();
    let batch = json!({ "calls": [
        { "id": "a", "method": format!("{BREAKING}/Get") }, { "id": "b", "method": "testing/GetProbe" },
    ] });
    let call = |name: &str| {
        let params = json!({ "name": name, "arguments": {}, "_meta": { "progressToken": "t" } });
        json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params }).to_string()
    };
    let agents = [
        JSON,
        ("accept", "application/json, text/event-stream"),
        ("mcp-protocol-version", "2025-11-25"),
    ];
    let connect = |kind| [("content-type", kind)];
    let enveloped = |message: &str| String::from_utf8(frame(message.as_bytes()).to_vec()).unwrap();
    wait_for("the schema of GraphQL", || async {
        let types = query("{ __schema { mutationType { fields { name } } } }");
        said("/graphql", &[JSON], types).await.contains("breaking_get")
    })
    .await;
    for (path, headers, body, expected) in [
        (get.as_str(), &[JSON][..], "{}".to_owned(), "\"code\":14"),
        (
            &format!("/{BREAKING}/Get"),
            &[JSON],
            "{}".to_owned(),
            "\"code\":\"unavailable\"",
        ),
        ("/api/batch", &[JSON], batch.to_string(), "UNAVAILABLE"),
        (
            "/graphql",
            &[JSON],
            query("mutation { breaking_get(input: {}) { number } }"),
            "UNAVAILABLE",
        ),
        ("/mcp", &agents, call("breaking_get"), "UNAVAILABLE"),
    ] {
        let answer = said(path, headers, body).await;
        assert!(answer.contains(expected), "{path} {headers:?}: {answer}");
        if path == "/api/batch" {
            assert!(
                answer.contains(&stage.probe().id),
                "the other call has its answer: {answer}"
            );
        }
    }
    // It breaks off once its first message has arrived; an agent hears of that by its progress.
    let watch = format!("/{BREAKING}/Watch");
    let api = format!("/api{watch}");
    let unavailable = "\"code\":\"unavailable\"";
    for (path, headers, body, expected) in [
        (api.as_str(), &[JSON][..], "{}".to_owned(), "\"error\":{\"code\":14"),
        (
            &api,
            &[JSON, EVENTS],
            "{}".to_owned(),
            "event: error\ndata: {\"code\":14",
        ),
        (
            &watch,
            &connect("application/connect+json"),
            enveloped("{}"),
            unavailable,
        ),
        (
            &watch,
            &connect("application/connect+proto"),
            enveloped(""),
            unavailable,
        ),
        (
            "/graphql",
            &[JSON, EVENTS],
            query("subscription { breaking_watch(input: {}) { number } }"),
            "UNAVAILABLE",
        ),
        ("/mcp", &agents, call("breaking_watch"), "UNAVAILABLE"),
    ] {
        let mut request = Request::post(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut begun = stage.browser().begin(request.body(body.into()).unwrap()).await;
        let mut answer = format!("{}\n", begun.response.status()).into_bytes();
        let mut told = false;
        while let Some(piece) = begun.response.body_mut().frame().await {
            answer.extend_from_slice(&piece.unwrap().into_data().unwrap());
            if !std::mem::replace(&mut told, true) {
                breaking.break_off();
            }
        }
        let answer = String::from_utf8_lossy(&answer);
        assert!(
            answer.starts_with("200") && answer.contains(expected),
            "{path} {headers:?}: {answer}"
        );
    }
    assert_eq!(stage.browser().unary(GET, b"").await.status(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_principal_from_outside_reaches_no_service() {
    let stage = Stage::start().await;
    // A good token of another fabric, a mere word, a claim about whom a call is, a name of nothing.
    let forged = [
        ("lyceum-principal", "p2.e30.AAAA.AAAA"),
        ("lyceum-principal", "anonymous"),
        ("lyceum-student", "s-forged"),
        ("lyceum-principal-certificate", "forged"),
        ("lyceum-", "forged"),
    ];
    for (name, value) in forged {
        for kind in [Form::Binary.content_type(), "application/proto", "application/grpc"] {
            let browser = if kind == "application/grpc" {
                stage.browser().over_http2()
            } else {
                stage.browser()
            };
            let body = if kind == "application/proto" {
                Bytes::new()
            } else {
                frame(b"")
            };
            let request = Request::post(browser.uri(&format!("/{HEADERS}")))
                .header("content-type", kind)
                .header("te", "trailers")
                .header(name, value);
            let begun = browser.begin(request.body(body).unwrap()).await;
            assert_eq!(begun.response.status(), 200);
            let seen = begun.response.into_body().collect().await.unwrap().to_bytes();
            let seen = String::from_utf8_lossy(&seen).into_owned();
            assert!(seen.contains("content-type: application/grpc"), "{kind}: {seen}");
            assert!(
                !seen.contains("forged") && !seen.contains("p2.e30"),
                "{kind}, {name}: {seen}"
            );
            assert_eq!(seen.matches("lyceum-principal: ").count(), 1, "{kind}, {name}: {seen}");
        }
    }
}
