//! Each rule by example, and the laws of all.

use proptest::prelude::*;

use super::*;
use crate::domain::controls::Source;

const NOW: i64 = 1_700_000_000_000;

fn now() -> When {
    When::parse(NOW).expect("it is in range")
}

fn observation(skill: &str, index: usize, days_ago: i64, value: f64) -> Observation {
    Observation::try_from(Raw {
        id: format!("o{index}"),
        skill: skill.to_owned(),
        value,
        weight: 1.0,
        at: NOW - days_ago * DAY,
        source: Source::Writing,
    })
    .expect("it is valid")
}

/// So many pieces of work every third day, the last so many days ago, around a value that may move.
fn work(count: usize, last: i64, value: impl Fn(usize) -> f64) -> Vec<Observation> {
    (0..count)
        .map(|index| {
            let off = if index % 2 == 0 { 0.03 } else { -0.03 };
            let days_ago = last + 3 * (count - 1 - index) as i64;
            observation("cohesion", index, days_ago, (value(index) + off).clamp(0.0, 1.0))
        })
        .collect()
}

fn only(observations: &[Observation]) -> Option<Recommendation> {
    let mut found = recommend(observations, now(), 3);
    assert!(found.len() <= 1, "one a skill");
    found.pop()
}

#[test]
fn every_rule_speaks_where_it_should() {
    let kind = |observations: &[Observation]| only(observations).map(|found| found.kind);
    assert_eq!(kind(&work(12, 1, |_| 0.3)), Some(Kind::Practise));
    assert_eq!(kind(&work(12, 1, |_| 0.9)), Some(Kind::Stretch));
    assert_eq!(kind(&work(12, 60, |_| 0.6)), Some(Kind::Revisit));
    assert_eq!(kind(&work(1, 1, |_| 0.6)), Some(Kind::Show));
    assert_eq!(
        kind(&work(24, 1, |index| if index < 18 { 0.7 } else { 0.4 })),
        Some(Kind::Talk)
    );
    assert_eq!(
        kind(&work(20, 1, |index| 0.4 + index as f64 * 0.015)),
        Some(Kind::Notice)
    );
    assert_eq!(
        kind(&work(12, 1, |_| 0.62)),
        None,
        "where nothing is to be said, nothing is"
    );
    assert_eq!(kind(&[]), None);
}

#[test]
fn what_is_told_is_what_speaks_for_it() {
    let low = only(&work(12, 1, |_| 0.3)).expect("it applies");
    assert_eq!(low.evidence.len(), 5);
    assert!(low.evidence.is_sorted_by(|a, b| a.at() > b.at()));
    let drop = only(&work(24, 1, |index| if index < 18 { 0.7 } else { 0.4 })).expect("it applies");
    assert!(
        drop.evidence.iter().all(|one| one.value() < 0.5) && drop.because.contains("lower"),
        "{drop:?}"
    );
    assert_eq!(drop.ends_after, None);
}

#[test]
fn the_most_useful_come_first_and_no_more_than_asked_for() {
    let rename = |observations: Vec<Observation>, skill: &str| -> Vec<Observation> {
        observations
            .into_iter()
            .enumerate()
            .map(|(index, one)| observation(skill, index, (now().days_since(one.at())).round() as i64, one.value()))
            .collect()
    };
    let mut all = rename(work(12, 1, |_| 0.9), "a");
    all.extend(rename(work(12, 1, |_| 0.3), "b"));
    all.extend(rename(work(1, 1, |_| 0.3), "c"));
    let kinds = |most| {
        recommend(&all, now(), most)
            .into_iter()
            .map(|found| found.kind)
            .collect::<Vec<_>>()
    };
    assert_eq!(kinds(10), [Kind::Practise, Kind::Stretch, Kind::Show]);
    assert_eq!(kinds(2), [Kind::Practise, Kind::Stretch]);
    assert_eq!(kinds(0), []);
}

fn any_work() -> impl Strategy<Value = Vec<Observation>> {
    proptest::collection::vec((0_i64..200, 0.0..=1.0_f64), 0..14).prop_map(|work| {
        work.into_iter()
            .enumerate()
            .map(|(index, (days_ago, value))| observation("cohesion", index, days_ago, value))
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_proposal_has_its_reasons_and_no_verdict(work in any_work()) {
        for found in recommend(&work, now(), 20) {
            prop_assert!((LIKELY..=1.0).contains(&found.confidence));
            prop_assert!(!found.evidence.is_empty() || found.kind == Kind::Practise || found.kind == Kind::Stretch);
            prop_assert!(found.evidence.len() <= 5 && found.evidence.iter().all(|one| work.contains(one)));
            let sentences = [&found.proposal, &found.because, &found.why_now, &found.unless];
            for sentence in sentences {
                prop_assert!(sentence.ends_with('.') && sentence.len() < 200, "{sentence}");
                for verdict in ["weak", "fail", "poor", "bad", "lazy", "must", "should", "wrong", "talent", "gifted", "deficit"] {
                    prop_assert!(!sentence.to_lowercase().contains(verdict), "{sentence}");
                }
            }
            prop_assert!(found.proposal.starts_with("You could "));
        }
    }

    #[test]
    fn the_order_of_arrival_does_not_matter(work in any_work(), seed: u64) {
        let mut shuffled = work.clone();
        fastrand::Rng::with_seed(seed).shuffle(&mut shuffled);
        prop_assert_eq!(recommend(&work, now(), 3), recommend(&shuffled, now(), 3));
    }

    /// Whoever does the work that is said to end a proposal does not get it again; with one piece less they do.
    #[test]
    fn what_is_said_to_change_it_changes_it(work in any_work()) {
        if let Some(found) = only(&work) && let Some(count) = found.ends_after {
            let value = match found.kind {
                Kind::Practise | Kind::Stretch => 0.625,
                _ => {
                    let latest = work.iter().map(Observation::at).max().expect("there is work");
                    Assessment::of(&work, &Changes::of(&work), latest).expect("the band exists").level.mean
                }
            };
            let after = |count: u32| {
                let mut done = work.clone();
                done.extend((1..=count).map(|day| observation("cohesion", 900 + day as usize, -i64::from(day), value)));
                let kinds = recommend(&done, now().plus_days(count), 1);
                kinds.first().map(|found| found.kind)
            };
            prop_assert_ne!(after(count), Some(found.kind));
            prop_assert_eq!(after(count - 1), Some(found.kind));
        }
    }
}
