#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use jiff::SignedDuration;
use jiff::civil::Weekday::{Friday, Monday, Saturday, Sunday};
use proptest::prelude::*;

use super::*;

fn hours(start: u32, end: u32) -> Hours {
    Hours::try_new(Minute::try_new(start).unwrap(), Minute::try_new(end).unwrap()).unwrap()
}

fn quiet(name: &str, start: u32, end: u32, days: &[Weekday]) -> Quiet {
    Quiet::try_new(zone(name).unwrap(), Some(hours(start, end)), days).unwrap()
}

/// A moment, as an RFC 3339 text.
fn moment(text: &str) -> Timestamp {
    text.parse().unwrap()
}

#[track_caller]
fn ends(quiet: &Quiet, now: &str, end: Option<&str>) {
    assert_eq!(quiet.until(moment(now)), end.map(moment), "at {now}");
}

#[test]
fn an_ordinary_night_ends_in_the_morning() {
    let night = quiet("Europe/Berlin", 22 * 60, 7 * 60, &[]);
    ends(&night, "2026-11-22T21:00:00Z", Some("2026-11-23T06:00:00Z"));
    ends(&night, "2026-11-23T05:59:59Z", Some("2026-11-23T06:00:00Z"));
    ends(&night, "2026-11-23T06:00:00Z", None);
    ends(&night, "2026-11-22T20:59:59Z", None);
    let noon = quiet("UTC", 12 * 60, 13 * 60, &[]);
    ends(&noon, "2026-11-22T12:30:00Z", Some("2026-11-22T13:00:00Z"));
}

#[test]
fn nights_in_which_clocks_change_end_when_the_wall_says_so() {
    let night = quiet("Europe/Berlin", 22 * 60, 7 * 60, &[]);
    // An hour shorter in spring, an hour longer in autumn.
    ends(&night, "2026-03-28T21:00:00Z", Some("2026-03-29T05:00:00Z"));
    ends(&night, "2026-10-24T20:00:00Z", Some("2026-10-25T06:00:00Z"));
}

#[test]
fn an_end_that_the_wall_jumps_over_is_the_jump() {
    // In Berlin there is no 02:30 on 29 March 2026: at 02:00, which is 01:00 UTC, it is 03:00.
    let night = quiet("Europe/Berlin", 22 * 60, 2 * 60 + 30, &[]);
    ends(&night, "2026-03-29T00:59:59Z", Some("2026-03-29T01:00:00Z"));
    ends(&night, "2026-03-29T01:00:00Z", None);
    // Hours that the jump swallows whole are none that day.
    let swallowed = quiet("Europe/Berlin", 2 * 60 + 10, 2 * 60 + 50, &[]);
    ends(&swallowed, "2026-03-29T01:00:00Z", None);
    ends(&swallowed, "2026-03-30T00:20:00Z", Some("2026-03-30T00:50:00Z"));
}

#[test]
fn an_end_that_the_wall_says_twice_is_the_first() {
    // In New York 01:30 comes twice on 1 November 2026: 05:30 and 06:30 UTC.
    let night = quiet("America/New_York", 22 * 60, 60 + 30, &[]);
    ends(&night, "2026-11-01T04:00:00Z", Some("2026-11-01T05:30:00Z"));
    ends(&night, "2026-11-01T06:10:00Z", None);
}

#[test]
fn days_that_clocks_begin_late_or_never_had_are_quiet_as_long_as_they_are() {
    // In Beirut 29 March 2026, a Sunday, begins at 01:00.
    let sunday = Quiet::try_new(zone("Asia/Beirut").unwrap(), None, &[Sunday]).unwrap();
    ends(&sunday, "2026-03-28T21:59:59Z", None);
    ends(&sunday, "2026-03-28T22:00:00Z", Some("2026-03-29T21:00:00Z"));
    // Samoa went from Thursday 29 to Saturday 31 December 2011.
    let friday = Quiet::try_new(zone("Pacific/Apia").unwrap(), None, &[Friday]).unwrap();
    ends(&friday, "2011-12-30T09:59:59Z", None);
    ends(&friday, "2011-12-30T10:00:00Z", None);
    let saturday = Quiet::try_new(zone("Pacific/Apia").unwrap(), None, &[Saturday]).unwrap();
    ends(&saturday, "2011-12-30T10:00:00Z", Some("2011-12-31T10:00:00Z"));
}

