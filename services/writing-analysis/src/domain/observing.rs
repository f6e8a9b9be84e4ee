//! Applies every rule to a text and words what it finds.
//!
//! Two halves: what one paragraph shows by itself, which is what a writer gets while typing, and what only the whole
//! text shows. [`of_text`] is both. Each rule's work is bounded by the words it reads. When not: no rule decides how
//! many findings are sent; see [`super::findings::cut`].

mod experience;
mod gaps;

use std::ops::Range;

use lyceum_prose::{Paragraph, Span};

use super::{
    findings::{self, Finding, RELATED, Wording},
    lexicon::Traits,
    nominal, passive,
    person::{self, Pronouns},
    reading::Reading,
    repetition, resemblance, stance,
    structure::{self, Part},
    tense::{self, Tense, Verbs},
};

/// Hedges in one sentence from which on they pile up.
const HEDGES: usize = 3;
/// Sentences in a row that open alike.
const OPENINGS: usize = 3;
/// Words from which on a sentence is long in any text.
const LONG: usize = 40;

/// Everything found in a text, in order.
#[must_use]
pub fn of_text(reading: &Reading<'_>, parts: &[Part]) -> Vec<Finding> {
    let mut found = Vec::new();
    for paragraph in &reading.prose.paragraphs {
        found.extend(of_paragraph(reading, paragraph));
    }
    found.extend(of_whole(reading, parts));
    findings::sort(&mut found);
    found
}

/// What one paragraph shows by itself; places count from the start of the text.
#[must_use]
pub fn of_paragraph(reading: &Reading<'_>, paragraph: &Paragraph) -> Vec<Finding> {
    let mut found = Vec::new();
    for index in paragraph.sentences.clone() {
        of_sentence(reading, index, &mut found);
    }
    let first = paragraph.sentences.start;
    let sentences = &reading.prose.sentences[paragraph.sentences.clone()];
    let verbs: Vec<Verbs> = sentences.iter().map(|sentence| Verbs::of(reading, sentence)).collect();
    let pronouns: Vec<Pronouns> = sentences
        .iter()
        .map(|sentence| Pronouns::of(reading, sentence))
        .collect();
    for shift in tense::shifts(reading, paragraph, first, &verbs) {
        let wording = Wording::Tense(reading.lower(shift.verb), shift.to == Tense::Present);
        found.push(finding(
            wording,
            word(reading, shift.verb),
            vec![word(reading, shift.before)],
        ));
    }
    if let Some(shift) = person::shifts(reading, paragraph, first, &pronouns) {
        let wording = Wording::Person(written(reading, shift.pronoun), written(reading, shift.before));
        found.push(finding(
            wording,
            word(reading, shift.pronoun),
            vec![word(reading, shift.before)],
        ));
    }
    openings(reading, paragraph, &mut found);
    gaps::between_sentences(reading, paragraph, &mut found);
    findings::sort(&mut found);
    found
}

/// What only the whole text shows.
#[must_use]
pub fn of_whole(reading: &Reading<'_>, parts: &[Part]) -> Vec<Finding> {
    let mut found = Vec::new();
    long_for_this_text(reading, &mut found);
    for repetition in repetition::find(reading) {
        let places = &repetition.places;
        let wording = Wording::Phrase(slice(reading, places[0]), places.len());
        found.push(finding(wording, places[0], places[1..].to_vec()));
    }
    let sentences = &reading.prose.sentences;
    for pair in resemblance::find(reading) {
        found.push(finding(
            Wording::Near,
            sentences[pair.later].span,
            vec![sentences[pair.earlier].span],
        ));
    }
    gaps::between_paragraphs(reading, &mut found);
    experience::untold(reading, &mut found);
    let gaps = structure::gaps(reading, parts);
    let end = reading.prose.characters();
    for element in gaps.missing {
        let at = if element == structure::Element::Position {
            0
        } else {
            end
        };
        found.push(finding(Wording::Missing(element), Span::new(at, at), Vec::new()));
    }
    for sentence in gaps.unsupported {
        found.push(finding(Wording::Claim, sentences[sentence].span, Vec::new()));
    }
    findings::sort(&mut found);
    found
}

