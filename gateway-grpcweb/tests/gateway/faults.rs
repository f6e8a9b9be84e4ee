//! Bad input and broken services: a status that says what is wrong, and nothing else breaks.

use std::time::Duration;

use http::Method;
use lyceum::contracts::testing::v1::{GetProbeRequest, GetProbeResponse, WatchProbeRequest};
use lyceum::testing::wait_for;
use prost::Message as _;
use tokio::time::Instant;

use crate::browser::{Answer, FORMS, Form, Raw, frame};
use crate::stage::Stage;

const GET: &str = "lyceum.testing.v1.ProbeService/GetProbe";
const WATCH: &str = "lyceum.testing.v1.ProbeService/WatchProbe";
const SCHOOL: &str = "https://school.example";

#[tokio::test(flavor = "multi_thread")]
async fn every_bad_request_gets_a_status_that_says_why() {
    let stage = Stage::start_with(|configuration| configuration.policy.edge.body_limit = 100_000).await;
    let browser = stage.browser();
    let good = frame(b"");
    let oversized = frame(&vec![0; 200_000]);
    let slightly = frame(&vec![0; 100_001]);
    let large_header = [&[0, 0, 50, 0, 0][..], &[0; 10]].concat();
    let truncated = frame(&[10, 3, b'a', b'b', b'c']).slice(..9);
    let half_quantum = &Form::Text.encode(&good)[..5];
    for (method, form, body, code, reason) in [
        (GET, Form::Text, &b"AAAA*AAA"[..], 3, "BODY_NOT_BASE64"),
        (GET, Form::Text, half_quantum, 3, "BODY_NOT_BASE64"),
        (GET, Form::Text, &good, 3, "BODY_NOT_BASE64"),
        (GET, Form::Binary, &truncated, 3, "BODY_TRUNCATED"),
        (GET, Form::Binary, b"\0\0", 3, "BODY_TRUNCATED"),
        (GET, Form::Binary, b"{\"text\":1}", 3, "BODY_NOT_GRPC_WEB"),
        (GET, Form::Binary, b"AAAAAAA=", 3, "BODY_NOT_GRPC_WEB"),
        (GET, Form::Binary, &large_header, 8, "MESSAGE_TOO_LARGE"),
        (GET, Form::Binary, &slightly, 8, "MESSAGE_TOO_LARGE"),
        (GET, Form::Binary, &oversized, 8, "BODY_TOO_LARGE"),
        (GET, Form::Binary, &frame(&[0xff; 20]), 3, "MESSAGE_UNREADABLE"),
        ("no.such.Service/Method", Form::Binary, &good, 12, "METHOD_UNKNOWN"),
        ("no.such.Service/Method", Form::Text, b"AAAAAAA=", 12, "METHOD_UNKNOWN"),
        (
            "lyceum.testing.v1.ProbeService",
            Form::Binary,
            &good,
            12,
            "METHOD_UNKNOWN",
        ),
        (
            "lyceum.testing.v1.ProbeService/",
            Form::Binary,
            &good,
            12,
            "METHOD_UNKNOWN",
        ),
        (
            "lyceum.testing.v1.ProbeService/Get/Probe",
            Form::Binary,
            &good,
            12,
            "METHOD_UNKNOWN",
        ),
        ("", Form::Binary, &good, 12, "METHOD_UNKNOWN"),
        ("gateway/health", Form::Binary, &good, 12, "METHOD_UNKNOWN"),
    ] {
        let request = browser
            .call(method, form)
            .header("origin", SCHOOL)
            .body(bytes::Bytes::copy_from_slice(body))
            .unwrap();
        let answer = browser.send(request).await;
        assert_eq!((answer.http, answer.status()), (200, Some(code)), "{method} {reason}");
        assert_eq!(answer.reason(), reason);
        assert_eq!(answer.headers["access-control-allow-origin"], SCHOOL, "{reason}");
        assert_eq!(
            answer.headers["content-type"].to_str().unwrap().contains("-text"),
            form == Form::Text
        );
    }
    for (name, value, code, reason) in [
        ("grpc-timeout", "soon", 3, "TIMEOUT_INVALID"),
        ("content-encoding", "deflate", 12, "ENCODING_UNKNOWN"),
        ("content-type", "application/grpc", 12, "HTTP2_NEEDED"),
        ("content-type", "application/grpc-web+json", 12, "FORMAT_UNKNOWN"),
    ] {
        let mut request = browser.call(GET, Form::Binary).body(good.clone()).unwrap();
        request.headers_mut().insert(name, value.parse().unwrap());
        let answer = browser.send(request).await;
        assert_eq!((answer.http, answer.status()), (200, Some(code)), "{name}: {value}");
        assert_eq!(answer.reason(), reason);
    }
    let mut request = browser.call(GET, Form::Binary).body(good.clone()).unwrap();
    *request.method_mut() = Method::PUT;
    assert_eq!(browser.send(request).await.reason(), "METHOD_NOT_POST");
    // After all of that a call is a call.
    assert_eq!(browser.unary(GET, b"").await.status(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_without_a_length_fail_as_clearly() {
    let stage = Stage::start_with(|configuration| configuration.policy.edge.body_limit = 100_000).await;
    let large = [frame(&[0; 60_000]), frame(&[0; 60_000])].concat();
    // One method collects its request, the others stream it, known to a contract or not.
    for method in [
        GET,
        WATCH,
        "lyceum.testing.v1.ProbeService/ExchangeProbe",
        "mirror.v1.MirrorService/Echo",
    ] {
        for (form, body, code) in [
            (Form::Binary, &b"\0\0\0\0\x05ab"[..], 3),
            (Form::Text, b"AAAA*AAA", 3),
            (Form::Binary, &large, 8),
        ] {
            let request = stage
                .browser()
                .call(method, form)
                .header("origin", SCHOOL)
                .header("transfer-encoding", "chunked")
                .body(bytes::Bytes::copy_from_slice(body))
                .unwrap();
            let answer = stage.browser().send(request).await;
            assert_eq!(
                (answer.http, answer.status()),
                (200, Some(code)),
                "{method}: {answer:?}"
            );
            assert_eq!(answer.headers["access-control-allow-origin"], SCHOOL);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_breaks_off_leaves_whole_messages_and_a_status() {
    let stage = Stage::start().await;
    for browser in [stage.browser(), stage.browser().over_http2()] {
        for form in FORMS {
            let request = browser
                .call("mirror.v1.MirrorService/Break", form)
                .body(form.encode(&frame(b"")))
                .unwrap();
            let answer = browser.send(request).await;
            assert!(answer.whole);
            assert_eq!(answer.messages, ["whole"]);
            assert_eq!((answer.http, answer.status()), (200, Some(14)), "{answer:?}");
        }
        let answer = browser.unary("mirror.v1.MirrorService/Reset", b"").await;
        assert_eq!(
            (answer.http, answer.status(), answer.whole),
            (200, Some(14), true),
            "{answer:?}"
        );
        // No status can follow half a message; HTTP/2 may even take back what it has not sent yet.
        let request = browser
            .call("mirror.v1.MirrorService/BreakLarge", Form::Binary)
            .body(frame(b""))
            .unwrap();
        if let Ok(response) = browser.try_begin(request).await {
            let answer = Answer::read(response).await;
            assert!(!answer.whole, "{answer:?}");
            assert_eq!((answer.messages.len(), answer.trailers), (0, None));
        }
        let answer = browser.unary("mirror.v1.MirrorService/Html", b"").await;
        assert_eq!(
            (answer.http, answer.status(), answer.reason().as_str()),
            (200, Some(14), "ANSWER_NOT_GRPC")
        );
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_sends_too_slowly_loses_the_place() {
    let stage = Stage::start_with(|configuration| {
        configuration.gateway.header_timeout = Duration::from_millis(600);
        configuration.gateway.body_idle = Duration::from_millis(600);
    })
    .await;
    // A body that stops coming is answered, small or streamed.
    for length in [
        "content-length: 20",
        "content-length: 200000",
        "transfer-encoding: chunked",
    ] {
        let mut raw = Raw::connect(stage.address).await;
        raw.write(format!(
            "POST /{GET} HTTP/1.1\r\nhost: x\r\ncontent-type: application/grpc-web\r\n{length}\r\n\r\n"
        ))
        .await;
        raw.write(if length.starts_with('t') {
            "3\r\n\0\0\0\r\n"
        } else {
            "\0\0\0"
        })
        .await;
        let answer = raw.read_until("\r\n\r\n").await;
        assert!(answer.contains("grpc-status: 4\r\n"), "{length}: {answer}");
    }
    // Headers that never end, a preface that never ends, and nothing at all.
    for head in ["POST /x HTTP/1.1\r\nhost: x\r\nx-slow: ", "PRI * HTTP/2.0\r\n", ""] {
        let began = Instant::now();
        let mut raw = Raw::connect(stage.address).await;
        raw.write(head).await;
        raw.read_to_end().await;
        assert!(began.elapsed() >= Duration::from_millis(500), "{head:?}");
    }
    // Who asks for a stream and never reads it keeps no service working.
    let endless = WatchProbeRequest {
        payload_bytes: 500_000,
        ..Default::default()
    }
    .encode_to_vec();
    let request = stage.browser().call(WATCH, Form::Binary).body(frame(&endless)).unwrap();
    let unread = stage.browser().begin(request).await;
    wait_for("the stream to end upstream", || async {
        stage.probe().abandoned() == 1
    })
    .await;
    drop(unread);
    // Who has asked before may idle: this one outlives one that asks for nothing.
    let mut raw = Raw::connect(stage.address).await;
    let call =
        format!("POST /{GET} HTTP/1.1\r\nhost: x\r\ncontent-type: application/grpc-web\r\ncontent-length: 5\r\n");
    for _ in 0..2 {
        raw.write(format!("{call}\r\n\0\0\0\0\0")).await;
        raw.read_until("\r\n0\r\n\r\n").await;
        Raw::connect(stage.address).await.read_to_end().await;
    }
    // But may not begin and never end.
    raw.write(&call).await;
    assert_eq!(raw.read_to_end().await, "");
    assert_eq!(stage.browser().unary(GET, b"").await.status(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_and_connections_have_limits() {
    let stage = Stage::start_with(|configuration| {
        configuration.gateway.connections = 2;
        configuration.gateway.header_timeout = Duration::from_millis(600);
    })
    .await;
    let mut raw = Raw::connect(stage.address).await;
    let many: String = (0..101).map(|number| format!("x-{number}: 1\r\n")).collect();
    raw.write(format!(
        "POST /{GET} HTTP/1.1\r\nhost: x\r\ncontent-type: application/grpc-web\r\n{many}\r\n"
    ))
    .await;
    assert!(raw.read_to_end().await.starts_with("HTTP/1.1 431"));
    let mut raw = Raw::connect(stage.address).await;
    raw.write(format!("GET / HTTP/1.1\r\nhost: x\r\nx-large: {}", "x".repeat(66_000)))
        .await;
    assert!(raw.read_to_end().await.starts_with("HTTP/1.1 431"));

    // Two that ask for nothing fill the house; the third waits at the door until they are shown out.
    let (first, second) = (Raw::connect(stage.address).await, Raw::connect(stage.address).await);
    let began = Instant::now();
    assert_eq!(stage.browser().unary(GET, b"").await.status(), Some(0));
    assert!(began.elapsed() >= Duration::from_millis(500), "it had to wait");
    drop((first, second));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sender_that_waits_to_be_asked_is_answered_at_once() {
    let stage = Stage::start().await;
    let mut raw = Raw::connect(stage.address).await;
    let head = "content-type: application/grpc-web\r\nexpect: 100-continue\r\ncontent-length: 5\r\n\r\n";
    raw.write(format!("POST /no.such.Service/Method HTTP/1.1\r\nhost: x\r\n{head}"))
        .await;
    let answer = raw.read_until("\r\n\r\n").await;
    assert!(
        answer.starts_with("HTTP/1.1 200 OK\r\n") && answer.contains("grpc-status: 12\r\n"),
        "{answer}"
    );

    let mut raw = Raw::connect(stage.address).await;
    raw.write(format!("POST /{GET} HTTP/1.1\r\nhost: x\r\n{head}")).await;
    raw.read_until("HTTP/1.1 100 Continue\r\n\r\n").await;
    raw.write(frame(b"")).await;
    raw.read_until("grpc-status:0\r\n").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn student_text_is_in_no_answer_but_its_own() {
    let stage = Stage::start().await;
    let secret = "my-private-reflection";
    let message = GetProbeRequest {
        payload: secret.into(),
        fail_with: 13,
        ..Default::default()
    }
    .encode_to_vec();
    let answer = stage.browser().unary(GET, &message).await;
    assert!(!format!("{:?}", answer.headers).contains(secret));
    assert!(!format!("{:?}", answer.trailers).contains(secret));
    let (_, _, metrics) = stage.browser().get("/gateway/metrics").await;
    assert!(!String::from_utf8_lossy(&metrics).contains(secret));
    let echoed = GetProbeRequest {
        payload: secret.into(),
        ..Default::default()
    }
    .encode_to_vec();
    let reply: GetProbeResponse = stage.browser().unary(GET, &echoed).await.message();
    assert_eq!(reply.payload, secret);
}
