#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use proptest::prelude::*;
use prost::Message as _;
use prost_types::field_descriptor_proto::Type;
use prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorProto, MessageOptions};

use super::files::{Error, Files};
use super::*;

/// A file with one message that refers to one of each import's.
fn file(name: &str, imports: &[&str]) -> FileDescriptorProto {
    let message = |name: &str| name.trim_end_matches(".proto").to_uppercase();
    FileDescriptorProto {
        name: Some(name.to_owned()),
        package: Some("lies".to_owned()),
        syntax: Some("proto3".to_owned()),
        dependency: imports.iter().map(|&import| import.to_owned()).collect(),
        message_type: vec![DescriptorProto {
            name: Some(message(name)),
            field: (1..)
                .zip(imports)
                .map(|(number, import)| FieldDescriptorProto {
                    name: Some(format!("f{number}")),
                    number: Some(number),
                    label: Some(1),
                    r#type: Some(11),
                    type_name: Some(format!(".lies.{}", message(import))),
                    ..Default::default()
                })
                .collect(),
            ..Default::default()
        }],
        ..Default::default()
    }
}

/// A field of its own.
fn field(name: &str, number: i32, r#type: Type) -> FieldDescriptorProto {
    FieldDescriptorProto {
        name: Some(name.to_owned()),
        number: Some(number),
        label: Some(1),
        r#type: Some(r#type.into()),
        type_name: (r#type == Type::Message).then(|| ".lies.A".to_owned()),
        ..Default::default()
    }
}

fn built(files: &[FileDescriptorProto]) -> Result<prost_reflect::DescriptorPool, Error> {
    let mut all = Files::default();
    for file in files {
        all.add(&file.encode_to_vec())?;
    }
    all.build()
}

/// The services of our own contracts, as one Consul service would reflect them.
fn learnt(owner: &str) -> Vec<Arc<ServiceInfo>> {
    let pool = prost_reflect::DescriptorPool::decode(lyceum::contracts::DESCRIPTORS).unwrap();
    let names = [
        "lyceum.testing.v1.ProbeService",
        "lyceum.writing_analysis.v1.WritingAnalysisService",
        "not.there",
    ];
    contract::services(&pool, &owner.into(), names.into_iter())
}

#[test]
fn files_come_in_any_order() {
    let pool = built(&[
        file("c.proto", &["b.proto", "a.proto"]),
        file("b.proto", &["a.proto"]),
        file("a.proto", &[]),
    ]);
    let message = pool.unwrap().get_message_by_name("lies.C").unwrap();
    assert_eq!(message.fields().len(), 2);
}

#[test]
fn descriptors_that_lie_are_refused() {
    assert!(matches!(built(&[file("a.proto", &["b.proto"])]), Err(Error::Missing(name)) if name == "b.proto"));
    let circle = [file("a.proto", &["b.proto"]), file("b.proto", &["a.proto"])];
    assert!(matches!(built(&circle), Err(Error::Cycle(_))));
    assert!(matches!(built(&[file("a.proto", &["a.proto"])]), Err(Error::Cycle(_))));
    assert!(matches!(built(&[file("", &[])]), Err(Error::Nameless)));

    let mut wrong = file("a.proto", &[]);
    wrong.message_type[0].field = file("b.proto", &["nowhere.proto"]).message_type[0].field.clone();
    assert!(matches!(built(&[wrong]), Err(Error::Contradiction(_))));
    let twice = [file("a.proto", &[]), {
        let mut other = file("a.proto", &[]);
        other.name = Some("b.proto".to_owned());
        other
    }];
    assert!(matches!(built(&twice), Err(Error::Contradiction(_))));

    let mut usurper = file("mine.proto", &[]);
    usurper.package = Some("google.protobuf".to_owned());
    usurper.message_type[0].name = Some("Timestamp".to_owned());
    assert!(matches!(built(&[usurper]), Err(Error::Usurped(_))));

    let mut newer = file("a.proto", &[]);
    newer.syntax = Some("editions".to_owned());
    assert!(matches!(built(&[newer]), Err(Error::Syntax(_))));

    // Whoever reads a map would look for a key and a value in vain.
    let key = |r#type| field("key", 1, r#type);
    let value = field("value", 2, Type::Bytes);
    for (fields, good) in [
        (vec![key(Type::String), value.clone()], true),
        (vec![value.clone(), key(Type::Bool)], true),
        (vec![key(Type::String)], false),
        (vec![value.clone()], false),
        (
            vec![key(Type::String), value.clone(), field("more", 3, Type::Bool)],
            false,
        ),
        (vec![key(Type::String), key(Type::String)], false),
        (vec![key(Type::Double), value.clone()], false),
        (vec![key(Type::Message), value.clone()], false),
    ] {
        let mut lying = file("a.proto", &[]);
        lying.message_type[0].nested_type.push(DescriptorProto {
            name: Some("MEntry".to_owned()),
            field: fields.clone(),
            options: Some(MessageOptions {
                map_entry: Some(true),
                ..Default::default()
            }),
            ..Default::default()
        });
        let outcome = built(&[lying]);
        assert_eq!(outcome.is_ok(), good, "{fields:?}: {outcome:?}");
        assert!(good || matches!(outcome, Err(Error::Entry(_))), "{fields:?}");
    }

    let mut files = Files::default();
    assert!(matches!(files.add(b"\x0a\xff"), Err(Error::Undecodable)));
    assert!(matches!(files.add(&vec![0; 9 * 1024 * 1024]), Err(Error::TooLarge)));
    let mut many = file("a.proto", &[]);
    many.message_type = vec![many.message_type[0].clone(); 20_001];
    assert!(matches!(built(&[many]), Err(Error::TooManyTypes)));
    let mut files = Files::default();
    let refused = (0..600).find_map(|number| files.add(&file(&format!("{number}.proto"), &[]).encode_to_vec()).err());
    assert!(matches!(refused, Some(Error::TooMany)));
}

#[test]
fn the_well_known_types_are_our_own() {
    let mut other = file("google/protobuf/timestamp.proto", &[]);
    other.package = Some("google.protobuf".to_owned());
    other.message_type[0].name = Some("Timestamp".to_owned());
    let pool = built(&[other]).unwrap();
    let timestamp = pool.get_message_by_name("google.protobuf.Timestamp").unwrap();
    assert_eq!(timestamp.get_field_by_name("nanos").unwrap().number(), 2);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    /// Whatever comes, it is an error or it is types; nothing breaks.
    #[test]
    fn descriptors_may_be_anything(place in 0..40_000_usize, with in any::<[u8; 3]>(), cut in any::<bool>()) {
        let set = prost_types::FileDescriptorSet::decode(lyceum::contracts::DESCRIPTORS).unwrap();
        let mut files = Files::default();
        for file in &set.file {
            let mut bytes = file.encode_to_vec();
            if !file.package().starts_with("google") && !bytes.is_empty() {
                let place = place % bytes.len();
                let end = (place + with.len()).min(bytes.len());
                bytes[place..end].copy_from_slice(&with[..end - place]);
                if cut {
                    bytes.truncate(place);
                }
            }
            let _ = files.add(&bytes);
        }
        let _ = files.build();
    }
}

#[test]
fn a_method_is_found_with_all_that_is_known_of_it() {
    let schema = Schema::new();
    assert!(schema.method("/lyceum.testing.v1.ProbeService/WatchProbe").is_none());
    let mut changes = schema.watch();
    schema.learn("testing", learnt("testing"));
    assert_eq!(schema.generation(), 1);
    assert!(changes.has_changed().unwrap());
    changes.mark_unchanged();

    let method = schema.method("/lyceum.testing.v1.ProbeService/WatchProbe").unwrap();
    assert!(Arc::ptr_eq(
        &method,
        &schema.method("lyceum.testing.v1.ProbeService/WatchProbe").unwrap()
    ));
    assert_eq!(method.path, "/lyceum.testing.v1.ProbeService/WatchProbe");
    assert_eq!((&*method.owner, &*method.name), ("testing", "WatchProbe"));
    assert_eq!(method.service, "lyceum.testing.v1.ProbeService");
    assert_eq!(method.input.full_name(), "lyceum.testing.v1.WatchProbeRequest");
    assert_eq!(method.output.full_name(), "lyceum.testing.v1.WatchProbeResponse");
    assert!(method.server_streaming && !method.client_streaming && !method.deprecated);
    assert_eq!(method.idempotency, Idempotency::NoSideEffects);
    assert_eq!(method.comment, "Streams replies, one after each delay.");
    assert!(method.option("no.such.option").is_none());
    let record = schema.method("lyceum.testing.v1.ProbeService/RecordProbe").unwrap();
    assert_eq!(record.idempotency, Idempotency::Unknown);

    let services = schema.services();
    assert_eq!(services.len(), 2);
    assert_eq!(services[0].name, "lyceum.testing.v1.ProbeService");
    assert_eq!(
        services[0].comment,
        "Answers with what reached it, or fails as it is told."
    );
    assert_eq!(services[0].methods.len(), 4);
    assert_eq!(&*services[0].owner, "testing");
    schema.set_live("testing", true);
    assert_eq!(schema.generation(), 1, "nothing that can be looked up has changed");
}

#[test]
fn the_same_service_of_two_is_the_live_ones() {
    let schema = Schema::new();
    schema.learn("b", learnt("b"));
    let owner = || {
        schema
            .method("lyceum.testing.v1.ProbeService/GetProbe")
            .unwrap()
            .owner
            .to_string()
    };
    assert_eq!(owner(), "b");
    schema.learn("a", learnt("a"));
    assert_eq!(owner(), "a");
    schema.set_live("b", true);
    assert_eq!(owner(), "b");
    schema.set_live("a", true);
    assert_eq!(owner(), "a");
}
