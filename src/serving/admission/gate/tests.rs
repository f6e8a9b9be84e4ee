#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::collections::VecDeque;
use std::time::Duration;

use proptest::prelude::*;

use super::*;

fn settings(limit: u32, queue: u32) -> Serving {
    Serving {
        limit_min: limit,
        limit_initial: limit,
        limit_max: limit,
        queue,
        streams: 2,
        queue_interval: Duration::from_millis(100),
        queue_target: Duration::from_millis(10),
        ..Serving::default()
    }
}

fn gate(limit: u32, queue: u32) -> Arc<Gate> {
    Gate::new(&settings(limit, queue), 2, AdmissionMetrics::default())
}

fn caller(gate: &Gate, name: &str) -> Arc<Caller> {
    gate.caller(&SpiffeId::service("lyceum.internal", "dc1", name).unwrap())
}

fn at(millis: u64) -> Micros {
    Micros(millis * 1000)
}

fn wait(gate: &Arc<Gate>, caller: &Arc<Caller>, now: u64) -> Result<Waiting, Reason> {
    gate.wait(caller, 0, Priority::Interactive, None, at(now))
}

#[test]
fn a_full_gate_hands_places_on() {
    let gate = gate(1, 10);
    let gateway = caller(&gate, "gateway");
    let place = gate.enter(&gateway, 0, at(0)).unwrap();
    assert_eq!(gate.enter(&gateway, 0, at(0)).unwrap_err(), Reason::Overloaded);
    let mut waiting = wait(&gate, &gateway, 1).unwrap();
    assert!(waiting.receiver.try_recv().is_err());
    assert!(gate.reading().utilization() > 1.9);
    place.end(at(2), Used::Answered);
    let place = waiting.receiver.try_recv().unwrap().unwrap();
    assert_eq!((gate.reading().running, gate.reading().waiting), (1, 0));
    drop(place);
    assert_eq!(gate.reading().running, 0);
    assert_eq!(gateway.running(), 0);
}

#[test]
fn nobody_slips_past_those_who_wait() {
    let gate = gate(2, 10);
    let gateway = caller(&gate, "gateway");
    let places: Vec<Place> = (0..2).map(|_| gate.enter(&gateway, 0, at(0)).unwrap()).collect();
    let first = wait(&gate, &gateway, 1).unwrap();
    assert!(gate.enter(&gateway, 0, at(1)).is_err());
    drop(places);
    drop(first);
    assert!(gate.enter(&gateway, 0, at(1)).is_ok());
}

#[test]
fn a_place_handed_to_somebody_who_left_goes_to_the_next() {
    let gate = gate(1, 10);
    let gateway = caller(&gate, "gateway");
    let place = gate.enter(&gateway, 0, at(0)).unwrap();
    let first = wait(&gate, &gateway, 1).unwrap();
    let mut second = wait(&gate, &gateway, 1).unwrap();
    // The first has its place, but was dropped before it could look.
    drop(place);
    drop(first);
    assert!(second.receiver.try_recv().unwrap().is_ok());
}

#[test]
fn work_whose_deadline_has_passed_is_not_begun() {
    let gate = gate(1, 10);
    let gateway = caller(&gate, "gateway");
    let place = gate.enter(&gateway, 0, at(0)).unwrap();
    let late = gate.wait(&gateway, 0, Priority::Interactive, Some(at(5)), at(1));
    let mut good = wait(&gate, &gateway, 1).unwrap();
    place.end(at(6), Used::Answered);
    assert_eq!(
        late.unwrap().receiver.try_recv().unwrap().unwrap_err(),
        Reason::DeadlinePassed
    );
    assert!(good.receiver.try_recv().unwrap().is_ok());
}

#[test]
fn bulkheads_and_streams_are_bounded_by_themselves() {
    let gate = gate(10, 10);
    let gateway = caller(&gate, "gateway");
    gate.apply(&settings(10, 10), |method| (method == 1).then_some(2));
    let places: Vec<Place> = (0..2).map(|_| gate.enter(&gateway, 1, at(0)).unwrap()).collect();
    assert_eq!(gate.enter(&gateway, 1, at(0)).unwrap_err(), Reason::MethodFull);
    assert_eq!(gate.open(&gateway, 1, at(0)).unwrap_err(), Reason::MethodFull);
    assert!(gate.enter(&gateway, 0, at(0)).is_ok());
    drop(places);
    let streams: Vec<Place> = (0..2).map(|_| gate.open(&gateway, 1, at(0)).unwrap()).collect();
    assert_eq!(gate.open(&gateway, 0, at(0)).unwrap_err(), Reason::StreamsFull);
    assert_eq!(gate.reading().running, 0);
    assert!(gate.reading().utilization() >= 1.0);
    drop(streams);
    assert_eq!(gate.reading().streams, 0);
    gate.apply(&settings(10, 10), |_| None);
    let many: Vec<Verdict> = (0..5).map(|_| gate.enter(&gateway, 1, at(0))).collect();
    assert!(many.iter().all(Result::is_ok));
}

#[test]
fn a_higher_limit_lets_waiters_in_at_once() {
    let gate = gate(1, 10);
    let gateway = caller(&gate, "gateway");
    let _place = gate.enter(&gateway, 0, at(0)).unwrap();
    let mut waiting = wait(&gate, &gateway, 1).unwrap();
    gate.apply(&settings(2, 10), |_| None);
    assert!(waiting.receiver.try_recv().unwrap().is_ok());
}

