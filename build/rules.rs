//! Input rules: the `buf.validate` annotations of the contracts become direct field checks.
//!
//! Why ours: the crates that do this need `protoc` to build, or check by reflection on every call. A rule that is not
//! known here fails the build, so none can be skipped silently. Source: the protovalidate specification
//! (`buf/validate/validate.proto`), rule by rule.

use std::error::Error;
use std::fmt::Write as _;

use prost_reflect::{DescriptorPool, DynamicMessage, FieldDescriptor, Kind, Value};

use crate::messages::{own_messages, rust_path};

/// Writes `impl Validate` for every message of ours; an empty one where there are no rules.
pub(crate) fn validate_impls(code: &mut String, pool: &DescriptorPool) -> Result<(), Box<dyn Error>> {
    let extension = pool
        .get_extension_by_name("buf.validate.field")
        .ok_or("validate.proto declares no field rules")?;
    for message in own_messages(pool) {
        let mut checks = String::new();
        for field in message.fields() {
            let options = field.options();
            if options.has_extension(&extension) {
                let rules = options.get_extension(&extension).into_owned();
                let rules = rules.as_message().ok_or("field rules are a message")?;
                field_checks(&mut checks, &field, rules)?;
            }
            if let (Kind::Message(inner), false) = (field.kind(), field.is_map()) {
                // A message of a real oneof is a reply's; none of ours has rules.
                let in_oneof = field.containing_oneof().is_some_and(|oneof| !oneof.is_synthetic());
                if crate::messages::ours(inner.full_name()) && !in_oneof {
                    writeln!(checks, "violations.within(\"{0}\", self.{0}.iter());", field.name())?;
                }
            }
        }
        writeln!(
            code,
            "impl Validate for {} {{\n fn validate(&self, {}violations: &mut Violations) {{\n {checks} }}\n}}",
            rust_path(&message),
            if checks.is_empty() { "_" } else { "" }
        )?;
    }
    Ok(())
}

fn field_checks(checks: &mut String, field: &FieldDescriptor, rules: &DynamicMessage) -> Result<(), Box<dyn Error>> {
    let name = field.name();
    for (kind, value) in rules.fields() {
        if kind.name() == "required" {
            writeln!(checks, "violations.present(\"{name}\", self.{name}.is_some());")?;
            continue;
        }
        let typed = value
            .as_message()
            .ok_or_else(|| format!("{}: the rule {} is not supported", field.full_name(), kind.name()))?;
        for (rule, bound) in typed.fields() {
            let check = match (kind.name(), rule.name()) {
                ("string", "min_len") => format!(
                    "violations.characters_at_least(\"{name}\", &self.{name}, {});",
                    number(bound)?
                ),
                ("string", "max_len") => format!(
                    "violations.characters_at_most(\"{name}\", &self.{name}, {});",
                    number(bound)?
                ),
                ("bytes", "max_len") => format!(
                    "violations.bytes_at_most(\"{name}\", &self.{name}, {});",
                    number(bound)?
                ),
                ("uint32", "lte") => format!("violations.at_most(\"{name}\", self.{name}, {});", number(bound)?),
                ("repeated", "max_items") => format!(
                    "violations.items_at_most(\"{name}\", self.{name}.len(), {});",
                    number(bound)?
                ),
                ("enum", "defined_only") => {
                    let Kind::Enum(values) = field.kind() else {
                        return Err(format!("{}: enum rules on another type", field.full_name()).into());
                    };
                    let known: Vec<String> = values.values().map(|value| value.number().to_string()).collect();
                    format!("violations.one_of(\"{name}\", self.{name}, &[{}]);", known.join(", "))
                }
                ("enum", "not_in") => {
                    let refused: Vec<String> = bound
                        .as_list()
                        .into_iter()
                        .flatten()
                        .filter_map(|value| value.as_i32().map(|number| number.to_string()))
                        .collect();
                    format!(
                        "violations.none_of(\"{name}\", self.{name}, &[{}]);",
                        refused.join(", ")
                    )
                }
                (kind, rule) => return Err(format!(
                    "{}: the rule {kind}.{rule} is not supported: add it to build/rules.rs and src/contracts/rules.rs",
                    field.full_name()
                )
                .into()),
            };
            writeln!(checks, "{check}")?;
        }
    }
    Ok(())
}

fn number(value: &Value) -> Result<u64, Box<dyn Error>> {
    value
        .as_u64()
        .or_else(|| value.as_u32().map(u64::from))
        .ok_or_else(|| "a bound is an unsigned number".into())
}
