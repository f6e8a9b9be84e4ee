use super::*;

fn known(milliseconds: u64) -> (Latency, Micros) {
    let latency = Latency::default();
    for n in 0..500 {
        latency.record(Duration::from_millis(milliseconds), Micros(n * 1000), 0.95);
    }
    (latency, Micros(500_000))
}

fn hedging() -> Call {
    Call {
        hedge: true,
        ..Call::default()
    }
}

#[test]
fn off_unless_asked_for() {
    let (latency, now) = known(40);
    assert_eq!(delay(&Call::default(), &latency, None, now), None);
    let once = Call {
        attempts: 1,
        ..hedging()
    };
    assert_eq!(delay(&once, &latency, None, now), None, "one attempt is one attempt");
}

#[test]
fn late_is_the_methods_own_and_never_below_the_floor() {
    let (latency, now) = known(40);
    let found = delay(&hedging(), &latency, None, now).unwrap_or_default();
    assert!((40..=43).contains(&found.as_millis()), "{found:?}");
    let (latency, now) = known(1);
    assert_eq!(delay(&hedging(), &latency, None, now), Some(Duration::from_millis(10)));
}

#[test]
fn not_before_enough_is_known_nor_when_it_would_come_too_late() {
    let (latency, now) = known(40);
    assert_eq!(delay(&hedging(), &Latency::default(), None, now), None);
    assert_eq!(delay(&hedging(), &latency, Some(Duration::from_millis(60)), now), None);
    assert!(delay(&hedging(), &latency, Some(Duration::from_millis(90)), now).is_some());
}
