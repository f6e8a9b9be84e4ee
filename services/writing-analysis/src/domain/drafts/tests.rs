#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use lyceum_prose::Prose;
use proptest::prelude::*;

use super::*;

fn kinds(earlier: &str, later: &str) -> Vec<Kind> {
    let comparison = compare(&Prose::parse(earlier), &Prose::parse(later));
    comparison.changes.iter().map(|change| change.kind).collect()
}

#[test]
fn identical_drafts_are_kept() {
    let text = "Owls hunt at night. They hear well. They hear well.\nMice hide in the grass.";
    assert_eq!(kinds(text, text), [Kind::Kept; 4]);
}

#[test]
fn swapped_sentences_have_moved() {
    let found = kinds("Owls hunt at night. Mice hide.", "Mice hide. Owls hunt at night.");
    assert_eq!(found.iter().filter(|kind| **kind == Kind::Moved).count(), 1);
    assert_eq!(found.iter().filter(|kind| **kind == Kind::Kept).count(), 1);
}

#[test]
fn a_sentence_with_other_words_is_revised() {
    let comparison = compare(
        &Prose::parse("The factory polluted the river for many years."),
        &Prose::parse("For thirty years the factory polluted the river."),
    );
    assert_eq!(comparison.changes.len(), 1);
    let change = comparison.changes[0];
    assert_eq!(change.kind, Kind::Revised);
    assert!(change.similarity > 0.7 && change.similarity < 1.0);
    assert!(comparison.revised_share > 0.0 && comparison.revised_share < 0.3);
}

#[test]
fn function_words_alone_make_no_revision() {
    let found = kinds("It was in the garden of a king.", "It was on the back of a whale.");
    assert!(!found.contains(&Kind::Revised), "{found:?}");
}

#[test]
fn removed_sentences_stay_where_they_stood() {
    let found = kinds(
        "Rain fell. Dogs barked loudly. Nobody came.",
        "Rain fell. Nobody came. Morning broke over the hills.",
    );
    assert_eq!(found, [Kind::Kept, Kind::Removed, Kind::Kept, Kind::Added]);
}

#[test]
fn growth_says_what_changed() {
    let comparison = compare(
        &Prose::parse("Rain fell."),
        &Prose::parse("Rain fell. It fell all day long."),
    );
    let words = comparison.growth.iter().find(|growth| growth.name == "Words").unwrap();
    assert_eq!((words.earlier, words.later), (2.0, 7.0));
    assert_eq!(words.meaning, "The text has become longer.");
}

/// The work of pairing revised sentences between two drafts of so many.
fn work(sentences: usize, draft: impl Fn(usize, &str) -> String) -> usize {
    let text = |word: &str| -> String { (0..sentences).map(|at| draft(at, word)).collect() };
    let (before, after) = (text("end"), text("start"));
    let (before, after) = (Prose::parse(&before), Prose::parse(&after));
    let mut numbers = HashMap::new();
    let (before, after) = (Draft::new(&before, &mut numbers), Draft::new(&after, &mut numbers));
    assert_eq!((before.len(), after.len()), (sentences, sentences));
    let revised = revising::pairs(&before, &after, &[]);
    assert_eq!(revised.pairs.len(), sentences, "every sentence has its revision");
    revised.work
}

#[test]
fn the_work_grows_with_the_drafts_and_no_faster() {
    // Stems in as many sentences as are still looked up, others in all of them, and many to choose from.
    let crowded = |at: usize, word: &str| {
        format!(
            "The {word} of case w{} was seen with v{} by the same crowd. ",
            at / 24,
            at % 7
        )
    };
    // Nothing tells the sentences apart but their place.
    let alike = |_: usize, word: &str| format!("The {word} was seen by the same crowd. ");
    let (small, large) = (work(1000, crowded), work(4000, crowded));
    assert!(small > 24 * 1000, "every place of a rare stem is looked up: {small}");
    assert!(large * 10 <= small * 42, "four times the text: {small}, then {large}");
    let (small, large) = (work(1000, alike), work(4000, alike));
    assert!(large * 10 <= small * 42, "four times the text: {small}, then {large}");
}

#[test]
fn a_giant_sentence_is_not_walked_through_for_each_small_one() {
    let giant = "owls ".repeat(20_000);
    let small: String = (0..500).map(|at| format!("Owls saw n{at}. ")).collect();
    let (before, after) = (Prose::parse(&giant), Prose::parse(&small));
    let mut numbers = HashMap::new();
    let (before, after) = (Draft::new(&before, &mut numbers), Draft::new(&after, &mut numbers));
    let work = revising::pairs(&before, &after, &[]).work;
    assert!(work < 20_000, "{work}");
}

#[test]
fn rows_that_rise_are_longest() {
    assert_eq!(longest_rise(&[3, 0, 1, 2]), [false, true, true, true]);
    assert!(longest_rise(&[]).is_empty());
}

/// Drafts out of few words, so that sentences return, move and differ by little.
fn draft() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec!["owls", "hunt", "mice", "the", "by", "night", "grass", "é", "🦉"]);
    let sentence = prop::collection::vec(word, 1..6).prop_map(|words| format!("So {}. ", words.join(" ")));
    prop::collection::vec(prop_oneof![4 => sentence, 1 => Just("\n".to_owned())], 0..14)
        .prop_map(|parts| parts.concat())
}

proptest! {
    #[test]
    fn every_sentence_appears_once(earlier in draft(), later in draft()) {
        let (earlier, later) = (Prose::parse(&earlier), Prose::parse(&later));
        let comparison = compare(&earlier, &later);
        let mut before: Vec<Span> = comparison.changes.iter().filter_map(|change| change.earlier).collect();
        let after: Vec<Span> = comparison.changes.iter().filter_map(|change| change.later).collect();
        before.sort_unstable();
        prop_assert_eq!(before, earlier.sentences.iter().map(|sentence| sentence.span).collect::<Vec<_>>());
        prop_assert_eq!(after, later.sentences.iter().map(|sentence| sentence.span).collect::<Vec<_>>());
        prop_assert!((0.0..=1.0).contains(&comparison.revised_share));
        for change in &comparison.changes {
            prop_assert!((0.0..=1.0).contains(&change.similarity));
            match change.kind {
                Kind::Kept | Kind::Moved => {
                    prop_assert!(change.earlier.is_some() && change.later.is_some());
                    prop_assert_eq!(change.similarity, 1.0);
                }
                Kind::Revised => prop_assert!(change.earlier.is_some() && change.later.is_some()),
                Kind::Added => prop_assert!(change.earlier.is_none() && change.later.is_some()),
                Kind::Removed => prop_assert!(change.earlier.is_some() && change.later.is_none()),
            }
        }
    }

    #[test]
    fn equal_drafts_are_all_kept(text in draft()) {
        let prose = Prose::parse(&text);
        let comparison = compare(&prose, &prose);
        prop_assert!(comparison.changes.iter().all(|change| change.kind == Kind::Kept));
        prop_assert_eq!(comparison.revised_share, 0.0);
    }

    #[test]
    fn any_unicode_is_compared(earlier in "\\PC{0,80}", later in "\\PC{0,80}") {
        let (earlier, later) = (Prose::parse(&earlier), Prose::parse(&later));
        let comparison = compare(&earlier, &later);
        for change in &comparison.changes {
            prop_assert!(change.earlier.is_none_or(|span| span.start < span.end && span.end <= earlier.characters()));
            prop_assert!(change.later.is_none_or(|span| span.start < span.end && span.end <= later.characters()));
        }
    }
}
