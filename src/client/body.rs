//! Bodies of calls: requests that can be sent twice, and responses that know when their call has ended.
//!
//! A unary response is collected before it is handed over, so that an instance that dies in the middle can still be
//! replaced; a stream is passed on frame by frame, within its deadline, and ends its ticket when it ends.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body as _, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::Sleep;
use tonic::Status;
use tonic::body::Body;

use super::attempt::{Call, outcome_of, status_of};
use super::callee::Callee;
use super::connection::Connection;
use crate::balancing::{Outcome, Ticket};
use crate::error::Error;

/// What is sent.
#[derive(Debug)]
pub(super) enum RequestBody {
    /// A whole message, which can be sent again.
    Whole(Option<Bytes>),
    /// A stream, which can be sent once.
    Streaming(Body),
}

impl http_body::Body for RequestBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        match self.get_mut() {
            Self::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Streaming(body) => Pin::new(body).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_none(),
            Self::Streaming(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Self::Streaming(body) => body.size_hint(),
        }
    }
}

/// What comes back: gRPC frames and trailers, as bytes.
#[derive(Debug)]
pub struct ResponseBody(Inner);

#[derive(Debug)]
enum Inner {
    Whole {
        data: VecDeque<Bytes>,
        trailers: Option<HeaderMap>,
    },
    Streaming(Box<Stream>),
}

#[derive(Debug)]
struct Stream {
    incoming: Incoming,
    deadline: Option<Pin<Box<Sleep>>>,
    callee: Arc<Callee>,
    ticket: Option<Ticket<Connection>>,
    call: Option<Call>,
}

impl ResponseBody {
    pub(super) fn whole(data: VecDeque<Bytes>, trailers: Option<HeaderMap>) -> Self {
        Self(Inner::Whole { data, trailers })
    }

    pub(super) fn streaming(incoming: Incoming, callee: Arc<Callee>, ticket: Ticket<Connection>, call: Call) -> Self {
        let deadline = call
            .deadline()
            .map(|deadline| Box::pin(tokio::time::sleep_until(deadline)));
        Self(Inner::Streaming(Box::new(Stream {
            incoming,
            deadline,
            callee,
            ticket: Some(ticket),
            call: Some(call),
        })))
    }
}

impl Stream {
    fn end(&mut self, code: tonic::Code, outcome: Outcome) {
        if let Some(ticket) = self.ticket.take() {
            ticket.end(self.callee.now(), outcome, false);
        }
        if let Some(call) = self.call.take() {
            call.end(code);
        }
    }

    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if self.ticket.is_none() {
            return Poll::Ready(None);
        }
        if let Some(deadline) = &mut self.deadline
            && deadline.as_mut().poll(context).is_ready()
        {
            self.end(tonic::Code::DeadlineExceeded, Outcome::TimedOut);
            return Poll::Ready(Some(Err(Error::deadline_exceeded().into())));
        }
        let frame = std::task::ready!(Pin::new(&mut self.incoming).poll_frame(context));
        Poll::Ready(match frame {
            Some(Ok(frame)) => {
                if let Some(trailers) = frame.trailers_ref() {
                    let code = status_of(trailers).unwrap_or(tonic::Code::Unknown);
                    self.end(code, outcome_of(code));
                } else if let Some(ticket) = &self.ticket {
                    ticket.heard(self.callee.now());
                }
                Some(Ok(frame))
            }
            Some(Err(_)) => {
                self.end(tonic::Code::Unavailable, Outcome::Failed);
                Some(Err(Error::unavailable(
                    "CONNECTION_LOST",
                    "the instance was lost while it was answering",
                )
                .into()))
            }
            // HTTP/2 ended the stream without trailers: the instance broke off.
            None => {
                self.end(tonic::Code::Unavailable, Outcome::Failed);
                Some(Err(Error::unavailable(
                    "CONNECTION_LOST",
                    "the instance broke off its answer",
                )
                .into()))
            }
        })
    }
}

impl http_body::Body for ResponseBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        match &mut self.get_mut().0 {
            Inner::Whole { data, trailers } => Poll::Ready(
                data.pop_front()
                    .map(Frame::data)
                    .or_else(|| trailers.take().map(Frame::trailers))
                    .map(Ok),
            ),
            Inner::Streaming(stream) => stream.poll(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Inner::Whole { data, trailers } => data.is_empty() && trailers.is_none(),
            Inner::Streaming(stream) => stream.ticket.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Inner::Whole { data, .. } => SizeHint::with_exact(data.iter().map(|bytes| bytes.len() as u64).sum()),
            Inner::Streaming(_) => SizeHint::default(),
        }
    }
}
