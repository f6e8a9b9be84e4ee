use prost_reflect::DescriptorPool;

use super::*;
use crate::schema::reflected;

fn catalogue() -> Catalogue {
    let pool = DescriptorPool::decode(lyceum::contracts::DESCRIPTORS).unwrap();
    let names = [
        "lyceum.testing.v1.ProbeService",
        "lyceum.testing.v1.RecordsService",
        "lyceum.writing_analysis.v1.WritingAnalysisService",
        "lyceum.ai_validator.v1.EducationalAiValidatorService",
    ];
    Catalogue::new(1, &reflected(&pool, &"own".into(), names.into_iter()))
}

#[test]
fn a_contract_becomes_tools() {
    let catalogue = catalogue();
    let tool = &catalogue.find("writing_analysis_analyze_writing").unwrap().tool;
    assert_eq!(tool.title.as_deref(), Some("Analyze writing"));
    let description = tool.description.as_deref().unwrap();
    assert!(description.starts_with("Measures a whole text"), "{description}");
    assert!(description.contains("Every method refuses"), "{description}");
    assert_eq!(tool.input_schema["required"], json!(["text"]));
    assert!(tool.output_schema.as_ref().unwrap()["$defs"].is_object());
    let hints = tool.annotations.as_ref().unwrap();
    assert_eq!(
        (hints.read_only_hint, hints.idempotent_hint, hints.open_world_hint),
        (Some(true), Some(true), Some(false))
    );
    let record = &catalogue.find("probe_record_probe").unwrap().tool;
    let hints = record.annotations.as_ref().unwrap();
    assert_eq!(
        (hints.read_only_hint, hints.idempotent_hint),
        (Some(false), Some(false))
    );
}

#[test]
fn a_stream_answers_all_its_messages() {
    let catalogue = catalogue();
    let tool = &catalogue.find("probe_watch_probe").unwrap().tool;
    let schema = tool.output_schema.as_ref().unwrap();
    assert_eq!(schema["required"], json!([MESSAGES]));
    assert_eq!(
        schema["properties"][MESSAGES]["items"]["$ref"],
        "#/$defs/lyceum.testing.v1.WatchProbeResponse"
    );
}

#[test]
fn what_a_contract_does_not_allow_is_no_tool() {
    let catalogue = catalogue();
    assert!(catalogue.find("records_get_record").is_some());
    for (name, why) in [
        ("probe_exchange_probe", "the caller streams"),
        ("records_list_records", "its contract says that it is none"),
    ] {
        assert!(catalogue.find(name).is_none(), "{name}: {why}");
    }
}

#[test]
fn pages_follow_names() {
    let catalogue = catalogue();
    let first = catalogue.after("");
    assert_eq!(catalogue.after(&first[0].tool.name).len(), first.len() - 1);
    assert!(catalogue.after("zzz").is_empty());
}

#[test]
fn what_is_no_object_stands_in_one() {
    let pool = DescriptorPool::global();
    let time = pool.get_message_by_name("google.protobuf.Timestamp").unwrap();
    let (schema, wrapped) = Entry::object(standalone(&time, Side::Request));
    assert!(wrapped);
    assert_eq!(schema["properties"][VALUE]["format"], "date-time");
}
