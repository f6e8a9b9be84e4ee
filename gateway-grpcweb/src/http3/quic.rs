//! quinn's streams as h3 reads and writes them.
//!
//! **Why not the ready-made adapter.** A server has to know that a browser has left while nothing is being written (its
//! STOP_SENDING is what ends the call upstream), and h3 keeps a frame in memory until all of it has come, however long
//! it says it is. Both need the streams themselves: [`Meter`] stops reading what nobody takes, and [`Accepted`] tells
//! when the other side wants no more. **When not.** To call others: nobody does so over HTTP/3 here.

use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes, BytesMut};
use h3::error::Code;
use h3::quic::{self, ConnectionErrorIncoming, StreamErrorIncoming, StreamId, WriteBuf};
use quinn::{ConnectionError, ReadError, VarInt, WriteError};
use tokio::io::AsyncReadExt as _;

/// What is read at a time.
const CHUNK: usize = 4096;
/// How much of a request may lie here, read and taken by nobody.
const REQUEST: usize = 128 * 1024;
/// How much may ever come on a stream that is no request's.
const CONTROL: usize = 1024 * 1024;
/// What a chunk that was taken brought with it as its frame's head, at most.
const HEAD: usize = 9;

type Opening<T> = Option<Pin<Box<dyn Future<Output = Result<T, ConnectionError>> + Send + Sync>>>;
type Both = (quinn::SendStream, quinn::RecvStream);

/// A connection for h3.
pub(super) struct Quic {
    connection: quinn::Connection,
    request: Opening<Both>,
    control: Opening<quinn::RecvStream>,
    opener: Opener,
    newest: Newest,
}

/// Opens what a server opens: its control streams.
pub(super) struct Opener {
    connection: quinn::Connection,
    both: Opening<Both>,
    one: Opening<quinn::SendStream>,
}

/// Both sides of a request.
pub(super) struct Stream<B: Buf> {
    sending: Sending<B>,
    receiving: Receiving,
}

/// What is answered.
pub(super) struct Sending<B: Buf> {
    stream: quinn::SendStream,
    writing: Option<WriteBuf<B>>,
}

/// What is asked.
pub(super) struct Receiving {
    stream: quinn::RecvStream,
    buffer: BytesMut,
    meter: Meter,
    limit: usize,
}

/// How much was read that nobody has taken yet.
#[derive(Clone, Debug, Default)]
pub(super) struct Meter(Arc<AtomicUsize>);

/// What h3 does not tell of the request that it accepted last.
pub(super) struct Accepted {
    pub(super) meter: Meter,
    /// Ready when the other side wants no answer any more, or has all of it.
    pub(super) stopped: Pin<Box<dyn Future<Output = ()> + Send>>,
}

/// Where it is left for whoever accepted the request.
#[derive(Clone, Default)]
pub(super) struct Newest(Arc<Mutex<Option<Accepted>>>);

// === impl Meter ===

impl Meter {
    fn read(&self, bytes: usize) {
        self.0.fetch_add(bytes, Ordering::Relaxed);
    }

    /// A chunk was taken.
    pub(super) fn taken(&self, bytes: usize) {
        let before = self.0.load(Ordering::Relaxed);
        // Read and taken by the same task.
        self.0
            .store(before.saturating_sub(bytes.saturating_add(HEAD)), Ordering::Relaxed);
    }

    /// All of it was taken.
    pub(super) fn clear(&self) {
        self.0.store(0, Ordering::Relaxed);
    }

    fn is_over(&self, limit: usize) -> bool {
        self.0.load(Ordering::Relaxed) > limit
    }
}

// === impl Newest ===

impl Newest {
    fn leave(&self, accepted: Accepted) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(accepted);
    }

    pub(super) fn take(&self) -> Option<Accepted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

// === impl Quic ===

impl Quic {
    pub(super) fn new(connection: quinn::Connection) -> Self {
        Self {
            opener: Opener::new(connection.clone()),
            connection,
            request: None,
            control: None,
            newest: Newest::default(),
        }
    }

    pub(super) fn newest(&self) -> Newest {
        self.newest.clone()
    }
}

impl<B: Buf> quic::Connection<B> for Quic {
    type RecvStream = Receiving;
    type OpenStreams = Opener;

    fn poll_accept_recv(&mut self, context: &mut Context<'_>) -> Poll<Result<Receiving, ConnectionErrorIncoming>> {
        let connection = &self.connection;
        let stream = ready!(poll(&mut self.control, context, || {
            let connection = connection.clone();
            async move { connection.accept_uni().await }
        }));
        Poll::Ready(
            stream
                .map(|stream| Receiving::new(stream, Meter::default(), CONTROL))
                .map_err(lost),
        )
    }

