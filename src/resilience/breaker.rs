//! The circuit breaker of one method of a callee: after failures in a row it is left alone for a moment.
//!
//! ```text
//!            failures in a row                    pause is over: one call tries
//! closed ───────────────────────▶ open ◀────────────────────────────▶ half-open ──▶ closed
//!  (all calls)                   (no call)      the trial fails        (one call)     the trial succeeds
//! ```
//!
//! It counts calls, not attempts, and only those that failed although they could be tried elsewhere: an instance that
//! fails is ejected by balancing long before, so the breaker opens only when the method fails whatever the instance.
//! Nor does a failure count since whose beginning another call was answered: of calls that begin together and meet an
//! instance that says nothing, the good ones end first and the bad ones all at once, at their deadline. And a deadline
//! that passes counts only once the method has been silent for as long as the pause: where many leave after a few
//! milliseconds, one moment in which the callee gets no processor would otherwise shut everybody out for longer.
//! Then it spares the callee, and spares callers the wait. A call that nobody could take (no instance, none reachable)
//! is no news of the method and is not counted: it costs nothing, and the pause would only make recovery later.
//!
//! The pause is short (½ s ± 20 %) and does not grow: it costs the callee one call a pause and caller, and bounds how
//! long a healthy callee goes unasked. A trial that has no answer within a pause makes room for another one, or a call
//! into a black hole would hold everybody up to its deadline.
//!
//! One atomic word; a decision while closed is one load. Own code because recloser and tower-resilience judge by share
//! over a ring, read the clock themselves, and take a lock for the state. When not: refusals by a server at its limit
//! (RESOURCE_EXHAUSTED) say that it is alive; the budget and its pushback answer those.
//! Source: Nygard, "Release It!", chapter 5; linkerd's consecutive-failures breaker.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Acquire, Ordering::Relaxed, Ordering::Release};
use std::time::Duration;

use tonic::Code;

use crate::balancing::Micros;
use crate::policy::Call;

/// One method's breaker.
#[derive(Debug, Default)]
pub struct Breaker {
    /// The kind in the two highest bits, its number below.
    state: AtomicU64,
    /// When the method last answered, to the millisecond.
    answered: AtomicU64,
}

/// What a breaker looks like from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Calls go through; so many in a row failed.
    Closed {
        /// Failures in a row.
        failures: u64,
    },
    /// No call goes through until then.
    Open {
        /// When a call tries again.
        until: Micros,
    },
    /// One call is trying since then.
    HalfOpen {
        /// When it began.
        since: Micros,
    },
}

/// What is worth a log line and a count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// It opened.
    Opened,
    /// A trial failed; it stays open.
    StillOpen,
    /// A trial succeeded; it is closed.
    Closed,
}

/// How a call went, as the breaker sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The method answered, be it with "no such thing".
    Answered,
    /// It failed, whatever the instance.
    Failed,
    /// It had time and did not answer: a failure, if nobody else was answered for a while either.
    Silent,
    /// No news: cancelled, refused at a limit, too little time, nobody there.
    Unknown,
}

/// Leave to make a call. Hand it back with [`Breaker::end`]; dropped, it is [`Verdict::Unknown`].
#[derive(Debug)]
#[must_use]
pub struct Pass {
    begun: Micros,
    /// The breaker, and its state while this trial is the one.
    trial: Option<(Arc<Breaker>, u64)>,
}

/// The method is left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused {
    /// When it is worth asking again.
    pub retry_after: Duration,
}

const CLOSED: u64 = 0;
const OPEN: u64 = 1;
const HALF_OPEN: u64 = 2;
const NUMBER: u64 = (1 << 62) - 1;

fn word(kind: u64, number: u64) -> u64 {
    (kind << 62) | (number & NUMBER)
}

// === impl Breaker ===

impl Breaker {
    /// Whether a call may be made.
    ///
    /// # Errors
    /// [`Refused`] while it is open, or while another call tries.
    pub fn ask(self: &Arc<Self>, now: Micros, settings: &Call) -> Result<Pass, Refused> {
        let mut state = self.state.load(Acquire);
        loop {
            let kind = state >> 62;
            if kind == CLOSED || settings.breaker_failures == 0 {
                return Ok(Pass {
                    begun: now,
                    trial: None,
                });
            }
            let number = state & NUMBER;
            let next = if kind == OPEN {
                number
            } else {
                number.saturating_add(micros(settings.breaker_pause))
            };
            if now.0 < next {
                let retry_after = Duration::from_micros(next - now.0);
                return Err(Refused { retry_after });
            }
            let trial = word(HALF_OPEN, now.0);
            match self.state.compare_exchange(state, trial, Acquire, Acquire) {
                Ok(_) => {
                    return Ok(Pass {
                        begun: now,
                        trial: Some((Arc::clone(self), trial)),
                    });
                }
                Err(changed) => state = changed,
            }
        }
    }

