//! Bodies of answers that know when their call has ended.
//!
//! A unary response is collected before it is handed over, so that an instance that dies in the middle can still be
//! replaced; a stream is passed on frame by frame, within its deadline, and ends its ticket when it ends.

use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Frame, SizeHint};
use tokio::time::Sleep;
use tonic::Status;

use super::attempt::{outcome_of, sanitise, status_of};
use super::call::Call;
use super::callee::Callee;
use super::connection::Connection;
use super::exchange::Incoming;
use crate::balancing::{Outcome, Ticket};
use crate::error::Error;
use crate::load_report;

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
    Local(tonic::body::Body),
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
    /// The answer of a service that is served in this process, which was not called through a channel.
    #[must_use]
    pub fn local(body: tonic::body::Body) -> Self {
        Self(Inner::Local(body))
    }

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
        let frame = std::task::ready!(self.incoming.poll_frame(context));
        Poll::Ready(match frame {
            Some(Ok(mut frame)) => {
                if let Some(trailers) = frame.trailers_mut() {
                    sanitise(trailers);
                }
                if let Some(trailers) = frame.trailers_ref() {
                    let code = status_of(trailers).unwrap_or(tonic::Code::Unknown);
                    if let (Some(ticket), Some(utilization)) = (&self.ticket, load_report::utilization(trailers)) {
                        ticket.endpoint().reported(self.callee.now(), utilization);
                    }
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
            Inner::Local(body) => Pin::new(body).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Inner::Whole { data, trailers } => data.is_empty() && trailers.is_none(),
            Inner::Streaming(stream) => stream.ticket.is_none(),
            Inner::Local(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Inner::Whole { data, .. } => SizeHint::with_exact(data.iter().map(|bytes| bytes.len() as u64).sum()),
            Inner::Streaming(_) => SizeHint::default(),
            Inner::Local(body) => body.size_hint(),
        }
    }
}
