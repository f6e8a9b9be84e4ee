//! gRPC itself through the gateway, over HTTP/2: trailers, streams both ways, compressed messages, cancel, limits.

mod reflection;

use std::convert::Infallible;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, Method, Request};
use http_body::Frame;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use lyceum::contracts::testing::v1::{
    ExchangeProbeRequest, ExchangeProbeResponse, GetProbeRequest, GetProbeResponse, WatchProbeRequest,
};
use lyceum::testing::wait_for;
use prost::Message as _;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest as Asked;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse as Told;
use tonic_reflection::pb::v1::{ServerReflectionRequest, ServerReflectionResponse};

use crate::browser::{Raw, frame};
use crate::stage::Stage;

const GET: &str = "lyceum.testing.v1.ProbeService/GetProbe";
const WATCH: &str = "lyceum.testing.v1.ProbeService/WatchProbe";
const EXCHANGE: &str = "lyceum.testing.v1.ProbeService/ExchangeProbe";

type Piece = Result<Frame<Bytes>, Infallible>;

/// A request's body, piece by piece.
struct Sender(mpsc::Sender<Piece>);

impl Sender {
    async fn data(&self, bytes: impl Into<Bytes>) {
        self.0.send(Ok(Frame::data(bytes.into()))).await.unwrap();
    }
}

fn body() -> (Sender, StreamBody<ReceiverStream<Piece>>) {
    let (sender, pieces) = mpsc::channel(8);
    (Sender(sender), StreamBody::new(ReceiverStream::new(pieces)))
}

/// A connection as a native client has one.
struct Client {
    stage: std::net::SocketAddr,
    requests: hyper::client::conn::http2::SendRequest<StreamBody<ReceiverStream<Piece>>>,
    connection: tokio::task::JoinHandle<()>,
}

/// A call under way.
struct Call {
    request: Sender,
    head: http::response::Parts,
    body: Incoming,
    held: BytesMut,
    trailers: Option<HeaderMap>,
}

impl Client {
    async fn connect(stage: &Stage) -> Self {
        let stream = TokioIo::new(TcpStream::connect(stage.address).await.unwrap());
        let (requests, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), stream)
            .await
            .unwrap();
        Self {
            stage: stage.address,
            requests,
            connection: tokio::spawn(async { drop(connection.await) }),
        }
    }

    fn request(&self, method: &str) -> http::request::Builder {
        Request::builder()
            .method(Method::POST)
            .uri(format!("http://{}/{method}", self.stage))
            .header("content-type", "application/grpc")
            .header("te", "trailers")
    }

    /// Makes a call with one message, up to the headers of its answer.
    async fn begin(&self, request: http::request::Builder, message: Bytes) -> Call {
        self.open(request, message, true).await
    }

    /// As [`Client::begin`]; unless it `ends` there, more messages can follow.
    async fn open(&self, request: http::request::Builder, first: Bytes, ends: bool) -> Call {
        let (mut sender, body) = body();
        sender.data(first).await;
        if ends {
            sender = self::body().0;
        }
        let mut requests = self.requests.clone();
        let response = requests.send_request(request.body(body).unwrap()).await.unwrap();
        let (head, body) = response.into_parts();
        Call {
            request: sender,
            head,
            body,
            held: BytesMut::new(),
            trailers: None,
        }
    }

    async fn unary(&self, method: &str, message: &[u8]) -> (Vec<Bytes>, Status) {
        let (sender, body) = body();
        sender.data(frame(message)).await;
        drop(sender);
        let mut requests = self.requests.clone();
        let response = requests
            .send_request(self.request(method).body(body).unwrap())
            .await
            .unwrap();
        assert_eq!(response.status(), 200);
        let (head, body) = response.into_parts();
        let collected = body.collect().await.unwrap();
        let status = Status::from_header_map(collected.trailers().unwrap_or(&head.headers)).unwrap();
        let (messages, none) = crate::browser::parse(&collected.to_bytes());
        assert!(none.is_none(), "a frame of trailers in native gRPC");
        (messages, status)
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.connection.abort();
    }
}

impl Call {
    async fn send(&mut self, message: &[u8]) {
        self.request.data(frame(message)).await;
    }

    /// Nothing more is sent.
    fn half_close(&mut self) {
        self.request = body().0;
    }

    /// The next message; none at the end, when the trailers are there.
    async fn message(&mut self) -> Option<Bytes> {
        loop {
            if self.held.len() >= 5 {
                let length = u32::from_be_bytes(self.held[1..5].try_into().unwrap()) as usize;
                if self.held.len() >= 5 + length {
                    let whole = self.held.split_to(5 + length).freeze();
                    return Some(whole.slice(5..));
                }
            }
            match self.body.frame().await?.unwrap().into_data() {
                Ok(bytes) => self.held.extend_from_slice(&bytes),
                Err(frame) => self.trailers = frame.into_trailers().ok(),
            }
        }
    }

