#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;

use super::*;
use crate::domain::alert::tests::{at, content};
use crate::domain::alert::{Closing, Severity, Trial};

fn id(text: &str) -> Id {
    Id::parse(text).unwrap()
}

/// A closed alert: what was tried, what came of it, the level before and after.
fn closed(tried: &[&str], outcome: Outcome, levels: Option<(f64, f64)>) -> Content {
    let mut content = content(Severity::Notice);
    content.first.level = levels.map(|(before, _)| before);
    content.trials = tried
        .iter()
        .map(|name| Trial {
            intervention: id(name),
            began: at(1),
        })
        .collect();
    content.closing = Some(Closing {
        outcome,
        level: levels.map(|(_, after)| after),
        at: at(2),
    });
    content
}

fn many(count: usize, tried: &[&str], outcome: Outcome) -> Vec<Content> {
    vec![closed(tried, outcome, None); count]
}

#[test]
fn a_difference_is_told_with_its_interval_and_never_as_proof() {
    let mut all = many(56, &["check-in"], Outcome::Improved);
    all.extend(many(14, &["check-in"], Outcome::Worsened));
    all.extend(many(48, &[], Outcome::Improved));
    all.extend(many(32, &[], Outcome::Unchanged));
    let found = effectiveness(&all, None);
    let effect = &found.effects[0];
    // Newcombe 1998: 56 of 70 less 48 of 80.
    let difference = effect.difference.unwrap();
    assert!((difference.low - 0.0524).abs() < 5e-5 && (difference.high - 0.3339).abs() < 5e-5);
    assert_eq!((effect.outcomes, effect.comparison_outcomes), (70, 80));
    assert_eq!(effect.caveats, [Caveat::NotRandomised]);
}

#[test]
fn what_was_tried_where_it_was_worst_is_compared_with_the_worst() {
    let of = |severity, count, tried: &[&str], improved: usize| {
        let mut all = many(improved, tried, Outcome::Improved);
        all.extend(many(count - improved, tried, Outcome::Unchanged));
        all.iter_mut().for_each(|content| content.last.severity = severity);
        all
    };
    let mut all = of(Severity::Notice, 20, &["check-in"], 18);
    all.extend(of(Severity::Urgent, 80, &["check-in"], 32));
    all.extend(of(Severity::Notice, 80, &[], 64));
    all.extend(of(Severity::Urgent, 20, &[], 6));
    let effect = &effectiveness(&all, None).effects[0];
    assert!(effect.difference.unwrap().high < 0.0);
    assert!((effect.adjusted_difference.unwrap().estimate - 0.1).abs() < 1e-12);
    // Nine alike on one side are too few, however many there are on the other.
    let mut few = of(Severity::Notice, 20, &["check-in"], 18);
    few.extend(of(Severity::Notice, 9, &[], 3));
    few.extend(of(Severity::Urgent, 11, &[], 3));
    assert_eq!(effectiveness(&few, None).effects[0].adjusted_difference, None);
    // Nothing alike, nothing to compare.
    let mut apart = of(Severity::Notice, 20, &["check-in"], 18);
    apart.extend(of(Severity::Urgent, 20, &[], 6));
    assert_eq!(effectiveness(&apart, None).effects[0].adjusted_difference, None);
}

#[test]
fn without_a_comparison_there_is_none_and_it_is_said() {
    let mut all = many(12, &["check-in"], Outcome::Improved);
    all.extend(many(9, &[], Outcome::Improved));
    let effect = &effectiveness(&all, None).effects[0];
    assert_eq!((effect.difference, effect.comparison_outcomes), (None, 0));
    assert_eq!(effect.caveats, [Caveat::NotRandomised, Caveat::NoComparison]);
}

#[test]
fn harm_is_a_finding_and_no_doubt() {
    let mut all = many(40, &["check-in"], Outcome::Worsened);
    all.extend(many(40, &[], Outcome::Improved));
    let effect = &effectiveness(&all, None).effects[0];
    assert!(effect.difference.unwrap().high < 0.0);
    assert_eq!(effect.caveats, [Caveat::NotRandomised]);
}

#[test]
fn few_outcomes_are_not_told() {
    let found = effectiveness(&many(9, &["check-in"], Outcome::Improved), None);
    assert_eq!(found, Effectiveness::default());
    assert_eq!(
        effectiveness(&many(10, &["check-in"], Outcome::Improved), None)
            .effects
            .len(),
        1
    );
}

