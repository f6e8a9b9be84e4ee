//! What a protocol has written and its driver has not yet let go.
//!
//! The lock is never waited for: driver and protocol are one task.

use std::io::{Error, ErrorKind, IoSlice, Result};
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, BytesMut};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The most bytes that wait; what is beyond is written at once, with them.
pub(super) const LIMIT: usize = 64 * 1024;
/// How many pieces one system call writes.
const PIECES: usize = 16;

/// A stream whose writes wait while its [`Driver`](super::Driver) polls; read and written without it, it is the stream.
#[derive(Debug)]
pub struct Gathering<S>(Arc<Mutex<Held<S>>>);

/// A stream, and what waits to be written to it.
#[derive(Debug)]
pub(super) struct Held<S> {
    stream: S,
    waiting: BytesMut,
    gathers: bool,
    /// The other side takes no more for now.
    blocked: bool,
    /// Why what was let go did not leave, for whoever writes next.
    failed: Option<ErrorKind>,
}

pub(super) fn held<S>(held: &Mutex<Held<S>>) -> MutexGuard<'_, Held<S>> {
    held.lock().unwrap_or_else(PoisonError::into_inner)
}

// === impl Held ===

impl<S> Held<S> {
    pub(super) fn new(stream: S) -> Self {
        Self {
            stream,
            waiting: BytesMut::new(),
            gathers: false,
            blocked: false,
            failed: None,
        }
    }

    pub(super) fn begin(&mut self) {
        self.gathers = true;
    }
}

impl<S: AsyncWrite + Unpin> Held<S> {
    pub(super) fn let_go(&mut self, context: &mut Context<'_>) {
        self.gathers = false;
        if let Poll::Ready(Err(error)) = self.poll_drain(context) {
            self.failed = Some(error.kind());
            self.waiting = BytesMut::new();
            context.waker().wake_by_ref();
        }
    }

    fn poll_drain(&mut self, context: &mut Context<'_>) -> Poll<Result<()>> {
        while !self.waiting.is_empty() {
            self.blocked = true;
            match ready!(Pin::new(&mut self.stream).poll_write(context, &self.waiting))? {
                0 => return Poll::Ready(Err(ErrorKind::WriteZero.into())),
                written => self.waiting.advance(written),
            }
            if self.waiting.is_empty() {
                // An idle connection keeps no room for what it wrote once.
                self.waiting = BytesMut::new();
            }
        }
        self.blocked = false;
        Poll::Ready(Ok(()))
    }

    fn poll_write(&mut self, context: &mut Context<'_>, pieces: &[IoSlice<'_>]) -> Poll<Result<usize>> {
        if let Some(kind) = self.failed {
            return Poll::Ready(Err(Error::from(kind)));
        }
        let length = pieces.iter().map(|piece| piece.len()).sum::<usize>();
        loop {
            if self.gathers && self.waiting.len() + length <= LIMIT {
                for piece in pieces {
                    self.waiting.extend_from_slice(piece);
                }
                return Poll::Ready(Ok(length));
            }
            if self.waiting.is_empty() {
                return Pin::new(&mut self.stream).poll_write_vectored(context, pieces);
            }
            let mut all = [IoSlice::new(&[]); PIECES];
            all[0] = IoSlice::new(&self.waiting);
            for (place, piece) in all[1..].iter_mut().zip(pieces) {
                *place = IoSlice::new(piece);
            }
            self.blocked = true;
            let written = ready!(Pin::new(&mut self.stream).poll_write_vectored(context, &all))?;
            self.blocked = false;
            let ahead = self.waiting.len();
            self.waiting.advance(written.min(ahead));
            match written.checked_sub(ahead) {
                _ if written == 0 => return Poll::Ready(Err(ErrorKind::WriteZero.into())),
                None | Some(0) => {}
                Some(taken) => return Poll::Ready(Ok(taken)),
            }
        }
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<Result<()>> {
        if let Some(kind) = self.failed {
            return Poll::Ready(Err(Error::from(kind)));
        }
        // Who is told that it is not gone yet writes no more until the other side has read.
        if self.gathers && !self.blocked {
            return Poll::Ready(Ok(()));
        }
        ready!(self.poll_drain(context))?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(&mut self, context: &mut Context<'_>) -> Poll<Result<()>> {
        ready!(self.poll_drain(context))?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

// === impl Gathering ===

impl<S> Gathering<S> {
    pub(super) fn new(held: Arc<Mutex<Held<S>>>) -> Self {
        Self(held)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Gathering<S> {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        Pin::new(&mut held(&self.0).stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Gathering<S> {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        held(&self.0).poll_write(context, &[IoSlice::new(bytes)])
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        held(&self.0).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        held(&self.0).poll_shutdown(context)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        pieces: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        held(&self.0).poll_write(context, pieces)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }
}
