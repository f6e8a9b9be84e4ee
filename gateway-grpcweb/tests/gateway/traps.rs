//! The traps that gateways of this kind have fallen into, and what their users complained of; each has a test.
//!
//! | trap | test |
//! |---|---|
//! | 1. a text body is longer than its `content-length` says upstream | [`a_text_call_with_a_content_length_arrives_whole`] |
//! | 2. a failed channel drops the connection | [`a_service_without_instances_is_a_status_that_a_script_can_read`] |
//! | 3. a fixed list of exposed headers | [`scripts_see_the_metadata_that_a_response_carries`] |
//! | 4. an answer before the body is read breaks the pipe | [`an_early_answer_reads_the_body_and_keeps_the_connection`] |
//! | 5. a deadline comes out as INTERNAL | [`a_deadline_that_passes_is_deadline_exceeded`] |
//! | 6. messages compressed for who cannot decompress them | [`a_service_is_asked_for_plain_messages`], `compression` |
//! | 7. legal preflights are refused, headers do not pass | [`any_legal_preflight_is_granted_and_the_headers_pass`] |
//! | 8. a browser's cancel does not reach the service | [`a_browser_that_leaves_ends_the_call_upstream`], `http3` |
//! | 9. headers of the connection go upstream | [`headers_of_the_connection_stay_on_it`], `hygiene` |
//!
//! | complaint | of whom | test |
//! |---|---|---|
//! | error metadata cannot be seen | grpc/grpc-web 61, 962, 1319 | [`scripts_see_the_metadata_that_a_response_carries`], `calls::failures_of_a_service_arrive_with_their_details` |
//! | no CORS headers on error replies | envoy 10128 | [`a_service_without_instances_is_a_status_that_a_script_can_read`], `faults::every_bad_request_gets_a_status_that_says_why` |
//! | idle streams are cut | grpc-web 132, 961; connect-es 1511 | [`an_idle_stream_is_kept_and_its_connection_probed`] |
//! | a stream hangs when its backend dies | grpc-web 1052 | [`a_stream_ends_with_a_status_when_its_service_goes`], `faults::a_service_that_breaks_off_leaves_whole_messages_and_a_status`, `hostile::a_service_that_resets_in_the_middle_is_a_status_in_every_tongue` |
//! | cancel does not propagate | envoy 39651, improbable-eng/grpc-web 543 | [`a_browser_that_leaves_ends_the_call_upstream`] |
//! | deadlines are not honoured | envoy 11790 | [`a_deadline_that_passes_is_deadline_exceeded`], `calls::a_deadline_has_a_limit` |
//! | no compression, or one that loses trailers | envoy 22411, grpc-rust 2273 | `compression::an_answer_is_compressed_with_its_trailers`, `compression::a_compressed_stream_arrives_message_by_message` |
//! | no client or bidirectional streaming | grpc-web 24, 815, 1205 | `websocket::grpcwebproxys_client_makes_every_kind_of_call`, `websocket::many`, `connect::both_sides_stream_at_once_over_http2`, `native::messages_go_both_ways_at_once` |
//! | lists of headers cannot be configured | apisix 8791, Kong 11185 | [`any_legal_preflight_is_granted_and_the_headers_pass`], `hygiene::the_edge_changes_while_it_runs` |
//! | no text mode | vanguard-go 143 | `calls::unary_and_streaming_calls_work_in_both_forms_over_both_protocols` |
//! | every call costs a preflight | grpc-web 126 | [`any_legal_preflight_is_granted_and_the_headers_pass`] |

use std::time::Duration;

use http::{Method, Request};
use lyceum::contracts::testing::v1::{GetProbeRequest, GetProbeResponse, WatchProbeRequest};
use lyceum::testing::wait_for;
use prost::Message as _;
use tokio::time::Instant;

use crate::browser::{Answer, FORMS, Form, Raw, frame};
use crate::stage::Stage;

const GET: &str = "lyceum.testing.v1.ProbeService/GetProbe";
const WATCH: &str = "lyceum.testing.v1.ProbeService/WatchProbe";
const SCHOOL: &str = "https://school.example";

/// Trap 1: base64 makes a body longer than its `content-length` says upstream.
#[tokio::test(flavor = "multi_thread")]
async fn a_text_call_with_a_content_length_arrives_whole() {
    let stage = Stage::start().await;
    for size in [0, 1, 2, 3, 1000, 100_000, 1_000_000] {
        let message = GetProbeRequest {
            payload: vec![b'e'; size].into(),
            ..Default::default()
        };
        let body = Form::Text.encode(&frame(&message.encode_to_vec()));
        let request = stage
            .browser()
            .call(GET, Form::Text)
            .header("content-length", body.len())
            .body(body)
            .unwrap();
        let answer = stage.browser().send(request).await;
        assert_eq!(answer.status(), Some(0), "{size}");
        assert_eq!(answer.message::<GetProbeResponse>().payload.len(), size);
        assert_eq!(answer.headers["content-type"], "application/grpc-web-text+proto");
    }
}

