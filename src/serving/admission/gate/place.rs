//! A place at the gate, and a place in the line before it: both give themselves back.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::oneshot;

use super::super::Reason;
use super::super::line::Key;
use super::{Gate, ONE_WAITING, Seat};
use crate::balancing::Micros;

/// How a place was used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Used {
    /// The handler answered: the limit learns from how long it took.
    Answered,
    /// Its deadline ended it: it would have taken longer still.
    CutOff,
    /// It failed or its caller left: its time says nothing.
    Otherwise,
}

/// What becomes of a call that waited.
pub(crate) type Verdict = Result<Place, Reason>;

/// A place, until it is dropped.
#[derive(Debug)]
pub struct Place {
    /// Absent once it was given back.
    pub(super) seat: Option<Seat>,
    pub(super) since: Micros,
    pub(super) stream: bool,
}

/// A place in the line, until it is dropped.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(super) gate: Arc<Gate>,
    pub(super) key: Key,
    pub(super) receiver: oneshot::Receiver<Verdict>,
    pub(super) since: Micros,
}

// === impl Place ===

impl Place {
    pub(super) fn running(seat: Seat, since: Micros) -> Self {
        seat.caller.running.fetch_add(1, Ordering::Relaxed);
        Self {
            seat: Some(seat),
            since,
            stream: false,
        }
    }

    /// Gives it back, and says how it was used.
    pub(crate) fn end(mut self, now: Micros, used: Used) {
        if let Some(seat) = self.seat.take() {
            let took = now.0.saturating_sub(self.since.0);
            let (gate, method) = (Arc::clone(&seat.gate), seat.method);
            self.give_back(seat, now);
            if !self.stream {
                gate.record(method, took, used, now);
            }
        }
    }

    fn give_back(&self, seat: Seat, now: Micros) {
        if self.stream {
            seat.gate.streams.fetch_sub(1, Ordering::Relaxed);
        } else {
            seat.caller.running.fetch_sub(1, Ordering::Relaxed);
            seat.gate.release(now);
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(seat) = self.seat.take() {
            let now = seat.gate.latest();
            self.give_back(seat, now);
        }
    }
}

// === impl Waiting ===

impl Waiting {
    /// When it will have waited for as long as anybody may.
    pub(crate) fn until(&self) -> Micros {
        Micros(self.since.0 + self.gate.wait.load(Ordering::Relaxed))
    }

    /// What becomes of it.
    pub(crate) async fn verdict(&mut self) -> Verdict {
        (&mut self.receiver).await.unwrap_or(Err(Reason::Overloaded))
    }

    /// It has waited for long enough; the verdict may have come at the same time.
    pub(crate) fn give_up(mut self) -> Verdict {
        self.leave();
        self.receiver.try_recv().unwrap_or(Err(Reason::Overloaded))
    }

    fn leave(&mut self) {
        let mut line = self.gate.line();
        let left = line.remove(self.key);
        if left.is_some() {
            self.gate.word.fetch_sub(ONE_WAITING, Ordering::SeqCst);
        }
        drop(line);
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        // A verdict that came leaves the line before it; then there is nothing to do but to drop it.
        if self.receiver.is_empty() && !self.receiver.is_terminated() {
            self.leave();
        }
    }
}
