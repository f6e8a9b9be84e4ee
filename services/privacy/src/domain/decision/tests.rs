#![allow(clippy::unwrap_used, reason = "a test may panic")]

use proptest::prelude::*;

use super::*;
use crate::domain::consent::{Event, Grant};
use crate::domain::regulation::Fact;

const NOW: Moment = Moment(1_000_000);
const SUPPORT: Use = Use {
    category: Category::Profile,
    purpose: Purpose::Support,
    level: Level::Learning,
};
const TEACH: Use = Use {
    category: Category::Work,
    purpose: Purpose::Instruction,
    level: Level::Processing,
};

fn school(names: &[&str], facts: &[Fact]) -> School {
    School::try_new(names, facts.iter().copied(), 16).unwrap()
}

fn grant(giver: Giver, wanted: Use) -> Event {
    Event::Granted {
        subject: (wanted.category, wanted.purpose),
        level: wanted.level,
        text: 1,
        giver,
        until: None,
        at: NOW,
    }
}

fn withdraw(wanted: Use) -> Event {
    Event::Withdrawn {
        subject: (wanted.category, wanted.purpose),
        left: Level::None,
        giver: Giver::Student,
        at: NOW,
    }
}

fn told(events: &[Event], school: &School, wanted: Use, age: u8) -> Result<Basis, (Reason, Remedy)> {
    decide(&Consents::rebuild(events), school, wanted, Some(age), NOW).verdict
}

#[test]
fn a_child_without_a_guardian_is_refused_with_the_rule_and_what_would_help() {
    let california = school(&["ferpa", "coppa", "sopipa"], &[Fact::Agreement]);
    let decision = decide(&Consents::default(), &california, TEACH, Some(11), NOW);
    assert_eq!(
        decision.verdict,
        Err((Reason::GuardianMissing, Remedy::GuardianConsent))
    );
    assert_eq!(decision.rule().as_deref(), Some("house/under-13"));
    assert_eq!(decision.spoken.len(), 4);
    assert!(!may_agree_alone(&california, TEACH.purpose, TEACH.category, Some(11)));
    // The child's own word is not enough, a guardian's is.
    let asked = Consents::default()
        .grant(
            &[((TEACH.category, TEACH.purpose), TEACH.level)],
            Grant {
                giver: Giver::Student,
                alone: false,
                text: 1,
                newest: 1,
                until: None,
                now: NOW,
            },
        )
        .unwrap();
    assert_eq!(
        told(&asked, &california, TEACH, 11),
        Err((Reason::GuardianMissing, Remedy::GuardianConsent))
    );
    let alone = [grant(Giver::Student, TEACH)];
    assert_eq!(
        told(&alone, &california, TEACH, 11),
        Err((Reason::GuardianMissing, Remedy::GuardianConsent))
    );
    let guarded = [grant(Giver::Guardian, TEACH)];
    assert_eq!(told(&guarded, &california, TEACH, 11), Ok(Basis::GuardianConsent));
}

#[test]
fn who_has_to_agree_to_an_early_warning_depends_on_where_and_how_old() {
    let by_student = [grant(Giver::Student, SUPPORT)];
    let by_guardian = [grant(Giver::Guardian, SUPPORT)];
    let missing = Err((Reason::ConsentMissing, Remedy::StudentConsent));
    let guardian = Err((Reason::GuardianMissing, Remedy::GuardianConsent));
    let america = school(&["ferpa", "coppa"], &[Fact::Agreement]);
    let europe = school(&["gdpr"], &[Fact::PublicAuthority]);
    for (school, age, events, expected) in [
        (&america, 14, &[][..], missing),
        (&america, 14, &by_student, Ok(Basis::Consent)),
        (&america, 14, &by_guardian, Ok(Basis::GuardianConsent)),
        (&america, 12, &by_student, guardian),
        (&europe, 15, &by_student, guardian),
        (&europe, 15, &by_guardian, Ok(Basis::GuardianConsent)),
        (&europe, 16, &by_student, Ok(Basis::Consent)),
        (&europe, 16, &[], missing),
    ] {
        assert_eq!(told(events, school, SUPPORT, age), expected, "{age}");
    }
}

#[test]
fn teaching_goes_on_until_somebody_objects_and_safety_even_then() {
    let europe = school(&["gdpr"], &[Fact::PublicAuthority]);
    assert_eq!(told(&[], &europe, TEACH, 14), Ok(Basis::PublicTask));
    assert_eq!(
        told(&[withdraw(TEACH)], &europe, TEACH, 14),
        Err((Reason::ConsentWithdrawn, Remedy::StudentConsent))
    );
    let back = [withdraw(TEACH), grant(Giver::Student, TEACH)];
    assert_eq!(told(&back, &europe, TEACH, 14), Ok(Basis::PublicTask));
    let safety = Use {
        purpose: Purpose::Safeguarding,
        ..TEACH
    };
    let everything = [withdraw(safety), Event::Restricted { on: true, at: NOW }];
    assert_eq!(told(&everything, &europe, safety, 14), Ok(Basis::VitalInterest));
}

#[test]
fn withdrawal_is_in_force_with_the_next_decision() {
    let america = school(&["ferpa"], &[Fact::Agreement]);
    let mut consents = Consents::rebuild(&[grant(Giver::Student, SUPPORT)]);
    assert!(decide(&consents, &america, SUPPORT, Some(15), NOW).is_allowed());
    for event in consents.withdraw(&[], Giver::Guardian, NOW) {
        consents.apply(&event);
    }
    let decision = decide(&consents, &america, SUPPORT, Some(15), NOW);
    assert_eq!(
        decision.verdict,
        Err((Reason::ConsentWithdrawn, Remedy::StudentConsent))
    );
}

