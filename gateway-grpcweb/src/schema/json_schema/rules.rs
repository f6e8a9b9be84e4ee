//! The rules of `buf.validate` as keywords of JSON Schema.
//!
//! Read by name from the descriptors, so that nothing is generated and a service may use a newer version of the rules:
//! what is not known here is left out. Source: the protovalidate specification (`buf/validate/validate.proto`).

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, OneofDescriptor, ReflectMessage as _, Value as Set};
use serde_json::{Map, Number, Value, json};

/// The rules of a field.
pub(super) fn of(field: &FieldDescriptor) -> Option<DynamicMessage> {
    extension(&field.options(), "buf.validate.field")
}

/// What holds for each item of a list.
pub(super) fn items(rules: Option<&DynamicMessage>) -> Option<DynamicMessage> {
    inner(rules?, "repeated", "items")
}

/// What holds for each key of a map.
pub(super) fn keys(rules: Option<&DynamicMessage>) -> Option<DynamicMessage> {
    inner(rules?, "map", "keys")
}

/// What holds for each value of a map.
pub(super) fn values(rules: Option<&DynamicMessage>) -> Option<DynamicMessage> {
    inner(rules?, "map", "values")
}

/// Whether one member of the oneof must be set.
pub(super) fn oneof_required(oneof: &OneofDescriptor) -> bool {
    extension(&oneof.options(), "buf.validate.oneof")
        .and_then(|rules| rule(&rules, "required")?.as_bool())
        .unwrap_or(false)
}

/// Whether a request without the field breaks its rules.
pub(super) fn must_be_there(field: &FieldDescriptor) -> bool {
    if field.is_required() {
        return true;
    }
    let Some(rules) = of(field) else { return false };
    if rule(&rules, "required")
        .and_then(|value| value.as_bool())
        .unwrap_or(false)
    {
        return true;
    }
    // A field that knows whether it was set is checked only when it was.
    if field.supports_presence() || rule(&rules, "ignore").is_some() {
        return false;
    }
    let Some((_, typed)) = typed(&rules) else { return false };
    let above = |name: &str| {
        rule(&typed, name)
            .and_then(|value| number(&value))
            .and_then(|value| value.as_f64())
    };
    above("min_len").is_some_and(|least| least > 0.0)
        || above("len").is_some_and(|length| length > 0.0)
        || above("min_bytes").is_some_and(|least| least > 0.0)
        || above("min_items").is_some_and(|least| least > 0.0)
        || above("min_pairs").is_some_and(|least| least > 0.0)
        || above("gte").is_some_and(|least| least > 0.0)
        || above("gt").is_some_and(|least| least >= 0.0)
        || rule(&typed, "not_in").is_some_and(|refused| {
            refused.as_list().is_some_and(|list| {
                list.iter()
                    .any(|value| number(value).and_then(|n| n.as_f64()) == Some(0.0))
            })
        })
}

/// How many items or entries.
pub(super) fn count(schema: &mut Map<String, Value>, rules: &DynamicMessage) {
    let Some((_, rules)) = typed(rules) else { return };
    for (name, keyword) in [
        ("min_items", "minItems"),
        ("max_items", "maxItems"),
        ("min_pairs", "minProperties"),
        ("max_pairs", "maxProperties"),
    ] {
        set(schema, keyword, rule(&rules, name).and_then(|value| number(&value)));
    }
    if rule(&rules, "unique").and_then(|value| value.as_bool()) == Some(true) {
        schema.insert("uniqueItems".to_owned(), Value::Bool(true));
    }
}

/// What one value may be.
pub(super) fn limit(schema: &mut Map<String, Value>, kind: &Kind, rules: &DynamicMessage) {
    let Some((name, rules)) = typed(rules) else { return };
    match (kind, name.as_str()) {
        (Kind::String, "string") => string(schema, &rules),
        (Kind::Bytes, "bytes") => {
            // Four characters stand for three bytes, the last ones padded.
            let length = |name: &str| {
                rule(&rules, name)?
                    .as_u64()?
                    .div_ceil(3)
                    .checked_mul(4)
                    .map(Number::from)
            };
            set(schema, "minLength", length("min_len").or_else(|| length("len")));
            set(schema, "maxLength", length("max_len").or_else(|| length("len")));
        }
        (Kind::Bool, "bool") => {
            if let Some(value) = rule(&rules, "const").and_then(|value| value.as_bool()) {
                schema.insert("const".to_owned(), Value::Bool(value));
            }
        }
        (Kind::Enum(values), "enum") => {
            let names = |list: &Set| -> Vec<Value> {
                let numbers = list.as_list().unwrap_or_default();
                let numbers = numbers.iter().filter_map(Set::as_i32);
                numbers
                    .filter_map(|number| Some(json!(values.get_value(number)?.name())))
                    .collect()
            };
            if let Some(allowed) = rule(&rules, "in") {
                schema.insert("enum".to_owned(), Value::Array(names(&allowed)));
            }
            if let Some(refused) = rule(&rules, "not_in") {
                schema.insert("not".to_owned(), json!({ "enum": names(&refused) }));
            }
            let only = rule(&rules, "const").and_then(|value| values.get_value(value.as_i32()?));
            if let Some(only) = only {
                schema.insert("const".to_owned(), json!(only.name()));
            }
        }
        (Kind::Message(_) | Kind::Enum(_), _) => {}
        _ => numeric(schema, &rules),
    }
}

