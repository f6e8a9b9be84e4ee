#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::sync::{Arc, LazyLock};

use http::{Method, Request, request};
use proptest::prelude::*;
use prost_reflect::{DescriptorPool, DynamicMessage};

use super::rule::Rule;
use super::tree::{Met, Tree};
use super::*;
use crate::schema::{MethodInfo, reflected};
use crate::versions::Choices;

/// A method whose contract says these bindings, given as `GET /path` or `POST /path body`.
fn rules(bindings: &[&str]) -> Vec<Rule> {
    let probe = probe();
    let http = probe.option("google.api.http").unwrap();
    let kind = prost_reflect::ReflectMessage::descriptor(http.as_message().unwrap());
    bindings
        .iter()
        .map(|binding| {
            let parts: Vec<&str> = binding.split(' ').collect();
            let mut message = DynamicMessage::new(kind.clone());
            message.set_field_by_name(
                &parts[0].to_lowercase(),
                prost_reflect::Value::String(parts[1].to_owned()),
            );
            if let Some(body) = parts.get(2) {
                message.set_field_by_name("body", prost_reflect::Value::String((*body).to_owned()));
            }
            Rule::read(&probe, &message).unwrap()
        })
        .collect()
}

static PROBE: LazyLock<Arc<MethodInfo>> = LazyLock::new(|| {
    let pool = DescriptorPool::decode(lyceum::contracts::DESCRIPTORS).unwrap();
    let services = reflected(
        &pool,
        &"testing".into(),
        std::iter::once("lyceum.testing.v1.ProbeService"),
    );
    Arc::clone(&services[0].methods[0])
});

fn probe() -> Arc<MethodInfo> {
    Arc::clone(&PROBE)
}

fn tree(bindings: &[&str]) -> Tree {
    let mut tree = Tree::default();
    for rule in rules(bindings) {
        tree.add(rule).unwrap();
    }
    tree
}

fn met(tree: &Tree, method: Method, path: &str) -> String {
    match tree.find(&method, path) {
        Met::Rule(rule, values) => format!("{} {}", rule.path, values.join(" ")).trim().to_owned(),
        Met::Others(methods) => format!("{methods:?}"),
        Met::Nothing => String::new(),
    }
}

#[test]
fn what_is_written_out_goes_first() {
    let tree = tree(&[
        "GET /v1/{forward_to=**}",
        "GET /v1/a/{forward_to}",
        "GET /v1/a/b",
        "POST /v1/a/b *",
        "GET /v1/{forward_to}/b",
        "GET /v1/a/{forward_to}:go",
    ]);
    for (path, leads) in [
        ("/v1/a/b", "/v1/a/b"),
        ("/v1/a/c", "/v1/a/{forward_to} c"),
        ("/v1/a/c%20d", "/v1/a/{forward_to} c d"),
        ("/v1/a/c%2Fd", "/v1/a/{forward_to} c/d"),
        ("/v1/x/b", "/v1/{forward_to}/b x"),
        ("/v1/x/y", "/v1/{forward_to=**} x/y"),
        ("/v1/a/b/c", "/v1/{forward_to=**} a/b/c"),
        ("/v1", "/v1/{forward_to=**}"),
        ("/v1/a/c:go", "/v1/a/{forward_to}:go c"),
        // A colon that is no verb's is part of a name.
        ("/v1/a/c:come", "/v1/a/{forward_to} c:come"),
        ("/v2/a", ""),
        ("/v1/%ff", ""),
        ("", ""),
    ] {
        assert_eq!(met(&tree, Method::GET, path), leads, "{path}");
    }
    assert_eq!(met(&tree, Method::POST, "/v1/a/b"), "/v1/a/b");
    assert_eq!(met(&tree, Method::PUT, "/v1/a/b"), "[GET, POST, GET, GET, GET]");
    assert_eq!(met(&tree, Method::GET, &"/v1".repeat(100)), "");
}

#[test]
fn a_path_is_one_methods() {
    let mut tree = tree(&["GET /v1/a"]);
    let again = rules(&["GET /v1/a"]).remove(0);
    assert_eq!(tree.add(again).unwrap_err().path, "/v1/a");
}

