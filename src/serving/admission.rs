//! Admission: how much a server takes on at a time, who waits, who is refused.
//!
//! ```text
//! call ▸ bulkhead of its method ▸ free place? ▸ handler ▸ latency ▸ limit
//!                    │                 │ no
//!                METHOD_FULL         line: interactive before batch, the caller with the fewest running first
//!                                      │ full, or too late
//!                                    OVERLOADED, CALLER_OVER_SHARE
//! ```
//!
//! Unary calls hold a place from their arrival to their handler's end; the [limit](limit) learns from how long that
//! takes, the runtime's own queue included. Streams live as long as both sides want and say nothing by their length:
//! they have a bound of their own (STREAMS_FULL), and hold it until they end. Health, reflection and metrics are never
//! refused: an instance that is busy must be able to say so. A refused call has cost nothing yet, so it is
//! RESOURCE_EXHAUSTED with a delay after which to come again.
//!
//! Why not tower's parts: `ConcurrencyLimit` has a fixed limit and an unbounded queue behind a semaphore that knows
//! neither caller, priority nor deadline; `LoadShed` refuses whatever is not ready at once, so a burst of a millisecond
//! is an error; `Buffer` puts one channel in front of it all, where a call waits though its deadline has passed. All
//! three decide in `poll_ready`, before the request is there to look at. When not: the client's side of overload (retry
//! budget, breaker) is the client's. Source: each part names its own; "Addressing cascading failures" in Google's SRE book.

mod caller;
mod gate;
mod limit;
mod line;
mod overload;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

pub use caller::Caller;
pub use gate::{Place, Reading, Used};
pub(super) use overload::Overload;

use self::gate::{Gate, Verdict};
use crate::balancing::Micros;
use crate::context::Context;
use crate::contracts::METHODS;
use crate::error::Error as Refusal;
use crate::identity::SpiffeId;
use crate::policy::Serving;
use crate::telemetry::AdmissionMetrics;

/// Why a call is not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// More calls than places, for longer than calls may wait.
    Overloaded,
    /// The caller has more waiting than its share, while others wait too.
    CallerOverShare,
    /// The method has all the places that it may have.
    MethodFull,
    /// As many streams are open as may be.
    StreamsFull,
    /// Its deadline passed while it waited.
    DeadlinePassed,
}

impl Reason {
    /// The stable reason that the caller is told.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Overloaded => "OVERLOADED",
            Self::CallerOverShare => "CALLER_OVER_SHARE",
            Self::MethodFull => "METHOD_FULL",
            Self::StreamsFull => "STREAMS_FULL",
            Self::DeadlinePassed => "DEADLINE_EXCEEDED",
        }
    }

    fn message(self) -> &'static str {
        match self {
            Self::Overloaded => "the instance has more calls than it can answer in time",
            Self::CallerOverShare => "the instance is busy, and this caller has more than its share of those who wait",
            Self::MethodFull => "as many calls of this method are here as may be at a time",
            Self::StreamsFull => "as many streams are open as may be at a time",
            Self::DeadlinePassed => "the deadline passed before the call began",
        }
    }
}

/// Looks at a server's admission and changes it while it runs; cheap to clone.
#[derive(Clone, Debug)]
pub struct Handle {
    gate: Arc<Gate>,
    epoch: Instant,
    metrics: AdmissionMetrics,
}

// === impl Handle ===

impl Handle {
    /// Admission with the default settings, for one server.
    #[must_use]
    pub fn new(metrics: AdmissionMetrics) -> Self {
        Self {
            gate: Gate::new(&Serving::default(), METHODS.len(), metrics.clone()),
            epoch: Instant::now(),
            metrics,
        }
    }

    /// Takes other settings at once; calls that run or wait stay. A server does so by itself whenever its service's
    /// policy changes.
    pub fn apply(&self, settings: &Serving) {
        self.gate.apply(settings, |index| {
            let path = METHODS.get(index)?.path;
            let name = path.rsplit('/').next()?;
            settings.bulkheads.get(name).copied()
        });
    }

    /// How things stand.
    #[must_use]
    pub fn reading(&self) -> Reading {
        self.gate.reading()
    }

    fn micros(&self, instant: Instant) -> Micros {
        let since = instant.saturating_duration_since(self.epoch);
        Micros(u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
    }

    /// Who calls, as fairness counts them: all instances of a service are one. Asked once a connection.
    #[must_use]
    pub fn caller(&self, identity: &SpiffeId) -> Arc<Caller> {
        self.gate.caller(identity)
    }

    /// A place at once; `method` is an index of [`METHODS`].
    ///
    /// # Errors
    /// Why there is none. A call that meets [`Reason::Overloaded`] may wait.
    pub fn enter(
        &self,
        caller: &Arc<Caller>,
        method: Option<usize>,
        streams: bool,
        now: Instant,
    ) -> Result<Place, Reason> {
        let (method, now) = (method.unwrap_or(METHODS.len()), self.micros(now));
        if streams {
            self.gate.open(caller, method, now)
        } else {
            self.gate.enter(caller, method, now)
        }
    }

    /// A call gives back its place.
    pub fn leave(&self, place: Place, used: Used, now: Instant) {
        place.end(self.micros(now), used);
    }

    /// A place when there is one. `now` is the call's arrival.
    pub(super) async fn wait(
        &self,
        caller: &Arc<Caller>,
        method: Option<usize>,
        context: &Context,
        now: Instant,
    ) -> Verdict {
        let method = method.unwrap_or(METHODS.len());
        let deadline = context.deadline.map(|deadline| self.micros(deadline));
        let mut waiting = self
            .gate
            .wait(caller, method, context.priority, deadline, self.micros(now))?;
        let patience = self.epoch + Duration::from_micros(waiting.until().0);
        let until = context.deadline.map_or(patience, |deadline| deadline.min(patience));
        let verdict = match timeout_at(until, waiting.verdict()).await {
            Ok(verdict) => verdict,
            Err(_) => waiting.give_up(),
        };
        // Work that nobody waits for any more is not begun.
        if context.deadline.is_some_and(|deadline| deadline <= Instant::now()) {
            return Err(Reason::DeadlinePassed);
        }
        verdict
    }

    /// What the caller of a refused call is told, and counted for it.
    pub(super) fn refusal(&self, reason: Reason, method: Option<usize>) -> (Refusal, Option<Duration>) {
        self.metrics.shed(reason.name());
        if reason == Reason::DeadlinePassed {
            return (Refusal::deadline_exceeded(), None);
        }
        let delay = Duration::from_micros(self.gate.pushback(method.unwrap_or(METHODS.len())));
        let error = Refusal::exhausted(reason.name(), reason.message()).with_retry_after(delay);
        (error, Some(delay))
    }

    /// Time passes.
    pub(super) fn tick(&self, now: Instant) {
        self.gate.tick(self.micros(now));
    }

    /// Brings the gauges up to date: they are only looked at when somebody reads them.
    pub(super) fn show(&self) {
        let reading = self.reading();
        self.metrics.set(
            [reading.limit, reading.running, reading.waiting, reading.streams],
            reading.utilization(),
        );
    }

    /// Calls refused so far, for any reason.
    pub(super) fn refused(&self) -> u64 {
        self.metrics.refused()
    }
}
