#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;

use super::*;
use crate::domain::alert::Alert;
use crate::domain::alert::tests::{at, content, name, raised_at, sighting, subject};
use crate::domain::consent::Consent;

const HOUR: i64 = 3600;

#[test]
fn the_more_urgent_the_sooner_and_what_can_wait_never() {
    for (severity, hour, reach) in [
        (Severity::Urgent, 23, None),
        (Severity::Urgent, 24, Some(Reach::Educators)),
        (Severity::Urgent, 72, Some(Reach::Administrators)),
        (Severity::Attention, 7 * 24 - 1, None),
        (Severity::Attention, 7 * 24, Some(Reach::Educators)),
        (Severity::Attention, 14 * 24, Some(Reach::Administrators)),
        (Severity::Notice, 100 * 24, None),
    ] {
        assert_eq!(
            due(&content(severity), at(hour * HOUR)),
            reach,
            "{severity:?} after {hour} h"
        );
    }
}

#[test]
fn whoever_took_it_on_ends_it() {
    let mut taken = content(Severity::Urgent);
    taken.acknowledged = Some((name("teacher"), at(1)));
    assert_eq!((due(&taken, at(100 * HOUR)), next(&taken)), (None, None));
}

proptest! {
    /// Looked at whenever `next` says so, or at any other times: each step comes once, in order, and never early.
    #[test]
    fn each_step_comes_once_and_in_order(
        grows in any::<bool>(),
        mut looks in prop::collection::vec(0_i64..20 * 24 * HOUR, 0..40),
    ) {
        looks.sort_unstable();
        let mut alert = Alert::begin(&raised_at(subject(), 0)).unwrap();
        if grows {
            let again = alert.see_again(sighting(Severity::Urgent), Consent::Covered, at(1)).unwrap();
            alert.apply(&again).unwrap();
        }
        let severity = alert.content.as_ref().unwrap().last.severity;
        let mut reached = vec![Reach::Class];
        for look in looks {
            let now = at(look);
            let content = alert.content.as_ref().unwrap();
            let (step, expected) = (due(content, now), next(content));
            prop_assert_eq!(step.is_some(), expected.is_some_and(|at| at <= now));
            if let Some(reach) = step {
                let event = alert.pass_on(reach, Consent::Covered, now).unwrap().unwrap();
                alert.apply(&event).unwrap();
                reached.push(reach);
            }
            prop_assert_eq!(due(alert.content.as_ref().unwrap(), now), None);
        }
        prop_assert!(reached.is_sorted() && reached.windows(2).all(|pair| pair[0] != pair[1]));
        prop_assert!(severity > Severity::Notice || reached.len() == 1);
    }
}
