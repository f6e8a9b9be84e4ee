//! JSON Schema (2020-12) of the contracts' messages, as protobuf's JSON mapping writes them.
//!
//! **What.** [`standalone`] makes one schema with its `$defs`; [`Definitions`] collects those of many messages below a
//! prefix of the caller's, for OpenAPI. Comments become descriptions, `buf.validate` rules become limits
//! ([`rules`]), a oneof becomes what may not stand together, with the name of the oneof as `x-oneof` for a form.
//!
//! **Why.** Tools, documents and forms that are made from the contract cannot lie about it, and a new service brings its
//! own. An answer leaves out what has its default value, so nothing of it is required, and a newer service may add to
//! it; a request is held to the contract.
//!
//! **When not.** To check a request: the services do, with reasons that name the field. What JSON Schema cannot say (a
//! CEL expression, the rules of RE2) is left out rather than guessed.
//!
//! Messages are worked off from a list, not by recursion: descriptors come from outside and may nest without end.
//! Source: the ProtoJSON specification; JSON Schema 2020-12.

mod rules;

use std::collections::BTreeMap;

use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor, OneofDescriptor};
use serde_json::{Map, Value, json};

use super::comments::Comments;

/// The members of a oneof that are told apart pair by pair; one with more is left to the service.
const PAIRED: usize = 12;

/// Which way a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    /// From a caller: what is missing or unknown is refused.
    Request,
    /// To a caller: what has its default value is left out, and more may come.
    Answer,
}

/// The schemas of messages and enums by full name, to be referred to below a prefix such as `#/$defs/`.
#[derive(Debug)]
pub(crate) struct Definitions {
    prefix: &'static str,
    side: Side,
    ordered: bool,
    comments: Comments,
    done: BTreeMap<String, Value>,
    waiting: Vec<Waiting>,
}

#[derive(Debug)]
enum Waiting {
    Message(MessageDescriptor),
    Enum(EnumDescriptor),
}

/// The schema of one message with everything it refers to.
pub(crate) fn standalone(message: &MessageDescriptor, side: Side) -> Map<String, Value> {
    let mut definitions = Definitions::new("#/$defs/", side);
    let mut schema = match well_known(message.full_name()) {
        Some(Value::Object(schema)) => schema,
        _ => definitions.object(message),
    };
    let definitions = definitions.finish();
    if !definitions.is_empty() {
        schema.insert("$defs".to_owned(), Value::Object(definitions));
    }
    schema
}

// === impl Definitions ===

impl Definitions {
    pub(crate) fn new(prefix: &'static str, side: Side) -> Self {
        Self {
            prefix,
            side,
            ordered: false,
            comments: Comments::default(),
            done: BTreeMap::new(),
            waiting: Vec::new(),
        }
    }

    /// Tells the order of fields too, as `x-order`: a form follows the contract, not the alphabet.
    pub(crate) fn ordered(self) -> Self {
        Self { ordered: true, ..self }
    }

    /// A schema that stands for the message; its definition comes with [`Definitions::finish`].
    pub(crate) fn message(&mut self, message: &MessageDescriptor) -> Value {
        if let Some(schema) = well_known(message.full_name()) {
            return schema;
        }
        let name = message.full_name();
        if !self.done.contains_key(name) {
            self.done.insert(name.to_owned(), Value::Null);
            self.waiting.push(Waiting::Message(message.clone()));
        }
        json!({ "$ref": format!("{}{name}", self.prefix) })
    }

    /// Every definition that was referred to, by name.
    pub(crate) fn finish(mut self) -> Map<String, Value> {
        while let Some(next) = self.waiting.pop() {
            let (name, schema) = match next {
                Waiting::Message(message) => (message.full_name().to_owned(), self.object(&message)),
                Waiting::Enum(values) => (values.full_name().to_owned(), self.values(&values)),
            };
            self.done.insert(name, Value::Object(schema));
        }
        self.done.into_iter().collect()
    }

