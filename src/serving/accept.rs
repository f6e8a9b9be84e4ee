//! Accepting connections: TLS with the newest certificate, HTTP/2 with limits, an end with grace.

use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::{CancellationToken, DropGuard};
use tokio_util::task::TaskTracker;

use super::inbound::Inbound;
use crate::configuration::Serving;
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
const STREAM_WINDOW: u32 = 1024 * 1024;
const CONNECTION_WINDOW: u32 = 4 * 1024 * 1024;
/// Out of file descriptors: give connections time to end.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

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
            drop: CancellationToken::new(),
        })
    }

    /// Drops every connection, at the latest when the guard is dropped.
    pub(super) fn cut_off_when_dropped(&self) -> DropGuard {
        self.drop.clone().drop_guard()
    }

    /// Tells every connection to end, waits for calls under way, and returns how many connections were cut off.
    pub(super) async fn drain(&self, grace: Duration) -> usize {
        self.leave.cancel();
        self.tasks.close();
        if tokio::time::timeout(grace, self.tasks.wait()).await.is_ok() {
            return 0;
        }
        let left = self.tasks.len();
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
    let stream = match tokio::time::timeout(settings.handshake, acceptor.accept(stream)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return tracing::debug!(%error, "handshake refused"),
        Err(_) => return tracing::debug!("handshake timed out"),
    };
    let Some(caller) = peer(stream.get_ref().1) else {
        return tracing::debug!("handshake without an identity");
    };
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
        .serve_connection(TokioIo::new(stream), connections.inbound.of(caller));
    let mut connection = std::pin::pin!(connection);
    let mut leaving = false;
    let mut age = std::pin::pin!(tokio::time::sleep(jittered(settings.connection_age)));
    loop {
        tokio::select! {
            ended = connection.as_mut() => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "connection lost");
                }
                return;
            }
            () = connections.leave.cancelled(), if !leaving => {
                leaving = true;
                connection.as_mut().graceful_shutdown();
            }
            () = age.as_mut(), if !leaving => {
                leaving = true;
                connection.as_mut().graceful_shutdown();
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
