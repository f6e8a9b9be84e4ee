//! Blocking queries: what is sent, and what comes back beside the value.

use std::fmt::Write as _;
use std::time::Duration;

use http::HeaderMap;

/// A stale or future index blocks for the whole wait in spite of changes, so no wait is longer than this.
pub const MAX_WAIT: Duration = Duration::from_secs(55);

/// Beside Consul's own jitter (a sixteenth of the wait) the network and a busy agent get this much.
const MARGIN: Duration = Duration::from_secs(5);

/// How to read: at once or blocking, from the leader or from any server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// The index of the last answer: the call blocks until there is a newer one. 0 answers at once.
    pub index: u64,
    /// How long to block at the most; cut to [`MAX_WAIT`].
    pub wait: Duration,
    /// Whether any server may answer. Check [`Answer::known_leader`] and [`Answer::last_contact`] then.
    pub stale: bool,
    /// [`Answer::connections`] of the answer that gave the index. The agent behind a younger connection may be another
    /// one, which does not know the index and would block for the whole wait: such a query fails at once instead.
    pub connections: Option<u64>,
}

/// A value with the headers that say how fresh it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer<T> {
    /// What was asked for.
    pub value: T,
    /// The index to wait on next; 0 when the answer had none. It can go backwards: start again from 0 then.
    pub index: u64,
    /// Whether the answering server knows a leader; without one a stale answer may be arbitrarily old.
    pub known_leader: bool,
    /// How long ago the answering server last heard from the leader.
    pub last_contact: Duration,
    /// Whether an access control list hid results (Consul 1.11 and later say so).
    pub filtered: bool,
    /// How many connections the client had opened by then: see [`Query::connections`].
    pub connections: u64,
}

// === impl Query ===

impl Query {
    /// The time-out that lets a blocking call live its full wait, jitter included, and not much longer.
    pub(super) fn timeout(&self, usual: Duration) -> Duration {
        if self.index == 0 {
            return usual;
        }
        let wait = self.wait.min(MAX_WAIT);
        wait + wait / 16 + usual.max(MARGIN)
    }

    pub(super) fn append_to(&self, path: &str) -> String {
        let mut path = path.to_owned();
        let mut separator = if path.contains('?') { '&' } else { '?' };
        if self.index > 0 {
            // Whole milliseconds with their unit: a bare number is refused with 400.
            let wait = self.wait.min(MAX_WAIT).as_millis().max(1);
            let _ = write!(path, "{separator}index={}&wait={wait}ms", self.index);
            separator = '&';
        }
        if self.stale {
            let _ = write!(path, "{separator}stale");
        }
        path
    }
}

// === impl Answer ===

impl<T> Answer<T> {
    pub(super) fn new(value: T, headers: &HeaderMap, connections: u64) -> Self {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let number = |name: &str| text(name).and_then(|value| value.trim().parse::<u64>().ok());
        Self {
            value,
            index: number("x-consul-index").unwrap_or(0),
            // Absent on endpoints that do not read the catalog: nothing to doubt there.
            known_leader: text("x-consul-knownleader").is_none_or(|value| value.trim() == "true"),
            last_contact: Duration::from_millis(number("x-consul-lastcontact").unwrap_or(0)),
            filtered: text("x-consul-results-filtered-by-acls").is_some_and(|value| value.trim() == "true"),
            connections,
        }
    }

    /// The same freshness with another value.
    #[must_use]
    pub fn map<U>(self, change: impl FnOnce(T) -> U) -> Answer<U> {
        Answer {
            value: change(self.value),
            index: self.index,
            known_leader: self.known_leader,
            last_contact: self.last_contact,
            filtered: self.filtered,
            connections: self.connections,
        }
    }
}
