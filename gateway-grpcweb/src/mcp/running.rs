//! The calls of agents that run, so that a notification can cancel one.
//!
//! Before its newest revision the protocol cancels by a request of its own, which names the other by a number that each
//! agent counts for itself. So the session's id belongs to the name. What runs in another gateway cannot be cancelled
//! here: then the call ends with its deadline, or with the connection of its agent. The number of calls is bounded; one
//! too many runs, and cannot be cancelled this way.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::HeaderValue;
use ring::rand::{SecureRandom as _, SystemRandom};
use rmcp::model::RequestId;
use tokio_util::sync::CancellationToken;

/// Calls that are remembered at a time.
const MOST: usize = 10_000;

type Name = (String, RequestId);

/// What runs.
#[derive(Debug, Default)]
pub(super) struct Running {
    calls: Mutex<HashMap<Name, CancellationToken>>,
}

/// One call, for as long as this lives.
#[derive(Debug)]
pub(super) struct Entered {
    running: Arc<Running>,
    name: Option<Name>,
    token: CancellationToken,
}

// === impl Running ===

impl Running {
    /// Remembers a call of a session.
    pub(super) fn enter(self: &Arc<Self>, session: Option<&str>, request: &RequestId) -> Entered {
        let token = CancellationToken::new();
        let name = session.and_then(|session| {
            let name = (session.to_owned(), request.clone());
            let mut calls = self.calls();
            // An agent that counts wrongly loses its own calls alone.
            (calls.len() < MOST && !calls.contains_key(&name)).then(|| {
                calls.insert(name.clone(), token.clone());
                name
            })
        });
        Entered {
            running: Arc::clone(self),
            name,
            token,
        }
    }

    /// Ends one call, if it runs.
    pub(super) fn cancel(&self, session: &str, request: RequestId) {
        if let Some(token) = self.calls().get(&(session.to_owned(), request)) {
            token.cancel();
        }
    }

    /// Ends whatever a session runs.
    pub(super) fn end(&self, session: &str) {
        for ((owner, _), token) in self.calls().iter() {
            if owner == session {
                token.cancel();
            }
        }
    }

    fn calls(&self) -> MutexGuard<'_, HashMap<Name, CancellationToken>> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Entered ===

impl Entered {
    /// Waits until somebody wants the call to end.
    pub(super) async fn cancelled(&self) {
        self.token.cancelled().await;
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        if let Some(name) = &self.name {
            self.running.calls().remove(name);
        }
    }
}

/// An id that nobody guesses.
pub(super) fn session_id() -> HeaderValue {
    let mut bytes = [0; 16];
    // Without randomness all agents share an id, and may cancel each other's calls.
    let _ = SystemRandom::new().fill(&mut bytes);
    let mut id = String::with_capacity(32);
    for byte in bytes {
        // A string takes whatever is written into it.
        let _ = write!(id, "{byte:02x}");
    }
    HeaderValue::try_from(id).unwrap_or(HeaderValue::from_static("none"))
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[test]
    fn only_the_call_that_is_named_ends() {
        let running = Arc::new(Running::default());
        let one = running.enter(Some("a"), &RequestId::Number(1));
        let other = running.enter(Some("b"), &RequestId::Number(1));
        let none = running.enter(None, &RequestId::Number(1));
        running.cancel("a", RequestId::String("1".into()));
        assert!(one.cancelled().now_or_never().is_none());
        running.cancel("a", RequestId::Number(1));
        assert!(one.cancelled().now_or_never().is_some());
        assert!(other.cancelled().now_or_never().is_none());
        running.end("b");
        assert!(other.cancelled().now_or_never().is_some());
        assert!(none.cancelled().now_or_never().is_none());
        drop((one, other, none));
        assert!(running.calls().is_empty());
    }

    #[test]
    fn ids_differ() {
        assert_ne!(session_id(), session_id());
    }
}
