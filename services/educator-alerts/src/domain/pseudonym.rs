//! A name that says nothing: 1 to 128 letters, digits, hyphens and underscores.
//!
//! What: the only form in which a student, class or educator enters the domain. Why a type: it cannot be made of a name
//! with a space or an address with an @, and its `Debug` shows nothing. When not: who is behind it is known to the
//! service that owns accounts alone.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The longest.
pub const MOST: usize = 128;

/// Somebody or some class.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pseudonym(String);

/// A text that is no pseudonym.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a pseudonym has 1 to {MOST} letters, digits, hyphens and underscores")]
pub struct Error;

impl Pseudonym {
    /// Reads one.
    ///
    /// # Errors
    /// A text of another form.
    pub fn parse(text: impl Into<String>) -> Result<Self, Error> {
        let text = text.into();
        let plain = text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'));
        if plain && (1..=MOST).contains(&text.len()) {
            Ok(Self(text))
        } else {
            Err(Error)
        }
    }

    /// As text, for storage and for those who may know.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Pseudonym {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl TryFrom<String> for Pseudonym {
    type Error = Error;

    fn try_from(text: String) -> Result<Self, Error> {
        Self::parse(text)
    }
}

impl From<Pseudonym> for String {
    fn from(pseudonym: Pseudonym) -> Self {
        pseudonym.0
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use super::*;

    #[test]
    fn what_could_be_a_name_is_refused_and_nothing_is_shown() {
        for bad in ["", "Ada Lovelace", "ada@school", "ädä", "a.b", &"x".repeat(129)] {
            assert_eq!(Pseudonym::parse(bad), Err(Error), "{bad}");
        }
        let student = Pseudonym::parse("s-1_Z".to_owned()).unwrap();
        assert_eq!(format!("{student:?}"), "[redacted]");
        assert_eq!(student.as_str(), "s-1_Z");
        assert!(serde_json::from_str::<Pseudonym>("\"a b\"").is_err());
    }
}