#[test]
fn levels_texts_ends_and_restrictions_each_have_their_reason() {
    let america = school(&["ferpa"], &[Fact::Agreement]);
    let low = Use {
        level: Level::Processing,
        ..SUPPORT
    };
    let agreed = grant(Giver::Student, SUPPORT);
    // A warning builds on what was kept, whatever the caller says that it needs.
    assert_eq!(
        told(&[grant(Giver::Student, low)], &america, low, 15),
        Err((Reason::ConsentTooLow, Remedy::HigherLevel))
    );
    let changed = Event::TextChanged { version: 2, at: NOW };
    assert_eq!(
        told(&[agreed, changed], &america, SUPPORT, 15),
        Err((Reason::ConsentOutdated, Remedy::Renewal))
    );
    let restricted = Event::Restricted { on: true, at: NOW };
    for wanted in [SUPPORT, TEACH] {
        assert_eq!(
            told(&[agreed, restricted], &america, wanted, 15),
            Err((Reason::ProcessingRestricted, Remedy::LiftRestriction))
        );
    }
    let account = Use {
        category: Category::Account,
        purpose: Purpose::Operation,
        level: Level::Processing,
    };
    assert_eq!(told(&[restricted], &america, account, 9), Ok(Basis::SchoolOfficial));
    let ended = Event::Granted {
        subject: (SUPPORT.category, SUPPORT.purpose),
        level: Level::Learning,
        text: 1,
        giver: Giver::Student,
        until: Some(Moment(NOW.0 + 5)),
        at: NOW,
    };
    let consents = Consents::rebuild(&[ended]);
    let at = |now| decide(&consents, &america, SUPPORT, Some(15), now);
    assert_eq!(at(NOW).until, Some(Moment(NOW.0 + 5)), "a permit ends no later");
    assert_eq!(
        at(Moment(NOW.0 + 5)).verdict,
        Err((Reason::ConsentExpired, Remedy::Renewal))
    );
    let sold = Use {
        purpose: Purpose::Advertising,
        ..TEACH
    };
    let decision = decide(
        &Consents::rebuild(&[grant(Giver::Guardian, sold)]),
        &america,
        sold,
        Some(19),
        NOW,
    );
    assert_eq!(decision.verdict, Err((Reason::UseForbidden, Remedy::None)));
    assert_eq!(decision.rule().as_deref(), Some("house/no-advertising"));
}

fn any_use() -> impl Strategy<Value = Use> {
    let levels = vec![Level::Processing, Level::Learning, Level::Research];
    (
        prop::sample::select(Category::ALL),
        prop::sample::select(Purpose::ALL),
        prop::sample::select(levels),
    )
        .prop_map(|(category, purpose, level)| Use {
            category,
            purpose,
            level,
        })
}

fn any_event(wanted: Use) -> impl Strategy<Value = Event> {
    prop_oneof![
        Just(grant(Giver::Student, wanted)),
        Just(grant(Giver::Guardian, wanted)),
        Just(withdraw(wanted)),
        Just(Event::TextChanged { version: 2, at: NOW }),
        any::<bool>().prop_map(|on| Event::Restricted { on, at: NOW }),
    ]
}

fn names(set: u8) -> Vec<&'static str> {
    let all = ["ferpa", "gdpr", "coppa", "sopipa"];
    (0..4).filter(|at| set & (1 << at) != 0).map(|at| all[at]).collect()
}

proptest! {
    #[test]
    fn more_regulations_never_allow_more(
        (wanted, events) in any_use().prop_flat_map(|wanted| (Just(wanted), prop::collection::vec(any_event(wanted), 0..5))),
        set in 0u8..16, added in 0u8..16, age in prop::option::of(0u8..22), agreement in any::<bool>(), public in any::<bool>(),
    ) {
        let facts: Vec<Fact> = [(agreement, Fact::Agreement), (public, Fact::PublicAuthority)]
            .into_iter().filter_map(|(there, fact)| there.then_some(fact)).collect();
        let consents = Consents::rebuild(&events);
        let with = |set| decide(&consents, &school(&names(set), &facts), wanted, age, NOW);
        let (fewer, more) = (with(set), with(set | added));
        prop_assert!(fewer.is_allowed() || !more.is_allowed(), "{wanted:?} {events:?}");
        // Whatever is refused says by which rule and why.
        if let Err((reason, _)) = more.verdict {
            prop_assert!(more.rule().is_some() && !reason.explanation().is_empty() && !reason.name().is_empty());
        }
        // An age that nobody knows allows nothing that some age would not.
        if age.is_none() && fewer.is_allowed() {
            for age in 0..22 {
                let known = decide(&consents, &school(&names(set), &facts), wanted, Some(age), NOW);
                prop_assert!(known.is_allowed(), "{age}");
            }
        }
        // Nor is a child ever used for anything on its own word alone.
        if age.is_some_and(|age| age < 13) && !matches!(wanted.purpose, Purpose::Safeguarding | Purpose::Operation) {
            let guarded = events.iter().any(|event| matches!(event, Event::Granted { giver: Giver::Guardian, .. }));
            prop_assert!(guarded || !fewer.is_allowed());
        }
    }
}
