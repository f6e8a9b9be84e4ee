//! Regulations as data: rules in files that a lawyer reads, each with the article that it comes from.
//!
//! Within a regulation the first rule that fits speaks, so a file is read from top to bottom: exceptions stand before what
//! they are exceptions from, and the last rule is for everything else. A regulation without a rule that fits is silent.
//! Between the regulations that a school has to keep, the strictest [`Effect`] wins. Somebody whose age nobody knows is
//! treated as whatever age is treated most strictly.
//!
//! When not: a regulation here says what may be processed; what it demands of contracts, notices and security is for
//! people. These files are our reading of the law on the day that they name, and no advice. Source: each file names its
//! own; the form is that of a decision list (Rivest 1987), combined by deny-overrides (XACML 3.0).

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::sync::LazyLock;

use lyceum::privacy::{Basis, Category, Purpose};
use serde::Deserialize;

/// What a rule demands, from the most lenient to the strictest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// Allowed on the rule's basis, whatever anybody agreed to.
    Allowed,
    /// Allowed on the rule's basis, as long as nobody objects.
    UnlessObjected,
    /// Allowed where the student, or a guardian for them, agreed.
    StudentConsent,
    /// Allowed where a guardian agreed.
    GuardianConsent,
    /// Never.
    Forbidden,
}

/// Something about a school that a rule may depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Fact {
    /// A written agreement puts the service under the school's direct control, for education alone.
    Agreement,
    /// The school is a public authority.
    PublicAuthority,
}

/// An age in a rule: a number of years, or the one that the school's country chose.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Age {
    /// In years.
    Years(u8),
    /// That from which a child may consent to online services alone (GDPR Art. 8(1)).
    Named(NamedAge),
}

/// Ages that are chosen elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NamedAge {
    /// GDPR Art. 8(1): 16, or what a country chose, from 13 on.
    DigitalConsent,
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Rule {
    /// Its name in its regulation.
    pub name: String,
    /// Where it stands in the law.
    pub article: String,
    /// What it says, in plain words.
    pub says: String,
    /// For which purposes; all, where none are named.
    #[serde(default)]
    pub purposes: BTreeSet<Purpose>,
    /// For which data; all, where none is named.
    #[serde(default)]
    pub categories: BTreeSet<Category>,
    /// For students younger than this.
    pub age_below: Option<Age>,
    /// Only where all of this is so.
    #[serde(default)]
    pub where_there_is: BTreeSet<Fact>,
    /// What it demands.
    pub effect: Effect,
    /// On which basis, where no consent is needed.
    pub basis: Option<Basis>,
}

impl Rule {
    fn fits(&self, school: &School, purpose: Purpose, category: Category, age: u8) -> bool {
        let younger = |limit: Age| {
            age < match limit {
                Age::Years(years) => years,
                Age::Named(NamedAge::DigitalConsent) => school.digital_consent_age,
            }
        };
        (self.purposes.is_empty() || self.purposes.contains(&purpose))
            && (self.categories.is_empty() || self.categories.contains(&category))
            && self.age_below.is_none_or(younger)
            && self.where_there_is.is_subset(&school.facts)
    }
}

/// A set of rules.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Regulation {
    /// Its short name.
    pub name: String,
    /// Its whole name.
    pub title: String,
    /// Where it is published.
    pub source: String,
    /// The day of the text that was read.
    pub as_read_on: String,
    /// In the order in which they are tried.
    pub rules: Vec<Rule>,
}

/// Why a file is no regulation, or a combination none that a school can have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not in the form of the files.
    #[error("the rules cannot be read: {0}")]
    Form(String),
    /// A rule that contradicts itself.
    #[error("the rule \"{rule}\": {problem}")]
    Rule {
        /// Which rule.
        rule: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// A name that no set of rules has.
    #[error("there are no rules by the name \"{0}\"")]
    Unknown(String),
    /// An age that Art. 8(1) does not allow.
    #[error("the age of digital consent is between 13 and 16")]
    Age,
}

