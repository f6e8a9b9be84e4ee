//! What a browser's grpc-web client does, by hand: so that the wire itself is tested.

use std::net::SocketAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::{BufMut as _, Bytes, BytesMut};
use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tonic::Status;

/// How a call travels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Binary,
    Text,
}

pub(crate) const FORMS: [Form; 2] = [Form::Binary, Form::Text];

impl Form {
    pub(crate) fn content_type(self) -> &'static str {
        match self {
            Self::Binary => "application/grpc-web+proto",
            Self::Text => "application/grpc-web-text",
        }
    }

    pub(crate) fn encode(self, bytes: &[u8]) -> Bytes {
        match self {
            Self::Binary => Bytes::copy_from_slice(bytes),
            Self::Text => STANDARD.encode(bytes).into(),
        }
    }

    /// Text may be padded in the middle: each quantum is read by itself.
    pub(crate) fn decode(self, bytes: &[u8]) -> Vec<u8> {
        match self {
            Self::Binary => bytes.to_vec(),
            Self::Text => {
                let (quanta, rest) = bytes.as_chunks::<4>();
                assert!(rest.is_empty(), "base64 ends within a quantum");
                quanta
                    .iter()
                    .flat_map(|quantum| STANDARD.decode(quantum).unwrap())
                    .collect()
            }
        }
    }
}

/// A message in its frame.
pub(crate) fn frame(message: &[u8]) -> Bytes {
    let mut bytes = BytesMut::with_capacity(message.len() + 5);
    bytes.put_u8(0);
    bytes.put_u32(u32::try_from(message.len()).unwrap());
    bytes.put_slice(message);
    bytes.freeze()
}

/// Where to send calls.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Browser {
    address: SocketAddr,
    http2: bool,
}

/// All of a response.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) http: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) messages: Vec<Bytes>,
    /// Of the frame of trailers, if there was one.
    pub(crate) trailers: Option<HeaderMap>,
    /// Whether the body ended as bodies do.
    pub(crate) whole: bool,
}

impl Browser {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self { address, http2: false }
    }

    pub(crate) fn over_http2(self) -> Self {
        Self { http2: true, ..self }
    }

    /// A path, as requests over this version of HTTP name it.
    pub(crate) fn uri(&self, path: &str) -> String {
        if self.http2 {
            format!("http://{}{path}", self.address)
        } else {
            path.to_owned()
        }
    }

    /// A call in the making.
    pub(crate) fn call(&self, method: &str, form: Form) -> http::request::Builder {
        Request::builder()
            .method(Method::POST)
            .uri(self.uri(&format!("/{method}")))
            .header("content-type", form.content_type())
    }

    pub(crate) async fn unary(&self, method: &str, message: &[u8]) -> Answer {
        let request = self.call(method, Form::Binary).body(frame(message)).unwrap();
        self.send(request).await
    }

    /// Whether a method can be called by now.
    pub(crate) async fn answers(&self, method: &str) -> bool {
        let request = self.call(method, Form::Binary).body(frame(b"")).unwrap();
        match self.try_begin(request).await {
            Ok(response) => Answer::read(response).await.status() == Some(0),
            Err(_) => false,
        }
    }

    /// Sends it over a connection of its own and reads the answer to its end.
    pub(crate) async fn send(&self, request: Request<Bytes>) -> Answer {
        let response = self.begin(request).await;
        Answer::read(response).await
    }

    /// Sends it; the answer can be read or dropped, and with it the connection.
    pub(crate) async fn begin(&self, request: Request<Bytes>) -> Response {
        self.try_begin(request).await.unwrap()
    }

    /// As [`Browser::begin`], for an answer that may break off before its first byte.
    pub(crate) async fn try_begin(&self, mut request: Request<Bytes>) -> hyper::Result<Response> {
        let stream = TokioIo::new(TcpStream::connect(self.address).await.unwrap());
        if !self.http2 {
            let host = self.address.to_string().parse().unwrap();
            request.headers_mut().entry("host").or_insert(host);
            let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await.unwrap();
            let connection = tokio::spawn(async { drop(connection.await) });
            let response = sender.send_request(request.map(Full::new)).await?;
            return Ok(Response {
                response,
                connection: Connection(connection),
            });
        }
        let (mut sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), stream)
            .await
            .unwrap();
        let connection = tokio::spawn(async { drop(connection.await) });
        let response = sender.send_request(request.map(Full::new)).await?;
        Ok(Response {
            response,
            connection: Connection(connection),
        })
    }

    pub(crate) async fn get(&self, path: &str) -> (u16, HeaderMap, Bytes) {
        self.whole(Request::builder().uri(self.uri(path)).body(Bytes::new()).unwrap())
            .await
    }

    /// Posts JSON; `accept` is what may come back.
    pub(crate) async fn posted(&self, path: &str, accept: &str, body: serde_json::Value) -> (u16, HeaderMap, String) {
        let request = Request::post(self.uri(path))
            .header("content-type", "application/json")
            .header("accept", accept)
            .body(Bytes::from(body.to_string()))
            .unwrap();
        let (status, headers, body) = self.whole(request).await;
        (status, headers, String::from_utf8(body.to_vec()).unwrap())
    }

    async fn whole(&self, request: Request<Bytes>) -> (u16, HeaderMap, Bytes) {
        let response = self.begin(request).await;
        let (parts, body) = response.response.into_parts();
        (
            parts.status.as_u16(),
            parts.headers,
            body.collect().await.unwrap().to_bytes(),
        )
    }
}