fn string(schema: &mut Map<String, Value>, rules: &DynamicMessage) {
    let length = |name: &str| rule(rules, name).and_then(|value| number(&value));
    set(schema, "minLength", length("min_len").or_else(|| length("len")));
    set(schema, "maxLength", length("max_len").or_else(|| length("len")));
    let text = |name: &str| rule(rules, name).and_then(|value| value.as_str().map(str::to_owned));
    if let Some(only) = text("const") {
        schema.insert("const".to_owned(), json!(only));
    }
    if let Some(pattern) = text("pattern").filter(|pattern| portable(pattern)) {
        schema.insert("pattern".to_owned(), json!(pattern));
    }
    let texts = |name: &str| -> Option<Vec<String>> {
        let list = rule(rules, name)?;
        Some(
            list.as_list()?
                .iter()
                .filter_map(|value| value.as_str().map(str::to_owned))
                .collect(),
        )
    };
    if let Some(allowed) = texts("in") {
        schema.insert("enum".to_owned(), json!(allowed));
    }
    if let Some(refused) = texts("not_in") {
        schema.insert("not".to_owned(), json!({ "enum": refused }));
    }
    for (name, format) in [
        ("email", "email"),
        ("hostname", "hostname"),
        ("ipv4", "ipv4"),
        ("ipv6", "ipv6"),
        ("uri", "uri"),
        ("uri_ref", "uri-reference"),
        ("uuid", "uuid"),
    ] {
        if rule(rules, name).and_then(|value| value.as_bool()) == Some(true) {
            schema.insert("format".to_owned(), json!(format));
        }
    }
}

fn numeric(schema: &mut Map<String, Value>, rules: &DynamicMessage) {
    let bound = |name: &str| rule(rules, name).and_then(|value| number(&value));
    // An upper bound below the lower one means outside of both, which these keywords cannot say.
    let low = bound("gt").or_else(|| bound("gte")).and_then(|value| value.as_f64());
    let high = bound("lt").or_else(|| bound("lte")).and_then(|value| value.as_f64());
    if !matches!((low, high), (Some(low), Some(high)) if high < low) {
        set(schema, "exclusiveMinimum", bound("gt"));
        set(schema, "minimum", bound("gte"));
        set(schema, "exclusiveMaximum", bound("lt"));
        set(schema, "maximum", bound("lte"));
    }
    let finite = rule(rules, "finite").and_then(|value| value.as_bool()) == Some(true);
    if (low.is_some() && high.is_some()) || finite {
        // Nothing but a number is between two numbers.
        if schema.get("type") == Some(&json!(["number", "string"])) {
            schema.insert("type".to_owned(), json!("number"));
            schema.remove("pattern");
        }
    }
    // 64 bits are strings as often as numbers: a list of allowed ones would have to hold both.
    if schema.get("type") != Some(&json!(["string", "integer"])) {
        if let Some(only) = bound("const") {
            schema.insert("const".to_owned(), Value::Number(only));
        }
        if let Some(allowed) = rule(rules, "in") {
            let allowed: Vec<Value> = allowed
                .as_list()
                .unwrap_or_default()
                .iter()
                .filter_map(|value| number(value).map(Value::Number))
                .collect();
            schema.insert("enum".to_owned(), Value::Array(allowed));
        }
    }
}

/// Whether a pattern of RE2 means the same to the JavaScript that reads a schema.
fn portable(pattern: &str) -> bool {
    const OWN: [&str; 8] = ["\\A", "\\z", "\\Q", "\\C", "\\a", "\\p", "\\P", "[[:"];
    let groups = pattern.matches("(?").count() == pattern.matches("(?:").count();
    groups && OWN.iter().all(|own| !pattern.contains(own))
}

/// The rules of the field's own type, with the type's name.
fn typed(rules: &DynamicMessage) -> Option<(String, DynamicMessage)> {
    rules
        .fields()
        .find(|(field, _)| field.containing_oneof().is_some_and(|oneof| oneof.name() == "type"))
        .and_then(|(field, value)| Some((field.name().to_owned(), value.as_message()?.clone())))
}

fn inner(rules: &DynamicMessage, kind: &str, part: &str) -> Option<DynamicMessage> {
    let (name, typed) = typed(rules)?;
    if name != kind {
        return None;
    }
    rule(&typed, part)?.as_message().cloned()
}

fn rule(rules: &DynamicMessage, name: &str) -> Option<Set> {
    let field = rules.descriptor().get_field_by_name(name)?;
    rules.has_field(&field).then(|| rules.get_field(&field).into_owned())
}

fn extension(options: &DynamicMessage, name: &str) -> Option<DynamicMessage> {
    options
        .extensions()
        .find(|(extension, _)| extension.full_name() == name)
        .and_then(|(_, value)| value.as_message().cloned())
}

fn number(value: &Set) -> Option<Number> {
    match value {
        Set::I32(value) | Set::EnumNumber(value) => Some((*value).into()),
        Set::I64(value) => Some((*value).into()),
        Set::U32(value) => Some((*value).into()),
        Set::U64(value) => Some((*value).into()),
        Set::F32(value) => Number::from_f64(f64::from(*value)),
        Set::F64(value) => Number::from_f64(*value),
        _ => None,
    }
}

fn set(schema: &mut Map<String, Value>, keyword: &str, value: Option<Number>) {
    if let Some(value) = value {
        schema.insert(keyword.to_owned(), Value::Number(value));
    }
}
