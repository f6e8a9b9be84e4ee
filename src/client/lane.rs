//! One HTTP/2 connection: made over mutual TLS, watched by pings, with its calls counted.
//!
//! A call takes a [`Place`] on a lane and holds it until its answer has ended, so that it is known how near the lane is
//! to the streams that its peer allows. A lane that takes no more requests is retired: calls under way on it go on, new
//! ones go elsewhere. TLS settings are taken fresh for each lane, so that a renewed certificate is used without
//! dropping any. When not: which lane an instance's calls take is the connection's business.
//! Source: RFC 9113; gRPC A8 (keepalive).

use std::future::poll_fn;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use h2::client::{Builder, Connection, ResponseFuture, SendRequest};
use h2::{Ping, PingPong, SendStream};
use http::Request;
use http::uri::Authority;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, BufReader, ReadBuf};
use tokio::net::TcpStream;
use tokio::sync::Notify;
use tokio::task::{AbortHandle, JoinHandle};
use tokio_rustls::TlsConnector;

use super::callee::Shared;
use super::outside::Security;
use crate::batching::{Driver, gather};
use crate::flow::{CONNECTION_WINDOW, STREAM_WINDOW};

/// How many calls given up a second are remembered, so that the answers that come too late are told from nonsense.
const GIVEN_UP: usize = 4096;
/// The largest header block of an answer, in bytes.
const HEADER_LIMIT: u32 = 32 * 1024;
/// What a stream may have waiting to be sent, in bytes.
const SEND_BUFFER: usize = 1024 * 1024;
/// What h2 allows for the upkeep of small messages that nobody has read, at most 256 bytes each. Beyond it the connection
/// ends, and with it everybody's calls, because one of them reads slowly: the windows must stop that one before. They
/// do where a message has 16 bytes.
const UNREAD: usize = CONNECTION_WINDOW as usize / 16 * 256;
/// What is read of a socket at once: rustls asks for 4 KB at a time, a quarter of a record.
const READ: usize = 32 * 1024;

/// A connection that takes requests.
#[derive(Debug)]
pub(super) struct Lane {
    requests: Mutex<SendRequest<Bytes>>,
    under_way: Arc<AtomicUsize>,
    /// How many streams the peer allows, as far as it has said.
    limit: Arc<AtomicUsize>,
    /// A stream ended of as many as the peer allows.
    room: Notify,
    retired: AtomicBool,
    wake: Notify,
}

/// One call's place on a lane.
#[derive(Debug)]
pub(super) struct Place(Arc<Lane>);

