//! The Connect protocol, byte by byte and with `buf curl`.

mod own;
mod refusals;

use std::io::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::stream;
use http::{HeaderMap, Request};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use hyper_util::rt::{TokioExecutor, TokioIo};
use lyceum::contracts::testing::v1::{
    ExchangeProbeRequest, ExchangeProbeResponse, GetProbeRequest, GetProbeResponse, WatchProbeRequest,
    WatchProbeResponse,
};
use lyceum::testing::wait_for;
use prost::Message as _;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use crate::browser::{Browser, frame};
use crate::stage::{Stage, program};

const GET: &str = "/lyceum.testing.v1.ProbeService/GetProbe";
const RECORD: &str = "/lyceum.testing.v1.ProbeService/RecordProbe";
const WATCH: &str = "/lyceum.testing.v1.ProbeService/WatchProbe";
const EXCHANGE: &str = "/lyceum.testing.v1.ProbeService/ExchangeProbe";

type Headers<'a> = &'a [(&'a str, &'a str)];

/// HTTP's status and our reason.
type Refused = (u16, &'static str);

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

    fn code(&self) -> String {
        self.json()["code"].as_str().unwrap().to_owned()
    }

    /// The reason among the details of a failure.
    fn reason(&self) -> String {
        reason(&self.json())
    }

    /// The messages, and the end.
    fn envelopes(&self) -> (Vec<Bytes>, Value) {
        let (mut messages, mut end, mut rest) = (Vec::new(), None, &self.body[..]);
        while !rest.is_empty() {
            assert!(end.is_none(), "nothing follows the end");
            let length = u32::from_be_bytes(rest[1..5].try_into().unwrap()) as usize;
            let message = &rest[5..5 + length];
            match rest[0] {
                0 => messages.push(Bytes::copy_from_slice(message)),
                1 => messages.push(unpacked(message)),
                2 => end = Some(serde_json::from_slice(message).unwrap()),
                flags => panic!("{flags}"),
            }
            rest = &rest[5 + length..];
        }
        (messages, end.unwrap())
    }
}