#[test]
fn a_quiet_weekend_and_its_nights_are_one() {
    let weekend = quiet("Europe/Berlin", 18 * 60, 8 * 60, &[Saturday, Sunday]);
    // Friday evening until Monday morning.
    ends(&weekend, "2026-11-20T17:00:00Z", Some("2026-11-23T07:00:00Z"));
    ends(&weekend, "2026-11-20T16:59:00Z", None);
}

#[test]
fn what_cannot_be_followed_is_refused() {
    assert_eq!(zone("Mars/Olympus"), Err(Error::Zone));
    assert_eq!(zone(&"a".repeat(65)), Err(Error::Zone));
    assert_eq!(zone("../etc/passwd"), Err(Error::Zone));
    assert_eq!(zone(""), Ok(TimeZone::UTC));
    assert_eq!(Minute::try_new(1440), Err(Error::Minute));
    let six = Minute::try_new(360).unwrap();
    assert_eq!(Hours::try_new(six, six), Err(Error::Endless));
    let week: Vec<Weekday> = (0..7).map(|n| Monday.wrapping_add(n)).collect();
    assert_eq!(Quiet::try_new(TimeZone::UTC, None, &week), Err(Error::EveryDay));
    assert!(Quiet::try_new(TimeZone::UTC, None, &week[..6]).is_ok());
}

#[test]
fn the_next_time_is_the_next_time_on_the_wall() {
    let berlin = Quiet::try_new(zone("Europe/Berlin").unwrap(), None, &[]).unwrap();
    let minute = |minute| Minute::try_new(minute).unwrap();
    let next = |at: u32, day, now: &str| berlin.next(minute(at), day, moment(now)).unwrap();
    assert_eq!(next(420, None, "2026-11-22T06:00:00Z"), moment("2026-11-23T06:00:00Z"));
    assert_eq!(next(420, None, "2026-11-22T05:59:00Z"), moment("2026-11-22T06:00:00Z"));
    assert_eq!(
        next(420, Some(Monday), "2026-11-23T06:00:00Z"),
        moment("2026-11-30T06:00:00Z")
    );
    assert_eq!(next(150, None, "2026-03-29T00:00:00Z"), moment("2026-03-29T01:00:00Z"));
}

fn any_quiet() -> impl Strategy<Value = Quiet> {
    let zones = prop::sample::select(vec![
        "Europe/Berlin",
        "America/New_York",
        "Australia/Lord_Howe",
        "Asia/Beirut",
        "Pacific/Apia",
        "America/Sao_Paulo",
        "Africa/Cairo",
        "Atlantic/Azores",
        "Asia/Kathmandu",
        "Africa/Casablanca",
        "America/St_Johns",
        "Antarctica/Troll",
        "UTC",
    ]);
    let part = prop::option::weighted(0.8, (0..MINUTES, 0..MINUTES));
    let days = prop::collection::vec(0_i32..7, 0..7);
    (zones, part, days).prop_filter_map("cannot be followed", |(name, part, days)| {
        let hours = match part {
            None => None,
            Some((start, end)) => Some(Hours::try_new(Minute(start), Minute(end)).ok()?),
        };
        let days: Vec<Weekday> = days.into_iter().map(|n| Monday.wrapping_add(n)).collect();
        Quiet::try_new(zone(name).unwrap(), hours, &days).ok()
    })
}

