//! Putting the layers together: tables over tables, then sections out of tables, each section on its own so that the
//! mistakes of all are found in one go.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;
use toml::{Table, Value};

use super::{Configuration, Errors};

/// The largest configuration file that is read, in bytes.
const FILE_LIMIT: u64 = 1024 * 1024;

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
            Ok(table) => overlay(&mut merged, table),
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

fn overlay(below: &mut Table, above: Table) {
    for (key, value) in above {
        match (below.get_mut(&key), value) {
            (Some(Value::Table(below)), Value::Table(above)) => overlay(below, above),
            (_, value) => {
                below.insert(key, value);
            }
        }
    }
}

/// Sets one dotted key from text. The default's type decides how the text is read.
fn set(merged: &mut Table, defaults: &Table, key: &str, text: &str, errors: &mut Errors) {
    let (section, name) = match key.split_once('.') {
        Some((section, name)) => (Some(section), name),
        None => (None, key),
    };
    let known = match section {
        None => defaults.get(name),
        Some(section) => defaults.get(section).and_then(|table| table.get(name)),
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
    let table = match section {
        None => merged,
        Some(section) => match merged.get_mut(section) {
            Some(Value::Table(table)) => table,
            _ => return errors.add(key, "there is no such section"),
        },
    };
    table.insert(name.to_owned(), value);
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
    section(&mut merged, "gateway", &mut configuration.gateway, errors);
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

fn first_line(message: &str) -> String {
    message.lines().next().unwrap_or_default().to_owned()
}
