#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;

use super::explaining::{contributions, what_ifs};
use super::*;
use crate::domain::signals::{Error as SignalsError, Profile, Step};

/// Any finite profile, most of them possible.
pub(crate) fn any_profile() -> impl Strategy<Value = Profile> {
    let unit =
        prop_oneof![9 => 0.0..=1.0_f64, 1 => prop::num::f64::NORMAL | prop::num::f64::SUBNORMAL | prop::num::f64::ZERO];
    let change = prop_oneof![9 => -1.0..=1.0_f64, 1 => prop::num::f64::NORMAL];
    let step = (change.clone(), any::<u32>()).prop_map(|(size, age_days)| Step { size, age_days });
    (
        unit.clone(),
        unit,
        change,
        0_u32..40,
        prop_oneof![0_u32..90, any::<u32>()],
        prop_oneof![0_u32..20, any::<u32>()],
        prop_oneof![0_u32..20, any::<u32>()],
        prop::option::of(step),
    )
        .prop_map(
            |(level, uncertainty, slope, works, idle_days, due, missed, step)| Profile {
                level,
                uncertainty,
                slope,
                works,
                idle_days,
                due,
                missed: missed.min(due),
                step,
            },
        )
}

/// A profile that passes.
pub(crate) fn profile() -> Profile {
    Profile {
        level: 0.5,
        uncertainty: 0.06,
        slope: -0.02,
        works: 9,
        idle_days: 12,
        due: 6,
        missed: 3,
        step: Some(Step {
            size: -0.2,
            age_days: 14,
        }),
    }
}

proptest! {
    #[test]
    fn any_finite_profile_is_refused_or_estimated_soundly(profile in any_profile()) {
        let Ok(signals) = Signals::try_new(profile) else { return Ok(()) };
        let estimate = Model::built_in().estimate(&signals);
        for probability in [estimate.low, estimate.probability, estimate.high] {
            prop_assert!((0.0..=1.0).contains(&probability));
        }
        prop_assert!(estimate.low <= estimate.probability && estimate.probability <= estimate.high);
        let sum = estimate.base + estimate.contributions.iter().sum::<f64>();
        prop_assert!((sum - estimate.log_odds).abs() < 1e-9);
        prop_assert!((logistic(estimate.log_odds) - estimate.probability).abs() < 1e-12);
    }

    #[test]
    fn explanations_name_every_signal_once_and_add_up(profile in any_profile()) {
        let Ok(signals) = Signals::try_new(profile) else { return Ok(()) };
        let estimate = Model::built_in().estimate(&signals);
        let told = contributions(&signals, &estimate);
        let sum = estimate.base + told.iter().map(|c| c.log_odds).sum::<f64>();
        prop_assert!((sum - estimate.log_odds).abs() < 1e-9);
        let mut named: Vec<_> = told.iter().map(|c| c.signal).collect();
        prop_assert!(told.is_sorted_by(|a, b| a.log_odds.abs() >= b.log_odds.abs()));
        named.sort();
        prop_assert_eq!(named, Signal::ALL.to_vec());
        for sentence in told.iter().map(|c| &c.explanation) {
            prop_assert!(sentence.ends_with('.') && !sentence.contains("NaN") && !sentence.contains("inf"));
        }
    }

    #[test]
    fn what_would_change_it_lowers_it_and_says_rightly_whether_that_is_enough(
        profile in any_profile(),
        threshold in 0.0..=1.0_f64,
    ) {
        let Ok(signals) = Signals::try_new(profile) else { return Ok(()) };
        let now = Model::built_in().estimate(&signals).probability;
        let told = what_ifs(Model::built_in(), &signals, threshold);
        prop_assert!(told.len() <= super::explaining::WHAT_IFS);
        for (i, what_if) in told.iter().enumerate() {
            prop_assert!(what_if.probability < now);
            prop_assert_eq!(what_if.below_threshold, what_if.probability < threshold);
            prop_assert!(told.iter().skip(i + 1).all(|other| other.signal != what_if.signal));
        }
    }

    /// What every educator expects of it; the weights could be otherwise, so the recipe is held to it.
    #[test]
    fn more_missed_longer_away_and_weaker_work_never_lower_it(
        profile in any_profile(),
        days in 1_u32..30,
        weaker in 0.01..0.3_f64,
    ) {
        let Ok(signals) = Signals::try_new(profile) else { return Ok(()) };
        let model = Model::built_in();
        let now = model.estimate(&signals).log_odds;
        let away = signals.but(|p| p.idle_days = p.idle_days.saturating_add(days));
        prop_assert!(model.estimate(&away).log_odds >= now);
        if profile.due > 0 && profile.missed < profile.due {
            let missed = signals.but(|p| p.missed += 1);
            prop_assert!(model.estimate(&missed).log_odds > now);
        }
        if profile.level >= weaker {
            let lower = signals.but(|p| p.level -= weaker);
            prop_assert!(model.estimate(&lower).log_odds > now);
        }
    }
}

