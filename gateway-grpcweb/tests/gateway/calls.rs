//! Calls that go well, in every form, and what they carry.

use bytes::Bytes;
use http_body_util::BodyExt as _;
use lyceum::contracts::testing::v1::{
    GetProbeRequest, GetProbeResponse, RecordProbeResponse, WatchProbeRequest, WatchProbeResponse,
};
use prost::Message as _;

use crate::browser::{FORMS, Form, Raw, frame};
use crate::stage::Stage;

const GET: &str = "lyceum.testing.v1.ProbeService/GetProbe";
const RECORD: &str = "lyceum.testing.v1.ProbeService/RecordProbe";
const WATCH: &str = "lyceum.testing.v1.ProbeService/WatchProbe";

#[tokio::test(flavor = "multi_thread")]
async fn unary_and_streaming_calls_work_in_both_forms_over_both_protocols() {
    let stage = Stage::start().await;
    for browser in [stage.browser(), stage.browser().over_http2()] {
        for form in FORMS {
            let message = GetProbeRequest {
                payload: "essay".into(),
                ..Default::default()
            }
            .encode_to_vec();
            let request = browser.call(GET, form).body(form.encode(&frame(&message))).unwrap();
            let answer = browser.send(request).await;
            assert_eq!((answer.http, answer.status()), (200, Some(0)));
            let reply: GetProbeResponse = answer.message();
            assert_eq!(reply.payload, "essay");
            assert_eq!(reply.instance, stage.probe().id);
            assert!(reply.caller.ends_with("/svc/gateway"), "{}", reply.caller);
            assert!(answer.trailers.is_some());

            let message = WatchProbeRequest {
                count: 20,
                payload_bytes: 3000,
                ..Default::default()
            }
            .encode_to_vec();
            let request = browser.call(WATCH, form).body(form.encode(&frame(&message))).unwrap();
            let answer = browser.send(request).await;
            assert_eq!((answer.http, answer.status()), (200, Some(0)));
            let sequence: Vec<u64> = answer
                .messages
                .iter()
                .map(|message| WatchProbeResponse::decode(message.clone()).unwrap().sequence)
                .collect();
            assert_eq!(sequence, (0..20).collect::<Vec<_>>());
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_arrives_message_by_message() {
    let stage = Stage::start().await;
    let endless = WatchProbeRequest {
        interval_milliseconds: 5,
        payload_bytes: 7,
        ..Default::default()
    };
    for form in FORMS {
        let body = form.encode(&frame(&endless.encode_to_vec()));
        let request = stage.browser().call(WATCH, form).body(body).unwrap();
        let answer = stage.browser().begin(request).await;
        let mut body = answer.response.into_body();
        let mut bytes = Vec::new();
        // An endless stream shows its first messages; each is readable as soon as it is there.
        for expected in 0..3 {
            while crate::browser::parse(&form.decode(whole(form, &bytes))).0.len() <= expected {
                bytes.extend_from_slice(&body.frame().await.unwrap().unwrap().into_data().unwrap());
            }
        }
        drop(answer.connection);
    }
}

/// What of a body can be decoded: the network may cut it within a quantum.
fn whole(form: Form, bytes: &[u8]) -> &[u8] {
    match form {
        Form::Binary => bytes,
        Form::Text => &bytes[..bytes.len() / 4 * 4],
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_of_a_service_arrive_with_their_details() {
    let stage = Stage::start().await;
    let browser = stage.browser();
    let failing = GetProbeRequest {
        fail_with: 7,
        ..Default::default()
    }
    .encode_to_vec();
    let answer = browser.unary(GET, &failing).await;
    assert_eq!((answer.http, answer.status()), (200, Some(7)));
    assert_eq!(answer.reason(), "PROBE_TOLD_TO_FAIL");
    assert_eq!(answer.error().unwrap().message(), "the probe was told to fail");

    let wrong = GetProbeRequest {
        delay_milliseconds: 60_001,
        ..Default::default()
    }
    .encode_to_vec();
    let answer = browser.unary(GET, &wrong).await;
    assert_eq!((answer.status(), answer.reason().as_str()), (Some(3), "INPUT_INVALID"));

    let ending = WatchProbeRequest {
        count: 2,
        fail_with: 10,
        ..Default::default()
    }
    .encode_to_vec();
    let answer = browser.unary(WATCH, &ending).await;
    assert_eq!((answer.messages.len(), answer.status()), (2, Some(10)));
    assert_eq!(answer.reason(), "PROBE_TOLD_TO_FAIL");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_carries_its_context_and_nobody_elses() {
    let stage = Stage::start().await;
    let browser = stage.browser();
    let trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let request = browser
        .call(GET, Form::Binary)
        .header("traceparent", trace)
        .header("x-correlation-id", "essay-42")
        .header("lyceum-principal", "teacher")
        .header("lyceum-consent", "learning")
        .header("grpc-timeout", "30S")
        .body(frame(b""))
        .unwrap();
    let answer = browser.send(request).await;
    let reply: GetProbeResponse = answer.message();
    assert_eq!(reply.trace_id, "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(reply.correlation_id, "essay-42");
    assert_eq!(reply.principal, "anonymous");
    assert!((25_000..=30_000).contains(&reply.deadline_remaining_milliseconds));
    assert_eq!(answer.headers["x-correlation-id"], "essay-42");
    assert_eq!(answer.headers["lyceum-instance"], stage.probe().id.as_str());

    let request = browser
        .call(GET, Form::Binary)
        .header("traceparent", "00-broken")
        .header("x-correlation-id", "not an id")
        .body(frame(b""))
        .unwrap();
    let answer = browser.send(request).await;
    let reply: GetProbeResponse = answer.message();
    assert_eq!(reply.trace_id.len(), 32);
    assert_eq!(answer.headers["x-correlation-id"], reply.correlation_id.as_str());
    assert_ne!(reply.correlation_id, "not an id");

    let request = browser
        .call(GET, Form::Binary)
        .header("lyceum-consent", "everything")
        .body(frame(b""))
        .unwrap();
    assert_eq!(
        browser.send(request).await.status(),
        Some(3),
        "a consent that is none is refused, not guessed"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_has_a_limit() {
    let limit = std::time::Duration::from_secs(5);
    let stage = Stage::start_with(|configuration| configuration.policy.edge.deadline_limit = limit).await;
    let request = stage
        .browser()
        .call(GET, Form::Binary)
        .header("grpc-timeout", "9H")
        .body(frame(b""))
        .unwrap();
    let reply: GetProbeResponse = stage.browser().send(request).await.message();
    assert!(
        reply.deadline_remaining_milliseconds <= 5000,
        "{}",
        reply.deadline_remaining_milliseconds
    );
    // A method that no contract here knows gets the limit, as it may be a stream; the client's default would cut it off.
    let answer = stage.browser().unary("mirror.v1.MirrorService/Headers", b"").await;
    let seen = String::from_utf8_lossy(&answer.messages[0]).into_owned();
    let timeout = seen
        .lines()
        .find_map(|line| line.strip_prefix("grpc-timeout: "))
        .unwrap();
    let timeout = lyceum::context::parse_timeout(&timeout.parse().unwrap()).unwrap();
    assert!(timeout <= limit && timeout > limit / 2, "{timeout:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn large_bodies_stream_both_ways_in_any_pieces() {
    let stage = Stage::start().await;
    let payload = vec![b'l'; 3_000_000];
    let message = GetProbeRequest {
        payload: payload.clone().into(),
        ..Default::default()
    }
    .encode_to_vec();
    for form in FORMS {
        let body = form.encode(&frame(&message));
        // With a length, and in chunks of HTTP whose ends are nowhere near a quantum's.
        let request = stage.browser().call(GET, form).body(body.clone()).unwrap();
        let answer = stage.browser().send(request).await;
        assert_eq!(answer.status(), Some(0));
        assert!(answer.message::<GetProbeResponse>().payload == payload);

        let mut raw = Raw::connect(stage.address).await;
        raw.write(format!(
            "POST /{GET} HTTP/1.1\r\nhost: x\r\ncontent-type: {}\r\ntransfer-encoding: chunked\r\n\r\n",
            form.content_type()
        ))
        .await;
        for piece in body.chunks(70_001) {
            raw.write(format!("{:x}\r\n", piece.len())).await;
            raw.write(piece).await;
            raw.write("\r\n").await;
        }
        raw.write("0\r\n\r\n").await;
        let answer = raw.read_until("\r\n0\r\n\r\n").await;
        assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.len() > 3_000_000);
    }

    for form in FORMS {
        let request = stage
            .browser()
            .call("mirror.v1.MirrorService/Grow", form)
            .body(form.encode(b""))
            .unwrap();
        let answer = stage.browser().send(request).await;
        assert_eq!(answer.status(), Some(0));
        let sizes: Vec<usize> = answer.messages.iter().map(Bytes::len).collect();
        assert_eq!(sizes, (0..40).map(|size| size * size * 50).collect::<Vec<_>>());
        assert_eq!(answer.trailers.unwrap()["x-end"], "done");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_at_once_on_one_connection_do_not_mix() {
    let stage = Stage::start().await;
    let browser = stage.browser().over_http2();
    let calls = (0..50_u32).map(|number| async move {
        let payload = number.to_string().repeat(200);
        let message = GetProbeRequest {
            payload: payload.clone().into(),
            delay_milliseconds: number % 7,
            ..Default::default()
        };
        let answer = browser.unary(GET, &message.encode_to_vec()).await;
        assert_eq!(answer.message::<GetProbeResponse>().payload, payload);
    });
    futures_util::future::join_all(calls).await;
    let recorded: RecordProbeResponse = browser.unary(RECORD, b"").await.message();
    assert_eq!(recorded.count, 1);
}
