//! How a caller stands: what it has left, told in headers, or what it has exceeded.
//!
//! `RateLimit-Policy` names every limit of the caller's own that was looked at, `RateLimit` the one of which least is
//! left; limits that callers share are told only to whom they turn away, as what is left of them says nothing to one
//! caller. Source: draft-ietf-httpapi-ratelimit-headers-10; RFC 9110, 10.2.3 (`Retry-After`).

use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::header::{RETRY_AFTER, SET_COOKIE};
use http::{HeaderMap, HeaderName, HeaderValue};
use lyceum::error::Error as Refusal;

use super::Of;
use super::rules::Rules;
use crate::guard::Denied;

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LEFT: HeaderName = HeaderName::from_static("ratelimit");

/// What a caller has left.
#[derive(Debug, Default)]
pub(crate) struct Standing {
    /// A bit for each limit that was looked at; see [`Of`].
    seen: u8,
    least: Option<Left>,
}

/// What is left of one limit.
#[derive(Clone, Copy, Debug)]
pub(super) struct Left {
    pub(super) of: Of,
    pub(super) calls: u64,
    /// Of how many.
    pub(super) whole: u64,
    /// When all of it is back.
    pub(super) back: Duration,
}

/// How the caller of several calls in one request stands: as the one of them that has least left, or waits longest.
#[derive(Debug, Default)]
pub(crate) struct Together(Mutex<Told>);

/// What their answer says.
#[derive(Debug, Default)]
struct Told {
    /// What is left, as a share of the whole.
    share: Option<u128>,
    wait: u64,
    headers: HeaderMap,
}

// === impl Standing ===

impl Standing {
    pub(super) fn saw(&mut self, left: Left) {
        self.seen |= 1 << left.of as u8;
        if self.least.as_ref().is_none_or(|least| left.share() < least.share()) {
            self.least = Some(left);
        }
    }

    /// Tells it in the headers of an answer.
    pub(crate) fn tell(&self, rules: &Rules, headers: &mut HeaderMap) {
        let Some(left) = &self.least else { return };
        headers.insert(POLICY, rules.policy(self.seen));
        headers.insert(LEFT, left.header());
    }
}

impl Left {
    fn share(&self) -> u128 {
        (u128::from(self.calls) << 64) / u128::from(self.whole.max(1))
    }

    fn header(&self) -> HeaderValue {
        let mut text = String::with_capacity(40);
        // Writing to a string cannot fail.
        let _ = write!(text, "\"{}\";r={};t={}", self.of.name(), self.calls, seconds(self.back));
        HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""))
    }
}

// === impl Together ===

impl Together {
    /// One of the calls may be made; `told` is what its own answer would say.
    pub(crate) fn admitted(&self, standing: &Standing, told: &HeaderMap) {
        let mut all = self.lock();
        if let Some(cookie) = told.get(SET_COOKIE) {
            // Each of them is the same session's, with its idle time begun anew.
            all.headers.insert(SET_COOKIE, cookie.clone());
        }
        if let Some(share) = standing.least.as_ref().map(Left::share)
            && all.share.is_none_or(|least| share < least)
        {
            all.share = Some(share);
            all.say(told, &[POLICY, LEFT]);
        }
    }

    /// One of them may not.
    pub(crate) fn denied(&self, told: &HeaderMap) {
        let wait = told.get(RETRY_AFTER).and_then(|wait| wait.to_str().ok()?.parse().ok());
        let mut all = self.lock();
        if let Some(wait) = wait
            && wait > all.wait
        {
            all.wait = wait;
            all.share = Some(0);
            all.say(told, &[POLICY, LEFT, RETRY_AFTER]);
        }
    }

    /// Tells it in the headers of the answer to all of them.
    pub(crate) fn tell(&self, headers: &mut HeaderMap) {
        headers.extend(std::mem::take(&mut self.lock().headers));
    }

    fn lock(&self) -> MutexGuard<'_, Told> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

// === impl Told ===

impl Told {
    fn say(&mut self, told: &HeaderMap, names: &[HeaderName]) {
        for name in names {
            if let Some(value) = told.get(name) {
                self.headers.insert(name, value.clone());
            }
        }
    }
}

/// A call too many, of a limit that the header `policy` describes.
pub(super) fn exceeded(refusal: Refusal, of: Of, policy: HeaderValue, wait: Duration) -> Box<Denied> {
    let left = Left {
        of,
        calls: 0,
        whole: 1,
        back: wait,
    };
    let mut told = HeaderMap::with_capacity(3);
    told.insert(RETRY_AFTER, HeaderValue::from(seconds(wait).max(1)));
    told.insert(POLICY, policy);
    told.insert(LEFT, left.header());
    let refusal = refusal.with_metadata("limit", of.name()).with_retry_after(wait);
    Box::new(Denied { refusal, told })
}

/// Whole seconds, never too few.
pub(super) fn seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}
