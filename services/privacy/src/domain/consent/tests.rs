#![allow(clippy::unwrap_used, reason = "a test may panic")]

use proptest::prelude::*;

use super::*;

const WORK: Subject = (Category::Work, Purpose::Instruction);
const PROFILE: Subject = (Category::Profile, Purpose::Support);
const NOW: Moment = Moment(1_000_000);

fn by(giver: Giver, alone: bool) -> Grant {
    Grant {
        giver,
        alone,
        text: 1,
        newest: 1,
        until: None,
        now: NOW,
    }
}

fn take(consents: &mut Consents, events: Vec<Event>) {
    events.iter().for_each(|event| consents.apply(event));
}

fn standing(consents: &Consents, subject: Subject) -> Standing {
    consents.standing(consents.agreement(subject).unwrap(), NOW)
}

#[test]
fn a_student_agrees_and_takes_it_back_at_once() {
    let mut consents = Consents::default();
    let granted = consents
        .grant(&[(WORK, Level::Learning)], by(Giver::Student, true))
        .unwrap();
    take(&mut consents, granted);
    assert_eq!(standing(&consents, WORK), Standing::Active);
    assert_eq!(consents.version(), 1);
    // The clock has jumped back meanwhile.
    let withdrawn = consents.withdraw(&[(WORK, Level::None)], Giver::Student, Moment(5));
    take(&mut consents, withdrawn);
    assert_eq!(standing(&consents, WORK), Standing::Withdrawn);
    assert_eq!(consents.withdraw(&[(WORK, Level::None)], Giver::Student, NOW), []);
}

#[test]
fn a_child_asks_and_a_guardian_approves_no_more_than_that() {
    let mut consents = Consents::default();
    let items = [(PROFILE, Level::Learning)];
    let asked = consents.grant(&items, by(Giver::Student, false)).unwrap();
    assert!(matches!(asked[..], [Event::Requested { .. }]), "{asked:?}");
    take(&mut consents, asked);
    assert_eq!(standing(&consents, PROFILE), Standing::AwaitingGuardian);
    assert_eq!(
        consents.grant(&items, by(Giver::Student, false)).unwrap(),
        [],
        "asked already"
    );
    let more = consents.approve(&[(PROFILE, Level::Research)], 1, 1, NOW);
    assert_eq!(more, Err(Refusal::ApprovesMore));
    assert_eq!(
        consents.approve(&[(WORK, Level::Learning)], 1, 1, NOW),
        Err(Refusal::NothingToApprove)
    );
    let approved = consents.approve(&[(PROFILE, Level::Processing)], 1, 1, NOW).unwrap();
    take(&mut consents, approved);
    let agreement = *consents.agreement(PROFILE).unwrap();
    assert_eq!((agreement.level, agreement.giver), (Level::Processing, Giver::Guardian));
    assert_eq!(standing(&consents, PROFILE), Standing::Active);
    assert_eq!(
        consents.approve(&[(PROFILE, Level::Processing)], 1, 1, NOW),
        Ok(vec![]),
        "approved already"
    );
    // The child asks for more: what was approved stays in force.
    let asked = consents.grant(&items, by(Giver::Student, false)).unwrap();
    take(&mut consents, asked);
    assert_eq!(standing(&consents, PROFILE), Standing::Active);
    assert_eq!(consents.agreement(PROFILE).unwrap().asked, Some(Level::Learning));
}

#[test]
fn a_child_withdraws_what_a_guardian_gave_and_what_is_left_is_still_the_guardians() {
    let mut consents = Consents::default();
    let granted = consents
        .grant(&[(PROFILE, Level::Research)], by(Giver::Guardian, false))
        .unwrap();
    take(&mut consents, granted);
    let less = consents.withdraw(&[(PROFILE, Level::Learning)], Giver::Student, NOW);
    take(&mut consents, less);
    let agreement = *consents.agreement(PROFILE).unwrap();
    assert_eq!((agreement.level, agreement.giver), (Level::Learning, Giver::Guardian));
    let none = consents.withdraw(&[], Giver::Student, NOW);
    take(&mut consents, none);
    assert_eq!(standing(&consents, PROFILE), Standing::Withdrawn);
    assert_eq!(consents.agreement(PROFILE).unwrap().giver, Giver::Student);
    // And cannot give it back alone.
    let asked = consents
        .grant(&[(PROFILE, Level::Processing)], by(Giver::Student, false))
        .unwrap();
    take(&mut consents, asked);
    assert_eq!(standing(&consents, PROFILE), Standing::AwaitingGuardian);
}

