//! What can go wrong between the fabric and Consul, told apart by what a caller does about it.

use std::time::Duration;

use http::StatusCode;

/// The result of a call to Consul.
pub type Result<T> = std::result::Result<T, Error>;

/// A refusal's body is shown up to this many characters: enough for Consul's one-line reasons.
const SHOWN_BODY_CHARS: usize = 300;

/// A call to Consul that failed. No variant ever carries a token.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// No connection, or it broke before an answer: try again later, keep what is known.
    #[error("consul at {address} cannot be reached: {reason}")]
    Unreachable {
        /// The agent's address.
        address: String,
        /// The chain of causes.
        reason: String,
    },
    /// The agent answered, and refused.
    #[error("consul refused to {operation}: {status}: {body}")]
    Refused {
        /// What was asked.
        operation: &'static str,
        /// The status it answered with.
        status: StatusCode,
        /// Its reason, trimmed.
        body: String,
    },
    /// The answer broke off, was too long, or is not the JSON that the endpoint answers with.
    #[error("consul's answer to {operation} cannot be read: {reason}")]
    Unreadable {
        /// What was asked.
        operation: &'static str,
        /// What is wrong with the answer.
        reason: String,
    },
    /// No complete answer within the call's time-out.
    #[error("consul did not {operation} within {after:?}")]
    TimedOut {
        /// What was asked.
        operation: &'static str,
        /// The time-out.
        after: Duration,
    },
    /// The agent does not know the check (its data was wiped, or it reaped the service): register again.
    #[error("consul does not know the check {check}")]
    UnknownCheck {
        /// The check's id.
        check: String,
    },
    /// The connection that gave a query's index is gone, and whoever answers on another may not know the index: begin
    /// again from 0.
    #[error("the connection to consul that gave the index is gone")]
    Reconnected,
    /// The client's own settings cannot work.
    #[error("consul settings: {reason}")]
    Settings {
        /// Which setting, and why.
        reason: String,
    },
}

// === impl Error ===

impl Error {
    /// Whether the agent answered 403: the token is unknown or may not do this.
    #[must_use]
    pub fn is_forbidden(&self) -> bool {
        matches!(self, Self::Refused { status, .. } if *status == StatusCode::FORBIDDEN)
    }

    /// Whether registering again may help: the check is unknown, or the agent has trouble of its own.
    #[must_use]
    pub fn wants_registration(&self) -> bool {
        match self {
            Self::UnknownCheck { .. } => true,
            Self::Refused { status, .. } => status.is_server_error() || *status == StatusCode::NOT_FOUND,
            _ => false,
        }
    }
}

/// An error with all its causes in one line; the outer ones ("client error (Connect)") say nothing alone.
pub(super) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text.push_str(": ");
            text.push_str(&cause_text);
        }
        next = cause.source();
    }
    text
}

/// A body as one short line.
pub(super) fn trimmed(body: &str) -> String {
    let line = body.split_whitespace().collect::<Vec<_>>().join(" ");
    match line.char_indices().nth(SHOWN_BODY_CHARS) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}
