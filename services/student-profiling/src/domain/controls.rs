//! Data controls: what of a student's data is used for what, what that gives them, and what is lost without it.
//!
//! A use is a pair of a purpose and a source. Most pairs do not exist: [`Purpose::needs`] names the sources that a
//! purpose cannot do without (data minimisation), and only those can be switched. Uses by others than the student and
//! whoever teaches them are off until somebody turns them on (protection by default). A use happens only when the pair
//! exists, the student has it on, *and* the consent reaches [`Purpose::consent`]: each can only take away.
//!
//! When not: who consents for whom, and the texts agreed to, belong to the privacy service. Source: GDPR Art. 5(1)(b)
//! and (c), 25(2); the sentences are our own.

use lyceum::privacy::Consent;
use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Where data comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Measures of texts.
    Writing,
    /// How deep reflections go.
    Reflection,
    /// How drafts change.
    Revision,
    /// How help of an AI was used.
    Assistance,
    /// Results of tasks and tests.
    Assessment,
    /// What educators recorded.
    Educator,
}

impl Source {
    /// All of them, in the contract's order.
    pub const ALL: [Self; 6] = [
        Self::Writing,
        Self::Reflection,
        Self::Revision,
        Self::Assistance,
        Self::Assessment,
        Self::Educator,
    ];

    fn phrase(self) -> &'static str {
        match self {
            Self::Writing => "measures of your texts",
            Self::Reflection => "the depth of your reflections",
            Self::Revision => "how your drafts change",
            Self::Assistance => "how you use an AI's help",
            Self::Assessment => "results of tasks and tests",
            Self::Educator => "what your educators recorded",
        }
    }
}

/// What data is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Purpose {
    /// The student sees their own growth.
    OwnProfile,
    /// Next steps are proposed.
    Recommendation,
    /// Educators see the growth.
    EducatorView,
    /// Educators are told when something calls for attention.
    Alert,
    /// Statistics over a class.
    Cohort,
    /// Research.
    Research,
}

impl Purpose {
    /// All of them, in the contract's order.
    pub const ALL: [Self; 6] = [
        Self::OwnProfile,
        Self::Recommendation,
        Self::EducatorView,
        Self::Alert,
        Self::Cohort,
        Self::Research,
    ];

    /// The sources that it cannot do without; all others it never sees.
    #[must_use]
    pub fn needs(self) -> &'static [Source] {
        use Source::{Assessment, Assistance, Educator, Reflection, Revision, Writing};
        match self {
            Self::OwnProfile => &Source::ALL,
            Self::Recommendation => &[Writing, Reflection, Revision, Assistance, Assessment],
            Self::EducatorView => &[Writing, Reflection, Revision, Assessment, Educator],
            // What a student asks an AI alarms nobody, and an educator's own note needs no alert.
            Self::Alert => &[Writing, Reflection, Revision, Assessment],
            Self::Cohort => &[Writing, Reflection, Assessment],
            Self::Research => &[Writing, Reflection, Revision, Assessment],
        }
    }

    /// The least consent that it takes.
    #[must_use]
    pub fn consent(self) -> Consent {
        match self {
            Self::Research => Consent::Research,
            _ => Consent::Learning,
        }
    }

    /// Whether its uses are on unless somebody turns them off.
    #[must_use]
    pub fn on_by_default(self) -> bool {
        matches!(self, Self::OwnProfile | Self::Recommendation | Self::EducatorView)
    }

    fn gives(self) -> &'static str {
        match self {
            Self::OwnProfile => "you see how your skills grow",
            Self::Recommendation => "next steps that fit you are proposed, with their reasons",
            Self::EducatorView => "your educators see where you stand and can help without asking first",
            Self::Alert => "your educators learn early when something changes and can ask how you are",
            Self::Cohort => "your class is taught with you in mind, while nobody can tell your part in the figures",
            Self::Research => "studies of how people learn count you in, under another pseudonym",
        }
    }

    fn lost(self) -> &'static str {
        match self {
            Self::OwnProfile => "your own curves and levels leave this out and are less sure",
            Self::Recommendation => "proposals rest on the rest alone, or there are fewer",
            Self::EducatorView => "your educators do not see it unless you show it to them",
            Self::Alert => "nobody is told when it changes; you would have to ask for help yourself",
            Self::Cohort => "figures of your class are made without you; nothing changes for you alone",
            Self::Research => "nothing changes for you",
        }
    }
}

/// One thing that data is used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Use {
    /// What for.
    pub purpose: Purpose,
    /// Of which data.
    pub source: Source,
}

impl Use {
    /// Every use there is, by purpose, then source.
    pub fn all() -> impl Iterator<Item = Self> {
        Purpose::ALL
            .into_iter()
            .flat_map(|purpose| purpose.needs().iter().map(move |&source| Self { purpose, source }))
    }

    /// Whether a purpose may see a source at all.
    #[must_use]
    pub fn exists(self) -> bool {
        self.purpose.needs().contains(&self.source)
    }

    /// What it gives the student, in one sentence.
    #[must_use]
    pub fn gives(self) -> String {
        format!("From {}, {}.", self.source.phrase(), self.purpose.gives())
    }

    /// What is lost without it, in one sentence.
    #[must_use]
    pub fn lost_when_off(self) -> String {
        format!("Without {}, {}.", self.source.phrase(), self.purpose.lost())
    }

    fn bit(self) -> u64 {
        1 << (self.purpose as u32 * 8 + self.source as u32)
    }
}

/// Sets one use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Switch {
    /// Which.
    #[serde(flatten)]
    pub target: Use,
    /// On or off.
    pub on: bool,
}

/// Why switches were refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Error {
    /// A pair that no purpose needs.
    #[error("this purpose never uses this source: there is nothing to switch")]
    Unknown(Use),
    /// The same use twice.
    #[error("a use is switched once in a request")]
    Twice(Use),
}

/// A student's switches. What nobody touched stays at its default, also when defaults change later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Controls {
    // Bits of uses, so that the whole is two integers of a row.
    turned_on: u64,
    turned_off: u64,
}

impl Controls {
    /// Sets all of the switches, or none.
    ///
    /// # Errors
    /// A switch of no existing use, or two of the same.
    pub fn with(self, switches: &[Switch]) -> Result<Self, Error> {
        let mut next = self;
        let mut seen = 0;
        for Switch { target, on } in switches {
            if !target.exists() {
                return Err(Error::Unknown(*target));
            }
            let bit = target.bit();
            if seen & bit != 0 {
                return Err(Error::Twice(*target));
            }
            seen |= bit;
            next.turned_on &= !bit;
            next.turned_off &= !bit;
            if *on {
                next.turned_on |= bit;
            } else {
                next.turned_off |= bit;
            }
        }
        Ok(next)
    }

    /// Whether the student lets this happen; consent may still be missing.
    #[must_use]
    pub fn on(self, target: Use) -> bool {
        let bit = target.bit();
        target.exists() && self.turned_off & bit == 0 && (self.turned_on & bit != 0 || target.purpose.on_by_default())
    }

    /// Whether data of this source may be used for this purpose now.
    #[must_use]
    pub fn allow(self, target: Use, consent: Consent) -> bool {
        consent >= target.purpose.consent() && self.on(target)
    }

    /// Whether data of this source may be used for anything: if not, it is not to be kept.
    #[must_use]
    pub fn allow_any(self, source: Source, consent: Consent) -> bool {
        Purpose::ALL
            .into_iter()
            .any(|purpose| self.allow(Use { purpose, source }, consent))
    }
}

#[cfg(test)]
mod tests;
