#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod ejecting;
mod idling;
mod sharing;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};

use std::time::Duration;

use fastrand::Rng;

use proptest::prelude::*;

use super::*;

#[derive(Debug)]
struct Fake {
    key: String,
    ready: AtomicBool,
}

impl Member for Fake {
    fn key(&self) -> &str {
        &self.key
    }
    fn is_ready(&self) -> bool {
        self.ready.load(Ordering::Relaxed)
    }
}

fn fake(key: String) -> Option<Fake> {
    Some(Fake {
        key,
        ready: AtomicBool::new(true),
    })
}

fn weighing(weight: u32) -> Wanted {
    Wanted {
        weight,
        same_zone: false,
    }
}

fn avoiding(tried: &[Arc<Endpoint<Fake>>]) -> Ask<'_, Fake> {
    Ask {
        tried,
        ..Ask::default()
    }
}

fn pool(weights: &[u32]) -> Pool<Fake> {
    let pool = Pool::default();
    set(&pool, weights);
    pool
}

fn set(pool: &Pool<Fake>, weights: &[u32]) {
    let wanted = weights
        .iter()
        .enumerate()
        .map(|(index, weight)| (weighing(*weight), index.to_string()));
    pool.update(wanted, String::as_str, fake, Micros(0));
}

/// Upkeep, with every health check answered well.
fn keep_up(pool: &Pool<Fake>, now: Micros, rng: &mut Rng) {
    for endpoint in pool.maintain(now, rng) {
        endpoint.probed(now, true);
    }
}

/// Picks with a fixed service time, one call after the other has ended.
fn shares(pool: &Pool<Fake>, picks: u32) -> HashMap<String, f64> {
    let mut rng = Rng::with_seed(7);
    let mut counts = HashMap::new();
    let mut now = Micros(1_000_000);
    for pick in 0..picks {
        if pick % 100 == 0 {
            keep_up(pool, now, &mut rng);
        }
        let endpoint = pool.pick(&mut rng, now, &Ask::default()).unwrap();
        *counts.entry(endpoint.member().key.clone()).or_insert(0.0) += 1.0 / f64::from(picks);
        let ticket = endpoint.begin(now);
        now.0 += 1000;
        ticket.end(now, Outcome::Answered, true);
    }
    counts
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn the_alias_table_keeps_the_weights(weights in prop::collection::vec(0_u32..1000, 1..20), seed: u64) {
        let total: u32 = weights.iter().sum();
        let table = alias::Alias::new(&weights.iter().map(|weight| *weight as f32).collect::<Vec<_>>());
        let mut rng = Rng::with_seed(seed);
        if total == 0 {
            prop_assert_eq!(table.draw(&mut rng), None);
            return Ok(());
        }
        let mut counts = vec![0_u32; weights.len()];
        const DRAWS: u32 = 20_000;
        for _ in 0..DRAWS {
            counts[table.draw(&mut rng).unwrap()] += 1;
        }
        for (count, weight) in counts.iter().zip(&weights) {
            let expected = f64::from(*weight) / f64::from(total);
            let seen = f64::from(*count) / f64::from(DRAWS);
            // Six standard deviations of a binomial share.
            let tolerance = 6.0 * (expected * (1.0 - expected) / f64::from(DRAWS)).sqrt() + 1e-9;
            prop_assert!((seen - expected).abs() <= tolerance, "{seen} for {expected}");
            prop_assert!(*weight > 0 || *count == 0);
        }
    }

    #[test]
    fn somebody_is_picked_while_anybody_has_a_weight(weights in prop::collection::vec(0_u32..5, 1..12), ready in prop::collection::vec(any::<bool>(), 12), seed: u64) {
        let pool = pool(&weights);
        for (endpoint, ready) in pool.endpoints().iter().zip(&ready) {
            endpoint.member().ready.store(*ready, Ordering::Relaxed);
        }
        let picked = pool.pick(&mut Rng::with_seed(seed), Micros(0), &Ask::default());
        prop_assert_eq!(picked.is_some(), weights.iter().any(|weight| *weight > 0));
        if let Some(endpoint) = picked {
            prop_assert!(endpoint.weight() > 0);
            let any_ready = pool.endpoints().iter().any(|e| e.weight() > 0 && e.is_ready());
            prop_assert_eq!(endpoint.is_ready(), any_ready);
        }
    }

    #[test]
    fn weights_shift_traffic(light in 1_u32..10, factor in 2_u32..8) {
        let pool = pool(&[light, light * factor]);
        let shares = shares(&pool, 8000);
        let expected = 1.0 / f64::from(1 + factor);
        let seen = shares.get("0").copied().unwrap_or(0.0);
        prop_assert!((seen - expected).abs() < 0.25 * expected + 0.02, "{seen} for {expected}");
    }
}