#[test]
fn a_text_that_changed_in_substance_is_to_be_agreed_to_again() {
    let mut consents = Consents::default();
    let granted = consents
        .grant(&[(WORK, Level::Learning)], by(Giver::Student, true))
        .unwrap();
    take(&mut consents, granted);
    let changed = consents.change_text(3, NOW).unwrap();
    consents.apply(&changed);
    assert_eq!(consents.change_text(3, NOW), None);
    assert_eq!(standing(&consents, WORK), Standing::Outdated);
    let old = Grant {
        newest: 4,
        ..by(Giver::Student, true)
    };
    let refused = consents.grant(&[(WORK, Level::Learning)], old);
    assert_eq!(refused, Err(Refusal::TextOutdated { newest: 4 }));
    // Version 4 only said it better, so 3 is as good.
    for text in [3, 4] {
        let granted = consents
            .grant(&[(WORK, Level::Learning)], Grant { text, ..old })
            .unwrap();
        take(&mut consents, granted);
        assert_eq!(standing(&consents, WORK), Standing::Active);
    }
    for text in [0, 5] {
        assert!(
            consents
                .grant(&[(WORK, Level::Learning)], Grant { text, ..old })
                .is_err()
        );
    }
}

#[test]
fn an_agreement_ends_when_it_says_and_none_begins_after_its_end() {
    let mut consents = Consents::default();
    let ending = Grant {
        until: Some(Moment(NOW.0 + 10)),
        ..by(Giver::Student, true)
    };
    let granted = consents.grant(&[(WORK, Level::Learning)], ending).unwrap();
    take(&mut consents, granted);
    let agreement = *consents.agreement(WORK).unwrap();
    assert_eq!(consents.standing(&agreement, Moment(NOW.0 + 9)), Standing::Active);
    assert_eq!(consents.standing(&agreement, Moment(NOW.0 + 10)), Standing::Expired);
    let past = Grant {
        until: Some(NOW),
        ..ending
    };
    assert_eq!(
        consents.grant(&[(WORK, Level::Learning)], past),
        Err(Refusal::EndsBefore)
    );
    assert_eq!(consents.grant(&[(WORK, Level::None)], ending), Err(Refusal::NoLevel));
    assert_eq!(Refusal::NoLevel.reason(), "NO_LEVEL");
}

#[test]
fn an_objection_is_kept_although_nobody_had_agreed() {
    let mut consents = Consents::default();
    let objected = consents.withdraw(&[(WORK, Level::None)], Giver::Guardian, NOW);
    take(&mut consents, objected);
    assert_eq!(standing(&consents, WORK), Standing::Withdrawn);
    assert_eq!(consents.withdraw(&[], Giver::Guardian, NOW), []);
}

#[test]
fn a_restriction_is_an_event_like_others() {
    let mut consents = Consents::default();
    let on = consents.restrict(true, NOW).unwrap();
    consents.apply(&on);
    assert!(consents.is_restricted());
    assert_eq!(consents.restrict(true, NOW), None);
    let off = consents.restrict(false, NOW).unwrap();
    consents.apply(&off);
    assert!(!consents.is_restricted() && consents.version() == 2);
}

fn level() -> impl Strategy<Value = Level> {
    prop::sample::select(vec![Level::None, Level::Processing, Level::Learning, Level::Research])
}

fn subject() -> impl Strategy<Value = Subject> {
    let categories = prop::sample::select(&Category::ALL[..3]);
    (categories, prop::sample::select(&Purpose::ALL[1..4]))
}

