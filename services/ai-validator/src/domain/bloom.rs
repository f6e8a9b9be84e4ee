//! The level of thinking that a task asks for, by the revised taxonomy of Bloom.
//!
//! A verb alone seldom decides: "discuss what it means" and "discuss to what extent" are two levels apart. So a task
//! is taken apart and each part is judged by three kinds of evidence, the more telling over the less:
//!
//! 1. the verb with its object ([`objects`]) and the form of the question ([`questions`]);
//! 2. the verb by itself, where it commands ([`verbs`]);
//! 3. of several at one place, the longer row of words.
//!
//! A task of several parts has several levels; its own is the highest. When not: it reads the wording, not the
//! teacher's mind: a task whose answer was taught word for word is remembering, whatever it says.
//! Source: Anderson & Krathwohl 2001.

mod objects;
mod parts;
mod questions;
mod verbs;

use std::ops::Range;
use std::sync::LazyLock;

use lyceum_prose::phrases::{Hit, Phrases};
use lyceum_prose::{Prose, Span, stem};

/// The levels, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Retrieve from memory.
    Remember,
    /// Make meaning of it.
    Understand,
    /// Carry out a procedure.
    Apply,
    /// Take apart and relate the parts.
    Analyse,
    /// Judge by criteria.
    Evaluate,
    /// Put together something new.
    Create,
}

impl Level {
    /// Every level, in order.
    pub const ALL: [Self; 6] = [
        Self::Remember,
        Self::Understand,
        Self::Apply,
        Self::Analyse,
        Self::Evaluate,
        Self::Create,
    ];

    /// What it asks for, in plain words.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        match self {
            Self::Remember => "asks to bring back what was learnt",
            Self::Understand => "asks to make sense of it",
            Self::Apply => "asks to carry out a procedure",
            Self::Analyse => "asks to take it apart and see how the parts relate",
            Self::Evaluate => "asks for a judgement by criteria",
            Self::Create => "asks to put together something new",
        }
    }
}

/// What decided on a level.
#[derive(Clone, Debug, PartialEq)]
pub struct Evidence {
    /// The verb or the question form.
    pub verb: Span,
    /// What it acts on, where that was recognised.
    pub object: Option<Span>,
    /// The level it speaks for.
    pub level: Level,
    /// 0 to 1.
    pub weight: f64,
    /// Why, in plain words.
    pub reason: String,
}

/// The level of a part of a task.
#[derive(Clone, Debug, PartialEq)]
pub struct Part {
    /// The part.
    pub span: Span,
    /// Its level.
    pub level: Level,
    /// 0 to 1.
    pub confidence: f64,
    /// The next likely level.
    pub runner_up: Option<Level>,
    /// What decided, strongest first.
    pub evidence: Vec<Evidence>,
}

/// The level of a task.
#[derive(Clone, Debug, PartialEq)]
pub struct Classification {
    /// The highest level of any part; nothing when no part asks for anything.
    pub level: Option<Level>,
    /// How sure, 0 to 1.
    pub confidence: f64,
    /// Every part, in order.
    pub parts: Vec<Part>,
}

/// What kind of row was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Object,
    Question,
}

/// How strongly a verb with its object speaks.
const OBJECT: f64 = 0.95;
/// How strongly a question form speaks.
const QUESTION: f64 = 0.85;
/// A verb behind "to" names a purpose and weighs less than a command.
const PURPOSE: f64 = 0.6;
/// Under this share of the strongest, a level is no runner-up.
const RUNNER_UP: f64 = 0.2;

static ROWS: LazyLock<Phrases<(Form, Level)>> = LazyLock::new(|| {
    let objects = objects::TABLE
        .iter()
        .map(|(level, rows)| ((Form::Object, *level), *rows));
    let questions = questions::TABLE
        .iter()
        .map(|(level, rows)| ((Form::Question, *level), *rows));
    Phrases::new(&objects.chain(questions).collect::<Vec<_>>(), objects::CLASSES)
});

/// Classifies a task.
#[must_use]
pub fn classify(prose: &Prose<'_>) -> Classification {
    let mut parts: Vec<Part> = parts::of(prose)
        .into_iter()
        .filter_map(|words| part(prose, words))
        .collect();
    parts.sort_by_key(|part| part.span);
    let highest = parts
        .iter()
        .max_by(|a, b| a.level.cmp(&b.level).then(a.confidence.total_cmp(&b.confidence)));
    Classification {
        level: highest.map(|part| part.level),
        confidence: highest.map_or(0.0, |part| part.confidence),
        parts,
    }
}

fn part(prose: &Prose<'_>, words: Range<usize>) -> Option<Part> {
    let mut evidence = forms(prose, &words);
    let told: Vec<Span> = evidence.iter().map(|found| found.verb).collect();
    evidence.extend(commands(prose, &words, &told));
    if evidence.is_empty() {
        return None;
    }
    evidence.sort_by(|a, b| b.weight.total_cmp(&a.weight).then(a.verb.cmp(&b.verb)));
    let mut weights = [0.0_f64; 6];
    for found in &evidence {
        // The strongest counts, the others of its level add a little.
        let weight = &mut weights[found.level as usize];
        *weight = weight.max(found.weight) + 0.1 * weight.min(found.weight);
    }
    let mut ranked: Vec<(Level, f64)> = Level::ALL.into_iter().zip(weights).collect();
    ranked.sort_by(|a, b| b.1.total_cmp(&a.1).then(b.0.cmp(&a.0)));
    let [(level, first), (next, second), ..] = ranked[..] else {
        return None;
    };
    Some(Part {
        span: prose.words[words.start].span.to(prose.words[words.end - 1].span),
        level,
        confidence: (first / (first + 0.6 * second) * first.min(1.0)).clamp(0.0, 1.0),
        runner_up: (second >= RUNNER_UP * first).then_some(next),
        evidence,
    })
}

