//! The metadata that instances announce and discovery reads: one place for its keys and its limits.
//!
//! Consul takes at most 512 characters a value, so a list that is longer goes on in `methods-2`, `methods-3` and so on.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

/// What an instance tells about itself beside its address and health.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Meta {
    /// The version of its build.
    pub version: String,
    /// The full names of the services it serves, as `lyceum.writing_analysis.v1.WritingAnalysisService`.
    pub methods: Vec<String>,
    /// What it can do beyond its contract's minimum.
    pub capabilities: Vec<String>,
    /// The zone it runs in; empty where zones play no part.
    pub zone: String,
    /// When its certificate ends, to the second.
    pub certificate_expires: Option<SystemTime>,
    /// Anything else.
    pub more: BTreeMap<String, String>,
}

const VERSION: &str = "version";
const ZONE: &str = "zone";
const PROTOCOL: &str = "protocol";
const METHODS: &str = "methods";
const CAPABILITIES: &str = "capabilities";
const CERTIFICATE_EXPIRES: &str = "certificate_expires";

/// Consul's limit for a value, in bytes.
const VALUE_BYTES: usize = 512;

// === impl Meta ===

impl Meta {
    /// As Consul keeps it: every key and value within Consul's limits for lists, `protocol=grpc` added.
    #[must_use]
    pub fn pairs(&self) -> BTreeMap<String, String> {
        let mut pairs = self.more.clone();
        pairs.insert(PROTOCOL.to_owned(), "grpc".to_owned());
        if !self.version.is_empty() {
            pairs.insert(VERSION.to_owned(), self.version.clone());
        }
        if !self.zone.is_empty() {
            pairs.insert(ZONE.to_owned(), self.zone.clone());
        }
        write_list(&mut pairs, METHODS, &self.methods);
        write_list(&mut pairs, CAPABILITIES, &self.capabilities);
        if let Some(expires) = self.certificate_expires {
            pairs.insert(CERTIFICATE_EXPIRES.to_owned(), timestamp(expires));
        }
        pairs
    }

    /// What pairs of Consul's say; what cannot be read is left out, as others write there too.
    #[must_use]
    pub fn read(pairs: &BTreeMap<String, String>) -> Self {
        let mut more = pairs.clone();
        more.remove(PROTOCOL);
        let version = more.remove(VERSION).unwrap_or_default();
        let zone = more.remove(ZONE).unwrap_or_default();
        let methods = take_list(&mut more, METHODS);
        let capabilities = take_list(&mut more, CAPABILITIES);
        let certificate_expires = more.remove(CERTIFICATE_EXPIRES).and_then(|text| read_timestamp(&text));
        Self {
            version,
            methods,
            capabilities,
            zone,
            certificate_expires,
            more,
        }
    }
}

fn part(key: &str, number: usize) -> String {
    if number == 1 {
        key.to_owned()
    } else {
        format!("{key}-{number}")
    }
}

fn write_list(pairs: &mut BTreeMap<String, String>, key: &str, items: &[String]) {
    let mut number = 1;
    let mut value = String::new();
    for item in items.iter().filter(|item| !item.is_empty()) {
        if !value.is_empty() && value.len() + 1 + item.len() > VALUE_BYTES {
            pairs.insert(part(key, number), std::mem::take(&mut value));
            number += 1;
        }
        if !value.is_empty() {
            value.push(',');
        }
        value.push_str(item);
    }
    if !value.is_empty() {
        pairs.insert(part(key, number), value);
    }
}

fn take_list(pairs: &mut BTreeMap<String, String>, key: &str) -> Vec<String> {
    let mut items = Vec::new();
    let mut number = 1;
    while let Some(value) = pairs.remove(&part(key, number)) {
        items.extend(
            value
                .split(',')
                .map(str::trim)
                .filter(|item| !item.is_empty())
                .map(str::to_owned),
        );
        number += 1;
    }
    items
}

/// `2026-11-21T10:00:00Z`: an operator reads it in Consul's pages.
fn timestamp(at: SystemTime) -> String {
    let at = time::OffsetDateTime::from(at);
    format!(
        "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z",
        at.year(),
        u8::from(at.month()),
        at.day(),
        at.hour(),
        at.minute(),
        at.second()
    )
}

fn read_timestamp(text: &str) -> Option<SystemTime> {
    let (date, clock) = text.strip_suffix('Z')?.split_once('T')?;
    let mut date = date.splitn(3, '-');
    let (year, month, day) = (date.next()?, date.next()?, date.next()?);
    let month = time::Month::try_from(month.parse::<u8>().ok()?).ok()?;
    let date = time::Date::from_calendar_date(year.parse().ok()?, month, day.parse().ok()?).ok()?;
    let mut clock = clock.splitn(3, ':');
    let (hour, minute, second) = (clock.next()?, clock.next()?, clock.next()?);
    let clock = time::Time::from_hms(hour.parse().ok()?, minute.parse().ok()?, second.parse().ok()?).ok()?;
    let seconds = time::PrimitiveDateTime::new(date, clock).assume_utc().unix_timestamp();
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(u64::try_from(seconds).ok()?))
}

#[cfg(test)]
mod tests;
