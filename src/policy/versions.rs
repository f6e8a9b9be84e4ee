//! `[edge.versions]`: which version of an API a caller gets that names none, and which versions are to go.
//!
//! A version is a package's last part (`v1`, `v2beta1`). When not: a caller that names a version gets it.

use std::collections::BTreeMap;
use std::time::SystemTime;

use http::HeaderValue;
use humantime_serde::re::humantime::parse_rfc3339_weak;
use serde::{Deserialize, Serialize};

use super::rules::Rules;

/// Defaults, keys and versions to go.
const ENTRIES: usize = 1024;
/// The longest link.
const LINK: usize = 2048;

/// Which version of an API a caller gets.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Versions {
    /// By a service's name in Consul, or its full name without a version: what a call gets that names none.
    pub defaults: BTreeMap<String, String>,
    /// By the id of an API key: the same for its calls, before the defaults.
    pub keys: BTreeMap<String, String>,
    /// By package, as in `lyceum.writing_analysis.v1`: what is to go.
    pub deprecated: BTreeMap<String, Deprecation>,
}

/// A version that is to go.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Deprecation {
    /// Since when it is not to be used: a day as in 2026-12-31, or a time in UTC.
    pub since: String,
    /// When it will be gone, likewise; absent where that is not known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sunset: Option<String>,
    /// Where that is explained: a path or an address. Absent: the gateway's own documentation.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

// === impl Versions ===

impl Versions {
    pub(super) fn check(&self, rules: &mut Rules<'_>) {
        for (section, entries) in [("defaults", &self.defaults), ("keys", &self.keys)] {
            for (name, version) in entries {
                if !is_version(version) {
                    rules.broken(&format!("{section}.{name}"), "must be a version as in v1 or v2beta1");
                }
            }
        }
        for (package, deprecation) in &self.deprecated {
            let key = format!("deprecated.{package}");
            if !package.rsplit_once('.').is_some_and(|(_, version)| is_version(version)) {
                rules.broken(
                    &key,
                    "must be a package with a version, as in lyceum.writing_analysis.v1",
                );
            }
            let since = deprecation.since();
            if since.is_none() {
                rules.broken(&format!("{key}.since"), NO_DAY);
            }
            if deprecation.sunset.is_some() {
                match deprecation.sunset() {
                    None => rules.broken(&format!("{key}.sunset"), NO_DAY),
                    Some(sunset) if since.is_some_and(|since| sunset < since) => {
                        rules.broken(&format!("{key}.sunset"), "must not be before since");
                    }
                    Some(_) => {}
                }
            }
            if deprecation.link.as_deref().is_some_and(|link| !is_link(link)) {
                rules.broken(
                    &format!("{key}.link"),
                    "must be a path, or an address that begins with https://",
                );
            }
        }
        if self.defaults.len() + self.keys.len() + self.deprecated.len() > ENTRIES {
            rules.broken("defaults", format!("all of it must have at most {ENTRIES} entries"));
        }
    }
}

const NO_DAY: &str = "must be a day as in 2026-12-31, or a time as in 2026-12-31T12:00:00Z";

// === impl Deprecation ===

impl Deprecation {
    /// Since when.
    #[must_use]
    pub fn since(&self) -> Option<SystemTime> {
        day(&self.since)
    }

    /// Until when, where that is known.
    #[must_use]
    pub fn sunset(&self) -> Option<SystemTime> {
        day(self.sunset.as_deref()?)
    }
}

fn day(text: &str) -> Option<SystemTime> {
    let whole = if text.len() == 10 {
        format!("{text}T00:00:00Z")
    } else {
        text.to_owned()
    };
    parse_rfc3339_weak(&whole).ok()
}

fn is_version(text: &str) -> bool {
    let Some(rest) = text.strip_prefix('v') else {
        return false;
    };
    let digits = rest.trim_start_matches(|letter: char| letter.is_ascii_digit());
    let stage = digits
        .strip_prefix("alpha")
        .or_else(|| digits.strip_prefix("beta"))
        .unwrap_or(digits);
    digits.len() < rest.len() && text.len() <= 16 && stage.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_link(link: &str) -> bool {
    link.len() <= LINK
        && (link.starts_with('/') || link.starts_with("https://"))
        && !link.contains(['<', '>', '"', ' '])
        && HeaderValue::from_str(link).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::Policy;

    fn read(document: &str) -> Result<Versions, String> {
        Policy::default()
            .with(document.as_bytes())
            .map(|policy| policy.edge.versions)
            .map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_said_is_kept() {
        let versions = read(
            "[edge.versions.defaults]\nwriting-analysis = \"v1\"\n[edge.versions.keys]\nabc = \"v2beta1\"\n\
             [edge.versions.deprecated.\"a.b.v1\"]\nsince = \"2026-01-01\"\nsunset = \"2026-12-31T12:00:00Z\"\nlink = \"/why\"",
        )
        .unwrap();
        assert_eq!(versions.defaults["writing-analysis"], "v1");
        let old = &versions.deprecated["a.b.v1"];
        assert!(old.since().unwrap() < old.sunset().unwrap());
    }

    #[test]
    fn what_cannot_be_is_told() {
        for (document, told) in [
            ("[edge.versions.defaults]\na = \"1\"", "edge.versions.defaults.a"),
            ("[edge.versions.defaults]\na = \"v\"", "edge.versions.defaults.a"),
            ("[edge.versions.keys]\na = \"v1gamma\"", "edge.versions.keys.a"),
            (
                "[edge.versions.deprecated.\"a.b\"]\nsince = \"2026-01-01\"",
                "edge.versions.deprecated.a.b",
            ),
            (
                "[edge.versions.deprecated.\"a.v1\"]\nsince = \"soon\"",
                "edge.versions.deprecated.a.v1.since",
            ),
            (
                "[edge.versions.deprecated.\"a.v1\"]\nsince = \"2026-02-01\"\nsunset = \"2026-01-01\"",
                "edge.versions.deprecated.a.v1.sunset",
            ),
            (
                "[edge.versions.deprecated.\"a.v1\"]\nsince = \"2026-02-01\"\nlink = \"javascript:x\"",
                "edge.versions.deprecated.a.v1.link",
            ),
        ] {
            let error = read(document).unwrap_err();
            assert!(error.contains(told), "{error}");
        }
    }
}
