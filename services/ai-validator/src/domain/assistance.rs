//! Whether an AI's reply keeps to its educational bounds.
//!
//! What: seven rules, each with the place that breaks it, its weight and how sure that is. A good reply asks before it
//! tells, names where to look instead of what to write, speaks of this stage's work, and leaves every sentence that
//! could be handed in to the student. Why rules and not another model: a reply that was held back has to be explained.
//!
//! 1. [`telling`] looks at each sentence: does it dictate, rewrite, answer, judge the person, leave the stage?
//! 2. [`submittable`] looks for text that could be handed in: passages, quotations that are nobody's, code.
//! 3. A reply without a question breaks a rule by what is missing.
//!
//! When not: this does not tell whether a reply is *true*. Source: van de Pol, Volman & Beishuizen 2010 (contingency,
//! fading, transfer of responsibility); Hattie & Timperley 2007 (feedback on the task, not the self).

mod phrasebook;
mod submittable;
mod telling;

use std::collections::HashSet;

use lyceum_prose::{Prose, Span, stem};

use super::Stage;

/// A bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rule {
    /// Tells without asking anything.
    AsksBeforeTelling,
    /// Contains text that could be handed in.
    NoSubmittableText,
    /// Says what to write instead of where to look.
    NoDictation,
    /// Rewrites the student's own sentence.
    NoRewriting,
    /// Answers the assignment's question.
    NoAnswer,
    /// Speaks of what is not this stage's work.
    FitsStage,
    /// Praises or judges the person rather than the work.
    JudgesWorkNotPerson,
}

impl Rule {
    /// Every rule, in the contract's order.
    pub const ALL: [Self; 7] = [
        Self::AsksBeforeTelling,
        Self::NoSubmittableText,
        Self::NoDictation,
        Self::NoRewriting,
        Self::NoAnswer,
        Self::FitsStage,
        Self::JudgesWorkNotPerson,
    ];

    fn explanation(self) -> &'static str {
        match self {
            Self::AsksBeforeTelling => "The reply tells without asking. A question would let the student think first.",
            Self::NoSubmittableText => "This could be handed in as it stands. The words have to be the student's own.",
            Self::NoDictation => "This says what to write. Where to look would leave the writing to the student.",
            Self::NoRewriting => {
                "This rewrites the student's sentence. Naming what is unclear in it would let them do it."
            }
            Self::NoAnswer => "This answers the assignment. A question could lead the student to the answer.",
            Self::FitsStage => "This belongs to another stage of the work and may distract from this one.",
            Self::JudgesWorkNotPerson => {
                "This speaks of the person. Saying what works in the text, and why, helps more."
            }
        }
    }
}

/// How much a breach weighs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Worth improving; the reply may be shown.
    Advice,
    /// The reply must not be shown as it is.
    Breach,
}

/// One bound broken.
#[derive(Clone, Debug, PartialEq)]
pub struct Breach {
    /// Which.
    pub rule: Rule,
    /// How much it weighs.
    pub severity: Severity,
    /// The place in the reply; empty for something that is missing.
    pub span: Span,
    /// Why. Quotes nothing.
    pub explanation: &'static str,
    /// 0 to 1.
    pub confidence: f64,
}

/// What was found.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// Whether nothing of weight was found.
    pub within_bounds: bool,
    /// Every breach, by where it starts.
    pub breaches: Vec<Breach>,
    /// Share of the sentences that ask.
    pub asking_share: f64,
    /// Share of the reply that could be handed in.
    pub submittable_share: f64,
}

/// Sentences of fewer words than this tell nothing.
const GREETING: usize = 6;

/// What the rules look at.
struct Case<'c, 't> {
    reply: &'c Prose<'t>,
    assignment: &'c Prose<'t>,
    /// Content stems of the assignment.
    topic: HashSet<String>,
    /// Content stems of each of the student's sentences.
    student: Vec<HashSet<String>>,
    /// Rows of four words that stand in the student's text or the assignment.
    known: HashSet<Vec<String>>,
    stage: Stage,
}

