//! Where in JSON a reader stopped, as a field's path, and what the field wants.
//!
//! Runs only once a message is refused. It follows JSON that serde_json has already read as far as it goes here, so it
//! need not check it, and its depth is bounded.

use prost_reflect::{FieldDescriptor, Kind, MessageDescriptor};

/// The longest name of a field that is repeated to its sender.
const NAME: usize = 64;

/// A step into JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Step {
    Field(String),
    Item(usize),
}

/// Where in `json` a line and a column of serde_json's are.
pub(super) fn offset(json: &[u8], line: usize, column: usize) -> usize {
    let begin = match line.checked_sub(2) {
        None => 0,
        Some(breaks) => json
            .iter()
            .enumerate()
            .filter(|(_, byte)| **byte == b'\n')
            .nth(breaks)
            .map_or(0, |(index, _)| index + 1),
    };
    (begin + column).min(json.len())
}

/// The field that stands last in `read`, and what is wrong with it.
pub(super) fn explain(message: &MessageDescriptor, read: &[u8]) -> (String, String) {
    let mut path = String::new();
    let mut at = At::Message(message.clone());
    for step in steps(read) {
        at = match at.into(&step) {
            Ok(next) => next,
            Err(Wrong::Value(rule)) => return (path, rule),
            Err(Wrong::Name(rule)) => {
                step.add_to(&mut path);
                return (path, rule);
            }
        };
        step.add_to(&mut path);
    }
    (path, at.wanted())
}

/// What is wrong: what stands at a place, or that there is such a place.
enum Wrong {
    Value(String),
    Name(String),
}

impl Step {
    fn add_to(&self, path: &mut String) {
        match self {
            Self::Field(name) => {
                if !path.is_empty() {
                    path.push('.');
                }
                path.push_str(shown(name));
            }
            Self::Item(index) => path.push_str(&format!("[{index}]")),
        }
    }
}

/// A name, if it could be one.
pub(super) fn shown(name: &str) -> &str {
    let is_name = name.len() <= NAME
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-.@$[]/".contains(&byte));
    if is_name { name } else { "?" }
}

/// What must stand where a field of this kind is written.
pub(super) fn wanted(kind: &Kind) -> String {
    At::One(kind.clone()).opened().wanted()
}

/// What a place in JSON describes.
enum At {
    Message(MessageDescriptor),
    /// A field with all its values.
    Whole(FieldDescriptor),
    /// One value of it.
    One(Kind),
    /// Something that JSON may fill as it likes.
    Free,
}

impl At {
    fn into(self, step: &Step) -> Result<Self, Wrong> {
        match (self, step) {
            (Self::Message(message), step) if is_special(&message) => Ok(match (message.full_name(), step) {
                (
                    "google.protobuf.Struct"
                    | "google.protobuf.Value"
                    | "google.protobuf.ListValue"
                    | "google.protobuf.Any",
                    _,
                ) => Self::Free,
                _ => Self::Message(message),
            }),
            (Self::Message(message), Step::Field(name)) => message
                .get_field_by_json_name(name)
                .or_else(|| message.get_field_by_name(name))
                .map(|field| {
                    if field.is_list() || field.is_map() {
                        Self::Whole(field)
                    } else {
                        Self::One(field.kind())
                    }
                    .opened()
                })
                .ok_or_else(|| Wrong::Name(format!("is not a field of {}", message.full_name()))),
            (Self::Whole(field), Step::Item(_)) if field.is_list() => Ok(Self::One(field.kind()).opened()),
            (Self::Whole(field), Step::Field(_)) => match field.kind() {
                Kind::Message(entry) if field.is_map() => Ok(Self::One(entry.map_entry_value_field().kind()).opened()),
                _ => Err(Wrong::Value(Self::Whole(field).wanted())),
            },
            (Self::Free, _) => Ok(Self::Free),
            (at, _) => Err(Wrong::Value(at.wanted())),
        }
    }

    fn opened(self) -> Self {
        match self {
            Self::One(Kind::Message(message)) => Self::Message(message),
            at => at,
        }
    }

