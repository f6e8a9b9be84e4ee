#![allow(clippy::unwrap_used, reason = "a test may panic")]

use std::collections::BTreeMap;

use lyceum::privacy::{Category, Purpose};
use proptest::prelude::*;

use super::erasure::{ATTEMPTS, Answer, Kept, Plan, State};
use super::export::{About, Collector, Error, Piece};
use super::*;
use crate::domain::Moment;

const ID: &str = "0f2c8f3e-request";
const NOW: Moment = Moment(1_000_000);

fn services(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn plan() -> Plan {
    Plan::try_new(
        ID,
        services(&["writing-analysis", "student-profiling", "educator-alerts"]),
        NOW,
    )
    .unwrap()
}

fn counts(records: u64) -> BTreeMap<Category, u64> {
    BTreeMap::from([(Category::Result, records)])
}

fn done(records: u64) -> Answer {
    Answer::Done {
        erased: counts(records),
        kept: Vec::new(),
    }
}

fn more(cursor: &[u8], records: u64) -> Answer {
    Answer::More {
        cursor: cursor.to_vec(),
        erased: counts(records),
    }
}

#[test]
fn one_id_asks_for_one_thing() {
    assert_eq!(admit(None, Kind::Export, "a"), Admission::New);
    assert_eq!(admit(Some((Kind::Export, "a")), Kind::Export, "a"), Admission::Same);
    assert_eq!(admit(Some((Kind::Export, "b")), Kind::Export, "a"), Admission::Taken);
    assert_eq!(admit(Some((Kind::Erasure, "a")), Kind::Export, "a"), Admission::Taken);
    assert!(is_request_id(ID) && is_request_id(&"a".repeat(64)));
    for wrong in ["", "short", &"a".repeat(65), "0f2c8f3e/request!", "../../../../../etc"] {
        assert!(!is_request_id(wrong), "{wrong}");
    }
}

#[test]
fn an_erasure_goes_on_where_it_stopped_and_ends_with_a_receipt() {
    let mut plan = plan();
    assert_eq!(plan.due(NOW).count(), 3);
    plan.answered("educator-alerts", done(0), NOW).unwrap();
    plan.answered("writing-analysis", more(b"p2", 500), NOW).unwrap();
    plan.answered("writing-analysis", Answer::Failed("UNAVAILABLE".to_owned()), NOW)
        .unwrap();
    let due: Vec<_> = plan
        .due(NOW)
        .map(|(name, cursor)| (name.to_owned(), cursor.to_vec()))
        .collect();
    assert_eq!(
        due,
        [("student-profiling".to_owned(), Vec::new())],
        "a pause after the failure"
    );
    // Stored, and the process ends.
    let mut plan = Plan::restore(ID, NOW, plan.services().clone()).unwrap();
    let later = Moment(NOW.0 + 1000);
    assert!(
        plan.due(later)
            .any(|(name, cursor)| name == "writing-analysis" && cursor == b"p2")
    );
    plan.answered("writing-analysis", done(742), later).unwrap();
    assert_eq!(plan.receipt(later, 30), None);
    let disclosures = Kept {
        category: Category::Activity,
        records: 3,
        because: "34 CFR 99.32(a)(2)".to_owned(),
        until: None,
    };
    let last = Answer::Done {
        erased: counts(10),
        kept: vec![disclosures.clone()],
    };
    plan.answered("student-profiling", last, later).unwrap();
    assert_eq!((plan.due(Moment(u64::MAX)).count(), plan.next()), (0, None));
    let receipt = plan.receipt(later, 30).unwrap();
    let told: Vec<_> = receipt
        .erased
        .iter()
        .map(|(service, erased)| (service.as_str(), erased.values().sum::<u64>()))
        .collect();
    assert_eq!(
        told,
        [
            ("educator-alerts", 0),
            ("student-profiling", 10),
            ("writing-analysis", 742)
        ]
    );
    assert_eq!(receipt.kept, [("student-profiling".to_owned(), disclosures)]);
    assert_eq!(receipt.backups_gone, later.plus_days(30));
    assert_eq!(receipt.digest(), plan.receipt(later, 30).unwrap().digest());
    // Finished is finished: an answer that comes twice changes nothing.
    assert!(plan.answered("writing-analysis", done(742), later).is_err());
    assert!(plan.answered("notifications", done(1), later).is_err());
}

#[test]
fn no_two_receipts_have_one_digest() {
    let mut plan = plan();
    for service in ["writing-analysis", "student-profiling", "educator-alerts"] {
        plan.answered(service, done(1), NOW).unwrap();
    }
    let receipt = plan.receipt(NOW, 30).unwrap();
    let mut others = vec![receipt.clone(); 6];
    others[0].request.push('x');
    others[1].completed.0 += 1;
    others[2].requested.0 += 1;
    others[3].erased[0].1.insert(Category::Work, 0);
    others[4].backups_gone.0 += 1;
    let kept = |because: &str, until| Kept {
        category: Category::Work,
        records: 1,
        because: because.to_owned(),
        until,
    };
    others[5].kept.push(("a".to_owned(), kept("law", None)));
    let mut more = others[5].clone();
    more.kept[0].1 = kept("law", Some(Moment(0)));
    others.push(more);
    let mut digests: Vec<_> = others.iter().map(|other| other.digest()).collect();
    digests.push(receipt.digest());
    digests.sort_unstable();
    digests.dedup();
    assert_eq!(digests.len(), 8);
}

#[test]
fn a_service_that_fails_too_often_or_stands_still_is_stuck_and_others_go_on() {
    for answer in [Answer::Failed("INTERNAL".to_owned()), more(b"", 1), more(&[0; 257], 1)] {
        let mut plan = plan();
        let mut now = NOW;
        let mut asked = 0;
        while let Some(next) = plan.next().filter(|_| asked < 100) {
            now = next;
            if plan.answered("student-profiling", answer.clone(), now).is_err() {
                break;
            }
            asked += 1;
        }
        assert_eq!(asked, ATTEMPTS, "{answer:?}");
        assert!(now.0 - NOW.0 < 3 * 3_600_000, "{now:?}");
        let stuck = &plan.services()["student-profiling"].state;
        assert!(matches!(stuck, State::Stuck { .. }), "{stuck:?}");
        plan.answered("educator-alerts", done(1), now).unwrap();
        plan.unstick("student-profiling", now).unwrap();
        assert!(plan.unstick("student-profiling", now).is_err());
        plan.answered("student-profiling", done(4), now).unwrap();
        plan.answered("writing-analysis", done(0), now).unwrap();
        assert!(plan.receipt(now, 30).is_some());
    }
    let mut plan = plan();
    plan.answered("student-profiling", more(b"x", 5), NOW).unwrap();
    // The same place and nothing erased since.
    plan.answered("student-profiling", more(b"x", 5), NOW).unwrap();
    assert_eq!(plan.services()["student-profiling"].failures, 1);
    plan.answered("student-profiling", more(b"x", 6), NOW).unwrap();
    assert_eq!(plan.services()["student-profiling"].failures, 0);
}

#[test]
fn plans_that_cannot_be_are_not_made() {
    let make = |id: &str, names: Vec<String>| Plan::try_new(id, names, NOW).unwrap_err();
    assert_eq!(make("short", services(&["a"])), erasure::Error::Id);
    assert_eq!(make(ID, Vec::new()), erasure::Error::Services);
    for name in ["", "Upper", "a/b", "..", &"a".repeat(65)] {
        assert_eq!(make(ID, services(&[name])), erasure::Error::Services, "{name}");
    }
    let many = (0..129).map(|number| format!("s{number}")).collect();
    assert_eq!(make(ID, many), erasure::Error::Services);
}

proptest! {
    #[test]
    fn answers_in_any_order_lost_or_twice_erase_everything_once(
        totals in prop::collection::vec(0u64..5000, 3), steps in prop::collection::vec((0usize..3, 0u8..4), 0..60),
    ) {
        const NAMES: [&str; 3] = ["educator-alerts", "student-profiling", "writing-analysis"];
        let mut plan = plan();
        let mut erased = [0u64; 3];
        let mut now = NOW;
        for (at, kind) in steps {
            now = Moment(now.0 + 5000);
            // Services work whether or not their answer arrives.
            erased[at] = totals[at].min(erased[at] + 700);
            let finished = erased[at] == totals[at];
            let answer = match kind {
                0 => continue,
                1 => Answer::Failed("UNAVAILABLE".to_owned()),
                _ if finished => done(totals[at]),
                _ => more(&erased[at].to_be_bytes(), erased[at]),
            };
            _ = plan.answered(NAMES[at], answer, now);
            plan = Plan::restore(ID, NOW, plan.services().clone()).unwrap();
        }
        for (at, name) in NAMES.iter().enumerate() {
            _ = plan.unstick(name, now);
            _ = plan.answered(name, done(totals[at]), now);
        }
        let receipt = plan.receipt(now, 1).unwrap();
        for (at, (_, counts)) in receipt.erased.iter().enumerate() {
            prop_assert_eq!(counts.values().sum::<u64>(), totals[at]);
        }
    }
}

fn about(file: &str) -> Option<About> {
    Some(About {
        file: file.to_owned(),
        category: Category::Result,
        purposes: vec![Purpose::Instruction, Purpose::Support],
        retention_days: 365,
    })
}

fn piece(bytes: &[u8], records: u64, span: Option<(u64, u64)>) -> Piece<'_> {
    Piece {
        records,
        bytes,
        span: span.map(|(from, to)| (Moment(from), Moment(to))),
    }
}

