//! How often each rule is right, on labelled sentences that it was not made on.
//!
//! `tests/data/labelled/*.tsv` hold sentences written and labelled by hand for this project. The half `dev` was looked
//! at while the rules were made; the half `held` is only measured, and its precision must reach the confidence that
//! the service tells (`Kind::confidence`). `cargo test --test precision -- --nocapture` prints the table.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

use lyceum_prose::Span;
use lyceum_writing_analysis::domain::{
    findings::{Finding, Kind},
    observing, person,
    reading::Reading,
    stance, structure, tense,
};

/// A text with the places that a rule should find.
struct Labelled {
    held: bool,
    text: String,
    places: Vec<Span>,
}

fn read(table: &str) -> Vec<Labelled> {
    let lines = table.lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (half, marked) = line.split_once('\t').unwrap();
            let (mut text, mut places, mut start, mut at) = (String::new(), Vec::new(), 0, 0);
            for character in marked.chars() {
                match character {
                    '[' => start = at,
                    ']' => places.push(Span::new(start, at)),
                    _ => {
                        text.push(character);
                        at += 1;
                    }
                }
            }
            Labelled {
                held: half == "held",
                text,
                places,
            }
        })
        .collect()
}

#[derive(Default)]
struct Score {
    right: u32,
    wrong: u32,
    missed: u32,
}

impl Score {
    fn precision(&self) -> f64 {
        f64::from(self.right) / f64::from((self.right + self.wrong).max(1))
    }

    fn recall(&self) -> f64 {
        f64::from(self.right) / f64::from((self.right + self.missed).max(1))
    }
}

/// Compares what a rule finds with the labels; prints both halves and returns the held-out one.
fn measure(name: &str, table: &str, rule: impl Fn(&str) -> Vec<Span>) -> Score {
    let mut halves = [Score::default(), Score::default()];
    for labelled in read(table) {
        let score = &mut halves[usize::from(labelled.held)];
        let found = rule(&labelled.text);
        for span in &found {
            if labelled.places.iter().any(|place| place.overlaps(*span)) {
                score.right += 1;
            } else {
                score.wrong += 1;
                if !labelled.held {
                    println!("  {name}: wrong in “{}”", labelled.text);
                }
            }
        }
        let missed = labelled
            .places
            .iter()
            .filter(|place| !found.iter().any(|span| place.overlaps(*span)))
            .count();
        score.missed += u32::try_from(missed).unwrap();
        if missed > 0 && !labelled.held {
            println!("  {name}: missed in “{}”", labelled.text);
        }
    }
    let [dev, held] = halves;
    for (half, score) in [("dev", &dev), ("held", &held)] {
        println!(
            "{name:<16} {half:<5} precision {:.2} recall {:.2} ({} right, {} wrong, {} missed)",
            score.precision(),
            score.recall(),
            score.right,
            score.wrong,
            score.missed
        );
    }
    held
}

fn of_kind(kind: Kind) -> impl Fn(&str) -> Vec<Span> {
    move |text| {
        let reading = Reading::new(text);
        let found = observing::of_text(&reading, &structure::parts(&reading));
        found
            .iter()
            .filter(|finding: &&Finding| finding.kind == kind)
            .map(|finding| finding.span)
            .collect()
    }
}

fn assert_as_told(kind: Kind, score: &Score, recall: f64) {
    let told = f64::from(kind.confidence()) - 1e-6;
    assert!(
        score.precision() >= told,
        "{kind:?}: {} is told, {} measured",
        told,
        score.precision()
    );
    assert!(score.recall() >= recall, "{kind:?}: recall {}", score.recall());
}

#[test]
fn passive_voice() {
    let score = measure(
        "passive",
        include_str!("data/labelled/passive.tsv"),
        of_kind(Kind::PassiveVoice),
    );
    assert_as_told(Kind::PassiveVoice, &score, 0.85);
}

#[test]
fn tense_shifts() {
    let score = measure(
        "tense shift",
        include_str!("data/labelled/tense.tsv"),
        of_kind(Kind::TenseShift),
    );
    assert_as_told(Kind::TenseShift, &score, 0.4);
}