/// Trap 2: a failure of the channel drops the connection, and a script sees "network error".
#[tokio::test(flavor = "multi_thread")]
async fn a_service_without_instances_is_a_status_that_a_script_can_read() {
    let mut stage = Stage::start().await;
    stage.probe.take().unwrap().stop().await;
    let browser = stage.browser();
    wait_for("the probe to be gone", || async {
        browser.unary(GET, b"").await.status() != Some(0)
    })
    .await;
    for form in FORMS {
        let request = browser
            .call(GET, form)
            .header("origin", SCHOOL)
            .body(form.encode(&frame(b"")))
            .unwrap();
        let answer = browser.send(request).await;
        assert_eq!((answer.http, answer.status()), (200, Some(14)));
        assert_eq!(answer.reason(), "NO_INSTANCES");
        assert_eq!(answer.headers["access-control-allow-origin"], SCHOOL);
    }
}

/// Trap 3: with a fixed list of exposed headers, scripts never see what a service adds.
#[tokio::test(flavor = "multi_thread")]
async fn scripts_see_the_metadata_that_a_response_carries() {
    let stage = Stage::start().await;
    for (method, status, names) in [
        (
            "Fail",
            9,
            ["x-cost", "x-trace-bin", "lyceum-instance", "x-correlation-id"].as_slice(),
        ),
        ("Echo", 0, &["x-begin", "lyceum-instance", "x-correlation-id"]),
        ("NoSuchMethod", 12, &["lyceum-instance"]),
    ] {
        let request = stage
            .browser()
            .call(&format!("mirror.v1.MirrorService/{method}"), Form::Binary)
            .header("origin", SCHOOL)
            .body(frame(b"x"))
            .unwrap();
        let answer = stage.browser().send(request).await;
        assert_eq!((answer.http, answer.status()), (200, Some(status)));
        assert_eq!(
            answer
                .headers
                .get_all("access-control-allow-origin")
                .iter()
                .collect::<Vec<_>>(),
            [SCHOOL]
        );
        let exposed = answer.headers["access-control-expose-headers"].to_str().unwrap();
        let exposed: Vec<&str> = exposed.split(',').collect();
        for name in names
            .iter()
            .chain(&["grpc-status", "grpc-message", "grpc-status-details-bin"])
        {
            assert!(exposed.contains(name), "{name} in {exposed:?}");
        }
        assert!(
            names.iter().all(|name| answer.headers.contains_key(*name)),
            "{:?}",
            answer.headers
        );
    }
}

/// Trap 4: an answer before the body was read breaks the pipe of a client that writes first and reads then.
#[tokio::test(flavor = "multi_thread")]
async fn an_early_answer_reads_the_body_and_keeps_the_connection() {
    let stage = Stage::start_with(|configuration| configuration.policy.edge.body_limit = 256 * 1024).await;
    let mut raw = Raw::connect(stage.address).await;
    for (method, size, code) in [
        ("no.such.Service/Method", 700_000, "12"),
        (GET, 900_000, "8"),
        (GET, 300_000, "8"),
    ] {
        let head = format!(
            "POST /{method} HTTP/1.1\r\nhost: x\r\ncontent-type: application/grpc-web\r\ncontent-length: {size}\r\n\r\n"
        );
        raw.write(head).await;
        // All of it goes out before anything is read.
        raw.write(vec![0; size]).await;
        let answer = raw.read_until("\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.contains(&format!("grpc-status: {code}\r\n")), "{answer}");
    }
    // The same connection still carries a call.
    let body = frame(b"");
    raw.write(format!(
        "POST /{GET} HTTP/1.1\r\nhost: x\r\ncontent-type: application/grpc-web\r\ncontent-length: {}\r\n\r\n",
        body.len()
    ))
    .await;
    raw.write(body).await;
    raw.read_until("grpc-status:0\r\n").await;
}

/// Trap 5: a deadline that passes comes out as INTERNAL.
#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_that_passes_is_deadline_exceeded() {
    let stage = Stage::start().await;
    let slow = GetProbeRequest {
        delay_milliseconds: 30_000,
        ..Default::default()
    }
    .encode_to_vec();
    for (method, message) in [(GET, slow.as_slice()), ("mirror.v1.MirrorService/Hang", b"")] {
        for form in FORMS {
            let request = stage
                .browser()
                .call(method, form)
                .header("grpc-timeout", "150m")
                .body(form.encode(&frame(message)))
                .unwrap();
            let began = Instant::now();
            let answer = stage.browser().send(request).await;
            assert_eq!((answer.http, answer.status()), (200, Some(4)), "{method}");
            assert_eq!(answer.reason(), "DEADLINE_EXCEEDED");
            assert!(began.elapsed() >= Duration::from_millis(150));
            assert!(began.elapsed() < Duration::from_secs(10));
        }
    }
    let endless = WatchProbeRequest {
        interval_milliseconds: 20,
        ..Default::default()
    }
    .encode_to_vec();
    let request = stage
        .browser()
        .call(WATCH, Form::Text)
        .header("grpc-timeout", "400m")
        .body(Form::Text.encode(&frame(&endless)))
        .unwrap();
    let answer = stage.browser().send(request).await;
    assert!(!answer.messages.is_empty());
    assert!(answer.trailers.is_some(), "the status follows the messages");
    assert_eq!(answer.status(), Some(4));
}

