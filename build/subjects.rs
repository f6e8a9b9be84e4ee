//! Whose data a request touches: the fields marked `lyceum.options.v1.subject` become a walk over the message.
//!
//! A mark that could not be enforced fails the build: on another type than a string, inside a oneof, or in a message that
//! is an answer as well as a request.

use std::collections::HashSet;
use std::error::Error;
use std::fmt::Write as _;

use prost_reflect::{DescriptorPool, ExtensionDescriptor, FieldDescriptor, Kind, MessageDescriptor};

use crate::messages::{ours, own_messages, rust_path};

/// Writes `impl Concerns` for every message of ours; an empty one where it names nobody.
pub(crate) fn concerns_impls(code: &mut String, pool: &DescriptorPool) -> Result<(), Box<dyn Error>> {
    let reader = Reader(
        pool.get_extension_by_name("lyceum.options.v1.subject")
            .ok_or("options.proto declares no subject")?,
    );
    let (mut requests, mut answers) = (HashSet::new(), HashSet::new());
    for method in pool
        .services()
        .flat_map(|service| service.methods().collect::<Vec<_>>())
    {
        requests.insert(method.input().full_name().to_owned());
        answers.insert(method.output().full_name().to_owned());
    }
    for message in own_messages(pool) {
        let mut walk = String::new();
        for field in message.fields() {
            reader.step(&mut walk, &field)?;
        }
        let named = reader.names_somebody(&message, &mut HashSet::new());
        if named && answers.contains(message.full_name()) {
            return Err(format!(
                "{}: an answer cannot say whose data a call touches",
                message.full_name()
            )
            .into());
        }
        writeln!(
            code,
            "impl Concerns for {} {{\n const CHECKED: bool = {};\n fn concerns(&self, {}named: &mut Named<'_>) {{\n {walk} }}\n}}",
            rust_path(&message),
            named && requests.contains(message.full_name()),
            if walk.is_empty() { "_" } else { "" }
        )?;
    }
    Ok(())
}

/// Reads the option of every field.
struct Reader(ExtensionDescriptor);

impl Reader {
    fn step(&self, walk: &mut String, field: &FieldDescriptor) -> Result<(), Box<dyn Error>> {
        let name = field.name();
        let subject = self.subject(field);
        if let Some(subject) = subject {
            if field.kind() != Kind::String || field.is_map() || in_oneof(field) {
                return Err(format!("{}: a subject is a string, outside a oneof", field.full_name()).into());
            }
            if field.is_list() {
                writeln!(walk, "named.{subject}_each(\"{name}\", &self.{name});")?;
            } else if field.supports_presence() {
                writeln!(
                    walk,
                    "named.{subject}(\"{name}\", self.{name}.as_deref().unwrap_or_default());"
                )?;
            } else {
                writeln!(walk, "named.{subject}(\"{name}\", &self.{name});")?;
            }
        } else if let Kind::Message(inner) = field.kind()
            && self.names_somebody(&inner, &mut HashSet::new())
        {
            if field.is_map() || in_oneof(field) {
                return Err(format!("{}: a subject cannot stand in a map or a oneof", field.full_name()).into());
            }
            writeln!(walk, "named.within(\"{name}\", self.{name}.iter());")?;
        }
        Ok(())
    }

    /// What a field names, as the method that is told of it is called.
    fn subject(&self, field: &FieldDescriptor) -> Option<&'static str> {
        let options = field.options();
        if !options.has_extension(&self.0) {
            return None;
        }
        match options.get_extension(&self.0).as_enum_number() {
            Some(1) => Some("student"),
            Some(2) => Some("class"),
            _ => None,
        }
    }

    /// Whether a message or one inside it has such a field.
    fn names_somebody(&self, message: &MessageDescriptor, seen: &mut HashSet<String>) -> bool {
        seen.insert(message.full_name().to_owned())
            && message.fields().any(|field| {
                self.subject(&field).is_some()
                    || matches!(field.kind(), Kind::Message(inner)
                        if (ours(inner.full_name()) || inner.is_map_entry()) && self.names_somebody(&inner, seen))
            })
    }
}

fn in_oneof(field: &FieldDescriptor) -> bool {
    field.containing_oneof().is_some_and(|oneof| !oneof.is_synthetic())
}
