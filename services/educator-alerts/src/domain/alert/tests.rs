#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;

use super::*;

pub(crate) fn name(text: &str) -> Pseudonym {
    Pseudonym::parse(text.to_owned()).unwrap()
}

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + seconds).unwrap()
}

pub(crate) fn subject() -> Subject {
    Subject {
        student: name("planted-student"),
        class: name("planted-class"),
        kind: Kind::Risk,
        cause: Signal::Missed,
    }
}

pub(crate) fn sighting(severity: Severity) -> Sighting {
    Sighting {
        severity,
        measure: 71,
        // A number that a careless reader of JSON gives back a digit off.
        level: Some(0.903_399_657_708_944_5),
        estimate: None,
        summary: Summary("planted sentence".to_owned()),
    }
}

/// An open alert, raised at 0.
pub(crate) fn content(severity: Severity) -> Content {
    Alert::begin(&raised(severity)).unwrap().content.unwrap()
}

pub(crate) fn raised_at(subject: Subject, seconds: i64) -> Event {
    let id = Id::parse("a1").unwrap();
    let sighting = sighting(Severity::Attention);
    Alert::raise(id, subject, sighting, Consent::Covered, at(seconds)).unwrap()
}

fn raised(severity: Severity) -> Event {
    let id = Id::parse("a1").unwrap();
    Alert::raise(id, subject(), sighting(severity), Consent::Covered, at(0)).unwrap()
}

#[test]
fn an_alert_goes_from_open_to_closed_and_counts_its_events() {
    let mut alert = Alert::begin(&raised(Severity::Notice)).unwrap();
    assert_eq!((alert.status(), alert.version), (Status::Open, 1));
    let who = name("teacher");
    for (event, status) in [
        (alert.acknowledge(who.clone(), Some(1), at(1)), Status::Acknowledged),
        (
            alert.intervene(Id::parse("check-in").unwrap(), who.clone(), None, at(2)),
            Status::Intervening,
        ),
        (
            alert.close(Outcome::Improved, Some(0.6), who, None, at(3)),
            Status::Closed,
        ),
    ] {
        alert.apply(&event.unwrap().unwrap()).unwrap();
        assert_eq!(alert.status(), status);
    }
    assert_eq!(alert.version, 4);
}

#[test]
fn commands_said_twice_change_nothing_the_second_time() {
    let (who, other) = (name("teacher"), name("another"));
    let tried = Id::parse("check-in").unwrap();
    let mut alert = Alert::begin(&raised(Severity::Notice)).unwrap();
    let event = alert
        .intervene(tried.clone(), who.clone(), None, at(1))
        .unwrap()
        .unwrap();
    alert.apply(&event).unwrap();
    // Whoever begins an intervention has taken the alert on, and stays named.
    assert_eq!(alert.acknowledge(other.clone(), None, at(2)), Ok(None));
    assert_eq!(alert.content.as_ref().unwrap().acknowledged.as_ref().unwrap().0, who);
    // A repetition does not even need the version.
    assert_eq!(alert.intervene(tried.clone(), who.clone(), Some(1), at(2)), Ok(None));
    let event = alert
        .close(Outcome::Unchanged, None, who.clone(), None, at(3))
        .unwrap()
        .unwrap();
    alert.apply(&event).unwrap();
    assert_eq!(
        alert.close(Outcome::Unchanged, None, who.clone(), Some(1), at(4)),
        Ok(None)
    );
    assert_eq!(
        alert.close(Outcome::Improved, None, who.clone(), None, at(4)),
        Err(Refusal::Closed)
    );
    assert_eq!(alert.intervene(tried, who.clone(), None, at(4)), Ok(None));
    let new = Id::parse("other").unwrap();
    assert_eq!(alert.intervene(new, who, None, at(4)), Err(Refusal::Closed));
}

#[test]
fn whoever_saw_another_version_is_told_the_one_that_is() {
    let mut alert = Alert::begin(&raised(Severity::Notice)).unwrap();
    let again = alert
        .see_again(sighting(Severity::Urgent), Consent::Covered, at(1))
        .unwrap();
    alert.apply(&again).unwrap();
    let refused = Err(Refusal::VersionChanged { now: 2 });
    let who = name("teacher");
    assert_eq!(alert.acknowledge(who.clone(), Some(1), at(2)), refused);
    assert_eq!(
        alert.close(Outcome::Improved, None, who.clone(), Some(1), at(2)),
        refused
    );
    let tried = Id::parse("x").unwrap();
    assert_eq!(alert.intervene(tried, who, Some(1), at(2)), refused);
}

