#![allow(clippy::unwrap_used, reason = "a test may panic")]

use serde::Deserialize;

use super::*;

/// What each regulation alone says, a line a case: which rule speaks, what it demands, and in which article.
const CASES: &str = include_str!("cases.tsv");

struct Case {
    regulation: &'static str,
    purpose: Purpose,
    category: Category,
    age: u8,
    facts: Vec<Fact>,
    effect: Effect,
    rule: &'static str,
    article: &'static str,
}

fn cases() -> Vec<Case> {
    let lines = CASES.lines().filter(|line| !line.starts_with('#'));
    let case = |line: &'static str| {
        let fields: Vec<&str> = line.split('\t').collect();
        let [regulation, purpose, category, age, facts, effect, rule, article] = fields[..] else {
            panic!("a case has eight fields: {line}");
        };
        Case {
            regulation,
            purpose: purpose.parse().unwrap(),
            category: category.parse().unwrap(),
            age: age.parse().unwrap(),
            facts: match facts {
                "-" => Vec::new(),
                fact => vec![word(fact)],
            },
            effect: word(effect),
            rule,
            article,
        }
    };
    lines.map(case).collect()
}

/// A word as the files write it.
fn word<W: for<'de> Deserialize<'de>>(name: &str) -> W {
    W::deserialize(toml::Value::String(name.to_owned())).unwrap()
}

const AGREED: &[Fact] = &[Fact::Agreement];
const PUBLIC: &[Fact] = &[Fact::PublicAuthority];
const NOTHING: &[Fact] = &[];

use Effect::{Allowed, GuardianConsent, StudentConsent};

fn regulation(name: &str) -> &'static Regulation {
    all().iter().find(|regulation| regulation.name == name).unwrap()
}

#[test]
fn each_regulation_says_what_its_articles_say() {
    assert!(cases().len() > 40);
    for case in cases() {
        let school = School::try_new(&[case.regulation], case.facts, 16).unwrap();
        let rule = regulation(case.regulation).rule(&school, case.purpose, case.category, case.age);
        let found = rule.map(|rule| (rule.effect, rule.name.as_str(), rule.article.as_str()));
        let (purpose, category, age) = (case.purpose, case.category, case.age);
        assert_eq!(
            found,
            Some((case.effect, case.rule, case.article)),
            "{}: {purpose}, {category}, {age}",
            case.regulation
        );
    }
}

#[test]
fn no_rule_is_without_a_case_and_all_files_are_read() {
    assert_eq!(all().len(), 5);
    for regulation in all() {
        for rule in &regulation.rules {
            let tested = cases()
                .iter()
                .any(|case| case.regulation == regulation.name && case.rule == rule.name);
            assert!(tested, "{}/{} has no case", regulation.name, rule.name);
        }
    }
}

#[test]
fn coppa_is_silent_from_13_on_and_no_other_is_ever() {
    let school = School::try_new(&["ferpa", "gdpr", "coppa", "sopipa"], [], 13).unwrap();
    for regulation in all() {
        for (purpose, category) in uses() {
            for age in 0..=25 {
                let speaks = regulation.rule(&school, purpose, category, age).is_some();
                assert_eq!(speaks, regulation.name != "coppa" || age < 13, "{}", regulation.name);
            }
        }
    }
}

fn uses() -> impl Iterator<Item = (Purpose, Category)> {
    let with = |purpose: &'static Purpose| Category::ALL.iter().map(move |category| (*purpose, *category));
    Purpose::ALL.iter().flat_map(with)
}

