//! Fewer system calls: a connection lets the calls that are ready go first, and what it writes for them leaves together.
//!
//! **What.** [`gather`] splits a stream in two: a [`Gathering`], which the protocol writes to, and its [`Driver`], which
//! polls the protocol and then lets go what was written.
//!
//! **Why.** The runtime runs a task that was woken right after the one that woke it. For a connection that means a
//! system call for each call, though twenty others are ready to hand it theirs. One that stands back once goes to the
//! end of the queue and then finds all of them. And HTTP/2 writes each large frame by itself, headers, body and trailers
//! of one answer too; on loopback and in data centres the call costs more than the copy that saves it.
//!
//! **When not.** HTTP/1.1 writes an answer at once as it is: whoever polls without the driver gathers nothing. With one
//! call under way there is nobody to stand back for.
//!
//! **Source.** Measured (docs/benchmarks.md); tokio's "LIFO slot".

mod stream;

use std::pin::Pin;
use std::sync::Arc;
use std::sync::Mutex;
use std::task::{Context, Poll};

use tokio::io::AsyncWrite;

pub use self::stream::Gathering;
use self::stream::{Held, held};

/// Polls a connection, and lets go what it wrote meanwhile.
#[derive(Debug)]
pub struct Driver<S> {
    held: Arc<Mutex<Held<S>>>,
    stood_back: bool,
}

/// The stream as a protocol uses it, and what drives that protocol.
pub fn gather<S>(stream: S) -> (Gathering<S>, Driver<S>) {
    let held = Arc::new(Mutex::new(Held::new(stream)));
    let driver = Driver {
        held: Arc::clone(&held),
        stood_back: false,
    };
    (Gathering::new(held), driver)
}

impl<S: AsyncWrite + Unpin> Driver<S> {
    /// Polls a connection; `busy` when several calls are under way on it.
    pub fn poll<F: Future>(
        &mut self,
        busy: bool,
        connection: Pin<&mut F>,
        context: &mut Context<'_>,
    ) -> Poll<F::Output> {
        self.stood_back = busy && !self.stood_back;
        if self.stood_back {
            // Woken while it runs, a task goes to the end of the queue.
            context.waker().wake_by_ref();
            return Poll::Pending;
        }
        held(&self.held).begin();
        let polled = connection.poll(context);
        held(&self.held).let_go(context);
        polled
    }
}

#[cfg(test)]
mod tests;
