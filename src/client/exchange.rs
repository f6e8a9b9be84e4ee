//! One request and its answer on one HTTP/2 stream.
//!
//! Why h2 itself and not hyper's client on top of it: hyper hands each request through a channel to a task that spawns
//! another one, and hides how many streams the peer allows. Here a call costs no task, what was not sent is known by
//! the place where it failed, and a caller that goes away resets its stream at once. When not: anything but whole
//! messages and gRPC streams, such as upgrades or informational answers. Source: RFC 9113 (8.7: what may be sent again).

use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use h2::{Reason, RecvStream, SendStream};
use http::{HeaderMap, Request, Response};
use http_body::{Body as _, Frame};
use tokio::task::AbortHandle;
use tonic::body::Body;

use super::lane::Place;

/// What is sent.
#[derive(Debug)]
pub(super) enum RequestBody {
    /// A whole message, which can be sent again.
    Whole(Bytes),
    /// A stream, which can be sent once.
    Streaming(Body),
}

/// How an exchange ended, other than with an answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// Nothing of it reached anybody; what was not sent comes back where it is still there.
    Unsent(Option<RequestBody>),
    /// It may have reached somebody.
    Lost,
    /// The instance refused it before looking at it.
    Refused,
}

/// The answer's frames as they come. Dropped early, it resets the stream.
#[derive(Debug)]
pub(super) struct Incoming {
    stream: RecvStream,
    over: bool,
    _sending: Option<Sending>,
    _place: Place,
}

/// A request that is still being sent; dropped, it ends.
#[derive(Debug)]
struct Sending(AbortHandle);

/// Makes one exchange up to the head of its answer, on the lane that `place` holds.
///
/// # Errors
/// How it failed; [`Failure::Unsent`] also when the lane takes no more.
pub(super) async fn exchange(
    place: Place,
    request: impl Fn() -> Request<()>,
    body: RequestBody,
) -> Result<Response<Incoming>, Failure> {
    let empty = matches!(&body, RequestBody::Whole(bytes) if bytes.is_empty());
    let Ok((response, mut stream)) = place.open(request, empty) else {
        place.retire();
        return Err(Failure::Unsent(Some(body)));
    };
    // Nothing waits here: h2 queues what the peer's windows do not take yet.
    let sending = match body {
        RequestBody::Whole(bytes) => {
            // An error shows itself in the answer too.
            if !empty {
                let _ = stream.send_data(bytes, true);
            }
            None
        }
        RequestBody::Streaming(body) => Some(Sending(tokio::spawn(send(body, stream)).abort_handle())),
    };
    match response.await {
        Ok(response) => Ok(response.map(|stream| Incoming {
            stream,
            over: false,
            _sending: sending,
            _place: place,
        })),
        Err(error) => {
            let failure = Failure::of(&error);
            if matches!(failure, Failure::Unsent(_)) {
                place.retire();
            }
            Err(failure)
        }
    }
}

impl Failure {
    fn of(error: &h2::Error) -> Self {
        if error.is_go_away() && error.is_remote() {
            // h2 says so only of streams above the last one that the GOAWAY names (RFC 9113, 6.8), and of those that
            // came too late to be opened.
            Self::Unsent(None)
        } else if error.reason() == Some(Reason::REFUSED_STREAM) {
            Self::Refused
        } else {
            Self::Lost
        }
    }

    /// An error after the head of the answer: somebody has begun to work, whatever the error promises.
    fn within(error: &h2::Error) -> Self {
        match Self::of(error) {
            Self::Unsent(_) => Self::Lost,
            failure => failure,
        }
    }
}

impl Drop for Sending {
    fn drop(&mut self) {
        self.0.abort();
    }
}

// === impl Incoming ===

impl Incoming {
    /// The next frame; `None` at the end.
    pub(super) fn poll_frame(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Failure>>> {
        if self.over {
            return Poll::Ready(None);
        }
        match ready!(self.stream.poll_data(context)) {
            Some(Ok(bytes)) => {
                // The message's size is limited elsewhere; the window only paces.
                let _ = self.stream.flow_control().release_capacity(bytes.len());
                Poll::Ready(Some(Ok(Frame::data(bytes))))
            }
            Some(Err(error)) => {
                self.over = true;
                Poll::Ready(Some(Err(Failure::within(&error))))
            }
            None => {
                let trailers = ready!(self.stream.poll_trailers(context));
                self.over = true;
                Poll::Ready(match trailers {
                    Ok(trailers) => trailers.map(|trailers: HeaderMap| Ok(Frame::trailers(trailers))),
                    Err(error) => Some(Err(Failure::within(&error))),
                })
            }
        }
    }

    /// As [`Incoming::poll_frame`].
    pub(super) async fn frame(&mut self) -> Option<Result<Frame<Bytes>, Failure>> {
        poll_fn(|context| self.poll_frame(context)).await
    }
}

/// Sends a stream frame by frame, as fast as the peer's window allows, until its end, its error, or the peer's reset.
async fn send(mut body: Body, mut stream: SendStream<Bytes>) {
    loop {
        let frame = poll_fn(|context| {
            if stream.poll_reset(context).is_ready() {
                return Poll::Ready(None);
            }
            Pin::new(&mut body).poll_frame(context).map(Some)
        })
        .await;
        let sent = match frame {
            // The peer wants no more.
            None => return,
            Some(None) => {
                let _ = stream.send_data(Bytes::new(), true);
                return;
            }
            Some(Some(Err(_))) => {
                stream.send_reset(Reason::CANCEL);
                return;
            }
            Some(Some(Ok(frame))) => match frame.into_data() {
                Ok(bytes) => send_bytes(&mut stream, bytes).await,
                // A gRPC request has no trailers.
                Err(_) => Ok(()),
            },
        };
        if sent.is_err() {
            return;
        }
    }
}

async fn send_bytes(stream: &mut SendStream<Bytes>, mut bytes: Bytes) -> Result<(), h2::Error> {
    while !bytes.is_empty() {
        stream.reserve_capacity(bytes.len());
        let capacity = poll_fn(|context| stream.poll_capacity(context)).await;
        match capacity {
            Some(Ok(capacity)) => {
                let chunk = bytes.split_to(capacity.min(bytes.len()));
                stream.send_data(chunk, false)?;
            }
            Some(Err(error)) => return Err(error),
            None => return Err(Reason::CANCEL.into()),
        }
    }
    Ok(())
}
