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
    /// What holds.
    pub value: Value,
    /// Where it comes from.
    pub origin: Origin,
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
                key: path.join("."),
                value: value.clone(),
            });
        let mut settings: Vec<_> = settings.collect();
        // Tables apart: TOML lets none be opened twice.
        settings.sort_by_cached_key(|Setting { key, .. }| {
            let table = key.rsplit_once('.').map_or("", |(table, _)| table).to_owned();
            (ORDER.iter().position(|section| key.starts_with(section)), table)
        });
        Ok(settings)
    }
}

const ORDER: [&str; 6] = ["call.", "methods.", "budget.", "balancing.", "serving.", "edge."];