#[test]
fn person_shifts() {
    let score = measure(
        "person shift",
        include_str!("data/labelled/person.tsv"),
        of_kind(Kind::PersonShift),
    );
    assert_as_told(Kind::PersonShift, &score, 0.5);
}

#[test]
fn nominalisations() {
    let score = measure(
        "nominalisation",
        include_str!("data/labelled/nominalisation.tsv"),
        of_kind(Kind::Nominalisation),
    );
    assert_as_told(Kind::Nominalisation, &score, 0.6);
}

/// A pile of hedges is right when the hedges in it are.
#[test]
fn hedges() {
    let score = measure("hedge", include_str!("data/labelled/hedges.tsv"), |text| {
        let reading = Reading::new(text);
        let sentences = &reading.prose.sentences;
        let found = sentences.iter().flat_map(|sentence| stance::hedges(&reading, sentence));
        found.map(|hedge| reading.span(hedge.first, hedge.last)).collect()
    });
    assert_as_told(Kind::HedgeCluster, &score, 0.7);
}

#[test]
fn unsupported_boosters() {
    let score = measure(
        "booster",
        include_str!("data/labelled/boosters.tsv"),
        of_kind(Kind::UnsupportedBooster),
    );
    assert_as_told(Kind::UnsupportedBooster, &score, 0.6);
}

#[test]
fn cohesion_gaps() {
    let score = measure(
        "cohesion gap",
        include_str!("data/labelled/gaps.tsv"),
        of_kind(Kind::CohesionGap),
    );
    assert_as_told(Kind::CohesionGap, &score, 0.6);
}

#[test]
fn near_repeats() {
    let score = measure(
        "near repeat",
        include_str!("data/labelled/near.tsv"),
        of_kind(Kind::NearRepeat),
    );
    assert_as_told(Kind::NearRepeat, &score, 0.6);
}

/// The labelled reflections: a finding is right in a text whose label is the lowest level.
#[test]
fn experiences_without_reflection() {
    let table = include_str!("../src/domain/reflection/labelled.tsv");
    let find = of_kind(Kind::ExperienceWithoutReflection);
    let mut score = Score::default();
    let held = table.lines().filter(|line| !line.starts_with('#')).skip(1).step_by(2);
    for (level, text) in held.filter_map(|line| line.split_once('\t')) {
        match (find(text).is_empty(), level) {
            (false, "habitual") => score.right += 1,
            (false, _) => score.wrong += 1,
            (true, "habitual") => score.missed += 1,
            (true, _) => {}
        }
    }
    println!(
        "experience       held  precision {:.2} recall {:.2} ({} right, {} wrong, {} missed)",
        score.precision(),
        score.recall(),
        score.right,
        score.wrong,
        score.missed
    );
    assert_as_told(Kind::ExperienceWithoutReflection, &score, 0.3);
}

/// Complete essays must not be asked for anything; the same essays without one element must be asked for it.
#[test]
fn missing_elements_and_unsupported_claims() {
    const FILLER: &str = "The building stands beside the old market. Its windows look out on a narrow street with trees on \
                          both sides. A bakery opens there every day, and its bread smells of honey and warm butter. Cats sleep on the wall \
                          in front of it. On market days, farmers bring apples, cheese and flowers from the hills, and a man \
                          with a red hat plays the accordion next to the fountain.";
    let (mut missing, mut claims) = (Score::default(), Score::default());
    let rows: Vec<Vec<&str>> = include_str!("data/labelled/structure.tsv")
        .lines()
        .filter(|line| line.starts_with("held"))
        .map(|line| line.split('\t').collect())
        .collect();
    let names: std::collections::BTreeSet<&str> = rows.iter().map(|row| row[1]).collect();
    for name in names.into_iter().filter(|name| *name != "summer") {
        for without in ["", "position", "evidence", "conclusion"] {
            let mut text = String::new();
            for row in rows.iter().filter(|row| row[1] == name && row[2] != without) {
                if row[3].is_empty() && !text.contains(FILLER) {
                    text.push_str(&format!("\n\n{FILLER}"));
                }
                text.push_str(if row[3].is_empty() { "\n\n" } else { row[3] });
                text.push(' ');
            }
            let reading = Reading::new(&text);
            let gaps = structure::gaps(&reading, &structure::parts(&reading));
            for element in &gaps.missing {
                let right = format!("{element:?}").to_lowercase() == without;
                *(if right { &mut missing.right } else { &mut missing.wrong }) += 1;
            }
            missing.missed += u32::from(!without.is_empty() && gaps.missing.is_empty());
            let labelled =
                u32::try_from(rows.iter().filter(|row| row[1] == name && row[2] == "claim").count()).unwrap();
            let unsupported = u32::try_from(gaps.unsupported.len()).unwrap();
            if without == "evidence" {
                claims.right += unsupported.min(labelled);
                claims.missed += labelled.saturating_sub(unsupported);
            } else {
                claims.wrong += unsupported;
            }
        }
    }
    for (name, score) in [("missing element", &missing), ("unsupported claim", &claims)] {
        println!(
            "{name:<16} held  precision {:.2} recall {:.2} ({} right, {} wrong, {} missed)",
            score.precision(),
            score.recall(),
            score.right,
            score.wrong,
            score.missed
        );
    }
    assert_as_told(Kind::MissingElement, &missing, 0.5);
    assert_as_told(Kind::ClaimWithoutEvidence, &claims, 0.5);
}

