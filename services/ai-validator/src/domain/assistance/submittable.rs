//! Text in a reply that could be handed in.
//!
//! Three signs: a quotation of some length that is neither the student's nor the assignment's; a passage of full
//! sentences on the topic that speaks to nobody, above all after an offer ("here is a paragraph"); and program code
//! where the assignment asks for code. When not: a quoted question, or the student's own words quoted back.

use std::sync::LazyLock;

use lyceum_prose::phrases::Phrases;
use lyceum_prose::{Prose, Sentence, Span, stem};

use super::phrasebook::{self, Move};
use super::{Case, is_question, row, share, stems};

pub(super) static PHRASES: LazyLock<Phrases<Move>> =
    LazyLock::new(|| Phrases::new(phrasebook::TABLE, phrasebook::CLASSES));

/// Words from which a quotation is a sentence to hand in.
const QUOTATION: usize = 8;
/// Words from which a passage without an offer is one.
const PASSAGE: usize = 24;
/// The same after an offer.
const OFFERED: usize = 8;

/// Passages with how sure each is; in order, apart from each other.
pub(super) fn passages(case: &Case<'_, '_>) -> Vec<(Span, f64)> {
    let mut found: Vec<(Span, f64)> = Vec::new();
    for quotation in &case.reply.quotations {
        let words = words_in(case.reply, *quotation);
        if words.len() >= QUOTATION && !known(case, words.clone()) && !asks(case.reply, *quotation) {
            found.push((*quotation, 0.85));
        }
    }
    found.extend(code(case));
    let mut offered = false;
    for paragraph in &case.reply.paragraphs {
        let mut run: Option<(Span, usize, usize)> = None;
        for sentence in &case.reply.sentences[paragraph.sentences.clone()] {
            let moves: Vec<Move> = PHRASES
                .find(case.reply, sentence.words.clone())
                .iter()
                .map(|hit| hit.kind)
                .collect();
            let text = case.reply.sentence_text(sentence);
            let product = !addresses(case.reply, sentence.words.clone())
                && !is_question(text)
                && !moves
                    .iter()
                    .any(|made| matches!(made, Move::Offers | Move::Points | Move::PutsOff))
                && !known(case, sentence.words.clone())
                && case.reply.sentence_words(sentence).len() >= 4;
            if product {
                let (span, words, sentences) = run.unwrap_or((sentence.span, 0, 0));
                run = Some((span.to(sentence.span), words + sentence.words.len(), sentences + 1));
            } else {
                found.extend(closed(case, run.take(), offered));
            }
            if !product && !is_question(text) {
                // "Here is a paragraph: ..." begins it behind its own colon.
                offered |= moves.contains(&Move::Offers);
                run = behind_colon(case.reply, sentence);
            }
        }
        found.extend(closed(case, run, offered));
    }
    found.sort_by_key(|(span, _)| (span.start, std::cmp::Reverse(span.end)));
    let mut end = 0;
    found.retain(|(span, _)| {
        let apart = span.start >= end;
        end = end.max(span.end);
        apart
    });
    found
}

/// What a sentence says behind its first colon, as a run of one sentence.
fn behind_colon(prose: &Prose<'_>, sentence: &Sentence) -> Option<(Span, usize, usize)> {
    let colon = sentence.bytes.start + prose.sentence_text(sentence).find(':')?;
    let words = &prose.words[sentence.words.clone()];
    let rest = &words[words.partition_point(|word| word.byte < colon)..];
    let (first, last) = (rest.first()?, rest.last()?);
    Some((first.span.to(last.span), rest.len(), 1))
}

/// Whether a run of sentences is long enough, and on the topic.
fn closed(case: &Case<'_, '_>, run: Option<(Span, usize, usize)>, offered: bool) -> Option<(Span, f64)> {
    let (span, words, sentences) = run?;
    let on_topic = stems(case.reply, words_in(case.reply, span))
        .intersection(&case.topic)
        .next()
        .is_some();
    if offered && words >= OFFERED {
        return Some((span, 0.9));
    }
    (on_topic && words >= PASSAGE && sentences >= 2).then_some((span, 0.75))
}

/// Fenced code, where the assignment asks for a program.
fn code(case: &Case<'_, '_>) -> Option<(Span, f64)> {
    let wanted = case.assignment.words.iter().any(|word| {
        matches!(
            stem::lower_case(word.text).as_ref(),
            "program" | "code" | "function" | "script" | "implement" | "query" | "algorithm" | "class"
        )
    });
    let text = case.reply.text;
    let start = text.find("```").filter(|_| wanted)?;
    let end = text[start + 3..]
        .find("```")
        .map_or(text.len(), |length| start + 3 + length + 3);
    let scalars = |byte: usize| u32::try_from(text[..byte].chars().count()).unwrap_or(u32::MAX);
    (text[start..end].len() > 12).then(|| {
        (
            Span {
                start: scalars(start),
                end: scalars(end),
            },
            0.85,
        )
    })
}

/// The words inside a place.
pub(super) fn words_in(prose: &Prose<'_>, span: Span) -> std::ops::Range<usize> {
    let first = prose.words.partition_point(|word| word.span.end <= span.start);
    let last = prose.words.partition_point(|word| word.span.start < span.end);
    first..last.max(first)
}

/// Whether most of it stands in the student's text or the assignment.
pub(super) fn known(case: &Case<'_, '_>, words: std::ops::Range<usize>) -> bool {
    let rows: Vec<_> = case.reply.words[words].windows(4).map(row).collect();
    !rows.is_empty() && share(rows.iter().filter(|row| case.known.contains(*row)).count(), rows.len()) >= 0.5
}

/// Whether a sentence speaks to the student, or is the assistant speaking of itself.
pub(super) fn addresses(prose: &Prose<'_>, words: std::ops::Range<usize>) -> bool {
    let lower: Vec<_> = prose.words[words]
        .iter()
        .map(|word| stem::lower_case(word.text))
        .collect();
    let you = lower.iter().any(|word| {
        matches!(
            word.as_ref(),
            "you"
                | "your"
                | "yours"
                | "yourself"
                | "you're"
                | "you've"
                | "you'll"
                | "you'd"
                | "let's"
                | "i'm"
                | "i'd"
                | "i'll"
        )
    });
    let speaks = lower.windows(2).any(|pair| {
        pair[0] == "i"
            && matches!(
                pair[1].as_ref(),
                "notice"
                    | "see"
                    | "wonder"
                    | "can"
                    | "cannot"
                    | "can't"
                    | "won't"
                    | "like"
                    | "read"
                    | "would"
                    | "noticed"
                    | "hear"
                    | "suggest"
            )
    });
    you || speaks
}

fn asks(prose: &Prose<'_>, span: Span) -> bool {
    let words = words_in(prose, span);
    let end = prose
        .words
        .get(words.end.saturating_sub(1))
        .map_or(0, |word| word.byte + word.text.len());
    prose.text[end..].trim_start().starts_with('?')
}
