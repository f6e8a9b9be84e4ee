//! Little to do: equal instances share it, and one that was slow is asked again.

use super::*;

/// One call after the other for a while; `took` says how long each instance takes. Who answered how many.
fn calls(
    pool: &Pool<Fake>,
    rng: &mut Rng,
    now: &mut Micros,
    seconds: u64,
    took: impl Fn(&str, &mut Rng) -> u64,
) -> HashMap<String, u32> {
    let end = Micros(now.0 + seconds * 1_000_000);
    let mut counts = HashMap::new();
    let mut kept = Micros(0);
    while *now < end {
        if now.since(kept) >= 100_000 {
            kept = *now;
            keep_up(pool, *now, rng);
        }
        let endpoint = pool.pick(rng, *now, &Ask::default()).unwrap();
        let key = endpoint.member().key.clone();
        let ticket = endpoint.begin(*now);
        now.0 += took(&key, rng);
        ticket.end(*now, Outcome::Answered, true);
        *counts.entry(key).or_default() += 1;
        now.0 += 10_000;
    }
    counts
}

#[test]
fn equal_instances_that_differ_by_chance_share_what_little_there_is() {
    for instances in [2_usize, 3, 5, 10] {
        let (pool, mut rng, mut now) = (pool(&vec![4; instances]), Rng::with_seed(5), Micros(1_000_000));
        let counts = calls(&pool, &mut rng, &mut now, 60, |_, rng| 500 + rng.u64(0..1500));
        let fair = f64::from(counts.values().sum::<u32>()) / instances as f64;
        for (key, count) in &counts {
            let share = f64::from(*count) / fair;
            assert!(
                (0.7..1.3).contains(&share),
                "{key} of {instances}: {share:.2} of its share"
            );
        }
        assert_eq!(counts.len(), instances);
    }
}

#[test]
fn one_that_was_a_thousand_times_slower_is_asked_again_within_half_a_minute() {
    let (pool, mut rng, mut now) = (pool(&[4, 4, 4]), Rng::with_seed(6), Micros(1_000_000));
    calls(&pool, &mut rng, &mut now, 5, |_, _| 1000);
    let slow = calls(
        &pool,
        &mut rng,
        &mut now,
        20,
        |key, _| if key == "0" { 1_000_000 } else { 1000 },
    );
    assert!(slow.get("0").is_none_or(|count| *count < 20), "{slow:?}");
    calls(&pool, &mut rng, &mut now, 30, |_, _| 1000);
    let well = calls(&pool, &mut rng, &mut now, 10, |_, _| 1000);
    let share = f64::from(well["0"]) / f64::from(well.values().sum::<u32>());
    assert!((0.2..0.5).contains(&share), "{well:?}");
}
