//! Connections of browsers: HTTP/1.1 or HTTP/2, over TLS or without, with limits on everything that a stranger can hold.
//!
//! **Why.** A place is taken by a connection, so each has to earn it: its first request must come within the time that
//! headers may take (a preface that never ends would otherwise be waited for), and a later one that has begun must end;
//! headers and streams are bounded; an idle HTTP/2 connection must answer pings. **When not.** Bodies have limits of their own, in
//! `request`; what is served in answer to them ends with its deadline.

use std::convert::Infallible;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::header::ALT_SVC;
use http::{HeaderValue, Request, Version};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use lyceum::batching::{Driver, Gathering, gather};
use lyceum::configuration::Gateway;
use lyceum::flow::{CONNECTION_WINDOW, STREAM_WINDOW};
use lyceum::identity;
use tokio::io::AsyncWriteExt as _;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::either::Either;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::arriving::Arriving;
use crate::edge::Edge;
use crate::pace::{Busy, Pace, Paced};
use crate::peer::Peer;
use crate::tls::Tls;
use crate::{hygiene, port};

/// The largest headers of a request, in bytes.
pub(crate) const HEADER_BYTES: u32 = 32 * 1024;
/// The most headers of a request.
const HEADERS: usize = 100;
/// What HTTP/1.1 may buffer of a connection; its headers must fit.
const BUFFER: usize = 64 * 1024;
/// How long HTTP/1.1 may idle between requests: longer than proxies and browsers keep their side.
pub(crate) const IDLE: Duration = Duration::from_secs(120);
/// Calls at a time on one HTTP/2 connection.
pub(crate) const STREAMS: u32 = 256;
pub(crate) const KEEPALIVE: Duration = Duration::from_secs(30);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a status may take to reach its browser when the grace has ended.
pub(crate) const LAST_WORDS: Duration = Duration::from_secs(1);
/// How long a request may have been on its way when the connection is about to end.
const ON_ITS_WAY: Duration = Duration::from_secs(1);
/// What begins a TLS handshake.
const HANDSHAKE: u8 = 22;
/// For who speaks without TLS where TLS is spoken.
const NEEDS_TLS: &[u8] = b"HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-type: text/plain\r\n\
    content-length: 47\r\n\r\nthis port speaks TLS: write https:// before it\n";
/// Out of file descriptors: give connections time to end.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// What is spoken over. One type for both: HTTP is compiled once.
type Line = Either<Gathering<TcpStream>, Box<TlsStream<Gathering<TcpStream>>>>;

/// Every connection of a gateway.
#[derive(Debug)]
pub(crate) struct Connections {
    pub(crate) edge: Arc<Edge>,
    http: Builder<TokioExecutor>,
    pub(crate) header_timeout: Duration,
    /// How long an answer may lie unread.
    pub(crate) idle: Duration,
    tls: Option<Arc<Tls>>,
    pub(crate) places: Arc<Semaphore>,
    /// Fewer places than this are a crowd.
    crowded: usize,
    /// Where else answers can be had, as browsers read it.
    elsewhere: Option<HeaderValue>,
    pub(crate) tasks: TaskTracker,
    /// Cancelled: each connection ends after the calls under way.
    pub(crate) leave: CancellationToken,
    /// Cancelled: each connection is cut off.
    pub(crate) cut: CancellationToken,
}

// === impl Connections ===