/// Each sentence of the labelled essays with the element that is found for it.
#[test]
fn structure_elements() {
    let table = include_str!("data/labelled/structure.tsv");
    let mut essays: Vec<(bool, String, String, Vec<String>)> = Vec::new();
    for line in table.lines().filter(|line| !line.starts_with('#')) {
        let fields: Vec<&str> = line.split('\t').collect();
        if essays.last().is_none_or(|essay| essay.1 != fields[1]) {
            essays.push((fields[0] == "held", fields[1].to_owned(), String::new(), Vec::new()));
        }
        let essay = essays.last_mut().unwrap();
        if fields[3].is_empty() {
            essay.2.push_str("\n\n");
        } else {
            essay.2.push_str(fields[3]);
            essay.2.push(' ');
            essay.3.push(fields[2].to_owned());
        }
    }
    let mut halves = [Score::default(), Score::default()];
    for (held, name, text, labels) in &essays {
        let reading = Reading::new(text);
        assert_eq!(reading.prose.sentences.len(), labels.len(), "{name}");
        let mut found = vec!["none".to_owned(); labels.len()];
        for part in structure::parts(&reading) {
            found[part.sentences.0..=part.sentences.1].fill(format!("{:?}", part.element).to_lowercase());
        }
        let score = &mut halves[usize::from(*held)];
        for (index, (label, found)) in labels.iter().zip(&found).enumerate() {
            match (label == found, found.as_str(), label.as_str()) {
                (true, "none", _) => {}
                (true, ..) => score.right += 1,
                (false, "none", _) => score.missed += 1,
                (false, _, label) => {
                    score.wrong += 1;
                    score.missed += u32::from(label != "none");
                }
            }
            if label != found && !held {
                println!("  structure: {name} {index}: {label} taken for {found}");
            }
        }
    }
    for (half, score) in ["dev", "held"].iter().zip(&halves) {
        println!(
            "structure        {half:<5} precision {:.2} recall {:.2} ({} right, {} wrong, {} missed)",
            score.precision(),
            score.recall(),
            score.right,
            score.wrong,
            score.missed
        );
    }
    assert!(halves[1].precision() >= 0.8 && halves[1].recall() >= 0.7);
}

/// The telling of whole texts: the main tense and person.
#[test]
fn main_tense_and_person() {
    let cases = [
        (
            "I walked home. I saw a bird. It sang a song and flew away.",
            tense::Tense::Past,
            person::Person::First,
        ),
        (
            "You take two eggs. You need some flour. Then it is ready, and you have a cake.",
            tense::Tense::Present,
            person::Person::Second,
        ),
        (
            "They will come tomorrow. She will sing. He is going to dance.",
            tense::Tense::Future,
            person::Person::Third,
        ),
    ];
    for (text, tense, person) in cases {
        let style = lyceum_writing_analysis::domain::style::Style::of(&Reading::new(text));
        assert_eq!(
            (style.main_tense, style.main_person),
            (Some(tense), Some(person)),
            "{text}"
        );
    }
}
