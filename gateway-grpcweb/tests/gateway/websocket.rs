//! Calls over WebSockets: grpcwebproxy's subprotocol and our own, over HTTP/1.1 and HTTP/2.

mod graphql;
mod many;

use std::collections::HashMap;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use futures_util::{SinkExt as _, StreamExt as _};
use http::{HeaderMap, Method, Request};
use http_body_util::Empty;
use hyper::ext::Protocol;
use hyper_util::rt::{TokioExecutor, TokioIo};
use lyceum::contracts::testing::v1::{
    ExchangeProbeRequest, ExchangeProbeResponse, GetProbeRequest, GetProbeResponse, WatchProbeRequest,
    WatchProbeResponse,
};
use lyceum::testing::wait_for;
use prost::Message as _;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::protocol::Role;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};
use tonic::Status;

use crate::browser::{frame, parse};
use crate::stage::Stage;
pub(crate) use many::Page;

const GET: &str = "lyceum.testing.v1.ProbeService/GetProbe";
const WATCH: &str = "lyceum.testing.v1.ProbeService/WatchProbe";
const EXCHANGE: &str = "lyceum.testing.v1.ProbeService/ExchangeProbe";

pub(crate) const SINGLE: &str = "grpc-websockets";
pub(crate) const MANY: &str = "lyceum.grpc.v1";

pub(crate) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

/// A socket as a page has one.
pub(crate) struct Socket(WebSocketStream<Box<dyn Io>>);

