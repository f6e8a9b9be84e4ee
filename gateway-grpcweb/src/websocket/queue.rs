//! A request's body that comes over a socket.
//!
//! It ends well only when its sender said so: a socket that goes away in the middle must not look like a whole request.
//! When not: how much may wait here is decided by who puts it in.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame};
use tokio::sync::mpsc;

/// What is put in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Item {
    /// Bytes of frames.
    Data(Bytes),
    /// Nothing follows.
    End,
}

/// The other side went away.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the socket closed within a request")]
pub(super) struct Lost;

/// How much more a sender may send, and who tells it.
#[derive(Clone, Debug)]
pub(super) struct Window {
    pub(super) call: u32,
    pub(super) room: Arc<AtomicU32>,
    /// What a frame costs beyond its bytes.
    pub(super) header: usize,
    pub(super) grants: mpsc::UnboundedSender<(u32, u32)>,
}

/// The body.
#[derive(Debug)]
pub(super) struct Queue {
    items: Items,
    window: Option<Window>,
    over: bool,
}

#[derive(Debug)]
enum Items {
    Few(mpsc::Receiver<Item>),
    Counted(mpsc::UnboundedReceiver<Item>),
}

// === impl Queue ===

impl Queue {
    /// Holds as many items as the channel does.
    pub(super) fn few(items: mpsc::Receiver<Item>) -> Self {
        Self {
            items: Items::Few(items),
            window: None,
            over: false,
        }
    }

    /// Holds what fits into the window, and gives it back as it is read.
    pub(super) fn counted(items: mpsc::UnboundedReceiver<Item>, window: Window) -> Self {
        Self {
            items: Items::Counted(items),
            window: Some(window),
            over: false,
        }
    }
}

impl Body for Queue {
    type Data = Bytes;
    type Error = Lost;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Lost>>> {
        if self.over {
            return Poll::Ready(None);
        }
        let item = match &mut self.items {
            Items::Few(items) => items.poll_recv(context),
            Items::Counted(items) => items.poll_recv(context),
        };
        item.map(|item| match item {
            Some(Item::Data(bytes)) => {
                if let Some(window) = &self.window {
                    window.give_back(bytes.len());
                }
                Some(Ok(Frame::data(bytes)))
            }
            Some(Item::End) => {
                self.over = true;
                None
            }
            None => {
                self.over = true;
                Some(Err(Lost))
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.over
    }
}

// === impl Window ===

impl Window {
    fn give_back(&self, bytes: usize) {
        // No frame is larger than a window, whose size is a u32.
        let cost = u32::try_from(bytes + self.header).unwrap_or(u32::MAX);
        self.room.fetch_add(cost, Ordering::Relaxed);
        // The socket may be gone, and its calls follow.
        let _ = self.grants.send((self.call, cost));
    }

    /// Takes room for so many bytes, if there is as much.
    pub(super) fn take(&self, bytes: usize) -> bool {
        let Ok(cost) = u32::try_from(bytes + self.header) else {
            return false;
        };
        self.room
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |room| room.checked_sub(cost))
            .is_ok()
    }
}
