#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;

use super::*;
use crate::domain::quality;
use crate::domain::quality::fairness::fairness;

/// The recipe makes the file that is in the crate, and the report is what the docs say. Platforms may round `exp` and
/// `ln` in their own way, so the last digits may differ.
#[test]
fn the_recipe_reproduces_the_model_and_its_report() {
    let Trained { model, held_out } = run().unwrap();
    let stored = Model::built_in();
    let figures = |m: &Model| {
        let mut all = vec![m.intercept, m.penalty, m.calibration[0], m.calibration[1]];
        all.extend(m.mean.iter().chain(&m.deviation).chain(&m.weights));
        all.extend(m.covariance.iter().flatten());
        all
    };
    assert_eq!(model.version, stored.version);
    for (made, stored) in figures(&model).into_iter().zip(figures(stored)) {
        assert!((made - stored).abs() < 1e-6, "{made} is not {stored}");
    }

    let report = quality::report(&held_out, SEED).unwrap();
    println!("{report:#?}");
    assert!(report.auc.estimate > 0.78 && report.auc.low > 0.76, "{:?}", report.auc);
    assert!(report.calibration_error.high < 0.06, "{:?}", report.calibration_error);
    assert!(report.in_the_large.low < 0.0 && report.in_the_large.high > 0.0);

    // The cohort's second group hands in late, which says nothing of it, and the report must show what that does.
    let fairness = fairness(&held_out, 0.6, SEED).unwrap();
    assert_eq!(fairness.groups.len(), usize::from(cohort::GROUPS));
    let gap = fairness.true_positive_gap.unwrap();
    assert!(gap.low > 0.0 && gap.estimate < 0.2, "{gap:?}");
}

#[test]
fn the_same_seed_makes_the_same_cohort_and_another_seed_another() {
    assert_eq!(cohort::generate(50, 1), cohort::generate(50, 1));
    assert_ne!(cohort::generate(50, 1), cohort::generate(50, 2));
}

#[test]
fn no_student_is_in_two_parts() {
    let cohort = cohort::generate(500, 3);
    let students =
        |tenths| -> std::collections::BTreeSet<u32> { part(&cohort, 3, tenths).iter().map(|o| o.student).collect() };
    let (fit, calibrate, report) = (students(0..6), students(6..8), students(8..10));
    assert!(fit.is_disjoint(&calibrate) && fit.is_disjoint(&report) && calibrate.is_disjoint(&report));
    assert!(fit.len() > 250 && calibrate.len() > 60 && report.len() > 60);
}

#[test]
fn data_that_teaches_nothing_is_refused() {
    assert_eq!(train(&[], 1).unwrap_err(), Error::TooFew);
    let mut fine = cohort::generate(300, 4);
    for observation in &mut fine {
        observation.off_track = true;
    }
    assert_eq!(train(&fine, 4).unwrap_err(), Error::TooFew);
    let mut same = cohort::generate(300, 4);
    let first = same[0].signals;
    for observation in &mut same {
        observation.signals = first;
    }
    assert_eq!(train(&same, 4).unwrap_err(), Error::Undetermined);
}

/// Weights that are known come out again.
#[test]
fn newton_finds_the_weights_that_made_the_data() {
    let truth = [-0.5, 1.0, -0.7, 0.0, 0.4, -1.2, 0.2];
    let mut rng = fastrand::Rng::with_seed(5);
    let rows: Vec<([f64; WIDTH], bool)> = (0..20_000)
        .map(|_| {
            let row: [f64; WIDTH] = std::array::from_fn(|i| if i == 0 { 1.0 } else { rng.f64() * 4.0 - 2.0 });
            let score: f64 = row.iter().zip(truth).map(|(x, w)| x * w).sum();
            (row, rng.f64() < logistic(score))
        })
        .collect();
    let fit = fitting::fit(&rows, 0.01).unwrap();
    for (i, truth) in truth.into_iter().enumerate() {
        let error = fit.covariance[i][i].sqrt();
        assert!(
            (fit.weights[i] - truth).abs() < 4.0 * error,
            "weight {i}: {}",
            fit.weights[i]
        );
        assert!((0.005..0.05).contains(&error));
    }
    // A penalty draws in what it penalises.
    let drawn_in = fitting::fit(&rows, 10_000.0).unwrap();
    let size = |fit: &Fit| fit.weights[1..].iter().map(|w| w * w).sum::<f64>();
    assert!(size(&drawn_in) < size(&fit) / 2.0);
}

/// Data that a line parts: without the penalty the weights would grow for ever.
#[test]
fn separable_data_has_weights_with_a_penalty() {
    let rows: Vec<([f64; WIDTH], bool)> = (0..100)
        .map(|i| {
            let x = f64::from(i) / 50.0 - 0.99;
            ([1.0, x, x * x, -x, 0.5 * x, 0.1, x.powi(3)], x > 0.0)
        })
        .collect();
    let fit = fitting::fit(&rows, 1.0).unwrap();
    assert!(fit.weights.iter().all(|w| w.is_finite()));
    assert!(fit.score(&rows[99].0) > fit.score(&rows[0].0));
}

#[test]
fn calibration_undoes_overconfidence_and_refuses_the_reverse() {
    let mut rng = fastrand::Rng::with_seed(6);
    let scores: Vec<(f64, bool)> = (0..20_000)
        .map(|_| {
            let truth = rng.f64() * 6.0 - 3.0;
            (2.0 * truth + 1.0, rng.f64() < logistic(truth))
        })
        .collect();
    let line = calibrating::platt(&scores).unwrap();
    assert!((line.slope - 0.5).abs() < 0.03, "{line:?}");
    assert!((line.offset + 0.5).abs() < 0.06, "{line:?}");
    let reversed: Vec<(f64, bool)> = scores.iter().map(|(score, bad)| (-score, *bad)).collect();
    assert_eq!(calibrating::platt(&reversed), None);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]
    #[test]
    fn whatever_the_rows_the_fit_is_none_or_finite(
        rows in prop::collection::vec((prop::array::uniform7(-50.0..50.0_f64), any::<bool>()), 0..40),
        penalty in 0.0..10.0_f64,
    ) {
        if let Some(fit) = fitting::fit(&rows, penalty) {
            prop_assert!(fit.weights.iter().all(|w| w.is_finite()));
            prop_assert!(fit.covariance.iter().flatten().all(|c| c.is_finite()));
        }
    }

    #[test]
    fn whatever_the_scores_the_line_is_none_or_rises(
        scores in prop::collection::vec((-40.0..40.0_f64, any::<bool>()), 0..40),
    ) {
        if let Some(line) = calibrating::platt(&scores) {
            prop_assert!(line.slope > 0.0 && line.slope.is_finite() && line.offset.is_finite());
        }
    }
}
