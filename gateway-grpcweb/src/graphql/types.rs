//! Messages and methods as GraphQL's types.
//!
//! **What.** [`build`] makes one schema of all services: a method without side effects is a query, one that streams its
//! answer a subscription, any other a mutation; one that streams its request is not offered. Each takes its message as
//! `input`. Comments of the contracts are the descriptions.
//!
//! | Protobuf | GraphQL |
//! |---|---|
//! | `int32` · `uint32` · 64 bits · `float`, `double` | `Int` · `UInt32` · `Int64`, `UInt64` as strings · `Float`, null for what is no number |
//! | `string` · `bool` · `bytes` | `String` · `Boolean` · `Bytes` in base64 |
//! | enum | enum; null for a number without a name |
//! | message, or one of a oneof | object, input object; null where it is not set |
//! | `repeated` · `map` | list · list of entries with `key` and `value` |
//! | `Timestamp`, `Duration`, `FieldMask` · `Struct`, `Value`, `ListValue`, `Any` · wrappers | scalars of the same name · `JSON` · what they wrap, or null |
//!
//! **Why.** Everything follows from the descriptors, so a new service is there as soon as it is announced. **Source.**
//! GraphQL, October 2021, 3.

use std::collections::HashSet;
use std::sync::Arc;

use async_graphql::dynamic::{
    Enum, EnumItem, Field, FieldFuture, FieldValue, InputObject, InputValue, Object, Scalar, Schema, SchemaError,
    Subscription, SubscriptionField, Type, TypeRef,
};
use prost_reflect::{EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};

use super::names::Names;
use super::{resolve, values};
use crate::schema::comments::Comments;
use crate::schema::{Idempotency, MethodInfo, ServiceInfo};

/// The one argument of a method.
pub(super) const INPUT: &str = "input";
/// A field of what has none, because GraphQL knows no empty types.
const EMPTY: &str = "_empty";

const SCALARS: [(&str, &str); 8] = [
    ("UInt32", "A whole number from 0 to 4,294,967,295."),
    ("Int64", "A whole number of 64 bits, as a string."),
    ("UInt64", "A whole number of 64 bits from 0, as a string."),
    ("Bytes", "Bytes in base64."),
    ("Timestamp", "A time as in RFC 3339, such as 2026-01-31T12:00:00Z."),
    ("Duration", "Seconds with an s behind, such as 1.5s."),
    ("FieldMask", "Paths of fields with commas between."),
    ("JSON", "Any JSON."),
];

/// What a contract says of a method, on a field of either kind.
macro_rules! described {
    ($field:expr, $method:expr) => {{
        let mut field = $field;
        if !$method.comment.is_empty() {
            field = field.description($method.comment.as_str());
        }
        if $method.deprecated {
            field = field.deprecation(None);
        }
        field
    }};
}

/// The types of one schema in the making.
#[derive(Debug, Default)]
struct Types {
    names: Names,
    comments: Comments,
    /// Names of types that are made, or about to be.
    known: HashSet<String>,
    made: Vec<Type>,
    /// Made once what asked for them is: types refer to each other in circles.
    due: Vec<Due>,
}

#[derive(Debug)]
enum Due {
    Output(String, MessageDescriptor),
    Input(String, MessageDescriptor),
    Entry(String, FieldDescriptor, bool),
}

/// The schema of all services that are known in a generation.
pub(super) fn build(services: &[Arc<ServiceInfo>], generation: u64) -> Result<Schema, SchemaError> {
    let generation_field = Field::new("schemaGeneration", TypeRef::named_nn("UInt64"), move |_| {
        FieldFuture::from_value(Some(generation.to_string().into()))
    });
    let mut query = Object::new("Query").field(generation_field.description("Grows whenever methods or types change."));
    let (mut mutation, mut mutates) = (Object::new("Mutation"), false);
    let (mut subscription, mut subscribes) = (Subscription::new("Subscription"), false);
    let mut types = Types::default();
    let mut sorted: Vec<_> = services.iter().flat_map(|service| &service.methods).collect();
    sorted.sort_by_key(|method| (!method.service.starts_with("lyceum."), &method.path));
    for method in sorted.into_iter().filter(|method| !method.client_streaming) {
        let name = types.names.of_method(&method.service, &method.name);
        let answer = types.message(&method.output, false);
        let argument = argument(method, &mut types);
        let called = Arc::clone(method);
        if method.server_streaming {
            let mut field = SubscriptionField::new(name, TypeRef::named_nn(answer), move |context| {
                resolve::subscribe(context, &called)
            });
            if let Some(argument) = argument {
                field = field.argument(argument);
            }
            subscription = subscription.field(described!(field, method));
            subscribes = true;
            continue;
        }
        let mut field = Field::new(name, TypeRef::named(answer), move |context| {
            resolve::call(context, &called)
        });
        if let Some(argument) = argument {
            field = field.argument(argument);
        }
        let field = described!(field, method);
        if method.idempotency == Idempotency::NoSideEffects {
            query = query.field(field);
        } else {
            mutation = mutation.field(field);
            mutates = true;
        }
    }
    types.make();
    let mut schema = Schema::build(
        "Query",
        mutates.then_some("Mutation"),
        subscribes.then_some("Subscription"),
    )
    .register(query);
    if mutates {
        schema = schema.register(mutation);
    }
    if subscribes {
        schema = schema.register(subscription);
    }
    for (name, description) in SCALARS {
        schema = schema.register(Scalar::new(name).description(description));
    }
    for made in types.made {
        schema = schema.register(made);
    }
    schema
        .limit_recursive_depth(super::scan::DEPTH)
        .limit_directives(4)
        .disable_suggestions()
        .finish()
}