    fn status(&self) -> Status {
        Status::from_header_map(self.trailers.as_ref().unwrap_or(&self.head.headers)).unwrap()
    }
}

fn probe(payload: &[u8]) -> Vec<u8> {
    GetProbeRequest {
        payload: payload.to_vec().into(),
        ..Default::default()
    }
    .encode_to_vec()
}

fn exchange(payload: &'static str) -> Vec<u8> {
    ExchangeProbeRequest {
        payload: payload.into(),
    }
    .encode_to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn unary_calls_end_with_real_trailers() {
    let stage = Stage::start().await;
    let client = Client::connect(&stage).await;
    let (messages, status) = client.unary(GET, &probe(b"essay")).await;
    assert_eq!(i32::from(status.code()), 0);
    let reply = GetProbeResponse::decode(messages[0].clone()).unwrap();
    assert_eq!(reply.payload, "essay");
    assert!(reply.caller.ends_with("/svc/gateway"), "{}", reply.caller);

    let large = vec![b'x'; 900_000];
    let (messages, _) = client.unary(GET, &probe(&large)).await;
    assert_eq!(GetProbeResponse::decode(messages[0].clone()).unwrap().payload, large);

    let failing = GetProbeRequest {
        fail_with: 7,
        ..Default::default()
    };
    let (messages, status) = client.unary(GET, &failing.encode_to_vec()).await;
    assert_eq!((messages.len(), i32::from(status.code())), (0, 7));
    assert_eq!(lyceum::error::reason_of(&status).unwrap(), "PROBE_TOLD_TO_FAIL");

    let (_, status) = client.unary("no.such.Service/Method", b"").await;
    assert_eq!(i32::from(status.code()), 12);
    assert_eq!(lyceum::error::reason_of(&status).unwrap(), "METHOD_UNKNOWN");

    let call = client.begin(client.request("mirror.v1.MirrorService/Echo"), frame(b"x"));
    let mut call = call.await;
    assert_eq!(call.message().await.unwrap(), "x");
    assert_eq!(call.message().await, None);
    assert_eq!(call.trailers.as_ref().unwrap()["x-end"], "done");
    assert_eq!(call.head.headers["x-begin"], "begun");
    assert_eq!(call.head.headers["content-type"], "application/grpc");
    assert!(call.head.headers.contains_key("x-correlation-id"));
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_go_both_ways_at_once() {
    let stage = Stage::start().await;
    let client = Client::connect(&stage).await;
    let mut call = client
        .open(client.request(EXCHANGE), frame(&exchange("one")), false)
        .await;
    for next in ["two", "three", "four"] {
        let answer = call.message().await.unwrap();
        assert!(!ExchangeProbeResponse::decode(answer).unwrap().payload.is_empty());
        call.send(&exchange(next)).await;
    }
    assert_eq!(
        ExchangeProbeResponse::decode(call.message().await.unwrap())
            .unwrap()
            .payload,
        "four"
    );
    call.half_close();
    assert_eq!(call.message().await, None);
    assert_eq!(i32::from(call.status().code()), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_caller_says_of_its_messages_reaches_the_service() {
    let stage = Stage::start().await;
    let client = Client::connect(&stage).await;
    let request = Request::builder()
        .method(Method::POST)
        .uri(format!("http://{}/mirror.v1.MirrorService/Headers", stage.address))
        .header("content-type", "application/grpc+json")
        .header("te", "trailers")
        .header("grpc-encoding", "gzip")
        .header("grpc-accept-encoding", "gzip,identity")
        .header("accept-encoding", "gzip")
        .header("user-agent", "grpc-go/1.70")
        .header("cookie", "session=1")
        .header("lyceum-principal", "administrator");
    let mut call = client.begin(request, frame(b"")).await;
    assert!(!call.head.headers.contains_key("content-encoding"));
    let seen = String::from_utf8(call.message().await.unwrap().to_vec()).unwrap();
    for line in [
        "content-type: application/grpc+json\n",
        "grpc-encoding: gzip\n",
        "grpc-accept-encoding: gzip,identity\n",
        "user-agent: grpc-go/1.70\n",
    ] {
        assert!(seen.contains(line), "{line} in {seen}");
    }
    for name in ["cookie", "administrator", "\naccept-encoding"] {
        assert!(!seen.contains(name), "{name} in {seen}");
    }
    // A compressed message is a frame like any other.
    let mut compressed = BytesMut::from(&frame(b"not gzip, nobody looks")[..]);
    compressed[0] = 1;
    let request = client
        .request("mirror.v1.MirrorService/Echo")
        .header("grpc-encoding", "gzip");
    let call = client.begin(request, compressed.clone().freeze());
    let call = call.await;
    let body = call.body.collect().await.unwrap().to_bytes();
    assert_eq!(body, compressed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_leaves_ends_the_call_and_a_deadline_too() {
    let stage = Stage::start().await;
    let client = Client::connect(&stage).await;
    let endless = WatchProbeRequest {
        interval_milliseconds: 10,
        ..Default::default()
    }
    .encode_to_vec();
    let mut call = client.begin(client.request(WATCH), frame(&endless)).await;
    assert!(call.message().await.is_some());
    assert_eq!(stage.probe().abandoned(), 0);
    drop(call);
    wait_for("the stream to end upstream", || async {
        stage.probe().abandoned() == 1
    })
    .await;

    let request = client.request(WATCH).header("grpc-timeout", "200m");
    let mut call = client.begin(request, frame(&endless)).await;
    while call.message().await.is_some() {}
    assert_eq!(i32::from(call.status().code()), 4);
    assert_eq!(lyceum::error::reason_of(&call.status()).unwrap(), "DEADLINE_EXCEEDED");
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_hold_for_each_message_and_not_for_the_stream() {
    let stage = Stage::start_with(|configuration| {
        configuration.policy.edge.body_limit = 64 * 1024;
        configuration.gateway.body_idle = Duration::from_millis(300);
    })
    .await;
    let client = Client::connect(&stage).await;
    let mut call = client
        .open(client.request(EXCHANGE), frame(&exchange("one")), false)
        .await;
    call.message().await.unwrap();
    let message = ExchangeProbeRequest {
        payload: vec![b'e'; 60_000].into(),
    }
    .encode_to_vec();
    // Four times what a body may have where it is one.
    for _ in 0..4 {
        call.send(&message).await;
        assert!(call.message().await.is_some());
    }
    call.request.data(Bytes::from_static(&[0, 0, 1, 0, 0])).await;
    call.request.data(vec![0; 4000]).await;
    // The rest of the message never comes.
    while call.message().await.is_some() {}
    assert_eq!(lyceum::error::reason_of(&call.status()).unwrap(), "BODY_STALLED");

    let mut call = client
        .open(client.request(EXCHANGE), frame(&exchange("one")), false)
        .await;
    call.message().await.unwrap();
    call.request.data(frame(&[0; 70_000]).slice(..5)).await;
    while call.message().await.is_some() {}
    assert_eq!(i32::from(call.status().code()), 8);
    assert_eq!(lyceum::error::reason_of(&call.status()).unwrap(), "MESSAGE_TOO_LARGE");
}

#[tokio::test(flavor = "multi_thread")]
async fn over_http1_it_is_refused_with_a_status() {
    let stage = Stage::start().await;
    let mut raw = Raw::connect(stage.address).await;
    let body = frame(b"");
    raw.write(format!(
        "POST /{GET} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/grpc\r\ncontent-length: {}\r\n\r\n",
        stage.address,
        body.len()
    ))
    .await;
    raw.write(&body).await;
    let answer = raw.read_until("\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(
        answer.contains("grpc-status: 12\r\n") && answer.contains("content-type: application/grpc\r\n"),
        "{answer}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_no_frames_and_trailers_in_a_request_hurt_nobody() {
    let stage = Stage::start().await;
    let client = Client::connect(&stage).await;
    let (sender, body) = body();
    sender.data(frame(&probe(b"essay"))).await;
    let mut trailers = HeaderMap::new();
    trailers.insert("x-late", "1".parse().unwrap());
    sender.0.send(Ok(Frame::trailers(trailers))).await.unwrap();
    drop(sender);
    let mut requests = client.requests.clone();
    let response = requests
        .send_request(client.request(GET).body(body).unwrap())
        .await
        .unwrap();
    let collected = response.into_body().collect().await.unwrap();
    assert_eq!(collected.trailers().unwrap()["grpc-status"], "0");
    let (messages, status) = client.unary("mirror.v1.MirrorService/Break", b"").await;
    assert_eq!(
        (messages, i32::from(status.code())),
        (vec![Bytes::from_static(b"whole")], 14)
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_that_breaks_off_is_a_status_and_the_connection_stays() {
    let stage = Stage::start().await;
    let client = Client::connect(&stage).await;
    for (method, whole) in [("Reset", 0), ("Break", 1)] {
        let (messages, status) = client.unary(&format!("mirror.v1.MirrorService/{method}"), b"").await;
        assert_eq!((messages.len(), i32::from(status.code())), (whole, 14), "{status:?}");
    }
    assert_eq!(client.unary(GET, b"").await.1.code(), tonic::Code::Ok);
}