#[derive(Clone, Debug)]
enum Command {
    Grant(Subject, Level, bool, bool),
    Approve(Subject, Level),
    Withdraw(Subject, Level, bool),
    WithdrawAll,
    Text(u32),
    Restrict(bool),
}

fn command() -> impl Strategy<Value = Command> {
    prop_oneof![
        (subject(), level(), any::<bool>(), any::<bool>()).prop_map(|(s, l, g, a)| Command::Grant(s, l, g, a)),
        (subject(), level()).prop_map(|(s, l)| Command::Approve(s, l)),
        (subject(), level(), any::<bool>()).prop_map(|(s, l, g)| Command::Withdraw(s, l, g)),
        Just(Command::WithdrawAll),
        (1u32..4).prop_map(Command::Text),
        any::<bool>().prop_map(Command::Restrict),
    ]
}

fn giver(guardian: bool) -> Giver {
    if guardian { Giver::Guardian } else { Giver::Student }
}

fn run(consents: &Consents, command: &Command) -> Vec<Event> {
    let text = 3;
    match *command {
        Command::Grant(subject, level, guardian, alone) => {
            let grant = Grant {
                text,
                newest: 3,
                ..by(giver(guardian), alone)
            };
            consents.grant(&[(subject, level)], grant).unwrap_or_default()
        }
        Command::Approve(subject, level) => consents.approve(&[(subject, level)], text, 3, NOW).unwrap_or_default(),
        Command::Withdraw(subject, left, guardian) => consents.withdraw(&[(subject, left)], giver(guardian), NOW),
        Command::WithdrawAll => consents.withdraw(&[], Giver::Student, NOW),
        Command::Text(version) => consents.change_text(version, NOW).into_iter().collect(),
        Command::Restrict(on) => consents.restrict(on, NOW).into_iter().collect(),
    }
}

proptest! {
    #[test]
    fn what_is_in_force_follows_from_what_happened(commands in prop::collection::vec(command(), 0..40)) {
        let mut consents = Consents::default();
        let mut history = Vec::new();
        for command in &commands {
            let events = run(&consents, command);
            history.extend(events.clone());
            take(&mut consents, events);
            // The same command once more changes nothing.
            prop_assert_eq!(run(&consents, command), vec![], "{:?}", command);
        }
        prop_assert_eq!(&Consents::rebuild(&history), &consents);
        prop_assert_eq!(consents.version(), history.len() as u64);
    }

    #[test]
    fn a_withdrawal_never_gives_and_all_withdrawn_is_nothing(commands in prop::collection::vec(command(), 0..40), subject in subject(), left in level()) {
        let mut consents = Consents::default();
        for command in &commands {
            let events = run(&consents, command);
            take(&mut consents, events);
        }
        let before = consents.agreement(subject).map_or(Level::None, |agreement| agreement.level);
        let events = consents.withdraw(&[(subject, left)], Giver::Student, NOW);
        take(&mut consents, events);
        let after = consents.agreement(subject).map_or(Level::None, |agreement| agreement.level);
        prop_assert!(after <= before && after <= left.max(Level::None), "{before:?} to {after:?}, {left:?} left");
        let events = consents.withdraw(&[], Giver::Student, NOW);
        take(&mut consents, events);
        for (subject, _) in consents.agreements() {
            prop_assert_eq!(standing(&consents, subject), Standing::Withdrawn);
        }
    }

    #[test]
    fn no_student_who_may_not_agree_alone_is_ever_the_giver(commands in prop::collection::vec(command(), 0..40)) {
        let mut consents = Consents::default();
        for command in commands {
            let command = match command {
                Command::Grant(subject, level, guardian, _) => Command::Grant(subject, level, guardian, false),
                other => other,
            };
            let events = run(&consents, &command);
            take(&mut consents, events);
            for (_, agreement) in consents.agreements() {
                prop_assert!(agreement.level == Level::None || agreement.giver == Giver::Guardian);
            }
        }
    }
}
