//! The recursions against all cuts one by one; the Nile; the laws.

use proptest::prelude::*;

use super::*;
use crate::domain::controls::Source;
use crate::domain::growth::tests::NILE;
use crate::domain::observation::Raw;

fn observations(series: &[(i64, f64, f64)]) -> Vec<Observation> {
    series
        .iter()
        .enumerate()
        .map(|(index, &(hours, value, weight))| {
            Observation::try_from(Raw {
                id: format!("o{index:04}"),
                skill: "cohesion".to_owned(),
                value,
                weight,
                at: 1_600_000_000_000 + hours * 3_600_000,
                source: Source::Writing,
            })
            .expect("it is valid")
        })
        .collect()
}

fn series(length: std::ops::RangeInclusive<usize>) -> impl Strategy<Value = Vec<(i64, f64, f64)>> {
    let hours = prop_oneof![4 => 0_i64..5_000, 1 => 0_i64..600_000, 1 => Just(0)];
    let value = prop_oneof![3 => 0.0..=1.0_f64, 1 => Just(0.0), 1 => Just(1.0)];
    proptest::collection::vec((hours, value, prop_oneof![Just(1.0), 1e-3..=1.0_f64]), length)
}

/// The probability of a change at each place by going through every cut there is.
fn by_hand(sorted: &[&Observation]) -> Vec<f64> {
    let count = sorted.len();
    let chance = |place: usize| {
        (1.0 - (-sorted[place].at().days_since(sorted[place - 1].at()) / MEAN_DAYS).exp()).clamp(LEAST_HAZARD, 0.5)
    };
    let (mut total, mut at) = (0.0, vec![0.0; count]);
    for cut in 0_u32..1 << (count - 1) {
        let changes: Vec<usize> = (1..count).filter(|place| cut >> (place - 1) & 1 == 1).collect();
        let mut probability = 1.0;
        let mut first = 0;
        for place in 1..count {
            let young = place - first < SHORTEST;
            if changes.contains(&place) {
                probability *= if young { 0.0 } else { chance(place) };
                first = place;
            } else if !young {
                probability *= 1.0 - chance(place);
            }
        }
        let edges: Vec<usize> = [0].into_iter().chain(changes.iter().copied()).chain([count]).collect();
        for edges in edges.windows(2) {
            let mut stretch = Stretch::from(sorted[edges[0]].at());
            for observation in &sorted[edges[0]..edges[1]] {
                probability *= stretch.see(observation).exp();
            }
        }
        total += probability;
        for place in changes {
            at[place] += probability;
        }
    }
    at.into_iter().map(|share| share / total).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn the_recursions_sum_over_every_cut(series in series(LEAST..=10)) {
        let observations = observations(&series);
        let sorted = newest(&observations, MOST);
        let cuts = Cuts::of(&sorted);
        for (place, expected) in by_hand(&sorted).into_iter().enumerate().skip(1) {
            prop_assert!((cuts.at(place) - expected).abs() < 1e-9, "{} {expected}", cuts.at(place));
            prop_assert!((cuts.within(place, place) - expected).abs() < 1e-9);
        }
    }

    #[test]
    fn probabilities_are_probabilities_and_figures_finite(series in series(0..=40)) {
        let changes = Changes::of(&observations(&series));
        prop_assert!((0.0..=1.0).contains(&changes.recent));
        prop_assert!(changes.found.is_sorted_by(|a, b| a.after <= b.after));
        for change in &changes.found {
            prop_assert!((TOLD..=1.0).contains(&change.probability));
            prop_assert!(change.after <= change.before && change.shift.is_finite() && change.growth_shift.is_finite());
        }
    }

    #[test]
    fn a_wider_window_is_no_less_probable(series in series(LEAST..=20), a: prop::sample::Index, b: prop::sample::Index) {
        let observations = observations(&series);
        let cuts = Cuts::of(&newest(&observations, MOST));
        let (a, b) = (a.index(series.len() - 1) + 1, b.index(series.len() - 1) + 1);
        let (from, to) = (a.min(b), a.max(b));
        prop_assert!(cuts.within(from, to) <= cuts.within(from.saturating_sub(1).max(1), to) + 1e-9);
        prop_assert!(cuts.within(from, to) <= cuts.within(from, (to + 1).min(series.len() - 1)) + 1e-9);
    }

    #[test]
    fn the_order_of_arrival_does_not_matter(series in series(0..=25), seed: u64) {
        let observations = observations(&series);
        let mut shuffled = observations.clone();
        fastrand::Rng::with_seed(seed).shuffle(&mut shuffled);
        prop_assert_eq!(Changes::of(&observations), Changes::of(&shuffled));
    }
}