#[test]
fn news_that_overtook_each_other_are_all_counted_and_the_latest_is_the_last() {
    let mut alert = Alert::begin(&raised(Severity::Urgent)).unwrap();
    for when in [5, 3] {
        let again = alert
            .see_again(sighting(Severity::Notice), Consent::Covered, at(when))
            .unwrap();
        alert.apply(&again).unwrap();
    }
    let content = alert.content.unwrap();
    assert_eq!((content.last_seen, content.recurrences), (at(5), 2));
    assert_eq!(content.last.severity, Severity::Urgent);
}

#[test]
fn whoever_closes_it_has_taken_it_on_and_a_list_nobody_keeps_is_refused() {
    let mut alert = Alert::begin(&raised(Severity::Notice)).unwrap();
    for i in 0..=INTERVENTIONS_MOST {
        let tried = Id::parse(&format!("i{i}")).unwrap();
        let answer = alert.intervene(tried, name("teacher"), None, at(1));
        if i == INTERVENTIONS_MOST {
            assert_eq!(answer, Err(Refusal::TooManyInterventions));
        } else {
            alert.apply(&answer.unwrap().unwrap()).unwrap();
        }
    }
    let mut alert = Alert::begin(&raised(Severity::Notice)).unwrap();
    let event = alert
        .close(Outcome::FalseAlarm, None, name("teacher"), Some(1), at(2))
        .unwrap()
        .unwrap();
    alert.apply(&event).unwrap();
    assert_eq!(alert.content.unwrap().acknowledged, Some((name("teacher"), at(2))));
}

/// Histories are stored for years: what is written today must be read then, and read as the same. A form that changes
/// gets a line of its own here and keeps the old one.
#[test]
fn stored_events_are_read_as_they_were_written() {
    const STORED: [&str; 7] = [
        r#"{"raised":{"id":"a1","subject":{"student":"s-1","class":"c-1","kind":"missed_tasks","cause":"missed"},"sighting":{"severity":"attention","measure":5,"level":0.5,"estimate":{"probability":0.5,"low":0.25,"high":0.75,"log_odds":0.0,"base":-1.0,"contributions":[0.5,0.0,0.0,0.5,0.0,0.0]},"summary":"Of 6 tasks due, 5 were missed."},"at":"2026-11-22T00:00:00Z"}}"#,
        r#"{"seen_again":{"sighting":{"severity":"urgent","measure":6,"level":null,"estimate":null,"summary":"."},"at":"2026-11-23T00:00:00Z"}}"#,
        r#"{"passed_on":{"to":"educators","at":"2026-11-24T00:00:00Z"}}"#,
        r#"{"acknowledged":{"by":"t-1","at":"2026-11-24T01:00:00Z"}}"#,
        r#"{"intervention_began":{"intervention":"check-in","by":"t-1","at":"2026-11-24T02:00:00Z"}}"#,
        r#"{"closed":{"closing":{"outcome":"improved","level":0.625,"at":"2026-12-01T00:00:00Z"},"by":"t-1"}}"#,
        r#"{"removed":{"reason":"consent_withdrawn","at":"2026-12-02T00:00:00Z"}}"#,
    ];
    let events: Vec<Event> = STORED.iter().map(|line| serde_json::from_str(line).unwrap()).collect();
    for (line, event) in STORED.iter().zip(&events) {
        assert_eq!(&serde_json::to_string(event).unwrap(), line);
    }
    assert_eq!(Alert::rebuild(&events[..6]).unwrap().status(), Status::Closed);
    assert_eq!(Alert::rebuild(&events).unwrap().status(), Status::Removed);
}