#[test]
fn a_retry_goes_elsewhere_where_there_is_anybody_else() {
    let pool = pool(&[1, 1]);
    let mut rng = Rng::with_seed(1);
    for _ in 0..100 {
        let first = pool.pick(&mut rng, Micros(0), &Ask::default()).unwrap();
        let second = pool
            .pick(&mut rng, Micros(0), &avoiding(std::slice::from_ref(&*first)))
            .unwrap();
        assert!(!Arc::ptr_eq(&first, &second));
        assert!(
            pool.pick(
                &mut rng,
                Micros(0),
                &avoiding(&[Arc::clone(&first), Arc::clone(&second)])
            )
            .is_some(),
            "better again than never"
        );
    }
}

#[test]
fn an_instance_that_fails_fast_is_not_attractive() {
    for weights in [&[1, 1][..], &[1, 1, 1]] {
        let pool = pool(weights);
        let mut rng = Rng::with_seed(3);
        let mut now = Micros(1_000_000);
        let mut failed = 0;
        for call in 0..10_000 {
            if call % 100 == 0 {
                keep_up(&pool, now, &mut rng);
            }
            let endpoint = pool.pick(&mut rng, now, &Ask::default()).unwrap();
            let bad = endpoint.member().key == "0";
            let ticket = endpoint.begin(now);
            now.0 += if bad { 10 } else { 1000 };
            ticket.end(now, if bad { Outcome::Failed } else { Outcome::Answered }, true);
            failed += u32::from(bad);
        }
        assert!(
            (1..100).contains(&failed),
            "{failed} of 10,000 calls went to the one of {} that fails: some must, to see whether it still does",
            weights.len()
        );
    }
}

#[test]
fn a_slow_instance_gets_less() {
    let pool = pool(&[1, 1, 1]);
    let mut rng = Rng::with_seed(3);
    let mut now = Micros(1_000_000);
    let mut slow = 0;
    for call in 0..10_000 {
        if call % 100 == 0 {
            keep_up(&pool, now, &mut rng);
        }
        let endpoint = pool.pick(&mut rng, now, &Ask::default()).unwrap();
        let is_slow = endpoint.member().key == "0";
        let ticket = endpoint.begin(now);
        now.0 += if is_slow { 50_000 } else { 1000 };
        ticket.end(now, Outcome::Answered, true);
        slow += u32::from(is_slow);
    }
    assert!(slow < 1500, "{slow} of 10,000 calls went to the slow instance");
}

#[test]
fn statistics_survive_a_change_of_the_pool() {
    let pool = pool(&[1, 1]);
    let endpoint = pool.endpoints()[1].clone();
    endpoint.begin(Micros(0)).end(Micros(500), Outcome::Answered, true);
    set(&pool, &[1, 5, 1]);
    let kept = pool.endpoints()[1].clone();
    assert!(Arc::ptr_eq(&endpoint, &kept));
    assert_eq!((kept.calls(), kept.weight()), (1, 5));
}

#[test]
fn a_call_given_up_counts_neither_way() {
    let pool = pool(&[1]);
    let endpoint = pool.endpoints()[0].clone();
    drop(endpoint.begin(Micros(0)));
    assert_eq!((endpoint.in_flight(), endpoint.errors()), (0, 0));
}

#[test]
fn a_stream_is_as_fast_as_its_beginning() {
    let pool = pool(&[1]);
    let endpoint = pool.endpoints()[0].clone();
    let ticket = endpoint.begin(Micros(0));
    ticket.answering(Micros(700));
    ticket.end(Micros(60_000_000), Outcome::Answered, false);
    assert_eq!(endpoint.latency(), Some(700.0));
    assert!(endpoint.latencies().quantile(1.0) < std::time::Duration::from_millis(1));
}