/// An answer under way.
pub(crate) struct Response {
    pub(crate) response: hyper::Response<Incoming>,
    pub(crate) connection: Connection,
}

/// Ends with this.
pub(crate) struct Connection(tokio::task::JoinHandle<()>);

impl Connection {
    pub(crate) fn of(task: tokio::task::JoinHandle<()>) -> Self {
        Self(task)
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Answer {
    pub(crate) async fn read(response: Response) -> Self {
        let (parts, mut body) = response.response.into_parts();
        let (mut bytes, mut whole) = (BytesMut::new(), true);
        while let Some(frame) = body.frame().await {
            match frame {
                Ok(frame) => bytes.extend_from_slice(&frame.into_data().unwrap()),
                Err(_) => {
                    whole = false;
                    break;
                }
            }
        }
        let is_text = parts
            .headers
            .get("content-type")
            .is_some_and(|kind| kind.to_str().unwrap().starts_with("application/grpc-web-text"));
        let bytes = if is_text {
            Form::Text.decode(&bytes)
        } else {
            bytes.to_vec()
        };
        let (messages, trailers) = parse(&bytes);
        Self {
            http: parts.status.as_u16(),
            headers: parts.headers,
            messages,
            trailers,
            whole,
        }
    }

    /// The status, wherever it stands.
    pub(crate) fn status(&self) -> Option<i32> {
        Some(i32::from(self.error()?.code()))
    }

    /// The status with its message and details, as a client's library reads it.
    pub(crate) fn error(&self) -> Option<Status> {
        Status::from_header_map(self.trailers.as_ref().unwrap_or(&self.headers))
    }

    /// The stable reason of an error.
    pub(crate) fn reason(&self) -> String {
        lyceum::error::reason_of(&self.error().unwrap()).unwrap_or_default()
    }

    pub(crate) fn message<M: Message + Default>(&self) -> M {
        assert_eq!(self.messages.len(), 1, "{self:?}");
        M::decode(self.messages[0].clone()).unwrap()
    }
}

/// Frames apart; what is left of a body that broke off is dropped.
pub(crate) fn parse(mut bytes: &[u8]) -> (Vec<Bytes>, Option<HeaderMap>) {
    let (mut messages, mut trailers) = (Vec::new(), None);
    while bytes.len() >= 5 {
        let length = u32::from_be_bytes(bytes[1..5].try_into().unwrap()) as usize;
        let Some(content) = bytes.get(5..5 + length) else { break };
        if bytes[0] == 0x80 {
            let lines = std::str::from_utf8(content).unwrap().split_terminator("\r\n");
            let pairs = lines.map(|line| line.split_once(':').unwrap());
            trailers = Some(
                pairs
                    .map(|(name, value)| (name.parse::<http::HeaderName>().unwrap(), value.parse().unwrap()))
                    .collect(),
            );
        } else {
            assert!(trailers.is_none(), "nothing follows the trailers");
            messages.push(Bytes::copy_from_slice(content));
        }
        bytes = &bytes[5 + length..];
    }
    (messages, trailers)
}

/// A bare TCP connection.
pub(crate) struct Raw(pub(crate) TcpStream);

impl Raw {
    pub(crate) async fn connect(address: SocketAddr) -> Self {
        Self(TcpStream::connect(address).await.unwrap())
    }

    pub(crate) async fn write(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.write_all(bytes.as_ref()).await.unwrap();
    }

    /// Reads until the answer holds `part`; everything that was read.
    pub(crate) async fn read_until(&mut self, part: &str) -> String {
        let mut read = Vec::new();
        while !String::from_utf8_lossy(&read).contains(part) {
            let length = self.0.read_buf(&mut read).await.unwrap();
            assert!(length > 0, "closed before {part:?}: {}", String::from_utf8_lossy(&read));
        }
        String::from_utf8_lossy(&read).into_owned()
    }

    /// Reads until the other side closes, which may be rude; everything that was read.
    pub(crate) async fn read_to_end(&mut self) -> String {
        let mut read = Vec::new();
        while self.0.read_buf(&mut read).await.is_ok_and(|length| length > 0) {}
        String::from_utf8_lossy(&read).into_owned()
    }
}
