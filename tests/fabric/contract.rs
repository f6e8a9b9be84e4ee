//! What the contracts themselves say of their input rules, read from the descriptors that reflection serves.
//!
//! The fabric's rules are generated from the same annotations, so a test of them must not ask the generated code which
//! ones there are. These few messages mirror just the parts of `descriptor.proto` and `buf/validate/validate.proto`
//! that our requests use; a rule that they do not mirror fails the test that reads it.

use lyceum::contracts::DESCRIPTORS;
use prost::Message as _;
use prost::encoding::{WireType, encode_key, encode_varint};

#[derive(Clone, PartialEq, prost::Message)]
struct Files {
    #[prost(message, repeated, tag = "1")]
    files: Vec<File>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct File {
    #[prost(string, tag = "2")]
    package: String,
    #[prost(message, repeated, tag = "4")]
    messages: Vec<Declared>,
    #[prost(message, repeated, tag = "6")]
    services: Vec<Service>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Declared {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, repeated, tag = "2")]
    fields: Vec<Field>,
}

#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct Field {
    #[prost(string, tag = "1")]
    pub(crate) name: String,
    #[prost(uint32, tag = "3")]
    number: u32,
    #[prost(int32, tag = "5")]
    kind: i32,
    #[prost(message, optional, tag = "8")]
    options: Option<Options>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Options {
    /// `buf.validate.field`.
    #[prost(bytes = "vec", tag = "1159")]
    rules: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Service {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(message, repeated, tag = "2")]
    methods: Vec<Method>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Method {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    input: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Rules {
    #[prost(message, optional, tag = "5")]
    uint32: Option<Most>,
    #[prost(message, optional, tag = "14")]
    string: Option<Lengths>,
    #[prost(message, optional, tag = "15")]
    bytes: Option<Most>,
    #[prost(message, optional, tag = "16")]
    choice: Option<Choice>,
    #[prost(message, optional, tag = "18")]
    repeated: Option<Items>,
}

/// `uint32.lte` and `bytes.max_len` happen to have the same number.
#[derive(Clone, PartialEq, prost::Message)]
struct Most {
    #[prost(uint64, optional, tag = "3")]
    most: Option<u64>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Lengths {
    #[prost(uint64, optional, tag = "2")]
    least: Option<u64>,
    #[prost(uint64, optional, tag = "3")]
    most: Option<u64>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Choice {
    #[prost(bool, optional, tag = "2")]
    defined: Option<bool>,
    #[prost(int32, repeated, packed = "false", tag = "4")]
    refused: Vec<i32>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Items {
    #[prost(uint64, optional, tag = "2")]
    most: Option<u64>,
}

/// A request on the wire, right at one of its rules.
#[derive(Debug)]
pub(crate) struct Case {
    /// `/package.Service/Method`.
    pub(crate) path: String,
    /// `package.Message`.
    pub(crate) request: String,
    pub(crate) field: String,
    /// What is tried, for messages of failed tests.
    pub(crate) what: String,
    pub(crate) message: Vec<u8>,
    /// Whether the rule is broken.
    pub(crate) broken: bool,
}

/// Every rule of every request of every method, just kept and just broken.
pub(crate) fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let files = Files::decode(DESCRIPTORS)
        .unwrap_or_else(|error| panic!("{error}"))
        .files;
    for file in files.iter().filter(|file| file.package.starts_with("lyceum.")) {
        // Records have no rules but whose they are.
        for service in file.services.iter().filter(|service| service.name != "RecordsService") {
            for method in &service.methods {
                let request = method.input.trim_start_matches('.');
                let declared = file
                    .messages
                    .iter()
                    .find(|message| format!("{}.{}", file.package, message.name) == request)
                    .unwrap_or_else(|| panic!("{request} is declared elsewhere: teach this test to look there"));
                let path = format!("/{}.{}/{}", file.package, service.name, method.name);
                for field in &declared.fields {
                    for (value, what, broken) in values(field) {
                        let mut message: Vec<u8> = declared
                            .fields
                            .iter()
                            .filter(|other| other.number != field.number)
                            .flat_map(valid)
                            .collect();
                        message.extend(value);
                        cases.push(Case {
                            path: path.clone(),
                            request: request.to_owned(),
                            field: field.name.clone(),
                            what,
                            message,
                            broken,
                        });
                    }
                }
            }
        }
    }
    cases
}

fn rules(field: &Field) -> Option<Rules> {
    const MESSAGE: i32 = 11;
    assert_ne!(
        field.kind, MESSAGE,
        "{} holds a message: teach this test to look into it",
        field.name
    );
    let written = &field.options.as_ref()?.rules;
    if written.is_empty() {
        return None;
    }
    let rules = Rules::decode(&written[..]).unwrap_or_else(|error| panic!("{}: {error}", field.name));
    assert_eq!(
        rules.encoded_len(),
        written.len(),
        "{} has a rule that this test does not know: teach it",
        field.name
    );
    Some(rules)
}

/// The field with the least that its rules accept.
fn valid(field: &Field) -> Vec<u8> {
    let Some(rules) = rules(field) else { return Vec::new() };
    if let Some(least) = rules.string.and_then(|rule| rule.least) {
        return text(field, "x", least);
    }
    match rules.choice {
        Some(choice) => number(
            field,
            choice
                .refused
                .iter()
                .map(|refused| *refused as u64 + 1)
                .max()
                .unwrap_or(0),
        ),
        None => Vec::new(),
    }
}

/// The field at each of its rules: its encoding, what that is, whether it breaks the rule.
fn values(field: &Field) -> Vec<(Vec<u8>, String, bool)> {
    let Some(rules) = rules(field) else { return Vec::new() };
    let mut values = Vec::new();
    let mut add = |value, what: String, broken| values.push((value, what, broken));
    if let Some(Lengths { least, most }) = rules.string {
        if let Some(least) = least {
            add(text(field, "é", least), format!("{least} characters"), false);
            add(text(field, "é", least - 1), format!("{} characters", least - 1), true);
        }
        if let Some(most) = most {
            // Scalar values count, not bytes.
            add(text(field, "é", most), format!("{most} characters"), false);
            add(text(field, "🌱", most + 1), format!("{} characters", most + 1), true);
        }
    }
    if let Some(most) = rules.bytes.and_then(|rule| rule.most) {
        add(text(field, "b", most), format!("{most} bytes"), false);
        add(text(field, "b", most + 1), format!("{} bytes", most + 1), true);
    }
    if let Some(most) = rules.uint32.and_then(|rule| rule.most) {
        add(number(field, most), format!("{most}"), false);
        add(number(field, most + 1), format!("{}", most + 1), true);
    }
    if let Some(most) = rules.repeated.and_then(|rule| rule.most) {
        add(fixed(field, most), format!("{most} items"), false);
        add(fixed(field, most + 1), format!("{} items", most + 1), true);
    }
    if let Some(choice) = rules.choice {
        if choice.defined == Some(true) {
            add(number(field, 9999), "a value that is not defined".to_owned(), true);
        }
        for refused in choice.refused {
            add(number(field, refused as u64), format!("the value {refused}"), true);
        }
        add(valid(field), "a value that is allowed".to_owned(), false);
    }
    assert!(!values.is_empty(), "{} has rules, but no case came of them", field.name);
    values
}

fn text(field: &Field, character: &str, count: u64) -> Vec<u8> {
    let value = character.repeat(usize::try_from(count).unwrap_or(0));
    let mut encoded = Vec::with_capacity(value.len() + 10);
    encode_key(field.number, WireType::LengthDelimited, &mut encoded);
    encode_varint(value.len() as u64, &mut encoded);
    encoded.extend_from_slice(value.as_bytes());
    encoded
}

fn number(field: &Field, value: u64) -> Vec<u8> {
    let mut encoded = Vec::new();
    encode_key(field.number, WireType::Varint, &mut encoded);
    encode_varint(value, &mut encoded);
    encoded
}

/// Packed `fixed64`, the only lists that requests have.
fn fixed(field: &Field, count: u64) -> Vec<u8> {
    const FIXED64: i32 = 6;
    assert_eq!(
        field.kind, FIXED64,
        "{} is another list: teach this test to fill it",
        field.name
    );
    let mut encoded = Vec::new();
    encode_key(field.number, WireType::LengthDelimited, &mut encoded);
    encode_varint(count * 8, &mut encoded);
    encoded.resize(encoded.len() + usize::try_from(count * 8).unwrap_or(0), 0);
    encoded
}
