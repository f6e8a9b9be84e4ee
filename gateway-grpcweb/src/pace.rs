//! How long a connection may take over the headers of a request, or read nothing of an answer, while it may idle longer.
//!
//! **What.** [`Pace`] notes when bytes of a request began to come, when the request was whole, and since when nothing
//! could be written; [`Paced`] is the stream that tells it, [`Busy`] the call that stops the clock.
//!
//! **Why.** The HTTP/1.1 server has one clock for idling and for headers: a strict one would close idle connections
//! under a proxy's hands, a lenient one lets strangers hold places by sending a header a minute. And nobody else notices
//! a browser that asks for a stream and never reads it, which would keep a service working for ever.
//!
//! **When not.** HTTP/2 multiplexes: after its first request, pings tell whether anybody is there.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::Instant;

/// No request has begun.
const IDLE: u64 = 0;
/// Nothing is measured any more.
const NEVER: u64 = u64::MAX;

/// One connection's clock.
#[derive(Debug)]
pub(crate) struct Pace {
    opened: Instant,
    /// Microseconds after `opened`, plus one, when the present request began to come; or [`IDLE`], or [`NEVER`].
    since: AtomicU64,
    /// Requests being answered.
    busy: AtomicUsize,
    /// Since when the other side reads nothing, in the same measure; or [`IDLE`].
    stuck: AtomicU64,
}

/// A stream that tells its pace.
#[derive(Debug)]
pub(crate) struct Paced<S> {
    stream: S,
    pace: Arc<Pace>,
}

/// A request that is being answered, until it is dropped.
#[derive(Debug)]
pub(crate) struct Busy(Arc<Pace>);

// === impl Pace ===

impl Pace {
    /// The clock of a connection whose first request is due from now on.
    pub(crate) fn start() -> Arc<Self> {
        Arc::new(Self {
            opened: Instant::now(),
            since: AtomicU64::new(1),
            busy: AtomicUsize::new(0),
            stuck: AtomicU64::new(IDLE),
        })
    }

    /// A request is whole. `alone`: no other can come before it is answered.
    pub(crate) fn asked(self: &Arc<Self>, alone: bool) -> Busy {
        self.busy.fetch_add(1, Ordering::Relaxed);
        self.since.store(if alone { IDLE } else { NEVER }, Ordering::Relaxed);
        Busy(Arc::clone(self))
    }

    /// Whether it is known to be HTTP/2.
    pub(crate) fn is_multiplexed(&self) -> bool {
        self.since.load(Ordering::Relaxed) == NEVER
    }

    /// How much of `patience` is left for the request that is coming, or until it is worth looking again; none when it
    /// is used up.
    pub(crate) fn left(&self, patience: Duration) -> Option<Duration> {
        match self.since.load(Ordering::Relaxed) {
            IDLE | NEVER => Some(patience),
            since => patience.checked_sub(self.waited(since)).filter(|left| !left.is_zero()),
        }
    }

    /// Whether something has been waiting to be read for longer than `patience`.
    pub(crate) fn is_stuck(&self, patience: Duration) -> bool {
        match self.stuck.load(Ordering::Relaxed) {
            IDLE => false,
            since => self.waited(since) >= patience,
        }
    }

    fn heard(&self) {
        if self.busy.load(Ordering::Relaxed) == 0 && self.since.load(Ordering::Relaxed) == IDLE {
            self.since.store(self.now(), Ordering::Relaxed);
        }
    }

    /// Whether several requests are being answered.
    pub(crate) fn is_busy(&self) -> bool {
        self.busy.load(Ordering::Relaxed) > 1
    }

    fn wrote(&self, pending: bool) {
        let stuck = self.stuck.load(Ordering::Relaxed);
        if pending && stuck == IDLE {
            self.stuck.store(self.now(), Ordering::Relaxed);
        } else if !pending && stuck != IDLE {
            self.stuck.store(IDLE, Ordering::Relaxed);
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.opened.elapsed().as_micros()).unwrap_or(NEVER - 2) + 1
    }

