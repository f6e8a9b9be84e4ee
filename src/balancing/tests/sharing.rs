//! Weights, slow starts, zones, subsets, affinity and policies.

use super::*;

fn settled(settings: Settings, weights: &[u32]) -> Pool<Fake> {
    let pool = Pool::new(settings, 1);
    set(&pool, weights);
    for endpoint in pool.endpoints() {
        endpoint.begin(Micros(0)).end(Micros(1000), Outcome::Answered, true);
    }
    pool
}

fn picked(pool: &Pool<Fake>, rng: &mut Rng, ask: &Ask<'_, Fake>) -> String {
    pool.pick(rng, Micros(2_000_000), ask).unwrap().member().key.clone()
}

#[test]
fn who_joins_a_pool_at_work_starts_slowly() {
    let pool = settled(
        Settings {
            policy: Policy::Random,
            ..Settings::default()
        },
        &[1, 1],
    );
    pool.update(
        (0..3).map(|n| (weighing(1), n.to_string())),
        String::as_str,
        fake,
        Micros(1_000_000),
    );
    let mut rng = Rng::with_seed(1);
    let mut share = |seconds: u64| {
        pool.maintain(Micros(1_000_000 + seconds * 1_000_000), &mut rng);
        (0..6_000)
            .filter(|_| picked(&pool, &mut rng, &Ask::default()) == "2")
            .count()
    };
    let (begun, half, whole) = (share(0), share(5), share(11));
    assert!((200..400).contains(&begun), "a tenth of its weight: {begun}");
    assert!((1050..1350).contains(&half), "half of it: {half}");
    assert!((1850..2150).contains(&whole), "all of it: {whole}");
}

#[test]
fn a_new_pool_starts_at_once() {
    let pool = pool(&[1, 1, 1]);
    set(&pool, &[1, 1, 1, 1]);
    assert!(pool.endpoints().iter().all(|endpoint| !endpoint.is_starting()));
}

fn in_zones(own: &[bool]) -> Pool<Fake> {
    let pool = Pool::new(
        Settings {
            policy: Policy::Random,
            ..Settings::default()
        },
        1,
    );
    let wanted = own.iter().enumerate().map(|(index, same_zone)| {
        let wanted = Wanted {
            weight: 1,
            same_zone: *same_zone,
        };
        (wanted, index.to_string())
    });
    pool.update(wanted, String::as_str, fake, Micros(0));
    pool
}

/// The share that the own zone gets after half a minute in which its calls take so long, and the others' a millisecond.
fn own_share(pool: &Pool<Fake>, took: u64) -> f64 {
    let mut rng = Rng::with_seed(5);
    let mut own = 0_u32;
    for call in 0..30_000_u64 {
        let now = Micros(call * 1000);
        if call % 100 == 0 {
            pool.maintain(now, &mut rng);
        }
        let endpoint = Arc::clone(&pool.pick(&mut rng, now, &Ask::default()).unwrap());
        let is_own = endpoint.is_same_zone();
        own += u32::from(is_own && call >= 25_000);
        let took = if is_own { took } else { 1000 };
        endpoint.begin(now).end(Micros(now.0 + took), Outcome::Answered, true);
    }
    f64::from(own) / 5_000.0
}

#[test]
fn the_own_zone_is_preferred_while_it_is_well() {
    let own = [true, true, false, false, false, false];
    let well = own_share(&in_zones(&own), 1000);
    assert!((0.62..0.72).contains(&well), "4 · 2 of 12: {well}");
    let poor = own_share(&in_zones(&own), 3000);
    assert!((0.28..0.40).contains(&poor), "no preference is left: {poor}");
}

#[test]
fn a_small_zone_does_not_get_more_than_it_can_bear() {
    let mut own = [false; 20];
    own[0] = true;
    let share = own_share(&in_zones(&own), 1000);
    assert!(share < 2.6 / 20.0, "two and a half times its fair share: {share}");
}

