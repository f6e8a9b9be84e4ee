use proptest::prelude::*;

use super::*;

const SECOND: u64 = 1_000_000;

fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

#[test]
fn late_and_least_of_a_known_distribution() {
    let latency = Latency::default();
    // 1 to 100 ms, each ten times, over two seconds.
    for n in 0..1000 {
        latency.record(ms(n % 100 + 1), Micros(10 * SECOND + n * 2000), 0.95);
    }
    let now = Micros(12 * SECOND);
    let late = latency.late(now).unwrap_or_default();
    assert!(late >= ms(93) && late <= ms(102), "{late:?}");
    let least = latency.least(now).unwrap_or_default();
    assert!(least <= ms(1) && least >= Duration::from_micros(930), "{least:?}");
}

#[test]
fn few_calls_say_nothing_of_what_is_late() {
    let latency = Latency::default();
    for n in 0..90 {
        latency.record(ms(5), Micros(SECOND + n * 10_000), 0.95);
    }
    assert_eq!(latency.late(Micros(2 * SECOND)), None);
    assert!(latency.least(Micros(2 * SECOND)).is_some());
}

#[test]
fn what_is_long_ago_is_forgotten() {
    let latency = Latency::default();
    for n in 0..500 {
        latency.record(ms(50), Micros(SECOND + n * 2000), 0.95);
    }
    assert!(latency.late(Micros(15 * SECOND)).is_some());
    assert_eq!(latency.late(Micros(22 * SECOND)), None, "nobody called since");
    // It became faster: two generations later nothing of the past is left.
    for n in 0..2500 {
        latency.record(ms(2), Micros(21 * SECOND + n * 8000), 0.95);
    }
    let now = Micros(41 * SECOND);
    assert!(latency.late(now).is_some_and(|late| late < ms(3)));
    assert!(latency.least(now).is_some_and(|least| least <= ms(2)));
}

#[test]
fn many_threads_lose_nothing_within_a_generation() {
    let latency = Latency::default();
    std::thread::scope(|scope| {
        for thread in 0..4_u64 {
            let latency = &latency;
            scope.spawn(move || {
                for n in 0..2000 {
                    latency.record(ms(thread + 1), Micros(11 * SECOND + n * 100), 0.95);
                }
            });
        }
    });
    let total: u64 = latency
        .generations
        .iter()
        .flat_map(|generation| generation.buckets.iter())
        .map(|bucket| u64::from(bucket.load(Relaxed)))
        .sum();
    // The generation began with the first of them: what was added while it was emptied may be lost.
    assert!(total > 7000 && total <= 8000, "{total}");
}

proptest! {
    #[test]
    fn every_duration_lies_in_its_bucket(micros in 0_u64..1 << 36) {
        let bucket = bucket(Duration::from_micros(micros));
        prop_assert!(floor(bucket) <= micros);
        prop_assert!(micros < floor(bucket + 1));
        // A sixteenth of the value at the most.
        prop_assert!(floor(bucket + 1) - floor(bucket) <= (micros / 16).max(1));
    }

    #[test]
    fn nothing_is_too_long(seconds: u64, now: u64) {
        Latency::default().record(Duration::from_secs(seconds), Micros(now), 0.95);
    }
}
