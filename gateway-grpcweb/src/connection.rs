//! Connections of browsers: HTTP/1.1 or HTTP/2 without TLS, with limits on everything that a stranger can hold.
//!
//! **Why.** A place is taken by a connection, so each has to earn it: its first request must come within the time that
//! headers may take (a preface that never ends would otherwise be waited for), and a later one that has begun must end;
//! headers and streams are bounded; an idle HTTP/2 connection must answer pings. **When not.** Bodies have limits of their own, in
//! `request`; what is served in answer to them ends with its deadline.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use http::{Request, Version};
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::edge::Edge;
use crate::pace::{Busy, Pace, Paced};
use crate::peer::Peer;

/// The largest headers of a request, in bytes.
const HEADER_BYTES: u32 = 32 * 1024;
/// The most headers of a request.
const HEADERS: usize = 100;
/// What HTTP/1.1 may buffer of a connection; its headers must fit.
const BUFFER: usize = 64 * 1024;
/// How long HTTP/1.1 may idle between requests: longer than proxies and browsers keep their side.
const IDLE: Duration = Duration::from_secs(120);
/// Calls at a time on one HTTP/2 connection.
const STREAMS: u32 = 256;
const KEEPALIVE: Duration = Duration::from_secs(30);
const KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);
/// Flow-control windows: a large essay goes in one flight.
const STREAM_WINDOW: u32 = 1024 * 1024;
const CONNECTION_WINDOW: u32 = 4 * 1024 * 1024;
/// How long a status may take to reach its browser when the grace has ended.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// Out of file descriptors: give connections time to end.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// Every connection of a gateway.
#[derive(Debug)]
pub(crate) struct Connections {
    edge: Arc<Edge>,
    http: Builder<TokioExecutor>,
    header_timeout: Duration,
    places: Arc<Semaphore>,
    tasks: TaskTracker,
    /// Cancelled: each connection ends after the calls under way.
    leave: CancellationToken,
    /// Cancelled: each connection is cut off.
    cut: CancellationToken,
}

// === impl Connections ===

impl Connections {
    /// Room for `places` connections whose headers come within a time.
    pub(crate) fn new(edge: Arc<Edge>, places: usize, header_timeout: Duration) -> Arc<Self> {
        let mut http = Builder::new(TokioExecutor::new());
        http.http1()
            .timer(TokioTimer::new())
            .header_read_timeout(header_timeout.max(IDLE))
            .max_headers(HEADERS)
            .max_buf_size(BUFFER);
        http.http2()
            .timer(TokioTimer::new())
            .max_header_list_size(HEADER_BYTES)
            .max_concurrent_streams(STREAMS)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW)
            .keep_alive_interval(KEEPALIVE)
            .keep_alive_timeout(KEEPALIVE_TIMEOUT);
        Arc::new(Self {
            edge,
            http,
            header_timeout,
            places: Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS))),
            tasks: TaskTracker::new(),
            leave: CancellationToken::new(),
            cut: CancellationToken::new(),
        })
    }

    /// Accepts connections until `stop`. With no place left, strangers wait at the door.
    pub(crate) async fn accept(self: Arc<Self>, listener: TcpListener, stop: CancellationToken) {
        loop {
            let place = tokio::select! {
                () = stop.cancelled() => return,
                place = Arc::clone(&self.places).acquire_owned() => place,
            };
            let accepted = tokio::select! {
                () = stop.cancelled() => return,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, address)) => {
                    let connections = Arc::clone(&self);
                    self.tasks.spawn(async move {
                        let _place = place;
                        connections.edge.metrics.connections.inc();
                        let _ = connections
                            .cut
                            .run_until_cancelled(connections.serve(stream, Peer { address }))
                            .await;
                        connections.edge.metrics.connections.dec();
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
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

    async fn serve(&self, stream: TcpStream, peer: Peer) {
        // Without it a small answer waits for the browser's acknowledgement; a socket that refuses is gone anyway.
        let _ = stream.set_nodelay(true);
        let pace = Pace::start();
        let (edge, clock) = (Arc::clone(&self.edge), Arc::clone(&pace));
        let service = service_fn(move |request: Request<Incoming>| {
            let busy = clock.asked(request.version() != Version::HTTP_2);
            let edge = Arc::clone(&edge);
            async move {
                Ok::<_, Infallible>(
                    edge.answer(request, &peer)
                        .await
                        .map(|reply| Answered { reply, _busy: busy }),
                )
            }
        });
        let io = TokioIo::new(Paced::new(stream, Arc::clone(&pace)));
        let mut connection = std::pin::pin!(self.http.serve_connection(io, service));
        let mut waited = std::pin::pin!(sleep(self.header_timeout));
        let mut leaving = false;
        loop {
            tokio::select! {
                ended = connection.as_mut() => {
                    if let Err(error) = ended {
                        tracing::debug!(%error, "connection lost");
                    }
                    return;
                }
                () = self.leave.cancelled(), if !leaving => {
                    leaving = true;
                    connection.as_mut().graceful_shutdown();
                }
                () = waited.as_mut() => {
                    let left = pace.left(self.header_timeout).filter(|_| !pace.is_stuck(self.edge.limits.idle));
                    let Some(left) = left else {
                        tracing::debug!("a connection took too long to ask or to read");
                        return;
                    };
                    waited.as_mut().reset(Instant::now() + left);
                }
            }
        }
    }
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
