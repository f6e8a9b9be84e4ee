//! Gaps in cohesion: neighbours that share no content word and no connective, and of which the later points to nothing.
//!
//! When not: a sentence that says "I" in a text told by "I" holds on to its teller; short sentences and dialogue are
//! left alone. Source: TAACO (Crossley, Kyle & McNamara 2016).

use lyceum_prose::Paragraph;

use super::{Finding, Wording, finding};
use crate::domain::{
    cohesion::Overlap,
    lexicon::{Role, Traits},
    reading::Reading,
};

/// Words that a sentence needs on both sides.
const LEAST: usize = 7;

/// Gaps inside a paragraph.
pub(super) fn between_sentences(reading: &Reading<'_>, paragraph: &Paragraph, found: &mut Vec<Finding>) {
    let sentences = &reading.prose.sentences;
    for at in paragraph.sentences.start + 1..paragraph.sentences.end {
        let (before, now) = (&sentences[at - 1], &sentences[at]);
        let long = before.words.len() >= LEAST && now.words.len() >= LEAST;
        let quoted = reading.prose.quoted(before.span) || reading.prose.quoted(now.span);
        if !long || quoted || linked(reading, now.words.clone()) || asks(reading, at - 1) {
            continue;
        }
        // A stem two sentences back holds the thread too.
        let from = paragraph.sentences.start.max(at.saturating_sub(3));
        let thread = sentences[from].words.start..now.words.start;
        if !shares(reading, thread, now.words.clone()) {
            found.push(finding(Wording::Gap(false), now.span, vec![before.span]));
        }
    }
}

/// Gaps between paragraphs, at the first sentence of the later.
pub(super) fn between_paragraphs(reading: &Reading<'_>, found: &mut Vec<Finding>) {
    let prose = &reading.prose;
    let words = |paragraph: &Paragraph| {
        prose.sentences[paragraph.sentences.start].words.start..prose.sentences[paragraph.sentences.end - 1].words.end
    };
    let overlaps: Vec<Option<f64>> = Overlap::default()
        .neighbours(reading, prose.paragraphs.iter().map(words))
        .collect();
    for (pair, overlap) in prose.paragraphs.windows(2).zip(overlaps) {
        let [before, now] = pair else { continue };
        let first = &prose.sentences[now.sentences.start];
        // Headings and single lines are no paragraphs to link.
        let long = words(before).len() >= 30 && words(now).len() >= 30;
        if long && overlap == Some(0.0) && !linked(reading, first.words.clone()) {
            found.push(finding(Wording::Gap(true), first.span, vec![before.span]));
        }
    }
}

fn linked(reading: &Reading<'_>, words: std::ops::Range<usize>) -> bool {
    let links = Traits::ADDITIVE
        | Traits::CAUSAL
        | Traits::CONTRASTIVE
        | Traits::TEMPORAL
        | Traits::POINTER
        | Traits::FIRST
        | Traits::SECOND
        | Traits::THIRD;
    words.clone().any(|word| reading.traits(word).any(links))
        || reading.cues[reading.cues.partition_point(|cue| cue.word < words.start)..]
            .iter()
            .take_while(|cue| cue.word < words.end)
            .any(|cue| {
                matches!(
                    cue.role,
                    Role::Like(_) | Role::Evidence | Role::Conclusion | Role::Claim
                )
            })
}

fn asks(reading: &Reading<'_>, sentence: usize) -> bool {
    reading
        .prose
        .sentence_text(&reading.prose.sentences[sentence])
        .ends_with('?')
}

fn shares(reading: &Reading<'_>, before: std::ops::Range<usize>, now: std::ops::Range<usize>) -> bool {
    let mut earlier: Vec<u32> = reading.stems(before).collect();
    earlier.sort_unstable();
    reading.stems(now).any(|stem| earlier.binary_search(&stem).is_ok())
}