fn handshake(stage: &Stage, path: &str, tongue: &str) -> http::request::Builder {
    Request::builder()
        .uri(format!("ws://{}/{path}", stage.address))
        .header("host", stage.address.to_string())
        .header("connection", "Upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
        .header("sec-websocket-protocol", tongue)
}

async fn try_open(stage: &Stage, request: http::request::Builder) -> Result<Socket, u16> {
    let stream: Box<dyn Io> = Box::new(TcpStream::connect(stage.address).await.unwrap());
    match tokio_tungstenite::client_async(request.body(()).unwrap(), stream).await {
        Ok((socket, _)) => Ok(Socket(socket)),
        Err(Error::Http(response)) => Err(response.status().as_u16()),
        Err(error) => panic!("{error}"),
    }
}

pub(crate) async fn open(stage: &Stage, path: &str, tongue: &str) -> Socket {
    try_open(stage, handshake(stage, path, tongue)).await.unwrap()
}

impl Socket {
    async fn send(&mut self, bytes: impl Into<Bytes>) {
        self.0.send(Message::Binary(bytes.into())).await.unwrap();
    }

    /// The next message; the code of the close when there is none.
    async fn next(&mut self) -> Result<Bytes, CloseCode> {
        loop {
            match self.0.next().await {
                Some(Ok(Message::Binary(bytes))) => return Ok(bytes),
                Some(Ok(Message::Close(close))) => return Err(close.unwrap().code),
                Some(Ok(_)) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// The code of the close, whatever comes before.
    async fn close(&mut self) -> CloseCode {
        loop {
            if let Err(code) = self.next().await {
                return code;
            }
        }
    }

    /// Everything up to the close: headers, messages, status.
    async fn answer(&mut self) -> (HeaderMap, Vec<Bytes>, Status) {
        let mut bytes = BytesMut::new();
        loop {
            match self.next().await {
                Ok(more) => bytes.extend_from_slice(&more),
                Err(code) => {
                    assert_eq!(code, CloseCode::Normal);
                    break;
                }
            }
        }
        let length = 5 + u32::from_be_bytes(bytes[1..5].try_into().unwrap()) as usize;
        let headers = parse(&bytes[..length]).1.unwrap();
        let (messages, trailers) = parse(&bytes[length..]);
        let status = Status::from_header_map(trailers.as_ref().unwrap_or(&headers)).unwrap();
        (headers, messages, status)
    }
}

fn single(message: &[u8]) -> Bytes {
    [&[0][..], &frame(message)].concat().into()
}

/// One call on a socket of its own: its messages and its status.
pub(crate) async fn called_once(stage: &Stage, method: &str, tongue: &str, headers: &str) -> (Vec<Bytes>, Status) {
    let mut socket = open(stage, method, tongue).await;
    socket
        .send(format!("content-type: application/grpc-web+proto\r\n{headers}"))
        .await;
    socket.send(single(b"")).await;
    socket.send(&[1][..]).await;
    let (_, messages, status) = socket.answer().await;
    (messages, status)
}

fn payload(bytes: &[u8]) -> Vec<u8> {
    GetProbeRequest {
        payload: bytes.to_vec().into(),
        ..Default::default()
    }
    .encode_to_vec()
}

fn exchange(bytes: &[u8]) -> Vec<u8> {
    ExchangeProbeRequest {
        payload: bytes.to_vec().into(),
    }
    .encode_to_vec()
}

fn watch(count: u32, interval_milliseconds: u32, payload_bytes: u32) -> Vec<u8> {
    WatchProbeRequest {
        count,
        interval_milliseconds,
        payload_bytes,
        ..Default::default()
    }
    .encode_to_vec()
}

#[tokio::test(flavor = "multi_thread")]
async fn grpcwebproxys_client_makes_every_kind_of_call() {
    let stage = Stage::start().await;
    let mut socket = open(&stage, GET, SINGLE).await;
    socket
        .send("content-type: application/grpc-web+proto\r\nx-grpc-web: 1\r\n")
        .await;
    let large = vec![b'e'; 200_000];
    socket.send(single(&payload(&large))).await;
    socket.send(&[1][..]).await;
    let (headers, messages, status) = socket.answer().await;
    assert_eq!(i32::from(status.code()), 0);
    assert!(headers.contains_key("x-correlation-id"));
    let reply = GetProbeResponse::decode(messages[0].clone()).unwrap();
    assert_eq!(reply.payload, large);
    assert!(reply.caller.ends_with("/svc/gateway"));

    let mut socket = open(&stage, WATCH, SINGLE).await;
    socket.send("grpc-timeout: 20S\r\n").await;
    socket.send(single(&watch(50, 0, 3000))).await;
    socket.send(&[1][..]).await;
    let (_, messages, status) = socket.answer().await;
    assert_eq!((messages.len(), i32::from(status.code())), (50, 0));

    let mut socket = open(&stage, EXCHANGE, SINGLE).await;
    socket.send("\r\n").await;
    let mut seen = BytesMut::new();
    for turn in 1..=5 {
        socket.send(single(&exchange(format!("turn {turn}").as_bytes()))).await;
        // Each answer is there before the next question.
        let expected = format!("turn {turn}");
        while !String::from_utf8_lossy(&seen).contains(&expected) {
            seen.extend_from_slice(&socket.next().await.unwrap());
        }
    }
    socket.send(&[1][..]).await;
    let mut rest = BytesMut::new();
    while let Ok(more) = socket.next().await {
        rest.extend_from_slice(&more);
    }
    assert_eq!(parse(&rest).1.unwrap()["grpc-status"], "0");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_a_status_or_a_close() {
    let stage = Stage::start_with(|configuration| configuration.policy.edge.body_limit = 64 * 1024).await;
    for (path, message, code, reason) in [
        ("no.such.Service/Method", Bytes::new(), 12, "METHOD_UNKNOWN"),
        (GET, single(&payload(&[0; 70_000])), 8, "MESSAGE_TOO_LARGE"),
        (GET, Bytes::from_static(b"\0{\"text\""), 3, "BODY_NOT_GRPC_WEB"),
        ("mirror.v1.MirrorService/Fail", single(b""), 9, ""),
    ] {
        let mut socket = open(&stage, path, SINGLE).await;
        socket.send("x-of-mine: 1\r\n").await;
        if !message.is_empty() {
            socket.send(message).await;
            socket.send(&[1][..]).await;
        }
        let (headers, messages, status) = socket.answer().await;
        assert_eq!((messages.len(), i32::from(status.code())), (0, code), "{status:?}");
        assert_eq!(lyceum::error::reason_of(&status).unwrap_or_default(), reason);
        if code == 9 {
            assert_eq!(headers["x-cost"], "3");
        }
    }
    for (message, code) in [
        (Message::Text("x: y".into()), CloseCode::Unsupported),
        (Message::Binary("no header".into()), CloseCode::Protocol),
        (Message::Binary(vec![b'x'; 90_000].into()), CloseCode::Size),
    ] {
        let mut socket = open(&stage, GET, SINGLE).await;
        socket.0.send(message).await.unwrap();
        assert_eq!(socket.next().await, Err(code));
    }
    let mut socket = open(&stage, EXCHANGE, SINGLE).await;
    socket.send("\r\n").await;
    socket.send(&[7, 7][..]).await;
    assert_eq!(socket.close().await, CloseCode::Protocol);
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_sites_are_refused() {
    let stage = Stage::start().await;
    let from = |origin: &str| handshake(&stage, GET, SINGLE).header("origin", origin);
    assert_eq!(try_open(&stage, from("https://evil.example")).await.err(), Some(403));
    let own = format!("http://{}", stage.address);
    let mut headers = Vec::new();
    for (origin, cookies) in [(own.as_str(), 1), ("https://school.example", 0)] {
        let request = handshake(&stage, "mirror.v1.MirrorService/Headers", SINGLE)
            .header("origin", origin)
            .header("cookie", "session=1")
            .header("user-agent", "page");
        let mut socket = try_open(&stage, request).await.unwrap();
        socket
            .send("x-of-mine: 1\r\ncookie: session=2\r\norigin: http://x\r\n")
            .await;
        socket.send(single(b"")).await;
        let (_, messages, _) = socket.answer().await;
        headers.push((String::from_utf8(messages[0].to_vec()).unwrap(), cookies));
    }
    for (seen, _) in &headers {
        assert!(seen.contains("x-of-mine: 1\n"), "{seen}");
        // Neither kind of cookie goes further than the gateway.
        assert!(!seen.contains("session") && !seen.contains("sec-websocket"), "{seen}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn places_are_limited() {
    let stage = Stage::start_with(|configuration| configuration.gateway.websockets = 2).await;
    let first = open(&stage, EXCHANGE, SINGLE).await;
    let _second = open(&stage, EXCHANGE, MANY).await;
    let third = || async { try_open(&stage, handshake(&stage, EXCHANGE, MANY)).await };
    assert_eq!(third().await.err(), Some(503));
    drop(first);
    wait_for("a place", || async { third().await.is_ok() }).await;
    assert_eq!(try_open(&stage, handshake(&stage, GET, "chat")).await.err(), Some(400));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_closes_or_is_silent_ends_its_call() {
    let stage = Stage::start_with(|configuration| {
        configuration.gateway.websocket_ping = Duration::from_millis(100);
    })
    .await;
    let mut socket = open(&stage, WATCH, SINGLE).await;
    socket.send("\r\n").await;
    socket.send(single(&watch(0, 10, 1))).await;
    socket.send(&[1][..]).await;
    socket.next().await.unwrap();
    assert_eq!(stage.probe().abandoned(), 0);
    drop(socket);
    wait_for("the call to end upstream", || async { stage.probe().abandoned() == 1 }).await;

    // Who reads answers pings, and so a quiet stream lasts.
    let mut socket = open(&stage, WATCH, SINGLE).await;
    socket.send("\r\n").await;
    socket.send(single(&watch(1, 1500, 1))).await;
    socket.send(&[1][..]).await;
    let (_, messages, status) = socket.answer().await;
    assert_eq!((messages.len(), i32::from(status.code())), (1, 0));

    let mut silent = open(&stage, WATCH, SINGLE).await;
    silent.send("\r\n").await;
    silent.send(single(&watch(0, 60_000, 1))).await;
    silent.send(&[1][..]).await;
    // Nothing of it is read, so no ping is answered.
    wait_for("the silent one's call to end", || async {
        stage.probe().abandoned() == 2
    })
    .await;
    drop(silent);
}

#[tokio::test(flavor = "multi_thread")]
async fn who_closes_first_is_answered_by_a_close() {
    let stage = Stage::start().await;
    for (path, tongue) in [(GET, SINGLE), ("", MANY), ("graphql", "graphql-transport-ws")] {
        let mut socket = open(&stage, path, tongue).await;
        socket.0.send(Message::Close(None)).await.unwrap();
        match socket.0.next().await {
            Some(Ok(Message::Close(_))) => {}
            other => panic!("{tongue}: {other:?}"),
        }
        assert!(socket.0.next().await.is_none(), "{tongue}");
    }
}
