#![allow(clippy::unwrap_used, reason = "a test may panic")]

use proptest::prelude::*;

use super::*;
use crate::domain::{findings::Kind, measures::Measures, structure};

fn analyze(text: &str) -> Vec<Finding> {
    let reading = Reading::new(text);
    let _ = Measures::of(&reading);
    of_text(&reading, &structure::parts(&reading))
}

fn kinds(text: &str) -> Vec<Kind> {
    analyze(text).iter().map(|finding| finding.kind).collect()
}

#[test]
fn each_rule_speaks() {
    let long = format!("{} end.", "word and more ".repeat(15));
    let gap = "Volcanoes melt deep rock under heavy pressure. Purple curtains decorate several expensive hotel rooms.";
    for (text, kind) in [
        (long.as_str(), Kind::LongSentence),
        ("Dogs bark. Dogs run. Dogs sleep.", Kind::SameOpening),
        (gap, Kind::CohesionGap),
        ("Perhaps it might possibly rain.", Kind::HedgeCluster),
        ("Clearly, dogs are best.", Kind::UnsupportedBooster),
        ("We made a decision.", Kind::Nominalisation),
    ] {
        assert!(kinds(text).contains(&kind), "{kind:?} in {:?}", kinds(text));
    }
    assert!(kinds("Dogs bark. Cats purr. Dogs sleep.").is_empty());
}

#[test]
fn an_argument_without_its_parts_is_asked_for_them() {
    let body = "Schools should start later. One reason is that pupils are tired in the morning and cannot follow. \
                Another reason is that breakfast tastes better when the sun is up and nobody has to run for the bus. ";
    let text = body.repeat(4);
    let found = analyze(&text);
    let missing: Vec<Span> = found
        .iter()
        .filter(|finding| finding.kind == Kind::MissingElement)
        .map(|finding| finding.span)
        .collect();
    assert!(
        missing.len() == 2 && missing.iter().all(|span| span.is_empty()),
        "{missing:?}"
    );
    assert!(found.iter().any(|finding| finding.kind == Kind::ClaimWithoutEvidence));
}

#[test]
fn a_finding_asks_and_never_rewrites() {
    let bank = include_str!("../../../tests/data/sentences.txt");
    let text: String = bank
        .lines()
        .filter_map(|line| line.split_once('\t'))
        .map(|(_, text)| format!("{text} "))
        .collect();
    let found = analyze(&text);
    assert!(found.len() > 10);
    for finding in found {
        assert!(finding.question.ends_with('?'), "{}", finding.question);
        assert!(finding.explanation.ends_with('.'), "{}", finding.explanation);
        // A quotation of the text is at most 60 characters.
        let quoted = finding
            .explanation
            .split('“')
            .skip(1)
            .filter_map(|rest| rest.split('”').next());
        assert!(quoted.into_iter().all(|quote| quote.chars().count() <= 60));
    }
}

fn check(text: &str) -> Result<(), TestCaseError> {
    let characters = u32::try_from(text.chars().count()).unwrap();
    let reading = Reading::new(text);
    let measures = Measures::of(&reading);
    prop_assert_eq!(measures.statistics.characters, characters);
    for value in [
        measures.statistics.sentence_length_mean,
        measures.diversity.mtld.unwrap_or(0.0),
        measures.cohesion.sentence_overlap,
        measures.style.passive_share,
    ] {
        prop_assert!(value.is_finite());
    }
    prop_assert!(
        measures
            .readability
            .iter()
            .all(|readability| readability.value.is_finite())
    );
    let found = analyze(text);
    let mut start = 0;
    for finding in &found {
        prop_assert!(finding.span.start >= start && finding.span.start <= finding.span.end);
        prop_assert!(finding.related.len() <= RELATED);
        prop_assert!(
            finding
                .related
                .iter()
                .chain([&finding.span])
                .all(|span| span.end <= characters)
        );
        start = finding.span.start;
    }
    prop_assert_eq!(&found, &analyze(text));
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn any_unicode_is_analysed(text in any::<String>()) {
        check(&text)?;
    }

    #[test]
    fn any_order_of_telling_words_is_analysed(words in proptest::collection::vec(0..TELLING.len(), 0..120)) {
        let text: String = words.iter().map(|word| format!("{} ", TELLING[*word])).collect();
        check(&text)?;
    }
}

/// Words and marks that rules react to.
const TELLING: &[&str] = &[
    "was",
    "been",
    "made",
    "a",
    "decision",
    "by",
    "I",
    "you",
    "one",
    "must",
    "clearly",
    "perhaps",
    "might",
    "the",
    "of",
    "course",
    "in",
    "conclusion",
    "for",
    "example",
    "however",
    "going",
    "to",
    "is",
    "runs",
    "used",
    "there",
    "got",
    "hit",
    ".",
    "?",
    "\n\n",
    "“",
    "”",
    "\"",
    "…",
    "(",
    ")",
    "%",
    "2019",
    "🎉",
    "שלום",
    "e\u{301}te",
    "carried",
    "out",
    "did",
    "not",
];

#[test]
fn extreme_texts_are_analysed_in_linear_time() {
    // Each would take minutes if any rule were quadratic.
    for text in [
        "a".repeat(1_000_000),
        "word ".repeat(100_001),
        "was it made by one who is going to be used ".repeat(10_000),
        "perhaps ".repeat(50_000),
        "is going to ".repeat(30_000),
        "In conclusion. ".repeat(30_000),
        "\"quoted words here\" ".repeat(30_000),
        "One reason is this. ".repeat(20_000),
        "The old dog sleeps in the warm sun every day. ".repeat(10_000),
        "?!… — 🎉 ".repeat(50_000),
        "שלום עולם ".repeat(50_000),
    ] {
        let found = analyze(&text);
        assert!(found.iter().all(|finding| finding.explanation.chars().count() < 400));
    }
}
