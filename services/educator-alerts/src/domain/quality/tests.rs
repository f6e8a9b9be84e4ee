#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use fastrand::Rng;
use proptest::prelude::*;

use super::fairness::fairness;
use super::*;

fn labelled(probability: f64, outcome: bool, student: u32, group: u8) -> Labelled {
    Labelled {
        probability,
        outcome,
        student,
        group,
    }
}

fn simple(cases: &[(f64, bool)]) -> Vec<Labelled> {
    let one = |(i, (p, o)): (usize, &(f64, bool))| labelled(*p, *o, i as u32, 1);
    cases.iter().enumerate().map(one).collect()
}

#[test]
fn the_area_counts_pairs_in_order_and_ties_by_half() {
    let area = |cases: &[(f64, bool)]| auc(&simple(cases).iter().collect::<Vec<_>>());
    assert_eq!(area(&[(0.1, false), (0.9, true)]), 1.0);
    assert_eq!(area(&[(0.9, false), (0.1, true)]), 0.0);
    assert_eq!(area(&[(0.5, false), (0.5, true)]), 0.5);
    // Of six pairs four are in order and one is tied.
    assert_eq!(
        area(&[(0.2, false), (0.4, false), (0.3, true), (0.4, true), (0.9, true)]),
        (4.0 + 0.5) / 6.0
    );
}

#[test]
fn calibration_error_is_the_distance_in_each_bin() {
    // Ten at 0.2 of whom four came about, ten at 0.7 of whom seven did.
    let mut cases = vec![(0.2, true); 4];
    cases.extend(vec![(0.2, false); 6]);
    cases.extend(vec![(0.7, true); 7]);
    cases.extend(vec![(0.7, false); 3]);
    let estimates = simple(&cases);
    let report = report(&estimates, 1).unwrap();
    assert!((report.calibration_error.estimate - 0.1).abs() < 1e-12);
    assert!((report.in_the_large.estimate - 0.1).abs() < 1e-12);
    assert_eq!(report.bins.len(), 2);
    assert_eq!(report.bins[0].count, 10);
    assert!((report.bins[0].observed.estimate - 0.4).abs() < 1e-12);
    assert_eq!((report.count, report.students), (20, 20));
}

#[test]
fn a_student_who_is_seen_often_makes_no_figure_surer() {
    let mut rng = Rng::with_seed(2);
    let once: Vec<Labelled> = (0..200)
        .map(|student| {
            let p = rng.f64();
            labelled(p, rng.f64() < p, student, 1)
        })
        .collect();
    let often: Vec<Labelled> = once.iter().flat_map(|e| [*e; 5]).collect();
    let width = |estimates: &[Labelled]| {
        let auc = report(estimates, 3).unwrap().auc;
        auc.high - auc.low
    };
    assert!((width(&once) - width(&often)).abs() < 1e-9);
}

#[test]
fn a_group_that_is_not_seen_stands_out() {
    let mut estimates = Vec::new();
    for student in 0..200 {
        let (outcome, group) = (student % 2 == 0, 1 + (student % 4 >= 2) as u8);
        // Group 2's need is estimated far too low.
        let seen = if group == 1 { 0.8 } else { 0.3 };
        estimates.push(labelled(if outcome { seen } else { 0.1 }, outcome, student, group));
    }
    let found = fairness(&estimates, 0.5, 1).unwrap();
    let gap = found.true_positive_gap.unwrap();
    assert!(gap.estimate == 1.0 && gap.low > 0.85);
    assert_eq!(found.false_positive_gap.unwrap().estimate, 0.0);
    let of = |n: usize| found.groups[n].rates.as_ref().unwrap();
    assert!(of(1).in_the_large > of(0).in_the_large);
}

#[test]
fn whoever_is_at_the_threshold_is_named() {
    let estimates: Vec<Labelled> = (0..60).map(|s| labelled(0.5, s % 2 == 0, s, 1)).collect();
    let rates = fairness(&estimates, 0.5, 1).unwrap().groups[0].rates.unwrap();
    assert_eq!(
        (rates.true_positive.estimate, rates.false_positive.estimate),
        (1.0, 1.0)
    );
    assert_eq!(operating(&estimates, &[0.5], 1).unwrap()[0].named.estimate, 1.0);
}