/// The argument of a method that has anything to say.
fn argument(method: &MethodInfo, types: &mut Types) -> Option<InputValue> {
    if method.input.fields().len() == 0 {
        return None;
    }
    let named = types.message(&method.input, true);
    Some(InputValue::new(INPUT, TypeRef::named_nn(named)))
}

// === impl Types ===

impl Types {
    /// Makes all that is due, and all that this needs.
    fn make(&mut self) {
        while let Some(due) = self.due.pop() {
            let made = match due {
                Due::Output(name, message) => self.output(name, &message).into(),
                Due::Input(name, message) => self.input(name, &message).into(),
                Due::Entry(name, field, is_input) => self.entry(name, &field, is_input),
            };
            self.made.push(made);
        }
    }

    /// The name of a message's type.
    fn message(&mut self, message: &MessageDescriptor, is_input: bool) -> String {
        if let Some(scalar) = well_known(message.full_name()) {
            return scalar.to_owned();
        }
        let kind = if is_input { "Input" } else { "" };
        let name = self.names.of_type(message.package_name(), message.full_name(), kind);
        if self.known.insert(name.clone()) {
            self.due.push(if is_input {
                Due::Input(name.clone(), message.clone())
            } else {
                Due::Output(name.clone(), message.clone())
            });
        }
        name
    }

    fn named(&mut self, kind: &Kind, is_input: bool) -> String {
        match kind {
            Kind::Double | Kind::Float => TypeRef::FLOAT.to_owned(),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => TypeRef::INT.to_owned(),
            Kind::Uint32 | Kind::Fixed32 => "UInt32".to_owned(),
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => "Int64".to_owned(),
            Kind::Uint64 | Kind::Fixed64 => "UInt64".to_owned(),
            Kind::Bool => TypeRef::BOOLEAN.to_owned(),
            Kind::String => TypeRef::STRING.to_owned(),
            Kind::Bytes => "Bytes".to_owned(),
            Kind::Message(message) => self.message(message, is_input),
            Kind::Enum(kind) => self.enumeration(kind),
        }
    }

    fn enumeration(&mut self, kind: &EnumDescriptor) -> String {
        if kind.full_name() == "google.protobuf.NullValue" {
            return "JSON".to_owned();
        }
        let name = self.names.of_type(kind.package_name(), kind.full_name(), "");
        if self.known.insert(name.clone()) {
            let file = kind.parent_file();
            let mut made = Enum::new(&name);
            if let Some(comment) = self.comments.at(&file, kind.path()) {
                made = made.description(comment);
            }
            for value in kind.values() {
                let mut item = EnumItem::new(value.name());
                if let Some(comment) = self.comments.at(&file, value.path()) {
                    item = item.description(comment);
                }
                made = made.item(item);
            }
            self.made.push(made.into());
        }
        name
    }

    /// The type of a field: nullable where it may be unset, or where its value may have no form here.
    fn of_field(&mut self, field: &FieldDescriptor, is_input: bool) -> TypeRef {
        if field.is_map() {
            let entry = field.kind();
            let Some(entry) = entry.as_message() else {
                return TypeRef::named("JSON");
            };
            let kind = if is_input { "Input" } else { "" };
            let name = self.names.of_type(entry.package_name(), entry.full_name(), kind);
            if self.known.insert(name.clone()) {
                self.due.push(Due::Entry(name.clone(), field.clone(), is_input));
            }
            return list(name, is_input);
        }
        let named = self.named(&field.kind(), is_input);
        let may_lack = matches!(field.kind(), Kind::Double | Kind::Float | Kind::Enum(_));
        if field.is_list() && matches!(field.kind(), Kind::Double | Kind::Float) {
            TypeRef::named_list_nn(named)
        } else if field.is_list() {
            list(named, is_input)
        } else if is_input || field.supports_presence() || may_lack {
            TypeRef::named(named)
        } else {
            TypeRef::named_nn(named)
        }
    }

