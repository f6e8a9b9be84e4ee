//! Putting the layers together: tables over tables, then sections out of tables, each section on its own so that the
//! mistakes of all are found in one go.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use toml::{Table, Value};

use super::{Configuration, Errors};
use crate::policy::Policy;

/// The largest configuration file that is read, in bytes.
const FILE_LIMIT: u64 = 1024 * 1024;

/// What was `gateway.<key>` before it could change while the gateway runs, and is the policy's now.
const MOVED: [&str; 4] = ["origins", "preflight_age", "body_limit", "deadline_limit"];

/// Defaults < file < environment < flags.
pub(super) fn merge(
    file: Option<&Path>,
    environment: impl IntoIterator<Item = (String, String)>,
    flags: &[String],
    errors: &mut Errors,
) -> Table {
    let defaults = Table::try_from(Configuration::default()).unwrap_or_default();
    let mut merged = defaults.clone();
    if let Some(path) = file {
        match read_file(path) {
            Ok(mut table) => {
                move_keys(&mut table);
                overlay(&mut merged, table);
            }
            Err(problem) => errors.add(path.display().to_string(), problem),
        }
    }
    let mut own = Vec::new();
    for (name, value) in environment {
        match name.as_str() {
            // Consul's own variables lie below ours.
            "CONSUL_HTTP_ADDR" if !value.is_empty() => set(&mut merged, &defaults, "consul.address", &value, errors),
            "CONSUL_HTTP_TOKEN" if !value.is_empty() => set(&mut merged, &defaults, "consul.token", &value, errors),
            _ => {
                if let Some(key) = name.strip_prefix("LYCEUM_") {
                    own.push((key.to_lowercase().replace("__", "."), value));
                }
            }
        }
    }
    for (key, value) in own {
        set(&mut merged, &defaults, &key, &value, errors);
    }
    for flag in flags {
        match flag.split_once('=') {
            Some((key, value)) => set(&mut merged, &defaults, key.trim(), value, errors),
            None => errors.add(flag.clone(), "a setting is written section.key=value"),
        }
    }
    merged
}

fn read_file(path: &Path) -> Result<Table, String> {
    let size = std::fs::metadata(path)
        .map_err(|error| format!("cannot be read: {error}"))?
        .len();
    if size > FILE_LIMIT {
        return Err(format!("has {size} bytes; at most {FILE_LIMIT} are read"));
    }
    let text = std::fs::read_to_string(path).map_err(|error| format!("cannot be read: {error}"))?;
    text.parse::<Table>()
        .map_err(|error| format!("is not TOML: {}", error.message()))
}

