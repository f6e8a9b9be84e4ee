//! The parts of a task: each sentence, and within it each command or question of its own.
//!
//! "Define osmosis and design an experiment" asks for two things; "the causes and effects" for one. So a sentence is
//! cut before a verb that commands behind a conjunction or a mark, and at semicolons. When not: numbering such as
//! "(a)" needs no rule, since a mark stands before what follows it.

use std::ops::Range;

use lyceum_prose::{Prose, stem};

use super::verbs;

/// The parts as ranges of [`Prose::words`], in order, none empty.
pub(super) fn of(prose: &Prose<'_>) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    for sentence in &prose.sentences {
        let mut start = sentence.words.start;
        for at in sentence.words.clone().skip(1) {
            if cuts(prose, start, at) {
                parts.push(start..at);
                start = at;
            }
        }
        if start < sentence.words.end {
            parts.push(start..sentence.words.end);
        }
    }
    parts
}

/// Whether a new part begins at a word.
fn cuts(prose: &Prose<'_>, start: usize, at: usize) -> bool {
    let between = between(prose, at);
    if between.contains(';') {
        return true;
    }
    let before = stem::lower_case(prose.words[at - 1].text);
    let joined = matches!(before.as_ref(), "and" | "then") || between.contains([',', ':', ')', '\u{2022}']);
    // A part of one or two words ("Analyse and discuss ...") shares the object that follows.
    joined && at - start >= 3 && verbs::shares(&stem::lower_case(prose.words[at].text)).is_some() && !is_noun(prose, at)
}

/// Words such as "plan" and "design" are nouns when the sentence ends or goes on with a verb or "of" behind them.
fn is_noun(prose: &Prose<'_>, at: usize) -> bool {
    let Some(next) = prose.words.get(at + 1) else {
        return true;
    };
    matches!(
        stem::lower_case(next.text).as_ref(),
        "of" | "is" | "are" | "and" | "or" | "in" | "was" | "were"
    ) || self::between(prose, at + 1).contains(['.', '?', '!', ';', '\n'])
}

/// What stands between a word and the one before it.
fn between<'t>(prose: &Prose<'t>, at: usize) -> &'t str {
    let before = &prose.words[at - 1];
    &prose.text[before.byte + before.text.len()..prose.words[at].byte]
}

/// Whether a mark that can end a clause stands before a word.
pub(super) fn mark_before(prose: &Prose<'_>, at: usize) -> bool {
    at == 0
        || between(prose, at).contains([
            ',', ':', ';', '.', ')', '?', '!', '-', '\u{2013}', '\u{2014}', '\u{2022}',
        ])
}

/// Whether a part's sentence asks.
pub(super) fn ends_with_question(prose: &Prose<'_>, words: &Range<usize>) -> bool {
    let sentence = prose
        .sentences
        .partition_point(|sentence| sentence.words.end <= words.start);
    prose
        .sentences
        .get(sentence)
        .is_some_and(|sentence| prose.sentence_text(sentence).contains('?'))
}
