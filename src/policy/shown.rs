//! Where each value comes from, for the person who wonders why.

use serde::Serialize;
use toml::{Table, Value};

use super::document::{leaves, parse};
use super::{Error, Policy};
use crate::configuration::find;

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// It is the default.
    Default,
    /// `[policy]` of the configuration: its file, its environment or a flag.
    Configuration,
    /// The service's document in Consul.
    Consul,
}

/// One value that holds.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Setting {
    /// Such as `call.deadline`.
    pub key: String,
    /// How much of the key names its table: all but the last part.
    #[serde(skip)]
    table: usize,
    /// What holds.
    pub value: Value,
    /// Where it comes from.
    pub origin: Origin,
}

impl Setting {
    /// The table that it stands in, such as `call`.
    #[must_use]
    pub fn table(&self) -> &str {
        &self.key[..self.table]
    }

    /// Its name in that table, such as `deadline`.
    #[must_use]
    pub fn name(&self) -> &str {
        self.key[self.table..].trim_start_matches('.')
    }
}

impl Policy {
    /// Every value of this policy with a document above it, in the order of the sections.
    ///
    /// # Errors
    /// As [`Policy::with`].
    pub fn settings(&self, document: &[u8]) -> Result<Vec<Setting>, Error> {
        let [defaults, merged] =
            [&Self::default(), &self.with(document)?].map(|policy| Table::try_from(policy).unwrap_or_default());
        let document = parse(document)?;
        let settings = leaves(&merged)
            .into_iter()
            // A section that is empty says nothing.
            .filter(|(_, value)| !value.is_table())
            .map(|(path, value)| Setting {
                origin: if find(&document, &path).is_some() {
                    Origin::Consul
                } else if find(&defaults, &path) == Some(value) {
                    Origin::Default
                } else {
                    Origin::Configuration
                },
                table: dotted(&path[..path.len() - 1]).len(),
                key: dotted(&path),
                value: value.clone(),
            });
        let mut settings: Vec<_> = settings.collect();
        // Tables apart: TOML lets none be opened twice.
        settings.sort_by_cached_key(|setting| {
            let place = ORDER.iter().position(|section| setting.key.starts_with(section));
            (place, setting.table().to_owned())
        });
        Ok(settings)
    }
}

const ORDER: [&str; 6] = ["call.", "methods.", "budget.", "balancing.", "serving.", "edge."];

/// A path as TOML writes it: what is more than a word stands in quotes.
fn dotted(path: &[&str]) -> String {
    let is_word = |part: &str| {
        !part.is_empty()
            && part
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
    };
    let part = |part: &&str| {
        if is_word(part) {
            (*part).to_owned()
        } else {
            Value::String((*part).to_owned()).to_string()
        }
    };
    path.iter().map(part).collect::<Vec<_>>().join(".")
}