    /// Takes note of how a call went.
    pub fn end(
        &self,
        mut pass: Pass,
        verdict: Verdict,
        now: Micros,
        settings: &Call,
        rng: &mut fastrand::Rng,
    ) -> Option<Event> {
        let answered = self.answered.load(Relaxed);
        let verdict = match verdict {
            Verdict::Silent if now.0 < answered.saturating_add(micros(settings.breaker_pause)) => Verdict::Unknown,
            Verdict::Silent => Verdict::Failed,
            verdict => verdict,
        };
        if verdict == Verdict::Unknown {
            return None;
        }
        if verdict == Verdict::Answered && now.0 >= answered.saturating_add(1000) {
            self.answered.store(now.0, Relaxed);
        }
        let Some((_, trial)) = pass.trial.take() else {
            if verdict == Verdict::Failed && answered > pass.begun.0 {
                return None;
            }
            return self.usual(verdict, now, settings, rng);
        };
        if verdict == Verdict::Answered {
            // Also a trial that was given up on: it shows that the method answers.
            let before = self.state.swap(word(CLOSED, 0), Release);
            return (before >> 62 != CLOSED).then_some(Event::Closed);
        }
        self.state
            .compare_exchange(trial, pause(now, settings, rng), Release, Relaxed)
            .is_ok()
            .then_some(Event::StillOpen)
    }

    fn usual(&self, verdict: Verdict, now: Micros, settings: &Call, rng: &mut fastrand::Rng) -> Option<Event> {
        let mut state = self.state.load(Relaxed);
        loop {
            // What began while it was closed says nothing once it is not.
            if state >> 62 != CLOSED {
                return None;
            }
            let failures = state & NUMBER;
            let next = match verdict {
                Verdict::Failed if settings.breaker_failures == 0 => return None,
                Verdict::Failed if failures + 1 >= u64::from(settings.breaker_failures) => pause(now, settings, rng),
                Verdict::Failed => word(CLOSED, failures + 1),
                _ if failures == 0 => return None,
                _ => word(CLOSED, 0),
            };
            match self.state.compare_exchange_weak(state, next, Release, Relaxed) {
                Ok(_) => return (next >> 62 == OPEN).then_some(Event::Opened),
                Err(changed) => state = changed,
            }
        }
    }

    /// What it looks like.
    #[must_use]
    pub fn state(&self) -> State {
        let state = self.state.load(Relaxed);
        let number = state & NUMBER;
        match state >> 62 {
            CLOSED => State::Closed { failures: number },
            OPEN => State::Open { until: Micros(number) },
            _ => State::HalfOpen { since: Micros(number) },
        }
    }
}

/// Open for the pause, give or take a fifth, so that callers do not try in step.
fn pause(now: Micros, settings: &Call, rng: &mut fastrand::Rng) -> u64 {
    let pause = settings.breaker_pause.mul_f64(0.8 + 0.4 * rng.f64());
    word(OPEN, now.0.saturating_add(micros(pause)))
}

fn micros(duration: Duration) -> u64 {
    duration.as_secs() * 1_000_000 + u64::from(duration.subsec_micros())
}

// === impl Verdict ===

impl Verdict {
    /// What a code says of the method. `enough`: the call had the time that calls of this method take; a caller in a
    /// hurry must not open the breaker for everybody.
    #[must_use]
    pub fn of(code: Code, enough: bool) -> Self {
        match code {
            Code::Unavailable | Code::Internal | Code::Unknown | Code::DataLoss => Self::Failed,
            Code::DeadlineExceeded if enough => Self::Silent,
            Code::DeadlineExceeded | Code::Cancelled | Code::ResourceExhausted => Self::Unknown,
            _ => Self::Answered,
        }
    }
}

// === impl Pass ===

impl Pass {
    /// Whether this call is the one that tries.
    #[must_use]
    pub fn is_trial(&self) -> bool {
        self.trial.is_some()
    }
}

impl Drop for Pass {
    fn drop(&mut self) {
        if let Some((breaker, trial)) = self.trial.take() {
            // Nothing was learnt: the next call may try at once.
            let _ = breaker.state.compare_exchange(trial, word(OPEN, 0), Release, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests;
