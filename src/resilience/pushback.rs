//! Whether and when to try again: what the callee says, and a pause of our own.
//!
//! A callee says it with `grpc-retry-pushback-ms` (never, where that is negative or no number) or with
//! `google.rpc.RetryInfo` among the status details. Otherwise the pause before an attempt is drawn anew from nothing to
//! a limit that doubles, so that callers that failed together do not come back together. When not: a request that was
//! not sent goes elsewhere at once. Source: gRPC A6; Brooker, "Exponential Backoff And Jitter" (2015).

use std::time::Duration;

use http::header::{HeaderMap, HeaderName};
use tonic::metadata::MetadataMap;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::policy::Call;

/// The header, and trailer, that carries it.
pub const HEADER: &str = "grpc-retry-pushback-ms";

const DETAILS: &str = "grpc-status-details-bin";

/// What the callee said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pushback {
    /// Not again.
    Never,
    /// Not before.
    After(Duration),
}

/// What trailers, or the headers of a trailers-only answer, say.
#[must_use]
pub fn read(headers: &HeaderMap) -> Option<Pushback> {
    if let Some(value) = headers.get(HEADER) {
        let milliseconds = value.to_str().ok().and_then(|text| text.parse::<i32>().ok());
        return Some(match milliseconds.map(u64::try_from) {
            Some(Ok(milliseconds)) => Pushback::After(Duration::from_millis(milliseconds)),
            _ => Pushback::Never,
        });
    }
    // Not by tonic's `Status::from_header_map`: it panics where the details are no base64 (0.14.9, grpc/grpc-rust #2618).
    let alone = HeaderMap::from_iter([(HeaderName::from_static(DETAILS), headers.get(DETAILS)?.clone())]);
    let details = MetadataMap::from_headers(alone).get_bin(DETAILS)?.to_bytes().ok()?;
    let info = Status::with_details(Code::Unavailable, "", details).get_details_retry_info()?;
    info.retry_delay.map(Pushback::After)
}

/// Whether a code lets an idempotent call be tried again. A server at its limit is asked again only where it says when.
#[must_use]
pub fn allows(code: Code, pushback: Option<Pushback>) -> bool {
    match (code, pushback) {
        (_, Some(Pushback::Never)) => false,
        (Code::Unavailable, _) | (Code::ResourceExhausted, Some(Pushback::After(_))) => true,
        _ => false,
    }
}

/// The pause before another attempt after `attempts` of them; `None`: there is none, as the policy allows no more, or
/// the callee wants none, or none so soon.
#[must_use]
pub fn pause(attempts: u32, pushback: Option<Pushback>, settings: &Call, rng: &mut fastrand::Rng) -> Option<Duration> {
    if attempts >= settings.attempts {
        return None;
    }
    match pushback {
        Some(Pushback::Never) => None,
        // A little later than asked, or all that were refused together come back together.
        Some(Pushback::After(delay)) => (delay <= settings.backoff_limit).then(|| delay.mul_f64(1.0 + 0.2 * rng.f64())),
        None => {
            let doubled = 1_u32.checked_shl(attempts.saturating_sub(1)).unwrap_or(u32::MAX);
            let limit = settings.backoff.saturating_mul(doubled).min(settings.backoff_limit);
            Some(limit.mul_f64(rng.f64()))
        }
    }
}

#[cfg(test)]
mod tests;