#[test]
fn a_package_is_complete_or_none_and_its_index_is_readable() {
    let mut package = Collector::try_new(services(&["writing-analysis", "educator-alerts"])).unwrap();
    let path = package
        .take(
            "writing-analysis",
            about("writings.jsonl"),
            piece(b"{}\n", 1, Some((50, 60))),
        )
        .unwrap();
    assert_eq!(path, "writing-analysis/writings.jsonl");
    package
        .take("writing-analysis", None, piece(b"{}\n", 1, Some((10, 20))))
        .unwrap();
    package
        .take("writing-analysis", about("drafts.jsonl"), piece(b"", 0, None))
        .unwrap();
    package.finish("writing-analysis").unwrap();
    assert_eq!(package.finish("educator-alerts"), Err(Error::Silent));
    assert_eq!(
        package.take("writing-analysis", about("more"), piece(b"", 0, None)),
        Err(Error::NotAsked)
    );
    package
        .take("educator-alerts", about("alerts.jsonl"), piece(b"", 0, None))
        .unwrap();
    package.finish("educator-alerts").unwrap();
    let index = package.index().unwrap();
    assert_eq!(index.records(), 2);
    let writings = &index.services["writing-analysis"][1];
    assert_eq!((writings.bytes, writings.span), (6, Some((Moment(10), Moment(60)))));
    let whole = ring::digest::digest(&ring::digest::SHA256, b"{}\n{}\n");
    assert_eq!(writings.digest, whole.as_ref());
    let text = index.readable(|moment| format!("day {}", moment.0));
    assert!(
        text.contains(
            "| writing-analysis/writings.jsonl | result | 2 | day 10, day 60 | instruction, support | 365 days |"
        ),
        "{text}"
    );
    assert!(text.contains("hold nothing: educator-alerts."), "{text}");
    assert!(!text.contains("drafts"), "{text}");
}

