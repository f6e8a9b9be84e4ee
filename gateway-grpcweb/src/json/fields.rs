//! Fields from text: the variables of a path and the parameters of a query.
//!
//! A field is named as in JSON or as in the contract, those inside others with dots between; one that repeats is given
//! more than once. When not: what is no single value (a message, a map) can only come in a body.

use percent_encoding::percent_decode_str;
use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, ReflectMessage as _, Value};

use crate::schema::codec;

/// The most parameters of a query.
const PARAMETERS: usize = 1000;
/// How deep a field may stand.
const DEPTH: usize = 32;

/// What is wrong, by field.
pub(crate) type Violation = (String, String);

/// The fields on the way to one, if it is there and no map or list lies between.
pub(crate) fn path(message: &MessageDescriptor, dotted: &str) -> Option<Vec<FieldDescriptor>> {
    let mut path: Vec<FieldDescriptor> = Vec::new();
    let mut inside = Some(message.clone());
    for name in dotted.split('.') {
        let message = inside?;
        let field = message
            .get_field_by_json_name(name)
            .or_else(|| message.get_field_by_name(name))?;
        inside = match field.kind() {
            Kind::Message(message) if !field.is_list() && !field.is_map() => Some(message),
            _ => None,
        };
        path.push(field);
        if path.len() > DEPTH {
            return None;
        }
    }
    Some(path)
}

/// Whether a field can be written as one text.
pub(crate) fn is_single(field: &FieldDescriptor) -> bool {
    match field.kind() {
        Kind::Message(message) => !field.is_map() && (is_written_as_text(&message) || wrapped(&message).is_some()),
        _ => true,
    }
}

/// Sets the field at the end of a path, or adds to it where it repeats.
pub(crate) fn set(message: &mut DynamicMessage, path: &[FieldDescriptor], text: &str) -> Result<(), String> {
    let Some((last, way)) = path.split_last() else {
        return Ok(());
    };
    let mut inside = message;
    for field in way {
        inside = match inside.get_field_mut(field) {
            Value::Message(message) => message,
            _ => return Err("stands inside something that has no fields".to_owned()),
        };
    }
    let value = value(&last.kind(), text).ok_or_else(|| codec::wanted(&last.kind()))?;
    match inside.get_field_mut(last) {
        Value::List(list) => list.push(value),
        single => *single = value,
    }
    Ok(())
}

/// Sets what a query says; fields that the path or the body has set already cannot be said again.
pub(crate) fn query(message: &mut DynamicMessage, query: &str, taken: &[&str]) -> Result<(), Vec<Violation>> {
    if percent_decode_str(query).decode_utf8().is_err() {
        return Err(vec![("query".to_owned(), "is not UTF-8".to_owned())]);
    }
    let mut violations = Vec::new();
    let descriptor = message.descriptor();
    for (index, (name, text)) in form_urlencoded::parse(query.as_bytes()).enumerate() {
        if index >= PARAMETERS {
            let rule = format!("is one of more than {PARAMETERS} parameters");
            violations.push((shown(&name), rule));
            break;
        }
        let Some(path) = path(&descriptor, &name) else {
            violations.push((shown(&name), format!("is not a field of {}", descriptor.full_name())));
            continue;
        };
        let full: Vec<&str> = path.iter().map(FieldDescriptor::name).collect();
        let full = full.join(".");
        let is_taken = taken.iter().any(|taken| {
            full.strip_prefix(taken)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
        });
        let last = path.last();
        if is_taken {
            violations.push((shown(&name), "is said by the path or the body already".to_owned()));
        } else if !last.is_some_and(is_single) {
            violations.push((shown(&name), "can only come in a body".to_owned()));
        } else if let Err(rule) = set(message, &path, &text) {
            violations.push((shown(&name), rule));
        }
    }
    if violations.is_empty() { Ok(()) } else { Err(violations) }
}

/// A name, if it could be one.
fn shown(name: &str) -> String {
    codec::shown(name).to_owned()
}

fn value(kind: &Kind, text: &str) -> Option<Value> {
    Some(match kind {
        Kind::Double => Value::F64(number(text)?),
        #[allow(
            clippy::cast_possible_truncation,
            reason = "that is what the field holds; infinite is refused"
        )]
        Kind::Float => {
            let wide: f64 = number(text)?;
            let narrow = wide as f32;
            (narrow.is_finite() || !wide.is_finite()).then_some(())?;
            Value::F32(narrow)
        }
        Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => Value::I32(text.parse().ok()?),
        Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Value::I64(text.parse().ok()?),
        Kind::Uint32 | Kind::Fixed32 => Value::U32(text.parse().ok()?),
        Kind::Uint64 | Kind::Fixed64 => Value::U64(text.parse().ok()?),
        Kind::Bool => Value::Bool(text.parse().ok()?),
        Kind::String => Value::String(text.to_owned()),
        Kind::Enum(names) => match names.get_value_by_name(text) {
            Some(value) => Value::EnumNumber(value.number()),
            None => Value::EnumNumber(text.parse().ok()?),
        },
        Kind::Bytes => codec::base64(text).map(|bytes| Value::Bytes(bytes.into()))?,
        Kind::Message(message) => match wrapped(message) {
            Some(field) => {
                let mut wrapper = DynamicMessage::new(message.clone());
                let inner = value(&field.kind(), text)?;
                wrapper.set_field(&field, inner);
                Value::Message(wrapper)
            }
            None if is_written_as_text(message) => {
                let json = serde_json::to_vec(text).ok()?;
                Value::Message(codec::read(message, &json).ok()?)
            }
            None => return None,
        },
    })
}

fn number(text: &str) -> Option<f64> {
    match text {
        "NaN" => Some(f64::NAN),
        "Infinity" => Some(f64::INFINITY),
        "-Infinity" => Some(f64::NEG_INFINITY),
        // Rust would read "inf" and "nan" as well.
        text if text
            .bytes()
            .all(|byte| byte.is_ascii_digit() || b"+-.eE".contains(&byte)) =>
        {
            text.parse().ok().filter(|number: &f64| number.is_finite())
        }
        _ => None,
    }
}

fn is_written_as_text(message: &MessageDescriptor) -> bool {
    matches!(
        message.full_name(),
        "google.protobuf.Timestamp" | "google.protobuf.Duration" | "google.protobuf.FieldMask"
    )
}

/// The field of a wrapper such as `google.protobuf.Int64Value`.
fn wrapped(message: &MessageDescriptor) -> Option<FieldDescriptor> {
    let is_wrapper =
        message.package_name() == "google.protobuf" && message.name().len() > 5 && message.name().ends_with("Value");
    is_wrapper.then(|| message.get_field_by_name("value")).flatten()
}
