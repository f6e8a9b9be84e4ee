use prost_reflect::DescriptorPool;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{
    DescriptorProto, FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet, MessageOptions, OneofDescriptorProto,
};
use serde_json::{Value, json};

use super::*;

fn contract(name: &str, side: Side) -> Value {
    let pool = DescriptorPool::decode(lyceum::contracts::DESCRIPTORS).unwrap();
    Value::Object(standalone(&pool.get_message_by_name(name).unwrap(), side))
}

#[test]
fn a_request_is_held_to_its_contract() {
    let schema = contract("lyceum.ai_validator.v1.DecideAccessRequest", Side::Request);
    assert_eq!(schema["type"], "object");
    assert_eq!(schema["additionalProperties"], false);
    assert_eq!(schema["required"], json!(["reflection", "stage"]));
    let reflection = &schema["properties"]["reflection"];
    assert_eq!(reflection["minLength"], 1);
    assert_eq!(reflection["maxLength"], 20_000);
    assert!(
        reflection["description"]
            .as_str()
            .unwrap()
            .starts_with("The student's reflection")
    );
    let stage = &schema["properties"]["stage"];
    assert_eq!(stage["$ref"], "#/$defs/lyceum.ai_validator.v1.WritingStage");
    assert_eq!(stage["not"], json!({ "enum": ["WRITING_STAGE_UNSPECIFIED"] }));
    let values = &schema["$defs"]["lyceum.ai_validator.v1.WritingStage"];
    assert_eq!(values["enum"][2], "WRITING_STAGE_DRAFT");
    assert!(
        values["description"]
            .as_str()
            .unwrap()
            .contains("WRITING_STAGE_EDIT: Polishes words.")
    );
    assert_eq!(schema["properties"]["repliesSoFar"]["maximum"], 10_000);
    assert_eq!(schema["properties"]["repliesSoFar"]["minimum"], 0);
}

#[test]
fn an_answer_may_leave_out_and_add() {
    let schema = contract("lyceum.ai_validator.v1.ClassifyBloomResponse", Side::Answer);
    assert!(schema.get("required").is_none());
    assert!(schema.get("additionalProperties").is_none());
    assert_eq!(schema["properties"]["parts"]["type"], "array");
    let part = &schema["$defs"]["lyceum.ai_validator.v1.BloomPart"];
    assert_eq!(
        part["properties"]["span"]["$ref"],
        "#/$defs/lyceum.ai_validator.v1.Span"
    );
    assert_eq!(part["properties"]["confidence"]["type"], json!(["number", "string"]));
}

#[test]
fn every_reference_of_every_contract_leads_somewhere() {
    let pool = DescriptorPool::decode(lyceum::contracts::DESCRIPTORS).unwrap();
    for message in pool.all_messages().filter(|message| !message.is_map_entry()) {
        for side in [Side::Request, Side::Answer] {
            let schema = Value::Object(standalone(&message, side));
            let mut references = Vec::new();
            collect(&schema, &mut references);
            for reference in references {
                let pointer = reference.strip_prefix('#').unwrap();
                let found = schema.pointer(pointer).unwrap();
                assert!(found.is_object(), "{}: {reference}", message.full_name());
            }
        }
    }
}

fn collect(schema: &Value, references: &mut Vec<String>) {
    match schema {
        Value::Object(keywords) => {
            if let Some(Value::String(reference)) = keywords.get("$ref") {
                references.push(reference.clone());
            }
            keywords.values().for_each(|value| collect(value, references));
        }
        Value::Array(values) => values.iter().for_each(|value| collect(value, references)),
        _ => {}
    }
}

fn field(name: &str, number: i32, kind: Type) -> FieldDescriptorProto {
    FieldDescriptorProto {
        name: Some(name.to_owned()),
        number: Some(number),
        label: Some(Label::Optional.into()),
        r#type: Some(kind.into()),
        ..Default::default()
    }
}

fn of_type(mut field: FieldDescriptorProto, name: &str) -> FieldDescriptorProto {
    field.type_name = Some(name.to_owned());
    field
}

fn pool(messages: Vec<DescriptorProto>) -> DescriptorPool {
    let file = FileDescriptorProto {
        name: Some("own.proto".to_owned()),
        package: Some("own".to_owned()),
        syntax: Some("proto3".to_owned()),
        message_type: messages,
        ..Default::default()
    };
    DescriptorPool::from_file_descriptor_set(FileDescriptorSet { file: vec![file] }).unwrap()
}

#[test]
fn oneofs_maps_and_wide_numbers() {
    let mut one = field("by_name", 1, Type::String);
    one.oneof_index = Some(0);
    let mut other = field("by_number", 2, Type::Uint64);
    other.oneof_index = Some(0);
    let mut map = of_type(field("scores", 3, Type::Message), ".own.Thing.ScoresEntry");
    map.label = Some(Label::Repeated.into());
    let entry = DescriptorProto {
        name: Some("ScoresEntry".to_owned()),
        field: vec![field("key", 1, Type::Int32), field("value", 2, Type::Double)],
        options: Some(MessageOptions {
            map_entry: Some(true),
            ..Default::default()
        }),
        ..Default::default()
    };
    let thing = DescriptorProto {
        name: Some("Thing".to_owned()),
        field: vec![one, other, map, field("raw", 4, Type::Bytes)],
        nested_type: vec![entry],
        oneof_decl: vec![OneofDescriptorProto {
            name: Some("key".to_owned()),
            ..Default::default()
        }],
        ..Default::default()
    };
    let thing = pool(vec![thing]).get_message_by_name("own.Thing").unwrap();
    let schema = Value::Object(standalone(&thing, Side::Request));
    assert_eq!(
        schema["not"],
        json!({ "anyOf": [{ "required": ["byName", "byNumber"] }] })
    );
    assert_eq!(schema["properties"]["byName"]["x-oneof"], "key");
    assert_eq!(schema["properties"]["byNumber"]["type"], json!(["string", "integer"]));
    assert_eq!(schema["properties"]["scores"]["propertyNames"]["pattern"], "^-?[0-9]+$");
    assert_eq!(
        schema["properties"]["scores"]["additionalProperties"]["type"],
        json!(["number", "string"])
    );
    assert_eq!(schema["properties"]["raw"]["contentEncoding"], "base64");
}

#[test]
fn a_chain_of_types_is_worked_off_without_the_stack() {
    const LENGTH: usize = 20_000;
    let messages = (0..LENGTH)
        .map(|index| DescriptorProto {
            name: Some(format!("M{index}")),
            field: vec![of_type(
                field("next", 1, Type::Message),
                &format!(".own.M{}", (index + 1) % LENGTH),
            )],
            ..Default::default()
        })
        .collect();
    let first = pool(messages).get_message_by_name("own.M0").unwrap();
    let schema = standalone(&first, Side::Request);
    // The first one stands at the top, and once more below as the last one's next.
    assert_eq!(schema["$defs"].as_object().unwrap().len(), LENGTH);
}