#[test]
fn nothing_is_raised_or_grows_without_consent() {
    let id = Id::parse("a1").unwrap();
    let without = Alert::raise(id, subject(), sighting(Severity::Urgent), Consent::NotCovered, at(0));
    assert_eq!(without, Err(Refusal::NoConsent));
    let alert = Alert::begin(&raised(Severity::Notice)).unwrap();
    let again = alert.see_again(sighting(Severity::Urgent), Consent::NotCovered, at(1));
    assert_eq!(again, Err(Refusal::NoConsent));
    let further = alert.pass_on(Reach::Administrators, Consent::NotCovered, at(1));
    assert_eq!(further, Err(Refusal::NoConsent));
}

#[test]
fn a_removed_alert_knows_nothing_and_answers_as_if_it_were_none() {
    let mut alert = Alert::begin(&raised(Severity::Notice)).unwrap();
    let event = alert.remove(Reason::ConsentWithdrawn, at(1)).unwrap();
    alert.apply(&event).unwrap();
    let stored = serde_json::to_string(&alert).unwrap();
    assert!(!stored.contains("planted"), "{stored}");
    assert_eq!(alert.status(), Status::Removed);
    assert_eq!(alert.remove(Reason::Erased, at(2)), None);
    let who = name("teacher");
    assert_eq!(alert.acknowledge(who.clone(), None, at(2)), Err(Refusal::Removed));
    assert_eq!(
        alert.close(Outcome::Improved, None, who, None, at(2)),
        Err(Refusal::Removed)
    );
    let again = alert.see_again(sighting(Severity::Urgent), Consent::Covered, at(2));
    assert_eq!(again, Err(Refusal::Removed));
}

#[test]
fn no_name_and_no_sentence_is_printed() {
    let event = raised(Severity::Notice);
    let alert = Alert::begin(&event).unwrap();
    for printed in [format!("{event:?}"), format!("{alert:#?}")] {
        assert!(!printed.contains("planted"), "{printed}");
    }
}

#[test]
fn a_level_that_is_no_number_gets_in_nowhere() {
    let alert = Alert::begin(&raised(Severity::Notice)).unwrap();
    for level in [f64::NAN, f64::INFINITY, -0.1, 1.1] {
        let bad = Sighting {
            level: Some(level),
            ..sighting(Severity::Notice)
        };
        let id = Id::parse("a2").unwrap();
        let first = Alert::raise(id, subject(), bad.clone(), Consent::Covered, at(0));
        assert_eq!(first, Err(Refusal::Level));
        assert_eq!(alert.see_again(bad, Consent::Covered, at(0)), Err(Refusal::Level));
        let end = alert.close(Outcome::Improved, Some(level), name("t"), None, at(0));
        assert_eq!(end, Err(Refusal::Level));
    }
}

#[test]
fn what_is_no_history_is_an_error_with_its_place() {
    let first = raised(Severity::Notice);
    let who = name("teacher");
    let taken = Event::Acknowledged {
        by: who.clone(),
        at: at(1),
    };
    let gone = Event::Removed {
        reason: Reason::Expired,
        at: at(1),
    };
    let passed = Event::PassedOn {
        to: Reach::Educators,
        at: at(1),
    };
    for (history, place) in [
        (vec![], 1),
        (vec![&taken], 1),
        (vec![&first, &first], 2),
        (vec![&first, &taken, &taken], 3),
        (vec![&first, &passed, &taken, &passed], 4),
        (vec![&first, &gone, &taken], 3),
    ] {
        assert_eq!(Alert::rebuild(history).unwrap_err().at, place);
    }
    assert!(Id::parse("").is_none() && Id::parse("a b").is_none() && Id::parse(&"x".repeat(65)).is_none());
    assert!(serde_json::from_str::<Id>("\"a/b\"").is_err());
}

/// Something that somebody wants of an alert.
#[derive(Clone, Debug)]
enum Wish {
    SeeAgain(Severity, bool),
    PassOn(Reach, bool),
    Acknowledge(u8),
    Intervene(u8),
    Close(Outcome),
    Remove,
}

