//! The privacy context of a call, signed: who may use which data of one student, for one purpose, how far, and until when.
//!
//! The privacy service decides and signs a [`Permit`] ([`Signer`]); it travels beside the principal, and every service
//! verifies it by itself ([`Verifier`]) as it does the principal: against the roots that it trusts anyway, once, and with
//! a look from then on. A permit names the principal whom it was issued to and is worth nothing in anybody else's hands.
//! A withdrawal ends permits before their time ([`Verifier::withdraw`]).
//!
//! ```text
//! privacy: consents, rules ▸ Signer ──lyceum-privacy──▸ service: Verifier ▸ Permit::require ▸ handler ──▸ next
//! ```
//!
//! When not: who may call a method at all is [`crate::principal::Access`]. Source: GDPR Art. 5(1)(b) (purpose), capability
//! tokens with holder binding (RFC 7800, 9449).

mod signer;
mod token;
mod verifier;

pub use signer::Signer;
pub use token::Token;
pub use verifier::Verifier;

use std::time::{Duration, SystemTime};

use super::{Basis, Category, Consent, Privacy, Purpose, Sensitive};
use crate::context::headers::is_token;
use crate::error::Error as CallError;
use crate::principal::{Principal, Roles};

/// The longest time that a permit is good for.
pub const LIFETIME: Duration = Duration::from_secs(300);
/// The longest retention that one may grant: ten years.
const RETENTION_LIMIT: Duration = Duration::from_secs(10 * 366 * 24 * 3600);

/// A permit that cannot be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Nobody is not somebody who may.
    #[error("a permit is issued to somebody who has said who they are")]
    Nobody,
    /// A student who is no pseudonym.
    #[error("a student is named by 1 to 128 letters, digits, dots, hyphens or underscores")]
    Student,
    /// No category, or one twice.
    #[error("a permit names each category once, and at least one")]
    Categories,
}

/// What may be done with data of one category.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Use {
    /// Which data.
    pub category: Category,
    /// How far.
    pub level: Consent,
    /// What makes it lawful.
    pub basis: Basis,
}

/// What somebody may do with one student's data.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Permit {
    holder: Sensitive<String>,
    roles: Roles,
    student: Sensitive<String>,
    purpose: Purpose,
    uses: Vec<Use>,
    consents: u64,
    retention: Duration,
    issued: SystemTime,
    expires: SystemTime,
}

impl Permit {
    /// For `holder` to use data of a student, by their pseudonym for this purpose. Nothing is kept, and it lasts for
    /// [`LIFETIME`] from `now`, unless said otherwise.
    ///
    /// # Errors
    /// An anonymous holder, a student who is no pseudonym, no uses or two of a category.
    pub fn try_new(
        holder: &Principal,
        student: impl Into<String>,
        purpose: Purpose,
        uses: Vec<Use>,
        now: SystemTime,
    ) -> Result<Self, Error> {
        if holder.is_anonymous() {
            return Err(Error::Nobody);
        }
        Self::assemble(
            holder.subject().expose().clone(),
            holder.roles(),
            student.into(),
            purpose,
            uses,
            now,
        )
    }

    fn assemble(
        holder: String,
        roles: Roles,
        student: String,
        purpose: Purpose,
        mut uses: Vec<Use>,
        now: SystemTime,
    ) -> Result<Self, Error> {
        if !is_token(&student, 128) {
            return Err(Error::Student);
        }
        uses.sort_by_key(|one| one.category);
        if uses.is_empty() || uses.windows(2).any(|two| two[0].category == two[1].category) {
            return Err(Error::Categories);
        }
        Ok(Self {
            holder: Sensitive::new(holder),
            roles,
            student: Sensitive::new(student),
            purpose,
            uses,
            consents: 0,
            retention: Duration::ZERO,
            issued: now,
            expires: now + LIFETIME,
        })
    }

    /// Decided on this version of the student's consents: a withdrawal of a later one ends it.
    #[must_use]
    pub fn of_version(mut self, consents: u64) -> Self {
        self.consents = consents;
        self
    }

    /// How long anything may be kept; ten years at the most.
    #[must_use]
    pub fn with_retention(mut self, retention: Duration) -> Self {
        self.retention = retention.min(RETENTION_LIMIT);
        self
    }

    /// Ends then, if that is sooner.
    #[must_use]
    pub fn until(mut self, end: SystemTime) -> Self {
        self.expires = self.expires.min(end);
        self
    }

    /// The student, by their pseudonym for this purpose.
    #[must_use]
    pub fn student(&self) -> &Sensitive<String> {
        &self.student
    }

    /// What for.
    #[must_use]
    pub fn purpose(&self) -> Purpose {
        self.purpose
    }

    /// What may be done, by category.
    #[must_use]
    pub fn uses(&self) -> &[Use] {
        &self.uses
    }

    /// The version of the consents that it was decided on.
    #[must_use]
    pub fn consents(&self) -> u64 {
        self.consents
    }

    /// When it ends.
    #[must_use]
    pub fn expires(&self) -> SystemTime {
        self.expires
    }

    /// Whether it was issued to this principal, in the roles that they have now.
    #[must_use]
    pub fn is_for(&self, principal: &Principal) -> bool {
        self.holder == *principal.subject() && self.roles == principal.roles()
    }

    /// The basis on which data of this category may be used for this purpose, at least as far as `level`.
    ///
    /// # Errors
    /// PERMISSION_DENIED with reason PURPOSE_MISSING, CATEGORY_MISSING or CONSENT_REQUIRED, and what was needed and
    /// granted in the metadata.
    pub fn require(&self, purpose: Purpose, category: Category, level: Consent) -> Result<Basis, CallError> {
        const HELP: &str = "ask for a privacy context that says so (PrivacyContextService.IssueContext)";
        if purpose != self.purpose {
            return Err(CallError::permission_denied(
                "PURPOSE_MISSING",
                format!(
                    "this is for the purpose \"{purpose}\", and the call's is \"{}\": {HELP}",
                    self.purpose
                ),
            )
            .with_metadata("needed", purpose.name())
            .with_metadata("granted", self.purpose.name()));
        }
        let Some(found) = self.uses.iter().find(|one| one.category == category) else {
            return Err(CallError::permission_denied(
                "CATEGORY_MISSING",
                format!("this uses data of the category \"{category}\", and the call may not: {HELP}"),
            )
            .with_metadata("needed", category.name()));
        };
        self.privacy_of(found).require(level)?;
        Ok(found.basis)
    }

    /// What the call may do with data of this category, as the rest of the fabric knows it.
    #[must_use]
    pub fn privacy(&self, category: Category) -> Option<Privacy> {
        let found = self.uses.iter().find(|one| one.category == category)?;
        Some(self.privacy_of(found))
    }

    fn privacy_of(&self, one: &Use) -> Privacy {
        Privacy {
            student: Some(self.student.clone()),
            consent: one.level,
            purpose: Some(self.purpose.name().to_owned()),
            retention: self.retention,
        }
    }
}

#[cfg(test)]
mod tests;
