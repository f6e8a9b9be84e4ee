//! Which permits to believe: those that a privacy service of this trust domain issued to whoever calls, a moment ago, and
//! that no withdrawal has ended since.
//!
//! What was verified is remembered, as principals are; whom it is for and whether it was withdrawn are looked at every
//! time. Withdrawals come as events and are kept for as long as a permit could outlive them.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{SystemTime, UNIX_EPOCH};

use http::{HeaderMap, HeaderName, HeaderValue};

use super::token::{Claims, KIND, Token};
use super::{LIFETIME, Permit};
use crate::context::headers::{PERMIT, PERMIT_CERTIFICATE};
use crate::error::Error;
use crate::identity;
use crate::identity::statement::{Signer, Trust};
use crate::principal::{Principal, Remembered, SKEW};

/// All remembered permits together, in bytes.
const MEMORY: u64 = 4 * 1024 * 1024;
/// How many withdrawals are kept apart; beyond, everything issued before is refused.
const WITHDRAWALS: usize = 16 * 1024;
const NO_ISSUER: &str = "its signer may not issue privacy contexts";

/// Knows what a call may do with whose data.
pub struct Verifier {
    issuers: Trust,
    permits: Remembered<Known>,
    withdrawn: RwLock<Withdrawn>,
}

#[derive(Clone)]
struct Known {
    permit: Arc<Permit>,
    signer: Arc<Signer>,
    version: u64,
}

struct Withdrawn {
    /// By pseudonym: the first version of the consents that is good again, and when nothing older can be left.
    students: HashMap<String, (u64, SystemTime)>,
    /// Permits issued before are refused, whoever they are about.
    before: SystemTime,
}

impl fmt::Debug for Verifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Verifier")
            .field("issuers", &self.issuers.services())
            .field("permits", &self.permits)
            .finish_non_exhaustive()
    }
}

impl Verifier {
    /// Believes permits that one of these services signed, in the trust domain of `identity`.
    #[must_use]
    pub fn new(identity: identity::Source, issuers: Vec<String>) -> Self {
        Self {
            issuers: Trust::new(identity, issuers, NO_ISSUER),
            permits: Remembered::new(MEMORY),
            withdrawn: RwLock::new(Withdrawn {
                students: HashMap::new(),
                before: UNIX_EPOCH,
            }),
        }
    }

    /// The permit of a call with these headers, which `principal` makes, and the token to pass on; none where the call
    /// brings none.
    ///
    /// # Errors
    /// As [`Verifier::verify`].
    pub fn permit(
        &self,
        headers: &HeaderMap,
        principal: &Principal,
        now: SystemTime,
    ) -> Result<Option<(Arc<Permit>, Token)>, Error> {
        match (one(headers, &PERMIT)?, one(headers, &PERMIT_CERTIFICATE)?) {
            (None, None) => Ok(None),
            (Some(permit), Some(certificate)) => {
                let known = self.verify(permit.as_bytes(), certificate.as_bytes(), principal, now)?;
                Ok(Some((known, Token::new(permit.clone(), certificate.clone()))))
            }
            (Some(_), None) => Err(invalid("its certificate is missing")),
            (None, Some(_)) => Err(invalid("there is a certificate and no permit")),
        }
    }

    /// The permit of a token, both parts of which are given as they travel, in the hands of `principal`.
    ///
    /// # Errors
    /// PERMISSION_DENIED with reason PRIVACY_CONTEXT_INVALID, PRIVACY_CONTEXT_BORROWED or CONSENT_WITHDRAWN.
    pub fn verify(
        &self,
        permit: &[u8],
        certificate: &[u8],
        principal: &Principal,
        now: SystemTime,
    ) -> Result<Arc<Permit>, Error> {
        let known = self.known(permit, certificate, now).map_err(invalid)?;
        if !known.is_for(principal) {
            return Err(Error::permission_denied(
                "PRIVACY_CONTEXT_BORROWED",
                "the privacy context of the call was issued to somebody else: ask for your own",
            ));
        }
        if self.is_withdrawn(&known) {
            return Err(Error::permission_denied(
                "CONSENT_WITHDRAWN",
                "a consent was withdrawn after the privacy context of the call was issued: ask for another",
            ));
        }
        Ok(known)
    }

    fn known(&self, permit: &[u8], certificate: &[u8], now: SystemTime) -> Result<Arc<Permit>, &'static str> {
        let version = self.issuers.version();
        if let Some(known) = self.permits.get(permit)
            && known.version == version
            && now <= known.permit.expires + SKEW
            && known.signer.travels_as(certificate)
        {
            return Ok(known.permit);
        }
        // What costs nothing is looked at first.
        let statement = KIND.parse(permit, certificate)?;
        let read = Arc::new(statement.claims::<Claims>()?.permit(now)?);
        let signer = self.issuers.verify(&statement, now)?;
        let known = Known {
            permit: Arc::clone(&read),
            signer,
            version,
        };
        self.permits.insert(permit, known);
        Ok(read)
    }

    /// Ends all permits about a student, by this pseudonym, that were decided on a version of their consents before
    /// `version`. To be told of every withdrawal and restriction, as it happens.
    pub fn withdraw(&self, student: &str, version: u64, now: SystemTime) {
        let mut withdrawn = self.withdrawn.write().unwrap_or_else(PoisonError::into_inner);
        withdrawn.students.retain(|_, (_, end)| *end > now);
        if withdrawn.students.len() >= WITHDRAWALS {
            withdrawn.students.clear();
            withdrawn.before = now;
            return;
        }
        let end = now + LIFETIME + 2 * SKEW;
        let entry = withdrawn.students.entry(student.to_owned()).or_insert((version, end));
        *entry = (entry.0.max(version), end);
    }

    fn is_withdrawn(&self, permit: &Permit) -> bool {
        let withdrawn = self.withdrawn.read().unwrap_or_else(PoisonError::into_inner);
        let known = withdrawn.students.get(permit.student.expose());
        permit.issued < withdrawn.before || known.is_some_and(|(version, _)| permit.consents < *version)
    }
}

/// The only value of a header; more than one is none.
fn one<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h HeaderValue>, Error> {
    let mut values = headers.get_all(name).iter();
    match (values.next(), values.next()) {
        (value, None) => Ok(value),
        _ => Err(invalid("there is more than one")),
    }
}

fn invalid(why: &str) -> Error {
    Error::permission_denied(
        "PRIVACY_CONTEXT_INVALID",
        format!("the privacy context of the call cannot be believed: {why}"),
    )
}
