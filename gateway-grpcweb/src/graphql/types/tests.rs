use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage};
use prost_types::field_descriptor_proto::{Label, Type as Of};
use prost_types::method_options::IdempotencyLevel;
use prost_types::{
    DescriptorProto, EnumDescriptorProto, EnumValueDescriptorProto, FieldDescriptorProto, FileDescriptorProto,
    MessageOptions, MethodDescriptorProto, MethodOptions, OneofDescriptorProto, ServiceDescriptorProto,
};
use serde_json::json;

use super::*;

fn field(name: &str, number: i32, of: Of) -> FieldDescriptorProto {
    FieldDescriptorProto {
        name: Some(name.to_owned()),
        number: Some(number),
        r#type: Some(of.into()),
        label: Some(Label::Optional.into()),
        ..Default::default()
    }
}

fn of(name: &str, number: i32, kind: Of, type_name: &str) -> FieldDescriptorProto {
    FieldDescriptorProto {
        type_name: Some(type_name.to_owned()),
        ..field(name, number, kind)
    }
}

fn list(field: FieldDescriptorProto) -> FieldDescriptorProto {
    FieldDescriptorProto {
        label: Some(Label::Repeated.into()),
        ..field
    }
}

fn method(name: &str, level: IdempotencyLevel, client: bool, server: bool) -> MethodDescriptorProto {
    MethodDescriptorProto {
        name: Some(name.to_owned()),
        input_type: Some(".school.v1.Everything".to_owned()),
        output_type: Some(".school.v1.Everything".to_owned()),
        client_streaming: Some(client),
        server_streaming: Some(server),
        options: Some(MethodOptions {
            idempotency_level: Some(level.into()),
            ..Default::default()
        }),
    }
}

fn pool() -> DescriptorPool {
    let mut oneof = [field("a_text", 20, Of::String), field("a_number", 21, Of::Int32)];
    for field in &mut oneof {
        field.oneof_index = Some(0);
    }
    let [text, number] = oneof;
    let everything = DescriptorProto {
        name: Some("Everything".to_owned()),
        field: vec![
            field("small", 1, Of::Int32),
            field("whole", 2, Of::Uint32),
            field("big_number", 3, Of::Int64),
            field("huge", 4, Of::Uint64),
            field("real", 5, Of::Double),
            field("yes", 6, Of::Bool),
            field("raw", 7, Of::Bytes),
            of("mood", 8, Of::Enum, ".school.v1.Mood"),
            of("inner", 9, Of::Message, ".school.v1.Everything"),
            list(field("texts", 10, Of::String)),
            list(of("marks", 11, Of::Message, ".school.v1.Everything.MarksEntry")),
            of("at", 12, Of::Message, ".google.protobuf.Timestamp"),
            of("lasts", 13, Of::Message, ".google.protobuf.Duration"),
            of("anything", 14, Of::Message, ".google.protobuf.Struct"),
            of("perhaps", 15, Of::Message, ".google.protobuf.Int64Value"),
            of("nothing", 16, Of::Message, ".google.protobuf.Empty"),
            list(of("moods", 17, Of::Enum, ".school.v1.Mood")),
            text,
            number,
        ],
        oneof_decl: vec![OneofDescriptorProto {
            name: Some("either".to_owned()),
            options: None,
        }],
        nested_type: vec![DescriptorProto {
            name: Some("MarksEntry".to_owned()),
            field: vec![
                field("key", 1, Of::String),
                of("value", 2, Of::Message, ".school.v1.Everything"),
            ],
            options: Some(MessageOptions {
                map_entry: Some(true),
                ..Default::default()
            }),
            ..Default::default()
        }],
        ..Default::default()
    };
    let value = |name: &str, number| EnumValueDescriptorProto {
        name: Some(name.to_owned()),
        number: Some(number),
        options: None,
    };
    let file = FileDescriptorProto {
        name: Some("school.proto".to_owned()),
        package: Some("school.v1".to_owned()),
        syntax: Some("proto3".to_owned()),
        dependency: ["timestamp", "duration", "struct", "wrappers", "empty"]
            .map(|name| format!("google/protobuf/{name}.proto"))
            .to_vec(),
        message_type: vec![everything],
        enum_type: vec![EnumDescriptorProto {
            name: Some("Mood".to_owned()),
            value: vec![value("MOOD_UNSPECIFIED", 0), value("MOOD_GOOD", 1)],
            ..Default::default()
        }],
        service: vec![ServiceDescriptorProto {
            name: Some("SchoolService".to_owned()),
            method: vec![
                method("Get", IdempotencyLevel::NoSideEffects, false, false),
                method("Put", IdempotencyLevel::Idempotent, false, false),
                method("Watch", IdempotencyLevel::NoSideEffects, false, true),
                method("Upload", IdempotencyLevel::IdempotencyUnknown, true, false),
            ],
            options: None,
        }],
        ..Default::default()
    };
    let mut pool = DescriptorPool::global();
    pool.add_file_descriptor_proto(file).unwrap();
    pool
}