#[test]
fn the_limit_follows_the_latencies_of_what_is_served() {
    let gate = Gate::new(&Serving::default(), 2, AdmissionMetrics::default());
    let gateway = caller(&gate, "gateway");
    let mut now = 0;
    // As many at a time as the gate lets, `takes` ms each, for a second.
    let mut serve = |takes: u64| {
        for _ in 0..1000 / takes {
            let places: Vec<Place> = std::iter::from_fn(|| gate.enter(&gateway, 0, at(now)).ok()).collect();
            now += takes;
            for place in places {
                place.end(at(now), Used::Answered);
            }
        }
        gate.reading().limit
    };
    let risen = serve(10);
    assert!(risen > 64, "{risen}");
    let fallen = serve(200);
    assert!(fallen < risen / 2, "{fallen} after {risen}");
}

/// Calls of several callers on several threads; everything must come to its end, within the limit.
#[test]
fn threads_that_come_and_go_leave_nothing_behind() {
    let gate = gate(3, 64);
    let running = AtomicU32::new(0);
    std::thread::scope(|scope| {
        for thread in 0..4_u64 {
            let (gate, running) = (&gate, &running);
            scope.spawn(move || {
                let caller = caller(gate, &format!("caller-{thread}"));
                let mut random = fastrand::Rng::with_seed(thread);
                for n in 0..5000 {
                    let place = match gate.enter(&caller, 0, at(n)) {
                        Ok(place) => place,
                        Err(_) => match wait(gate, &caller, n) {
                            // Some leave at once, whether or not their place came.
                            Ok(waiting) if random.u8(..) < 64 => {
                                drop(waiting);
                                continue;
                            }
                            Ok(waiting) => match waiting.receiver_blocking() {
                                Ok(place) => place,
                                Err(_) => continue,
                            },
                            Err(_) => continue,
                        },
                    };
                    assert!(running.fetch_add(1, Ordering::SeqCst) < 3);
                    std::hint::spin_loop();
                    running.fetch_sub(1, Ordering::SeqCst);
                    if random.bool() {
                        place.end(at(n), Used::Answered);
                    }
                }
            });
        }
    });
    let reading = gate.reading();
    assert_eq!((reading.running, reading.waiting), (0, 0));
}

impl Waiting {
    fn receiver_blocking(mut self) -> Verdict {
        let (_, empty) = oneshot::channel();
        let receiver = std::mem::replace(&mut self.receiver, empty);
        receiver.blocking_recv().unwrap()
    }
}

#[derive(Clone, Debug)]
enum Step {
    Come(usize, u64),
    End(usize),
    Leave(usize),
    Pass(u64),
    Limit(u32),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0_usize..3, 0_u64..200).prop_map(|(caller, patience)| Step::Come(caller, patience)),
        5 => any::<usize>().prop_map(Step::End),
        2 => any::<usize>().prop_map(Step::Leave),
        2 => (0_u64..60).prop_map(Step::Pass),
        1 => (1_u32..6).prop_map(Step::Limit),
    ]
}

proptest! {
    #[test]
    fn never_more_than_the_limit_and_no_free_place_while_somebody_waits(
        steps in proptest::collection::vec(step(), 0..300),
    ) {
        let gate = gate(3, 6);
        let callers: Vec<_> = (0..3).map(|n| caller(&gate, &format!("caller-{n}"))).collect();
        let (mut now, mut running, mut waiting, mut limit) = (0, Vec::new(), VecDeque::new(), 3);
        for step in steps {
            let before = running.len();
            match step {
                Step::Pass(millis) => {
                    now += millis;
                    gate.tick(at(now));
                }
                Step::Come(who, patience) => match gate.enter(&callers[who], 0, at(now)) {
                    Ok(place) => running.push(place),
                    Err(_) => {
                        let deadline = Some(at(now + patience));
                        if let Ok(one) = gate.wait(&callers[who], 0, Priority::Interactive, deadline, at(now)) {
                            waiting.push_back(one);
                        }
                    }
                },
                Step::End(index) if !running.is_empty() => {
                    let place = running.swap_remove(index % running.len());
                    place.end(at(now), Used::Answered);
                }
                Step::Leave(index) if !waiting.is_empty() => {
                    drop(waiting.remove(index % waiting.len()));
                }
                Step::Limit(new) => {
                    limit = new;
                    gate.apply(&settings(new, 6), |_| None);
                }
                Step::End(_) | Step::Leave(_) => {}
            }
            let mut still = VecDeque::new();
            for mut one in waiting {
                match one.receiver.try_recv() {
                    Ok(Ok(place)) => running.push(place),
                    Ok(Err(_)) => {}
                    Err(_) => still.push_back(one),
                }
            }
            waiting = still;
            prop_assert!(running.len() <= before.max(limit as usize), "{} run, {limit} may", running.len());
            let reading = gate.reading();
            prop_assert_eq!(reading.running as usize, running.len());
            prop_assert_eq!(reading.waiting as usize, waiting.len());
            prop_assert!(waiting.is_empty() || running.len() >= limit as usize, "a free place while somebody waits");
            prop_assert_eq!(callers.iter().map(|one| one.running()).sum::<u32>() as usize, running.len());
        }
        drop((running, waiting));
        prop_assert_eq!((gate.reading().running, gate.reading().waiting), (0, 0));
    }
}
