//! What a caller hears whose credential is not good.
//!
//! A credential that is there and not good is always UNAUTHENTICATED, never "then you are anonymous": a caller that
//! believes to be somebody must hear that it is not. No message repeats any of it.

use std::time::Duration;

use lyceum::error::Error as Refusal;
use tonic::Code;

pub(super) fn unauthenticated(reason: &'static str, message: impl Into<String>) -> Refusal {
    Refusal::new(Code::Unauthenticated, reason, message)
}

pub(super) fn invalid_token(why: impl std::fmt::Display) -> Refusal {
    unauthenticated("TOKEN_INVALID", format!("the token is not valid: {why}"))
}

/// Whether the token is good cannot be said now, which is not the caller's fault.
pub(super) fn issuer_unreachable() -> Refusal {
    Refusal::unavailable(
        "ISSUER_UNREACHABLE",
        "the keys of the token's issuer could not be read yet; its operator finds the reason in the gateway's log",
    )
    .with_retry_after(Duration::from_secs(2))
}
