//! A service's answer on its way to a browser.
//!
//! **What.** [`Outbound`] passes messages, turns the trailers into the frame that browsers read (or leaves them trailers,
//! for native gRPC), writes base64 where it must, and ends in time. [`Reply`] is any body that the gateway answers with.
//!
//! **Why.** An answer that breaks off must still end with a status, and a status can only follow a whole message. So a
//! message up to 64 KiB is passed once all of it is there: if its sender dies in the middle, the trailers say
//! so. A larger one is passed as it comes; if it breaks off, only breaking off in turn is honest.
//!
//! **When not.** For an answer that failed before its first byte: that is a `refusal`, whose status stands in the headers.

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Bytes, BytesMut};
use futures_core::Stream;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};
use http_body_util::StreamBody;
use tonic::{Code, Status};

use crate::frames::{self, Frames};
use crate::headers;
use crate::protocol::Form;
use crate::text;
use crate::watch::{self, Watch};

/// The largest message that is held back until it is whole.
const HELD: usize = 64 * 1024;

/// A body of the gateway's.
pub(crate) enum Reply<B> {
    /// Everything at once.
    Whole(Bytes),
    /// A service's answer.
    Call(Box<Outbound<B>>),
    /// What another front makes of an answer, as it comes.
    Stream(Pin<Box<dyn Body<Data = Bytes, Error = Torn> + Send>>),
}

/// A service's answer, as a browser reads it.
#[derive(Debug)]
pub(crate) struct Outbound<B> {
    upstream: B,
    frames: Frames,
    /// The beginning of a message that is not whole.
    held: BytesMut,
    /// Whether a part of a message was passed without its end.
    torn: bool,
    text: Option<text::Encoder>,
    /// Trailers are HTTP/2's own.
    native: bool,
    watch: Watch,
    over: bool,
}

/// A piece of an answer.
#[derive(Debug)]
pub(crate) enum Piece {
    /// Bytes of the body.
    Data(Bytes),
    /// What follows it, with the status: only of a native answer.
    Trailers(HeaderMap),
}

/// The answer broke off within a message, so that no status can follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the answer broke off within a message")]
pub(crate) struct Torn;

// === impl Outbound ===

impl<B> Outbound<B>
where
    B: Body<Data = Bytes, Error = Status> + Unpin,
{
    /// Passes `upstream` in a form until its end, or until the `watch` ends it.
    pub(crate) fn new(upstream: B, form: Form, watch: Watch) -> Self {
        Self {
            upstream,
            frames: Frames::new(usize::MAX),
            held: BytesMut::new(),
            torn: false,
            text: (form == Form::Text).then(text::Encoder::default),
            native: form == Form::Native,
            watch,
            over: false,
        }
    }

    /// The next piece.
    pub(crate) fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Piece, Torn>>> {
        while !self.over {
            if let Poll::Ready(status) = self.watch.poll_deadline(context) {
                return Poll::Ready(Some(self.fail(status)));
            }
            let Poll::Ready(frame) = Pin::new(&mut self.upstream).poll_frame(context) else {
                let status = ready!(self.watch.poll_stop(context));
                return Poll::Ready(Some(self.fail(status)));
            };
            let passed = match frame {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(chunk) => self.pass(chunk),
                    Err(frame) => match frame.into_trailers() {
                        Ok(trailers) => self.end(trailers),
                        Err(_) => continue,
                    },
                },
                Some(Err(status)) => self.fail(status),
                None => self.fail(watch::broken_off()),
            };
            if !matches!(&passed, Ok(Piece::Data(chunk)) if chunk.is_empty()) {
                return Poll::Ready(Some(passed));
            }
        }
        Poll::Ready(None)
    }

    /// The end that comes although nobody takes the next piece: the deadline, a gateway that stops.
    pub(crate) fn poll_end(&mut self, context: &mut Context<'_>) -> Poll<Result<Piece, Torn>> {
        let status = match self.watch.poll_deadline(context) {
            Poll::Ready(status) => status,
            Poll::Pending => ready!(self.watch.poll_stop(context)),
        };
        Poll::Ready(self.fail(status))
    }

    fn pass(&mut self, mut chunk: Bytes) -> Result<Piece, Torn> {
        // An end of HTTP/2 can be an empty chunk: it ends no message.
        if chunk.is_empty() {
            return Ok(Piece::Data(chunk));
        }
        self.watch.passed(chunk.len());
        let ended = match self.frames.follow(&chunk) {
            Ok(ended) => ended,
            Err(error) => {
                return self.fail(watch::not_grpc(error));
            }
        };
        let is_large = self.frames.begun() > HELD;
        self.torn = ended < chunk.len() && (is_large || (self.torn && ended == 0));
        let rest = if self.torn {
            Bytes::new()
        } else {
            chunk.split_off(ended)
        };
        if !chunk.is_empty() && !self.held.is_empty() {
            self.held.extend_from_slice(&chunk);
            chunk = self.held.split().freeze();
        }
        self.held.extend_from_slice(&rest);
        Ok(Piece::Data(self.write(chunk, !self.torn)))
    }

    fn write(&mut self, bytes: Bytes, flush: bool) -> Bytes {
        match &mut self.text {
            Some(text) => text.encode(&bytes, flush),
            None => bytes,
        }
    }

    /// Ends with a status of the gateway's own, if one can still follow.
    fn fail(&mut self, status: Status) -> Result<Piece, Torn> {
        let status = self.watch.blame(status);
        if self.torn {
            self.over = true;
            self.watch.end(status.code());
            return Err(Torn);
        }
        let mut trailers = HeaderMap::new();
        // A message that is no header leaves the code, which always is one.
        let _ = status.add_header(&mut trailers);
        self.held.clear();
        self.finish(trailers, status.code())
    }

    /// Ends as the service did.
    fn end(&mut self, trailers: HeaderMap) -> Result<Piece, Torn> {
        if !self.frames.between() {
            return self.fail(watch::cut_short());
        }
        let Some(code) = headers::code(&trailers) else {
            return self.fail(watch::no_status());
        };
        self.finish(trailers, code)
    }

    fn finish(&mut self, trailers: HeaderMap, code: Code) -> Result<Piece, Torn> {
        self.over = true;
        self.watch.end(code);
        if self.native {
            return Ok(Piece::Trailers(headers::downstream(trailers)));
        }
        let passing = trailers.iter().filter(|(name, _)| headers::passes_down(name));
        let frame = frames::trailers(passing);
        Ok(Piece::Data(self.write(frame, true)))
    }
}