#[test]
fn round_robin_goes_round_and_keeps_the_weights() {
    let settings = Settings {
        policy: Policy::RoundRobin,
        ..Settings::default()
    };
    let mut rng = Rng::with_seed(1);
    let equal = settled(settings.clone(), &[3, 3, 3]);
    let turns: Vec<String> = (0..6).map(|_| picked(&equal, &mut rng, &Ask::default())).collect();
    assert_eq!(turns[..3], turns[3..]);
    assert_eq!(turns[..3].iter().collect::<std::collections::HashSet<_>>().len(), 3);
    let unequal = settled(settings, &[4, 1, 1, 2]);
    let first = (0..800)
        .filter(|_| picked(&unequal, &mut rng, &Ask::default()) == "0")
        .count();
    assert!((390..=410).contains(&first), "{first} of 800");
}

#[test]
fn the_pinned_one_or_nobody() {
    let pool = settled(
        Settings {
            policy: Policy::Pinned("1".to_owned()),
            ..Settings::default()
        },
        &[1, 0, 1],
    );
    let mut rng = Rng::with_seed(1);
    assert_eq!(picked(&pool, &mut rng, &Ask::default()), "1", "even without a weight");
    let ask = Ask {
        pinned: Some("2"),
        ..Ask::default()
    };
    assert_eq!(picked(&pool, &mut rng, &ask), "2", "a call's own wish goes before");
    let ask = Ask {
        pinned: Some("7"),
        ..Ask::default()
    };
    assert!(pool.pick(&mut rng, Micros(0), &ask).is_none());
}

#[test]
fn streams_go_where_the_fewest_are_open() {
    let pool = settled(Settings::default(), &[1; 4]);
    let mut rng = Rng::with_seed(1);
    let ask = Ask {
        streaming: true,
        ..Ask::default()
    };
    let open: Vec<_> = (0..400)
        .map(|_| {
            let ticket = pool.pick(&mut rng, Micros(0), &ask).unwrap().begin(Micros(0));
            ticket.answering(Micros(1000));
            ticket
        })
        .collect();
    for endpoint in pool.endpoints() {
        assert!(endpoint.streams().abs_diff(100) < 10, "{}", endpoint.streams());
        assert_eq!(endpoint.in_flight(), 0);
    }
    drop(open);
    assert!(pool.endpoints().iter().all(|endpoint| endpoint.streams() == 0));
}

#[test]
fn a_server_that_lies_about_its_load_does_no_harm() {
    let pool = settled(Settings::default(), &[1, 1]);
    let endpoint = Arc::clone(&pool.endpoints()[0]);
    for (lie, believed) in [
        (f32::NAN, 0.0),
        (-3.0, 0.0),
        (f32::NEG_INFINITY, 0.0),
        (f32::INFINITY, 4.0),
        (1e30, 4.0),
    ] {
        endpoint.reported(Micros(0), lie);
        let seen = endpoint.utilization(Micros(0));
        assert!((seen - believed).abs() < 0.01, "{lie} makes {seen}");
    }
    assert!(
        endpoint.utilization(Micros(60_000_000)) < 0.1,
        "silence means that nobody calls"
    );
    let mut rng = Rng::with_seed(1);
    let mut first = |now: u64| {
        (0..1_000)
            .filter(|_| pool.pick(&mut rng, Micros(now), &Ask::default()).unwrap().member().key == "0")
            .count()
    };
    assert!(first(1) < 100, "who says that it is full is spared");
    let later = first(60_000_000);
    assert!((250..=500).contains(&later), "but not for long: {later}");
}

#[test]
fn extremes_of_weights_sizes_and_clocks() {
    let mut weights = vec![1; 5_000];
    weights[0] = 65_535;
    weights[1] = 0;
    let pool = pool(&weights);
    let mut rng = Rng::with_seed(1);
    pool.maintain(Micros(u64::MAX), &mut rng);
    for now in [u64::MAX, 0, 1 << 32, 5] {
        let ticket = pool
            .pick(&mut rng, Micros(now), &Ask::default())
            .unwrap()
            .begin(Micros(now));
        ticket.end(Micros(now / 2), Outcome::TimedOut, true);
        pool.maintain(Micros(now / 3), &mut rng);
    }
    pool.update(
        ["a", "a", "b"].map(|key| (weighing(1), key.to_owned())),
        String::as_str,
        fake,
        Micros(0),
    );
    assert_eq!(pool.endpoints().len(), 2, "the same key is the same instance");
    pool.update(Vec::<(Wanted, String)>::new(), String::as_str, fake, Micros(0));
    assert!(pool.is_empty() && pool.pick(&mut rng, Micros(0), &Ask::default()).is_none());
}

