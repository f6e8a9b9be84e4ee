//! A browser's body on its way to a service.
//!
//! **What.** [`Inbound`] turns base64 back into bytes where it must, checks that frames are frames and no larger than
//! allowed, and hands on what it was given. [`Inbound::whole`] waits for a body that is small, which is nearly every
//! one: then the call has nothing left to go wrong on this side. A larger one streams.
//!
//! **Why.** What is wrong with a body is found here, where the browser can be told; upstream it would be a reset. A body
//! that nobody reads to its end breaks the pipe of an HTTP/1.1 browser before it sees the answer, so one that is dropped
//! is read on and thrown away, within bounds. A body that stops coming is given up, so that nobody can hold a place by
//! sending a byte a minute.
//!
//! Native gRPC has nothing to translate and may stream for ever: its messages are limited one by one, and only a message
//! that has begun must go on.
//!
//! **When not.** To read messages: the gateway forwards bytes.

use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::CONTENT_LENGTH;
use http_body::{Body, Frame, SizeHint};
use lyceum::error::Error as Refusal;
use tokio::time::{Instant, Sleep, sleep, timeout};
use tonic::{Code, Status};

use crate::compression::{self, Coding, Decoder, Unknown};
use crate::frames::{self, Frames};
use crate::protocol::Form;
use crate::refusal;
use crate::text;

/// How much of an unwanted body is read on, as a multiple of what would have been welcome.
const DRAIN: usize = 4;

/// How long an unwanted body is read on.
const DRAIN_TIME: Duration = Duration::from_secs(10);

/// What a body may be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    /// Bytes of a body that is not native, after base64 and decompression.
    pub(crate) bytes: usize,
    /// Bytes of one message, never more.
    pub(crate) message: usize,
    /// Between two chunks; of a native body, within a message.
    pub(crate) idle: Duration,
}

/// Why a body cannot be forwarded. Says nothing of what stood in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Error {
    #[error("the body is larger than the limit of {0} bytes")]
    TooLarge(usize),
    #[error(transparent)]
    Frame(#[from] frames::Error),
    #[error(transparent)]
    Text(#[from] text::Error),
    #[error(transparent)]
    Coding(compression::Error),
    #[error("the body ends within a message")]
    Truncated,
    #[error("the body sent nothing for {0:?}")]
    Stalled(Duration),
    #[error("the connection broke before the body ended")]
    Lost,
}

/// Where a body that streams leaves what went wrong with it, for the answer to say.
pub(crate) type Fault = Arc<OnceLock<Refusal>>;

/// A body being read.
#[derive(Debug)]
pub(crate) struct Inbound<B: Body<Data = Bytes> + Send + Unpin + 'static> {
    source: Source<B>,
    coding: Option<Decoder>,
    text: Option<text::Decoder>,
    /// Native: as many messages as there come.
    endless: bool,
    /// None where the body is no frames of gRPC's.
    frames: Option<Frames>,
    read: usize,
    limits: Limits,
    pause: Option<Pin<Box<Sleep>>>,
    over: bool,
}

/// A body that streams upstream.
#[derive(Debug)]
pub(crate) struct Streamed<B: Body<Data = Bytes> + Send + Unpin + 'static> {
    inbound: Inbound<B>,
    fault: Fault,
}

/// A body that is never left unread.
#[derive(Debug)]
struct Source<B: Body<Data = Bytes> + Send + Unpin + 'static> {
    body: Option<B>,
    drain: usize,
    /// Its sender waits to be asked for it: then an answer without asking is what it wants.
    unasked: bool,
    /// An answer before its end hurts nobody: a stream of HTTP/2 can say so.
    droppable: bool,
}

// === impl Inbound ===