/// Trap 6: a service compresses messages for a client that cannot decompress them.
#[tokio::test(flavor = "multi_thread")]
async fn a_service_is_asked_for_plain_messages() {
    let stage = Stage::start().await;
    let request = stage
        .browser()
        .call("mirror.v1.MirrorService/Headers", Form::Binary)
        .header("grpc-accept-encoding", "gzip,deflate")
        .header("accept-encoding", "identity, gzip;q=0.5")
        .body(frame(b""))
        .unwrap();
    let answer = stage.browser().send(request).await;
    let seen = String::from_utf8_lossy(&answer.messages[0]).into_owned();
    assert!(seen.contains("grpc-accept-encoding: identity\n"), "{seen}");
    assert!(!seen.contains("gzip"), "{seen}");
}

/// Trap 7: preflights that do not name `x-grpc-web` are refused, and custom headers do not pass.
#[tokio::test(flavor = "multi_thread")]
async fn any_legal_preflight_is_granted_and_the_headers_pass() {
    let stage =
        Stage::start_with(|configuration| configuration.policy.edge.preflight_age = Duration::from_secs(77)).await;
    for names in [
        Some("content-type"),
        Some("content-type,x-grpc-web,grpc-timeout,authorization,x-mine"),
        None,
    ] {
        let mut request = Request::builder()
            .method(Method::OPTIONS)
            .uri("/mirror.v1.MirrorService/Headers")
            .header("origin", SCHOOL)
            .header("access-control-request-method", "POST");
        if let Some(names) = names {
            request = request.header("access-control-request-headers", names);
        }
        let answer = stage.browser().send(request.body(Default::default()).unwrap()).await;
        assert_eq!(answer.http, 204);
        assert_eq!(answer.headers["access-control-allow-origin"], SCHOOL);
        assert!(
            answer.headers["access-control-allow-methods"]
                .to_str()
                .unwrap()
                .contains("POST")
        );
        assert_eq!(answer.headers["access-control-max-age"], "77");
        let granted = answer.headers.get("access-control-allow-headers");
        assert_eq!(granted.map(|names| names.to_str().unwrap()), names);
    }
    let request = stage
        .browser()
        .call("mirror.v1.MirrorService/Headers", Form::Binary)
        .header("origin", SCHOOL)
        .header("grpc-timeout", "20S")
        .header("authorization", "Bearer abc")
        .header("x-mine", "1")
        .body(frame(b""))
        .unwrap();
    let answer = stage.browser().send(request).await;
    let seen = String::from_utf8_lossy(&answer.messages[0]).into_owned();
    for header in ["authorization: Bearer abc\n", "x-mine: 1\n", "grpc-timeout: 1"] {
        assert!(seen.contains(header), "{header:?} in {seen}");
    }
}

/// Trap 8: a browser leaves, and the service goes on working for nobody.
#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_leaves_ends_the_call_upstream() {
    let stage = Stage::start().await;
    let slow = GetProbeRequest {
        delay_milliseconds: 60_000,
        ..Default::default()
    }
    .encode_to_vec();
    let endless = WatchProbeRequest {
        interval_milliseconds: 10,
        ..Default::default()
    }
    .encode_to_vec();
    for (index, browser) in [stage.browser(), stage.browser().over_http2()].into_iter().enumerate() {
        let already = 2 * index as u64;

        let request = browser.call(WATCH, Form::Binary).body(frame(&endless)).unwrap();
        let answer = browser.begin(request).await;
        assert_eq!(answer.response.status(), 200);
        assert_eq!(stage.probe().abandoned(), already);
        drop(answer);
        wait_for("the stream to end upstream", || async {
            stage.probe().abandoned() == already + 1
        })
        .await;

        let request = browser.call(GET, Form::Binary).body(frame(&slow)).unwrap();
        let waiting = tokio::spawn(async move { browser.begin(request).await.response.status() });
        let metric = "lyceum_rpc_client_in_flight{method=\"lyceum.testing.v1.ProbeService/GetProbe\"} 1";
        let metrics = stage.browser();
        wait_for("the call to be under way", || async {
            let (_, _, text) = metrics.get("/gateway/metrics").await;
            String::from_utf8_lossy(&text).contains(metric)
        })
        .await;
        waiting.abort();
        wait_for("the call to end upstream", || async {
            stage.probe().abandoned() == already + 2
        })
        .await;
    }
}