fn members(pool: &Pool<Fake>) -> std::collections::HashSet<String> {
    pool.endpoints()
        .iter()
        .map(|endpoint| endpoint.member().key.clone())
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn a_subset_is_stable(identity: u64, size in 1_usize..40, gone in 0_usize..200) {
        let pool = Pool::new(Settings { subset: size, ..Settings::default() }, identity);
        set(&pool, &[1; 200]);
        let before = members(&pool);
        prop_assert_eq!(before.len(), size.max(12));
        let mut weights = [1; 200];
        weights[gone] = 0;
        set(&pool, &weights);
        let after: std::collections::HashSet<String> =
            pool.endpoints().iter().filter(|one| one.weight() > 0).map(|one| one.member().key.clone()).collect();
        prop_assert_eq!(after.len(), before.len());
        let left = before.difference(&after).count();
        prop_assert_eq!(left, usize::from(before.contains(&gone.to_string())), "only who is gone leaves");
    }

    #[test]
    fn affinity_holds_and_is_bounded(weights in prop::collection::vec(1_u32..5, 2..20), hot in 0_u32..50, seed: u64) {
        const BOUND: f32 = 1.25;
        let pool = settled(Settings { affinity: Some(BOUND), ..Settings::default() }, &weights);
        let mut rng = Rng::with_seed(seed);
        let ask = Ask { affinity: Some(hash(b"a key")), ..Ask::default() };
        let first = picked(&pool, &mut rng, &ask);
        for _ in 0..20 {
            prop_assert_eq!(&picked(&pool, &mut rng, &ask), &first);
        }
        // Some keys are far more popular than others.
        let total: u32 = weights.iter().sum();
        let mut open = Vec::new();
        for call in 0..200_u32 {
            let key = if call < 100 { hot } else { call };
            let ask = Ask { affinity: Some(hash(&key.to_le_bytes())), ..Ask::default() };
            open.push(pool.pick(&mut rng, Micros(0), &ask).unwrap().begin(Micros(0)));
        }
        for (endpoint, weight) in pool.endpoints().iter().zip(&weights) {
            let fair = 200.0 * *weight as f32 / total as f32;
            prop_assert!(endpoint.in_flight() as f32 <= (fair * BOUND).ceil() + 1.0);
        }
    }

    #[test]
    fn affinity_moves_few_keys(count in 4_usize..30, seed: u64) {
        let settings = Settings { affinity: Some(1.25), ..Settings::default() };
        let pool = settled(settings, &vec![1; count]);
        let mut rng = Rng::with_seed(seed);
        let mut homes = || -> Vec<String> {
            (0..400_u32)
                .map(|key| picked(&pool, &mut rng, &Ask { affinity: Some(hash(&key.to_le_bytes())), ..Ask::default() }))
                .collect()
        };
        let before = homes();
        let mut weights = vec![1; count];
        weights[0] = 0;
        set(&pool, &weights);
        let after = homes();
        for (before, after) in before.iter().zip(&after) {
            prop_assert!(before == after || before == "0", "{before} to {after}");
        }
    }

    #[test]
    fn state_survives_churn(rounds in prop::collection::vec(prop::collection::vec(0_u32..3, 6), 1..8)) {
        let pool = pool(&[1; 6]);
        let mut calls = HashMap::new();
        for endpoint in pool.endpoints() {
            endpoint.begin(Micros(0)).end(Micros(500), Outcome::Answered, true);
            calls.insert(endpoint.member().key.clone(), Arc::clone(&endpoint));
        }
        for weights in rounds {
            set(&pool, &weights);
            for (endpoint, weight) in pool.endpoints().iter().zip(&weights) {
                prop_assert!(Arc::ptr_eq(endpoint, &calls[&endpoint.member().key]));
                prop_assert_eq!((endpoint.calls(), endpoint.weight()), (1, *weight));
            }
        }
    }
}

proptest! {
    #[test]
    fn forgetting_is_close_to_the_exponential(millis in 0.0_f32..200_000.0) {
        let x = millis / 10_000.0;
        let close = packed::halved(x * std::f32::consts::LOG2_E);
        prop_assert!((close - (-x).exp()).abs() < 0.003);
    }
}