    /// The message itself.
    fn object(&mut self, message: &MessageDescriptor) -> Map<String, Value> {
        let mut schema = Map::new();
        schema.insert("type".to_owned(), json!("object"));
        self.describe(&mut schema, &message.parent_file(), message.path());
        let mut properties = Map::new();
        let mut required = Vec::new();
        for field in message.fields() {
            if self.side == Side::Request && rules::must_be_there(&field) {
                required.push(field.json_name().to_owned());
            }
            properties.insert(field.json_name().to_owned(), self.field(&field));
        }
        schema.insert("properties".to_owned(), Value::Object(properties));
        if self.ordered {
            let order: Vec<String> = message.fields().map(|field| field.json_name().to_owned()).collect();
            schema.insert("x-order".to_owned(), json!(order));
        }
        if !required.is_empty() {
            schema.insert("required".to_owned(), json!(required));
        }
        if self.side == Side::Request {
            schema.insert("additionalProperties".to_owned(), Value::Bool(false));
        }
        let together: Vec<Value> = message.oneofs().flat_map(|oneof| self.forbidden(&oneof)).collect();
        if !together.is_empty() {
            // Some readers of tools take no `oneOf` at the top of a schema; a `not` says the same.
            schema.insert("not".to_owned(), json!({ "anyOf": together }));
        }
        if message
            .options()
            .get_field_by_name("deprecated")
            .is_some_and(|value| value.as_bool() == Some(true))
        {
            schema.insert("deprecated".to_owned(), Value::Bool(true));
        }
        schema
    }

    /// A schema of what one field holds.
    pub(crate) fn field(&mut self, field: &FieldDescriptor) -> Value {
        let rules = rules::of(field);
        let mut schema = if field.is_map() {
            self.map(field)
        } else if field.is_list() {
            let mut items = self.one(&field.kind());
            if let (Some(rules), Value::Object(items)) = (rules::items(rules.as_ref()), &mut items) {
                rules::limit(items, &field.kind(), &rules);
            }
            json!({ "type": "array", "items": items })
        } else {
            self.one(&field.kind())
        };
        let Value::Object(keywords) = &mut schema else {
            return schema;
        };
        if let Some(rules) = &rules {
            if field.is_map() || field.is_list() {
                rules::count(keywords, rules);
            } else {
                rules::limit(keywords, &field.kind(), rules);
            }
        }
        self.describe(keywords, &field.parent_message().parent_file(), field.path());
        if let Some(oneof) = field.containing_oneof().filter(|oneof| !oneof.is_synthetic()) {
            keywords.insert("x-oneof".to_owned(), json!(oneof.name()));
        }
        if field
            .options()
            .get_field_by_name("deprecated")
            .is_some_and(|value| value.as_bool() == Some(true))
        {
            keywords.insert("deprecated".to_owned(), Value::Bool(true));
        }
        schema
    }

    fn map(&mut self, field: &FieldDescriptor) -> Value {
        let Kind::Message(entry) = field.kind() else {
            return json!({ "type": "object" });
        };
        let mut values = self.one(&entry.map_entry_value_field().kind());
        let rules = rules::of(field);
        if let (Some(rules), Value::Object(values)) = (rules::values(rules.as_ref()), &mut values) {
            rules::limit(values, &entry.map_entry_value_field().kind(), &rules);
        }
        let mut schema = json!({ "type": "object", "additionalProperties": values });
        let key = entry.map_entry_key_field().kind();
        let mut names = match key {
            Kind::String => Map::new(),
            Kind::Bool => Map::from_iter([("enum".to_owned(), json!(["true", "false"]))]),
            Kind::Uint32 | Kind::Uint64 | Kind::Fixed32 | Kind::Fixed64 => {
                Map::from_iter([("pattern".to_owned(), json!("^[0-9]+$"))])
            }
            _ => Map::from_iter([("pattern".to_owned(), json!("^-?[0-9]+$"))]),
        };
        if let (Kind::String, Some(rules)) = (&key, rules::keys(rules.as_ref())) {
            rules::limit(&mut names, &key, &rules);
        }
        if !names.is_empty() {
            schema["propertyNames"] = Value::Object(names);
        }
        schema
    }