fn reason(failure: &Value) -> String {
    let details = failure["details"].as_array().unwrap();
    let info = details
        .iter()
        .find(|detail| detail["type"] == "google.rpc.ErrorInfo")
        .unwrap();
    let info = STANDARD_NO_PAD.decode(info["value"].as_str().unwrap()).unwrap();
    // The reason is the first field.
    String::from_utf8(info[2..2 + usize::from(info[1])].to_vec()).unwrap()
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn unpacked(bytes: &[u8]) -> Bytes {
    let mut decoder = flate2::write::GzDecoder::new(Vec::new());
    decoder.write_all(bytes).unwrap();
    decoder.finish().unwrap().into()
}

async fn send(browser: Browser, request: Request<Bytes>) -> Answer {
    let response = browser.begin(request).await;
    let (parts, body) = response.response.into_parts();
    Answer {
        http: parts.status.as_u16(),
        headers: parts.headers,
        body: body.collect().await.unwrap().to_bytes(),
    }
}

async fn post(browser: Browser, path: &str, kind: &str, headers: Headers<'_>, body: impl Into<Bytes>) -> Answer {
    let mut request = Request::post(browser.uri(path)).header("content-type", kind);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(browser, request.body(body.into()).unwrap()).await
}

async fn get(browser: Browser, path: &str) -> Answer {
    send(browser, Request::get(browser.uri(path)).body(Bytes::new()).unwrap()).await
}

/// Ready when its types are known as well.
async fn stage() -> Stage {
    let stage = Stage::start().await;
    let browser = stage.browser();
    wait_for("the probe's types", || async {
        post(browser, GET, "application/json", &[], "{}").await.http == 200
    })
    .await;
    stage
}

#[tokio::test(flavor = "multi_thread")]
async fn unary_calls_work_in_both_codecs_over_both_versions_of_http() {
    let stage = stage().await;
    for browser in [stage.browser(), stage.browser().over_http2()] {
        let message = GetProbeRequest {
            payload: "essay".into(),
            ..Default::default()
        };
        let headers = [("connect-protocol-version", "1"), ("x-correlation-id", "essay-42")];
        let answer = post(browser, GET, "application/proto", &headers, message.encode_to_vec()).await;
        assert_eq!(
            (answer.http, &answer.headers["content-type"]),
            (200, &"application/proto".parse().unwrap())
        );
        let reply = GetProbeResponse::decode(answer.body).unwrap();
        assert_eq!(
            (&*reply.payload, reply.correlation_id.as_str()),
            (&b"essay"[..], "essay-42")
        );
        assert_eq!(answer.headers["x-correlation-id"], "essay-42");
        assert!(!answer.headers.contains_key("grpc-status"));

        let answer = post(browser, GET, "application/json", &[], r#"{"payload":"ZXNzYXk="}"#).await;
        assert_eq!(
            (answer.http, &answer.headers["content-type"]),
            (200, &"application/json".parse().unwrap())
        );
        assert_eq!(answer.json()["payload"], "ZXNzYXk=");
        assert_eq!(answer.json()["instance"], stage.probe().id);

        let gzip = [("content-encoding", "gzip")];
        let answer = post(
            browser,
            GET,
            "application/proto",
            &gzip,
            packed(&message.encode_to_vec()),
        )
        .await;
        assert_eq!(GetProbeResponse::decode(answer.body).unwrap().payload, "essay");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_method_without_side_effects_answers_to_get() {
    let stage = stage().await;
    let browser = stage.browser();
    let answer = get(
        browser,
        &format!("{GET}?connect=v1&encoding=json&message=%7B%22payload%22%3A%22YQ%3D%3D%22%7D"),
    )
    .await;
    assert_eq!((answer.http, &answer.json()["payload"]), (200, &json!("YQ==")));
    assert_eq!(answer.headers["cache-control"], "no-store");
    assert!(answer.headers["vary"].to_str().unwrap().contains("authorization"));

    let message = GetProbeRequest {
        payload: vec![b'x'; 300].into(),
        ..Default::default()
    };
    let proto = URL_SAFE_NO_PAD.encode(packed(&message.encode_to_vec()));
    let query = format!("{GET}?message={proto}&base64=1&encoding=proto&compression=gzip&connect=v1");
    let answer = get(browser.over_http2(), &query).await;
    assert_eq!(GetProbeResponse::decode(answer.body).unwrap().payload.len(), 300);

    let answer = get(browser, &format!("{RECORD}?encoding=json&message=%7B%7D")).await;
    assert_eq!((answer.http, answer.reason().as_str()), (501, "METHOD_NOT_GET"));
    let answer = get(browser, &format!("{GET}?encoding=xml&message=%7B%7D")).await;
    assert_eq!((answer.http, answer.reason().as_str()), (400, "QUERY_INVALID"));
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_have_their_status_code_and_details() {
    let stage = stage().await;
    let browser = stage.browser();
    for (number, code, http) in [
        (1, "canceled", 499),
        (2, "unknown", 500),
        (3, "invalid_argument", 400),
        (5, "not_found", 404),
        (6, "already_exists", 409),
        (7, "permission_denied", 403),
        (9, "failed_precondition", 400),
        (10, "aborted", 409),
        (11, "out_of_range", 400),
        (12, "unimplemented", 501),
        (13, "internal", 500),
        (15, "data_loss", 500),
        (16, "unauthenticated", 401),
    ] {
        let body = json!({ "failWith": number }).to_string();
        let answer = post(browser, GET, "application/json", &[], body).await;
        assert_eq!((answer.http, answer.code().as_str()), (http, code));
        assert_eq!(answer.headers["content-type"], "application/json");
        assert_eq!(answer.reason(), "PROBE_TOLD_TO_FAIL");
        assert_eq!(answer.json()["message"], "the probe was told to fail");
    }
    let answer = post(browser, "/mirror.v1.MirrorService/Fail", "application/proto", &[], "").await;
    assert_eq!((answer.http, answer.code().as_str()), (400, "failed_precondition"));
    assert_eq!(
        (&answer.headers["x-cost"], &answer.headers["x-trace-bin"]),
        (&"3".parse().unwrap(), &"AQID".parse().unwrap())
    );
    let answer = post(browser, "/nobody.v1.NoService/Get", "application/json", &[], "{}").await;
    assert_eq!((answer.http, answer.reason().as_str()), (501, "METHOD_UNKNOWN"));
    let answer = post(browser, "/mirror.v1.MirrorService/Echo", "application/json", &[], "{}").await;
    assert_eq!((answer.http, answer.reason().as_str()), (503, "TYPES_UNKNOWN"));
}

#[tokio::test(flavor = "multi_thread")]
async fn trailers_of_a_unary_answer_are_headers() {
    let stage = stage().await;
    // A frame within a frame: the mirror sends back what it got.
    let answer = post(
        stage.browser(),
        "/mirror.v1.MirrorService/Headers",
        "application/proto",
        &[("connect-timeout-ms", "9000"), ("x-mine", "1")],
        "",
    )
    .await;
    assert_eq!(
        (&answer.headers["x-begin"], &answer.headers["trailer-x-end"]),
        (&"begun".parse().unwrap(), &"done".parse().unwrap())
    );
    let seen = String::from_utf8_lossy(&answer.body).into_owned();
    assert!(seen.contains("x-mine: 1") && seen.contains("grpc-timeout: "), "{seen}");
    assert!(!seen.contains("connect-"), "{seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_end_with_how_they_ended() {
    let stage = stage().await;
    for browser in [stage.browser(), stage.browser().over_http2()] {
        let watch = WatchProbeRequest {
            count: 20,
            payload_bytes: 3000,
            ..Default::default()
        };
        let answer = post(
            browser,
            WATCH,
            "application/connect+proto",
            &[],
            frame(&watch.encode_to_vec()),
        )
        .await;
        assert_eq!(
            (answer.http, &answer.headers["content-type"]),
            (200, &"application/connect+proto".parse().unwrap())
        );
        let (messages, end) = answer.envelopes();
        let sequence = messages
            .into_iter()
            .map(|message| WatchProbeResponse::decode(message).unwrap().sequence);
        assert_eq!(sequence.collect::<Vec<_>>(), (0..20).collect::<Vec<_>>());
        assert_eq!(end, json!({}));

        let failing = frame(br#"{"count":2,"failWith":10}"#);
        let answer = post(browser, WATCH, "application/connect+json", &[], failing).await;
        let (messages, end) = answer.envelopes();
        let last: Value = serde_json::from_slice(&messages[1]).unwrap();
        assert_eq!((messages.len(), &last["sequence"]), (2, &json!("1")));
        assert_eq!(end["error"]["code"], "aborted");
        assert_eq!(reason(&end["error"]), "PROBE_TOLD_TO_FAIL");
    }
    let grow = post(
        stage.browser(),
        "/mirror.v1.MirrorService/Grow",
        "application/connect+proto",
        &[],
        "",
    )
    .await;
    let (messages, end) = grow.envelopes();
    assert_eq!(
        (messages.len(), &end),
        (40, &json!({ "metadata": { "x-end": ["done"] } }))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_of_a_stream_may_be_gzip() {
    let stage = stage().await;
    let watch = WatchProbeRequest {
        count: 3,
        payload_bytes: 50_000,
        ..Default::default()
    };
    let message = packed(&watch.encode_to_vec());
    let mut envelope = frame(&message).to_vec();
    envelope[0] = 1;
    let headers = [
        ("connect-content-encoding", "gzip"),
        ("connect-accept-encoding", "gzip"),
    ];
    let answer = post(
        stage.browser(),
        WATCH,
        "application/connect+proto",
        &headers,
        envelope.clone(),
    )
    .await;
    assert_eq!(answer.headers["connect-content-encoding"], "gzip");
    assert!(answer.body.len() < 10_000, "{}", answer.body.len());
    let (messages, _) = answer.envelopes();
    assert!(messages.iter().all(|message| message.len() > 50_000));

    let answer = post(stage.browser(), WATCH, "application/connect+proto", &[], envelope).await;
    assert_eq!(reason(&answer.envelopes().1["error"]), "ENCODING_MISSING");
}

#[tokio::test(flavor = "multi_thread")]
async fn both_sides_stream_at_once_over_http2() {
    let stage = stage().await;
    for codec in ["proto", "json"] {
        let (sender, receiver) = mpsc::channel::<Bytes>(1);
        let pieces = stream::unfold(receiver, |mut receiver| async move {
            let piece = receiver.recv().await?;
            Some((Ok::<_, std::convert::Infallible>(Frame::data(piece)), receiver))
        });
        let stream = TokioIo::new(TcpStream::connect(stage.address).await.unwrap());
        let (mut http2, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), stream)
            .await
            .unwrap();
        let connection = tokio::spawn(connection);
        let request = Request::post(stage.browser().over_http2().uri(EXCHANGE))
            .header("content-type", format!("application/connect+{codec}"))
            .body(StreamBody::new(Box::pin(pieces)))
            .unwrap();
        let message = |text: &str| match codec {
            "json" => json!({ "payload": STANDARD_NO_PAD.encode(text) })
                .to_string()
                .into_bytes(),
            _ => ExchangeProbeRequest {
                payload: text.to_owned().into(),
            }
            .encode_to_vec(),
        };
        sender.send(frame(&message("first"))).await.unwrap();
        let mut body = http2.send_request(request).await.unwrap().into_body();
        let mut next = async || {
            let mut envelope = Vec::new();
            while envelope.len() < 5 || envelope.len() < 5 + usize::from(envelope[4]) {
                envelope.extend_from_slice(&body.frame().await.unwrap().unwrap().into_data().unwrap());
            }
            envelope
        };
        for text in ["first", "second", "third"] {
            if text != "first" {
                // In two pieces, whose border is in the middle of an envelope's header.
                let envelope = frame(&message(text));
                sender.send(envelope.slice(..3)).await.unwrap();
                sender.send(envelope.slice(3..)).await.unwrap();
            }
            let envelope = next().await;
            match codec {
                "json" => assert!(String::from_utf8_lossy(&envelope).contains(STANDARD_NO_PAD.encode(text).as_str())),
                _ => assert_eq!(ExchangeProbeResponse::decode(&envelope[5..]).unwrap().payload, text),
            }
        }
        drop(sender);
        assert_eq!(next().await[0], 2);
        connection.abort();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deadline_ends_the_call() {
    let stage = stage().await;
    let headers = [("connect-timeout-ms", "50")];
    let answer = post(
        stage.browser(),
        "/mirror.v1.MirrorService/Hang",
        "application/proto",
        &headers,
        "",
    )
    .await;
    assert_eq!((answer.http, answer.code().as_str()), (504, "deadline_exceeded"));
    let endless = frame(br#"{"intervalMilliseconds":5}"#);
    let answer = post(
        stage.browser(),
        WATCH,
        "application/connect+json",
        &[("connect-timeout-ms", "200")],
        endless,
    )
    .await;
    let (messages, end) = answer.envelopes();
    assert!(!messages.is_empty());
    assert_eq!(end["error"]["code"], "deadline_exceeded");
}

/// What `buf curl` prints, and whether it was content; none when there is no buf.
async fn buf_curl(stage: &Stage, path: &str, arguments: &[&str]) -> Option<(bool, String)> {
    let buf = program("buf")?;
    let schema = stage.folder.path().join("schema.binpb");
    std::fs::write(&schema, lyceum::contracts::DESCRIPTORS).unwrap();
    let output = tokio::process::Command::new(buf)
        .args(["curl", "--protocol", "connect", "--schema"])
        .arg(&schema)
        .args(arguments)
        .arg(format!("http://{}{path}", stage.address))
        .env("HOME", stage.folder.path())
        .stdin(std::process::Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    Some((output.status.success(), String::from_utf8_lossy(&said).into_owned()))
}

#[tokio::test(flavor = "multi_thread")]
async fn buf_curl_calls_every_kind_of_method() {
    let stage = stage().await;
    let Some((good, said)) = buf_curl(&stage, GET, &["--data", r#"{"payload":"ZXNzYXk="}"#]).await else {
        return;
    };
    assert!(good && said.contains(r#""payload": "ZXNzYXk=""#), "{said}");
    let (good, said) = buf_curl(&stage, WATCH, &["--data", r#"{"count":3}"#]).await.unwrap();
    assert!(good && said.contains(r#""sequence": "2""#), "{said}");
    let both = r#"{"payload":"YQ=="}{"payload":"Yg=="}"#;
    let (good, said) = buf_curl(&stage, EXCHANGE, &["--http2-prior-knowledge", "--data", both])
        .await
        .unwrap();
    assert!(good && said.contains("YQ==") && said.contains("Yg=="), "{said}");
    let (good, said) = buf_curl(&stage, GET, &["--data", r#"{"failWith":5}"#]).await.unwrap();
    assert!(
        !good && said.contains("not_found") && said.contains("PROBE_TOLD_TO_FAIL"),
        "{said}"
    );
}
