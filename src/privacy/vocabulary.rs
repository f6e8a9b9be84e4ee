//! The words of privacy: which data, for what, on which basis. The same numbers as in `lyceum.privacy.v1`, whose comments
//! say what each means; the same names in rules, headers and reasons.

use std::fmt;
use std::str::FromStr;

/// A name that is none of the words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no {0} of this name")]
pub struct Unknown(&'static str);

/// An enumeration whose members have names and the contract's numbers.
macro_rules! words {
    ($(#[$meta:meta])* $kind:ident, $what:literal: $($(#[$doc:meta])* $member:ident = $number:literal $name:literal,)+) => {
        $(#[$meta])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $kind {
            $($(#[$doc])* $member = $number,)+
        }

        impl $kind {
            /// Each of them, in the order of their numbers.
            pub const ALL: &[Self] = &[$(Self::$member,)+];

            /// Its name: lower-case words joined by hyphens.
            #[must_use]
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$member => $name,)+
                }
            }

            /// Its number in the contract.
            #[must_use]
            pub const fn number(self) -> i32 {
                self as i32
            }

            /// The one of a number; none for what a newer contract may know.
            #[must_use]
            pub fn from_number(number: i32) -> Option<Self> {
                Self::ALL.iter().copied().find(|one| one.number() == number)
            }
        }

        impl FromStr for $kind {
            type Err = Unknown;

            fn from_str(name: &str) -> Result<Self, Unknown> {
                Self::ALL.iter().copied().find(|one| one.name() == name).ok_or(Unknown($what))
            }
        }

        impl fmt::Display for $kind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.name())
            }
        }

        impl<'de> serde::Deserialize<'de> for $kind {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let name = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
                name.parse().map_err(|unknown| serde::de::Error::custom(format!("{unknown}: {name}")))
            }
        }
    };
}

words! {
    /// What data is about.
    Category, "category":
    /// Who somebody is.
    Account = 1 "account",
    /// What a student made.
    Work = 2 "work",
    /// What they think about their own learning.
    Reflection = 3 "reflection",
    /// What they did and when.
    Activity = 4 "activity",
    /// Marks, measures and analyses.
    Result = 5 "result",
    /// What was inferred about them.
    Profile = 6 "profile",
    /// What somebody wrote to or about them.
    Message = 7 "message",
    /// Health, needs, beliefs.
    Wellbeing = 8 "wellbeing",
}

words! {
    /// What data is used for.
    Purpose, "purpose":
    /// To run and secure the service.
    Operation = 1 "operation",
    /// To teach: help on the work in hand.
    Instruction = 2 "instruction",
    /// To assess and certify.
    Assessment = 3 "assessment",
    /// To fit learning to a student.
    Personalisation = 4 "personalisation",
    /// To tell educators who may need help.
    Support = 5 "support",
    /// To protect life or safety.
    Safeguarding = 6 "safeguarding",
    /// To improve teaching and the service, in figures over many.
    Improvement = 7 "improvement",
    /// Research beyond the school.
    Research = 8 "research",
    /// To advertise or sell.
    Advertising = 9 "advertising",
}

words! {
    /// What makes a use lawful.
    Basis, "basis":
    /// The student agreed.
    Consent = 1 "consent",
    /// A parent or guardian agreed.
    GuardianConsent = 2 "guardian-consent",
    /// A public school's task.
    PublicTask = 3 "public-task",
    /// An agreement with the family.
    Contract = 4 "contract",
    /// Life or safety.
    VitalInterest = 5 "vital-interest",
    /// The school's own work, under its control.
    SchoolOfficial = 6 "school-official",
    /// The school agreed in the parents' place.
    SchoolAuthorisation = 7 "school-authorisation",
    /// A study that the law favours.
    Study = 8 "study",
    /// No rule asks for more.
    Unregulated = 9 "unregulated",
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::contracts::privacy::v1 as contract;
    use crate::privacy::Consent;

    fn same(name: &str, prefix: &str, theirs: Option<&str>) {
        let upper = name.to_uppercase().replace('-', "_");
        assert_eq!(theirs, Some(format!("{prefix}_{upper}").as_str()));
    }

    #[test]
    fn names_and_numbers_are_those_of_the_contract() {
        for one in Category::ALL {
            let theirs = contract::DataCategory::try_from(one.number()).ok();
            same(one.name(), "DATA_CATEGORY", theirs.map(|theirs| theirs.as_str_name()));
            assert_eq!(
                (one.name().parse(), Category::from_number(one.number())),
                (Ok(*one), Some(*one))
            );
        }
        for one in Purpose::ALL {
            let theirs = contract::Purpose::try_from(one.number()).ok();
            same(one.name(), "PURPOSE", theirs.map(|theirs| theirs.as_str_name()));
        }
        for one in Basis::ALL {
            let theirs = contract::LegalBasis::try_from(one.number()).ok();
            same(one.name(), "LEGAL_BASIS", theirs.map(|theirs| theirs.as_str_name()));
        }
        for number in 1..=4 {
            let ours = Consent::from_number(number).map(Consent::name).unwrap_or_default();
            let theirs = contract::ConsentLevel::try_from(number).ok();
            same(ours, "CONSENT_LEVEL", theirs.map(|theirs| theirs.as_str_name()));
        }
        assert_eq!((Category::ALL.len(), Purpose::ALL.len(), Basis::ALL.len()), (8, 9, 9));
        assert!(contract::DataCategory::try_from(9).is_err() && contract::Purpose::try_from(10).is_err());
        assert_eq!((Purpose::from_number(0), Consent::from_number(5)), (None, None));
        assert!("teaching".parse::<Purpose>().is_err());
    }
}
