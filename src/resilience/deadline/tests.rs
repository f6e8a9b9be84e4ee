use proptest::prelude::*;

use super::*;

fn known(milliseconds: u64) -> Latency {
    let latency = Latency::default();
    for n in 0..200 {
        latency.record(Duration::from_millis(milliseconds), Micros(n * 1000), 0.95);
    }
    latency
}

#[test]
fn a_hop_takes_its_cost() {
    let settings = Call::default();
    let ms = Duration::from_millis;
    assert_eq!(passed_on(ms(100), &settings), Some(ms(99)));
    assert_eq!(passed_on(ms(1), &settings), None);
    assert_eq!(passed_on(Duration::ZERO, &settings), None);
}

#[test]
fn what_cannot_be_answered_in_time_is_not_started() {
    let (settings, latency, now) = (Call::default(), known(20), Micros(200_000));
    assert!(!is_enough(Duration::from_millis(10), &settings, &latency, now));
    assert!(is_enough(Duration::from_millis(20), &settings, &latency, now));
    let later = Micros(now.0 + 25_000_000);
    assert!(
        is_enough(Duration::from_millis(10), &settings, &latency, later),
        "it may be faster by now"
    );
    assert!(is_enough(
        Duration::from_millis(10),
        &settings,
        &Latency::default(),
        now
    ));
}

#[test]
fn a_caller_in_a_hurry_is_not_the_callees_failure() {
    let (latency, now) = (known(20), Micros(200_000));
    let settings = Call::default();
    assert!(!was_enough(Duration::from_millis(5), &settings, &latency, now));
    assert!(was_enough(Duration::from_millis(100), &settings, &latency, now));
    // Nobody knows what is usual.
    assert!(!was_enough(
        Duration::from_millis(500),
        &settings,
        &Latency::default(),
        now
    ));
    assert!(was_enough(Duration::from_secs(1), &settings, &Latency::default(), now));
}

proptest! {
    /// However many services a call crosses, each has less time than the one before, and it ends.
    #[test]
    fn every_hop_has_less(milliseconds in 2_u64..100, hop in 1_u64..50) {
        let settings = Call { hop: Duration::from_millis(hop), ..Call::default() };
        let (mut left, mut hops) = (Duration::from_millis(milliseconds), 0);
        while let Some(next) = passed_on(left, &settings) {
            prop_assert!(next < left);
            (left, hops) = (next, hops + 1);
        }
        prop_assert!(hops <= milliseconds / hop);
    }
}
