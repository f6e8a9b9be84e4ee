//! Names that say nothing about a person: what a subject, a student or a class is called behind the gateway.
//!
//! What already is a pseudonym by its letters travels as it is; anything else (an e-mail address, a full name) travels
//! as an HMAC under a key of the deployment, so that it is always the same for the same person and cannot be looked up
//! by hashing a list of addresses. Without a key such a name is refused. When not: whether `ada.lovelace` says something
//! about a person no rule can see; the setting `hash_subjects` of an issuer hashes all of its names.
//!
//! All issuers share one space of names, so that a parent's token can name the student of another issuer.
//! Source: GDPR Art. 4(5); NIST SP 800-224 (HMAC).

use std::fmt;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lyceum::principal::{Principal, Role};
use lyceum::secret::{self, Secret};
use ring::hmac;

/// 128 bits: no two people of a school district meet.
const KEPT: usize = 16;
/// The longest name that is hashed.
const LONGEST: usize = 1024;

/// Makes pseudonyms.
pub(super) struct Pseudonyms {
    key: Option<hmac::Key>,
}

// === impl Pseudonyms ===

impl Pseudonyms {
    /// With the key of a file, where there is one.
    pub(super) fn open(file: Option<&Path>) -> Result<Self, secret::Error> {
        let key = match file {
            Some(file) => Secret::read(file)?
                .first()
                .map(|secret| secret.hmac("pseudonym"))
                .transpose()?,
            None => None,
        };
        Ok(Self { key })
    }

    /// What a name is called behind the gateway; none for one that cannot travel.
    pub(super) fn of(&self, name: &str, always: bool) -> Option<String> {
        if !always && Principal::try_new(name, Role::Student).is_ok() {
            return Some(name.to_owned());
        }
        if name.is_empty() || name.len() > LONGEST {
            return None;
        }
        let tag = hmac::sign(self.key.as_ref()?, name.as_bytes());
        Some(format!("h.{}", URL_SAFE_NO_PAD.encode(&tag.as_ref()[..KEPT])))
    }
}

impl fmt::Debug for Pseudonyms {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pseudonyms")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pseudonyms(seed: u8) -> Pseudonyms {
        Pseudonyms {
            key: Secret::of([seed; 32]).hmac("pseudonym").ok(),
        }
    }

    #[test]
    fn what_is_no_pseudonym_becomes_one_and_stays_the_same() {
        let names = pseudonyms(1);
        let one = names.of("ada@school.example", false).unwrap();
        assert_eq!(names.of("ada@school.example", false), Some(one.clone()));
        assert!(one.starts_with("h.") && !one.contains("ada"), "{one}");
        assert!(Principal::try_new(one.clone(), Role::Student).is_ok());
        assert_ne!(names.of("bob@school.example", false), Some(one.clone()));
        assert_ne!(
            pseudonyms(2).of("ada@school.example", false),
            Some(one),
            "another deployment"
        );
    }

    #[test]
    fn a_pseudonym_travels_as_it_is_unless_all_are_hashed() {
        let names = pseudonyms(1);
        assert_eq!(names.of("s-17", false).as_deref(), Some("s-17"));
        assert!(names.of("s-17", true).unwrap().starts_with("h."));
        assert!(
            names.of("anonymous", false).unwrap().starts_with("h."),
            "nobody is that"
        );
    }

    #[test]
    fn without_a_key_nothing_is_hashed_and_nothing_slips_through() {
        let names = Pseudonyms { key: None };
        assert_eq!(names.of("s-17", false).as_deref(), Some("s-17"));
        assert_eq!(names.of("ada@school.example", false), None);
        assert_eq!(names.of("s-17", true), None);
        assert_eq!(pseudonyms(1).of(&"x".repeat(2000), false), None);
    }
}
