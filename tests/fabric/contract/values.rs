//! Single values that just keep a rule, and that just break it.

use bytes::Bytes;
use prost_reflect::{DynamicMessage, EnumDescriptor, FieldDescriptor, Kind, Value};

use super::Try;

/// The least single value that its rules accept; what they say nothing of stays `unset`.
pub(super) fn least(kind: &Kind, rules: Option<&DynamicMessage>, unset: Value) -> Value {
    // All rules of a value but `required` are of its type.
    let typed = rules.and_then(|rules| rules.fields().find_map(|(_, typed)| typed.as_message().cloned()));
    let Some(typed) = typed else { return unset };
    let length = set(&typed, "min_len").and_then(|least| least.as_u64()).unwrap_or(0);
    match kind {
        Kind::String => text("x", length),
        Kind::Bytes => octets(length),
        Kind::Enum(values) => allowed(values, &typed)
            .next()
            .unwrap_or_else(|| panic!("{} allows no value", values.full_name())),
        _ => set(&typed, "gte")
            .or_else(|| step(&set(&typed, "gt")?, true))
            .unwrap_or(unset),
    }
}

/// A single value at each rule of its type.
pub(super) fn values(field: &FieldDescriptor, rules: &DynamicMessage) -> Vec<Try<Value>> {
    let mut values = Vec::new();
    for (kind, typed) in rules.fields() {
        let typed = match (kind.name(), typed) {
            ("required", Value::Bool(true)) | ("repeated", _) => continue,
            (_, Value::Message(typed)) => typed,
            (kind, _) => unknown(field, kind),
        };
        for (rule, bound) in typed.fields() {
            let mut add = |value, what: String, broken| values.push((value, what, broken));
            match (kind.name(), rule.name(), bound) {
                // Scalar values count, not bytes.
                ("string", rule @ ("min_len" | "max_len"), Value::U64(bound)) => {
                    let beyond = beyond(field, rule, *bound);
                    add(text("é", *bound), format!("{bound} characters"), false);
                    add(text("🌱", beyond), format!("{beyond} characters"), true);
                }
                ("bytes", rule @ ("min_len" | "max_len"), Value::U64(bound)) => {
                    let beyond = beyond(field, rule, *bound);
                    add(octets(*bound), format!("{bound} bytes"), false);
                    add(octets(beyond), format!("{beyond} bytes"), true);
                }
                ("enum", "defined_only", Value::Bool(true)) => {
                    let known = defined(field);
                    let beyond = known.values().map(|value| value.number()).max().unwrap_or(0) + 1;
                    add(Value::EnumNumber(beyond), format!("the undefined {beyond}"), true);
                    for value in allowed(&known, typed) {
                        add(value.clone(), format!("{value:?}"), false);
                    }
                }
                ("enum", "not_in", Value::List(refused)) => {
                    for value in refused.iter().filter_map(Value::as_i32) {
                        add(Value::EnumNumber(value), format!("the value {value}"), true);
                    }
                    for value in allowed(&defined(field), typed) {
                        add(value.clone(), format!("{value:?}"), false);
                    }
                }
                (_, rule @ ("gte" | "lte" | "gt" | "lt"), bound) => {
                    let outwards = step(bound, rule.starts_with('l'));
                    let inwards = step(bound, rule.starts_with('g'));
                    let (kept, broken) = if rule.ends_with('e') {
                        (Some(bound.clone()), outwards)
                    } else {
                        (inwards, Some(bound.clone()))
                    };
                    let (Some(kept), Some(broken)) = (kept, broken) else {
                        unknown(field, &format!("{}.{rule} at the end of its type", kind.name()));
                    };
                    add(kept.clone(), format!("{kept:?}"), false);
                    add(broken.clone(), format!("{broken:?}"), true);
                    if matches!(bound, Value::F32(_) | Value::F64(_)) {
                        for odd in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                            // One bound alone lets one infinity pass.
                            let refused = odd.is_nan() || odd.is_sign_positive() == rule.starts_with('l');
                            if refused {
                                let value = match bound {
                                    Value::F32(_) => Value::F32(odd),
                                    _ => Value::F64(odd.into()),
                                };
                                add(value, format!("{odd}"), true);
                            }
                        }
                    }
                }
                (kind, rule, _) => unknown(field, &format!("{kind}.{rule}")),
            }
        }
    }
    values
}

pub(super) fn unknown(field: &FieldDescriptor, rule: &str) -> ! {
    panic!(
        "{}: this test does not know the rule {rule}: teach it",
        field.full_name()
    );
}

/// One past a bound of a length or count.
pub(super) fn beyond(field: &FieldDescriptor, rule: &str, bound: u64) -> u64 {
    let beyond = if rule.starts_with("min") {
        bound.checked_sub(1)
    } else {
        bound.checked_add(1)
    };
    beyond.unwrap_or_else(|| unknown(field, &format!("{rule} that nothing breaks")))
}

/// The next number up or down, if the type has one.
fn step(value: &Value, up: bool) -> Option<Value> {
    Some(match (value, up) {
        (Value::I32(value), true) => Value::I32(value.checked_add(1)?),
        (Value::I32(value), false) => Value::I32(value.checked_sub(1)?),
        (Value::I64(value), true) => Value::I64(value.checked_add(1)?),
        (Value::I64(value), false) => Value::I64(value.checked_sub(1)?),
        (Value::U32(value), true) => Value::U32(value.checked_add(1)?),
        (Value::U32(value), false) => Value::U32(value.checked_sub(1)?),
        (Value::U64(value), true) => Value::U64(value.checked_add(1)?),
        (Value::U64(value), false) => Value::U64(value.checked_sub(1)?),
        (Value::F32(value), true) => Value::F32(value.next_up()),
        (Value::F32(value), false) => Value::F32(value.next_down()),
        (Value::F64(value), true) => Value::F64(value.next_up()),
        (Value::F64(value), false) => Value::F64(value.next_down()),
        _ => return None,
    })
}

fn defined(field: &FieldDescriptor) -> EnumDescriptor {
    match field.kind() {
        Kind::Enum(values) => values,
        kind => panic!("{}: rules of an enum on {kind:?}", field.full_name()),
    }
}

/// The defined values that are not refused.
fn allowed(values: &EnumDescriptor, typed: &DynamicMessage) -> impl Iterator<Item = Value> {
    let refused = set(typed, "not_in").unwrap_or(Value::List(Vec::new()));
    let numbers: Vec<i32> = values.values().map(|value| value.number()).collect();
    numbers
        .into_iter()
        .filter(move |number| {
            !refused
                .as_list()
                .is_some_and(|refused| refused.contains(&Value::I32(*number)))
        })
        .map(Value::EnumNumber)
}

/// A field that is set, by name.
pub(super) fn set(message: &DynamicMessage, name: &str) -> Option<Value> {
    message
        .has_field_by_name(name)
        .then(|| message.get_field_by_name(name))?
        .map(|value| value.into_owned())
}

/// A message that is set, by name.
pub(super) fn inner(message: &DynamicMessage, name: &str) -> Option<DynamicMessage> {
    set(message, name)?.as_message().cloned()
}

fn text(character: &str, count: u64) -> Value {
    Value::String(character.repeat(size(count)))
}

fn octets(count: u64) -> Value {
    Value::Bytes(Bytes::from(vec![b'b'; size(count)]))
}

pub(super) fn size(count: u64) -> usize {
    usize::try_from(count).unwrap_or_else(|error| panic!("{error}"))
}
