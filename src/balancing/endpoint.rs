//! One instance as the balancer sees it: its weight, what is in flight, how fast and how well it answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU16, AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::ejection::{Standing, State, Watch};
use super::hashing::hash;
use super::packed::{Float, Memory, Packed};
use super::score::Pulse;
use super::utilization::Utilization;
use super::{Member, Micros, Ticket, Wanted};
use crate::telemetry::Histogram;

/// How long a latency and a share of failures count: half their influence is gone after about seven seconds.
pub(super) const MEMORY: Memory = Memory::of_millis(10_000.0);

/// A member of the pool with its statistics.
#[derive(Debug)]
pub struct Endpoint<M> {
    pub(super) hot: Hot,
    /// As discovery says.
    weight: AtomicU32,
    same_zone: AtomicBool,
    /// When it joined a pool at work, so that it starts slowly; 0 once it has its whole share.
    pub(super) joined: AtomicU64,
    pub(super) failed: AtomicU64,
    pub(super) given_up: AtomicU64,
    pub(super) latencies: Histogram,
    pub(super) pulse: Arc<Pulse>,
    pub(super) hash: u64,
    watch: Mutex<Watch>,
    member: M,
}

/// All that a pick reads of an endpoint and a call writes: one cache line, which no other endpoint disturbs, nor its
/// neighbour, as processors fetch lines in pairs.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(super) struct Hot {
    /// Moving mean of the latency in µs.
    pub(super) latency: Packed,
    /// Moving share of failures, 0 to 1.
    pub(super) failure: Packed,
    pub(super) utilization: Utilization,
    /// When it last answered, or when it got its first call after being idle.
    pub(super) heard: AtomicU64,
    /// Calls that wait for an answer.
    pub(super) in_flight: AtomicU32,
    /// Streams that have begun to answer.
    pub(super) streams: AtomicU32,
    /// The pool's mean weight ÷ its own.
    pub(super) relief: Float,
    pub(super) state: State,
    /// Failures since the last success.
    pub(super) streak: AtomicU16,
    pub(super) answered: AtomicU64,
}

impl<M> Endpoint<M> {
    /// The connection.
    pub fn member(&self) -> &M {
        &self.member
    }

    /// Its weight as discovery says; 0 while it gets no calls.
    pub fn weight(&self) -> u32 {
        self.weight.load(Ordering::Relaxed)
    }

    /// Whether it is in this process's zone.
    pub fn is_same_zone(&self) -> bool {
        self.same_zone.load(Ordering::Relaxed)
    }

    pub(super) fn set(&self, wanted: Wanted) {
        self.weight.store(wanted.weight, Ordering::Relaxed);
        self.same_zone.store(wanted.same_zone, Ordering::Relaxed);
    }

    /// Calls that wait for an answer.
    pub fn in_flight(&self) -> u32 {
        self.hot.in_flight.load(Ordering::Relaxed)
    }

    /// Streams that are open and have begun to answer.
    pub fn streams(&self) -> u32 {
        self.hot.streams.load(Ordering::Relaxed)
    }

    /// Calls that were begun, those under way included.
    pub fn calls(&self) -> u64 {
        self.answered() + self.errors() + self.given_up.load(Ordering::Relaxed) + u64::from(self.under_way())
    }

    /// Calls that failed or timed out.
    pub fn errors(&self) -> u64 {
        self.failed.load(Ordering::Relaxed)
    }

    pub(super) fn answered(&self) -> u64 {
        self.hot.answered.load(Ordering::Relaxed)
    }

    pub(super) fn under_way(&self) -> u32 {
        self.in_flight() + self.streams()
    }

    /// Every latency since the endpoint is known.
    pub fn latencies(&self) -> &Histogram {
        &self.latencies
    }

    /// The moving latency as it was last set, in µs; `None` before the first answer.
    pub fn latency(&self) -> Option<f32> {
        let value = self.hot.latency.value();
        (value > 0.0).then_some(value)
    }

    /// The moving share of failures, 0 to 1.
    pub fn failing(&self, now: Micros) -> f32 {
        let (value, kept) = self.hot.failure.faded(now, MEMORY);
        // Most have never failed: their cost is a load.
        if value == 0.0 { 0.0 } else { value * kept }
    }

    pub(super) fn streak(&self) -> u16 {
        self.hot.streak.load(Ordering::Relaxed)
    }

    pub(super) fn forget_failures(&self, now: Micros) {
        self.hot.streak.store(0, Ordering::Relaxed);
        self.hot.failure.set(0.0, now);
    }

    /// What the server says of its own load: requests in flight ÷ its limit.
    pub fn utilization(&self, now: Micros) -> f32 {
        self.hot.utilization.at(now)
    }

    /// The server reports its load. Nonsense is ignored or brought into range.
    pub fn reported(&self, now: Micros, utilization: f32) {
        self.hot.utilization.report(now, utilization);
    }

    /// Whether it gets no calls because it failed, or only one to see whether it still does.
    pub fn is_ejected(&self) -> bool {
        self.hot.state.get() != Standing::In
    }

    /// Until when it gets no calls at all, if it is ejected.
    pub fn ejected_until(&self) -> Option<Micros> {
        self.watch().until()
    }

    /// How often it was ejected since it is known.
    pub fn ejections(&self) -> u64 {
        self.watch().ejections()
    }

    /// The answer to a health check that [`super::Pool::maintain`] asked for.
    pub fn probed(&self, now: Micros, healthy: bool) {
        self.watch().probed(now, healthy, &self.hot.state);
    }

    /// For upkeep and reports; no call takes it.
    pub(super) fn watch(&self) -> MutexGuard<'_, Watch> {
        self.watch.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Another instance answered a call first that this one has had since `begun`: it is at least that slow.
    pub fn overtaken(&self, now: Micros, begun: Micros) {
        let least = now.since(begun).max(1) as f32;
        self.hot.latency.update(now, MEMORY, |value, _| value.max(least));
    }

    /// Begins a call; the ticket ends it.
    pub fn begin(self: &Arc<Self>, now: Micros) -> Ticket<M> {
        Ticket::new(Arc::clone(self), now)
    }
}

impl<M: Member> Endpoint<M> {
    pub(super) fn new(member: M, wanted: Wanted, pulse: Arc<Pulse>) -> Self {
        let endpoint = Self {
            hot: Hot::default(),
            weight: AtomicU32::new(0),
            same_zone: AtomicBool::new(false),
            joined: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            given_up: AtomicU64::new(0),
            latencies: Histogram::default(),
            pulse,
            hash: hash(member.key().as_bytes()),
            watch: Mutex::default(),
            member,
        };
        endpoint.set(wanted);
        endpoint
    }

    /// Whether a call could be sent right now.
    pub fn is_ready(&self) -> bool {
        self.member.is_ready()
    }

    /// Whether this is its key or its id.
    pub(super) fn is_called(&self, name: &str) -> bool {
        self.member.key() == name || self.member.id() == name
    }
}