impl Regulation {
    /// Reads a file.
    ///
    /// # Errors
    /// [`Error::Form`] and [`Error::Rule`].
    pub fn parse(text: &str) -> Result<Self, Error> {
        let regulation: Self = toml::from_str(text).map_err(|error| Error::Form(error.message().to_owned()))?;
        let mut names = BTreeSet::new();
        for rule in &regulation.rules {
            let problem = if !names.insert(&rule.name) {
                "there are two of this name"
            } else if rule.article.is_empty() || rule.says.is_empty() {
                "it names no article, or says nothing"
            } else if (rule.effect <= Effect::UnlessObjected) != rule.basis.is_some() {
                "a basis is named where no consent is needed, and only there"
            } else {
                continue;
            };
            return Err(Error::Rule {
                rule: rule.name.clone(),
                problem,
            });
        }
        Ok(regulation)
    }

    /// The rule that speaks.
    #[must_use]
    pub fn rule(&self, school: &School, purpose: Purpose, category: Category, age: u8) -> Option<&Rule> {
        self.rules.iter().find(|rule| rule.fits(school, purpose, category, age))
    }
}

/// What comes with this service: our own floor, and the laws that schools choose from.
static REGULATIONS: LazyLock<Vec<Regulation>> = LazyLock::new(|| {
    [
        include_str!("regulation/house.toml"),
        include_str!("regulation/ferpa.toml"),
        include_str!("regulation/gdpr.toml"),
        include_str!("regulation/coppa.toml"),
        include_str!("regulation/sopipa.toml"),
    ]
    .iter()
    // A test reads each of them.
    .filter_map(|text| Regulation::parse(text).ok())
    .collect()
});

/// The name of the rules that every school keeps.
pub const HOUSE: &str = "house";

/// All that come with this service.
#[must_use]
pub fn all() -> &'static [Regulation] {
    &REGULATIONS
}

/// What a school has to keep, and what is so there.
#[derive(Clone, Debug)]
pub struct School {
    regulations: Vec<&'static Regulation>,
    facts: BTreeSet<Fact>,
    digital_consent_age: u8,
}

impl School {
    /// A school that keeps these regulations, by name, beside our own rules.
    ///
    /// # Errors
    /// [`Error::Unknown`], and [`Error::Age`] for an age of digital consent outside 13 to 16.
    pub fn try_new(
        names: &[&str],
        facts: impl IntoIterator<Item = Fact>,
        digital_consent_age: u8,
    ) -> Result<Self, Error> {
        if !(13..=16).contains(&digital_consent_age) {
            return Err(Error::Age);
        }
        let mut regulations = Vec::new();
        // Of the same strictness, a law is a better reason than our own rules.
        for name in names.iter().chain([&HOUSE]) {
            let found = all().iter().find(|regulation| regulation.name == *name);
            let found = found.ok_or_else(|| Error::Unknown((*name).to_owned()))?;
            if !regulations.contains(&found) {
                regulations.push(found);
            }
        }
        Ok(Self {
            regulations,
            facts: facts.into_iter().collect(),
            digital_consent_age,
        })
    }

    /// Every rule that speaks, strictest first; of the same strictness, those with a basis in law first, in the order of
    /// the regulations.
    #[must_use]
    pub fn spoken(&self, purpose: Purpose, category: Category, age: Option<u8>) -> Vec<Spoken> {
        /// The oldest that any rule tells from older students.
        const GROWN: u8 = 25;
        let at = |age: u8| {
            let mut spoken: Vec<Spoken> = self
                .regulations
                .iter()
                .filter_map(|regulation| {
                    let rule = regulation.rule(self, purpose, category, age)?;
                    Some(Spoken { regulation, rule })
                })
                .collect();
            spoken.sort_by_key(|Spoken { rule, .. }| (Reverse(rule.effect), rule.basis == Some(Basis::Unregulated)));
            spoken
        };
        match age {
            Some(age) => at(age),
            // Of ages that are treated alike, the youngest.
            None => (0..=GROWN)
                .rev()
                .map(at)
                .max_by_key(|spoken| spoken.first().map(|first| first.rule.effect))
                .unwrap_or_default(),
        }
    }
}

/// A rule that spoke.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spoken {
    /// Of which regulation.
    pub regulation: &'static Regulation,
    /// Which rule.
    pub rule: &'static Rule,
}

#[cfg(test)]
mod tests;
