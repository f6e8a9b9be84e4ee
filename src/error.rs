//! One error for everything that crosses the wire: a code, a stable reason, broken fields, a retry hint.
//!
//! Every module has its own error type; this is the one that a caller sees, and the one mapping to
//! [`tonic::Status`] with `google.rpc` details, so that a client of any language can act on the reason and a form can
//! show the field. Messages never hold student text. When not: inside a module, use its own `thiserror` enum.
//! Source: AIP-193 and `google/rpc/error_details.proto`.

use std::time::Duration;

use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

/// The `ErrorInfo.domain` of every reason.
pub const DOMAIN: &str = "lyceum";

/// What a caller is told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    code: Code,
    reason: &'static str,
    message: String,
    metadata: Vec<(String, String)>,
    violations: Vec<(String, String)>,
    retry_after: Option<Duration>,
}

impl Error {
    /// An error of any code. `reason` is UPPER_SNAKE_CASE and never changes its meaning.
    pub fn new(code: Code, reason: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            reason,
            message: message.into(),
            metadata: Vec::new(),
            violations: Vec::new(),
            retry_after: None,
        }
    }

    /// The request itself is wrong: sending it again will not help.
    pub fn invalid_argument(reason: &'static str, message: impl Into<String>) -> Self {
        Self::new(Code::InvalidArgument, reason, message)
    }

    /// Fields that break their contract's rules; the message names them all.
    #[must_use]
    pub fn invalid_input(violations: Vec<(String, String)>) -> Self {
        let named: Vec<String> = violations
            .iter()
            .map(|(field, rule)| format!("{field} {rule}"))
            .collect();
        let mut error = Self::invalid_argument("INPUT_INVALID", named.join("; "));
        error.violations = violations;
        error
    }

    /// The request is well formed, but the state of things does not allow it.
    pub fn failed_precondition(reason: &'static str, message: impl Into<String>) -> Self {
        Self::new(Code::FailedPrecondition, reason, message)
    }

    /// The caller may not do this.
    pub fn permission_denied(reason: &'static str, message: impl Into<String>) -> Self {
        Self::new(Code::PermissionDenied, reason, message)
    }

    /// Nobody can answer now; trying again later may help.
    pub fn unavailable(reason: &'static str, message: impl Into<String>) -> Self {
        Self::new(Code::Unavailable, reason, message)
    }

    /// A limit is reached; trying again after a while will help.
    pub fn exhausted(reason: &'static str, message: impl Into<String>) -> Self {
        Self::new(Code::ResourceExhausted, reason, message)
    }

    /// The deadline passed.
    #[must_use]
    pub fn deadline_exceeded() -> Self {
        Self::new(
            Code::DeadlineExceeded,
            "DEADLINE_EXCEEDED",
            "the deadline passed before the answer came",
        )
    }

    /// Names a field of the request and what it must be.
    #[must_use]
    pub fn with_field(mut self, path: impl Into<String>, rule: impl Into<String>) -> Self {
        self.violations.push((path.into(), rule.into()));
        self
    }

    /// Adds a fact that a program can act on; never student text.
    #[must_use]
    pub fn with_metadata(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.metadata.push((name.into(), value.into()));
        self
    }

    /// Tells when to try again (`google.rpc.RetryInfo`).
    #[must_use]
    pub fn with_retry_after(mut self, delay: Duration) -> Self {
        self.retry_after = Some(delay);
        self
    }

    /// The gRPC code.
    #[must_use]
    pub fn code(&self) -> Code {
        self.code
    }

    /// The stable reason.
    #[must_use]
    pub fn reason(&self) -> &'static str {
        self.reason
    }
}

impl From<Error> for Status {
    fn from(error: Error) -> Self {
        let mut details = ErrorDetails::with_error_info(
            error.reason,
            DOMAIN,
            error.metadata.into_iter().collect::<std::collections::HashMap<_, _>>(),
        );
        for (field, rule) in error.violations {
            details.add_bad_request_violation(field, rule);
        }
        if let Some(delay) = error.retry_after {
            details.set_retry_info(Some(delay));
        }
        Status::with_error_details(error.code, error.message, details)
    }
}

/// The stable reason inside a status, where its sender gave one.
#[must_use]
pub fn reason_of(status: &Status) -> Option<String> {
    status.get_details_error_info().map(|info| info.reason)
}

/// What a status says beside its code and its message.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// The stable reason; empty where the sender gave none.
    pub reason: String,
    /// Facts that a program can act on, by name.
    pub metadata: Vec<(String, String)>,
    /// Fields that break a rule, and the rule.
    pub violations: Vec<(String, String)>,
    /// When to try again.
    pub retry_after: Option<Duration>,
}

impl Told {
    /// Reads the details that a status carries; what is not there, or cannot be read, is left empty.
    #[must_use]
    pub fn of(status: &Status) -> Self {
        let details = status.get_error_details();
        let (reason, mut metadata) = match details.error_info() {
            Some(info) => (
                info.reason.clone(),
                info.metadata.clone().into_iter().collect::<Vec<_>>(),
            ),
            None => (String::new(), Vec::new()),
        };
        metadata.sort();
        let violations = details
            .bad_request()
            .into_iter()
            .flat_map(|request| &request.field_violations)
            .map(|violation| (violation.field.clone(), violation.description.clone()))
            .collect();
        Self {
            reason,
            metadata,
            violations,
            retry_after: details.retry_info().and_then(|info| info.retry_delay),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_what_was_said() {
        let status = Status::from(
            Error::invalid_input(vec![("text".to_owned(), "is too short".to_owned())])
                .with_metadata("limit", "7")
                .with_retry_after(Duration::from_millis(1500)),
        );
        let told = Told::of(&status);
        assert_eq!(told.reason, "INPUT_INVALID");
        assert_eq!(told.metadata, [("limit".to_owned(), "7".to_owned())]);
        assert_eq!(told.violations, [("text".to_owned(), "is too short".to_owned())]);
        assert_eq!(told.retry_after, Some(Duration::from_millis(1500)));
        assert_eq!(Told::of(&Status::unknown("nothing more")), Told::default());
    }
}
