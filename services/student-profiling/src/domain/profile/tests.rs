//! The laws of the aggregate and of its stored form.

use proptest::prelude::*;

use super::history::Stored;
use super::*;
use crate::domain::observation::{Raw, When};

fn observation(index: usize, skill: usize, at: i64, source: Source) -> Observation {
    Observation::try_from(Raw {
        id: format!("o{index}"),
        skill: format!("skill-{skill}"),
        value: (index % 11) as f64 / 10.0,
        weight: 0.7,
        at,
        source,
    })
    .expect("it is valid")
}

/// What somebody asks of a profile.
#[derive(Clone, Debug)]
enum Ask {
    Observe(Observation),
    Retract(usize, usize),
    Switch(Vec<Switch>),
}

fn asks(most: usize) -> impl Strategy<Value = Vec<Ask>> {
    let observe = (0_usize..30, 0_usize..4, 0_i64..1_000, 0_usize..6)
        .prop_map(|(index, skill, at, source)| Ask::Observe(observation(index, skill, at, Source::ALL[source])));
    let retract = (0_usize..30, 0_usize..4).prop_map(|(index, skill)| Ask::Retract(index, skill));
    let switch = (
        proptest::sample::subsequence(Use::all().collect::<Vec<_>>(), 0..=20),
        any::<bool>(),
    )
        .prop_map(|(uses, on)| Ask::Switch(uses.into_iter().map(|target| Switch { target, on }).collect()));
    proptest::collection::vec(prop_oneof![6 => observe, 1 => retract, 1 => switch], 0..=most)
}

/// Asks one after the other, as a service does: the events, and the profile that was kept along.
fn live(asks: &[Ask]) -> (Vec<Event>, Profile) {
    let (mut events, mut profile) = (Vec::new(), Profile::default());
    for ask in asks {
        let event = match ask {
            Ask::Observe(observation) => profile
                .observe(observation.clone())
                .expect("four skills are not too many"),
            Ask::Retract(index, skill) => profile.retract(
                &Skill::parse(format!("skill-{skill}")).expect("it is valid"),
                &ObservationId::parse(format!("o{index}")).expect("it is valid"),
            ),
            Ask::Switch(switches) => profile
                .switch(profile.controls_revision(), switches)
                .expect("the uses exist"),
        };
        if let Some(event) = event {
            profile.apply(&event);
            events.push(event);
        }
    }
    (events, profile)
}

fn numbered(events: &[Event]) -> impl Iterator<Item = (u64, &Event)> + Clone {
    (1..).zip(events)
}

proptest! {
    #[test]
    fn rebuilding_is_having_kept(asks in asks(60)) {
        let (events, kept) = live(&asks);
        let mut rebuilt = Profile::default();
        prop_assert_eq!(rebuilt.replay(numbered(&events)), Ok(()));
        prop_assert_eq!(rebuilt.revision(), events.len() as u64);
        prop_assert_eq!(rebuilt, kept);
    }

    #[test]
    fn a_snapshot_and_the_rest_are_the_whole(asks in asks(60), cut: prop::sample::Index) {
        let (events, kept) = live(&asks);
        let cut = cut.index(events.len() + 1);
        let mut early = Profile::default();
        early.replay(numbered(&events[..cut])).expect("no gap");
        let mut late = Stored::snapshot(&early).expect("it can be written").to_profile().expect("it was written here");
        prop_assert_eq!(&late, &early);
        // All of the events come again: those that the snapshot has are absorbed.
        prop_assert_eq!(late.replay(numbered(&events)), Ok(()));
        prop_assert_eq!(late, kept);
    }

    #[test]
    fn an_event_seen_twice_counts_once(asks in asks(40), again: prop::sample::Index) {
        let (events, kept) = live(&asks);
        prop_assume!(!events.is_empty());
        let again = again.index(events.len());
        let mut profile = Profile::default();
        let twice = numbered(&events).take(again + 1).chain(numbered(&events).skip(again));
        prop_assert_eq!(profile.replay(twice), Ok(()));
        prop_assert_eq!(profile, kept);
    }

    #[test]
    fn a_gap_is_refused_and_nothing_behind_it_applied(asks in asks(40), missing: prop::sample::Index) {
        let (events, _) = live(&asks);
        prop_assume!(events.len() > 1);
        let missing = missing.index(events.len() - 1) as u64 + 1;
        let mut profile = Profile::default();
        let holed = numbered(&events).filter(|(number, _)| *number != missing);
        prop_assert_eq!(profile.replay(holed), Err(Error::Gap { revision: missing - 1, found: missing + 1 }));
        prop_assert_eq!(profile.revision(), missing - 1);
    }

    /// Observations of different ids may come in any order, as from two sources, and as often as they like.
    #[test]
    fn the_order_of_observations_does_not_matter(asks in asks(40), seed: u64) {
        let mut rng = fastrand::Rng::with_seed(seed);
        let mut observed: Vec<Ask> = asks.into_iter().filter(|ask| matches!(ask, Ask::Observe(_))).collect();
        // One observation an id.
        let mut seen = std::collections::BTreeSet::new();
        observed.retain(|ask| matches!(ask, Ask::Observe(one) if seen.insert((one.skill().clone(), one.id().clone()))));
        let (_, forward) = live(&observed);
        let mut again = observed.clone();
        again.extend(observed);
        rng.shuffle(&mut again);
        let (_, shuffled) = live(&again);
        prop_assert_eq!(forward, shuffled);
    }

    /// What is switched off for everything is as if it had never come: its events may be deleted from the history.
    #[test]
    fn what_is_switched_off_leaves_no_trace(asks in asks(40), source in 0_usize..6) {
        let source = Source::ALL[source];
        let switches: Vec<Switch> =
            Use::all().filter(|target| target.source == source).map(|target| Switch { target, on: false }).collect();
        let mut all = asks;
        all.push(Ask::Switch(switches));
        let (events, profile) = live(&all);
        prop_assert!(profile.held().all(|one| one.source() != source));
        let mut without = Profile::default();
        for event in events.iter().filter(|event| !matches!(event, Event::Observed(one) if one.source() == source)) {
            without.apply(event);
        }
        prop_assert!(without.held().eq(profile.held()));
        for purpose in Purpose::ALL {
            prop_assert!(profile.usable(purpose, Consent::Research).observations.iter().all(|one| one.source() != source));
        }
    }

    #[test]
    fn what_is_held_is_used_or_told_to_be_left_out(asks in asks(40), purpose in 0_usize..6, consent in 0_usize..4) {
        let (_, profile) = live(&asks);
        let consent = [Consent::None, Consent::Processing, Consent::Learning, Consent::Research][consent];
        let usable = profile.usable(Purpose::ALL[purpose], consent);
        prop_assert_eq!(usable.observations.len() + usable.left_out.values().sum::<usize>(), profile.held().count());
        prop_assert!(consent >= Consent::Learning || usable.observations.is_empty());
    }

    #[test]
    fn events_survive_storage(asks in asks(30)) {
        for event in live(&asks).0 {
            prop_assert_eq!(Stored::event(&event).expect("it is short").to_event(), Ok(event));
        }
    }

    #[test]
    fn no_bytes_make_reading_panic(form in 0_u32..4, document in proptest::collection::vec(any::<u8>(), 0..200)) {
        let stored = Stored { form, document };
        prop_assert!(stored.to_event().is_err() && stored.to_profile().is_err());
    }
}