/// Why a connection could not be made.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("no connection within the time allowed")]
    TimedOut,
    #[error("the peer speaks no HTTP/2")]
    Http1,
    #[error("the peer ended it before it said a word")]
    Ended,
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("{0}")]
    Identity(#[from] crate::identity::Error),
    #[error("{0}")]
    Http(#[from] h2::Error),
}

// === impl Lane ===

impl Lane {
    /// Connects to `authority` with the newest certificate. The handle ends with the connection.
    pub(super) async fn connect(authority: &Authority, shared: &Shared) -> Result<(Arc<Self>, JoinHandle<()>), Error> {
        match tokio::time::timeout(shared.settings.connect, connect(authority, shared)).await {
            Ok(made) => made,
            Err(_) => Err(Error::TimedOut),
        }
    }

    /// Calls under way.
    pub(super) fn under_way(&self) -> usize {
        self.under_way.load(Ordering::Relaxed)
    }

    /// Whether four fifths of the streams that the peer allows are taken.
    pub(super) fn is_crowded(&self) -> bool {
        let limit = self.limit.load(Ordering::Relaxed);
        self.under_way() >= (limit - limit / 5).max(1)
    }

    /// Whether it takes no more requests.
    pub(super) fn is_retired(&self) -> bool {
        self.retired.load(Ordering::Relaxed)
    }

    /// No more requests go this way; calls under way go on.
    pub(super) fn retire(&self) {
        self.retired.store(true, Ordering::Relaxed);
        self.wake.notify_one();
    }

    /// Waits until it is retired.
    pub(super) async fn retirement(&self) {
        while !self.is_retired() {
            self.wake.notified().await;
        }
    }

    /// Takes a place for one call.
    pub(super) fn place(self: Arc<Self>) -> Place {
        self.under_way.fetch_add(1, Ordering::Relaxed);
        Place(self)
    }

    /// Takes a place, unless as many streams are open as the peer allows.
    pub(super) fn free_place(self: Arc<Self>) -> Option<Place> {
        let limit = self.limit.load(Ordering::Relaxed);
        let more = |calls| (calls < limit).then_some(calls + 1);
        let taken = self.under_way.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        taken.is_ok().then(|| Place(self))
    }

    /// Waits until a stream ends of as many as the peer allows.
    pub(super) async fn room(&self) {
        self.room.notified().await;
    }

    /// One lock for a handle that all calls share costs less than a handle for each call, which locks twice.
    fn requests(&self) -> MutexGuard<'_, SendRequest<Bytes>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Place ===

impl Place {
    /// Opens a stream. The request is made a second time where the first handle waits for a stream to be opened: what
    /// the peer does not allow yet is queued.
    ///
    /// # Errors
    /// The lane takes no more requests.
    pub(super) fn open(
        &self,
        request: impl Fn() -> Request<()>,
        ends: bool,
    ) -> Result<(ResponseFuture, SendStream<Bytes>), h2::Error> {
        let mut requests = self.0.requests();
        match requests.send_request(request(), ends) {
            Err(error) if !(error.is_io() || error.is_go_away() || error.is_reset()) => {
                let fresh = requests.clone();
                *requests = fresh;
                requests.send_request(request(), ends)
            }
            opened => opened,
        }
    }

    /// The lane takes no more.
    pub(super) fn retire(&self) {
        self.0.retire();
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let before = self.0.under_way.fetch_sub(1, Ordering::Relaxed);
        if before >= self.0.limit.load(Ordering::Relaxed) {
            self.0.room.notify_one();
        }
    }
}

async fn connect(authority: &Authority, shared: &Shared) -> Result<(Arc<Lane>, JoinHandle<()>), Error> {
    let host = authority.host().trim_matches(['[', ']']);
    let stream = TcpStream::connect((host, authority.port_u16().unwrap_or(443))).await?;
    stream.set_nodelay(true)?;
    // Inside the mesh the name plays no part in the verification (identity::verification); it only must be one.
    let name =
        ServerName::try_from(host.to_owned()).unwrap_or(ServerName::IpAddress(std::net::Ipv4Addr::LOCALHOST.into()));
    let (stream, driver) = gather(stream);
    let stream = BufReader::with_capacity(READ, stream);
    match &shared.outside {
        None => {}
        Some(Security::None) => return converse(stream, driver, shared).await,
        Some(Security::Tls(settings)) => {
            let stream = TlsConnector::from(Arc::clone(settings)).connect(name, stream).await?;
            if stream.get_ref().1.alpn_protocol() != Some(b"h2".as_slice()) {
                return Err(Error::Http1);
            }
            return converse(stream, driver, shared).await;
        }
    }
    #[cfg(feature = "testing")]
    if shared.settings.plaintext {
        return converse(stream, driver, shared).await;
    }
    let stream = TlsConnector::from(shared.tls()?).connect(name, stream).await?;
    converse(stream, driver, shared).await
}

/// Begins HTTP/2 on a stream that is ready for it.
async fn converse<S>(
    stream: S,
    mut driver: Driver<TcpStream>,
    shared: &Shared,
) -> Result<(Arc<Lane>, JoinHandle<()>), Error>
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let heard = Arc::new(AtomicBool::new(false));
    let stream = Heard {
        stream,
        heard: Arc::clone(&heard),
    };
    let (requests, mut connection) = Builder::new()
        .enable_push(false)
        // None, until it is known how many the peer allows: what is beyond that it refuses.
        .initial_max_send_streams(0)
        .max_concurrent_reset_streams(GIVEN_UP)
        // Counted over a connection's life: late answers to calls given up would end it sooner or later.
        .max_local_error_reset_streams(None)
        .max_header_list_size(HEADER_LIMIT)
        .max_send_buffer_size(SEND_BUFFER)
        .initial_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .data_frame_budget(UNREAD)
        .handshake(stream)
        .await?;
    settled(&mut connection).await?;
    let mut allowed = connection.max_concurrent_send_streams();
    let limit = Arc::new(AtomicUsize::new(allowed));
    let pings = connection.ping_pong();
    let under_way = Arc::new(AtomicUsize::new(0));
    let (calls, told) = (Arc::clone(&under_way), Arc::clone(&limit));
    let driven = tokio::spawn(async move {
        let driven = poll_fn(|context| {
            let busy = calls.load(Ordering::Relaxed) > 1;
            let polled = driver.poll(busy, Pin::new(&mut connection), context);
            // The peer may change its mind.
            let now = connection.max_concurrent_send_streams();
            if now != allowed {
                allowed = now;
                told.store(now, Ordering::Relaxed);
            }
            polled
        });
        if let Err(error) = driven.await {
            tracing::debug!(%error, "connection lost");
        }
    });
    if let Some(pings) = pings {
        let (every, patience) = (shared.settings.keepalive, shared.settings.keepalive_timeout);
        tokio::spawn(keep_alive(pings, heard, every, patience, driven.abort_handle()));
    }
    let lane = Lane {
        requests: Mutex::new(requests),
        under_way,
        limit,
        room: Notify::new(),
        retired: AtomicBool::new(false),
        wake: Notify::new(),
    };
    Ok((Arc::new(lane), driven))
}

/// Drives a connection until the peer has said how many streams it allows, which is the first thing that it says.
async fn settled<S>(connection: &mut Connection<S, Bytes>) -> Result<(), Error>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    poll_fn(|context| match Pin::new(&mut *connection).poll(context) {
        Poll::Pending if connection.max_concurrent_send_streams() == 0 => Poll::Pending,
        Poll::Pending => Poll::Ready(Ok(())),
        Poll::Ready(ended) => Poll::Ready(ended.map_err(Error::from).and(Err(Error::Ended))),
    })
    .await
}

/// Pings a peer that has said nothing for a while, and ends the connection of one that does not answer.
async fn keep_alive(
    mut pings: PingPong,
    heard: Arc<AtomicBool>,
    every: Duration,
    patience: Duration,
    connection: AbortHandle,
) {
    while !connection.is_finished() {
        tokio::time::sleep(every).await;
        if heard.swap(false, Ordering::Relaxed) {
            continue;
        }
        if !matches!(
            tokio::time::timeout(patience, pings.ping(Ping::opaque())).await,
            Ok(Ok(_))
        ) {
            tracing::debug!("the peer does not answer pings");
            connection.abort();
            return;
        }
    }
}

/// A stream that remembers having been heard of.
struct Heard<S> {
    stream: S,
    heard: Arc<AtomicBool>,
}

impl<S: AsyncRead + Unpin> AsyncRead for Heard<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        if polled.is_ready() {
            self.heard.store(true, Ordering::Relaxed);
        }
        polled
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Heard<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[std::io::IoSlice<'_>],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}