    /// What must stand here.
    fn wanted(&self) -> String {
        match self {
            Self::Free => "has no such value".to_owned(),
            Self::Whole(field) if field.is_list() => "must be an array".to_owned(),
            Self::Whole(_) => "must be an object whose keys are those of a map".to_owned(),
            Self::Message(message) => match message.full_name() {
                "google.protobuf.Timestamp" => "must be a time as in \"2026-01-31T12:00:00Z\"".to_owned(),
                "google.protobuf.Duration" => "must be a duration as in \"1.5s\"".to_owned(),
                "google.protobuf.FieldMask" => "must be a string of paths with commas between".to_owned(),
                "google.protobuf.Any" => "must be an object with \"@type\", the address of a known type".to_owned(),
                "google.protobuf.ListValue" => "must be an array".to_owned(),
                name if is_special(message) && name != "google.protobuf.Struct" => {
                    match message.get_field_by_name("value") {
                        Some(value) => Self::One(value.kind()).wanted(),
                        None => "must be JSON".to_owned(),
                    }
                }
                name => {
                    format!("must be an object with the fields of {name}, each no more than once, and one of a choice")
                }
            },
            Self::One(kind) => match kind {
                Kind::Double | Kind::Float => {
                    "must be a number, \"NaN\", \"Infinity\" or \"-Infinity\", in range".to_owned()
                }
                Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => "must be a whole number of 32 bits".to_owned(),
                Kind::Uint32 | Kind::Fixed32 => "must be a whole number of 32 bits, not below 0".to_owned(),
                Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => {
                    "must be a whole number of 64 bits, as a number or a string".to_owned()
                }
                Kind::Uint64 | Kind::Fixed64 => {
                    "must be a whole number of 64 bits, not below 0, as a number or a string".to_owned()
                }
                Kind::Bool => "must be true or false".to_owned(),
                Kind::String => "must be a string".to_owned(),
                Kind::Bytes => "must be a string of base64".to_owned(),
                Kind::Enum(names) => format!("must be a name or number of {}", names.full_name()),
                Kind::Message(message) => format!("must be an object with the fields of {}", message.full_name()),
            },
        }
    }
}

/// Whether JSON writes a message otherwise than as an object of its fields.
fn is_special(message: &MessageDescriptor) -> bool {
    message.package_name() == "google.protobuf"
        && matches!(
            message.name(),
            "Any"
                | "Timestamp"
                | "Duration"
                | "Struct"
                | "Value"
                | "ListValue"
                | "FieldMask"
                | "FloatValue"
                | "DoubleValue"
                | "Int32Value"
                | "Int64Value"
                | "UInt32Value"
                | "UInt64Value"
                | "BoolValue"
                | "StringValue"
                | "BytesValue"
        )
}

/// An object or array that is open.
enum Open {
    /// The key that was read last, and whether a value for it may follow.
    Object(Option<String>),
    Array(usize),
}

/// The way from the outside to the end of `read`.
fn steps(read: &[u8]) -> Vec<Step> {
    let mut open: Vec<Open> = Vec::new();
    // In an object, whether a string is a key.
    let mut is_key = false;
    let mut index = 0;
    while let Some(byte) = read.get(index) {
        index += 1;
        match byte {
            b'{' => {
                open.push(Open::Object(None));
                is_key = true;
            }
            b'[' => {
                open.push(Open::Array(0));
                is_key = false;
            }
            b'}' | b']' => {
                open.pop();
                is_key = false;
            }
            b',' => match open.last_mut() {
                Some(Open::Array(item)) => *item += 1,
                Some(Open::Object(key)) => {
                    *key = None;
                    is_key = true;
                }
                None => {}
            },
            b'"' => {
                let begin = index - 1;
                while let Some(byte) = read.get(index) {
                    index += 1;
                    match byte {
                        b'\\' => index += 1,
                        b'"' => break,
                        _ => {}
                    }
                }
                if is_key && let Some(Open::Object(key)) = open.last_mut() {
                    let text = read.get(begin..index).unwrap_or_default();
                    *key = serde_json::from_slice(text).ok();
                    is_key = false;
                }
            }
            _ => {}
        }
    }
    open.into_iter()
        .filter_map(|open| match open {
            Open::Object(key) => key.map(Step::Field),
            Open::Array(item) => Some(Step::Item(item)),
        })
        .collect()
}
