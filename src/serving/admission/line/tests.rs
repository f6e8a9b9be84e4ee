#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use proptest::prelude::*;

use super::super::caller::Callers;
use super::*;
use crate::identity::SpiffeId;

fn callers(count: usize) -> Vec<Arc<Caller>> {
    let callers = Callers::default();
    (0..count)
        .map(|n| callers.get(&SpiffeId::service("lyceum.internal", "dc1", &format!("caller-{n}")).unwrap()))
        .collect()
}

fn line(queue: u32) -> Line<u32> {
    Line::new(&Serving {
        queue,
        queue_interval: Duration::from_millis(100),
        queue_target: Duration::from_millis(10),
        ..Serving::default()
    })
}

fn at(millis: u64) -> Micros {
    Micros(millis * 1000)
}

fn push(line: &mut Line<u32>, now: Micros, priority: Priority, caller: &Arc<Caller>, ticket: u32) -> Pushed<u32> {
    line.push(now, priority, caller, None, ticket)
}

fn popped(line: &mut Line<u32>, now: Micros) -> Option<u32> {
    line.pop(now).map(|waiter| waiter.ticket)
}

const INTERACTIVE: Priority = Priority::Interactive;
const BATCH: Priority = Priority::Batch;

#[test]
fn first_come_first_served_until_the_line_has_stood_for_too_long() {
    let (mut line, callers) = (line(100), callers(1));
    for n in 0..20 {
        push(&mut line, at(u64::from(n) * 10), INTERACTIVE, &callers[0], n);
    }
    assert_eq!(popped(&mut line, at(99)), Some(0));
    assert_eq!(popped(&mut line, at(99)), Some(1));
    // It has stood for 100 ms: the newest first, and who has waited for more than 10 ms no more.
    assert_eq!(popped(&mut line, at(190)), Some(19));
    let shed: Vec<u32> = std::iter::from_fn(|| line.shed(at(190)))
        .map(|one| one.ticket)
        .collect();
    assert_eq!(
        shed,
        (2..18).collect::<Vec<_>>(),
        "the eighteenth has waited for 10 ms only"
    );
    assert_eq!(popped(&mut line, at(190)), Some(18));
    // An empty line is a fresh start.
    push(&mut line, at(200), INTERACTIVE, &callers[0], 50);
    push(&mut line, at(201), INTERACTIVE, &callers[0], 51);
    assert!(line.shed(at(290)).is_none());
    assert_eq!(popped(&mut line, at(290)), Some(50));
}

#[test]
fn interactive_calls_go_before_batch_and_take_its_room() {
    let (mut line, callers) = (line(3), callers(2));
    for n in 0..3 {
        push(&mut line, at(0), BATCH, &callers[0], n);
    }
    let pushed = push(&mut line, at(1), INTERACTIVE, &callers[1], 10);
    assert!(
        matches!(pushed, Pushed::Waits(_, Some((2, Whose::Everybody)))),
        "{pushed:?}"
    );
    let refused = push(&mut line, at(1), BATCH, &callers[0], 3);
    assert!(matches!(refused, Pushed::Full(3, Whose::Everybody)), "{refused:?}");
    let order: Vec<u32> = std::iter::from_fn(|| popped(&mut line, at(2))).collect();
    assert_eq!(order, [10, 0, 1]);
}

#[test]
fn a_line_full_of_one_callers_calls_takes_anothers() {
    let (mut line, callers) = (line(4), callers(2));
    for n in 0..4 {
        push(&mut line, at(0), INTERACTIVE, &callers[0], n);
    }
    let alone = push(&mut line, at(0), INTERACTIVE, &callers[0], 4);
    assert!(matches!(alone, Pushed::Full(4, Whose::Everybody)), "{alone:?}");
    for (n, evicted) in [(10, 3), (11, 2)] {
        let pushed = push(&mut line, at(1), INTERACTIVE, &callers[1], n);
        assert!(
            matches!(pushed, Pushed::Waits(_, Some((out, Whose::Own))) if out == evicted),
            "{pushed:?}"
        );
    }
    let even = push(&mut line, at(1), INTERACTIVE, &callers[1], 12);
    assert!(matches!(even, Pushed::Full(12, Whose::Everybody)), "{even:?}");
}

