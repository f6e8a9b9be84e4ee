#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use jiff::SignedDuration;
use jiff::civil::Weekday;
use proptest::prelude::*;

use super::*;
use crate::domain::alert::Kind;
use crate::domain::alert::tests::{at, content, name};
use crate::domain::digest::{self, Digest};
use crate::domain::preferences::{Muted, Preferences, Thresholds};
use crate::domain::quiet::{Hours, Minute, Quiet, zone};

fn minute(minute: u32) -> Minute {
    Minute::try_new(minute).unwrap()
}

/// Quiet from 22 to 7, a digest at `at` for what is less severe than attention.
fn preferences(digest_at: Option<u32>) -> Preferences {
    let hours = Hours::try_new(minute(22 * 60), minute(7 * 60)).unwrap();
    Preferences {
        quiet: Quiet::try_new(zone("Europe/Berlin").unwrap(), Some(hours), &[]).unwrap(),
        digest: digest_at.map(|at| Digest {
            weekday: None,
            minute: minute(at),
            below: Severity::Attention,
        }),
        ..Preferences::default()
    }
}

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

const NIGHT: &str = "2026-11-22T23:00:00Z";
const MORNING: &str = "2026-11-23T06:00:00Z";
const DAY: &str = "2026-11-23T12:00:00Z";

#[test]
fn by_day_at_once_by_night_in_the_morning() {
    let preferences = preferences(None);
    let alert = content(Severity::Urgent);
    assert_eq!(deliver(&preferences, &alert, time(DAY)), Delivery::Now);
    assert_eq!(
        deliver(&preferences, &alert, time(NIGHT)),
        Delivery::AfterQuiet(time(MORNING))
    );
    let always = Preferences {
        urgent_always: true,
        ..preferences
    };
    assert_eq!(deliver(&always, &alert, time(NIGHT)), Delivery::Now);
    let lesser = content(Severity::Attention);
    assert_eq!(
        deliver(&always, &lesser, time(NIGHT)),
        Delivery::AfterQuiet(time(MORNING))
    );
}

#[test]
fn what_can_wait_waits_for_the_digest_and_a_digest_for_the_morning() {
    let notice = content(Severity::Notice);
    let noon = Delivery::Digest(time("2026-11-23T11:00:00Z"));
    assert_eq!(deliver(&preferences(Some(12 * 60)), &notice, time(NIGHT)), noon);
    let morning = Delivery::Digest(time(MORNING));
    assert_eq!(deliver(&preferences(Some(3 * 60)), &notice, time(NIGHT)), morning);
    let attention = content(Severity::Attention);
    assert_eq!(
        deliver(&preferences(Some(12 * 60)), &attention, time(DAY)),
        Delivery::Now
    );
}

#[test]
fn below_the_threshold_muted_or_taken_on_nobody_is_told() {
    let mut low = content(Severity::Notice);
    low.last.measure = Thresholds::RISK.usual - 1;
    assert_eq!(deliver(&Preferences::default(), &low, time(DAY)), Delivery::Silent);
    let mut praise = content(Severity::Notice);
    praise.subject.kind = Kind::Rise;
    let muted = Preferences {
        muted: Muted::try_new(vec![Kind::Rise]).unwrap(),
        ..Preferences::default()
    };
    assert_eq!(deliver(&muted, &praise, time(DAY)), Delivery::Silent);
    assert_eq!(deliver(&Preferences::default(), &praise, time(DAY)), Delivery::Now);
    let mut taken = content(Severity::Urgent);
    taken.acknowledged = Some((name("teacher"), at(1)));
    assert_eq!(deliver(&Preferences::default(), &taken, time(DAY)), Delivery::Silent);
}

#[test]
fn a_digest_holds_what_is_open_the_most_severe_first_then_the_oldest() {
    let mut alerts: Vec<Content> = (0..digest::MOST as i64 + 50)
        .map(|i| {
            let severity = if i % 3 == 0 {
                Severity::Attention
            } else {
                Severity::Notice
            };
            Content {
                raised: at(1000 - i),
                ..content(severity)
            }
        })
        .collect();
    alerts[0].acknowledged = Some((name("another"), at(1)));
    alerts[1].acknowledged = Some((name("teacher"), at(1)));
    let (told, total) = digest::compose(&alerts);
    assert_eq!((told.len(), total), (digest::MOST, alerts.len() - 2));
    assert!(told.is_sorted_by_key(|c| (std::cmp::Reverse(c.last.severity), c.raised)));
    assert_eq!(told[0].last.severity, Severity::Attention);
}

proptest! {
    /// Whatever somebody prefers: what is held back is told outside their quiet, ahead of now, and in bounded time.
    #[test]
    fn what_is_held_back_is_told_in_time_and_never_in_quiet(
        start in 0_u32..1440,
        end in 0_u32..1440,
        digest_at in 0_u32..1440,
        weekly in prop::option::of(0_i32..7),
        severity in prop::sample::select(vec![Severity::Notice, Severity::Attention, Severity::Urgent]),
        second in 1_700_000_000_i64..1_900_000_000,
    ) {
        prop_assume!(start != end);
        let hours = Hours::try_new(minute(start), minute(end)).unwrap();
        let preferences = Preferences {
            quiet: Quiet::try_new(zone("America/New_York").unwrap(), Some(hours), &[Weekday::Sunday]).unwrap(),
            digest: Some(Digest {
                weekday: weekly.map(|n| Weekday::Monday.wrapping_add(n)),
                minute: minute(digest_at),
                below: Severity::Urgent,
            }),
            ..Preferences::default()
        };
        let now = Timestamp::from_second(second).unwrap();
        match deliver(&preferences, &content(severity), now) {
            Delivery::Now => prop_assert_eq!(preferences.quiet.until(now), None),
            Delivery::AfterQuiet(at) => prop_assert_eq!(preferences.quiet.until(now), Some(at)),
            Delivery::Digest(at) => {
                prop_assert!(severity < Severity::Urgent && at > now);
                prop_assert_eq!(preferences.quiet.until(at), None);
                prop_assert!(at.duration_since(now) < SignedDuration::from_hours(11 * 24));
            }
            Delivery::Silent => prop_assert!(false, "it is above the threshold"),
        }
    }
}