#[test]
fn a_group_too_small_to_tell_is_named_without_rates() {
    let mut estimates: Vec<Labelled> = (0..60).map(|s| labelled(0.5, s % 2 == 0, s, 1)).collect();
    estimates.extend((0..12).map(|s| labelled(0.5, s % 4 == 0, 100 + s, 2)));
    let found = fairness(&estimates, 0.5, 1).unwrap();
    assert!(found.groups[0].rates.is_some() && found.groups[1].rates.is_none());
    assert_eq!(found.groups[1].count, 12);
    assert_eq!(found.true_positive_gap, None);
}

#[test]
fn thresholds_trade_who_is_seen_for_who_is_named_wrongly() {
    let mut rng = Rng::with_seed(7);
    let estimates: Vec<Labelled> = (0..2000)
        .map(|student| {
            let p = rng.f64();
            labelled(p, rng.f64() < p, student, 1)
        })
        .collect();
    let found = operating(&estimates, &[0.0, 0.25, 0.5, 0.75, 1.1], 1).unwrap();
    // Estimates that are right: from 0.5 on three of four named are in need, and three of four in need are named.
    assert!((found[2].precision.estimate - 0.75).abs() < 0.04 && (found[2].recall.estimate - 0.75).abs() < 0.04);
    assert!(found[2].precision.low < 0.75 && found[2].precision.high > 0.75);
    assert_eq!((found[0].named.estimate, found[0].recall.estimate), (1.0, 1.0));
    assert_eq!((found[4].named.estimate, found[4].precision.estimate), (0.0, 1.0));
    assert!(found.is_sorted_by(|a, b| a.recall.estimate >= b.recall.estimate));
    assert_eq!(operating(&[], &[0.5], 1), Err(Error));
}

#[test]
fn a_student_seen_often_makes_no_gap_surer() {
    let once: Vec<Labelled> = (0..200)
        .map(|s| labelled(if s % 3 == 0 { 0.8 } else { 0.2 }, s % 2 == 0, s, 1 + (s % 4 / 2) as u8))
        .collect();
    let often: Vec<Labelled> = once.iter().flat_map(|e| [*e; 5]).collect();
    let gap = |estimates: &[Labelled]| fairness(estimates, 0.5, 3).unwrap().true_positive_gap.unwrap();
    let (once, often) = (gap(&once), gap(&often));
    assert!((once.low - often.low).abs() < 1e-12 && (once.high - often.high).abs() < 1e-12);
}

#[test]
fn what_is_no_probability_and_one_outcome_alone_are_refused() {
    for bad in [f64::NAN, -0.1, 1.1] {
        let estimates = simple(&[(0.5, true), (0.5, false), (bad, true)]);
        assert_eq!(report(&estimates, 1), Err(Error));
        assert_eq!(fairness(&estimates, 0.5, 1), None);
    }
    assert_eq!(report(&simple(&[(0.5, true)]), 1), Err(Error));
    assert_eq!(report(&[], 1), Err(Error));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn every_figure_lies_in_its_range(
        cases in prop::collection::vec((0.0..=1.0_f64, any::<bool>(), 0_u32..20, 1_u8..4), 2..60),
        seed in any::<u64>(),
    ) {
        let estimates: Vec<Labelled> = cases.into_iter().map(|(p, o, s, g)| labelled(p, o, s, g)).collect();
        let Ok(found) = report(&estimates, seed) else { return Ok(()) };
        for figure in [found.auc, found.brier, found.calibration_error] {
            prop_assert!(0.0 <= figure.low && figure.low <= figure.estimate);
            prop_assert!(figure.estimate <= figure.high && figure.high <= 1.0);
        }
        // The bins hold every estimate once, and the whole is never further off than its parts together.
        prop_assert_eq!(found.bins.iter().map(|b| b.count).sum::<u32>(), found.count);
        prop_assert!(found.in_the_large.estimate.abs() <= found.calibration_error.estimate + 1e-12);
        prop_assert_eq!(found.clone(), report(&estimates, seed).unwrap());
    }

    #[test]
    fn order_preserving_changes_leave_the_area_alone(
        cases in prop::collection::vec((0.0..=1.0_f64, any::<bool>()), 2..60),
    ) {
        let before = simple(&cases);
        let squared: Vec<Labelled> = before.iter().map(|e| Labelled { probability: e.probability * e.probability, ..*e }).collect();
        let area = |estimates: &[Labelled]| auc(&estimates.iter().collect::<Vec<_>>());
        prop_assert!((area(&before) - area(&squared)).abs() < 1e-9);
    }
}