impl<B: Body<Data = Bytes> + Send + Unpin + 'static> Inbound<B> {
    /// Reads `body` in a form. `waits` when its sender said `expect: 100-continue`.
    pub(crate) fn new(body: B, form: Form, limits: Limits, waits: bool) -> Self {
        Self {
            source: Source {
                body: Some(body),
                drain: limits.bytes.saturating_mul(DRAIN),
                unasked: waits,
                droppable: form == Form::Native,
            },
            coding: None,
            text: (form == Form::Text).then(text::Decoder::default),
            endless: form == Form::Native,
            frames: Some(Frames::new(limits.message)),
            read: 0,
            limits,
            pause: None,
            over: false,
        }
    }

    /// Reads `body` as it is, whatever is in it.
    pub(crate) fn plain(body: B, limits: Limits, waits: bool) -> Self {
        Self {
            frames: None,
            ..Self::new(body, Form::Binary, limits, waits)
        }
    }

    /// Undoes the coding of the body as a whole first.
    pub(crate) fn decode(&mut self, coding: Coding) -> Result<(), Error> {
        let most = self.limits.bytes.saturating_add(frames::HEADER + text::SLACK);
        let most = if self.text.is_some() { most / 3 * 4 } else { most };
        self.coding = Some(Decoder::try_new(coding, most).map_err(|_| Error::Coding(compression::Error::Broken))?);
        Ok(())
    }

    /// What its headers tell of a body: how it is coded as a whole, or how long it is.
    pub(crate) fn heed(&mut self, headers: &HeaderMap) -> Result<(), Refusal> {
        if let Some(coding) = Coding::of(headers).map_err(|Unknown| refusal::unknown_encoding())? {
            // A length says how much of it comes, not what becomes of it.
            return Ok(self.decode(coding)?);
        }
        let length = headers
            .get(CONTENT_LENGTH)
            .and_then(|length| length.to_str().ok()?.parse().ok());
        Ok(self.announce(length)?)
    }

    /// Refuses a body by the length that its sender announces, before any of it is read.
    pub(crate) fn announce(&self, length: Option<usize>) -> Result<(), Error> {
        let encoded = if self.text.is_some() { 4 } else { 3 };
        // Padding between frames adds a little to base64; what is read decides in the end.
        let most = self.limits.bytes.saturating_add(frames::HEADER + text::SLACK) / 3 * encoded;
        match length {
            Some(length) if length > most => Err(Error::TooLarge(self.limits.bytes)),
            _ => Ok(()),
        }
    }

    /// The whole body.
    pub(crate) async fn whole(&mut self) -> Result<Bytes, Error> {
        let Some(first) = self.next().await.transpose()? else {
            return Ok(Bytes::new());
        };
        let Some(second) = self.next().await.transpose()? else {
            return Ok(first);
        };
        let mut all = BytesMut::with_capacity((first.len() + second.len()) * 2);
        all.extend_from_slice(&first);
        all.extend_from_slice(&second);
        while let Some(chunk) = self.next().await.transpose()? {
            all.extend_from_slice(&chunk);
        }
        Ok(all.freeze())
    }

    /// The body as it comes; what goes wrong with it is left in the fault.
    pub(crate) fn streamed(self) -> (Streamed<B>, Fault) {
        let fault = Fault::default();
        let streamed = Streamed {
            inbound: self,
            fault: Arc::clone(&fault),
        };
        (streamed, fault)
    }

    /// The next chunk of it.
    pub(crate) async fn next(&mut self) -> Option<Result<Bytes, Error>> {
        std::future::poll_fn(|context| self.poll_chunk(context)).await
    }

    fn poll_chunk(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Error>>> {
        while !self.over {
            let chunk = match self.source.poll(context) {
                Poll::Ready(chunk) => chunk,
                Poll::Pending if self.endless && self.is_between() => return Poll::Pending,
                Poll::Pending => {
                    ready!(self.poll_pause(context));
                    self.over = true;
                    return Poll::Ready(Some(Err(Error::Stalled(self.limits.idle))));
                }
            };
            self.pause = None;
            let passed = match chunk {
                Some(Ok(chunk)) => self.pass(chunk),
                Some(Err(Lost)) => Err(Error::Lost),
                None => {
                    self.over = true;
                    self.finish()
                }
            };
            self.over |= passed.is_err();
            if !matches!(&passed, Ok(chunk) if chunk.is_empty()) {
                return Poll::Ready(Some(passed));
            }
        }
        Poll::Ready(None)
    }

    fn pass(&mut self, chunk: Bytes) -> Result<Bytes, Error> {
        let chunk = match &mut self.coding {
            Some(coding) => coding.decode(&chunk).map_err(|error| self.limits.name(error))?,
            None => chunk,
        };
        self.follow(chunk)
    }

    fn follow(&mut self, chunk: Bytes) -> Result<Bytes, Error> {
        let chunk = match &mut self.text {
            Some(text) => text.decode(&chunk)?,
            None => chunk,
        };
        self.read += chunk.len();
        // A message's header says that it is too large before all of it has come.
        if let Some(frames) = &mut self.frames {
            frames.follow(&chunk)?;
        }
        if !self.endless && self.read > self.limits.bytes.saturating_add(frames::HEADER) {
            return Err(Error::TooLarge(self.limits.bytes));
        }
        Ok(chunk)
    }

    fn finish(&mut self) -> Result<Bytes, Error> {
        let last = match &mut self.coding {
            Some(coding) => {
                let last = coding.finish().map_err(|error| self.limits.name(error))?;
                self.follow(last)?
            }
            None => Bytes::new(),
        };
        if let Some(text) = &self.text {
            text.finish()?;
        }
        if self.is_between() {
            Ok(last)
        } else {
            Err(Error::Truncated)
        }
    }

    /// Whether no message has begun that has not ended.
    fn is_between(&self) -> bool {
        self.frames.as_ref().is_none_or(Frames::between)
    }

    fn poll_pause(&mut self, context: &mut Context<'_>) -> Poll<()> {
        let idle = self.limits.idle;
        self.pause
            .get_or_insert_with(|| Box::pin(sleep(idle)))
            .as_mut()
            .poll(context)
    }
}

