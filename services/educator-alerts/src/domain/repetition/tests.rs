#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::HashMap;

use proptest::prelude::*;

use super::*;
use crate::domain::alert::tests::{at, name, raised_at, sighting, subject};
use crate::domain::alert::{Event, Kind, Severity, Subject};
use crate::domain::consent::Consent;

const DAY: i64 = 24 * 3600;

fn closed(outcome: Outcome, when: i64) -> Alert {
    let mut alert = Alert::begin(&raised_at(subject(), 0)).unwrap();
    let event = alert.close(outcome, None, name("t"), None, at(when)).unwrap().unwrap();
    alert.apply(&event).unwrap();
    alert
}

#[test]
fn the_same_within_the_window_is_the_same_and_after_it_is_news() {
    let alert = Alert::begin(&raised_at(subject(), 0)).unwrap();
    assert!(repeats(&alert, at(0)) && repeats(&alert, at(14 * DAY - 1)));
    assert!(!repeats(&alert, at(14 * DAY)));
    // News that overtook each other.
    assert!(repeats(&alert, at(-DAY)));
}

#[test]
fn what_follows_a_result_is_news_and_a_false_alarm_holds_longer() {
    let improved = closed(Outcome::Improved, 2 * DAY);
    assert!(repeats(&improved, at(DAY)) && !repeats(&improved, at(3 * DAY)));
    let wrong = closed(Outcome::FalseAlarm, 2 * DAY);
    assert!(repeats(&wrong, at(27 * DAY)) && !repeats(&wrong, at(28 * DAY)));
    let mut gone = closed(Outcome::Improved, 2 * DAY);
    let event = gone
        .remove(crate::domain::alert::Reason::ConsentWithdrawn, at(DAY))
        .unwrap();
    gone.apply(&event).unwrap();
    assert!(!repeats(&gone, at(DAY)));
}

proptest! {
    /// Sightings of a few students in time: what a register of alerts makes of them.
    #[test]
    fn nothing_first_is_lost_and_nothing_is_told_twice_in_a_window(
        mut seen in prop::collection::vec((0_u8..3, 0_u8..2, 0_i64..90 * DAY), 1..200),
    ) {
        seen.sort_by_key(|(_, _, when)| *when);
        let mut latest: HashMap<Subject, Alert> = HashMap::new();
        let mut raised: HashMap<Subject, Vec<i64>> = HashMap::new();
        let mut sightings: HashMap<Subject, Vec<i64>> = HashMap::new();
        for (student, kind, when) in seen {
            let subject = Subject {
                student: name(&format!("s{student}")),
                kind: if kind == 0 { Kind::Idle } else { Kind::Drop },
                ..subject()
            };
            sightings.entry(subject.clone()).or_default().push(when);
            match latest.get_mut(&subject) {
                Some(alert) if repeats(alert, at(when)) => {
                    let again = alert.see_again(sighting(Severity::Notice), Consent::Covered, at(when)).unwrap();
                    alert.apply(&again).unwrap();
                }
                _ => {
                    let event: Event = raised_at(subject.clone(), when);
                    latest.insert(subject.clone(), Alert::begin(&event).unwrap());
                    raised.entry(subject).or_default().push(when);
                }
            }
        }
        for (subject, times) in sightings {
            let told = &raised[&subject];
            // The first is told, and so is the first after every window.
            prop_assert_eq!(told[0], times[0]);
            for pair in told.windows(2) {
                prop_assert!(pair[1] - pair[0] >= 14 * DAY);
                let next = times.iter().find(|time| **time >= pair[0] + 14 * DAY);
                prop_assert_eq!(next, Some(&pair[1]));
            }
            let last = told[told.len() - 1];
            prop_assert!(times.iter().all(|time| *time < last + 14 * DAY));
            // What was not told is counted.
            let counted = latest[&subject].content.as_ref().unwrap().recurrences as usize;
            prop_assert_eq!(counted, times.iter().filter(|time| **time >= last).count() - 1);
        }
    }
}