fn services(pool: &DescriptorPool) -> Vec<Arc<ServiceInfo>> {
    crate::schema::reflected(pool, &"school".into(), std::iter::once("school.v1.SchoolService"))
}

#[test]
fn every_kind_of_field_has_a_type() {
    let sdl = build(&services(&pool()), 7).unwrap().sdl();
    for line in [
        "school_get(input: School_EverythingInput!): School_Everything",
        "school_put(input: School_EverythingInput!): School_Everything",
        "school_watch(input: School_EverythingInput!): School_Everything!",
        "small: Int!",
        "whole: UInt32!",
        "bigNumber: Int64!",
        "huge: UInt64!",
        "real: Float\n",
        "yes: Boolean!",
        "raw: Bytes!",
        "mood: School_Mood\n",
        "inner: School_Everything\n",
        "inner: School_EverythingInput\n",
        "texts: [String!]!",
        "texts: [String!]\n",
        "marks: [School_Everything_MarksEntry!]!",
        "marks: [School_Everything_MarksEntryInput!]\n",
        "at: Timestamp\n",
        "lasts: Duration\n",
        "anything: JSON\n",
        "perhaps: Int64\n",
        "nothing: GoogleProtobuf_Empty\n",
        "aText: String\n",
        "MOOD_GOOD",
    ] {
        assert!(sdl.contains(line), "{line} is not in\n{sdl}");
    }
    assert!(!sdl.contains("upload"), "what streams upwards is not offered");
    let query = sdl.split("type Query").nth(1).unwrap().split('}').next().unwrap();
    assert!(query.contains("school_get") && !query.contains("school_put") && !query.contains("school_watch"));
}

#[test]
fn no_services_are_a_schema_too() {
    assert!(build(&[], 0).unwrap().sdl().contains("schemaGeneration"));
}

#[test]
fn inputs_become_messages() {
    let message = pool().get_message_by_name("school.v1.Everything").unwrap();
    let input = async_graphql::Value::from_json(json!({
        "bigNumber": "9007199254740993",
        "mood": "MOOD_GOOD",
        "texts": "alone",
        "marks": [{ "key": "a", "value": { "small": 1, "marks": [{ "key": "b" }] } }],
        "at": "2026-01-31T12:00:00Z",
        "anything": { "x": [1, { "y": null }] },
        "nothing": { "_empty": true },
        "inner": { "yes": true },
        "real": null,
    }))
    .unwrap();
    let json = values::json(&input, &message);
    assert_eq!(
        json,
        json!({
            "bigNumber": "9007199254740993",
            "mood": "MOOD_GOOD",
            "texts": ["alone"],
            "marks": { "a": { "small": 1, "marks": { "b": null } } },
            "at": "2026-01-31T12:00:00Z",
            "anything": { "x": [1, { "y": null }] },
            "nothing": {},
            "inner": { "yes": true },
            "real": null,
        })
    );
    let text = json!({ "marks": [{ "key": "a", "value": { "small": 1 } }], "perhaps": "3" });
    let json = values::json(&async_graphql::Value::from_json(text).unwrap(), &message).to_string();
    let bytes = crate::schema::codec::to_bytes(&message, json.as_bytes()).unwrap();
    assert!(!bytes.is_empty());
}

#[test]
fn fields_hold_what_messages_hold() {
    let message = pool().get_message_by_name("school.v1.Everything").unwrap();
    let json = r#"{"bigNumber":"-5","real":"NaN","raw":"AQI=","mood":7,"moods":[1,7],"at":"2026-01-31T12:00:00Z","perhaps":"3","aNumber":0}"#;
    let mut json = serde_json::Deserializer::from_str(json);
    let held = DynamicMessage::deserialize(message.clone(), &mut json).unwrap();
    let held = DynamicMessage::decode(message.clone(), &*held.encode_to_vec()).unwrap();
    let value = |name: &str| {
        let number = message.get_field_by_json_name(name).unwrap().number();
        let (value, _) = values::of_field(&held, number)?;
        Some(match value.as_value() {
            Some(value) => value.clone().into_json().unwrap(),
            None => json!(value.as_list().map(<[_]>::len)),
        })
    };
    assert_eq!(value("small"), Some(json!(0)), "the default of what is always set");
    assert_eq!(value("bigNumber"), Some(json!("-5")));
    assert_eq!(value("real"), None);
    assert_eq!(value("raw"), Some(json!("AQI=")));
    assert_eq!(value("mood"), None, "a number without a name");
    assert_eq!(value("moods"), Some(json!(1)));
    assert_eq!(value("inner"), None);
    assert_eq!(value("texts"), Some(json!(0)));
    assert_eq!(value("at"), Some(json!("2026-01-31T12:00:00Z")));
    assert_eq!(value("perhaps"), Some(json!("3")));
    assert_eq!(value("aText"), None);
    assert_eq!(value("aNumber"), Some(json!(0)), "set, though it is the default");
}
