//! Values between messages and GraphQL: what a field holds on the way out, an input as JSON on the way in.
//!
//! Messages are lent to the fields below them, never copied. What is wrong with an input, the codec tells. When not:
//! which type a value has stands in `types`.

use std::borrow::Cow;

use async_graphql::dynamic::{FieldValue, ResolverContext};
use async_graphql::{Name, Value};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use prost::Message as _;
use prost_reflect::{DynamicMessage, Kind, MapKey, MessageDescriptor, ReflectMessage as _, Value as Held};
use serde_json::{Map, Value as Json};

use super::types::well_known;

/// What a value takes of an answer beside its text.
const SMALL: usize = 16;

/// One entry of a map.
#[derive(Debug)]
pub(super) struct Entry {
    key: MapKey,
    value: Held,
    kind: Kind,
}

// === impl Entry ===

impl Entry {
    /// The entry whose field is asked for.
    pub(super) fn of<'a>(context: &ResolverContext<'a>) -> Option<&'a Self> {
        context.parent_value.downcast_ref()
    }

    pub(super) fn key(&self) -> Value {
        match &self.key {
            MapKey::Bool(key) => Value::Boolean(*key),
            MapKey::I32(key) => Value::from(*key),
            MapKey::U32(key) => Value::from(*key),
            MapKey::I64(key) => Value::String(key.to_string()),
            MapKey::U64(key) => Value::String(key.to_string()),
            MapKey::String(key) => Value::String(key.clone()),
        }
    }

    pub(super) fn value(&self) -> Option<FieldValue<'_>> {
        shown(&self.value, &self.kind)
    }

    pub(super) fn size(&self) -> usize {
        size(&self.value)
    }
}

/// What a field of a message holds, and how much of an answer it takes; none where it is not set.
pub(super) fn of_field(message: &DynamicMessage, number: u32) -> Option<(FieldValue<'_>, usize)> {
    let field = message.descriptor().get_field(number)?;
    if field.supports_presence() && !message.has_field(&field) {
        return None;
    }
    let kind = if field.is_map() {
        field.kind().as_message()?.map_entry_value_field().kind()
    } else {
        field.kind()
    };
    match message.get_field(&field) {
        Cow::Borrowed(value) => Some((shown(value, &kind)?, size(value))),
        // Not set, so it is empty or a scalar.
        Cow::Owned(Held::List(_) | Held::Map(_)) => Some((FieldValue::list(Vec::<Value>::new()), SMALL)),
        Cow::Owned(value) => Some((FieldValue::value(scalar(&value, &kind)?), SMALL)),
    }
}

fn shown<'a>(value: &'a Held, kind: &Kind) -> Option<FieldValue<'a>> {
    match value {
        Held::Message(message) if well_known(message.descriptor().full_name()).is_none() => {
            Some(FieldValue::borrowed_any(message))
        }
        Held::List(items) => Some(FieldValue::list(items.iter().filter_map(|item| {
            // A number that is none keeps its place; a number without a name has none.
            shown(item, kind).or_else(|| matches!(kind, Kind::Float | Kind::Double).then_some(FieldValue::NULL))
        }))),
        Held::Map(entries) => Some(FieldValue::list(entries.iter().map(|(key, value)| {
            FieldValue::owned_any(Entry {
                key: key.clone(),
                value: value.clone(),
                kind: kind.clone(),
            })
        }))),
        value => scalar(value, kind).map(FieldValue::value),
    }
}

/// What is no object; none where GraphQL has no form for it.
fn scalar(value: &Held, kind: &Kind) -> Option<Value> {
    Some(match value {
        Held::Bool(value) => Value::Boolean(*value),
        Held::I32(value) => Value::from(*value),
        Held::U32(value) => Value::from(*value),
        Held::I64(value) => Value::String(value.to_string()),
        Held::U64(value) => Value::String(value.to_string()),
        Held::F32(value) => return number(f64::from(*value)),
        Held::F64(value) => return number(*value),
        Held::String(value) => Value::String(value.clone()),
        Held::Bytes(value) => Value::String(STANDARD.encode(value)),
        Held::EnumNumber(value) => match kind.as_enum()? {
            kind if kind.full_name() == "google.protobuf.NullValue" => Value::Null,
            kind => Value::Enum(Name::new(kind.get_value(*value)?.name())),
        },
        Held::Message(message) => {
            let json = serde_json::to_value(message).ok()?;
            Value::from_json(json).ok()?
        }
        Held::List(_) | Held::Map(_) => return None,
    })
}

fn number(value: f64) -> Option<Value> {
    serde_json::Number::from_f64(value).map(Value::Number)
}

/// About how many bytes a value adds to an answer, without those of fields below it.
fn size(value: &Held) -> usize {
    SMALL
        + match value {
            Held::String(text) => text.len(),
            Held::Bytes(bytes) => bytes.len() / 3 * 4,
            Held::Message(message) if well_known(message.descriptor().full_name()).is_some() => {
                message.encoded_len() * 2
            }
            // Objects are counted by their fields, but not their places.
            Held::List(items) => items.iter().map(size).sum(),
            Held::Map(entries) => entries.values().map(size).sum(),
            _ => 0,
        }
}

/// An input as the JSON of a message.
pub(super) fn json(input: &Value, message: &MessageDescriptor) -> Json {
    object(input, message).unwrap_or(Json::Null)
}

fn object(input: &Value, message: &MessageDescriptor) -> Option<Json> {
    let Value::Object(fields) = input else {
        return input.clone().into_json().ok();
    };
    let mut object = Map::new();
    for (name, value) in fields {
        let found = message
            .get_field_by_json_name(name)
            .or_else(|| message.get_field_by_name(name));
        // Only what types without fields have is no field.
        let Some(field) = found else { continue };
        let kind = field.kind();
        let written = match value {
            Value::Null => Some(Json::Null),
            Value::List(entries) if field.is_map() => kind.as_message().map(|entry| map(entries, entry)),
            Value::List(items) => Some(Json::Array(items.iter().filter_map(|item| one(item, &kind)).collect())),
            // What stands alone is a list of one.
            value if field.is_list() => Some(Json::Array(one(value, &kind).into_iter().collect())),
            value if field.is_map() => kind.as_message().map(|entry| map(std::slice::from_ref(value), entry)),
            value => one(value, &kind),
        };
        object.insert(field.json_name().to_owned(), written?);
    }
    Some(Json::Object(object))
}

fn one(value: &Value, kind: &Kind) -> Option<Json> {
    match kind {
        Kind::Message(message) if well_known(message.full_name()).is_none() => object(value, message),
        _ => value.clone().into_json().ok(),
    }
}

fn map(entries: &[Value], entry: &MessageDescriptor) -> Json {
    let kind = entry.map_entry_value_field().kind();
    let entries = entries.iter().filter_map(|entry| {
        let Value::Object(fields) = entry else { return None };
        let key = match fields.get("key")? {
            Value::String(key) => key.clone(),
            key => key.to_string(),
        };
        Some((
            key,
            fields
                .get("value")
                .and_then(|value| one(value, &kind))
                .unwrap_or(Json::Null),
        ))
    });
    Json::Object(entries.collect())
}
