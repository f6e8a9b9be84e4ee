//! The gate: who comes in, who waits, who is refused.
//!
//! One atomic word holds how many calls run and how many wait, so that a call meets a free place, or the end of one meets
//! an empty line, with a single compare-and-swap. The line's lock is only taken while somebody waits, and while somebody
//! waits the word is only changed under it: nobody can slip past the line, and no free place goes unnoticed.
//!
//! A [`Place`] gives itself back when it is dropped, and so does one that was handed to a waiter who had left meanwhile:
//! no wake-up is lost. Time is told by the caller; nothing here knows a runtime.

mod place;

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

pub use self::place::{Place, Used};
pub(crate) use self::place::{Verdict, Waiting};

use super::Reason;
use super::caller::{Caller, Callers};
use super::limit::{Limiter, Sample};
use super::line::{Line, Pushed, Whose};
use crate::balancing::Micros;
use crate::context::Priority;
use crate::identity::SpiffeId;
use crate::policy::Serving;
use crate::telemetry::AdmissionMetrics;

const ONE_WAITING: u64 = 1 << 32;
/// How long a window of measurement lasts, in µs.
const WINDOW: u64 = 100_000;
/// Calls without which a window goes on.
const ENOUGH: u32 = 10;

/// What one method's calls are counted in.
#[derive(Debug)]
struct Method {
    here: AtomicU32,
    places: AtomicU32,
    calls: AtomicU32,
    sum: AtomicU64,
    least: AtomicU64,
    usual: AtomicU64,
}

/// How things stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// Calls that may run at a time.
    pub limit: u32,
    /// Calls that run.
    pub running: u32,
    /// Calls that wait.
    pub waiting: u32,
    /// Open streams.
    pub streams: u32,
    /// Streams that may be open.
    pub stream_limit: u32,
}

impl Reading {
    /// Calls under way and waiting as a share of the limit, or open streams of theirs, whichever is more.
    #[must_use]
    pub fn utilization(&self) -> f32 {
        let calls = self.running.saturating_add(self.waiting) as f32 / self.limit.max(1) as f32;
        calls.max(self.streams as f32 / self.stream_limit.max(1) as f32)
    }
}

/// The gate of one server.
#[derive(Debug)]
pub(crate) struct Gate {
    /// Waiting in the upper half, running in the lower.
    word: AtomicU64,
    limit: AtomicU32,
    peak: AtomicU32,
    window_ends: AtomicU64,
    /// The last time that somebody told.
    latest: AtomicU64,
    streams: AtomicU32,
    stream_limit: AtomicU32,
    /// By index of the method; the last is every other.
    methods: Box<[Method]>,
    line: Mutex<Line<Ticket>>,
    limiter: Mutex<Limiter>,
    wait: AtomicU64,
    callers: Callers,
    /// Spreads what those who are refused are told.
    spread: AtomicU32,
    metrics: AdmissionMetrics,
}

/// A call's presence at its method's bulkhead.
#[derive(Debug)]
struct Seat {
    gate: Arc<Gate>,
    caller: Arc<Caller>,
    method: usize,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.gate.methods[self.method].here.fetch_sub(1, Ordering::Relaxed);
    }
}

#[derive(Debug)]
struct Ticket {
    seat: Seat,
    sender: oneshot::Sender<Verdict>,
}

// === impl Gate ===

