#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;

use super::*;
use crate::domain::alert::tests::{at, name};
use crate::domain::signals::{Error, Signals};

const DAY: i64 = 24 * 3600;

fn id(text: &str) -> Id {
    Id::parse(text).unwrap()
}

fn skill(revision: u64, level: f64, works: u32, latest: i64) -> Skill {
    Skill {
        revision,
        level,
        deviation: 0.1,
        growth: Some(0.03),
        works,
        latest: at(latest),
    }
}

fn task(class: &str, due: i64, handed_in: Option<i64>) -> Task {
    Task {
        revision: 1,
        class: name(class),
        due: at(due),
        handed_in: handed_in.map(at),
    }
}

#[test]
fn skills_are_averaged_by_their_works_and_time_passes_without_events() {
    let mut standing = Standing::default();
    assert_eq!(standing.profile(&name("7a"), at(0)), None);
    standing.skill(id("arguing"), skill(1, 0.8, 100, 0)).unwrap();
    standing.skill(id("structure"), skill(2, 0.2, 20, -3 * DAY)).unwrap();
    let profile = standing.profile(&name("7a"), at(0)).unwrap();
    assert!(
        (profile.level - 0.5).abs() < 1e-12,
        "a hundred works weigh as much as twenty"
    );
    assert!((profile.uncertainty - 0.1 / 2.0_f64.sqrt()).abs() < 1e-12);
    assert!((profile.slope - 0.007).abs() < 1e-12);
    assert_eq!((profile.works, profile.idle_days, profile.step), (120, 0, None));
    let later = standing.profile(&name("7a"), at(12 * DAY + 5)).unwrap();
    assert_eq!(later.idle_days, 12);
    // A clock that is behind makes no negative days.
    assert_eq!(standing.profile(&name("7a"), at(-9 * DAY)).unwrap().idle_days, 0);
}

#[test]
fn tasks_count_in_their_class_and_their_weeks_and_late_is_not_missed() {
    let mut standing = Standing::default();
    standing.skill(id("arguing"), skill(1, 0.5, 5, 0)).unwrap();
    for (task_name, own) in [
        ("done", task("7a", -DAY, Some(-2 * DAY))),
        ("late", task("7a", -3 * DAY, Some(-DAY))),
        ("missed", task("7a", -5 * DAY, None)),
        ("not-yet", task("7a", DAY, None)),
        ("old", task("7a", -28 * DAY, None)),
        ("elsewhere", task("8b", -DAY, None)),
    ] {
        standing.task(id(task_name), own);
    }
    let count = |class, now| {
        let profile = standing.profile(&name(class), at(now)).unwrap();
        (profile.due, profile.missed)
    };
    assert_eq!(count("7a", 0), (3, 1));
    assert_eq!(count("8b", 0), (1, 1));
    assert_eq!(count("9c", 0), (0, 0));
    // Two days ago the late one was missed.
    assert_eq!(count("7a", -2 * DAY), (3, 3));
}

#[test]
fn the_greatest_step_of_four_weeks_is_told() {
    let mut standing = Standing::default();
    standing.skill(id("a"), skill(1, 0.5, 5, 0)).unwrap();
    let change = |when, shift| Change {
        revision: 1,
        at: at(when),
        shift,
    };
    standing.change(id("a"), change(-3 * DAY, -0.1)).unwrap();
    standing.change(id("b"), change(-10 * DAY, -0.3)).unwrap();
    standing.change(id("c"), change(-28 * DAY, 0.9)).unwrap();
    standing.change(id("d"), change(DAY, 0.9)).unwrap();
    let step = standing.profile(&name("7a"), at(0)).unwrap().step.unwrap();
    assert_eq!((step.size, step.age_days), (-0.3, 10));
}

#[test]
fn the_latest_change_of_a_skill_stays_whenever_it_was_found() {
    let mut standing = Standing::default();
    standing.skill(id("a"), skill(1, 0.5, 5, 0)).unwrap();
    let change = |revision, when, shift| Change {
        revision,
        at: at(when),
        shift,
    };
    standing.change(id("a"), change(3, -DAY, -0.2)).unwrap();
    // Found later, of an earlier day; then the same day judged anew.
    standing.change(id("a"), change(4, -9 * DAY, -0.5)).unwrap();
    assert_eq!(standing.profile(&name("7a"), at(0)).unwrap().step.unwrap().size, -0.2);
    standing.change(id("a"), change(5, -DAY, -0.3)).unwrap();
    assert_eq!(standing.profile(&name("7a"), at(0)).unwrap().step.unwrap().size, -0.3);
}

