//! Input rules: the `buf.validate` annotations of the contracts become direct field checks.
//!
//! Why ours: the crates that do this need `protoc` to build, or check by reflection on every call. A rule that is not
//! known here fails the build, so none can be skipped silently. Source: the protovalidate specification
//! (`buf/validate/validate.proto`), rule by rule.

use std::error::Error;
use std::fmt::Write as _;

use prost_reflect::{DescriptorPool, DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, Value};

use crate::messages::{own_messages, rust_path};

/// Writes `impl Validate` for every message of ours; an empty one where there are no rules.
pub(crate) fn validate_impls(code: &mut String, pool: &DescriptorPool) -> Result<(), Box<dyn Error>> {
    let extension = pool
        .get_extension_by_name("buf.validate.field")
        .ok_or("validate.proto declares no field rules")?;
    for message in own_messages(pool) {
        refuse_wider_rules(&message)?;
        let mut checks = String::new();
        for field in message.fields() {
            let options = field.options();
            let mut most = None;
            if options.has_extension(&extension) {
                let rules = options.get_extension(&extension).into_owned();
                let rules = rules.as_message().ok_or("field rules are a message")?;
                field_checks(&mut checks, &field, rules)?;
                most = rules
                    .get_field_by_name("repeated")
                    .and_then(|list| most_items(list.as_message()?));
            }
            if let (Kind::Message(inner), false) = (field.kind(), field.is_map()) {
                // A message of a real oneof is a reply's; none of ours has rules.
                let in_oneof = field.containing_oneof().is_some_and(|oneof| !oneof.is_synthetic());
                if crate::messages::ours(inner.full_name()) && !in_oneof {
                    let items = items(&field, most);
                    writeln!(checks, "violations.within(\"{}\", {items});", field.name())?;
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

/// Rules of a whole message or oneof are not known here.
fn refuse_wider_rules(message: &MessageDescriptor) -> Result<(), Box<dyn Error>> {
    let pool = message.parent_pool();
    let has = |options: DynamicMessage, name: &str| {
        pool.get_extension_by_name(name)
            .is_some_and(|extension| options.has_extension(&extension))
    };
    if has(message.options(), "buf.validate.message")
        || message.oneofs().any(|oneof| has(oneof.options(), "buf.validate.oneof"))
    {
        return Err(format!("{}: only rules of fields are supported", message.full_name()).into());
    }
    Ok(())
}

fn field_checks(checks: &mut String, field: &FieldDescriptor, rules: &DynamicMessage) -> Result<(), Box<dyn Error>> {
    let name = field.name();
    for (kind, value) in rules.fields() {
        match (kind.name(), value) {
            ("required", Value::Bool(true)) => {
                writeln!(checks, "violations.present(\"{name}\", self.{name}.is_some());")?;
            }
            ("repeated", Value::Message(typed)) => list_checks(checks, field, typed)?,
            (kind, Value::Message(typed)) => {
                let place = Place {
                    borrowed: format!("&self.{name}"),
                    value: format!("self.{name}"),
                };
                for (rule, bound) in typed.fields() {
                    writeln!(checks, "{}", check(field, kind, rule.name(), bound, &place)?)?;
                }
            }
            (kind, _) => return Err(unsupported(field, kind)),
        }
    }
    Ok(())
}

fn list_checks(checks: &mut String, field: &FieldDescriptor, typed: &DynamicMessage) -> Result<(), Box<dyn Error>> {
    let name = field.name();
    let most = most_items(typed);
    for (rule, bound) in typed.fields() {
        match (rule.name(), bound) {
            ("max_items", bound) => writeln!(
                checks,
                "violations.items_at_most(\"{name}\", self.{name}.len(), {});",
                number(bound)?
            )?,
            ("items", Value::Message(each)) => {
                let place = Place {
                    borrowed: "item".to_owned(),
                    value: "*item".to_owned(),
                };
                for (kind, typed) in each.fields() {
                    let typed = typed
                        .as_message()
                        .ok_or_else(|| unsupported(field, &format!("repeated.items.{}", kind.name())))?;
                    for (rule, bound) in typed.fields() {
                        let check = check(field, kind.name(), rule.name(), bound, &place)?;
                        writeln!(checks, "for item in {} {{ {check} }}", items(field, most))?;
                    }
                }
            }
            (rule, _) => return Err(unsupported(field, &format!("repeated.{rule}"))),
        }
    }
    Ok(())
}

fn most_items(list: &DynamicMessage) -> Option<u64> {
    let set = list.has_field_by_name("max_items");
    set.then(|| list.get_field_by_name("max_items")?.as_u64()).flatten()
}

/// What the generated code iterates over: a list that is too long is refused anyway, so nothing beyond is looked at.
fn items(field: &FieldDescriptor, most: Option<u64>) -> String {
    let items = format!("self.{}.iter()", field.name());
    most.map_or(items.clone(), |most| format!("{items}.take({most})"))
}

/// Where the generated code finds what it checks: the field, or an item of it.
struct Place {
    borrowed: String,
    value: String,
}

/// The call that checks one rule of one value.
fn check(
    field: &FieldDescriptor,
    kind: &str,
    rule: &str,
    bound: &Value,
    place: &Place,
) -> Result<String, Box<dyn Error>> {
    let name = field.name();
    let Place { borrowed, value } = place;
    Ok(match (kind, rule, bound) {
        ("string", "min_len", bound) => {
            format!(
                "violations.characters_at_least(\"{name}\", {borrowed}, {});",
                number(bound)?
            )
        }
        ("string", "max_len", bound) => {
            format!(
                "violations.characters_at_most(\"{name}\", {borrowed}, {});",
                number(bound)?
            )
        }
        ("bytes", "max_len", bound) => {
            format!("violations.bytes_at_most(\"{name}\", {borrowed}, {});", number(bound)?)
        }
        ("uint32", "lte", bound) => format!("violations.at_most(\"{name}\", {value}, {});", number(bound)?),
        ("enum", "defined_only", Value::Bool(true)) => {
            let Kind::Enum(values) = field.kind() else {
                return Err(format!("{}: enum rules on another type", field.full_name()).into());
            };
            let known: Vec<String> = values.values().map(|value| value.number().to_string()).collect();
            format!("violations.one_of(\"{name}\", {value}, &[{}]);", known.join(", "))
        }
        ("enum", "not_in", Value::List(refused)) => {
            let refused: Vec<String> = refused
                .iter()
                .filter_map(|value| value.as_i32().map(|number| number.to_string()))
                .collect();
            format!("violations.none_of(\"{name}\", {value}, &[{}]);", refused.join(", "))
        }
        _ => return Err(unsupported(field, &format!("{kind}.{rule}"))),
    })
}

fn unsupported(field: &FieldDescriptor, rule: &str) -> Box<dyn Error> {
    format!(
        "{}: the rule {rule} is not supported as it stands: add it to build/rules.rs and src/contracts/rules.rs",
        field.full_name()
    )
    .into()
}

fn number(value: &Value) -> Result<u64, Box<dyn Error>> {
    value
        .as_u64()
        .or_else(|| value.as_u32().map(u64::from))
        .ok_or_else(|| "a bound is an unsigned number".into())
}