impl Gate {
    /// A gate for `methods` methods and one more for those that nobody knows.
    pub(crate) fn new(settings: &Serving, methods: usize, metrics: AdmissionMetrics) -> Arc<Self> {
        let limiter = Limiter::new(settings, methods + 1);
        let gate = Self {
            word: AtomicU64::new(0),
            limit: AtomicU32::new(limiter.limit()),
            peak: AtomicU32::new(0),
            window_ends: AtomicU64::new(0),
            latest: AtomicU64::new(0),
            streams: AtomicU32::new(0),
            stream_limit: AtomicU32::new(settings.streams),
            methods: (0..=methods)
                .map(|_| Method {
                    here: AtomicU32::new(0),
                    places: AtomicU32::new(u32::MAX),
                    calls: AtomicU32::new(0),
                    sum: AtomicU64::new(0),
                    least: AtomicU64::new(u64::MAX),
                    usual: AtomicU64::new(0),
                })
                .collect(),
            line: Mutex::new(Line::new(settings)),
            limiter: Mutex::new(limiter),
            wait: AtomicU64::new(settings.queue_interval.as_micros() as u64),
            callers: Callers::default(),
            spread: AtomicU32::new(0),
            metrics,
        };
        Arc::new(gate)
    }

    /// Takes other settings; `bulkhead` is a method's.
    pub(crate) fn apply(self: &Arc<Self>, settings: &Serving, bulkhead: impl Fn(usize) -> Option<u32>) {
        for (index, method) in self.methods.iter().enumerate() {
            method
                .places
                .store(bulkhead(index).unwrap_or(u32::MAX), Ordering::Relaxed);
        }
        self.stream_limit.store(settings.streams, Ordering::Relaxed);
        self.wait
            .store(settings.queue_interval.as_micros() as u64, Ordering::Relaxed);
        self.line().set(settings);
        let mut limiter = lock(&self.limiter);
        limiter.bound(settings);
        self.limit.store(limiter.limit(), Ordering::SeqCst);
        drop(limiter);
        self.turn(self.latest());
    }

    pub(crate) fn caller(&self, identity: &SpiffeId) -> Arc<Caller> {
        self.callers.get(identity)
    }

    pub(crate) fn reading(&self) -> Reading {
        let word = self.word.load(Ordering::Relaxed);
        Reading {
            limit: self.limit.load(Ordering::Relaxed),
            running: word as u32,
            waiting: (word >> 32) as u32,
            streams: self.streams.load(Ordering::Relaxed),
            stream_limit: self.stream_limit.load(Ordering::Relaxed),
        }
    }

    /// How long to stay away, in µs: about as long as what is here takes, within reason, ± 25 % so that those who are
    /// refused together do not come back together.
    pub(crate) fn pushback(&self, method: usize) -> u64 {
        let usual = self.methods[method].usual.load(Ordering::Relaxed) as f32;
        let delay = (usual * self.reading().utilization()).clamp(100_000.0, 2_000_000.0);
        // The golden ratio's multiples spread evenly, however many there are (Weyl's sequence).
        let spread = self.spread.fetch_add(0x9e37_79b9, Ordering::Relaxed) as f32 / u32::MAX as f32;
        (delay * (0.75 + 0.5 * spread)) as u64
    }

    /// A stream comes.
    pub(crate) fn open(self: &Arc<Self>, caller: &Arc<Caller>, method: usize, now: Micros) -> Verdict {
        let seat = self.seat(caller, method)?;
        let limit = self.stream_limit.load(Ordering::Relaxed);
        if self.streams.fetch_add(1, Ordering::Relaxed) >= limit {
            self.streams.fetch_sub(1, Ordering::Relaxed);
            return Err(Reason::StreamsFull);
        }
        Ok(Place {
            seat: Some(seat),
            since: now,
            stream: true,
        })
    }

    /// A call comes, and goes in at once or not.
    ///
    /// # Errors
    /// [`Reason::Overloaded`] when there is no free place: it may [wait](Self::wait).
    pub(crate) fn enter(self: &Arc<Self>, caller: &Arc<Caller>, method: usize, now: Micros) -> Verdict {
        let seat = self.seat(caller, method)?;
        if self.run() {
            return Ok(Place::running(seat, now));
        }
        Err(Reason::Overloaded)
    }

