//! The names of the headers that carry a context, and what their values may be.

use std::time::Duration;

use http::header::{HeaderMap, HeaderName, HeaderValue};

use crate::error::Error;
use crate::privacy::{Privacy, Sensitive};

/// Time left, as gRPC has it.
pub const TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");
/// W3C Trace Context.
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
/// Ties log lines together.
pub const CORRELATION: HeaderName = HeaderName::from_static("x-correlation-id");
/// On whose behalf: a signed token ([`crate::principal`]), or `anonymous`.
pub const PRINCIPAL: HeaderName = HeaderName::from_static("lyceum-principal");
/// Whose signature the principal's is: the signer's certificate and what leads to the roots.
pub const PRINCIPAL_CERTIFICATE: HeaderName = HeaderName::from_static("lyceum-principal-certificate");
/// What the call may do with whose data, as the privacy service said it: a signed permit ([`crate::privacy::permit`]).
pub const PERMIT: HeaderName = HeaderName::from_static("lyceum-privacy");
/// Whose signature the permit's is.
pub const PERMIT_CERTIFICATE: HeaderName = HeaderName::from_static("lyceum-privacy-certificate");
/// A pseudonym of the student the call is about.
pub const STUDENT: HeaderName = HeaderName::from_static("lyceum-student");
/// What was agreed to: none, processing, learning or research.
pub const CONSENT: HeaderName = HeaderName::from_static("lyceum-consent");
/// Why.
pub const PURPOSE: HeaderName = HeaderName::from_static("lyceum-purpose");
/// Whether somebody waits for the answer: interactive or batch.
pub const PRIORITY: HeaderName = HeaderName::from_static("lyceum-priority");
/// How long anything may be kept, in seconds.
pub const RETENTION: HeaderName = HeaderName::from_static("lyceum-retention");

/// The longest retention that is believed: ten years.
const RETENTION_LIMIT: u64 = 10 * 366 * 24 * 3600;

/// A correlation id, where the value is one.
#[must_use]
pub fn correlation(value: &HeaderValue) -> Option<&str> {
    token(value, 128)
}

/// A pseudonym, where the value is one.
#[must_use]
pub fn pseudonym(value: &HeaderValue) -> Option<&str> {
    token(value, 128)
}

fn token(value: &HeaderValue, longest: usize) -> Option<&str> {
    value.to_str().ok().filter(|text| is_token(text, longest))
}

pub(crate) fn is_token(text: &str, longest: usize) -> bool {
    !text.is_empty()
        && text.len() <= longest
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
}

pub(super) fn read_privacy(headers: &HeaderMap, privacy: &mut Privacy) -> Result<(), Error> {
    let invalid =
        |name: &HeaderName| Error::invalid_argument("CONTEXT_INVALID", format!("the header {name} cannot be read"));
    if let Some(value) = headers.get(STUDENT) {
        privacy.student = Some(Sensitive::new(
            pseudonym(value).ok_or_else(|| invalid(&STUDENT))?.to_owned(),
        ));
    }
    if let Some(value) = headers.get(CONSENT) {
        privacy.consent = value.to_str().map_err(|_| invalid(&CONSENT))?.parse()?;
    }
    if let Some(value) = headers.get(PURPOSE) {
        privacy.purpose = Some(token(value, 64).ok_or_else(|| invalid(&PURPOSE))?.to_owned());
    }
    if let Some(value) = headers.get(RETENTION) {
        let seconds = value
            .to_str()
            .ok()
            .and_then(|text| text.parse::<u64>().ok())
            .filter(|seconds| *seconds <= RETENTION_LIMIT);
        privacy.retention = Duration::from_secs(seconds.ok_or_else(|| invalid(&RETENTION))?);
    }
    Ok(())
}

pub(super) fn write_privacy(headers: &mut HeaderMap, privacy: &Privacy) {
    if let Some(student) = &privacy.student
        && let Ok(mut value) = HeaderValue::from_str(student.expose())
    {
        value.set_sensitive(true);
        headers.insert(STUDENT, value);
    }
    if privacy.consent != crate::privacy::Consent::default() {
        headers.insert(CONSENT, HeaderValue::from_static(privacy.consent.name()));
    }
    if let Some(purpose) = &privacy.purpose
        && let Ok(value) = HeaderValue::from_str(purpose)
    {
        headers.insert(PURPOSE, value);
    }
    if !privacy.retention.is_zero() {
        headers.insert(RETENTION, HeaderValue::from(privacy.retention.as_secs()));
    }
}
