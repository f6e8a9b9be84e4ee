//! One HTTP/2 connection to one instance, kept up by a task of its own.
//!
//! The task connects eagerly, so that a call finds a connection, and again after a loss: at once when the connection
//! had been good, with full-jitter backoff when it cannot be made. A call that finds nobody ready hurries it. TLS
//! settings are taken fresh for each connection, so that a renewed certificate is used without dropping any.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use http::uri::Authority;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio_rustls::TlsConnector;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::body::RequestBody;
use super::callee::Shared;
use crate::balancing::Member;
use crate::discovery::Instance;

/// The first pause after a connection that could not be made; doubled up to [`PAUSE_LIMIT`].
const PAUSE: Duration = Duration::from_millis(100);
const PAUSE_LIMIT: Duration = Duration::from_secs(10);
/// Waiting calls hurry the next attempt, but never below this.
const PAUSE_FLOOR: Duration = Duration::from_millis(25);
/// How many calls given up a second are remembered, so that the answers that come too late are told from nonsense.
const GIVEN_UP: usize = 4096;
/// Flow-control windows: a large essay goes in one flight.
const STREAM_WINDOW: u32 = 1024 * 1024;
const CONNECTION_WINDOW: u32 = 4 * 1024 * 1024;

pub(super) type Sender = SendRequest<RequestBody>;

/// The connection of one instance; dropping it ends its task.
#[derive(Debug)]
pub(super) struct Connection {
    link: Arc<Link>,
    _stop: DropGuard,
}

/// What the task and the calls share.
#[derive(Debug)]
pub(super) struct Link {
    key: String,
    /// The instance's id, as responses name it.
    pub(super) id: Arc<str>,
    authority: Authority,
    sender: ArcSwapOption<Sender>,
    lost: Notify,
    hurry: Notify,
    failures: AtomicU32,
}

/// What identifies an instance: the same id at another address is somebody else.
pub(super) fn key(instance: &Instance) -> String {
    format!("{}@{}", instance.id, instance.authority())
}

impl Connection {
    /// Starts the task. `None`: the instance announces an address that is none.
    pub(super) fn spawn(key: String, instance: &Instance, shared: Arc<Shared>) -> Option<Self> {
        let authority = instance.authority().parse().ok()?;
        let link = Arc::new(Link {
            key,
            id: instance.id.as_str().into(),
            authority,
            sender: ArcSwapOption::empty(),
            lost: Notify::new(),
            hurry: Notify::new(),
            failures: AtomicU32::new(0),
        });
        let stop = CancellationToken::new();
        let task = keep(Arc::clone(&link), shared);
        let stopped = stop.clone();
        tokio::spawn(async move { stopped.run_until_cancelled_owned(task).await });
        Some(Self {
            link,
            _stop: stop.drop_guard(),
        })
    }

    pub(super) fn link(&self) -> &Arc<Link> {
        &self.link
    }
}

impl Member for Connection {
    fn key(&self) -> &str {
        &self.link.key
    }

    fn is_ready(&self) -> bool {
        self.link
            .sender
            .load()
            .as_ref()
            .is_some_and(|sender| !sender.is_closed())
    }
}

impl Link {
    /// A handle to send one request with.
    pub(super) fn sender(&self) -> Option<Sender> {
        self.sender.load().as_ref().map(|sender| Sender::clone(sender))
    }

    /// The connection takes no more requests: make a new one. Calls under way on the old one go on.
    pub(super) fn give_up(&self) {
        self.sender.store(None);
        self.lost.notify_one();
    }

    /// A call waits for this connection.
    pub(super) fn hurry(&self) {
        self.hurry.notify_one();
    }

    /// Whether the last attempts to connect failed.
    pub(super) fn is_unreachable(&self) -> bool {
        self.failures.load(Ordering::Relaxed) > 0
    }
}

async fn keep(link: Arc<Link>, shared: Arc<Shared>) {
    loop {
        match tokio::time::timeout(shared.settings.connect, connect(&link, &shared)).await {
            Ok(Ok((sender, ended))) => {
                link.failures.store(0, Ordering::Relaxed);
                link.sender.store(Some(Arc::new(sender)));
                shared.announce();
                tokio::select! {
                    () = link.lost.notified() => {}
                    _ = ended => {}
                }
                link.sender.store(None);
                shared.announce();
                tracing::debug!(instance = %link.id, "connection ended");
            }
            failed => {
                let error = match failed {
                    Ok(Err(error)) => error,
                    _ => Failure::TimedOut,
                };
                let failures = link.failures.fetch_add(1, Ordering::Relaxed) + 1;
                shared.announce();
                if failures == 1 {
                    tracing::warn!(instance = %link.id, address = %link.authority, %error, "cannot connect");
                }
                let pause = backoff(failures);
                tokio::time::sleep(PAUSE_FLOOR.min(pause)).await;
                tokio::select! {
                    () = tokio::time::sleep(pause.saturating_sub(PAUSE_FLOOR)) => {}
                    () = link.hurry.notified() => {}
                }
            }
        }
    }
}

/// Full jitter: anything up to the doubled pause, so that instances are not found again all at once.
#[expect(
    clippy::disallowed_methods,
    reason = "jitter between processes must differ; nothing replays it"
)]
fn backoff(failures: u32) -> Duration {
    let most = PAUSE.saturating_mul(1 << failures.min(10)).min(PAUSE_LIMIT);
    most.mul_f64(fastrand::f64())
}

/// Why a connection could not be made.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("no connection within the time allowed")]
    TimedOut,
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("{0}")]
    Identity(#[from] crate::identity::Error),
    #[error("{0}")]
    Http(#[from] hyper::Error),
}

async fn connect(link: &Link, shared: &Shared) -> Result<(Sender, tokio::task::JoinHandle<()>), Failure> {
    let tls = shared.tls()?;
    let host = link.authority.host().trim_matches(['[', ']']);
    let stream = TcpStream::connect((host, link.authority.port_u16().unwrap_or(443))).await?;
    stream.set_nodelay(true)?;
    // The name plays no part in the verification (identity::verification); it only must be one.
    let name =
        ServerName::try_from(host.to_owned()).unwrap_or(ServerName::IpAddress(std::net::Ipv4Addr::LOCALHOST.into()));
    // Boxed, because hyper moves the connection's type about once for each request.
    let stream = Box::new(TlsConnector::from(tls).connect(name, stream).await?);
    let (sender, connection) = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_concurrent_reset_streams(GIVEN_UP)
        // Counted over a connection's life: late answers to calls given up would end it sooner or later.
        .max_local_error_reset_streams(None)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .keep_alive_interval(shared.settings.keepalive)
        .keep_alive_timeout(shared.settings.keepalive_timeout)
        .keep_alive_while_idle(true)
        .handshake(TokioIo::new(stream))
        .await?;
    let ended = tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(%error, "connection lost");
        }
    });
    Ok((sender, ended))
}