    /// A call waits for a place.
    ///
    /// # Errors
    /// There is no room to wait in.
    pub(crate) fn wait(
        self: &Arc<Self>,
        caller: &Arc<Caller>,
        method: usize,
        priority: Priority,
        deadline: Option<Micros>,
        now: Micros,
    ) -> Result<Waiting, Reason> {
        self.latest.fetch_max(now.0, Ordering::Relaxed);
        let seat = self.seat(caller, method)?;
        let (sender, receiver) = oneshot::channel();
        let mut line = self.line();
        // From here on whoever gives back a place comes to the line.
        self.word.fetch_add(ONE_WAITING, Ordering::SeqCst);
        let pushed = line.push(now, priority, caller, deadline, Ticket { seat, sender });
        let key = match pushed {
            Pushed::Full(ticket, whose) => {
                self.word.fetch_sub(ONE_WAITING, Ordering::SeqCst);
                drop(line);
                drop(ticket);
                return Err(whose.into());
            }
            Pushed::Waits(key, instead) => {
                let mut told = self.settle(&mut line, now);
                if let Some((evicted, whose)) = instead {
                    self.word.fetch_sub(ONE_WAITING, Ordering::SeqCst);
                    told.push((evicted, Err(whose.into())));
                }
                drop(line);
                tell(told);
                key
            }
        };
        Ok(Waiting {
            gate: Arc::clone(self),
            key,
            receiver,
            since: now,
        })
    }

    /// Time passes: whoever waits for too long is told even while nobody leaves.
    pub(crate) fn tick(self: &Arc<Self>, now: Micros) {
        self.latest.fetch_max(now.0, Ordering::Relaxed);
        self.turn(now);
    }

    fn seat(self: &Arc<Self>, caller: &Arc<Caller>, method: usize) -> Result<Seat, Reason> {
        let index = method.min(self.methods.len() - 1);
        let method = &self.methods[index];
        let here = method.here.fetch_add(1, Ordering::Relaxed);
        let seat = Seat {
            gate: Arc::clone(self),
            caller: Arc::clone(caller),
            method: index,
        };
        if here >= method.places.load(Ordering::Relaxed) {
            return Err(Reason::MethodFull);
        }
        Ok(seat)
    }

    /// Takes a free place, if nobody waits for it.
    fn run(&self) -> bool {
        let mut word = self.word.load(Ordering::Relaxed);
        let limit = u64::from(self.limit.load(Ordering::Relaxed));
        // Above the limit is also every word with somebody waiting.
        while word < limit {
            match self
                .word
                .compare_exchange_weak(word, word + 1, Ordering::SeqCst, Ordering::Relaxed)
            {
                Ok(_) => {
                    let running = word as u32 + 1;
                    if running > self.peak.load(Ordering::Relaxed) {
                        self.peak.fetch_max(running, Ordering::Relaxed);
                    }
                    return true;
                }
                Err(seen) => word = seen,
            }
        }
        false
    }

    /// Gives back a place.
    fn release(self: &Arc<Self>, now: Micros) {
        let mut word = self.word.load(Ordering::Relaxed);
        while word < ONE_WAITING {
            match self
                .word
                .compare_exchange_weak(word, word - 1, Ordering::SeqCst, Ordering::Relaxed)
            {
                Ok(_) => return,
                Err(seen) => word = seen,
            }
        }
        let mut line = self.line();
        self.word.fetch_sub(1, Ordering::SeqCst);
        let told = self.settle(&mut line, now);
        drop(line);
        tell(told);
    }

    fn turn(self: &Arc<Self>, now: Micros) {
        if self.word.load(Ordering::SeqCst) < ONE_WAITING {
            return;
        }
        let mut line = self.line();
        let told = self.settle(&mut line, now);
        drop(line);
        tell(told);
    }

