//! What each sentence of a reply does that it should not: dictate, rewrite, answer, judge, leave the stage.
//!
//! Phrases show most of it; rewriting and answering also show by overlap: a sentence that says most of what a
//! student's sentence says in other words, or that states something new about what the assignment asks. When not: a
//! question never breaks these rules, and a sentence that sends the student somewhere answers nothing.

use lyceum_prose::phrases::Hit;
use lyceum_prose::{Sentence, Span, stem};

use super::phrasebook::Move;
use super::submittable::{PHRASES, addresses, known};
use super::{Breach, Case, Rule, Severity, breach, is_question, share, stems};
use crate::domain::Stage;

/// From this share of a student's sentence on, another wording of it is a rewriting.
const REWRITTEN: f64 = 0.6;
/// From this share of the assignment's subject on, a statement may answer it.
const ON_TOPIC: f64 = 0.4;

/// Breaches by what sentences do. What could be handed in is not named twice as an answer.
pub(super) fn breaches(case: &Case<'_, '_>, handed_in: &[(Span, f64)]) -> Vec<Breach> {
    let mut found = Vec::new();
    for sentence in &case.reply.sentences {
        let hits = PHRASES.find(case.reply, sentence.words.clone());
        let question = is_question(case.reply.sentence_text(sentence));
        let at = |wanted: Move| hits.iter().find(|hit| hit.kind == wanted);
        found.extend(person(&hits));
        found.extend(stage(case, &hits));
        if question {
            continue;
        }
        let dictates = hits
            .iter()
            .find(|hit| hit.kind == Move::Dictates && !reports(case, sentence, hit.words.start))
            .filter(|_| !in_own_words(case, sentence) && at(Move::Rewrites).is_none() && at(Move::Offers).is_none());
        if let Some(hit) = dictates {
            found.push(breach(
                Rule::NoDictation,
                Severity::Breach,
                hit.span.to(sentence.span),
                0.85,
            ));
        }
        let mut rewritten = true;
        if let Some(hit) = at(Move::Rewrites) {
            found.push(breach(
                Rule::NoRewriting,
                Severity::Breach,
                hit.span.to(sentence.span),
                0.85,
            ));
        } else if rewrites(case, sentence) {
            found.push(breach(Rule::NoRewriting, Severity::Breach, sentence.span, 0.65));
        } else {
            rewritten = false;
        }
        let inside = handed_in.iter().any(|(span, _)| span.overlaps(sentence.span));
        if let Some(hit) = at(Move::Answers).filter(|_| at(Move::Points).is_none()) {
            found.push(breach(
                Rule::NoAnswer,
                Severity::Breach,
                hit.span.to(sentence.span),
                0.8,
            ));
        } else if !inside && !rewritten && at(Move::Points).is_none() && answers(case, sentence) {
            found.push(breach(Rule::NoAnswer, Severity::Breach, sentence.span, 0.65));
        }
    }
    found
}

fn person(hits: &[Hit<Move>]) -> Option<Breach> {
    let of = |wanted: Move| hits.iter().find(|hit| hit.kind == wanted);
    if let Some(hit) = of(Move::Blames) {
        return Some(breach(Rule::JudgesWorkNotPerson, Severity::Breach, hit.span, 0.85));
    }
    of(Move::Praises).map(|hit| breach(Rule::JudgesWorkNotPerson, Severity::Advice, hit.span, 0.85))
}

fn stage(case: &Case<'_, '_>, hits: &[Hit<Move>]) -> Option<Breach> {
    let foreign = match case.stage {
        Stage::Brainstorm | Stage::Draft | Stage::Revise => Move::Polishes,
        Stage::Edit => Move::Restructures,
    };
    if hits.iter().any(|hit| hit.kind == Move::PutsOff) {
        return None;
    }
    let hit = hits.iter().find(|hit| hit.kind == foreign)?;
    Some(breach(Rule::FitsStage, Severity::Advice, hit.span, 0.8))
}

/// "You write that ..." tells what somebody writes, not what to write.
fn reports(case: &Case<'_, '_>, sentence: &Sentence, at: usize) -> bool {
    at > sentence.words.start
        && matches!(
            stem::lower_case(case.reply.words[at - 1].text).as_ref(),
            "you" | "they" | "i" | "he" | "she" | "we" | "who" | "sources" | "not"
        )
}

/// "Write the reason in your own words" leaves the words to the student.
fn in_own_words(case: &Case<'_, '_>, sentence: &Sentence) -> bool {
    let text = case.reply.sentence_text(sentence).to_lowercase();
    text.contains("own words") || text.contains("you think") || text.contains("you want") || text.contains("you mean")
}

/// Whether it says most of what one of the student's sentences says, in other words.
fn rewrites(case: &Case<'_, '_>, sentence: &Sentence) -> bool {
    if addresses(case.reply, sentence.words.clone()) || known(case, sentence.words.clone()) {
        return false;
    }
    let mine = stems(case.reply, sentence.words.clone());
    case.student.iter().any(|theirs| {
        let common = mine.intersection(theirs).count();
        common >= 3 && share(common, theirs.len()) >= REWRITTEN && share(common, mine.len()) >= 0.4
    })
}

/// Whether it states something new about what the assignment asks.
fn answers(case: &Case<'_, '_>, sentence: &Sentence) -> bool {
    if addresses(case.reply, sentence.words.clone()) || known(case, sentence.words.clone()) {
        return false;
    }
    let mine = stems(case.reply, sentence.words.clone());
    let common = mine.intersection(&case.topic).count();
    let new = mine.len() - common;
    common >= 2.min(case.topic.len().max(1)) && share(common, case.topic.len()) >= ON_TOPIC && new >= 2
}
