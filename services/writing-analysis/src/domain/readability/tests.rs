#![allow(clippy::unwrap_used, reason = "a test may panic")]

use super::*;

/// 50 texts with the counts and values of `textstat` 0.7.13; `tests/data/readability.py` makes it.
const FIXTURE: &str = include_str!("../../../tests/data/readability.json");

/// The coefficient of letters in Coleman & Liau 1975 is 0.0588; `textstat` cuts it to 0.058.
const CUT: f64 = 0.0588 - 0.058;

fn fixture() -> Vec<(String, Counts, Vec<f64>)> {
    let rows: Vec<serde_json::Value> = serde_json::from_str(FIXTURE).unwrap();
    rows.iter()
        .map(|row| {
            let count = |name: &str| u32::try_from(row["counts"][name].as_u64().unwrap()).unwrap();
            let counts = Counts {
                words: count("words"),
                sentences: count("sentences"),
                syllables: count("syllables"),
                polysyllables: count("polysyllables"),
                complex: count("complex"),
                letters: count("letters"),
                characters: count("characters"),
                long_words: count("long_words"),
            };
            let values = row["values"]
                .as_array()
                .unwrap()
                .iter()
                .map(|value| value.as_f64().unwrap())
                .collect();
            (row["text"].as_str().unwrap().to_owned(), counts, values)
        })
        .collect()
}

fn apart(ours: f64, theirs: f64) -> f64 {
    (ours - theirs).abs() / theirs.abs().max(1.0)
}

#[test]
fn formulas_agree_with_the_oracle_on_its_counts() {
    let fixture = fixture();
    assert_eq!(fixture.len(), 50);
    for (_, counts, values) in &fixture {
        for (formula, theirs) in FORMULAS.iter().zip(values) {
            let mut ours = formula.value(counts);
            if *formula == Formula::ColemanLiau {
                ours -= CUT * 100.0 * f64::from(counts.letters) / f64::from(counts.words);
            }
            assert!(apart(ours, *theirs) < 0.02, "{formula:?}: {ours} and {theirs}");
        }
    }
}

/// Told, not judged: our counts are our own on purpose, and the module says why.
#[test]
fn our_counts_stay_near_the_oracles() {
    let (mut words, mut syllables) = (0.0_f64, 0.0_f64);
    for (text, theirs, _) in fixture() {
        let reading = Reading::new(&text);
        let ours = Counts::of(&reading, &Statistics::of(&reading));
        words = words.max(apart(ours.words.into(), theirs.words.into()));
        syllables = syllables.max(apart(ours.syllables.into(), theirs.syllables.into()));
    }
    println!(
        "furthest from textstat: words {:.2} %, syllables {:.2} %",
        100.0 * words,
        100.0 * syllables
    );
    assert!(words < 0.02 && syllables < 0.02, "{words} {syllables}");
}

#[test]
fn meanings_follow_the_bands() {
    assert!(Formula::FleschReadingEase.meaning(65.0).contains("plain"));
    assert!(Formula::Lix.meaning(25.0).contains("very easy"));
    assert_eq!(Formula::Ari.meaning(7.6), "about school grade 8");
    let short = Counts {
        words: 99,
        sentences: 40,
        ..Counts::default()
    };
    let long = Counts {
        words: 300,
        sentences: 29,
        ..Counts::default()
    };
    assert!(!Formula::Lix.reliable(&short) && Formula::Lix.reliable(&long) && !Formula::Smog.reliable(&long));
    assert_eq!(Formula::Lix.value(&Counts::default()), 0.0);
}
