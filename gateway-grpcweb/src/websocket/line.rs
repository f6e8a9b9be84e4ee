//! The writing side of a socket: what calls have to say, pings, the close.
//!
//! A browser that reads nothing, or answers no ping, is gone, whatever its TCP connection thinks.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt as _, StreamExt as _};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;
use tokio_tungstenite::tungstenite::{Error, Message};

use super::{Settings, Socket, wire};

/// Messages that wait to be written.
pub(super) const WAITING: usize = 8;

/// How long the other side may go on after the close was written.
const FAREWELL: Duration = Duration::from_secs(1);

/// Whether the other side was heard since somebody asked.
#[derive(Debug, Default)]
pub(super) struct Heard {
    heard: AtomicBool,
    /// Nobody listens at the moment, because what was said is not yet passed on.
    deaf: AtomicBool,
}

/// The other side is gone.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gone;

impl Heard {
    pub(super) fn now(&self) {
        self.heard.store(true, Ordering::Relaxed);
    }

    /// Waits for something else than the socket.
    pub(super) async fn deaf<F: Future>(&self, waiting: F) -> F::Output {
        self.deaf.store(true, Ordering::Relaxed);
        let output = waiting.await;
        self.deaf.store(false, Ordering::Relaxed);
        self.now();
        output
    }

    fn take(&self) -> bool {
        self.heard.swap(false, Ordering::Relaxed) || self.deaf.load(Ordering::Relaxed)
    }
}

/// Writes until a close is written, or nobody reads.
pub(super) async fn write(
    mut sink: SplitSink<Socket, Message>,
    mut out: mpsc::Receiver<Message>,
    mut grants: mpsc::UnboundedReceiver<(u32, u32)>,
    heard: &Heard,
    settings: Settings,
) -> Result<(), Gone> {
    let mut pings = interval_at(Instant::now() + settings.ping, settings.ping);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut pinged = false;
    loop {
        let mut next = tokio::select! {
            message = out.recv() => message.ok_or(Gone)?,
            Some((call, bytes)) = grants.recv() => wire::window(call, bytes),
            _ = pings.tick() => {
                if !heard.take() && pinged {
                    return Err(Gone);
                }
                pinged = true;
                Message::Ping(Bytes::new())
            }
        };
        let written = async {
            loop {
                let closes = next.is_close();
                sink.feed(next).await?;
                let more = match out.try_recv() {
                    Ok(message) => Some(message),
                    Err(_) => grants.try_recv().ok().map(|(call, bytes)| wire::window(call, bytes)),
                };
                match more {
                    Some(message) if !closes => next = message,
                    _ => {
                        sink.flush().await?;
                        return Ok::<_, Error>(closes);
                    }
                }
            }
        };
        match timeout(settings.idle, written).await {
            Ok(Ok(false)) => {}
            Ok(Ok(true)) => return Ok(()),
            Ok(Err(_)) | Err(_) => return Err(Gone),
        }
    }
}

/// Ends a socket: writes what waits and then the close, and hears the other side out until it has closed as well. What is
/// unread when a connection is dropped makes the kernel reset it, and the last words, which are a call's status, are lost.
/// Who closed first is answered on the way.
pub(super) async fn end(
    close: Message,
    out: mpsc::Sender<Message>,
    writing: impl Future,
    stream: &mut SplitStream<Socket>,
    settings: Settings,
) {
    // As much may wait as there is room for, so the close waits while that is written.
    let last = async { tokio::join!(out.send(close), writing).0.is_ok() };
    if timeout(settings.idle, last).await == Ok(true) {
        let _ = timeout(FAREWELL, async { while let Some(Ok(_)) = stream.next().await {} }).await;
    }
}

/// How a socket ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    /// Its call, or all of its calls, have ended.
    Done,
    /// The gateway stops.
    Leaving,
    /// What was sent is not the protocol.
    Broken(&'static str),
    /// Text, where bytes are spoken.
    Text,
    /// Bytes, where text is spoken.
    Binary,
    /// Larger than a message may be.
    TooLarge,
    /// The other side has closed, or broke.
    Gone,
}

impl Ending {
    /// What the other side is told.
    pub(super) fn close(self) -> Message {
        let (code, reason) = match self {
            Self::Done | Self::Gone => (CloseCode::Normal, ""),
            Self::Leaving => (CloseCode::Away, "the gateway is stopping; connect again"),
            Self::Broken(why) => (CloseCode::Protocol, why),
            Self::Text => (CloseCode::Unsupported, "speak binary messages"),
            Self::Binary => (CloseCode::Unsupported, "speak text messages"),
            Self::TooLarge => (CloseCode::Size, "the message is too large"),
        };
        Message::Close(Some(CloseFrame {
            code,
            reason: reason.into(),
        }))
    }

    /// Why nothing more can be read.
    pub(super) fn of(error: &Error) -> Self {
        match error {
            Error::Capacity(_) => Self::TooLarge,
            Error::Protocol(_) | Error::Utf8(_) => Self::Broken("this is no WebSocket message"),
            _ => Self::Gone,
        }
    }
}
