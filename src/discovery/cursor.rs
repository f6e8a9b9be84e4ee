//! The rules of following an index: what to ask next, what to believe, how long to pause after a failure.
//!
//! No I/O and no clock of its own, so that every rule is a unit test. The rules: an index is at least 1; one that goes
//! backwards, like any error, starts again from 0; a stale answer is believed only from a server that knows a leader and
//! heard from it lately, otherwise the next read asks the leader; failures pause with full jitter; and a bucket of two
//! tokens keeps even a register that answers at once from being hammered.

use std::time::Duration;

use tokio::time::Instant;

use super::Settings;
use crate::consul::{Answer, Query};

/// Requests at once: while a fabric starts, its instances come one after the other, and nobody should be late to know.
const BURST: u32 = 8;

/// So that a server that is cut off for long is not asked again after every change.
const READS_FROM_LEADER: u32 = 10;

#[derive(Debug)]
pub(super) struct Cursor {
    settings: Settings,
    random: fastrand::Rng,
    index: u64,
    /// The connections that the index counts on.
    connections: u64,
    failures: u32,
    /// The agent may be another one since the last answer.
    reconnected: bool,
    /// How many reads more to ask the leader, after a stale answer was doubtful.
    ask_leader: u32,
    bucket: Bucket,
}

/// What to make of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Believe it. `reborn`: the register was away or began anew, so what is missing may only be late.
    Believe { reborn: bool },
    /// Do not: the server may be cut off from the others. Ask again.
    Doubt,
}

#[derive(Debug)]
struct Bucket {
    refill: Duration,
    /// When the bucket will be full again; every token taken pushes it out by one refill.
    full_at: Option<Instant>,
}

// === impl Cursor ===

impl Cursor {
    pub(super) fn new(settings: Settings, random: fastrand::Rng) -> Self {
        let bucket = Bucket {
            refill: settings.refill,
            full_at: None,
        };
        Self {
            settings,
            random,
            index: 0,
            connections: 0,
            failures: 0,
            reconnected: false,
            ask_leader: 0,
            bucket,
        }
    }

    /// What to ask next.
    pub(super) fn query(&self) -> Query {
        Query {
            index: self.index,
            wait: self.settings.wait,
            stale: self.settings.stale && self.ask_leader == 0,
            connections: Some(self.connections),
        }
    }

    /// Takes a token, and says how long to wait for it.
    pub(super) fn permit(&mut self, now: Instant) -> Duration {
        self.bucket.take(now)
    }

    /// How many failures in a row there were.
    pub(super) fn failures(&self) -> u32 {
        self.failures
    }

    /// Takes note of an answer to [`Cursor::query`].
    pub(super) fn answered<T>(&mut self, answer: &Answer<T>) -> Verdict {
        if !answer.known_leader || answer.last_contact > self.settings.max_staleness {
            self.ask_leader = READS_FROM_LEADER;
            self.index = 0;
            return Verdict::Doubt;
        }
        let next = answer.index.max(1);
        let backwards = next < self.index;
        let reborn = backwards || self.failures > 0 || self.reconnected;
        self.index = if backwards { 0 } else { next };
        self.connections = answer.connections;
        self.failures = 0;
        self.reconnected = false;
        self.ask_leader = self.ask_leader.saturating_sub(1);
        Verdict::Believe { reborn }
    }

    /// Takes note that the connection changed: its index means nothing to the agent behind the next one.
    pub(super) fn reconnected(&mut self) {
        self.index = 0;
        self.reconnected = true;
    }

    /// Takes note of a failure, and says how long to pause: anything up to the doubled limit.
    pub(super) fn failed(&mut self) -> Duration {
        self.index = 0;
        let ceiling = self
            .settings
            .backoff
            .saturating_mul(1_u32.checked_shl(self.failures).unwrap_or(u32::MAX))
            .min(self.settings.backoff_limit);
        self.failures = self.failures.saturating_add(1);
        ceiling.mul_f64(self.random.f64())
    }
}

// === impl Bucket ===

impl Bucket {
    fn take(&mut self, now: Instant) -> Duration {
        let full_at = self.full_at.unwrap_or(now).max(now) + self.refill;
        self.full_at = Some(full_at);
        // With the bucket full at `full_at`, this request's own token is there a burst earlier.
        (full_at - now).saturating_sub(self.refill * BURST)
    }
}

#[cfg(test)]
mod tests;