    fn waited(&self, since: u64) -> Duration {
        self.opened.elapsed().saturating_sub(Duration::from_micros(since - 1))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.busy.fetch_sub(1, Ordering::Relaxed);
    }
}

// === impl Paced ===

impl<S> Paced<S> {
    pub(crate) fn new(stream: S, pace: Arc<Pace>) -> Self {
        Self { stream, pace }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Paced<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        if buffer.filled().len() > before {
            self.pace.heard();
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Paced<S> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        self.pace.wrote(written.is_pending());
        written
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.pace.wrote(flushed.is_pending());
        flushed
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, parts);
        self.pace.wrote(written.is_pending());
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::time::advance;

    use super::*;

    const PATIENCE: Duration = Duration::from_secs(10);

    #[tokio::test(start_paused = true)]
    async fn the_first_request_is_due_at_once() {
        let pace = Pace::start();
        advance(Duration::from_secs(4)).await;
        assert_eq!(pace.left(PATIENCE), Some(Duration::from_secs(6)));
        advance(Duration::from_secs(6)).await;
        assert_eq!(pace.left(PATIENCE), None);
    }

    #[tokio::test(start_paused = true)]
    async fn idling_is_free_but_a_request_that_begins_must_end() {
        let pace = Pace::start();
        let (mut browser, stream) = tokio::io::duplex(100);
        let mut stream = Paced::new(stream, Arc::clone(&pace));
        let mut byte = [0];

        let busy = pace.asked(true);
        browser.write_all(b"ab").await.unwrap();
        stream.read_exact(&mut byte).await.unwrap();
        advance(PATIENCE * 3).await;
        assert_eq!(
            pace.left(PATIENCE),
            Some(PATIENCE),
            "a body may come while its call is answered"
        );
        drop(busy);
        advance(PATIENCE * 3).await;
        assert_eq!(pace.left(PATIENCE), Some(PATIENCE), "nothing comes, nothing is due");

        stream.read_exact(&mut byte).await.unwrap();
        advance(PATIENCE / 2).await;
        assert_eq!(pace.left(PATIENCE), Some(PATIENCE / 2));
        browser.write_all(b"c").await.unwrap();
        stream.read_exact(&mut byte).await.unwrap();
        assert_eq!(pace.left(PATIENCE), Some(PATIENCE / 2), "another byte buys no time");
        advance(PATIENCE / 2).await;
        assert_eq!(pace.left(PATIENCE), None);
        let _busy = pace.asked(true);
        assert_eq!(pace.left(PATIENCE), Some(PATIENCE));
    }

    #[tokio::test(start_paused = true)]
    async fn who_reads_nothing_is_stuck_until_something_is_read() {
        let pace = Pace::start();
        let (mut browser, stream) = tokio::io::duplex(2);
        let mut stream = Paced::new(stream, Arc::clone(&pace));
        stream.write_all(b"ab").await.unwrap();
        advance(PATIENCE).await;
        assert!(!pace.is_stuck(PATIENCE), "nothing waits to be written");
        let blocked =
            std::future::poll_fn(|context| Poll::Ready(Pin::new(&mut stream).poll_write(context, b"c").is_pending()));
        assert!(blocked.await);
        assert!(!pace.is_stuck(PATIENCE));
        advance(PATIENCE).await;
        assert!(pace.is_stuck(PATIENCE));
        browser.read_u8().await.unwrap();
        stream.write_all(b"c").await.unwrap();
        assert!(!pace.is_stuck(PATIENCE));
    }

    #[tokio::test(start_paused = true)]
    async fn http2_is_left_to_its_pings() {
        let pace = Pace::start();
        drop(pace.asked(false));
        pace.heard();
        advance(PATIENCE * 2).await;
        assert_eq!(pace.left(PATIENCE), Some(PATIENCE));
    }
}