fn wishes() -> impl Strategy<Value = Vec<Wish>> {
    let severity = prop::sample::select(vec![Severity::Notice, Severity::Attention, Severity::Urgent]);
    let reach = prop::sample::select(vec![Reach::Class, Reach::Educators, Reach::Administrators]);
    let outcome = prop::sample::select(vec![
        Outcome::Improved,
        Outcome::Unchanged,
        Outcome::Worsened,
        Outcome::FalseAlarm,
    ]);
    let wish = prop_oneof![
        8 => (severity, any::<bool>()).prop_map(|(severity, covered)| Wish::SeeAgain(severity, covered)),
        4 => (reach, any::<bool>()).prop_map(|(reach, covered)| Wish::PassOn(reach, covered)),
        4 => (0_u8..3).prop_map(Wish::Acknowledge),
        6 => (0_u8..20).prop_map(Wish::Intervene),
        2 => outcome.prop_map(Wish::Close),
        1 => Just(Wish::Remove),
    ];
    prop::collection::vec(wish, 0..60)
}

/// What follows from wishes, one after the other.
fn lived(wishes: &[Wish]) -> Vec<Event> {
    let consent = |covered: bool| if covered { Consent::Covered } else { Consent::NotCovered };
    let mut events = vec![raised(Severity::Notice)];
    let mut alert = Alert::begin(&events[0]).unwrap();
    for (i, wish) in wishes.iter().enumerate() {
        let now = at(i as i64 + 1);
        let who = |n: u8| name(&format!("t{n}"));
        let event = match wish {
            Wish::SeeAgain(severity, covered) => alert.see_again(sighting(*severity), consent(*covered), now).ok(),
            Wish::PassOn(reach, covered) => alert.pass_on(*reach, consent(*covered), now).ok().flatten(),
            Wish::Acknowledge(n) => alert.acknowledge(who(*n), None, now).ok().flatten(),
            Wish::Intervene(n) => {
                let tried = Id::parse(&format!("i{n}")).unwrap();
                alert.intervene(tried, who(0), None, now).ok().flatten()
            }
            Wish::Close(outcome) => alert.close(*outcome, Some(0.5), who(0), None, now).ok().flatten(),
            Wish::Remove => alert.remove(Reason::Erased, now),
        };
        if let Some(event) = event {
            alert.apply(&event).unwrap();
            events.push(event);
        }
    }
    events
}

proptest! {
    #[test]
    fn rebuilding_is_the_same_as_living_through_it(wishes in wishes(), cut in any::<prop::sample::Index>()) {
        let events = lived(&wishes);
        let whole = Alert::rebuild(&events).unwrap();
        prop_assert_eq!(whole.version, events.len() as u64);
        // A snapshot anywhere, stored and read, and the rest after it.
        let cut = 1 + cut.index(events.len());
        let snapshot = serde_json::to_string(&Alert::rebuild(&events[..cut]).unwrap()).unwrap();
        let mut resumed: Alert = serde_json::from_str(&snapshot).unwrap();
        for event in &events[cut..] {
            let stored = serde_json::to_string(event).unwrap();
            resumed.apply(&serde_json::from_str(&stored).unwrap()).unwrap();
        }
        prop_assert_eq!(resumed, whole);
    }

    #[test]
    fn severity_status_and_reach_only_go_forward(wishes in wishes()) {
        let events = lived(&wishes);
        let mut alert = Alert::begin(&events[0]).unwrap();
        for event in &events[1..] {
            let before = alert.clone();
            alert.apply(event).unwrap();
            prop_assert!(alert.status() >= before.status());
            prop_assert_eq!(alert.version, before.version + 1);
            if let (Some(then), Some(now)) = (&before.content, &alert.content) {
                prop_assert!(now.last.severity >= then.last.severity);
                prop_assert!(now.reach >= then.reach && now.last_seen >= then.last_seen);
                prop_assert!(now.trials.len() <= INTERVENTIONS_MOST);
                prop_assert_eq!(&now.first, &then.first);
                if then.acknowledged.is_some() {
                    prop_assert_eq!(&now.acknowledged, &then.acknowledged);
                    prop_assert_eq!(now.reach, then.reach);
                }
            }
        }
    }

    /// Any events in any order: an error or a state, never a panic, and an error changes nothing.
    #[test]
    fn events_in_any_order_are_applied_or_refused(
        events in prop::collection::vec(any::<prop::sample::Index>(), 1..30),
        wishes in wishes(),
    ) {
        let pool = lived(&wishes);
        let mut alert = Alert::begin(&pool[0]).unwrap();
        for pick in events {
            let before = alert.clone();
            if alert.apply(pick.get(&pool)).is_err() {
                prop_assert_eq!(&before, &alert);
            }
        }
    }
}