/// Puts tables over tables, key by key.
pub(crate) fn overlay(below: &mut Table, above: Table) {
    for (key, value) in above {
        match (below.get_mut(&key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => overlay(below, above),
            (_, value) => {
                below.insert(key, value);
            }
        }
    }
}

/// Puts the keys that moved where they are now, below what stands there.
fn move_keys(table: &mut Table) {
    let Some(Value::Table(gateway)) = table.get_mut("gateway") else {
        return;
    };
    let moved: Table = MOVED
        .into_iter()
        .filter_map(|key| Some((key.to_owned(), gateway.remove(key)?)))
        .collect();
    if moved.is_empty() {
        return;
    }
    let nested = |key: &str, below: Table| Table::from_iter([(key.to_owned(), Value::Table(below))]);
    let mut whole = nested("policy", nested("edge", moved));
    overlay(&mut whole, std::mem::take(table));
    *table = whole;
}

/// Sets one dotted key from text. The default's type decides how the text is read.
fn set(merged: &mut Table, defaults: &Table, key: &str, text: &str, errors: &mut Errors) {
    let path: Vec<&str> = match key.strip_prefix("gateway.") {
        Some(moved) if MOVED.contains(&moved) => vec!["policy", "edge", moved],
        _ => key.split('.').collect(),
    };
    let known = match path[..] {
        // What a method may have otherwise is of the same kind as what its service has.
        ["policy", "methods", _, name] => find(defaults, &["policy", "call", name]),
        ref path => find(defaults, path),
    };
    let value = match known {
        Some(Value::String(_)) | None => Value::String(text.to_owned()),
        Some(Value::Array(_)) if !text.trim_start().starts_with('[') => Value::Array(
            text.split(',')
                .map(|item| Value::String(item.trim().to_owned()))
                .filter(|item| item.as_str() != Some(""))
                .collect(),
        ),
        Some(Value::Float(_)) => match text.trim().parse() {
            Ok(number) => Value::Float(number),
            Err(_) => return errors.add(key, "must be a number"),
        },
        Some(_) => match format!("v = {text}")
            .parse::<Table>()
            .ok()
            .and_then(|mut table| table.remove("v"))
        {
            Some(value) => value,
            None => {
                return errors.add(
                    key,
                    format!(
                        "must be of the same kind as its default, {}",
                        known.map(ToString::to_string).unwrap_or_default()
                    ),
                );
            }
        },
    };
    let [sections @ .., name] = &path[..] else { return };
    let mut table = merged;
    for (depth, section) in sections.iter().enumerate() {
        // Sections are known; the tables inside the policy are checked where it is read.
        if depth == 0 && !table.contains_key(*section) {
            return errors.add(key, "there is no such section");
        }
        let below = table.entry(*section).or_insert_with(|| Value::Table(Table::new()));
        let Value::Table(below) = below else {
            return errors.add(key, "there is no such section");
        };
        table = below;
    }
    table.insert((*name).to_owned(), value);
}

/// The value at a path of keys.
pub(crate) fn find<'a>(table: &'a Table, path: &[&str]) -> Option<&'a Value> {
    let (last, sections) = path.split_last()?;
    let mut table = table;
    for section in sections {
        table = table.get(*section)?.as_table()?;
    }
    table.get(*last)
}

/// The configuration out of the merged table; a section with a mistake keeps its default so that reading goes on.
pub(super) fn read(mut merged: Table, errors: &mut Errors) -> Configuration {
    let mut configuration = Configuration::default();
    match merged.remove("data") {
        Some(Value::String(path)) if !path.is_empty() => configuration.data = PathBuf::from(path),
        None => {}
        Some(_) => errors.add("data", "must be a path"),
    }
    section(&mut merged, "consul", &mut configuration.consul, errors);
    section(&mut merged, "identity", &mut configuration.identity, errors);
    section(&mut merged, "authorization", &mut configuration.authorization, errors);
    section(&mut merged, "registration", &mut configuration.registration, errors);
    section(&mut merged, "discovery", &mut configuration.discovery, errors);
    section(&mut merged, "serving", &mut configuration.serving, errors);
    section(&mut merged, "client", &mut configuration.client, errors);
    section(&mut merged, "telemetry", &mut configuration.telemetry, errors);
    section(&mut merged, "storage", &mut configuration.storage, errors);
    section(&mut merged, "gateway", &mut configuration.gateway, errors);
    policy(&mut merged, &mut configuration.policy, errors);
    for key in merged.keys() {
        errors.add(key.clone(), "there is no such section");
    }
    configuration
}

fn section<S: DeserializeOwned>(merged: &mut Table, name: &str, into: &mut S, errors: &mut Errors) {
    let Some(value) = merged.remove(name) else { return };
    let Value::Table(table) = value else {
        return errors.add(name, "must be a section");
    };
    // Key by key first: a section with two wrong keys is told about both.
    let mut good = true;
    for (key, value) in &table {
        let mut alone = Table::new();
        alone.insert(key.clone(), value.clone());
        if let Err(error) = alone.try_into::<S>() {
            good = false;
            errors.add(format!("{name}.{key}"), first_line(error.message()));
        }
    }
    if good && let Ok(read) = table.try_into() {
        *into = read;
    }
}

/// The policy's tables are nested, and it reads itself above what lies below it.
fn policy(merged: &mut Table, into: &mut Policy, errors: &mut Errors) {
    let Some(value) = merged.remove("policy") else { return };
    let Value::Table(table) = value else {
        return errors.add("policy", "must be a section");
    };
    let mut problems = Vec::new();
    *into = Policy::default().with_table(table, &mut problems);
    for problem in problems {
        errors.add(format!("policy.{}", problem.key), problem.problem);
    }
}

fn first_line(message: &str) -> String {
    message.lines().next().unwrap_or_default().to_owned()
}