#[test]
fn the_strictest_wins_and_every_other_is_heard() {
    let school = School::try_new(&["ferpa", "coppa", "sopipa"], [Fact::Agreement], 16).unwrap();
    let spoken = school.spoken(Purpose::Instruction, Category::Work, Some(12));
    let told: Vec<_> = spoken
        .iter()
        .map(|spoken| (spoken.regulation.name.as_str(), spoken.rule.effect))
        .collect();
    assert_eq!(
        told,
        [
            ("house", GuardianConsent),
            ("ferpa", Allowed),
            ("coppa", Allowed),
            ("sopipa", Allowed)
        ]
    );
    // With more regulations it never gets more lenient.
    let names = ["ferpa", "gdpr", "coppa", "sopipa"];
    for facts in [NOTHING, AGREED, PUBLIC] {
        for set in 0..16 {
            let chosen =
                |set: usize| -> Vec<&str> { (0..4).filter(|at| set & (1 << at) != 0).map(|at| names[at]).collect() };
            let fewer = School::try_new(&chosen(set), facts.iter().copied(), 14).unwrap();
            for added in 0..4 {
                let more = School::try_new(&chosen(set | 1 << added), facts.iter().copied(), 14).unwrap();
                for (purpose, category) in uses() {
                    for age in [None, Some(8), Some(13), Some(15), Some(18)] {
                        let strictest = |school: &School| school.spoken(purpose, category, age)[0].rule.effect;
                        assert!(strictest(&more) >= strictest(&fewer), "{purpose}, {category}, {age:?}");
                    }
                }
            }
        }
    }
}

#[test]
fn an_unknown_age_is_treated_as_the_strictest() {
    let school = School::try_new(&["ferpa", "gdpr", "coppa", "sopipa"], [Fact::Agreement], 16).unwrap();
    for (purpose, category) in uses() {
        let effect = |age| school.spoken(purpose, category, age)[0].rule.effect;
        for age in 0..=120 {
            assert!(effect(None) >= effect(Some(age)), "{purpose}, {category}, {age}");
        }
    }
    assert_eq!(
        school.spoken(Purpose::Support, Category::Profile, None)[0].rule.name,
        "consent-for-a-child"
    );
}

#[test]
fn the_age_of_digital_consent_is_the_countrys() {
    for (chosen, age, effect) in [
        (13, 13, StudentConsent),
        (14, 13, GuardianConsent),
        (16, 15, GuardianConsent),
    ] {
        let school = School::try_new(&["gdpr"], [], chosen).unwrap();
        let spoken = school.spoken(Purpose::Support, Category::Profile, Some(age));
        assert_eq!(spoken[0].rule.effect, effect, "{age} of {chosen}");
    }
    for age in [0, 12, 17] {
        assert_eq!(School::try_new(&["gdpr"], [], age).unwrap_err(), Error::Age);
    }
    assert_eq!(
        School::try_new(&["hipaa"], [], 16).unwrap_err(),
        Error::Unknown("hipaa".to_owned())
    );
}

#[test]
fn rules_that_contradict_themselves_are_not_read() {
    let file = |rule: &str| {
        format!(
            "name = \"x\"\ntitle = \"X\"\nsource = \"s\"\nas-read-on = \"2026-11-22\"\n[[rules]]\nname = \"a\"\narticle = \"1\"\nsays = \"…\"\n{rule}"
        )
    };
    let read = |rule: &str| Regulation::parse(&file(rule));
    assert!(read("effect = \"forbidden\"").is_ok());
    assert!(matches!(read("effect = \"allowed\""), Err(Error::Rule { .. })));
    assert!(matches!(
        read("effect = \"forbidden\"\nbasis = \"consent\""),
        Err(Error::Rule { .. })
    ));
    let twice =
        "effect = \"forbidden\"\n[[rules]]\nname = \"a\"\narticle = \"2\"\nsays = \"…\"\neffect = \"forbidden\"";
    assert!(matches!(read(twice), Err(Error::Rule { .. })));
    for wrong in [
        "effect = \"maybe\"",
        "",
        "effect = \"forbidden\"\npurposes = [\"teaching\"]",
        "effect = \"forbidden\"\ncategories = [\"blood\"]",
        "effect = \"forbidden\"\nage-below = \"grown\"",
        "effect = \"forbidden\"\nage-below = 300",
        "effect = \"forbidden\"\nunless = 1",
    ] {
        assert!(matches!(read(wrong), Err(Error::Form(_))), "{wrong}");
    }
}
