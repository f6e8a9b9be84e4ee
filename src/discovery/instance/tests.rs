#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use proptest::prelude::*;

use super::*;
use crate::consul::{EntryService, Node, maintenance_check_id};

fn check(id: &str, status: &str, output: &str, service_id: &str) -> Check {
    Check {
        id: id.to_owned(),
        status: status.to_owned(),
        output: output.to_owned(),
        service_id: service_id.to_owned(),
        ..Check::default()
    }
}

fn entry(checks: Vec<Check>) -> Entry {
    Entry {
        node: Node {
            name: "n".into(),
            address: "10.0.0.1".into(),
            ..Node::default()
        },
        service: EntryService {
            id: "a".into(),
            name: "w".into(),
            port: 7,
            ..EntryService::default()
        },
        checks,
    }
}

fn weighted(passing: Option<i64>, warning: Option<i64>, status: &str) -> u32 {
    let mut entry = entry(vec![check("c", status, "", "a")]);
    entry.service.weights = Some(EntryWeights { passing, warning });
    Instance::read(entry).unwrap().weight
}

#[test]
fn an_instance_without_an_address_is_at_its_nodes() {
    let instance = Instance::read(entry(Vec::new())).unwrap();
    assert_eq!(
        (instance.host.as_str(), instance.authority().as_str()),
        ("10.0.0.1", "10.0.0.1:7")
    );
    let mut own = entry(Vec::new());
    own.service.address = "10.0.0.2".into();
    assert_eq!(Instance::read(own).unwrap().authority(), "10.0.0.2:7");
}

#[test]
fn an_address_is_written_so_that_it_can_be_connected_to() {
    let at = |host: &str| Instance {
        host: host.into(),
        port: 7,
        ..Instance::default()
    };
    assert_eq!(at("::1").authority(), "[::1]:7");
    assert_eq!(at("::1").socket_address(), Some("[::1]:7".parse().unwrap()));
    assert_eq!(
        (at("w.local").authority().as_str(), at("w.local").socket_address()),
        ("w.local:7", None)
    );
}

#[test]
fn what_cannot_be_called_is_left_out() {
    for port in [0, -1, 65_536] {
        let mut entry = entry(Vec::new());
        entry.service.port = port;
        assert_eq!(Instance::read(entry), None, "{port}");
    }
    let mut nowhere = entry(Vec::new());
    nowhere.node.address.clear();
    assert_eq!(Instance::read(nowhere), None);
}

#[test]
fn a_dead_node_is_critical_though_its_instance_said_passing() {
    let checks = vec![
        check("service:a", "passing", "all is well", "a"),
        check("serfHealth", "critical", "gone", ""),
    ];
    let instance = Instance::read(entry(checks)).unwrap();
    assert_eq!(
        (instance.health, instance.weight, instance.note.as_str()),
        (Health::Critical, 0, "gone")
    );
}

#[test]
fn among_equals_the_instances_own_note_is_shown() {
    let checks = vec![
        check("serfHealth", "passing", "alive", ""),
        check("service:a", "passing", " ready ", "a"),
    ];
    assert_eq!(Instance::read(entry(checks)).unwrap().note, "ready");
}

#[test]
fn maintenance_is_critical_and_gives_its_reason() {
    let maintenance = Check {
        notes: "draining".into(),
        ..check(&maintenance_check_id("a"), "critical", "", "a")
    };
    let checks = vec![maintenance, check("service:a", "critical", "also", "a")];
    let instance = Instance::read(entry(checks)).unwrap();
    assert!(instance.maintenance && instance.health == Health::Critical);
    assert_eq!((instance.note.as_str(), instance.weight), ("draining", 0));
}

#[test]
fn no_checks_at_all_is_passing() {
    let instance = Instance::read(entry(Vec::new())).unwrap();
    assert_eq!((instance.health, instance.weight), (Health::Passing, WEIGHT_UNIT));
}

#[test]
fn the_weight_is_the_states() {
    assert_eq!(weighted(Some(10), Some(3), "passing"), 40);
    assert_eq!(weighted(Some(10), Some(3), "warning"), 12);
    assert_eq!(weighted(Some(10), Some(3), "critical"), 0);
    assert_eq!(weighted(Some(70_000), None, "passing"), 65_535 * 4);
    assert_eq!(weighted(Some(-3), None, "passing"), 4);
}

#[test]
fn a_warning_weight_that_was_not_set_is_a_quarter_of_passing() {
    assert_eq!(weighted(Some(1), Some(1), "warning"), 1, "consul's default");
    assert_eq!(
        weighted(Some(10), Some(0), "warning"),
        10,
        "1.8.7 makes 0 of a missing one"
    );
    assert_eq!(weighted(Some(10), None, "warning"), 10);
    assert_eq!(weighted(None, None, "warning"), 1);
}

#[test]
fn only_what_may_be_called_is_usable() {
    let at = |id: &str, weight| Instance {
        id: id.into(),
        weight,
        ..Instance::default()
    };
    let instances = Instances {
        state: State::Known,
        list: vec![at("a", 4), at("b", 0), at("c", 1)],
    };
    assert_eq!(
        instances
            .usable()
            .map(|instance| instance.id.as_str())
            .collect::<Vec<_>>(),
        ["a", "c"]
    );
}

fn any_check() -> impl Strategy<Value = Check> {
    let id = prop_oneof![
        Just("serfHealth".to_owned()),
        Just("service:a".to_owned()),
        Just("_node_maintenance".to_owned()),
        Just(maintenance_check_id("a")),
    ];
    let status = prop_oneof![
        Just("passing".to_owned()),
        Just("warning".to_owned()),
        Just("critical".to_owned()),
        "[a-z]{0,8}"
    ];
    (
        id,
        status,
        ".{0,10}",
        prop_oneof![Just(String::new()), Just("a".to_owned())],
    )
        .prop_map(|(id, status, output, service)| check(&id, &status, &output, &service))
}

proptest! {
    #[test]
    fn the_worst_check_decides(checks in prop::collection::vec(any_check(), 0..6), passing: i64, warning: i64) {
        let mut whole = entry(checks.clone());
        whole.service.weights = Some(EntryWeights { passing: Some(passing), warning: Some(warning) });
        let instance = Instance::read(whole).unwrap();
        let worst = checks.iter().map(Check::health).max().unwrap_or(Health::Passing);
        prop_assert_eq!(instance.health, worst);
        prop_assert_eq!(instance.weight == 0, worst == Health::Critical);
        prop_assert!(!instance.maintenance || worst == Health::Critical);
    }

    #[test]
    fn more_checks_never_make_it_better(checks in prop::collection::vec(any_check(), 1..6)) {
        let fewer = Instance::read(entry(checks[1..].to_vec())).unwrap();
        let all = Instance::read(entry(checks)).unwrap();
        prop_assert!(all.health >= fewer.health);
    }
}
