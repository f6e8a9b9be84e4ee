//! The body of an answer: it knows its deadline and context, and counts how the call ended.

use std::future::Future as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};

use bytes::Bytes;
use http_body::{Body as _, Frame, SizeHint};
use tokio::time::{Instant, Sleep};
use tokio_util::sync::WaitForCancellationFutureOwned;
use tonic::body::Body;
use tonic::{Code, Status};

use super::inbound::Answering;
use crate::error::Error;
use crate::telemetry::MethodMetrics;

/// What a caller is told of a panic: nothing that it said.
pub(super) fn mistake() -> Error {
    Error::new(Code::Internal, "INTERNAL", "the service made a mistake")
}

/// A call that is being answered; dropped early, its caller has left.
#[derive(Debug)]
pub(super) struct Running {
    metrics: MethodMetrics,
    begun: Instant,
    ended: bool,
}

impl Running {
    pub(super) fn begin(metrics: MethodMetrics, begun: Instant) -> Self {
        metrics.begin();
        Self {
            metrics,
            begun,
            ended: false,
        }
    }

    pub(super) fn end(mut self, code: Code) {
        self.ended = true;
        self.metrics.end(code, self.begun.elapsed());
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.ended {
            self.metrics.end(Code::Cancelled, self.begun.elapsed());
        }
    }
}

/// What a server sends back.
#[derive(Debug)]
pub(super) enum Reply {
    /// Something without a handler: a refusal, metrics.
    Plain(Option<Bytes>),
    /// A handler's answer.
    Handled(Box<Handled>),
}

#[derive(Debug)]
pub(super) struct Handled {
    body: Body,
    answering: Answering,
    deadline: Option<Pin<Box<Sleep>>>,
    /// Awaited once the body keeps us waiting.
    cut: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
    running: Option<Running>,
}

impl Reply {
    pub(super) fn plain(bytes: Bytes) -> Self {
        Self::Plain((!bytes.is_empty()).then_some(bytes))
    }

    /// `ended`: the status, where the headers carry it already.
    pub(super) fn new(
        body: Body,
        running: Running,
        answering: Answering,
        deadline: Option<Instant>,
        ended: Option<Code>,
    ) -> Self {
        let running = match ended {
            Some(code) => {
                running.end(code);
                None
            }
            None => Some(running),
        };
        let deadline = deadline.map(|deadline| Box::pin(tokio::time::sleep_until(deadline)));
        Self::Handled(Box::new(Handled {
            body,
            answering,
            deadline,
            cut: None,
            running,
        }))
    }
}

impl Handled {
    fn poll(&mut self, task: &mut TaskContext<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let Self { body, answering, .. } = self;
        // A stream is made while it is polled: its calls belong to this call's context too, and so do its mistakes.
        let polled = catch_unwind(AssertUnwindSafe(|| {
            answering.context.enter(|| Pin::new(body).poll_frame(task))
        }));
        let Ok(polled) = polled else {
            tracing::error!(correlation = %self.answering.context.correlation, "a handler panicked while it was answering");
            return self.break_off(mistake());
        };
        match polled {
            Poll::Ready(Some(Ok(mut frame))) => {
                if let Some(trailers) = frame.trailers_mut() {
                    if let Some(running) = self.running.take() {
                        running.end(
                            trailers
                                .get("grpc-status")
                                .map_or(Code::Unknown, |value| Code::from_bytes(value.as_bytes())),
                        );
                    }
                    self.answering.place.take();
                    self.answering.load.write(trailers);
                }
                Poll::Ready(Some(Ok(frame)))
            }
            Poll::Ready(end) => {
                self.running.take();
                self.answering.place.take();
                Poll::Ready(end)
            }
            Poll::Pending => {
                if let (Some(deadline), true) = (&mut self.deadline, self.running.is_some())
                    && deadline.as_mut().poll(task).is_ready()
                {
                    return self.break_off(Error::deadline_exceeded());
                }
                if self.running.is_some() {
                    let ending = self.answering.peer.ending();
                    let cut = self.cut.get_or_insert_with(|| Box::pin(ending.cut_owned()));
                    if cut.as_mut().poll(task).is_ready() {
                        let error = ending.error();
                        return self.break_off(error);
                    }
                }
                Poll::Pending
            }
        }
    }

    /// The answer cannot go on: the trailers say why, and the handler's stream is dropped.
    fn break_off(&mut self, error: Error) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        if let Some(running) = self.running.take() {
            running.end(error.code());
        }
        self.body = Body::empty();
        self.answering.place.take();
        let status = Status::from(error);
        let mut trailers = http::HeaderMap::new();
        self.answering.load.write(&mut trailers);
        Poll::Ready(Some(match status.add_header(&mut trailers) {
            Ok(()) => Ok(Frame::trailers(trailers)),
            Err(status) => Err(status),
        }))
    }
}

impl http_body::Body for Reply {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(self: Pin<&mut Self>, task: &mut TaskContext<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        match self.get_mut() {
            Self::Plain(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Handled(handled) => handled.poll(task),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Plain(bytes) => bytes.is_none(),
            Self::Handled(handled) => handled.body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Plain(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Self::Handled(handled) => handled.body.size_hint(),
        }
    }
}