fn of_sentence(reading: &Reading<'_>, index: usize, found: &mut Vec<Finding>) {
    let sentence = &reading.prose.sentences[index];
    for passive in passive::find(reading, sentence) {
        let span = reading.span(passive.first, passive.participle);
        if reading.prose.quoted(span) {
            continue;
        }
        let agent = (passive.participle + 1..sentence.words.end.min(passive.participle + 3))
            .any(|at| reading.lower(at) == "by");
        found.push(finding(Wording::Passive(slice(reading, span), agent), span, Vec::new()));
    }
    for hidden in nominal::find(reading, sentence) {
        let span = reading.span(hidden.first, hidden.noun);
        found.push(finding(Wording::Hidden(slice(reading, span)), span, Vec::new()));
    }
    let hedges = stance::hedges(reading, sentence);
    if hedges.len() >= HEDGES {
        let related = hedges
            .iter()
            .map(|hedge| reading.span(hedge.first, hedge.last))
            .collect();
        found.push(finding(Wording::Hedges(hedges.len()), sentence.span, related));
    }
    // Evidence may stand in the sentence before or after, in the same paragraph.
    let from = index.saturating_sub(1);
    let near = &reading.prose.sentences[from..reading.prose.sentences.len().min(index + 2)];
    let grounded = near
        .iter()
        .any(|other| other.paragraph == sentence.paragraph && stance::gives_grounds(reading, other));
    if !grounded {
        for booster in stance::boosters(reading, sentence) {
            let span = reading.span(booster.first, booster.last);
            found.push(finding(Wording::Booster(slice(reading, span)), span, Vec::new()));
        }
    }
    if sentence.words.len() > LONG {
        found.push(finding(
            Wording::Long(sentence.words.len(), usual_length(reading)),
            sentence.span,
            Vec::new(),
        ));
    }
}

/// The mean length of the text's sentences, at least one word.
fn usual_length(reading: &Reading<'_>) -> usize {
    (reading.forms.len() / reading.prose.sentences.len().max(1)).max(1)
}

/// Sentences that are long beside the text's others, without being long in any text.
fn long_for_this_text(reading: &Reading<'_>, found: &mut Vec<Finding>) {
    let usual = usual_length(reading);
    if reading.prose.sentences.len() < 5 {
        return;
    }
    for sentence in &reading.prose.sentences {
        let words = sentence.words.len();
        if words <= LONG && words > 25 && words * 2 > usual * 5 {
            found.push(finding(Wording::Long(words, usual), sentence.span, Vec::new()));
        }
    }
}

fn openings(reading: &Reading<'_>, paragraph: &Paragraph, found: &mut Vec<Finding>) {
    let sentences = &reading.prose.sentences[paragraph.sentences.clone()];
    for run in sentences.chunk_by(|one, other| reading.forms[one.words.start] == reading.forms[other.words.start]) {
        let letters = reading.traits(run[0].words.start).any(Traits::NUMBER);
        if run.len() >= OPENINGS && !letters && !run.iter().any(|sentence| reading.prose.quoted(sentence.span)) {
            let related = run[1..]
                .iter()
                .map(|sentence| word(reading, sentence.words.start))
                .collect();
            let first = run[0].words.start;
            found.push(finding(
                Wording::Opening(written(reading, first), run.len()),
                word(reading, first),
                related,
            ));
        }
    }
}

fn finding(wording: Wording<'_>, span: Span, mut related: Vec<Span>) -> Finding {
    related.truncate(RELATED);
    let (explanation, question) = wording.say();
    Finding {
        kind: wording.kind(),
        span,
        related,
        explanation,
        question,
    }
}

fn word(reading: &Reading<'_>, word: usize) -> Span {
    reading.prose.words[word].span
}

fn written<'t>(reading: &Reading<'t>, word: usize) -> &'t str {
    reading.prose.words[word].text
}

/// The text of a place that starts and ends with a word.
fn slice<'t>(reading: &Reading<'t>, span: Span) -> &'t str {
    let words = &reading.prose.words;
    let first = words.partition_point(|word| word.span.start < span.start);
    let end = words.partition_point(|word| word.span.end <= span.end);
    let Range { start, end } = match (words.get(first), end.checked_sub(1).and_then(|last| words.get(last))) {
        (Some(first), Some(last)) => first.byte..last.byte + last.text.len(),
        _ => 0..0,
    };
    reading.prose.text.get(start..end).unwrap_or("")
}

#[cfg(test)]
mod tests;