/// Checks a reply.
#[must_use]
pub fn validate(reply: &Prose<'_>, assignment: &Prose<'_>, student: &Prose<'_>, stage: Stage) -> Verdict {
    let case = Case {
        topic: stems(assignment, 0..assignment.words.len())
            .into_iter()
            .filter(|stem| !phrasebook::TASK_WORDS.contains(&stem.as_str()))
            .collect(),
        student: student
            .sentences
            .iter()
            .map(|sentence| stems(student, sentence.words.clone()))
            .collect(),
        known: rows(student).chain(rows(assignment)).collect(),
        reply,
        assignment,
        stage,
    };
    let handed_in = submittable::passages(&case);
    let mut breaches: Vec<Breach> = handed_in
        .iter()
        .map(|(span, confidence)| breach(Rule::NoSubmittableText, Severity::Breach, *span, *confidence))
        .collect();
    breaches.extend(telling::breaches(&case, &handed_in));
    breaches.extend(asks(&case));
    breaches.sort_by_key(|breach| (breach.span, breach.rule));
    let asking = reply
        .sentences
        .iter()
        .filter(|sentence| is_question(reply.sentence_text(sentence)))
        .count();
    let words_in = |span: &Span| reply.words.iter().filter(|word| word.span.overlaps(*span)).count();
    Verdict {
        within_bounds: breaches.iter().all(|breach| breach.severity < Severity::Breach),
        breaches,
        asking_share: share(asking, reply.sentences.len()),
        submittable_share: share(
            handed_in.iter().map(|(span, _)| words_in(span)).sum(),
            reply.words.len(),
        ),
    }
}

fn breach(rule: Rule, severity: Severity, span: Span, confidence: f64) -> Breach {
    Breach {
        rule,
        severity,
        span,
        explanation: rule.explanation(),
        confidence,
    }
}

/// A reply that tells has to ask as well; one that asks only after telling much could ask earlier.
fn asks(case: &Case<'_, '_>) -> Option<Breach> {
    let sentences = &case.reply.sentences;
    let telling = |sentence: &&lyceum_prose::Sentence| {
        sentence.words.len() >= GREETING && !is_question(case.reply.sentence_text(sentence))
    };
    let first = sentences
        .iter()
        .position(|sentence| is_question(case.reply.sentence_text(sentence)));
    let before = sentences
        .iter()
        .take(first.unwrap_or(sentences.len()))
        .filter(telling)
        .count();
    let nowhere = Span { start: 0, end: 0 };
    match (first, before) {
        (None, 1..) => Some(breach(Rule::AsksBeforeTelling, Severity::Breach, nowhere, 0.9)),
        (Some(_), 5..) => Some(breach(Rule::AsksBeforeTelling, Severity::Advice, nowhere, 0.6)),
        _ => None,
    }
}

fn is_question(sentence: &str) -> bool {
    sentence
        .trim_end_matches(|mark: char| {
            mark.is_whitespace() || matches!(mark, '"' | '\u{201d}' | '\'' | '\u{2019}' | ')' | '*')
        })
        .ends_with('?')
}

/// The content stems of a range of words.
fn stems(prose: &Prose<'_>, words: std::ops::Range<usize>) -> HashSet<String> {
    let stem = |word: &lyceum_prose::Word<'_>| stem::content_stem(word.text).map(std::borrow::Cow::into_owned);
    prose.words[words].iter().filter_map(stem).collect()
}

/// Every row of four words, in lower case.
fn rows<'p>(prose: &'p Prose<'_>) -> impl Iterator<Item = Vec<String>> + 'p {
    prose.words.windows(4).map(row)
}

fn row(words: &[lyceum_prose::Word<'_>]) -> Vec<String> {
    words
        .iter()
        .map(|word| stem::lower_case(word.text).into_owned())
        .collect()
}

#[expect(clippy::cast_precision_loss, reason = "counts of words are far below 2^52")]
fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 {
        0.0
    } else {
        (part as f64 / whole as f64).min(1.0)
    }
}

#[cfg(test)]
mod tests;