/// Trap 9: headers of one connection reach the next.
#[tokio::test(flavor = "multi_thread")]
async fn headers_of_the_connection_stay_on_it() {
    let stage = Stage::start().await;
    let mut raw = Raw::connect(stage.address).await;
    raw.write(
        "POST /mirror.v1.MirrorService/Headers HTTP/1.1\r\nhost: x\r\ncontent-type: application/grpc-web\r\n\
         connection: keep-alive, X-Of-Mine\r\nkeep-alive: timeout=5\r\nx-of-mine: 1\r\nte: gzip\r\n\
         proxy-connection: keep-alive\r\nproxy-authorization: Basic eDp5\r\ntrailer: x-later\r\nupgrade: h2c\r\n\
         x-grpc-web: 1\r\ncookie: session=1\r\nx-passes: yes\r\ntransfer-encoding: chunked\r\n\r\n\
         5\r\n\0\0\0\0\0\r\n0\r\n\r\n",
    )
    .await;
    let answer = raw.read_until("grpc-status:0").await;
    let (_, seen) = answer.split_once("\r\n\r\n").unwrap();
    assert!(
        seen.contains("x-passes: yes\n") && seen.contains("te: trailers\n"),
        "{seen}"
    );
    for name in [
        "connection",
        "keep-alive",
        "x-of-mine",
        "gzip",
        "proxy-connection",
        "proxy-authorization",
        "trailer:",
        "upgrade",
        "transfer-encoding",
        "content-length",
        "cookie",
        "x-grpc-web",
    ] {
        assert!(!seen.contains(name), "{name} in {seen}");
    }
}

/// A stream that says nothing is not cut by the gateway, and its connection is probed so that routers keep it too.
#[tokio::test(flavor = "multi_thread")]
async fn an_idle_stream_is_kept_and_its_connection_probed() {
    let patience = Duration::from_millis(400);
    let stage = Stage::start_with(|configuration| {
        configuration.gateway.header_timeout = patience;
        configuration.gateway.body_idle = patience;
    })
    .await;
    let silent = WatchProbeRequest {
        interval_milliseconds: 2000,
        count: 1,
        ..Default::default()
    }
    .encode_to_vec();
    for browser in [stage.browser(), stage.browser().over_http2()] {
        let began = Instant::now();
        let request = browser.call(WATCH, Form::Binary).body(frame(&silent)).unwrap();
        let answer = browser.begin(request).await;
        assert!(
            began.elapsed() < Duration::from_secs(2),
            "its headers do not wait for a message"
        );
        #[cfg(target_os = "linux")]
        wait_for("the keepalive's timer", || async { is_probed(stage.address.port()) }).await;
        let answer = Answer::read(answer).await;
        assert!(began.elapsed() > 4 * patience);
        assert_eq!((answer.status(), answer.messages.len()), (Some(0), 1));
    }
}

/// Whether the kernel counts down to a keepalive probe on some connection to a port: timer 2, state ESTABLISHED.
#[cfg(target_os = "linux")]
fn is_probed(port: u16) -> bool {
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap();
    let local = format!(":{port:04X}");
    table.lines().skip(1).any(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        fields[1].ends_with(&local) && fields[3] == "01" && fields[5].starts_with("02:")
    })
}

/// A service goes while somebody listens: the stream ends with a status instead of hanging.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_ends_with_a_status_when_its_service_goes() {
    for http2 in [false, true] {
        let mut stage = Stage::start().await;
        let browser = if http2 {
            stage.browser().over_http2()
        } else {
            stage.browser()
        };
        let silent = WatchProbeRequest {
            interval_milliseconds: 60_000,
            ..Default::default()
        }
        .encode_to_vec();
        let request = browser.call(WATCH, Form::Binary).body(frame(&silent)).unwrap();
        let answer = browser.begin(request).await;
        let leaving = tokio::spawn(stage.probe.take().unwrap().stop());
        let answer = Answer::read(answer).await;
        assert_eq!((answer.status(), answer.whole), (Some(14), true), "{answer:?}");
        leaving.await.unwrap();
    }
}
