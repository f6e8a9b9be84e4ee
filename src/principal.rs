//! The principal: on whose behalf a call is made, and what that lets it do.
//!
//! A [`Principal`] is a pseudonym with [`Roles`] and what is theirs: students and classes. A contract says who may call
//! a method ([`Access`], `lyceum.options.v1`).
//!
//! Between processes a principal is a token: the gateway signs it with the key of its own certificate ([`Signer`]), every
//! service verifies it against the roots that it trusts anyway ([`Verifier`]) and passes it on unchanged. A caller
//! without a token is whoever its certificate says.
//!
//! ```text
//! gateway: who asks ▸ Signer ──lyceum-principal──▸ service: Verifier ▸ Access ▸ subject fields ▸ handler ──▸ next
//! ```
//!
//! When not: which *service* may call which is decided by certificate in [`crate::authorization`]; what a call may do
//! with the data is the student's consent ([`crate::privacy`]). Source: NIST SP 800-162 (attributes beside roles); the
//! roles are those of a school.

mod access;
mod remembered;
mod role;
mod signer;
mod token;
mod verifier;

pub use access::Access;
pub use remembered::Remembered;
pub use role::{Role, Roles};
pub use signer::Signer;
pub use token::Token;
pub(crate) use token::{SKEW, bits, seconds};
pub use verifier::Verifier;

use std::time::SystemTime;

use crate::error::Error as CallError;
use crate::identity::{Holder, SpiffeId};
use crate::privacy::Sensitive;

/// The most students that one principal may have, and the most classes.
pub const MOST: usize = 64;
/// The subject of somebody who has not said who they are; nobody else may have it.
pub const ANONYMOUS: &str = "anonymous";

/// A name that cannot be a pseudonym, or too many of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// A subject, student or class that is no pseudonym.
    #[error("{0} must be 1 to 128 letters, digits, dots, hyphens or underscores, and not \"anonymous\"")]
    Name(&'static str),
    /// More than [`MOST`].
    #[error("a principal has at most {MOST} {0}")]
    Many(&'static str),
}

/// Somebody on whose behalf a call is made.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Principal {
    subject: Sensitive<String>,
    roles: Roles,
    students: Sensitive<Vec<String>>,
    classes: Sensitive<Vec<String>>,
    expires: Option<SystemTime>,
}

impl Principal {
    /// Somebody by a pseudonym, with these roles.
    ///
    /// # Errors
    /// A subject that is no pseudonym.
    pub fn try_new(subject: impl Into<String>, roles: impl Into<Roles>) -> Result<Self, Error> {
        let subject = subject.into();
        check("a subject", &subject)?;
        Ok(Self {
            subject: Sensitive::new(subject),
            roles: roles.into(),
            ..Self::anonymous()
        })
    }

    /// Somebody who has not said who they are.
    #[must_use]
    pub fn anonymous() -> Self {
        Self {
            subject: Sensitive::new(ANONYMOUS.to_owned()),
            roles: Roles::NONE,
            students: Sensitive::default(),
            classes: Sensitive::default(),
            expires: None,
        }
    }

    /// Whose data is theirs: a parent's children. A student's own is theirs without a word.
    ///
    /// # Errors
    /// Names that are no pseudonyms, or more than [`MOST`].
    pub fn with_students(mut self, students: Vec<String>) -> Result<Self, Error> {
        self.students = names("a student", "students", students)?;
        Ok(self)
    }

    /// Which classes are theirs: those that an educator teaches, those that a student is in.
    ///
    /// # Errors
    /// As [`Principal::with_students`].
    pub fn with_classes(mut self, classes: Vec<String>) -> Result<Self, Error> {
        self.classes = names("a class", "classes", classes)?;
        Ok(self)
    }

    /// Until when this is known of them; never longer than the proof that they gave.
    #[must_use]
    pub fn until(mut self, expires: SystemTime) -> Self {
        self.expires = Some(expires);
        self
    }

    /// Who the holder of a certificate is: a service is one, an operator is an administrator.
    #[must_use]
    pub fn of_certificate(id: &SpiffeId) -> Self {
        let (name, role) = match id.holder() {
            Holder::Service(name) => (name, Role::Service),
            Holder::Operator(name) => (name, Role::Administrator),
            Holder::Other => return Self::anonymous(),
        };
        Self::try_new(name.clone(), role).unwrap_or_else(|_| Self::anonymous())
    }

    /// The pseudonym.
    #[must_use]
    pub fn subject(&self) -> &Sensitive<String> {
        &self.subject
    }

    /// The roles.
    #[must_use]
    pub fn roles(&self) -> Roles {
        self.roles
    }

    /// Whose data is theirs, beside a student's own.
    #[must_use]
    pub fn students(&self) -> &Sensitive<Vec<String>> {
        &self.students
    }

    /// Their classes.
    #[must_use]
    pub fn classes(&self) -> &Sensitive<Vec<String>> {
        &self.classes
    }

    /// Until when this is known of them, where it ends.
    #[must_use]
    pub fn expires(&self) -> Option<SystemTime> {
        self.expires
    }

    /// Whether a call may be about this student (`lyceum-student`). An educator's class is not known here.
    pub(crate) fn may_speak_of(&self, student: Option<&Sensitive<String>>) -> Result<(), CallError> {
        const OTHERS: Roles = Roles::of(&[Role::Educator, Role::Administrator, Role::Service]);
        match student {
            Some(student) if !self.roles.meets(OTHERS) && !self.has_student(student.expose()) => {
                Err(CallError::permission_denied(
                    "NOT_YOURS",
                    "lyceum-student must name a student whose data is the caller's to see",
                )
                .with_field("lyceum-student", "must name yourself, or your child"))
            }
            _ => Ok(()),
        }
    }

    /// All that tells one principal from another, part by part, for a key.
    pub(crate) fn each(&self, mut part: impl FnMut(&[u8])) {
        part(self.subject.expose().as_bytes());
        part(self.roles.to_string().as_bytes());
        for names in [self.students.expose(), self.classes.expose()] {
            part(&names.len().to_be_bytes());
            names.iter().for_each(|name| part(name.as_bytes()));
        }
    }

    /// Whether they have not said who they are.
    #[must_use]
    pub fn is_anonymous(&self) -> bool {
        self.subject.expose() == ANONYMOUS
    }

    /// Whether this student's data is theirs.
    #[must_use]
    pub fn has_student(&self, student: &str) -> bool {
        (self.roles.contains(Role::Student) && self.subject.expose() == student)
            || self.students.expose().iter().any(|own| own == student)
    }

    /// Whether this class is theirs.
    #[must_use]
    pub fn has_class(&self, class: &str) -> bool {
        self.classes.expose().iter().any(|own| own == class)
    }
}

fn names(one: &'static str, many: &'static str, names: Vec<String>) -> Result<Sensitive<Vec<String>>, Error> {
    if names.len() > MOST {
        return Err(Error::Many(many));
    }
    for name in &names {
        check(one, name)?;
    }
    Ok(Sensitive::new(names))
}

fn check(what: &'static str, name: &str) -> Result<(), Error> {
    if crate::context::headers::is_token(name, 128) && name != ANONYMOUS {
        Ok(())
    } else {
        Err(Error::Name(what))
    }
}

#[cfg(test)]
mod tests;