// === impl Reply ===

impl<B> From<Bytes> for Reply<B> {
    fn from(bytes: Bytes) -> Self {
        Self::Whole(bytes)
    }
}

impl<B> Reply<B> {
    /// The pieces of a stream, each sent as soon as it is there.
    pub(crate) fn pieces(stream: impl Stream<Item = Bytes> + Send + 'static) -> Self {
        Self::Stream(Box::pin(StreamBody::new(stream.map(|piece| Ok(Frame::data(piece))))))
    }

    /// The same of a stream that was asked once already: what it finds out at once can stand in the answer's headers.
    pub(crate) async fn begun(stream: BoxStream<'static, Bytes>) -> Self {
        let mut stream = stream.peekable();
        poll_fn(|context| {
            // Whether anything is there yet is the same to us.
            let _ = Pin::new(&mut stream).poll_peek(context);
            Poll::Ready(())
        })
        .await;
        Self::pieces(stream)
    }
}

impl<B> Reply<B>
where
    B: Body<Data = Bytes, Error = Status> + Unpin,
{
    /// About how many bytes there will be, where that is known: what becomes of a call's trailers is not counted.
    pub(crate) fn expected(&self) -> Option<u64> {
        match self {
            Self::Whole(bytes) => Some(bytes.len() as u64),
            Self::Call(outbound) => outbound.upstream.size_hint().exact(),
            Self::Stream(stream) => stream.size_hint().exact(),
        }
    }
}

impl<B> Body for Reply<B>
where
    B: Body<Data = Bytes, Error = Status> + Unpin,
{
    type Data = Bytes;
    type Error = Torn;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Torn>>> {
        Poll::Ready(match self.get_mut() {
            Self::Whole(bytes) if bytes.is_empty() => None,
            Self::Whole(bytes) => Some(Ok(Frame::data(std::mem::take(bytes)))),
            Self::Call(outbound) => ready!(outbound.poll(context)).map(|piece| {
                piece.map(|piece| match piece {
                    Piece::Data(bytes) => Frame::data(bytes),
                    Piece::Trailers(trailers) => Frame::trailers(trailers),
                })
            }),
            Self::Stream(body) => ready!(body.as_mut().poll_frame(context)),
        })
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_empty(),
            Self::Call(outbound) => outbound.over,
            Self::Stream(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            // Base64 and the frame of trailers make it longer than upstream says, by what only the end tells.
            Self::Call(_) => SizeHint::default(),
            Self::Stream(body) => body.size_hint(),
        }
    }
}

#[cfg(test)]
mod tests;
