use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use proptest::prelude::*;

use super::*;

const SECOND: u64 = 1_000_000;

fn settings(share: f64, floor: u32) -> policy::Budget {
    policy::Budget {
        share,
        floor,
        window: Duration::from_secs(10),
    }
}

#[test]
fn many_calls_allow_their_share_and_not_one_more() {
    let (budget, settings) = (Budget::default(), policy::Budget::default());
    for call in 0..10_000 {
        budget.deposit(Micros(call * 900), &settings);
    }
    // No more at once than two seconds' share; all of it in the end.
    let now = Micros(9 * SECOND);
    let granted = (0..5000).filter(|_| budget.withdraw(now, &settings)).count();
    assert_eq!(granted, 400);
    let mut all = granted;
    let spent = Budget::default();
    for second in 0..10 {
        for _ in 0..1000 {
            spent.deposit(Micros(second * SECOND), &settings);
        }
        all = (0..5000)
            .filter(|_| spent.withdraw(Micros(second * SECOND), &settings))
            .count()
            + all * usize::from(second > 0);
    }
    assert_eq!(all, 2000);
    let budget = spent;
    assert_eq!(
        budget.report(now, &settings),
        Report {
            calls: 10_000,
            retries: 2000,
            allowed: 2000
        }
    );
}

#[test]
fn few_calls_have_the_floor() {
    let (budget, settings) = (Budget::default(), policy::Budget::default());
    let granted = (0..500).filter(|_| budget.withdraw(Micros(7), &settings)).count();
    assert_eq!(granted, 20, "ten a second, two seconds' at once");
    let later = (1..10).map(|second| {
        let now = Micros(second * SECOND);
        (0..500).filter(|_| budget.withdraw(now, &settings)).count()
    });
    assert_eq!(granted + later.sum::<usize>(), 100, "ten a second over ten seconds");
}

#[test]
fn nothing_is_allowed_where_nothing_shall_be() {
    let (budget, settings) = (Budget::default(), settings(0.0, 0));
    budget.deposit(Micros(0), &settings);
    assert!(!budget.withdraw(Micros(0), &settings));
    assert_eq!(
        budget.report(Micros(0), &settings).retries,
        0,
        "what was refused is not charged"
    );
}

#[test]
fn a_window_later_all_is_forgotten() {
    let (budget, settings) = (Budget::default(), settings(0.5, 0));
    for _ in 0..100 {
        budget.deposit(Micros(0), &settings);
    }
    assert!(budget.withdraw(Micros(9 * SECOND), &settings));
    assert!(!budget.withdraw(Micros(10 * SECOND), &settings));
}

#[test]
fn settings_may_change_at_any_time() {
    let budget = Budget::default();
    for _ in 0..10 {
        budget.deposit(Micros(0), &settings(0.2, 0));
    }
    let allowed = |settings: &policy::Budget| budget.report(Micros(0), settings).allowed;
    assert_eq!(allowed(&settings(0.2, 0)), 2);
    assert_eq!(allowed(&settings(0.5, 0)), 5);
    assert_eq!(allowed(&settings(0.5, 1)), 10);
}

#[test]
fn of_many_threads_none_slips_through() {
    let (budget, settings) = (Budget::default(), settings(0.2, 0));
    for _ in 0..1000 {
        budget.deposit(Micros(0), &settings);
    }
    let granted = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..1000 {
                    if budget.withdraw(Micros(0), &settings) {
                        granted.fetch_add(1, Relaxed);
                    }
                }
            });
        }
    });
    let granted = granted.load(Relaxed);
    assert!(granted <= 200 && granted > 150, "{granted}");
}

/// Everything fails, everybody retries twice: in no window does the callee get more than 1.2 times the calls.
#[test]
fn a_storm_of_retries_cannot_start() {
    let (budget, settings) = (Budget::default(), policy::Budget::default());
    let mut sent = Vec::new();
    let (every, seconds) = (1000, 30);
    for now in (0..seconds * SECOND).step_by(every) {
        budget.deposit(Micros(now), &settings);
        sent.push(now);
        for _ in 0..2 {
            if budget.withdraw(Micros(now), &settings) {
                sent.push(now);
            }
        }
    }
    let per_second = SECOND / every as u64;
    for from in 0..=seconds - 10 {
        let window = from * SECOND..(from + 10) * SECOND;
        let load = sent.iter().filter(|at| window.contains(at)).count() as f64;
        let calls = (10 * per_second) as f64;
        assert!(
            load <= 1.2 * calls && load > 1.19 * calls,
            "{load} for {calls} calls from second {from}"
        );
    }
    // Nor is it all spent in one second.
    for second in 0..seconds {
        let load = sent.iter().filter(|at| **at / SECOND == second).count() as f64;
        assert!(load <= 1.4 * per_second as f64, "{load} in second {second}");
    }
}

proptest! {
    /// Whatever comes in whatever order: in no window is more granted than share and floor allow.
    #[test]
    fn no_window_grants_more_than_it_may(
        share in 0.0_f64..1.0,
        floor in 0_u32..3,
        events in prop::collection::vec((any::<bool>(), 0_u64..500_000), 1..600),
    ) {
        let (budget, settings) = (Budget::default(), settings(share, floor));
        let (mut now, mut calls, mut granted) = (0, Vec::new(), Vec::new());
        for (is_call, pause) in events {
            now += pause;
            if is_call {
                budget.deposit(Micros(now), &settings);
                calls.push(now / SECOND);
            } else if budget.withdraw(Micros(now), &settings) {
                granted.push(now / SECOND);
                let of = |times: &[u64]| times.iter().filter(|slot| **slot + 10 > now / SECOND).count() as f64;
                prop_assert!(of(&granted) <= (share * of(&calls)).max(f64::from(floor) * 10.0));
            }
        }
    }
}
