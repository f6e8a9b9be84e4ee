//! Privacy as machinery: values that cannot be printed by accident, and what a call is allowed to do with a student.
//!
//! Students are minors. [`Sensitive`] holds what must never reach a log, a span, a metric or an error: its `Debug`
//! and its serialised form show nothing. [`Privacy`] travels with every call: whose data, on what consent, for which
//! purpose, kept how long; a service that needs more than that refuses. A [`permit`] says so with a signature, use by use. When not: sizes and codes are not sensitive;
//! wrap what identifies or quotes a person. Source: GDPR Art. 5 and 25, FERPA; the consent ladder is our own.

pub mod permit;
mod vocabulary;

pub use vocabulary::{Basis, Category, Purpose};

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use crate::error::Error;

/// A value whose `Debug` and serialised form show nothing. Take it out with [`Sensitive::expose`], where it is used.
#[derive(Clone, Default, PartialEq, Eq, Hash, serde::Deserialize)]
#[serde(transparent)]
pub struct Sensitive<T>(T);

impl<T> Sensitive<T> {
    /// Wraps a value.
    pub fn new(value: T) -> Self {
        Self(value)
    }

    /// The value itself: for using it, never for printing it.
    pub fn expose(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Sensitive<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(REDACTED)
    }
}

impl<T> serde::Serialize for Sensitive<T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(REDACTED)
    }
}

/// What stands where something was hidden.
pub const REDACTED: &str = "[redacted]";

/// Field names whose values never leave the process in a log or a span, whoever records them. The contracts'
/// `debug_redact` fields are among them.
pub const HIDDEN_FIELDS: &[&str] = &[
    "actor",
    "assignment",
    "authorization",
    "body",
    "chunk",
    "classes",
    "cookie",
    "correction",
    "draft",
    "earlier",
    "email",
    "later",
    "password",
    "payload",
    "principal",
    "pseudonym",
    "pseudonyms",
    "record",
    "reflection",
    "reply",
    "secret",
    "student",
    "student_text",
    "students",
    "subject",
    "task",
    "text",
    "token",
];

/// Whether a log or span field of this name is hidden.
#[must_use]
pub fn hides(field: &str) -> bool {
    HIDDEN_FIELDS.binary_search(&field).is_ok()
}

/// What a student (or their parent) has agreed to; each level includes those before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Consent {
    /// Nothing: not even to process what this call carries.
    None,
    /// To process what this call carries in order to answer it; nothing is kept. What a call without a word means.
    #[default]
    Processing,
    /// To keep it for the student's own learning.
    Learning,
    /// To use it, pseudonymised, for research.
    Research,
}

impl Consent {
    const NAMES: [(&'static str, Self); 4] = [
        ("none", Self::None),
        ("processing", Self::Processing),
        ("learning", Self::Learning),
        ("research", Self::Research),
    ];

    /// Its name on the wire.
    #[must_use]
    pub fn name(self) -> &'static str {
        Self::NAMES[self as usize].0
    }

    /// Its number in contracts and statements.
    #[must_use]
    pub const fn number(self) -> i32 {
        self as i32 + 1
    }

    /// The level of a number.
    #[must_use]
    pub fn from_number(number: i32) -> Option<Self> {
        Self::NAMES
            .into_iter()
            .map(|(_, consent)| consent)
            .find(|consent| consent.number() == number)
    }
}

impl FromStr for Consent {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        Self::NAMES
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, consent)| *consent)
            .ok_or_else(|| {
                Error::invalid_argument(
                    "CONTEXT_INVALID",
                    "lyceum-consent is one of none, processing, learning, research",
                )
            })
    }
}

/// What a call may do with whose data.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Privacy {
    /// A pseudonym of the student the call is about; never a name. Absent where it is about nobody.
    pub student: Option<Sensitive<String>>,
    /// What was agreed to.
    pub consent: Consent,
    /// Why the data is processed, such as `instruction`; lower-case words joined by hyphens, at most 64 characters.
    pub purpose: Option<String>,
    /// How long anything may be kept; zero: not at all.
    pub retention: Duration,
}

impl Privacy {
    /// Refuses a call whose consent does not reach `needed`.
    ///
    /// # Errors
    /// PERMISSION_DENIED with reason CONSENT_REQUIRED; metadata `needed` and `granted`.
    pub fn require(&self, needed: Consent) -> Result<(), Error> {
        if self.consent >= needed {
            return Ok(());
        }
        Err(Error::permission_denied(
            "CONSENT_REQUIRED",
            format!(
                "this needs the consent \"{}\", and the call carries \"{}\"",
                needed.name(),
                self.consent.name()
            ),
        )
        .with_metadata("needed", needed.name())
        .with_metadata("granted", self.consent.name()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sensitive_values_show_nothing() {
        let secret = Sensitive::new("Ada wrote this".to_owned());
        assert_eq!(format!("{secret:?}"), REDACTED);
        assert_eq!(serde_json::to_string(&secret).ok().as_deref(), Some("\"[redacted]\""));
        assert_eq!(secret.expose(), "Ada wrote this");
    }

    #[test]
    fn hidden_fields_are_sorted_so_that_the_search_finds_them() {
        assert!(HIDDEN_FIELDS.is_sorted());
        assert!(hides("text") && hides("student") && !hides("method"));
    }

    #[test]
    fn consent_is_a_ladder() {
        let granted = Privacy {
            consent: Consent::Learning,
            ..Privacy::default()
        };
        assert!(granted.require(Consent::Processing).is_ok());
        let refused = granted.require(Consent::Research).map_err(|error| error.reason());
        assert_eq!(refused, Err("CONSENT_REQUIRED"));
        for (name, consent) in Consent::NAMES {
            assert_eq!(name.parse(), Ok(consent));
            assert_eq!(consent.name(), name);
        }
    }

    #[test]
    fn contract_messages_hide_their_text() {
        let request = crate::contracts::writing_analysis::v1::AnalyzeWritingRequest {
            text: "my secret essay".to_owned(),
            max_findings: 7,
        };
        let shown = format!("{request:?}");
        assert!(
            !shown.contains("secret") && shown.contains("15 bytes") && shown.contains('7'),
            "{shown}"
        );
    }
}