#[test]
fn numbers_that_are_none_are_refused_and_change_nothing() {
    let mut standing = Standing::default();
    for bad in [f64::NAN, f64::INFINITY, -0.01, 1.01] {
        let level = Skill {
            level: bad,
            ..skill(1, 0.5, 5, 0)
        };
        assert_eq!(standing.skill(id("a"), level), Err(OutOfRange("level")));
        let deviation = Skill {
            deviation: bad,
            ..skill(1, 0.5, 5, 0)
        };
        assert_eq!(standing.skill(id("a"), deviation), Err(OutOfRange("deviation")));
    }
    for bad in [f64::NAN, -1.01, 1.01] {
        let growth = Skill {
            growth: Some(bad),
            ..skill(1, 0.5, 5, 0)
        };
        assert_eq!(standing.skill(id("a"), growth), Err(OutOfRange("growth")));
        let change = Change {
            revision: 1,
            at: at(0),
            shift: bad,
        };
        assert_eq!(standing.change(id("a"), change), Err(OutOfRange("shift")));
    }
    assert_eq!(standing, Standing::default());
}

#[test]
fn it_is_bounded_and_what_is_least_needed_goes() {
    let mut standing = Standing::default();
    for i in 0..SKILLS_MOST as i64 + 20 {
        standing.skill(id(&format!("s{i}")), skill(1, 0.5, 1, i)).unwrap();
        let change = Change {
            revision: 1,
            at: at(i),
            shift: 0.2,
        };
        standing.change(id(&format!("c{i}")), change).unwrap();
    }
    assert_eq!(
        (standing.skills.len(), standing.changes.len()),
        (SKILLS_MOST, SKILLS_MOST)
    );
    assert!(!standing.skills.contains_key(&id("s19")) && standing.skills.contains_key(&id("s20")));
    for i in 0..TASKS_MOST as i64 + 20 {
        standing.task(id(&format!("t{i}")), task("7a", i, None));
    }
    assert_eq!(standing.tasks.len(), TASKS_MOST);
    standing.task(id("next-year"), task("7a", 300 * DAY, None));
    assert_eq!(standing.tasks.len(), 1);
}

/// Something that came in.
#[derive(Clone, Debug)]
enum News {
    Skill(u8, Skill),
    Change(u8, Change),
    Task(u8, Task),
}

fn news() -> impl Strategy<Value = Vec<News>> {
    let when = -20 * DAY..20 * DAY;
    let skill = (
        0_u8..4,
        1_u64..50,
        0.0..=1.0_f64,
        0.0..=1.0_f64,
        prop::option::of(-1.0..=1.0_f64),
        0_u32..50,
        when.clone(),
    )
        .prop_map(|(name, revision, level, deviation, growth, works, latest)| {
            News::Skill(
                name,
                Skill {
                    revision,
                    level,
                    deviation,
                    growth,
                    works,
                    latest: at(latest),
                },
            )
        });
    let change = (0_u8..4, 1_u64..50, when.clone(), -1.0..=1.0_f64).prop_map(|(name, revision, when, shift)| {
        News::Change(
            name,
            Change {
                revision,
                at: at(when),
                shift,
            },
        )
    });
    let task = (0_u8..8, 1_u64..50, when.clone(), prop::option::of(when)).prop_map(|(n, revision, due, handed_in)| {
        let mut task = task("7a", due, handed_in);
        task.revision = revision;
        News::Task(n, task)
    });
    prop::collection::vec(prop_oneof![skill, change, task], 0..60).prop_map(|mut all| {
        // An event is told by its revision: the first of each.
        let mut known = std::collections::HashSet::new();
        all.retain(|news| {
            known.insert(match news {
                News::Skill(n, s) => (0, *n, s.revision),
                News::Change(n, c) => (1, *n, c.revision),
                News::Task(n, t) => (2, *n, t.revision),
            })
        });
        all
    })
}

fn take_in(standing: &mut Standing, news: &News) {
    match news.clone() {
        News::Skill(n, skill) => standing.skill(id(&format!("k{n}")), skill).unwrap(),
        News::Change(n, change) => standing.change(id(&format!("k{n}")), change).unwrap(),
        News::Task(n, task) => standing.task(id(&format!("t{n}")), task),
    }
}

proptest! {
    #[test]
    fn events_that_come_twice_and_in_any_order_make_the_same(
        (news, shuffled) in news().prop_flat_map(|news| {
            let twice: Vec<News> = news.iter().chain(&news).cloned().collect();
            (Just(news), Just(twice).prop_shuffle())
        }),
    ) {
        let (mut there, mut back) = (Standing::default(), Standing::default());
        news.iter().for_each(|news| take_in(&mut there, news));
        shuffled.iter().for_each(|news| take_in(&mut back, news));
        prop_assert_eq!(&there, &back);
        let stored = serde_json::to_string(&there).unwrap();
        prop_assert_eq!(there, serde_json::from_str::<Standing>(&stored).unwrap());
    }

    #[test]
    fn whatever_was_taken_in_makes_a_profile_that_can_be_read(news in news(), now in -90 * DAY..90 * DAY) {
        let mut standing = Standing::default();
        news.iter().for_each(|news| take_in(&mut standing, news));
        let Some(profile) = standing.profile(&name("7a"), at(now)) else { return Ok(()) };
        match Signals::try_new(profile) {
            Ok(_) => {}
            Err(error) => prop_assert!(error == Error::TooLittle && profile.works < 3),
        }
    }
}