    /// Fills the free places from the line, then refuses whoever waits for too long. What is to be told is told when the
    /// lock is gone: it may free a place again.
    fn settle(self: &Arc<Self>, line: &mut Line<Ticket>, now: Micros) -> Vec<(Ticket, Told)> {
        let mut told = Vec::new();
        loop {
            let word = self.word.load(Ordering::SeqCst);
            if word as u32 >= self.limit.load(Ordering::SeqCst) {
                break;
            }
            let Some(next) = line.pop(now) else {
                break;
            };
            if next.deadline.is_some_and(|deadline| deadline <= now) {
                self.word.fetch_sub(ONE_WAITING, Ordering::SeqCst);
                told.push((next.ticket, Err(Reason::DeadlinePassed)));
            } else if next.ticket.sender.is_closed() {
                self.word.fetch_sub(ONE_WAITING, Ordering::SeqCst);
            } else {
                // One fewer waits, one more runs.
                self.word.fetch_sub(ONE_WAITING - 1, Ordering::SeqCst);
                self.peak.fetch_max(word as u32 + 1, Ordering::Relaxed);
                next.ticket.seat.caller.running.fetch_add(1, Ordering::Relaxed);
                self.metrics.waited(now.0.saturating_sub(next.since.0));
                told.push((next.ticket, Ok(now)));
            }
        }
        while let Some(late) = line.shed(now) {
            self.word.fetch_sub(ONE_WAITING, Ordering::SeqCst);
            told.push((late.ticket, Err(Reason::Overloaded)));
        }
        told
    }

    fn record(self: &Arc<Self>, method: usize, took: u64, used: Used, now: Micros) {
        let counted = &self.methods[method];
        let useful = match used {
            Used::Answered => true,
            Used::CutOff => took >= counted.usual.load(Ordering::Relaxed),
            Used::Otherwise => false,
        };
        if useful {
            counted.calls.fetch_add(1, Ordering::Relaxed);
            counted.sum.fetch_add(took, Ordering::Relaxed);
            if took < counted.least.load(Ordering::Relaxed) {
                counted.least.fetch_min(took, Ordering::Relaxed);
            }
        }
        let ends = self.window_ends.load(Ordering::Relaxed);
        if now.0 >= ends
            && self
                .window_ends
                .compare_exchange(ends, now.0 + WINDOW, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
        {
            self.close_window(now);
        }
    }

    fn close_window(self: &Arc<Self>, now: Micros) {
        let calls: u32 = self
            .methods
            .iter()
            .map(|method| method.calls.load(Ordering::Relaxed))
            .fold(0, u32::saturating_add);
        if calls < ENOUGH {
            return;
        }
        // Calls that end meanwhile may count in one window and last in the next: a mean over many does not mind.
        let samples: Vec<Sample> = self
            .methods
            .iter()
            .map(|method| Sample {
                calls: method.calls.swap(0, Ordering::Relaxed),
                sum: method.sum.swap(0, Ordering::Relaxed),
                least: method.least.swap(u64::MAX, Ordering::Relaxed),
            })
            .collect();
        let peak = self.peak.swap(self.reading().running, Ordering::Relaxed);
        let mut limiter = lock(&self.limiter);
        limiter.close(&samples, peak);
        for (index, method) in self.methods.iter().enumerate() {
            method.usual.store(limiter.usual(index), Ordering::Relaxed);
        }
        self.limit.store(limiter.limit(), Ordering::SeqCst);
        drop(limiter);
        self.turn(now);
    }

    fn line(&self) -> MutexGuard<'_, Line<Ticket>> {
        lock(&self.line)
    }

    fn latest(&self) -> Micros {
        Micros(self.latest.load(Ordering::Relaxed))
    }
}

type Told = Result<Micros, Reason>;

impl From<Whose> for Reason {
    fn from(whose: Whose) -> Self {
        match whose {
            Whose::Everybody => Self::Overloaded,
            Whose::Own => Self::CallerOverShare,
        }
    }
}

fn tell(told: Vec<(Ticket, Told)>) {
    for (Ticket { seat, sender }, told) in told {
        let verdict = told.map(|since| Place {
            seat: Some(seat),
            since,
            stream: false,
        });
        // Whoever left meanwhile gives the place back by dropping it, here.
        let _ = sender.send(verdict);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
