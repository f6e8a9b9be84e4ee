//! The context of a call: deadline, trace, correlation id, principal and privacy, carried on by itself.
//!
//! A server reads it from the headers and runs the handler inside it; every call that the handler makes through the
//! fabric takes it along, with the time that is left. A handler reads it with [`current`]. Tasks that a handler spawns
//! do not inherit it: wrap them with [`Context::scope`]. When not: anything a method needs belongs in its request.
//! Source: W3C Trace Context; gRPC over HTTP/2 (`grpc-timeout`); OpenTelemetry's context propagation.

pub mod headers;
mod priority;
mod timeout;
mod trace;

pub use priority::Priority;
pub use timeout::{format as format_timeout, parse as parse_timeout};
pub use trace::Trace;

use std::sync::Arc;

use http::{HeaderMap, HeaderValue};
use tokio::time::Instant;

use crate::error::Error;
use crate::principal::{Principal, Token};
use crate::privacy::Privacy;

tokio::task_local! {
    static CURRENT: Arc<Context>;
}

/// What travels with a call.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// When the answer is worth nothing any more.
    pub deadline: Option<Instant>,
    /// The trace that the call belongs to.
    pub trace: Trace,
    /// Ties the log lines of one user action together; letters, digits, `-`, `_`, `.`, at most 128 characters.
    pub correlation: String,
    /// On whose behalf the call is made, as it was verified. Absent: the process acts for itself.
    pub principal: Option<Arc<Principal>>,
    /// The principal as somebody else signed it; it goes along unchanged.
    pub token: Option<Token>,
    /// What the call may do with whose data.
    pub privacy: Privacy,
    /// Whether somebody waits for the answer.
    pub priority: Priority,
}

impl Context {
    /// A context for work that no call started: a new trace, a new correlation id.
    #[must_use]
    pub fn fresh() -> Self {
        let trace = Trace::fresh();
        Self {
            correlation: trace.short(),
            trace,
            ..Self::default()
        }
    }

    /// Reads the context of an inbound call; what is missing is made new. The principal is not read here: who it is
    /// must be verified first ([`crate::principal::Verifier`]).
    ///
    /// # Errors
    /// INVALID_ARGUMENT (reason CONTEXT_INVALID) for headers that say something impossible. A broken `traceparent`
    /// starts a new trace, as its specification demands.
    pub fn from_headers(headers: &HeaderMap, now: Instant) -> Result<Self, Error> {
        let deadline = match headers.get(headers::TIMEOUT) {
            Some(value) => Some(
                timeout::parse(value)
                    .and_then(|left| now.checked_add(left))
                    .ok_or_else(|| invalid("grpc-timeout"))?,
            ),
            None => None,
        };
        let trace = headers
            .get(headers::TRACEPARENT)
            .and_then(|value| Trace::parse(value.as_bytes()))
            .unwrap_or_else(Trace::fresh);
        let correlation = match headers.get(headers::CORRELATION) {
            Some(value) => headers::correlation(value)
                .ok_or_else(|| invalid("x-correlation-id"))?
                .to_owned(),
            None => trace.short(),
        };
        let mut context = Self {
            deadline,
            trace,
            correlation,
            ..Self::default()
        };
        headers::read_privacy(headers, &mut context.privacy)?;
        if let Some(value) = headers.get(headers::PRIORITY) {
            context.priority = Priority::parse(value).ok_or_else(|| invalid("lyceum-priority"))?;
        }
        Ok(context)
    }

    /// Writes the context into the headers of an outbound call, whose place in the trace is `trace`. The time that is
    /// left is written by the client, which knows when it sends.
    pub fn write(&self, trace: &Trace, headers: &mut HeaderMap) {
        headers.insert(headers::TRACEPARENT, trace.to_header());
        // The callee makes the same id out of the trace by itself.
        if self.correlation != self.trace.short()
            && let Ok(mut value) = HeaderValue::from_str(&self.correlation)
        {
            value.set_sensitive(true);
            headers.insert(headers::CORRELATION, value);
        }
        if let Some(token) = &self.token {
            token.write(headers);
        } else if self
            .principal
            .as_ref()
            .is_some_and(|principal| principal.is_anonymous())
        {
            // Or the callee would take this process' own identity for it.
            Token::anonymous().write(headers);
        }
        headers::write_privacy(headers, &self.privacy);
        // A handler may mark a call of its own as batch; what serves a batch call is batch itself.
        if self.priority != Priority::default() {
            headers.insert(headers::PRIORITY, HeaderValue::from_static(self.priority.name()));
        }
    }

    /// Runs `future` inside this context.
    pub async fn scope<F: Future>(self: Arc<Self>, future: F) -> F::Output {
        CURRENT.scope(self, future).await
    }

    /// Runs `function` inside this context: for polling what outlives the handler's future.
    pub fn enter<R>(self: &Arc<Self>, function: impl FnOnce() -> R) -> R {
        CURRENT.sync_scope(Arc::clone(self), function)
    }
}

/// The context of the call that this task answers, if it answers one.
#[must_use]
pub fn current() -> Option<Arc<Context>> {
    CURRENT.try_with(Arc::clone).ok()
}

fn invalid(header: &str) -> Error {
    Error::invalid_argument("CONTEXT_INVALID", format!("the header {header} cannot be read"))
}

#[cfg(test)]
mod tests;