/// Seconds from 2010 to 2037, half of them within three days of a change of clocks.
fn any_moment() -> impl Strategy<Value = Timestamp> {
    let changes = prop::sample::select(vec![
        "2026-03-29T01:00:00Z",
        "2026-10-25T01:00:00Z",
        "2026-11-01T06:00:00Z",
        "2026-03-28T22:00:00Z",
        "2011-12-30T10:00:00Z",
        "2018-11-04T03:00:00Z",
        "2018-02-18T02:00:00Z",
        "2026-04-04T15:00:00Z",
        "2026-10-03T15:30:00Z",
        "2026-02-15T02:00:00Z",
    ]);
    prop_oneof![
        (1_262_304_000_i64..2_114_380_800).prop_map(|second| Timestamp::from_second(second).unwrap()),
        (changes, -259_200_i64..259_200)
            .prop_map(|(change, off)| { moment(change).checked_add(SignedDuration::from_secs(off)).unwrap() }),
    ]
}

/// Whether the wall says that it is quiet, told in another way: by the wall's own time alone. It is exact wherever the
/// wall says each time once.
fn wall_says(quiet: &Quiet, now: Timestamp) -> bool {
    let wall = quiet.zone.to_datetime(now);
    if quiet.days[place(wall.weekday())] {
        return true;
    }
    let minute = wall.hour() as u32 * 60 + wall.minute() as u32;
    quiet.hours.is_some_and(|Hours { start, end }| {
        if start < end {
            (start.0..end.0).contains(&minute)
        } else {
            minute >= start.0 || minute < end.0
        }
    })
}

/// Whether clocks change within two days.
fn near_a_change(quiet: &Quiet, now: Timestamp) -> bool {
    let from = now.checked_sub(SignedDuration::from_hours(48)).unwrap();
    let until = now.checked_add(SignedDuration::from_hours(48)).unwrap();
    quiet
        .zone
        .following(from)
        .next()
        .is_some_and(|change| change.timestamp() < until)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn quiet_lasts_until_its_end_and_no_longer(quiet in any_quiet(), now in any_moment(), share in 0.0..1.0_f64) {
        if let Some(end) = quiet.until(now) {
            prop_assert!(end > now);
            prop_assert_eq!(quiet.until(end), None, "quiet is over at its end");
            // At most six whole days and a night on either side, each with its change of clocks.
            prop_assert!(end.duration_since(now) <= SignedDuration::from_hours(8 * 24 + 26));
            let within = SignedDuration::from_secs((end.duration_since(now).as_secs() as f64 * share) as i64);
            prop_assert_eq!(quiet.until(now.checked_add(within).unwrap()), Some(end), "quiet all the time until then");
        }
    }

    #[test]
    fn where_clocks_do_not_change_it_is_what_the_wall_says(quiet in any_quiet(), now in any_moment()) {
        if !near_a_change(&quiet, now) {
            prop_assert_eq!(quiet.until(now).is_some(), wall_says(&quiet, now));
        }
    }

    #[test]
    fn the_end_is_when_the_wall_says_so_or_jumps_over_it(quiet in any_quiet(), now in any_moment()) {
        let Some(end) = quiet.until(now) else { return Ok(()) };
        let wall = quiet.zone.to_datetime(end);
        let minute = wall.hour() as u32 * 60 + wall.minute() as u32;
        let at_the_hours_end = quiet.hours.is_some_and(|hours| hours.end.0 == minute);
        let jumped = quiet
            .zone
            .preceding(end.checked_add(SignedDuration::from_secs(1)).unwrap())
            .next()
            .is_some_and(|change| change.timestamp() == end);
        prop_assert!(at_the_hours_end || minute == 0 || jumped, "it ended at {wall}");
    }

    #[test]
    fn the_next_time_lies_ahead_within_its_rhythm(
        quiet in any_quiet(),
        minute in 0..MINUTES,
        weekday in prop::option::of(0_i32..7),
        now in any_moment(),
    ) {
        let weekday = weekday.map(|n| Monday.wrapping_add(n));
        let next = quiet.next(Minute(minute), weekday, now).unwrap();
        prop_assert!(next > now);
        let days = if weekday.is_some() { 7 } else { 1 };
        prop_assert!(next.duration_since(now) <= SignedDuration::from_hours(days * 24 + 26));
    }
}