#[test]
fn the_caller_with_the_fewest_running_is_next() {
    let (mut line, callers) = (line(10), callers(2));
    callers[0].running.store(5, Ordering::Relaxed);
    callers[1].running.store(3, Ordering::Relaxed);
    push(&mut line, at(0), INTERACTIVE, &callers[0], 0);
    push(&mut line, at(1), INTERACTIVE, &callers[1], 1);
    push(&mut line, at(2), INTERACTIVE, &callers[1], 2);
    assert_eq!(popped(&mut line, at(3)), Some(1));
    callers[1].running.store(5, Ordering::Relaxed);
    assert_eq!(popped(&mut line, at(3)), Some(0), "as many running: who came first");
}

#[derive(Clone, Debug)]
enum Step {
    Push(usize, bool),
    Pop,
    Shed,
    Remove(usize),
    Wait(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0_usize..5, any::<bool>()).prop_map(|(caller, batch)| Step::Push(caller, batch)),
        2 => Just(Step::Pop),
        1 => Just(Step::Shed),
        1 => any::<usize>().prop_map(Step::Remove),
        2 => (0_u64..60).prop_map(Step::Wait),
    ]
}

proptest! {
    #[test]
    fn everybody_who_came_is_told_once(steps in proptest::collection::vec(step(), 0..200)) {
        let (mut line, callers) = (line(8), callers(5));
        let (mut now, mut next) = (0, 0);
        // Who waits, by ticket: caller, priority, when it came, key.
        let mut waiting = std::collections::BTreeMap::<u32, (usize, Priority, u64, Key)>::new();
        let running: Vec<AtomicU32> = (0..5).map(|_| AtomicU32::new(0)).collect();
        for step in steps {
            match step {
                Step::Wait(more) => now += more,
                Step::Push(caller, batch) => {
                    let priority = if batch { BATCH } else { INTERACTIVE };
                    match push(&mut line, at(now), priority, &callers[caller], next) {
                        Pushed::Waits(key, instead) => {
                            if let Some((out, _)) = instead {
                                let (_, evicted, ..) = waiting.remove(&out).unwrap();
                                prop_assert!(evicted >= priority, "nobody goes for one who matters less");
                            }
                            waiting.insert(next, (caller, priority, now, key));
                        }
                        Pushed::Full(ticket, _) => {
                            prop_assert_eq!(ticket, next);
                            prop_assert_eq!(waiting.len(), 8);
                        }
                    }
                    next += 1;
                }
                Step::Pop => match line.pop(at(now)) {
                    Some(waiter) => {
                        let (caller, priority, ..) = waiting.remove(&waiter.ticket).unwrap();
                        let of = |caller: usize| running[caller].load(Ordering::Relaxed);
                        for (other, other_priority, ..) in waiting.values() {
                            prop_assert!(*other_priority >= priority);
                            prop_assert!(*other_priority > priority || of(*other) >= of(caller), "over its share");
                        }
                        running[caller].fetch_add(1, Ordering::Relaxed);
                        callers[caller].running.fetch_add(1, Ordering::Relaxed);
                    }
                    None => prop_assert!(waiting.is_empty()),
                },
                Step::Shed => {
                    while let Some(waiter) = line.shed(at(now)) {
                        let (.., since, _) = waiting.remove(&waiter.ticket).unwrap();
                        prop_assert!(now - since > 10);
                    }
                }
                Step::Remove(index) => {
                    let Some(ticket) = waiting.keys().nth(index % waiting.len().max(1)).copied() else { continue };
                    let (.., key) = waiting.remove(&ticket).unwrap();
                    prop_assert_eq!(line.remove(key), Some(ticket));
                    prop_assert_eq!(line.remove(key), None);
                }
            }
            prop_assert_eq!(line.len(), waiting.len());
            prop_assert!(line.len() <= 8);
        }
    }
}