#[test]
fn what_is_no_number_in_its_range_is_refused_by_name() {
    type Change = fn(&mut Profile);
    let cases: [(Change, SignalsError); 9] = [
        (|p| p.level = f64::NAN, SignalsError::OutOfRange("level")),
        (|p| p.level = 1.01, SignalsError::OutOfRange("level")),
        (|p| p.uncertainty = -0.1, SignalsError::OutOfRange("uncertainty")),
        (
            |p| p.uncertainty = f64::INFINITY,
            SignalsError::OutOfRange("uncertainty"),
        ),
        (|p| p.slope = f64::NEG_INFINITY, SignalsError::OutOfRange("slope")),
        (
            |p| {
                p.step = Some(Step {
                    size: f64::NAN,
                    age_days: 0,
                });
            },
            SignalsError::OutOfRange("step"),
        ),
        (|p| p.missed = p.due + 1, SignalsError::MissedMoreThanDue),
        (|p| p.works = 2, SignalsError::TooLittle),
        (|p| p.works = 0, SignalsError::TooLittle),
    ];
    for (change, expected) in cases {
        let mut profile = profile();
        change(&mut profile);
        assert_eq!(Signals::try_new(profile).unwrap_err(), expected);
    }
}

#[test]
fn no_task_due_is_neither_merit_nor_fault() {
    let mut profile = profile();
    (profile.due, profile.missed) = (0, 0);
    let estimate = Model::built_in().estimate(&Signals::try_new(profile).unwrap());
    assert_eq!(estimate.contributions[Signal::Missed as usize], 0.0);
}

#[test]
fn log_odds_without_bound_are_probabilities() {
    for (log_odds, probability) in [(-1e6, 0.0), (-1000.0, 0.0), (0.0, 0.5), (1000.0, 1.0), (1e6, 1.0)] {
        assert_eq!(logistic(log_odds), probability);
    }
    assert!((logistic(-30.0) * 30.0_f64.exp() - 1.0).abs() < 1e-9);
}

#[test]
fn an_unsure_level_makes_a_wide_range() {
    let model = Model::built_in();
    let sure = Signals::try_new(profile()).unwrap();
    let width = |uncertainty: f64| {
        let mut standard = sure.standardised(&model.mean, &model.deviation);
        // Only the range is looked at: the signal itself stays.
        standard[Signal::Uncertainty as usize] = 0.0;
        model.standard_error(&sure.but(|p| p.uncertainty = uncertainty), &standard)
    };
    assert!(width(0.2) > 2.0 * width(0.05));
}

#[test]
fn the_smallest_change_that_is_enough_is_told() {
    let mut profile = profile();
    (profile.due, profile.missed) = (9, 8);
    let model = Model::built_in();
    let signals = Signals::try_new(profile).unwrap();
    let with = |missed| model.estimate(&signals.but(|p| p.missed = missed)).probability;
    // Between five and four missed lies the threshold, so four are enough, and two fewer would be more than is needed.
    let threshold = f64::midpoint(with(5), with(4));
    let told = what_ifs(model, &signals, threshold);
    let missed = told.iter().find(|w| w.signal == Signal::Missed).unwrap();
    assert!(missed.below_threshold);
    assert_eq!(missed.probability, with(4));
    assert!(
        missed.explanation.starts_with("Had only 4 tasks been missed, "),
        "{}",
        missed.explanation
    );
    // Where nothing is enough, the most that can be done is told.
    let told = what_ifs(model, &signals, 0.0);
    let missed = told.iter().find(|w| w.signal == Signal::Missed).unwrap();
    assert!(!missed.below_threshold && missed.probability == with(0));
}

#[test]
fn words_speak_of_work_and_never_of_the_person() {
    let signals = Signals::try_new(profile()).unwrap();
    let model = Model::built_in();
    let estimate = model.estimate(&signals);
    let mut sentences: Vec<String> = contributions(&signals, &estimate)
        .into_iter()
        .map(|c| c.explanation)
        .collect();
    sentences.extend(what_ifs(model, &signals, 0.5).into_iter().map(|w| w.explanation));
    assert!(sentences.len() > 8, "{sentences:?}");
    assert!(
        sentences.contains(&"Of 6 tasks due in the last 4 weeks, 3 were missed; that raises the estimate.".to_owned())
    );
    for sentence in sentences {
        let lower = sentence.to_lowercase();
        for word in [
            "student",
            "pupil",
            " he ",
            " she ",
            "lazy",
            "weak",
            "will fail",
            "because",
            "disorder",
            "motivat",
            "gifted",
            "at risk",
        ] {
            assert!(!lower.contains(word), "{sentence} says {word}");
        }
    }
}

#[test]
fn the_cause_is_the_signal_that_adds_most() {
    let mut profile = profile();
    profile.level = 0.9;
    profile.missed = 6;
    profile.idle_days = 0;
    let estimate = Model::built_in().estimate(&Signals::try_new(profile).unwrap());
    assert_eq!(estimate.cause(), Signal::Missed);
}

#[test]
fn a_model_with_a_figure_that_is_none_is_refused() {
    let sound = serde_json::to_value(Model::built_in()).unwrap();
    type Change = fn(&mut serde_json::Value);
    let changes: [Change; 8] = [
        |m| m["deviation"][2] = 0.0.into(),
        |m| m["weights"][0] = 51.0.into(),
        |m| m["weights"] = serde_json::json!([1.0]),
        |m| m["covariance"][0][0] = serde_json::Value::Null,
        |m| m["calibration"][0] = (-1.0).into(),
        |m| m["penalty"] = (-1.0).into(),
        |m| m["version"] = "".into(),
        |m| m["surprise"] = 1.into(),
    ];
    assert!(Model::parse(&sound.to_string()).is_ok());
    for change in changes {
        let mut model = sound.clone();
        change(&mut model);
        assert!(Model::parse(&model.to_string()).is_err(), "{model}");
    }
}