/// Cobb 1978 and many after him: the flow fell in 1899, when work on the dam at Aswan began.
#[test]
fn the_niles_one_change_is_in_1899() {
    let series: Vec<(i64, f64, f64)> = NILE
        .iter()
        .zip(0_i64..)
        .map(|(flow, year)| (year * 24 * 30, flow / 1500.0, 1.0))
        .collect();
    let observations = observations(&series);
    let changes = Changes::of(&observations);
    let years: Vec<(usize, f64, f64)> = changes
        .found
        .iter()
        .map(|change| {
            let place = observations
                .iter()
                .position(|observation| observation.at() == change.before);
            (
                1871 + place.expect("it is one of them"),
                change.probability,
                change.shift * 1500.0,
            )
        })
        .collect();
    println!("Nile: {years:.2?}");
    assert_eq!(years.len(), 1);
    assert_eq!(years[0].0, 1899);
    assert!(years[0].1 > 0.8 && (-400.0..-100.0).contains(&years[0].2));
}

#[test]
fn a_step_is_found_and_one_odd_piece_of_work_is_none() {
    let steady: Vec<(i64, f64, f64)> = (0..30)
        .map(|i| (i * 72, 0.5 + if i % 2 == 0 { 0.05 } else { -0.05 }, 1.0))
        .collect();
    let mut step = steady.clone();
    step[20..].iter_mut().for_each(|observation| observation.1 -= 0.35);
    let mut odd = steady.clone();
    odd[15].1 = 0.05;
    assert!(Changes::of(&observations(&steady)).found.is_empty());
    assert!(Changes::of(&observations(&odd)).found.is_empty());
    let found = Changes::of(&observations(&step)).found;
    assert_eq!(found.len(), 1);
    assert!(
        found[0].probability > 0.95 && (found[0].shift + 0.35).abs() < 0.1,
        "{found:?}"
    );
    assert_eq!(found[0].before, observations(&step)[20].at());
}

#[test]
fn steady_growth_is_no_change() {
    let series: Vec<(i64, f64, f64)> = (0..40)
        .map(|i| {
            (
                i * 72,
                0.2 + i as f64 * 0.015 + if i % 2 == 0 { 0.04 } else { -0.04 },
                1.0,
            )
        })
        .collect();
    let changes = Changes::of(&observations(&series));
    assert!(changes.found.is_empty() && changes.recent < 0.3, "{changes:?}");
}

/// Looked at after every observation, a break is told once, however its place becomes clearer.
#[test]
fn a_change_is_news_once() {
    let series: Vec<(i64, f64, f64)> = (0..40)
        .map(|i| {
            (
                i * 72,
                if i < 20 { 0.75 } else { 0.4 } + if i % 3 == 0 { 0.05 } else { -0.03 },
                1.0,
            )
        })
        .collect();
    let mut told = Vec::new();
    for count in 0..=series.len() {
        let changes = Changes::of(&observations(&series[..count]));
        let news: Vec<When> = changes.news(&told).map(|change| change.before).collect();
        told.extend(news);
    }
    assert_eq!(told.len(), 1, "{told:?}");
}
