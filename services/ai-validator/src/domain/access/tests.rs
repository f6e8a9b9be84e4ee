#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;

use super::*;

const LEVELS: [Reflection; 4] = [
    Reflection::Habitual,
    Reflection::Understanding,
    Reflection::Reflection,
    Reflection::Critical,
];

/// A student at a depth, with the level that belongs to it.
fn at(depth: f64) -> Shown {
    let level = LEVELS
        .into_iter()
        .take_while(|level| *level as usize as f64 * 0.25 <= depth)
        .last();
    Shown {
        reflection: level.unwrap(),
        depth,
        confidence: 0.8,
        replies: 0,
        followed: 0,
        task: None,
        stage: Stage::Revise,
        questions: vec!["How did you feel?".to_owned()],
    }
}

#[test]
fn access_widens_with_reflection() {
    let found: Vec<Access> = [0.1, 0.3, 0.6, 0.9]
        .into_iter()
        .map(|depth| decide(&at(depth)).access)
        .collect();
    assert_eq!(found, Access::ALL);
}

#[test]
fn reliance_narrows_and_says_so() {
    let leaning = Shown {
        replies: 8,
        followed: 1,
        ..at(0.9)
    };
    let decision = decide(&leaning);
    assert_eq!(decision.access, Access::Questions);
    assert_eq!(decision.reasons[0].code, "REFLECTION_CRITICAL");
    assert_eq!(
        (decision.reasons[1].code, decision.reasons[1].effect),
        ("RELIANCE_HIGH", -2)
    );
    assert!(decision.next_steps[0].ends_with('?'));
}

#[test]
fn own_work_is_seen() {
    let decision = decide(&Shown {
        replies: 5,
        followed: 5,
        ..at(0.6)
    });
    assert!(decision.reasons.iter().any(|reason| reason.code == "OWN_WORK_FOLLOWS"));
}

#[test]
fn a_task_of_invention_begins_with_questions() {
    let beginning = Shown {
        task: Some(bloom::Level::Create),
        stage: Stage::Draft,
        ..at(0.55)
    };
    assert_eq!(decide(&beginning).access, Access::Questions);
    assert_eq!(
        decide(&Shown {
            depth: 0.7,
            ..beginning
        })
        .access,
        Access::Hints
    );
}

#[test]
fn recall_gets_no_more_than_hints() {
    let decision = decide(&Shown {
        task: Some(bloom::Level::Remember),
        ..at(0.9)
    });
    assert_eq!(decision.access, Access::Hints);
}

#[test]
fn the_first_answer_is_to_reflect() {
    let decision = decide(&at(0.1));
    assert_eq!(
        (decision.access, decision.replies_until_reflection),
        (Access::ReflectFirst, 0)
    );
    assert_eq!(decision.next_steps, ["How did you feel?"]);
}

fn shown() -> impl Strategy<Value = Shown> {
    let task = prop::option::of(prop::sample::select(bloom::Level::ALL.to_vec()));
    let stage = prop::sample::select(vec![Stage::Brainstorm, Stage::Draft, Stage::Revise, Stage::Edit]);
    (0.0..=1.0_f64, 0.0..=1.0_f64, 0..40_u32, 0..40_u32, task, stage).prop_map(
        |(depth, confidence, replies, followed, task, stage)| Shown {
            confidence,
            replies,
            followed: followed.min(replies),
            task,
            stage,
            ..at(depth)
        },
    )
}

proptest! {
    #[test]
    fn deeper_reflection_never_narrows(shown in shown(), deeper in 0.0..=1.0_f64) {
        let (low, high) = (shown.depth.min(deeper), shown.depth.max(deeper));
        let with = |depth: f64| decide(&Shown { reflection: at(depth).reflection, depth, ..shown.clone() });
        prop_assert!(with(low).access <= with(high).access);
        prop_assert!(with(low).replies_until_reflection <= with(high).replies_until_reflection);
    }

    #[test]
    fn more_reliance_never_widens(shown in shown(), more in 0..40_u32, fewer in 0..40_u32) {
        let before = decide(&shown);
        let asked = decide(&Shown { replies: shown.replies + more, ..shown.clone() });
        let idle = decide(&Shown { followed: shown.followed.saturating_sub(fewer), ..shown.clone() });
        prop_assert!(asked.access <= before.access);
        prop_assert!(idle.access <= before.access);
    }

    #[test]
    fn every_decision_has_reasons_and_a_way_on(shown in shown()) {
        let decision = decide(&shown);
        prop_assert!(!decision.reasons.is_empty());
        prop_assert_eq!(decision.next_steps.is_empty(), decision.access == Access::Dialogue);
        prop_assert!(decision.next_steps.iter().all(|step| step.ends_with('?')));
        for pair in decision.reasons.windows(2) {
            prop_assert!(pair[0].effect.abs() >= pair[1].effect.abs());
        }
        // The effects add up to the level.
        let sum: i32 = decision.reasons.iter().map(|reason| reason.effect).sum();
        prop_assert_eq!(sum, decision.access as i32);
    }

    #[test]
    fn low_confidence_never_gives_the_widest(shown in shown(), confidence in 0.0..0.5_f64) {
        let decision = decide(&Shown { confidence, ..shown });
        prop_assert!(decision.access < Access::Dialogue);
    }

    #[test]
    fn surer_never_narrows(shown in shown(), surer in 0.0..=1.0_f64) {
        let (low, high) = (shown.confidence.min(surer), shown.confidence.max(surer));
        let with = |confidence| decide(&Shown { confidence, ..shown.clone() }).access;
        prop_assert!(with(low) <= with(high));
    }
}