#[test]
fn what_no_service_may_send_is_refused_and_a_broken_stream_begins_anew() {
    let new = || Collector::try_new(services(&["a"])).unwrap();
    assert_eq!(new().take("a", None, piece(b"x", 0, None)), Err(Error::NoFile));
    assert_eq!(new().take("b", about("f"), piece(b"", 0, None)), Err(Error::NotAsked));
    for name in ["", "..", ".hidden", "a/b", "a\\b", "-rf", "naïve", &"a".repeat(65)] {
        assert_eq!(
            new().take("a", about(name), piece(b"", 0, None)),
            Err(Error::Name),
            "{name}"
        );
    }
    let large = vec![0; 64 * 1024 + 1];
    assert_eq!(new().take("a", about("f"), piece(&large, 0, None)), Err(Error::Large));
    let mut package = new();
    for number in 0..64 {
        package
            .take("a", about(&format!("f{number}")), piece(b"", 0, None))
            .unwrap();
    }
    assert_eq!(
        package.take("a", about("one-more"), piece(b"", 0, None)),
        Err(Error::Large)
    );
    let mut package = new();
    package.take("a", about("f"), piece(b"half", 0, None)).unwrap();
    package.take("a", about("g"), piece(b"", 0, None)).unwrap();
    assert_eq!(package.take("a", about("F"), piece(b"", 0, None)), Err(Error::Twice));
    assert!(matches!(
        Collector::try_new(services(&["a"])).unwrap().index(),
        Err(Error::Unfinished(names)) if names == ["a"]
    ));
    package.again("a").unwrap();
    package.take("a", about("f"), piece(b"whole", 1, None)).unwrap();
    package.finish("a").unwrap();
    let index = package.index().unwrap();
    assert_eq!(index.services["a"].len(), 1);
    assert_eq!(index.services["a"][0].bytes, 5);
    assert!(Collector::try_new(services(&["../a"])).is_err());
}