impl Connections {
    /// Connections to an edge, over TLS if there is one, as the configuration limits them.
    pub(crate) fn new(
        edge: Arc<Edge>,
        tls: Option<Arc<Tls>>,
        elsewhere: Option<HeaderValue>,
        settings: &Gateway,
    ) -> Arc<Self> {
        let places = usize::try_from(settings.connections).unwrap_or(usize::MAX);
        let header_timeout = settings.header_timeout;
        let mut http = Builder::new(TokioExecutor::new());
        http.http1()
            .timer(TokioTimer::new())
            .header_read_timeout(header_timeout.max(IDLE))
            .max_headers(HEADERS)
            .max_buf_size(BUFFER);
        http.http2()
            .timer(TokioTimer::new())
            .enable_connect_protocol()
            .max_header_list_size(HEADER_BYTES)
            .max_concurrent_streams(STREAMS)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .keep_alive_interval(KEEPALIVE)
            .keep_alive_timeout(KEEPALIVE_TIMEOUT);
        Arc::new(Self {
            http,
            header_timeout,
            idle: settings.body_idle,
            tls,
            places: Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS))),
            crowded: places / 2,
            elsewhere,
            tasks: edge.tasks.clone(),
            leave: edge.leaving.clone(),
            cut: edge.cut.clone(),
            edge,
        })
    }

    /// Whether so many are here that a newcomer has to prove more.
    pub(crate) fn is_crowded(&self) -> bool {
        self.places.available_permits() < self.crowded
    }

    /// Accepts connections until `stop`. With no place left, strangers wait at the door.
    pub(crate) async fn accept(self: Arc<Self>, listener: TcpListener, stop: CancellationToken) {
        loop {
            let place = tokio::select! {
                () = stop.cancelled() => break,
                place = Arc::clone(&self.places).acquire_owned() => place,
            };
            let accepted = tokio::select! {
                () = stop.cancelled() => break,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, address)) => self.let_in(stream, address, place.ok()),
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        for (stream, address) in port::rest(listener) {
            let place = Arc::clone(&self.places).try_acquire_owned();
            self.let_in(stream, address, place.ok());
        }
    }

    fn let_in(self: &Arc<Self>, stream: TcpStream, address: SocketAddr, place: Option<OwnedSemaphorePermit>) {
        let Some(place) = place else { return };
        let connections = Arc::clone(self);
        self.tasks.spawn(async move {
            let _place = place;
            connections.edge.metrics.connections.inc();
            let serving = connections.serve(stream, address);
            let _ = connections.cut.run_until_cancelled(serving).await;
            connections.edge.metrics.connections.dec();
        });
    }

    /// Ends every connection after its calls. Streams that take longer than `grace` end with a status; what is left then
    /// is cut off, and counted.
    pub(crate) async fn drain(&self, grace: Duration) -> usize {
        self.leave.cancel();
        self.tasks.close();
        if timeout(grace, self.tasks.wait()).await.is_ok() {
            return 0;
        }
        self.edge.stopping.cancel();
        if timeout(LAST_WORDS, self.tasks.wait()).await.is_ok() {
            return 0;
        }
        let left = self.tasks.len();
        self.cut.cancel();
        self.tasks.wait().await;
        left
    }

    async fn serve(&self, stream: TcpStream, address: SocketAddr) {
        // Without it a small answer waits for the browser's acknowledgement; a socket that refuses is gone anyway.
        let _ = stream.set_nodelay(true);
        let mut peer = Peer {
            address,
            secure: false,
            certificate: None,
        };
        let (line, driver) = match &self.tls {
            None => {
                let (stream, driver) = gather(stream);
                (Line::Left(stream), driver)
            }
            Some(tls) => {
                // Only what is spoken is kept while it lasts, not how it came to be.
                let shaken = timeout(self.header_timeout, Box::pin(handshake(stream, tls)));
                let Ok(Some((stream, driver))) = shaken.await else {
                    tracing::debug!("no handshake");
                    return;
                };
                peer.secure = true;
                peer.certificate = identity::peer(stream.get_ref().1);
                (Line::Right(Box::new(stream)), driver)
            }
        };
        self.speak(line, driver, peer).await;
    }

    async fn speak(&self, stream: Line, mut driver: Driver<TcpStream>, peer: Peer) {
        let pace = Pace::start();
        let (edge, clock, peer) = (Arc::clone(&self.edge), Arc::clone(&pace), Arc::new(peer));
        let elsewhere = self.elsewhere.clone();
        let service = service_fn(move |request: Request<Incoming>| {
            let busy = clock.asked(request.version() != Version::HTTP_2);
            let (edge, peer, elsewhere) = (Arc::clone(&edge), Arc::clone(&peer), elsewhere.clone());
            async move {
                let old = request.version() < Version::HTTP_2;
                let last = hygiene::is_last(&request);
                // Some kilobytes to begin a call, given back before its answer streams.
                let request = request.map(Arriving::Tcp);
                let mut response = Box::pin(edge.answer(request, &peer)).await;
                // Who hears of it asks the next one, instead of running into a connection that ends.
                if last || (old && edge.is_draining()) {
                    hygiene::close(response.headers_mut());
                }
                response.headers_mut().extend(elsewhere.map(|value| (ALT_SVC, value)));
                Ok::<_, Infallible>(response.map(|reply| Answered { reply, _busy: busy }))
            }
        });
        let io = TokioIo::new(Paced::new(stream, Arc::clone(&pace)));
        let mut connection = std::pin::pin!(self.http.serve_connection_with_upgrades(io, service));
        let mut waited = std::pin::pin!(sleep(self.header_timeout));
        let mut leaving = std::pin::pin!(self.told_to_leave(&pace));
        let mut left = false;
        loop {
            let driven = poll_fn(|context| {
                if pace.is_multiplexed() {
                    driver.poll(pace.is_busy(), connection.as_mut(), context)
                } else {
                    connection.as_mut().poll(context)
                }
            });
            tokio::select! {
                ended = driven => {
                    if let Err(error) = ended {
                        tracing::debug!(%error, "connection lost");
                    }
                    return;
                }
                () = leaving.as_mut(), if !left => {
                    left = true;
                    connection.as_mut().graceful_shutdown();
                }
                () = waited.as_mut() => {
                    let left = pace.left(self.header_timeout).filter(|_| !pace.is_stuck(self.idle));
                    let Some(left) = left else {
                        tracing::debug!("a connection took too long to ask or to read");
                        return;
                    };
                    waited.as_mut().reset(Instant::now() + left);
                }
            }
        }
    }

    /// Waits until this connection is to end after the calls under way. HTTP/2 says so, and which of them are; a request
    /// over HTTP/1.1 may be on its way, so it is waited for, a moment.
    async fn told_to_leave(&self, pace: &Pace) {
        self.leave.cancelled().await;
        if !pace.is_multiplexed() {
            sleep(ON_ITS_WAY).await;
        }
    }
}

/// The handshake of a browser; one that speaks without TLS is told.
async fn handshake(mut stream: TcpStream, tls: &Tls) -> Option<(TlsStream<Gathering<TcpStream>>, Driver<TcpStream>)> {
    let mut first = [0];
    if stream.peek(&mut first).await.ok()? == 0 {
        return None;
    }
    if first != [HANDSHAKE] {
        // It may be gone; and it is all that can be done for it.
        let _ = stream.write_all(NEEDS_TLS).await;
        let _ = stream.shutdown().await;
        return None;
    }
    let (stream, driver) = gather(stream);
    let stream = TlsAcceptor::from(tls.tcp()).accept(stream).await.ok()?;
    Some((stream, driver))
}

/// An answer that keeps its connection busy.
struct Answered<B> {
    reply: B,
    _busy: Busy,
}

impl<B: Body + Unpin> Body for Answered<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Self::Data>, Self::Error>>> {
        Pin::new(&mut self.reply).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.reply.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.reply.size_hint()
    }
}