/// Verbs with objects and question forms; the longer row overrules a shorter one that it covers.
fn forms(prose: &Prose<'_>, words: &Range<usize>) -> Vec<Evidence> {
    let mut hits = ROWS.find(prose, words.clone());
    hits.retain(|hit| match hit.kind.0 {
        Form::Object => commands_at(prose, words, hit.words.start),
        Form::Question => asks_at(prose, words, hit.words.start),
    });
    hits.sort_by_key(|hit| (std::cmp::Reverse(hit.words.len()), hit.words.start));
    let mut kept: Vec<Hit<(Form, Level)>> = Vec::new();
    for hit in hits {
        let covered = kept
            .iter()
            .any(|longer| longer.words.start <= hit.words.start && hit.words.end <= longer.words.end);
        if !covered {
            kept.push(hit);
        }
    }
    kept.into_iter()
        .map(|hit| {
            let (form, level) = hit.kind;
            let verb = prose.words[hit.words.start].span;
            let rest = hit.words.start + 1..hit.words.end;
            let object = (form == Form::Object && !rest.is_empty())
                .then(|| prose.words[rest.start].span.to(prose.words[rest.end - 1].span));
            // A bare "which" or "is" says less than "which is better".
            let bare = form == Form::Question && hit.words.len() == 1;
            let base = if form == Form::Object { OBJECT } else { QUESTION };
            let weight = if bare { 0.6 } else { base } * purpose(prose, words, hit.words.start);
            let what = match form {
                Form::Object => "This verb with what it acts on",
                Form::Question => "A question of this form",
            };
            Evidence {
                verb: if form == Form::Question { hit.span } else { verb },
                object,
                level,
                weight,
                reason: format!("{what} {}.", level.meaning()),
            }
        })
        .collect()
}

/// Verbs that command, where no row has told more about them.
fn commands(prose: &Prose<'_>, words: &Range<usize>, told: &[Span]) -> Vec<Evidence> {
    let mut found = Vec::new();
    for at in words.clone() {
        let span = prose.words[at].span;
        if told.iter().any(|known| known.overlaps(span)) || !commands_at(prose, words, at) {
            continue;
        }
        let lower = stem::lower_case(prose.words[at].text);
        let Some(shares) = verbs::shares(&lower) else {
            continue;
        };
        let factor = purpose(prose, words, at);
        let object = (at + 1 < words.end).then(|| {
            let last = (at + 4).min(words.end - 1);
            prose.words[at + 1].span.to(prose.words[last].span)
        });
        found.extend(shares.iter().map(|&(level, weight)| Evidence {
            verb: span,
            object,
            level,
            weight: weight * factor,
            reason: format!("\u{201c}{lower}\u{201d} by itself {}.", level.meaning()),
        }));
    }
    found
}

/// Less than 1 for a verb behind "to".
fn purpose(prose: &Prose<'_>, words: &Range<usize>, at: usize) -> f64 {
    let behind_to = at > words.start && prose.words[at - 1].text.eq_ignore_ascii_case("to");
    if behind_to { PURPOSE } else { 1.0 }
}

/// Whether a word stands where a command stands: at the start, behind a mark, or behind a word that leads to a verb.
fn commands_at(prose: &Prose<'_>, words: &Range<usize>, at: usize) -> bool {
    if at == words.start || parts::mark_before(prose, at) {
        return true;
    }
    let before = stem::lower_case(prose.words[at - 1].text);
    matches!(
        before.as_ref(),
        "to" | "and"
            | "or"
            | "then"
            | "please"
            | "you"
            | "must"
            | "should"
            | "briefly"
            | "carefully"
            | "also"
            | "critically"
            | "now"
            | "next"
            | "clearly"
            | "fully"
            | "first"
            | "finally"
            | "would"
            | "could"
            | "can"
            | "i"
            | "we"
    )
}

/// Whether a question may begin here: at the start, behind a mark or a conjunction, or anywhere before a question mark
/// for the words that ask.
fn asks_at(prose: &Prose<'_>, words: &Range<usize>, at: usize) -> bool {
    let asks = parts::ends_with_question(prose, words);
    if at == words.start || parts::mark_before(prose, at) {
        // "Is" and "did" ask only in a question; "in your opinion" and "using" need none.
        return asks
            || !matches!(
                stem::lower_case(prose.words[at].text).as_ref(),
                "when" | "where" | "which" | "who" | "why" | "how"
            );
    }
    asks && matches!(
        stem::lower_case(prose.words[at - 1].text).as_ref(),
        "and" | "but" | "or" | "so" | "then" | "of" | "in" | "for"
    )
}

#[cfg(test)]
mod tests;
