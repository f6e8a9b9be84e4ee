//! A gateway that is replaced under load: the next one takes the port before the old one leaves, and no call fails.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use lyceum::Fabric;
use lyceum::configuration::Configuration;
use lyceum::testing::wait_for;
use lyceum_gateway_grpcweb::Gateway;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::browser::{Browser, frame};
use crate::stage::Stage;

const GET: &str = "lyceum.testing.v1.ProbeService/GetProbe";

/// What clients under load saw.
#[derive(Debug, Default)]
struct Seen {
    good: AtomicU64,
    connections: AtomicU64,
    failed: std::sync::Mutex<Vec<String>>,
    enough: AtomicBool,
}

impl Seen {
    fn note(&self, answer: Result<(), String>) {
        match answer {
            Ok(()) => _ = self.good.fetch_add(1, Ordering::Relaxed),
            Err(why) => self.failed.lock().unwrap().push(why),
        }
    }

    fn good(&self) -> u64 {
        self.good.load(Ordering::Relaxed)
    }
}

/// A connection of either version.
enum Connection {
    Old(http1::SendRequest<Full<Bytes>>),
    New(http2::SendRequest<Full<Bytes>>),
}

impl Connection {
    async fn open(address: SocketAddr, new: bool) -> Result<Self, String> {
        let stream = TcpStream::connect(address).await.map_err(|error| error.to_string())?;
        stream.set_nodelay(true).unwrap();
        let stream = TokioIo::new(stream);
        if new {
            let (sender, connection) = http2::handshake(TokioExecutor::new(), stream).await.unwrap();
            tokio::spawn(connection);
            Ok(Self::New(sender))
        } else {
            let (sender, connection) = http1::handshake(stream).await.unwrap();
            tokio::spawn(connection);
            Ok(Self::Old(sender))
        }
    }

    /// Whether it can take a call: one that the other side has closed meanwhile is no failure, as nothing was sent.
    async fn is_open(&mut self) -> bool {
        match self {
            Self::Old(sender) => sender.ready().await.is_ok(),
            Self::New(sender) => sender.ready().await.is_ok(),
        }
    }

    /// Makes one call; none if it never left, because the connection had ended.
    async fn call(&mut self, address: SocketAddr) -> Option<Result<(), String>> {
        let path = format!("http://{address}/{GET}");
        let request = Request::post(match self {
            Self::Old(_) => &path[path.find("/lyceum").unwrap()..],
            Self::New(_) => &path,
        })
        .header("host", address.to_string())
        .header("content-type", "application/grpc-web+proto")
        .body(Full::new(frame(b"")))
        .unwrap();
        let sent = match self {
            Self::Old(sender) => sender.try_send_request(request).await,
            Self::New(sender) => sender.try_send_request(request).await,
        };
        let response = match sent {
            Ok(response) => response,
            // The request came back: it was never sent.
            Err(mut error) => {
                let unsent = error.take_message().is_some();
                let error = error.into_error();
                let why = std::error::Error::source(&error)
                    .map(ToString::to_string)
                    .unwrap_or_default();
                // GOAWAY without an error is for calls that the other side never took on: RFC 9113, 6.8.
                let untaken = why.ends_with("not a result of an error");
                return (!unsent && !untaken).then(|| Err(format!("{error}: {why}")));
            }
        };
        let (parts, body) = response.into_parts();
        let body = match body.collect().await {
            Ok(body) => body.to_bytes(),
            Err(error) => return Some(Err(error.to_string())),
        };
        let is_good = parts.status == 200 && body.ends_with(b"\r\n") && contains(&body, b"grpc-status:0");
        Some(if is_good {
            Ok(())
        } else {
            Err(format!("{parts:?} {body:?}"))
        })
    }
}

fn contains(all: &[u8], part: &[u8]) -> bool {
    all.windows(part.len()).any(|window| window == part)
}

async fn load(address: SocketAddr, new: bool, seen: Arc<Seen>) {
    while !seen.enough.load(Ordering::Relaxed) {
        seen.connections.fetch_add(1, Ordering::Relaxed);
        let mut connection = match Connection::open(address, new).await {
            Ok(connection) => connection,
            Err(why) => return seen.note(Err(why)),
        };
        while !seen.enough.load(Ordering::Relaxed) && connection.is_open().await {
            match connection.call(address).await {
                Some(answer) => seen.note(answer),
                None => break,
            }
        }
    }
}

fn shared(configuration: &mut Configuration, address: SocketAddr) {
    configuration.gateway.address = address;
    configuration.gateway.reuse_port = true;
    configuration.serving.drain_notice = Duration::from_millis(300);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_next_gateway_takes_the_port_and_no_call_fails() {
    let mut stage = Stage::start_with(|configuration| shared(configuration, "127.0.0.1:0".parse().unwrap())).await;
    let address = stage.address;
    let seen = Arc::new(Seen::default());
    let mut clients = JoinSet::new();
    for number in 0..10 {
        clients.spawn(load(address, number >= 6, Arc::clone(&seen)));
    }
    let some_more = || async {
        let before = seen.good();
        wait_for("calls to go on", || async { seen.good() > before + 200 }).await;
    };
    some_more().await;

    let mut own = stage.configuration();
    shared(&mut own, address);
    let next = Gateway::new(&Fabric::start(own, "gateway").unwrap())
        .bind()
        .await
        .unwrap();
    assert_eq!(next.address(), address);
    let stop = tokio_util::sync::CancellationToken::new();
    let serving = tokio::spawn(next.serve(stop.clone().cancelled_owned()));
    some_more().await;
    stage.shut_down();
    stage.stopped().await;
    some_more().await;

    seen.enough.store(true, Ordering::Relaxed);
    clients.join_all().await;
    let failed = seen.failed.lock().unwrap().clone();
    assert!(
        failed.is_empty(),
        "{} of {}: {:?}",
        failed.len(),
        seen.good(),
        failed.first()
    );
    assert!(
        seen.connections.load(Ordering::Relaxed) >= 20,
        "each client was sent to the next one"
    );
    stop.cancel();
    serving.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_leaves_says_so_in_its_last_answers() {
    let mut stage = Stage::start_with(|configuration| {
        configuration.serving.drain_notice = Duration::from_secs(5);
        configuration.serving.drain_grace = Duration::from_secs(5);
    })
    .await;
    let browser = stage.browser();
    assert!(!browser.unary(GET, b"").await.headers.contains_key("connection"));
    stage.shut_down();
    wait_for("the last answers", || async {
        browser
            .unary(GET, b"")
            .await
            .headers
            .get("connection")
            .is_some_and(|value| value == "close")
    })
    .await;
    let answer = browser.over_http2().unary(GET, b"").await;
    assert_eq!(answer.status(), Some(0));
    assert!(!answer.headers.contains_key("connection"), "HTTP/2 has GOAWAY");
    stage.stopped().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_is_not_shared_unless_asked() {
    let stage = Stage::start_empty(|_| {}).await;
    let mut own = stage.configuration();
    shared(&mut own, stage.address);
    let refused = Gateway::new(&Fabric::start(own, "gateway").unwrap()).bind().await;
    assert!(refused.unwrap_err().to_string().contains("cannot listen"));
    assert!(Browser::new(stage.address).get("/gateway/health").await.0 > 0);
}