    fn poll_accept_bidi(&mut self, context: &mut Context<'_>) -> Poll<Result<Stream<B>, ConnectionErrorIncoming>> {
        let connection = &self.connection;
        let streams = ready!(poll(&mut self.request, context, || {
            let connection = connection.clone();
            async move { connection.accept_bi().await }
        }));
        let (sending, receiving) = streams.map_err(lost)?;
        let stopped = sending.stopped();
        let meter = Meter::default();
        self.newest.leave(Accepted {
            meter: meter.clone(),
            stopped: Box::pin(async move {
                // Gone is gone, however it was told.
                let _ = stopped.await;
            }),
        });
        Poll::Ready(Ok(Stream {
            sending: Sending::new(sending),
            receiving: Receiving::new(receiving, meter, REQUEST),
        }))
    }

    fn opener(&self) -> Opener {
        Opener::new(self.connection.clone())
    }
}

impl<B: Buf> quic::OpenStreams<B> for Quic {
    type BidiStream = Stream<B>;
    type SendStream = Sending<B>;

    fn poll_open_bidi(&mut self, context: &mut Context<'_>) -> Poll<Result<Stream<B>, StreamErrorIncoming>> {
        self.opener.poll_open_bidi(context)
    }

    fn poll_open_send(&mut self, context: &mut Context<'_>) -> Poll<Result<Sending<B>, StreamErrorIncoming>> {
        self.opener.poll_open_send(context)
    }

    fn close(&mut self, code: Code, reason: &[u8]) {
        close(&self.connection, code, reason);
    }
}

// === impl Opener ===

impl Opener {
    fn new(connection: quinn::Connection) -> Self {
        Self {
            connection,
            both: None,
            one: None,
        }
    }
}

impl<B: Buf> quic::OpenStreams<B> for Opener {
    type BidiStream = Stream<B>;
    type SendStream = Sending<B>;

    fn poll_open_bidi(&mut self, context: &mut Context<'_>) -> Poll<Result<Stream<B>, StreamErrorIncoming>> {
        let connection = &self.connection;
        let streams = ready!(poll(&mut self.both, context, || {
            let connection = connection.clone();
            async move { connection.open_bi().await }
        }));
        let (sending, receiving) = streams.map_err(broken)?;
        Poll::Ready(Ok(Stream {
            sending: Sending::new(sending),
            receiving: Receiving::new(receiving, Meter::default(), CONTROL),
        }))
    }

    fn poll_open_send(&mut self, context: &mut Context<'_>) -> Poll<Result<Sending<B>, StreamErrorIncoming>> {
        let connection = &self.connection;
        let stream = ready!(poll(&mut self.one, context, || {
            let connection = connection.clone();
            async move { connection.open_uni().await }
        }));
        Poll::Ready(stream.map(Sending::new).map_err(broken))
    }

    fn close(&mut self, code: Code, reason: &[u8]) {
        close(&self.connection, code, reason);
    }
}

// === impl Stream ===

impl<B: Buf> quic::BidiStream<B> for Stream<B> {
    type SendStream = Sending<B>;
    type RecvStream = Receiving;

    fn split(self) -> (Sending<B>, Receiving) {
        (self.sending, self.receiving)
    }
}

impl<B: Buf> quic::RecvStream for Stream<B> {
    type Buf = Bytes;

    fn poll_data(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Bytes>, StreamErrorIncoming>> {
        self.receiving.poll_data(context)
    }

    fn stop_sending(&mut self, code: u64) {
        self.receiving.stop_sending(code);
    }

    fn recv_id(&self) -> StreamId {
        self.receiving.recv_id()
    }
}

impl<B: Buf> quic::SendStream<B> for Stream<B> {
    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        self.sending.poll_ready(context)
    }

    fn send_data<T: Into<WriteBuf<B>>>(&mut self, data: T) -> Result<(), StreamErrorIncoming> {
        self.sending.send_data(data)
    }

    fn poll_finish(&mut self, context: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        self.sending.poll_finish(context)
    }

    fn reset(&mut self, code: u64) {
        self.sending.reset(code);
    }

    fn send_id(&self) -> StreamId {
        self.sending.send_id()
    }
}

// === impl Receiving ===

impl Receiving {
    fn new(stream: quinn::RecvStream, meter: Meter, limit: usize) -> Self {
        Self {
            stream,
            buffer: BytesMut::new(),
            meter,
            limit,
        }
    }
}

impl quic::RecvStream for Receiving {
    type Buf = Bytes;