    /// What a contract says of a place in the file of a message.
    fn comment(&mut self, message: &MessageDescriptor, path: &[i32]) -> Option<String> {
        let comment = self.comments.at(&message.parent_file(), path)?;
        Some(comment.to_owned())
    }

    fn output(&mut self, name: String, message: &MessageDescriptor) -> Object {
        let mut object = Object::new(name);
        if let Some(comment) = self.comment(message, message.path()) {
            object = object.description(comment);
        }
        let mut seen = HashSet::new();
        for field in message.fields() {
            let name = field_name(&field);
            if !seen.insert(name.clone()) {
                continue;
            }
            let kind = self.of_field(&field, false);
            // By number: the message that comes may be of a newer descriptor than this one.
            let number = field.number();
            let mut output = Field::new(name, kind, move |context| resolve::field(&context, number));
            if let Some(comment) = self.comment(message, field.path()) {
                output = output.description(comment);
            }
            if field
                .field_descriptor_proto()
                .options
                .as_ref()
                .is_some_and(|options| options.deprecated())
            {
                output = output.deprecation(None);
            }
            object = object.field(output);
        }
        if seen.is_empty() {
            object = object.field(Field::new(EMPTY, TypeRef::named(TypeRef::BOOLEAN), |_| {
                FieldFuture::from_value(None)
            }));
        }
        object
    }

    fn input(&mut self, name: String, message: &MessageDescriptor) -> InputObject {
        let mut object = InputObject::new(name);
        if let Some(comment) = self.comment(message, message.path()) {
            object = object.description(comment);
        }
        let mut seen = HashSet::new();
        for field in message.fields() {
            let name = field_name(&field);
            if !seen.insert(name.clone()) {
                continue;
            }
            let mut input = InputValue::new(name, self.of_field(&field, true));
            let oneof = field
                .containing_oneof()
                .filter(|oneof| !oneof.is_synthetic())
                .map(|oneof| format!("At most one of `{}` may be set.", oneof.name()));
            let parts = [self.comment(message, field.path()), oneof];
            let described = parts.into_iter().flatten().collect::<Vec<_>>().join("\n\n");
            if !described.is_empty() {
                input = input.description(described);
            }
            object = object.field(input);
        }
        if seen.is_empty() {
            object = object.field(InputValue::new(EMPTY, TypeRef::named(TypeRef::BOOLEAN)));
        }
        object
    }

    fn entry(&mut self, name: String, field: &FieldDescriptor, is_input: bool) -> Type {
        let entry = field.kind();
        let entry = entry
            .as_message()
            .map(|entry| (entry.map_entry_key_field().kind(), entry.map_entry_value_field()));
        let Some((key, value)) = entry else {
            return Scalar::new(name).into();
        };
        let key = TypeRef::named_nn(self.named(&key, is_input));
        let value = TypeRef::named(self.named(&value.kind(), is_input));
        if is_input {
            let object = InputObject::new(name).field(InputValue::new("key", key));
            return object.field(InputValue::new("value", value)).into();
        }
        Object::new(name)
            .field(Field::new("key", key, |context| {
                FieldFuture::Value(
                    values::Entry::of(&context)
                        .map(values::Entry::key)
                        .map(FieldValue::value),
                )
            }))
            .field(Field::new("value", value, |context| resolve::entry(&context)))
            .into()
    }
}

fn list(named: String, is_input: bool) -> TypeRef {
    if is_input {
        TypeRef::named_nn_list(named)
    } else {
        TypeRef::named_nn_list_nn(named)
    }
}

/// As in JSON; the contract's own name where that is none in GraphQL.
pub(super) fn field_name(field: &FieldDescriptor) -> String {
    let json = field.json_name();
    let is_name = json.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        && !json.starts_with(|first: char| first.is_ascii_digit())
        && !json.starts_with("__")
        && !json.is_empty();
    if is_name {
        json
    } else {
        field.name().trim_start_matches('_')
    }
    .to_owned()
}

/// What a well-known type is in GraphQL.
pub(super) fn well_known(full_name: &str) -> Option<&'static str> {
    Some(match full_name.strip_prefix("google.protobuf.")? {
        "Timestamp" => "Timestamp",
        "Duration" => "Duration",
        "FieldMask" => "FieldMask",
        "Struct" | "Value" | "ListValue" | "Any" => "JSON",
        "DoubleValue" | "FloatValue" => TypeRef::FLOAT,
        "Int32Value" => TypeRef::INT,
        "UInt32Value" => "UInt32",
        "Int64Value" => "Int64",
        "UInt64Value" => "UInt64",
        "BoolValue" => TypeRef::BOOLEAN,
        "StringValue" => TypeRef::STRING,
        "BytesValue" => "Bytes",
        _ => return None,
    })
}

#[cfg(test)]
mod tests;