#[test]
fn an_event_of_the_first_form_is_lifted() {
    let stored = Stored {
        form: 1,
        document: br#"{"kind":"observed","id":"wa:1","skill":"cohesion","percent":62,"at":1700000000000}"#.to_vec(),
    };
    let Ok(Event::Observed(observation)) = stored.to_event() else {
        panic!("it is an observation");
    };
    assert_eq!((observation.value(), observation.weight()), (0.62, 1.0));
    assert_eq!(observation.source(), Source::Writing);
    let beyond = Stored {
        form: 1,
        document: br#"{"kind":"observed","id":"wa:1","skill":"cohesion","percent":101,"at":1}"#.to_vec(),
    };
    assert_eq!(beyond.to_event(), Err(history::Error::Damaged), "a lift skips no check");
}

#[test]
fn other_forms_are_refused_by_name() {
    let mut stored = Stored::snapshot(&Profile::default()).expect("it can be written");
    stored.form = 3;
    assert_eq!(stored.to_profile(), Err(history::Error::Newer(3)));
    assert_eq!(stored.to_event(), Err(history::Error::Newer(3)));
    stored.form = 1;
    assert_eq!(stored.to_profile(), Err(history::Error::Unread(1)));
    stored.form = 0;
    assert_eq!(stored.to_event(), Err(history::Error::Unread(0)));
}

#[test]
fn skills_and_observations_have_limits() {
    let mut profile = Profile::default();
    for skill in 0..MOST_SKILLS {
        profile.apply(&Event::Observed(observation(skill, skill, 5, Source::Writing)));
    }
    let one_more = observation(999, MOST_SKILLS, 5, Source::Writing);
    assert_eq!(profile.observe(one_more), Err(Error::TooManySkills));

    let mut full = Profile::default();
    for index in 0..MOST_OBSERVATIONS + 10 {
        full.apply(&Event::Observed(observation(
            index,
            0,
            100 + index as i64,
            Source::Writing,
        )));
    }
    assert_eq!(full.held().count(), MOST_OBSERVATIONS);
    assert_eq!(
        full.held().next().map(Observation::at),
        When::parse(110).ok(),
        "the newest stay"
    );
    assert_eq!(full.observe(observation(9_999, 0, 1, Source::Writing)), Ok(None));
}

#[test]
fn a_stale_switch_is_refused_with_the_current_revision() {
    let mut profile = Profile::default();
    let target = Use::all().next().expect("there are uses");
    let event = profile
        .switch(0, &[Switch { target, on: false }])
        .expect("it is current")
        .expect("it changes");
    profile.apply(&event);
    assert_eq!(profile.switch(0, &[]), Err(Error::Stale { current: 1 }));
    assert_eq!(
        profile.switch(1, &[Switch { target, on: false }]),
        Ok(None),
        "it is off already"
    );
}

#[test]
fn a_use_that_exists_no_more_takes_no_other_switch_with_it() {
    let gone = Use {
        purpose: Purpose::Alert,
        source: Source::Assistance,
    };
    let there = Use {
        purpose: Purpose::OwnProfile,
        source: Source::Writing,
    };
    let mut profile = Profile::default();
    profile.apply(&Event::Switched {
        switches: vec![
            Switch { target: gone, on: true },
            Switch {
                target: there,
                on: false,
            },
        ],
    });
    assert!(!profile.controls().on(there) && !profile.controls().on(gone));
    assert_eq!(profile.controls_revision(), 1);
}
