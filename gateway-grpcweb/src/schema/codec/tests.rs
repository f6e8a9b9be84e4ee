#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use proptest::prelude::*;
use prost_reflect::DescriptorPool;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorProto};

use super::*;

/// `t.All`, with a field of every sort.
fn all() -> MessageDescriptor {
    let mut number = 0;
    let mut field = |name: &str, kind: Type, of: &str, many: bool| {
        number += 1;
        FieldDescriptorProto {
            name: Some(name.to_owned()),
            number: Some(number),
            label: Some(if many { Label::Repeated } else { Label::Optional }.into()),
            r#type: Some(kind.into()),
            type_name: (!of.is_empty()).then(|| of.to_owned()),
            ..Default::default()
        }
    };
    let fields = vec![
        field("whole_number", Type::Int32, "", false),
        field("big", Type::Uint64, "", false),
        field("share", Type::Double, "", false),
        field("yes", Type::Bool, "", false),
        field("text", Type::String, "", false),
        field("raw", Type::Bytes, "", false),
        field("kind", Type::Enum, ".t.Kind", false),
        field("inner", Type::Message, ".t.All", false),
        field("many", Type::Message, ".t.All", true),
        field("names", Type::Message, ".t.All.NamesEntry", true),
        field("at", Type::Message, ".google.protobuf.Timestamp", false),
        field("lasts", Type::Message, ".google.protobuf.Duration", false),
        field("free", Type::Message, ".google.protobuf.Struct", false),
        field("maybe", Type::Message, ".google.protobuf.Int64Value", false),
        field("any", Type::Message, ".google.protobuf.Any", false),
    ];
    let mut key = field("key", Type::String, "", false);
    let mut value = field("value", Type::Int32, "", false);
    (key.number, value.number) = (Some(1), Some(2));
    let file = FileDescriptorProto {
        name: Some("t.proto".to_owned()),
        package: Some("t".to_owned()),
        syntax: Some("proto3".to_owned()),
        dependency: ["any", "duration", "struct", "timestamp", "wrappers"]
            .map(|name| format!("google/protobuf/{name}.proto"))
            .to_vec(),
        message_type: vec![DescriptorProto {
            name: Some("All".to_owned()),
            field: fields,
            nested_type: vec![DescriptorProto {
                name: Some("NamesEntry".to_owned()),
                field: vec![key, value],
                options: Some(prost_types::MessageOptions {
                    map_entry: Some(true),
                    ..Default::default()
                }),
                ..Default::default()
            }],
            ..Default::default()
        }],
        enum_type: vec![prost_types::EnumDescriptorProto {
            name: Some("Kind".to_owned()),
            value: ["KIND_UNSPECIFIED", "KIND_ONE"]
                .into_iter()
                .zip(0..)
                .map(|(name, number)| prost_types::EnumValueDescriptorProto {
                    name: Some(name.to_owned()),
                    number: Some(number),
                    ..Default::default()
                })
                .collect(),
            ..Default::default()
        }],
        ..Default::default()
    };
    let mut pool = DescriptorPool::global();
    pool.add_file_descriptor_proto(file).unwrap();
    pool.get_message_by_name("t.All").unwrap()
}

fn there_and_back(json: &str) -> String {
    let message = all();
    let bytes = to_bytes(&message, json.as_bytes()).unwrap();
    String::from_utf8(to_json(&message, &bytes).unwrap()).unwrap()
}

/// Where the error is said to be, and what is said of it.
fn refused(json: &str) -> String {
    let refusal = to_bytes(&all(), json.as_bytes()).unwrap_err();
    assert_eq!(refusal.code(), Code::InvalidArgument);
    if refusal.reason() == "INPUT_INVALID" {
        refusal.to_string()
    } else {
        format!("{}: {refusal}", refusal.reason())
    }
}

