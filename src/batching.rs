//! Standing back: a connection lets the calls that are ready go first, and then sends for all of them at once.
//!
//! The runtime runs a task that was woken right after the one that woke it. For a connection that means a system call
//! for each call, though twenty others are ready to hand it theirs. One that stands back once goes to the end of the
//! queue and then finds all of them. When not: with one call under way there is nobody to wait for.
//! Source: measured (docs/benchmarks.md); tokio's "LIFO slot".

use std::pin::Pin;
use std::task::{Context, Poll};

/// Whether a connection has stood back since it was last run.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    stood_back: bool,
}

impl Turn {
    /// Polls a connection; `busy` when several calls are under way on it.
    pub(crate) fn poll<F: Future>(
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
        connection.poll(context)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn a_busy_connection_stands_back_once_before_each_run() {
        let ran = AtomicUsize::new(0);
        let mut connection = std::pin::pin!(std::future::poll_fn(|_| {
            ran.fetch_add(1, Ordering::Relaxed);
            Poll::<()>::Pending
        }));
        let (mut turn, mut context) = (Turn::default(), Context::from_waker(std::task::Waker::noop()));
        for polls in 1..=6 {
            assert!(turn.poll(true, connection.as_mut(), &mut context).is_pending());
            assert_eq!(ran.load(Ordering::Relaxed), polls / 2);
        }
        assert!(turn.poll(false, connection.as_mut(), &mut context).is_pending());
        assert_eq!(ran.load(Ordering::Relaxed), 4, "an idle one runs at once");
    }
}
