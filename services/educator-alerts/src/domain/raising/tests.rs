#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;

use super::*;
use crate::domain::model::tests::{any_profile, profile};
use crate::domain::signals::Step;

fn found(profile: Profile) -> Vec<Finding> {
    findings(Model::built_in(), profile, &Thresholds::default(), Consent::Covered).unwrap()
}

/// Work that gives no reason.
fn well() -> Profile {
    Profile {
        level: 0.7,
        uncertainty: 0.04,
        slope: 0.0,
        works: 10,
        idle_days: 2,
        due: 6,
        missed: 0,
        step: None,
    }
}

#[test]
fn work_that_goes_well_gives_no_reason() {
    assert_eq!(found(well()), []);
}

#[test]
fn without_consent_nothing_is_even_estimated() {
    let worst = Profile {
        level: 0.1,
        idle_days: 60,
        missed: 6,
        ..well()
    };
    assert!(found(worst).len() > 1);
    let without = findings(Model::built_in(), worst, &Thresholds::default(), Consent::NotCovered);
    assert_eq!(without, Ok(Vec::new()));
}

#[test]
fn each_rule_speaks_at_its_threshold_and_not_below() {
    let step = |size| Some(Step { size, age_days: 3 });
    for (profile, kind, measure, sentence) in [
        (
            Profile {
                idle_days: 10,
                ..well()
            },
            Kind::Idle,
            10,
            "The last work came 10 days ago.",
        ),
        (
            Profile {
                missed: 3,
                due: 8,
                ..well()
            },
            Kind::MissedTasks,
            3,
            "Of 8 tasks due in the last 4 weeks, 3 were missed.",
        ),
        (
            Profile {
                step: step(-0.15),
                ..well()
            },
            Kind::Drop,
            15,
            "The level fell by 0.15, 3 days ago.",
        ),
        (
            Profile {
                step: step(0.21),
                ..well()
            },
            Kind::Rise,
            21,
            "The level rose by 0.21, 3 days ago.",
        ),
    ] {
        let found = found(profile);
        assert_eq!(found.len(), 1, "{found:?}");
        assert_eq!((found[0].kind, found[0].sighting.measure), (kind, measure));
        assert_eq!(found[0].sighting.summary.0, sentence);
    }
    let on_the_last_day = Profile {
        step: Some(Step {
            size: -0.3,
            age_days: 14,
        }),
        ..well()
    };
    assert_eq!(found(on_the_last_day).len(), 1);
    for below in [
        Profile { idle_days: 9, ..well() },
        Profile {
            missed: 2,
            due: 8,
            ..well()
        },
        Profile {
            step: step(-0.149),
            ..well()
        },
        Profile {
            step: Some(Step {
                size: -0.3,
                age_days: 15,
            }),
            ..well()
        },
    ] {
        assert_eq!(found(below), []);
    }
}

#[test]
fn the_estimate_tells_its_range_and_what_adds_most() {
    let found = found(Profile {
        level: 0.4,
        missed: 5,
        due: 6,
        ..well()
    });
    let risk = found.iter().find(|f| f.kind == Kind::Risk).unwrap();
    let estimate = risk.sighting.estimate.as_ref().unwrap();
    assert_eq!(risk.cause, estimate.cause());
    assert_eq!(risk.sighting.measure, (estimate.probability * 100.0) as u32);
    let words = &risk.sighting.summary.0;
    assert!(
        words.starts_with("As things stand, the course's goals may be missed ("),
        "{words}"
    );
    assert!(
        words.ends_with("What adds most: of 6 tasks due in the last 4 weeks, 5 were missed."),
        "{words}"
    );
    // The rule that speaks of the same is not told beside it, unless it is more severe.
    assert_eq!(found.iter().filter(|f| f.cause == Signal::Missed).count(), 1);
}

#[test]
fn too_little_work_for_an_estimate_still_shows_a_silence() {
    let found = found(Profile {
        works: 1,
        idle_days: 22,
        ..well()
    });
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].kind, found[0].sighting.severity),
        (Kind::Idle, Severity::Attention)
    );
    assert_eq!((&found[0].sighting.estimate, found[0].sighting.level), (&None, None));
    let bad = Profile {
        works: 1,
        level: f64::NAN,
        ..well()
    };
    assert!(findings(Model::built_in(), bad, &Thresholds::default(), Consent::Covered).is_err());
}

#[test]
fn of_two_as_severe_the_estimate_stays_and_of_others_the_more_severe() {
    let finding = |kind, severity| Finding {
        kind,
        cause: Signal::Missed,
        sighting: crate::domain::alert::tests::sighting(severity),
    };
    let kept = |risk, rule| one_a_cause(vec![finding(Kind::Risk, risk), finding(Kind::MissedTasks, rule)])[0].kind;
    assert_eq!(kept(Severity::Attention, Severity::Attention), Kind::Risk);
    assert_eq!(kept(Severity::Notice, Severity::Attention), Kind::MissedTasks);
    assert_eq!(kept(Severity::Urgent, Severity::Attention), Kind::Risk);
}

#[test]
fn a_float_that_is_a_hair_below_its_hundredth_counts_as_it() {
    assert_eq!(whole(0.29 * 100.0), 29);
    assert_eq!(whole(28.99), 28);
    assert_eq!((whole(f64::NAN), whole(-1.0), whole(1e9)), (0, 0, 100));
}

#[test]
fn praise_and_worry_are_never_one() {
    let found = found(Profile {
        step: Some(Step { size: 0.3, age_days: 1 }),
        ..profile()
    });
    assert!(found.iter().any(|f| f.kind == Kind::Rise), "{found:?}");
}

proptest! {
    #[test]
    fn reasons_are_sound_one_a_cause_and_the_most_severe_first(profile in any_profile()) {
        let Ok(found) = findings(Model::built_in(), profile, &Thresholds::default(), Consent::Covered) else { return Ok(()) };
        prop_assert!(found.is_sorted_by(|a, b| a.sighting.severity >= b.sighting.severity));
        for (i, finding) in found.iter().enumerate() {
            prop_assert!(finding.sighting.measure >= Thresholds::default().of(finding.kind));
            let twin = |other: &Finding| {
                other.cause == finding.cause && (other.kind == Kind::Rise) == (finding.kind == Kind::Rise)
            };
            prop_assert!(!found[i + 1..].iter().any(twin));
            let words = &finding.sighting.summary.0;
            prop_assert!(words.ends_with('.') && !words.contains("NaN"));
        }
    }

    /// A cause that is told at higher thresholds is told at lower ones too.
    #[test]
    fn higher_thresholds_never_tell_more(profile in any_profile(), more in 0_u32..30) {
        let lower = Thresholds::try_new(40, 5, 2, 10).unwrap();
        let higher = Thresholds::try_new(40 + more, 5 + more, 2 + more.min(18), 10 + more).unwrap();
        let Ok(few) = findings(Model::built_in(), profile, &higher, Consent::Covered) else { return Ok(()) };
        let many = findings(Model::built_in(), profile, &lower, Consent::Covered).unwrap();
        prop_assert!(few.len() <= many.len());
        for finding in few {
            prop_assert!(many.iter().any(|other| other.cause == finding.cause
                && other.sighting.severity >= finding.sighting.severity));
        }
    }
}