#[test]
fn bindings_that_cannot_be_are_refused() {
    let probe = probe();
    let http = probe.option("google.api.http").unwrap();
    let kind = prost_reflect::ReflectMessage::descriptor(http.as_message().unwrap());
    for (path, body) in [
        ("/gateway/x", ""),
        ("/api/x", ""),
        ("/mcp", ""),
        ("/{forward_to}", ""),
        ("/lyceum.testing.v1.ProbeService/x", ""),
        ("/v1/{nothing}", ""),
        ("/v1/{payload.more}", ""),
        ("/v1/a", "nothing"),
        ("v1", ""),
    ] {
        let mut message = DynamicMessage::new(kind.clone());
        message.set_field_by_name("post", prost_reflect::Value::String(path.to_owned()));
        message.set_field_by_name("body", prost_reflect::Value::String(body.to_owned()));
        assert!(Rule::read(&probe, &message).is_err(), "{path} {body}");
    }
    assert!(Rule::read(&probe, &DynamicMessage::new(kind)).is_err());
    assert_eq!(rule::of(&probe).0.len(), 3);
}

#[test]
fn nothing_is_unknown_before_everything_is_known() {
    let place = |parts: &request::Parts, settled: bool| Table::default().place(parts, || settled, &Choices::default());
    let (parts, ()) = Request::post("/api/a/b").body(()).unwrap().into_parts();
    let reason = |place| match place {
        Some(Place::Refused(refusal)) => refusal.reason(),
        _ => panic!("it is a place for methods"),
    };
    assert_eq!(reason(place(&parts, false)), "GATEWAY_STARTING");
    assert_eq!(reason(place(&parts, true)), "SERVICE_UNKNOWN");
    let (parts, ()) = Request::post("/v1/a:do").body(()).unwrap().into_parts();
    assert_eq!(reason(place(&parts, false)), "GATEWAY_STARTING");
    assert!(place(&parts, true).is_none());
    let (parts, ()) = Request::get("/index.html").body(()).unwrap().into_parts();
    assert!(place(&parts, false).is_none());
}

#[test]
fn a_timeout_is_seconds_or_has_a_unit() {
    let read = |text: &'static str| {
        let mut headers = HeaderMap::new();
        headers.insert(TIMEOUT, HeaderValue::from_static(text));
        timeout(&headers).ok().flatten()
    };
    assert_eq!(read("1.5"), Some(Duration::from_millis(1500)));
    assert_eq!(read("500ms"), Some(Duration::from_millis(500)));
    assert_eq!(read("2s"), Some(Duration::from_secs(2)));
    for text in [
        "",
        "-1",
        "NaN",
        "1e300",
        "soon",
        "1000000000000000000000000000000000000000s",
    ] {
        assert_eq!(read(text), None, "{text}");
    }
    assert_eq!(timeout(&HeaderMap::new()).unwrap(), None);
}

#[test]
fn what_is_accepted_is_read_from_lists() {
    let mut headers = HeaderMap::new();
    headers.append(
        "accept",
        HeaderValue::from_static("text/html, Text/Event-Stream ;q=0.5"),
    );
    headers.append("accept", HeaderValue::from_static("application/problem+json; q=0"));
    assert!(accepts(&headers, "text/event-stream"));
    assert!(!accepts(&headers, "application/problem+json") && !accepts(&headers, "event-stream"));
}

proptest! {
    #[test]
    fn any_path_and_any_query_end_well(path in "/?[a-z0-9/:%*{}=.é]{0,60}", query in ".{0,80}") {
        let _ = super::template::Template::parse(&path);
        let tree = tree(&["GET /v1/{forward_to=**}", "GET /v1/a/{forward_to}:go"]);
        let _ = tree.find(&Method::GET, &path);
        let _ = tree.find(&Method::GET, &format!("/v1/{path}"));
        let mut message = DynamicMessage::new(probe().input.clone());
        let _ = fields::query(&mut message, &query, &["payload"]);
    }
}