// === impl Streamed ===

impl<B: Body<Data = Bytes> + Send + Unpin + 'static> Body for Streamed<B> {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let this = self.get_mut();
        Poll::Ready(match ready!(this.inbound.poll_chunk(context)) {
            Some(Ok(chunk)) => Some(Ok(Frame::data(chunk))),
            Some(Err(error)) => {
                // Only one error ever comes out of a body.
                let refusal = Refusal::from(error);
                let _ = this.fault.set(refusal.clone());
                Some(Err(refusal.into()))
            }
            None => None,
        })
    }

    fn is_end_stream(&self) -> bool {
        self.inbound.over
    }

    /// None: what base64 makes of a length is not the length upstream.
    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

// === impl Limits ===

impl Limits {
    /// As the limit is set, rather than as it is counted before base64 is undone.
    fn name(&self, error: compression::Error) -> Error {
        match error {
            compression::Error::TooLarge(_) => Error::Coding(compression::Error::TooLarge(self.bytes)),
            broken @ compression::Error::Broken => Error::Coding(broken),
        }
    }
}

// === impl Source ===

/// The body's own error, of which nothing more is of use.
struct Lost;

impl<B: Body<Data = Bytes> + Send + Unpin + 'static> Source<B> {
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Lost>>> {
        let Some(body) = &mut self.body else {
            return Poll::Ready(None);
        };
        self.unasked = false;
        loop {
            return match ready!(Pin::new(&mut *body).poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(chunk) => Poll::Ready(Some(Ok(chunk))),
                    // Neither grpc-web nor gRPC has trailers in a request.
                    Err(_) => continue,
                },
                Some(Err(_)) => {
                    self.body = None;
                    Poll::Ready(Some(Err(Lost)))
                }
                None => {
                    self.body = None;
                    Poll::Ready(None)
                }
            };
        }
    }
}

impl<B: Body<Data = Bytes> + Send + Unpin + 'static> Drop for Source<B> {
    fn drop(&mut self) {
        let Some(body) = self.body.take() else { return };
        if body.is_end_stream() || self.unasked || self.droppable {
            return;
        }
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(drain(body, self.drain));
        }
    }
}

/// Reads a body and throws it away, up to a number of bytes and for a while.
async fn drain<B: Body<Data = Bytes> + Unpin>(mut body: B, limit: usize) {
    let mut read = 0_usize;
    let all = async {
        while let Some(Ok(frame)) = std::future::poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await {
            read += frame.data_ref().map_or(0, Bytes::len);
            if read > limit {
                break;
            }
        }
    };
    let began = Instant::now();
    if timeout(DRAIN_TIME, all).await.is_err() {
        tracing::debug!(waited = ?began.elapsed(), "gave up on a body that nobody wants");
    }
}

// === impl Error ===

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        let message = error.to_string();
        match error {
            Error::TooLarge(limit) => {
                Self::exhausted("BODY_TOO_LARGE", message).with_metadata("limit", limit.to_string())
            }
            Error::Frame(frames::Error::TooLarge { limit, .. }) => {
                Self::exhausted("MESSAGE_TOO_LARGE", message).with_metadata("limit", limit.to_string())
            }
            Error::Frame(frames::Error::Flag(_)) => Self::invalid_argument("BODY_NOT_GRPC_WEB", message),
            Error::Coding(compression::Error::TooLarge(limit)) => {
                Self::exhausted("BODY_TOO_LARGE", message).with_metadata("limit", limit.to_string())
            }
            Error::Coding(compression::Error::Broken) => Self::invalid_argument("BODY_NOT_ENCODED", message),
            Error::Text(_) => Self::invalid_argument("BODY_NOT_BASE64", message),
            Error::Truncated => Self::invalid_argument("BODY_TRUNCATED", message),
            Error::Stalled(_) => Self::new(Code::DeadlineExceeded, "BODY_STALLED", message),
            Error::Lost => Self::new(Code::Cancelled, "BODY_LOST", message),
        }
    }
}

#[cfg(test)]
mod tests;
