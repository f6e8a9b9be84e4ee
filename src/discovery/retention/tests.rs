#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::time::Duration;

use super::*;
use crate::consul::Health;

fn instance(id: &str) -> Instance {
    Instance {
        id: id.to_owned(),
        host: "h".to_owned(),
        port: 1,
        weight: 4,
        ..Instance::default()
    }
}

fn critical(id: &str) -> Instance {
    Instance {
        health: Health::Critical,
        weight: 0,
        ..instance(id)
    }
}

fn all(ids: &[&str]) -> Vec<Instance> {
    ids.iter().map(|id| instance(id)).collect()
}

fn ids(list: &[Instance]) -> Vec<String> {
    let mut ids: Vec<String> = list.iter().map(|instance| instance.id.clone()).collect();
    ids.sort();
    ids
}

fn retention() -> Retention<Instance> {
    Retention::new(Settings::default())
}

const HOLD: Duration = Duration::from_secs(2);
const RECOVERY: Duration = Duration::from_secs(20);

#[tokio::test(start_paused = true)]
async fn one_that_leaves_while_others_stay_goes_at_once() {
    let (mut retention, now) = (retention(), Instant::now());
    retention.told(all(&["a", "b"]), false, now);
    assert_eq!(ids(retention.told(all(&["b"]), false, now)), ["b"]);
    assert_eq!(retention.due(), None);
}

#[tokio::test(start_paused = true)]
async fn an_empty_answer_is_held_and_then_believed() {
    let (mut retention, now) = (retention(), Instant::now());
    retention.told(all(&["a"]), false, now);
    assert_eq!(ids(retention.told(Vec::new(), false, now)), ["a"]);
    assert_eq!(retention.due(), Some(now + HOLD));
    let before = now + HOLD - Duration::from_millis(1);
    assert_eq!(
        ids(retention.told(Vec::new(), false, before)),
        ["a"],
        "asked again, the hold does not begin again"
    );
    assert!(retention.decide(now + HOLD).is_empty());
    assert_eq!(retention.due(), None);
}

#[tokio::test(start_paused = true)]
async fn an_empty_answer_that_passes_is_never_seen() {
    let (mut retention, now) = (retention(), Instant::now());
    retention.told(all(&["a"]), false, now);
    retention.told(Vec::new(), false, now);
    assert_eq!(ids(retention.told(all(&["b"]), false, now)), ["b"]);
    assert_eq!(retention.due(), None);
}

#[tokio::test(start_paused = true)]
async fn an_empty_first_answer_counts_at_once() {
    let mut retention = retention();
    assert!(retention.told(Vec::new(), false, Instant::now()).is_empty());
    assert_eq!(retention.due(), None);
}

#[tokio::test(start_paused = true)]
async fn all_critical_counts_at_once() {
    let (mut retention, now) = (retention(), Instant::now());
    retention.told(all(&["a", "b"]), false, now);
    let list = retention.told(vec![critical("a"), critical("b")], false, now);
    assert!(list.iter().all(|instance| instance.weight == 0) && list.len() == 2);
    let list = retention.told(vec![critical("a"), critical("b")], true, now);
    assert!(list.iter().all(|instance| instance.weight == 0), "after an outage too");
}

#[tokio::test(start_paused = true)]
async fn after_a_loss_of_data_the_missing_stay_until_they_are_back() {
    let (mut retention, now) = (retention(), Instant::now());
    retention.told(all(&["a", "b", "c"]), false, now);
    assert_eq!(ids(retention.told(Vec::new(), true, now)), ["a", "b", "c"]);
    assert_eq!(ids(retention.told(all(&["b"]), false, now + HOLD)), ["a", "b", "c"]);
    assert_eq!(retention.due(), Some(now + RECOVERY));
    assert_eq!(
        ids(retention.told(all(&["a", "b", "c"]), false, now + HOLD)),
        ["a", "b", "c"]
    );
    assert_eq!(retention.due(), None, "all are back: the register's word counts again");
    assert_eq!(ids(retention.told(all(&["a"]), false, now + HOLD)), ["a"]);
}

#[tokio::test(start_paused = true)]
async fn after_a_loss_of_data_those_that_never_come_back_go_in_the_end() {
    let (mut retention, now) = (retention(), Instant::now());
    retention.told(all(&["a", "b"]), false, now);
    retention.told(Vec::new(), true, now);
    retention.told(all(&["b"]), false, now + HOLD);
    assert_eq!(ids(retention.decide(now + RECOVERY)), ["b"]);
    assert_eq!(retention.due(), None);
}

#[tokio::test(start_paused = true)]
async fn after_a_loss_of_data_and_nobody_back_the_list_is_empty_in_the_end() {
    let (mut retention, now) = (retention(), Instant::now());
    retention.told(all(&["a"]), false, now);
    retention.told(Vec::new(), true, now);
    assert_eq!(
        ids(retention.decide(now + RECOVERY)),
        ["a"],
        "now it is an empty answer like any other"
    );
    assert!(retention.decide(now + RECOVERY + HOLD).is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_critical_instance_is_never_kept() {
    let (mut retention, now) = (retention(), Instant::now());
    retention.told(vec![instance("a"), critical("b")], false, now);
    assert_eq!(ids(retention.told(Vec::new(), true, now)), ["a"]);
}

#[tokio::test(start_paused = true)]
async fn an_instance_that_came_back_elsewhere_is_another() {
    let (mut retention, now) = (retention(), Instant::now());
    retention.told(all(&["a"]), false, now);
    let moved = Instance {
        port: 2,
        ..instance("a")
    };
    let list = retention.told(vec![moved], true, now);
    assert_eq!(list.len(), 2, "its old address may still serve");
    assert_eq!(retention.decide(now + RECOVERY).len(), 1);
}

#[tokio::test(start_paused = true)]
async fn one_that_leaves_while_others_are_awaited_goes_at_once() {
    let (mut retention, now) = (retention(), Instant::now());
    retention.told(all(&["a", "b", "c"]), false, now);
    retention.told(all(&["a", "b"]), true, now);
    assert_eq!(ids(retention.told(all(&["a"]), false, now)), ["a", "c"]);
}

#[tokio::test(start_paused = true)]
async fn a_register_that_comes_and_goes_does_not_keep_the_dead() {
    let (mut retention, start) = (retention(), Instant::now());
    retention.told(all(&["a", "dead"]), false, start);
    for second in 0..20 {
        let now = start + Duration::from_secs(second);
        assert_eq!(
            ids(retention.told(all(&["a"]), true, now)),
            ["a", "dead"],
            "second {second}"
        );
    }
    assert_eq!(ids(retention.told(all(&["a"]), true, start + RECOVERY)), ["a"]);
}