#[test]
fn json_is_the_protobuf_mapping() {
    for json in [
        "{}",
        r#"{"wholeNumber":-7,"big":"18446744073709551615","share":0.5,"yes":true,"text":"ä\"","raw":"AQI=","kind":"KIND_ONE"}"#,
        r#"{"inner":{"inner":{"text":"deep"}},"many":[{},{"yes":true}],"names":{"a":1}}"#,
        r#"{"at":"2026-01-31T12:00:00Z","lasts":"1.500s","free":{"x":[1.0,null,"y"]},"maybe":"5"}"#,
        r#"{"any":{"@type":"type.googleapis.com/t.All","text":"in any"}}"#,
        r#"{"share":"NaN"}"#,
    ] {
        assert_eq!(there_and_back(json), json);
    }
    // What others write, and what stands at its default.
    assert_eq!(
        there_and_back(r#" {"whole_number": "3", "big": 4, "kind": 1, "raw": "_-8", "text": ""} "#),
        r#"{"wholeNumber":3,"big":"4","raw":"/+8=","kind":"KIND_ONE"}"#
    );
    assert_eq!(there_and_back(r#"{"text":null,"many":null}"#), "{}");
}

#[test]
fn what_is_wrong_is_told_by_field_and_never_by_value() {
    for (json, told) in [
        (r#"{"txet":"secret"}"#, "txet is not a field of t.All"),
        (
            r#"{"inner":{"many":[{},{"nope":1}]}}"#,
            "inner.many[1].nope is not a field of t.All",
        ),
        (r#"{"text":5}"#, "text must be a string"),
        (r#"{"text":["secret"]}"#, "text must be a string"),
        (r#"{"text":{"a":"secret"}}"#, "text must be a string"),
        (
            r#"{"wholeNumber":"secret"}"#,
            "wholeNumber must be a whole number of 32 bits",
        ),
        (
            r#"{"wholeNumber":3000000000}"#,
            "wholeNumber must be a whole number of 32 bits",
        ),
        (
            r#"{"text":"a, b: {","many":[{"big":-1}]}"#,
            "many[0].big must be a whole number of 64 bits, not below 0, as a number or a string",
        ),
        (r#"{"many":[{"yes":"secret"}]}"#, "many[0].yes must be true or false"),
        (r#"{"raw":"*secret*"}"#, "raw must be a string of base64"),
        (r#"{"kind":"KIND_SECRET"}"#, "kind must be a name or number of t.Kind"),
        (
            r#"{"names":{"a":1,"b":"secret"}}"#,
            "names.b must be a whole number of 32 bits",
        ),
        (r#"{"many":{}}"#, "many must be an array"),
        (
            r#"{"at":"yesterday"}"#,
            "at must be a time as in \"2026-01-31T12:00:00Z\"",
        ),
        (
            r#"{"maybe":"secret"}"#,
            "maybe must be a whole number of 64 bits, as a number or a string",
        ),
        (
            "{\n \"inner\": {\n  \"text\": \"x\",\n  \"yes\": 1}}",
            "inner.yes must be true or false",
        ),
    ] {
        assert_eq!(refused(json), told, "{json}");
    }
    assert!(refused(r#"{"inner":"secret"}"#).starts_with("inner must be an object with the fields of t.All"));
    assert!(refused(r#"{"a name that is secret":1}"#).starts_with("? is not a field"));
    assert!(refused("[1]").contains("must be an object with the fields of t.All"));
    assert_eq!(
        refused(""),
        "JSON_INVALID: the body is empty; a message without fields is {}"
    );
    assert_eq!(
        refused(r#"{"text":"#),
        "JSON_INVALID: the JSON ends before it is complete"
    );
    assert_eq!(
        refused("{\n]"),
        "JSON_INVALID: the body is not JSON: see line 2, column 1"
    );
    assert!(refused("{} {}").starts_with("JSON_INVALID: the body is not JSON"));
    let broken = to_bytes(&all(), b"{\"text\":\"\xff\"}").unwrap_err();
    assert_eq!(broken.to_string(), "the body is not UTF-8");
}

#[test]
fn ten_thousand_levels_are_refused_and_no_stack_falls() {
    for (begin, end) in [
        (r#"{"inner":"#, "}"),
        (r#"{"free":{"a":"#, "}}"),
        (r#"{"nope":["#, "]}"),
        ("[", "]"),
    ] {
        let json = begin.repeat(10_000) + "{}" + &end.repeat(10_000);
        let refusal = to_bytes(&all(), json.as_bytes()).unwrap_err();
        assert_eq!(refusal.code(), Code::InvalidArgument, "{begin}");
    }
    let json = r#"{"inner":"#.repeat(10_000) + "{}" + &"}".repeat(10_000);
    assert!(refused(&json).starts_with("JSON_TOO_DEEP"));
    let json = r#"{"free":{"a":"#.to_owned() + &"[".repeat(10_000) + &"]".repeat(10_000) + "}}";
    assert!(refused(&json).starts_with("JSON_TOO_DEEP"));
}

#[test]
fn an_answer_that_cannot_be_read_is_the_services_fault() {
    let message = all();
    for bytes in [&b"\xff"[..], b"\x2a\x02\xc3\x28", b"\x42\x05a"] {
        let refusal = to_json(&message, bytes).unwrap_err();
        assert_eq!(
            (refusal.code(), refusal.reason()),
            (Code::Internal, "ANSWER_UNREADABLE")
        );
    }
    // A thousand messages in each other.
    let mut bytes = Vec::new();
    for _ in 0..1000 {
        let mut outer = vec![0x42];
        prost::encoding::encode_varint(bytes.len() as u64, &mut outer);
        outer.append(&mut bytes);
        bytes = outer;
    }
    assert_eq!(to_json(&message, &bytes).unwrap_err().reason(), "ANSWER_UNREADABLE");
    // A time that no JSON can write.
    let at = to_bytes(&message, br#"{"at":"9999-12-31T23:59:59Z"}"#).unwrap();
    let mut later = at.to_vec();
    let last = later.len() - 1;
    later[last] = 0x7f;
    assert_eq!(to_json(&message, &later).unwrap_err().reason(), "ANSWER_UNREADABLE");
}

proptest! {
    #[test]
    fn any_bytes_are_a_message_or_a_refusal(json in proptest::collection::vec(any::<u8>(), 0..200), cut in 0..200_usize) {
        let message = all();
        let _ = to_bytes(&message, &json);
        let _ = to_json(&message, &json);
        let good = br#"{"many":[{"text":"x","names":{"a":1}},{"free":{"y":[1,{"z":"\""}]}}],"inner":{"kind":"KIND_ONE"}}"#;
        let mut torn = good.to_vec();
        torn.splice(cut % good.len()..cut % good.len(), json.into_iter().take(3));
        let _ = to_bytes(&message, &torn);
    }
}
