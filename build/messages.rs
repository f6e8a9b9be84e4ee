//! What every message gets beside prost's code: a `Debug` that keeps student text out of logs.
//!
//! A field marked `debug_redact = true` in its contract shows only its size. The mark is protobuf's own, so other
//! languages honour it too. A field that names a student or class (`lyceum.options.v1.subject`) shows nothing.

use std::error::Error;
use std::fmt::Write as _;

use prost_reflect::{DescriptorPool, FieldDescriptor, MessageDescriptor};

/// Where the generated modules hang.
pub(crate) const MODULE: &str = "crate::contracts";

/// Whether a package or full name is one of our contracts; the options that annotate them are no messages of a call.
pub(crate) fn ours(name: &str) -> bool {
    name.starts_with("lyceum.") && !name.starts_with("lyceum.options.")
}

/// Every message of ours.
pub(crate) fn own_messages(pool: &DescriptorPool) -> impl Iterator<Item = MessageDescriptor> + '_ {
    pool.all_messages()
        .filter(|message| ours(message.full_name()) && !message.is_map_entry())
}

/// The full names of the messages whose derived `Debug` would show a redacted field.
pub(crate) fn redacted(pool: &DescriptorPool) -> Vec<String> {
    own_messages(pool)
        .filter(hides)
        .map(|message| message.full_name().to_owned())
        .collect()
}

/// Writes `impl Debug` for every message of [`redacted`].
pub(crate) fn debug_impls(code: &mut String, pool: &DescriptorPool) -> Result<(), Box<dyn Error>> {
    for message in own_messages(pool).filter(hides) {
        let path = rust_path(&message);
        let name = message.name();
        writeln!(
            code,
            "impl ::core::fmt::Debug for {path} {{\n fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {{\n f.debug_struct(\"{name}\")"
        )?;
        for field in message.fields() {
            let field_name = field.name();
            if names_somebody(&field) {
                writeln!(code, ".field(\"{field_name}\", &crate::privacy::REDACTED)")?;
            } else if redacts(&field) {
                writeln!(
                    code,
                    ".field(\"{field_name}\", &::core::format_args!(\"[redacted, {{}} bytes]\", self.{field_name}.len()))"
                )?;
            } else {
                writeln!(code, ".field(\"{field_name}\", &self.{field_name})")?;
            }
        }
        writeln!(code, ".finish()\n }}\n}}")?;
    }
    Ok(())
}

fn hides(message: &MessageDescriptor) -> bool {
    message.fields().any(|field| redacts(&field) || names_somebody(&field))
}

fn names_somebody(field: &FieldDescriptor) -> bool {
    let subject = field.parent_pool().get_extension_by_name("lyceum.options.v1.subject");
    subject.is_some_and(|subject| field.options().has_extension(&subject))
}

fn redacts(field: &FieldDescriptor) -> bool {
    field
        .options()
        .get_field_by_name("debug_redact")
        .and_then(|value| value.as_bool())
        .unwrap_or(false)
}

/// The Rust path that prost gives a message; our contracts nest none.
pub(crate) fn rust_path(message: &MessageDescriptor) -> String {
    let package = message.package_name().trim_start_matches("lyceum.").replace('.', "::");
    format!("{MODULE}::{package}::{}", message.name())
}