    /// Pending beyond the limit, and nobody is woken: who takes nothing of what is there waits in vain, until its time
    /// for headers or for a body is up.
    fn poll_data(&mut self, context: &mut Context<'_>) -> Poll<Result<Option<Bytes>, StreamErrorIncoming>> {
        if self.meter.is_over(self.limit) {
            return Poll::Pending;
        }
        self.buffer.reserve(CHUNK);
        let read = ready!(pin!(self.stream.read_buf(&mut self.buffer)).poll(context));
        Poll::Ready(match read {
            Ok(0) => Ok(None),
            Ok(bytes) => {
                self.meter.read(bytes);
                Ok(Some(self.buffer.split().freeze()))
            }
            Err(error) => Err(match error.downcast::<ReadError>() {
                Ok(ReadError::Reset(code)) => terminated(code),
                Ok(ReadError::ConnectionLost(error)) => broken(error),
                Ok(error) => StreamErrorIncoming::Unknown(Box::new(error)),
                Err(error) => StreamErrorIncoming::Unknown(Box::new(error)),
            }),
        })
    }

    fn stop_sending(&mut self, code: u64) {
        // It may have ended already.
        let _ = self.stream.stop(VarInt::from_u64(code).unwrap_or(VarInt::MAX));
    }

    fn recv_id(&self) -> StreamId {
        id(self.stream.id())
    }
}

// === impl Sending ===

impl<B: Buf> Sending<B> {
    fn new(stream: quinn::SendStream) -> Self {
        Self { stream, writing: None }
    }
}

impl<B: Buf> quic::SendStream<B> for Sending<B> {
    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        if let Some(writing) = &mut self.writing {
            while writing.has_remaining() {
                let written = ready!(Pin::new(&mut self.stream).poll_write(context, writing.chunk()));
                writing.advance(written.map_err(unwritten)?);
            }
        }
        self.writing = None;
        Poll::Ready(Ok(()))
    }

    fn send_data<T: Into<WriteBuf<B>>>(&mut self, data: T) -> Result<(), StreamErrorIncoming> {
        debug_assert!(self.writing.is_none(), "h3 waits until the stream is ready");
        self.writing = Some(data.into());
        Ok(())
    }

    fn poll_finish(&mut self, _: &mut Context<'_>) -> Poll<Result<(), StreamErrorIncoming>> {
        let finished = self.stream.finish();
        Poll::Ready(finished.map_err(|error| StreamErrorIncoming::Unknown(Box::new(error))))
    }

    fn reset(&mut self, code: u64) {
        // It may have ended already.
        let _ = self.stream.reset(VarInt::from_u64(code).unwrap_or(VarInt::MAX));
    }

    fn send_id(&self) -> StreamId {
        id(self.stream.id())
    }
}

fn poll<T, F>(
    opening: &mut Opening<T>,
    context: &mut Context<'_>,
    begin: impl FnOnce() -> F,
) -> Poll<Result<T, ConnectionError>>
where
    F: Future<Output = Result<T, ConnectionError>> + Send + Sync + 'static,
{
    let result = ready!(opening.get_or_insert_with(|| Box::pin(begin())).as_mut().poll(context));
    *opening = None;
    Poll::Ready(result)
}

fn close(connection: &quinn::Connection, code: Code, reason: &[u8]) {
    connection.close(VarInt::from_u64(code.value()).unwrap_or(VarInt::MAX), reason);
}

fn id(id: quinn::StreamId) -> StreamId {
    let Ok(id) = StreamId::try_from(u64::from(id)) else {
        unreachable!("both are of 62 bits");
    };
    id
}

fn lost(error: ConnectionError) -> ConnectionErrorIncoming {
    match error {
        ConnectionError::ApplicationClosed(closed) => ConnectionErrorIncoming::ApplicationClose {
            error_code: closed.error_code.into_inner(),
        },
        ConnectionError::TimedOut => ConnectionErrorIncoming::Timeout,
        error => ConnectionErrorIncoming::Undefined(Arc::new(error)),
    }
}

fn broken(error: ConnectionError) -> StreamErrorIncoming {
    StreamErrorIncoming::ConnectionErrorIncoming {
        connection_error: lost(error),
    }
}

fn terminated(code: VarInt) -> StreamErrorIncoming {
    StreamErrorIncoming::StreamTerminated {
        error_code: code.into_inner(),
    }
}

fn unwritten(error: WriteError) -> StreamErrorIncoming {
    match error {
        WriteError::Stopped(code) => terminated(code),
        WriteError::ConnectionLost(error) => broken(error),
        error => StreamErrorIncoming::Unknown(Box::new(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_taken_makes_room_and_what_is_not_stays() {
        let meter = Meter::default();
        meter.read(REQUEST);
        assert!(!meter.is_over(REQUEST));
        meter.read(1);
        assert!(meter.is_over(REQUEST));
        meter.taken(1);
        assert!(!meter.is_over(REQUEST));
        // Heads of frames count with the chunks that they come with, so that small frames do not add up to a stop.
        let meter = Meter::default();
        for _ in 0..1_000_000 {
            meter.read(1 + HEAD);
            meter.taken(1);
        }
        assert!(!meter.is_over(0));
    }
}
