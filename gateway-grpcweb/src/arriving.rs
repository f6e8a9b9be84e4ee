//! The body of a request, whatever it came over.
//!
//! **Why.** All that an edge does is compiled once for each kind of body; one kind for TCP and QUIC halves that code, of
//! which a process keeps what it runs, and its surroundings, in memory. **When not.** Behind [`Inbound`], where a
//! body's limits and form are.
//!
//! [`Inbound`]: crate::request::Inbound

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;

use crate::http3::Asked;

/// A body that comes.
pub(crate) enum Arriving {
    /// Over HTTP/1.1 or HTTP/2.
    Tcp(Incoming),
    /// Over HTTP/3.
    Quic(Box<Asked>),
}

/// A body that broke off.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("the request broke off")]
pub(crate) struct Broken;

impl Body for Arriving {
    type Data = Bytes;
    type Error = Broken;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Broken>>> {
        match self.get_mut() {
            Self::Tcp(body) => Pin::new(body)
                .poll_frame(context)
                .map(|frame| frame.map(|frame| frame.map_err(|_| Broken))),
            Self::Quic(body) => Pin::new(body).poll_frame(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Tcp(body) => body.is_end_stream(),
            Self::Quic(body) => body.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Tcp(body) => body.size_hint(),
            Self::Quic(body) => body.size_hint(),
        }
    }
}
