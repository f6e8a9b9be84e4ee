//! Accepting connections: TLS with the newest certificate, HTTP/2 with limits, an end with grace.

use std::future::poll_fn;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::server::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::{CancellationToken, DropGuard, WaitForCancellationFutureOwned};
use tokio_util::task::TaskTracker;

use super::inbound::Inbound;
use super::lingering::Lingering;
use crate::batching::gather;
use crate::configuration::Serving;
use crate::error::Error;
use crate::flow::{CONNECTION_WINDOW, STREAM_WINDOW};
use crate::identity::{self, peer};

/// The largest header block of a request, in bytes.
const HEADER_LIMIT: u32 = 32 * 1024;
const KEEPALIVE: Duration = Duration::from_secs(60);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);
/// Callers may leave in crowds: past deadlines, students who type on. h2's own limits (20 at a time, 1,024 in a
/// connection's life) would then end the connection for everybody on it; these still bound a rapid reset
/// (CVE-2023-44487) by somebody with a certificate.
const RESET_LIMIT: usize = 4096;
const STRAY_LIMIT: usize = 1024 * 1024;
/// Out of file descriptors: give connections time to end.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// How long a connection gets to carry the last statuses of calls that were ended.
const FAREWELL: Duration = Duration::from_millis(500);

/// How a connection ends before its calls do: they are told, rather than reset.
#[derive(Debug)]
pub(super) struct Ending {
    cut: CancellationToken,
    aged: AtomicBool,
}

impl Ending {
    /// Resolves when calls under way must end now.
    pub(super) async fn cut(&self) {
        self.cut.cancelled().await;
    }

    pub(super) fn cut_owned(&self) -> WaitForCancellationFutureOwned {
        self.cut.clone().cancelled_owned()
    }

    /// What the callers of those calls are told.
    pub(super) fn error(&self) -> Error {
        if self.aged.load(Ordering::Relaxed) {
            Error::unavailable("CONNECTION_AGED", "the connection is too old; call again on another")
        } else {
            Error::unavailable("DRAINING", "the instance shuts down; call another")
        }
    }
}

/// The connections of one server.
#[derive(Debug)]
pub(super) struct Connections {
    settings: Serving,
    identity: identity::Source,
    inbound: Inbound,
    places: Arc<Semaphore>,
    tasks: TaskTracker,
    /// Cancelled: every connection says GOAWAY.
    leave: CancellationToken,
    /// Cancelled: calls under way end with a status.
    cut: CancellationToken,
    /// Cancelled: every connection is dropped.
    drop: CancellationToken,
}

impl Connections {
    pub(super) fn new(settings: Serving, identity: identity::Source, inbound: Inbound) -> Arc<Self> {
        Arc::new(Self {
            places: Arc::new(Semaphore::new(settings.connections as usize)),
            settings,
            identity,
            inbound,
            tasks: TaskTracker::new(),
            leave: CancellationToken::new(),
            cut: CancellationToken::new(),
            drop: CancellationToken::new(),
        })
    }

    /// Drops every connection, at the latest when the guard is dropped.
    pub(super) fn cut_off_when_dropped(&self) -> DropGuard {
        self.drop.clone().drop_guard()
    }

    /// Tells every connection to end, waits for calls under way, and returns how many connections' calls were ended.
    pub(super) async fn drain(&self, grace: Duration) -> usize {
        self.leave.cancel();
        self.tasks.close();
        if tokio::time::timeout(grace, self.tasks.wait()).await.is_ok() {
            return 0;
        }
        let left = self.tasks.len();
        self.cut.cancel();
        let _ = tokio::time::timeout(FAREWELL, self.tasks.wait()).await;
        self.drop.cancel();
        self.tasks.wait().await;
        left
    }
}

pub(super) async fn accept(listener: TcpListener, connections: Arc<Connections>, stop: CancellationToken) {
    loop {
        let place = tokio::select! {
            () = stop.cancelled() => return,
            place = Arc::clone(&connections.places).acquire_owned() => place,
        };
        let stream = tokio::select! {
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        match stream {
            Ok((stream, _)) => {
                let serving = Arc::clone(&connections);
                connections.tasks.spawn(async move {
                    let _place = place;
                    let cut = serving.drop.clone();
                    let _ = cut.run_until_cancelled(serve(stream, &serving)).await;
                });
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

async fn serve(stream: TcpStream, connections: &Connections) {
    let settings = &connections.settings;
    let _ = stream.set_nodelay(true);
    // The configuration is taken per accept: certificates and roots rotate.
    let acceptor = TlsAcceptor::from(connections.identity.material().server());
    let (stream, mut driver) = gather(Lingering::new(stream));
    let stream = match tokio::time::timeout(settings.handshake, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return tracing::debug!(%error, "handshake refused"),
        Err(_) => return tracing::debug!("handshake timed out"),
    };
    let Some(caller) = peer(stream.get_ref().1) else {
        return tracing::debug!("handshake without an identity");
    };
    let ending = Arc::new(Ending {
        cut: connections.cut.child_token(),
        aged: AtomicBool::new(false),
    });
    let inbound = connections.inbound.of(caller, Arc::clone(&ending));
    let calls = inbound.under_way();
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_concurrent_streams(settings.streams)
        .max_header_list_size(HEADER_LIMIT)
        .max_pending_accept_reset_streams(RESET_LIMIT)
        .max_local_error_reset_streams(STRAY_LIMIT)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .keep_alive_interval(KEEPALIVE)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT)
        .serve_connection(TokioIo::new(stream), inbound);
    let mut connection = std::pin::pin!(connection);
    let mut leaving = false;
    // First its age, then the grace after it, then the farewell.
    let mut age = std::pin::pin!(tokio::time::sleep(jittered(settings.connection_age)));
    let mut aged = false;
    loop {
        let driven = poll_fn(|context| {
            let busy = calls.load(Ordering::Relaxed) > 1;
            driver.poll(busy, connection.as_mut(), context)
        });
        tokio::select! {
            biased;
            ended = driven => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "connection lost");
                }
                return;
            }
            () = connections.leave.cancelled(), if !leaving => {
                leaving = true;
                connection.as_mut().graceful_shutdown();
            }
            () = age.as_mut(), if aged || !leaving => {
                if ending.cut.is_cancelled() {
                    return;
                }
                let next = if aged {
                    ending.aged.store(true, Ordering::Relaxed);
                    ending.cut.cancel();
                    FAREWELL
                } else {
                    (leaving, aged) = (true, true);
                    connection.as_mut().graceful_shutdown();
                    settings.connection_age_grace
                };
                age.as_mut().reset(Instant::now() + next);
            }
        }
    }
}

/// ± 10 %, so that connections made together do not end together (gRPC A9).
#[expect(
    clippy::disallowed_methods,
    reason = "jitter between connections must differ; nothing replays it"
)]
fn jittered(age: Duration) -> Duration {
    age.mul_f64(0.9 + 0.2 * fastrand::f64())
}
