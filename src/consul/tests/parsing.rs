//! What Consul sends, and what it might: unknown, missing and null fields must never cost us an instance.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::*;

/// How a field may arrive.
#[derive(Clone, Copy, Debug)]
enum Field {
    Full,
    Null,
    Missing,
}

fn field() -> impl Strategy<Value = Field> {
    prop_oneof![3 => Just(Field::Full), 1 => Just(Field::Null), 1 => Just(Field::Missing)]
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-zA-Z]{1,8}", inner, 0..4)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

/// An object of these fields, each arriving its own way, beside fields that nobody knows.
fn object(fields: Vec<(&'static str, Value)>) -> impl Strategy<Value = Value> {
    let count = fields.len();
    (
        prop::collection::vec(field(), count),
        prop::collection::vec(("X[a-z]{1,6}", any_json()), 0..3),
    )
        .prop_map(move |(ways, unknown)| {
            let mut object: Map<String, Value> = unknown.into_iter().collect();
            for ((name, value), way) in fields.iter().zip(ways) {
                match way {
                    Field::Full => drop(object.insert((*name).to_owned(), value.clone())),
                    Field::Null => drop(object.insert((*name).to_owned(), Value::Null)),
                    Field::Missing => {}
                }
            }
            Value::Object(object)
        })
}

fn entry() -> impl Strategy<Value = Value> {
    let check = object(vec![
        ("CheckID", json!("service:a")),
        ("Name", json!("c")),
        ("Status", json!("passing")),
        ("Notes", json!("n")),
        ("Output", json!("o")),
        ("ServiceID", json!("a")),
    ]);
    let node = object(vec![
        ("Node", json!("n1")),
        ("Address", json!("10.0.0.1")),
        ("Datacenter", json!("dc1")),
        ("Meta", json!({ "k": "v" })),
    ]);
    let weights = object(vec![("Passing", json!(3)), ("Warning", json!(1))]);
    (check, node, weights).prop_flat_map(|(check, node, weights)| {
        object(vec![
            ("ID", json!("a")),
            ("Service", json!("writing")),
            ("Address", json!("10.0.0.2")),
            ("Port", json!(7)),
            ("Tags", json!(["lyceum"])),
            ("Meta", json!({ "version": "1" })),
            ("Weights", weights),
        ])
        .prop_flat_map(move |service| {
            object(vec![
                ("Node", node.clone()),
                ("Service", service),
                ("Checks", json!([check.clone()])),
            ])
        })
    })
}

/// The text at a path, where null and missing are the same.
fn text<'a>(value: &'a Value, path: &str) -> &'a str {
    value.pointer(path).and_then(Value::as_str).unwrap_or_default()
}

proptest! {
    #[test]
    fn every_entry_is_read_whatever_is_missing(value in entry()) {
        let read: Entry = serde_json::from_value(value.clone()).unwrap();
        prop_assert_eq!(&read.node.name, text(&value, "/Node/Node"));
        prop_assert_eq!(&read.node.address, text(&value, "/Node/Address"));
        prop_assert_eq!(&read.service.id, text(&value, "/Service/ID"));
        prop_assert_eq!(&read.service.name, text(&value, "/Service/Service"));
        prop_assert_eq!(&read.service.address, text(&value, "/Service/Address"));
        prop_assert_eq!(read.service.port, value.pointer("/Service/Port").and_then(Value::as_i64).unwrap_or(0));
        let meta = value.pointer("/Service/Meta").and_then(Value::as_object).map_or(0, Map::len);
        prop_assert_eq!(read.service.meta.len(), meta);
        let checks = value.pointer("/Checks").and_then(Value::as_array).map_or(0, Vec::len);
        prop_assert_eq!(read.checks.len(), checks);
        for check in &read.checks {
            let passing = text(&value, "/Checks/0/Status") == "passing";
            prop_assert_eq!(check.health() == Health::Passing, passing, "an unknown status is critical");
        }
    }

    #[test]
    fn no_json_at_all_panics(value in any_json()) {
        // Either outcome is right; what counts is that there is one.
        let text = value.to_string();
        let _ = serde_json::from_str::<Option<Vec<Entry>>>(&text);
        prop_assert!(serde_json::from_str::<Value>(&text).is_ok());
    }

    #[test]
    fn no_address_at_all_panics(text in ".{0,40}") {
        if let Ok(address) = text.parse::<Address>() {
            let again: Address = address.to_string().parse().unwrap();
            prop_assert_eq!(again, address, "what is shown can be read again");
        }
    }

    #[test]
    fn an_escaped_segment_is_one_segment(text in ".{0,40}") {
        let escaped = settings::escaped(&text);
        prop_assert!(escaped.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~%".contains(&b)));
        let uri = Address::default().uri(&format!("/v1/health/service/{escaped}")).unwrap();
        prop_assert_eq!(uri.path().matches('/').count(), 4);
    }
}

#[test]
fn a_whole_entry_of_a_newer_consul_is_read() {
    let text = r#"[{"Node":{"ID":"e","Node":"n1","Address":"10.0.0.1","Datacenter":"dc1","TaggedAddresses":{"lan":"10.0.0.1"},
        "Meta":{"consul-network-segment":"","consul-version":"1.21.0"},"CreateIndex":1,"ModifyIndex":2,"PeerName":"","Partition":"default"},
        "Service":{"ID":"w-1","Service":"writing","Tags":["lyceum"],"Address":"","TaggedAddresses":null,"Meta":null,"Port":7001,
        "Weights":{"Passing":4,"Warning":1},"EnableTagOverride":false,"Proxy":{"Mode":"","MeshGateway":{},"Expose":{}},
        "Connect":{},"PeerName":"","Locality":null,"Namespace":"default","CreateIndex":12,"ModifyIndex":12},
        "Checks":[{"Node":"n1","CheckID":"serfHealth","Name":"Serf Health Status","Status":"passing","Notes":"","Output":"Agent alive and reachable",
        "ServiceID":"","ServiceName":"","ServiceTags":[],"Type":"","Interval":"","Timeout":"","ExposedPort":0,"Definition":{},"CreateIndex":2,"ModifyIndex":2}]}]"#;
    let entries: Option<Vec<Entry>> = serde_json::from_str(text).unwrap();
    let entry = &entries.unwrap()[0];
    assert_eq!((entry.service.id.as_str(), entry.service.port), ("w-1", 7001));
    assert_eq!(
        entry.service.weights,
        Some(EntryWeights {
            passing: Some(4),
            warning: Some(1)
        })
    );
    assert!(entry.service.meta.is_empty());
    assert_eq!(entry.checks[0].health(), Health::Passing);
}

#[test]
fn maintenance_and_unknown_words_are_critical() {
    let check = |id: &str, status: &str| Check {
        id: id.into(),
        status: status.into(),
        ..Check::default()
    };
    assert_eq!(check("c", "warning").health(), Health::Warning);
    assert_eq!(check("c", "splendid").health(), Health::Critical);
    assert_eq!(check("c", "").health(), Health::Critical);
    assert_eq!(check("_node_maintenance", "passing").health(), Health::Critical);
    assert_eq!(check(&maintenance_check_id("a"), "passing").health(), Health::Critical);
}