#[test]
fn a_false_alarm_speaks_of_the_alerts_and_never_for_an_intervention() {
    let mut all = many(15, &["check-in"], Outcome::Improved);
    all.extend(many(5, &["check-in"], Outcome::FalseAlarm));
    let found = effectiveness(&all, None);
    assert_eq!(found.effects[0].outcomes, 15);
    assert_eq!(found.precision.unwrap().estimate, 0.75);
}

#[test]
fn levels_are_compared_before_and_after_and_the_low_point_is_named() {
    let mut all: Vec<Content> = (0..12)
        .map(|i| {
            closed(
                &["check-in", "tutoring"],
                Outcome::Improved,
                Some((0.4, 0.45 + 0.01 * f64::from(i % 3))),
            )
        })
        .collect();
    all.extend(many(12, &[], Outcome::Improved));
    let found = effectiveness(&all, None);
    assert_eq!(found.effects.len(), 2);
    let effect = &found.effects[0];
    let change = effect.level_change.unwrap();
    assert!((change.estimate - 0.06).abs() < 1e-9 && change.low > 0.05 && change.high < 0.07);
    assert_eq!(
        effect.caveats,
        [
            Caveat::NotRandomised,
            Caveat::RegressionToMean,
            Caveat::Inconclusive,
            Caveat::Combined
        ]
    );
}

#[test]
fn praise_is_told_where_it_is_asked_for_and_open_alerts_never() {
    let mut praise = many(10, &["specific-praise"], Outcome::Improved);
    for content in &mut praise {
        content.subject.kind = Kind::Rise;
    }
    assert_eq!(effectiveness(&praise, None), Effectiveness::default());
    assert_eq!(effectiveness(&praise, Some(Kind::Rise)).effects.len(), 1);
    let open = vec![content(Severity::Notice); 30];
    assert_eq!(effectiveness(&open, None), Effectiveness::default());
}

#[test]
fn effects_come_in_the_order_of_the_catalogue() {
    let mut all = many(10, &["a-new-idea"], Outcome::Improved);
    for entry in CATALOGUE.iter().rev() {
        all.extend(many(10, &[entry.id], Outcome::Improved));
    }
    let found = effectiveness(&all, None);
    let ids: Vec<&str> = found.effects.iter().map(|e| e.intervention.as_str()).collect();
    let mut expected: Vec<&str> = CATALOGUE.iter().map(|entry| entry.id).collect();
    expected.push("a-new-idea");
    assert_eq!(ids, expected);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn every_effect_is_sound_and_carries_its_caveats(
        cases in prop::collection::vec(
            (prop::sample::subsequence(vec!["check-in", "tutoring", "message-home"], 0..=3), 0_usize..4,
             prop::option::of((0.0..=1.0_f64, 0.0..=1.0_f64))),
            0..120,
        ),
    ) {
        let outcomes = [Outcome::Improved, Outcome::Unchanged, Outcome::Worsened, Outcome::FalseAlarm];
        let all: Vec<Content> =
            cases.iter().map(|(tried, outcome, levels)| closed(tried, outcomes[*outcome], *levels)).collect();
        let found = effectiveness(&all, None);
        for effect in &found.effects {
            prop_assert!(effect.outcomes as usize >= LEAST);
            prop_assert!(effect.caveats.contains(&Caveat::NotRandomised) && effect.caveats.is_sorted());
            prop_assert_eq!(effect.difference.is_none(), effect.caveats.contains(&Caveat::NoComparison));
            prop_assert_eq!(effect.level_change.is_some(), effect.caveats.contains(&Caveat::RegressionToMean));
            let intervals = [Some(effect.improved), effect.difference, effect.adjusted_difference, effect.level_change, found.precision];
            for figure in intervals.into_iter().flatten() {
                prop_assert!(figure.low <= figure.estimate && figure.estimate <= figure.high);
                prop_assert!(figure.low.is_finite() && figure.high.is_finite());
            }
        }
        // The order in which alerts come says nothing.
        let reversed = effectiveness(all.iter().rev(), None);
        prop_assert_eq!(found.effects.len(), reversed.effects.len());
        prop_assert_eq!(found.precision, reversed.precision);
    }
}
