//! Requests that are made to be misunderstood, to fill the memory or to hold a place; and the settings that change live.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request};
use lyceum::policy::key;
use lyceum::testing::wait_for;

use crate::browser::{Form, Raw, frame};
use crate::stage::Stage;

const GET: &str = "lyceum.testing.v1.ProbeService/GetProbe";
const ECHO: &str = "mirror.v1.MirrorService/Echo";
const HEADERS: &str = "mirror.v1.MirrorService/Headers";
const SCHOOL: &str = "https://school.example";

/// What a raw request is answered with; a second request in its body must never be.
async fn answered(stage: &Stage, request: impl AsRef<[u8]>) -> String {
    let mut raw = Raw::connect(stage.address).await;
    raw.write(request).await;
    let answer = raw.read_to_end().await;
    assert!(
        !answer.contains("nothing here"),
        "what was smuggled was answered: {answer}"
    );
    answer
}

#[tokio::test(flavor = "multi_thread")]
async fn no_request_hides_in_another() {
    let stage = Stage::start_with(|configuration| {
        configuration.gateway.header_timeout = Duration::from_millis(600);
        configuration.gateway.body_idle = Duration::from_millis(600);
    })
    .await;
    let smuggled = "GET /gateway/nothing HTTP/1.1\r\nhost: localhost\r\n\r\n";
    let head = format!("POST /{GET} HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/grpc-web\r\n");
    let length = smuggled.len();
    for (what, lengths, body, status) in [
        // It is read as chunked, whatever the length says, and nothing is read after it.
        (
            "both lengths",
            format!("content-length: {length}\r\ntransfer-encoding: chunked\r\n"),
            format!("0\r\n\r\n{smuggled}"),
            "200",
        ),
        (
            "both lengths, the other way round",
            format!("transfer-encoding: chunked\r\ncontent-length: {length}\r\n"),
            format!("0\r\n\r\n{smuggled}"),
            "200",
        ),
        (
            "two lengths",
            format!("content-length: 5\r\ncontent-length: {}\r\n", length + 5),
            format!("\0\0\0\0\0{smuggled}"),
            "400",
        ),
        (
            "a list of lengths",
            "content-length: 5, 90\r\n".to_owned(),
            format!("\0\0\0\0\0{smuggled}"),
            "400",
        ),
        (
            "a length with a sign",
            "content-length: +5\r\n".to_owned(),
            format!("\0\0\0\0\0{smuggled}"),
            "400",
        ),
        (
            "a negative length",
            "content-length: -1\r\n".to_owned(),
            smuggled.to_owned(),
            "400",
        ),
        (
            "a length beyond 64 bits",
            "content-length: 99999999999999999999999\r\n".to_owned(),
            smuggled.to_owned(),
            "400",
        ),
        (
            "a hexadecimal length",
            "content-length: 0x5\r\n".to_owned(),
            smuggled.to_owned(),
            "400",
        ),
        (
            "chunked before the last coding",
            "transfer-encoding: chunked, identity\r\n".to_owned(),
            format!("0\r\n\r\n{smuggled}"),
            "400",
        ),
        (
            "a coding that is almost chunked",
            "transfer-encoding: xchunked\r\n".to_owned(),
            format!("0\r\n\r\n{smuggled}"),
            "400",
        ),
        (
            "a name with a space behind",
            "transfer-encoding : chunked\r\n".to_owned(),
            format!("0\r\n\r\n{smuggled}"),
            "400",
        ),
        (
            "a folded line",
            "transfer-encoding:\r\n chunked\r\n".to_owned(),
            format!("0\r\n\r\n{smuggled}"),
            "400",
        ),
        (
            "a line feed within a value",
            "x-a: b\ntransfer-encoding: chunked\rx: y\r\n".to_owned(),
            format!("0\r\n\r\n{smuggled}"),
            "400",
        ),
        ("a nought in a value", "x-a: b\0c\r\n".to_owned(), String::new(), "400"),
        ("no name", ": b\r\n".to_owned(), String::new(), "400"),
        (
            "chunks that are none",
            "transfer-encoding: chunked\r\n".to_owned(),
            format!("zz\r\n{smuggled}"),
            "200",
        ),
        (
            "a chunk longer than it says",
            "transfer-encoding: chunked\r\n".to_owned(),
            format!("1\r\n\0\0\0\0\0\r\n0\r\n\r\n{smuggled}"),
            "200",
        ),
        (
            "a chunk beyond 64 bits",
            "transfer-encoding: chunked\r\n".to_owned(),
            format!("fffffffffffffffff\r\n{smuggled}"),
            "200",
        ),
        (
            "an endless extension",
            "transfer-encoding: chunked\r\n".to_owned(),
            format!("5;{}", "x".repeat(100_000)),
            "200",
        ),
    ] {
        let answer = answered(&stage, format!("{head}{lengths}\r\n{body}")).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{what}: {answer}");
    }
    // HTTP/1.0 knows no chunks.
    let old = format!("POST /{GET} HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n{smuggled}");
    assert!(answered(&stage, old).await.starts_with("HTTP/1.1 400 "));
    assert_eq!(stage.browser().unary(GET, b"").await.status(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_that_is_not_ours_is_misdirected() {
    let stage = Stage::start_with(|configuration| {
        configuration.gateway.hosts = vec!["*.school.example".to_owned(), "x".to_owned()];
    })
    .await;
    for (host, status) in [
        ("localhost", "200"),
        ("127.0.0.1:8080", "200"),
        ("[::1]", "200"),
        ("north.school.example", "200"),
        ("evil.example", "421"),
        ("localhost.evil.example", "421"),
        ("a b", "421"),
        ("", "400"),
    ] {
        let mut raw = Raw::connect(stage.address).await;
        raw.write(format!(
            "GET /gateway/health HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n"
        ))
        .await;
        let answer = raw.read_to_end().await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{host}: {answer}");
        assert_eq!(answer.contains("gateway.hosts"), status == "421", "{answer}");
    }
    for head in [
        "GET /gateway/health HTTP/1.1\r\n",
        "GET /gateway/health HTTP/1.1\r\nhost: localhost\r\nhost: localhost\r\n",
        "GET http://localhost/gateway/health HTTP/1.1\r\nhost: evil.example\r\n",
    ] {
        let mut raw = Raw::connect(stage.address).await;
        raw.write(format!("{head}connection: close\r\n\r\n")).await;
        assert!(raw.read_to_end().await.starts_with("HTTP/1.1 400 "), "{head}");
    }
    // Over HTTP/2 as well, calls too.
    let request = Request::post(format!("http://evil.example/{GET}"))
        .header("content-type", Form::Binary.content_type())
        .body(frame(b""))
        .unwrap();
    let response = stage.browser().over_http2().begin(request).await;
    assert_eq!(response.response.status(), 421);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_absurd_is_refused_and_others_are_served() {
    let stage = Stage::start_with(|configuration| configuration.policy.edge.body_limit = 100_000).await;
    let many: String = (0..10_000).map(|number| format!("x-{number}: 1\r\n")).collect();
    let large = format!("x-large: {}\r\n", "x".repeat(10_000_000));
    for (head, status) in [
        (format!("GET / HTTP/1.1\r\nhost: x\r\n{many}\r\n"), "431"),
        (format!("GET / HTTP/1.1\r\nhost: x\r\n{large}\r\n"), "431"),
        (
            format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "x".repeat(1_000_000)),
            "4",
        ),
        ("GET /\u{1} HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(), "400"),
        (
            "GET /%zz%00../.. HTTP/1.1\r\nhost: x\r\naccept: text/css\r\nconnection: close\r\n\r\n".to_owned(),
            "503",
        ),
        ("GET  HTTP/1.1\r\nhost: x\r\n\r\n".to_owned(), "400"),
        ("GET / HTTP/9.9\r\nhost: x\r\n\r\n".to_owned(), "400"),
        (
            "TRACE / HTTP/1.1\r\nhost: x\r\ncookie: a=b\r\nconnection: close\r\n\r\n".to_owned(),
            "405",
        ),
        (
            "CONNECT example.com:443 HTTP/1.1\r\nhost: example.com:443\r\nconnection: close\r\n\r\n".to_owned(),
            "4",
        ),
        (
            "OPTIONS * HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n".to_owned(),
            "405",
        ),
        ("\r\n\r\n\r\nnonsense\r\n\r\n".to_owned(), "400"),
    ] {
        let mut raw = Raw::connect(stage.address).await;
        // The other side may have heard enough before all is said.
        let _ = tokio::io::AsyncWriteExt::write_all(&mut raw.0, head.as_bytes()).await;
        let answer = raw.read_to_end().await;
        let shown: String = head.chars().take(40).collect();
        // Who is cut off in the middle of what it says may lose the answer with it, but is not served.
        let served = answer.starts_with(&format!("HTTP/1.1 {status}"));
        assert!(
            served || (answer.is_empty() && head.len() > 100_000),
            "{shown}: {answer}"
        );
    }
    // 100 MB, announced or not: a status, and not read to its end.
    for (length, body) in [
        ("content-length: 104857600", ""),
        ("transfer-encoding: chunked", "5f5e100\r\n"),
    ] {
        let mut raw = Raw::connect(stage.address).await;
        raw.write(format!(
            "POST /{ECHO} HTTP/1.1\r\nhost: x\r\ncontent-type: application/grpc-web\r\n{length}\r\n\r\n{body}"
        ))
        .await;
        let (mut read, mut write) = raw.0.into_split();
        let sending = tokio::spawn(async move {
            let megabyte = vec![0; 1024 * 1024];
            let mut sent = 0;
            while sent < 100 && tokio::io::AsyncWriteExt::write_all(&mut write, &megabyte).await.is_ok() {
                sent += 1;
            }
            sent
        });
        let mut answer = Vec::new();
        while !String::from_utf8_lossy(&answer).contains("grpc-status: 8\r\n") {
            let length = tokio::io::AsyncReadExt::read_buf(&mut read, &mut answer).await.unwrap();
            assert!(length > 0, "{}", String::from_utf8_lossy(&answer));
        }
        drop(read);
        assert!(sending.await.unwrap() < 100, "it was not all taken");
    }
    for browser in [stage.browser(), stage.browser().over_http2()] {
        assert_eq!(browser.unary(GET, b"").await.status(), Some(0));
    }
    // Ten thousand headers over HTTP/2 end that call, or its connection, and no other.
    let mut request = stage.browser().over_http2().call(GET, Form::Binary);
    for number in 0..10_000 {
        request = request.header(format!("x-{number}"), "1");
    }
    if let Ok(response) = stage
        .browser()
        .over_http2()
        .try_begin(request.body(frame(b"")).unwrap())
        .await
    {
        assert_eq!(response.response.status(), 431);
    }
    assert_eq!(stage.browser().over_http2().unary(GET, b"").await.status(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn every_document_guards_itself() {
    let stage = Stage::start().await;
    for path in [
        "/",
        "/gateway/health",
        "/gateway/services",
        "/gateway/metrics",
        "/gateway/nothing",
        "/x.css",
    ] {
        let (_, headers, _) = stage.browser().get(path).await;
        for name in [
            "content-security-policy",
            "x-content-type-options",
            "x-frame-options",
            "referrer-policy",
            "cross-origin-opener-policy",
            "permissions-policy",
        ] {
            assert_eq!(headers.get_all(name).iter().count(), 1, "{name} of {path}: {headers:?}");
        }
        assert!(!headers.contains_key("strict-transport-security"), "not without TLS");
    }
    let mut raw = Raw::connect(stage.address).await;
    raw.write("GET / HTTP/1.1\r\nhost: evil.example\r\nconnection: close\r\n\r\n")
        .await;
    let answer = raw.read_to_end().await;
    assert!(
        answer.contains("content-security-policy: default-src 'none'"),
        "{answer}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_edge_changes_while_it_runs() {
    let stage = Stage::start().await;
    let consul = stage.consul.client();
    let other = "https://other.example";
    let preflight = || {
        let request = Request::builder()
            .method(Method::OPTIONS)
            .uri(format!("/{ECHO}"))
            .header("origin", other)
            .header("access-control-request-method", "POST");
        let browser = stage.browser();
        async move { browser.send(request.body(Bytes::new()).unwrap()).await }
    };
    assert_eq!(preflight().await.http, 403);
    let document = r#"
        [edge]
        origins = ["https://other.example"]
        preflight_age = "33s"
        [edge.request_headers]
        remove = ["x-debug"]
        set.x-school = "north"
        [edge.response_headers]
        remove = ["x-begin"]
        set.x-frame-options = "SAMEORIGIN"
        add.x-served-by = "lyceum"
        [edge.routes."mirror.v1.MirrorService/Echo"]
        body_limit = 2048
        message_limit = 1024
        [edge.routes."mirror.v1.MirrorService/*"]
        deadline_limit = "300ms"
    "#;
    consul.kv_put(&key("gateway"), document).await.unwrap();
    wait_for("the new policy", || async { preflight().await.http == 204 }).await;
    let granted = preflight().await.headers;
    assert_eq!(
        (
            &granted["access-control-max-age"],
            &granted["access-control-allow-origin"]
        ),
        (
            &http::HeaderValue::from_static("33"),
            &http::HeaderValue::from_static(other)
        )
    );

    let request = stage.browser().call(HEADERS, Form::Binary).header("origin", other);
    let request = request
        .header("x-debug", "1")
        .header("x-school", "south")
        .body(frame(b""))
        .unwrap();
    let answer = stage.browser().send(request).await;
    let seen = String::from_utf8_lossy(&answer.messages[0]).into_owned();
    assert!(seen.contains("x-school: north\n") && !seen.contains("south"), "{seen}");
    assert!(!seen.contains("x-debug"), "{seen}");
    assert!(!answer.headers.contains_key("x-begin"), "{:?}", answer.headers);
    assert_eq!(answer.headers["x-served-by"], "lyceum");
    let exposed = answer.headers["access-control-expose-headers"].to_str().unwrap();
    assert!(
        exposed.contains("x-served-by") && !exposed.contains("x-begin"),
        "{exposed}"
    );
    let (_, headers, _) = stage.browser().get("/gateway/health").await;
    assert_eq!(headers["x-frame-options"], "SAMEORIGIN");

    let stage = &stage;
    let sized = |size: usize| {
        let message = vec![0; size];
        async move {
            let answer = stage.browser().unary(ECHO, &message).await;
            answer.status().filter(|status| *status != 0).map(|_| answer.reason())
        }
    };
    assert_eq!(sized(1000).await, None);
    assert_eq!(sized(1500).await.as_deref(), Some("MESSAGE_TOO_LARGE"));
    assert_eq!(sized(9000).await.as_deref(), Some("BODY_TOO_LARGE"));
    let answer = stage.browser().unary("mirror.v1.MirrorService/Hang", b"").await;
    assert_eq!(answer.status(), Some(4));

    // A document with a mistake changes nothing; none brings back what the configuration says.
    consul
        .kv_put(&key("gateway"), "[edge]\norigins = [\"nonsense\"]")
        .await
        .unwrap();
    consul.kv_put("lyceum/policies/other", "x").await.unwrap();
    assert_eq!(preflight().await.http, 204);
    consul.kv_put(&key("gateway"), "").await.unwrap();
    wait_for("the configuration's policy", || async { preflight().await.http == 403 }).await;
    let request = stage.browser().call(ECHO, Form::Binary).header("origin", SCHOOL);
    let answer = stage.browser().send(request.body(frame(&[0; 3000])).unwrap()).await;
    assert_eq!(
        (answer.status(), &answer.headers["access-control-allow-origin"]),
        (Some(0), &http::HeaderValue::from_static(SCHOOL))
    );
}