    /// One value of a kind.
    fn one(&mut self, kind: &Kind) -> Value {
        match kind {
            Kind::Bool => json!({ "type": "boolean" }),
            Kind::String => json!({ "type": "string" }),
            Kind::Bytes => json!({ "type": "string", "contentEncoding": "base64" }),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => json!({ "type": "integer" }),
            Kind::Uint32 | Kind::Fixed32 => json!({ "type": "integer", "minimum": 0 }),
            // A number in JSON holds 53 bits everywhere; the mapping writes these as strings and reads both.
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => {
                json!({ "type": ["string", "integer"], "pattern": "^-?[0-9]+$" })
            }
            Kind::Uint64 | Kind::Fixed64 => {
                json!({ "type": ["string", "integer"], "pattern": "^[0-9]+$", "minimum": 0 })
            }
            Kind::Float | Kind::Double => {
                json!({ "type": ["number", "string"], "pattern": "^(NaN|-?Infinity)$" })
            }
            Kind::Message(message) => self.message(message),
            Kind::Enum(values) if values.full_name() == "google.protobuf.NullValue" => json!({ "type": "null" }),
            Kind::Enum(values) => {
                let name = values.full_name();
                if !self.done.contains_key(name) {
                    self.done.insert(name.to_owned(), Value::Null);
                    self.waiting.push(Waiting::Enum(values.clone()));
                }
                json!({ "$ref": format!("{}{name}", self.prefix) })
            }
        }
    }

    fn values(&mut self, values: &EnumDescriptor) -> Map<String, Value> {
        let mut schema = Map::new();
        schema.insert("type".to_owned(), json!("string"));
        let names: Vec<String> = values.values().map(|value| value.name().to_owned()).collect();
        schema.insert("enum".to_owned(), json!(names));
        let file = values.parent_file();
        let mut text = self.comments.at(&file, values.path()).unwrap_or_default().to_owned();
        for value in values.values() {
            if let Some(comment) = self.comments.at(&file, value.path()) {
                text.push_str(&format!("\n- {}: {}", value.name(), comment.replace('\n', " ")));
            }
        }
        if !text.is_empty() {
            schema.insert("description".to_owned(), json!(text.trim_start()));
        }
        schema
    }

    /// What of a oneof breaks it: two of its members at once, or none where one is required.
    fn forbidden(&self, oneof: &OneofDescriptor) -> Vec<Value> {
        let names: Vec<String> = oneof.fields().map(|field| field.json_name().to_owned()).collect();
        let mut forbidden = Vec::new();
        if oneof.is_synthetic() {
            return forbidden;
        }
        if names.len() <= PAIRED {
            for (index, one) in names.iter().enumerate() {
                forbidden.extend(
                    names[index + 1..]
                        .iter()
                        .map(|other| json!({ "required": [one, other] })),
                );
            }
        }
        if self.side == Side::Request && rules::oneof_required(oneof) {
            let any: Vec<Value> = names.iter().map(|name| json!({ "required": [name] })).collect();
            forbidden.push(json!({ "not": { "anyOf": any } }));
        }
        forbidden
    }

    fn describe(&mut self, schema: &mut Map<String, Value>, file: &prost_reflect::FileDescriptor, path: &[i32]) {
        if let Some(comment) = self.comments.at(file, path) {
            schema.insert("description".to_owned(), json!(comment));
        }
    }
}

/// The types that the JSON mapping writes in a way of their own.
fn well_known(name: &str) -> Option<Value> {
    let schema = match name.strip_prefix("google.protobuf.")? {
        "Timestamp" => json!({ "type": "string", "format": "date-time" }),
        "Duration" => json!({ "type": "string", "pattern": "^-?[0-9]+(\\.[0-9]{1,9})?s$" }),
        "FieldMask" => json!({ "type": "string" }),
        "Struct" => json!({ "type": "object" }),
        "Value" => json!({}),
        "ListValue" => json!({ "type": "array" }),
        "Empty" => json!({ "type": "object" }),
        "Any" => json!({
            "type": "object",
            "properties": { "@type": { "type": "string", "description": "The full name of the message's type." } },
            "required": ["@type"]
        }),
        "BoolValue" => json!({ "type": ["boolean", "null"] }),
        "StringValue" => json!({ "type": ["string", "null"] }),
        "BytesValue" => json!({ "type": ["string", "null"], "contentEncoding": "base64" }),
        "Int32Value" => json!({ "type": ["integer", "null"] }),
        "UInt32Value" => json!({ "type": ["integer", "null"], "minimum": 0 }),
        "Int64Value" => json!({ "type": ["string", "integer", "null"], "pattern": "^-?[0-9]+$" }),
        "UInt64Value" => json!({ "type": ["string", "integer", "null"], "pattern": "^[0-9]+$", "minimum": 0 }),
        "FloatValue" | "DoubleValue" => {
            json!({ "type": ["number", "string", "null"], "pattern": "^(NaN|-?Infinity)$" })
        }
        _ => return None,
    };
    Some(schema)
}

#[cfg(test)]
mod tests;
