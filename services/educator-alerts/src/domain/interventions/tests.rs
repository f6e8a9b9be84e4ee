#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::HashSet;

use super::*;
use crate::domain::alert::tests::{at, content};
use crate::domain::alert::{Id, Trial};

#[test]
fn the_catalogue_is_complete_and_its_ids_are_ids() {
    let ids: HashSet<&str> = CATALOGUE.iter().map(|entry| entry.id).collect();
    assert_eq!(ids.len(), CATALOGUE.len());
    for entry in &CATALOGUE {
        assert!(Id::parse(entry.id).is_some() && entry.id.bytes().all(|b| b.is_ascii_lowercase() || b == b'-'));
        assert_eq!(find(entry.id), Some(entry));
        assert!(entry.minutes > 0 && !entry.kinds.is_empty());
        // A year stands in every source, and every text ends as a sentence.
        assert!(
            entry.source.contains("19") || entry.source.contains("20"),
            "{}",
            entry.id
        );
        let mut texts = vec![entry.description, entry.evidence, entry.caution];
        texts.extend(entry.kinds.iter().map(|(_, why)| *why));
        texts.extend(entry.causes.iter().map(|(_, why)| *why));
        for text in texts {
            assert!(text.ends_with('.') && !text.contains("  "), "{}: {text}", entry.id);
        }
    }
    assert_eq!(find("nothing"), None);
}

#[test]
fn every_alert_has_something_to_try_with_reasons_and_no_more_than_wanted() {
    for kind in Kind::ALL {
        for cause in Signal::ALL {
            let mut alert = content(Severity::Urgent);
            (alert.subject.kind, alert.subject.cause) = (kind, cause);
            let all = recommend(&alert, MOST);
            assert!(!all.is_empty(), "nothing for {kind:?}");
            assert!(all.iter().all(|r| !r.reasons.is_empty()));
            assert_eq!(recommend(&alert, 1), all[..1]);
            assert_eq!(recommend(&alert, 0).len(), 1);
            // What fits the cause comes before what fits the kind alone.
            let fits = |r: &Recommendation| r.intervention.causes.iter().any(|(c, _)| *c == cause);
            assert!(all.is_sorted_by_key(|r| !fits(r)), "{kind:?} {cause:?}");
        }
    }
}

#[test]
fn praise_is_for_a_rise_and_a_rise_is_for_praise() {
    let mut rise = content(Severity::Notice);
    (rise.subject.kind, rise.subject.cause) = (Kind::Rise, Signal::Step);
    let ids: Vec<&str> = recommend(&rise, MOST).iter().map(|r| r.intervention.id).collect();
    assert_eq!(ids, ["specific-praise"]);
    rise.subject.kind = Kind::Drop;
    assert!(
        recommend(&rise, MOST)
            .iter()
            .all(|r| r.intervention.id != "specific-praise")
    );
}

#[test]
fn what_was_begun_comes_last_and_says_so() {
    let mut alert = content(Severity::Attention);
    let first = recommend(&alert, MOST)[0].intervention.id;
    alert.trials.push(Trial {
        intervention: Id::parse(first).unwrap(),
        began: at(1),
    });
    let now = recommend(&alert, MOST);
    let last = now.last().unwrap();
    assert_eq!(last.intervention.id, first);
    assert!(last.reasons.iter().any(|why| why.contains("begun")));
    assert!(
        now[..now.len() - 1]
            .iter()
            .all(|r| !r.reasons.iter().any(|why| why.contains("begun")))
    );
}
