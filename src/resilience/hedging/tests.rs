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

/// Long tails, hedged at what was learnt, and learning from what was hedged: one call in twenty stays one in twenty, and
/// the tail is gone.
#[test]
fn about_one_call_in_twenty_is_asked_twice() {
    let (latency, settings) = (Latency::default(), hedging());
    let mut rng = fastrand::Rng::with_seed(11);
    let mut draw = || {
        let slow = rng.u32(..100) < 6;
        Duration::from_micros(if slow {
            rng.u64(200_000..400_000)
        } else {
            rng.u64(20_000..60_000)
        })
    };
    let (mut hedges, mut over, calls) = (0, 0, 20_000);
    for call in 0..calls {
        let now = Micros(call * 2000);
        let first = draw();
        let taken = match delay(&settings, &latency, None, now) {
            Some(delay) if first > delay => {
                hedges += 1;
                first.min(delay + draw())
            }
            _ => first,
        };
        over += u64::from(taken > Duration::from_millis(300));
        latency.record(taken, now, settings.hedge_quantile);
    }
    let share = hedges as f64 / calls as f64;
    assert!((0.02..0.08).contains(&share), "{share}");
    assert!(over < calls / 200, "{over} of {calls}; without hedging 3 %");
}
