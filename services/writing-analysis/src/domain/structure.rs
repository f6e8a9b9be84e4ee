//! The parts of an argument: lead, position, claim, evidence, counter-claim, rebuttal, conclusion.
//!
//! Each sentence is placed by its cue phrases first and by where it stands second; runs of one part are joined. The
//! confidence says which of the two decided. When not: a story or a lab report has no argument; only a text that takes
//! a position or makes claims is told what it lacks. Source: the elements of PERSUADE (Crossley et al. 2022).

use lyceum_prose::{Sentence, Span};

use super::{
    lexicon::{Role, Traits},
    reading::{Cue, Reading},
    stance,
    tense::Verbs,
};

/// A part of an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Element {
    /// Opens the subject.
    Lead,
    /// The writer's stance.
    Position,
    /// Supports the position.
    Claim,
    /// Facts, examples, sources.
    Evidence,
    /// Against the position.
    Counterclaim,
    /// Answers that.
    Rebuttal,
    /// Draws together.
    Conclusion,
}

/// Where a sentence stands, and what it is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Part {
    /// Its part.
    pub element: Element,
    /// The first and last sentence.
    pub sentences: (usize, usize),
    /// Its place.
    pub span: Span,
    /// How sure the cues are.
    pub confidence: f32,
    /// The words that decided.
    pub cue: Option<Span>,
}

/// Sure when a cue phrase decided; the measured precision of such parts.
const BY_CUE: f32 = 0.9;
/// Less when position did.
const BY_PLACE: f32 = 0.6;

/// The parts of a text's argument, in order; sentences without a part are left out.
#[must_use]
pub fn parts(reading: &Reading<'_>) -> Vec<Part> {
    let prose = &reading.prose;
    let mut parts: Vec<Part> = Vec::new();
    let mut seen = Seen::default();
    let last_paragraph = prose.paragraphs.len().saturating_sub(1);
    for (index, sentence) in prose.sentences.iter().enumerate() {
        let paragraph = &prose.paragraphs[sentence.paragraph];
        let place = Place {
            opening: sentence.paragraph == 0,
            closing: last_paragraph > 1 && sentence.paragraph == last_paragraph,
            ending: index * 10 >= prose.sentences.len() * 7,
            first_of_paragraph: index == paragraph.sentences.start,
            alone: paragraph.sentences.len() == 1,
        };
        if heading(reading, sentence, &place) {
            continue;
        }
        let Some((element, cue)) = classify(reading, sentence, &place, &seen) else {
            seen.since_counterclaim += 1;
            continue;
        };
        seen.note(element);
        let cue = cue.map(|(first, last)| reading.span(first, last));
        match parts.last_mut() {
            Some(run) if run.element == element && run.sentences.1 + 1 == index && !place.first_of_paragraph => {
                run.sentences.1 = index;
                run.span = run.span.to(sentence.span);
            }
            _ => parts.push(Part {
                element,
                sentences: (index, index),
                span: sentence.span,
                confidence: if cue.is_some() { BY_CUE } else { BY_PLACE },
                cue,
            }),
        }
    }
    parts
}

struct Place {
    opening: bool,
    closing: bool,
    ending: bool,
    first_of_paragraph: bool,
    alone: bool,
}

#[derive(Default)]
struct Seen {
    position: bool,
    conclusion: bool,
    counterclaim: bool,
    since_counterclaim: u32,
    last: Option<Element>,
}

impl Seen {
    fn note(&mut self, element: Element) {
        self.since_counterclaim += 1;
        self.position |= element == Element::Position;
        self.conclusion |= element == Element::Conclusion;
        if element == Element::Counterclaim {
            self.counterclaim = true;
            self.since_counterclaim = 0;
        }
        self.last = Some(element);
    }
}

type Words = (usize, usize);

fn classify(
    reading: &Reading<'_>,
    sentence: &Sentence,
    place: &Place,
    seen: &Seen,
) -> Option<(Element, Option<Words>)> {
    let cues = reading.cues_in(sentence);
    let opening = sentence.words.start;
    // A cue counts where it opens the sentence, after at most one connective.
    let find = |role: Role, within: usize| -> Option<Words> {
        cues.iter()
            .find(|cue| cue.role == role && cue.word <= opening + within)
            .map(words)
    };
    if let Some(cue) = find(Role::Counterclaim, 2).filter(|_| !place.opening || place.alone || seen.position) {
        return Some((Element::Counterclaim, Some(cue)));
    }
    if seen.counterclaim
        && seen.since_counterclaim < 2
        && seen.last != Some(Element::Rebuttal)
        && let Some(cue) = find(Role::Rebuttal, 0)
    {
        return Some((Element::Rebuttal, Some(cue)));
    }
    if (place.closing || place.ending)
        && let Some(cue) = find(Role::Conclusion, 0)
        && (strong_conclusion(reading, cue) || place.closing)
    {
        return Some((Element::Conclusion, Some(cue)));
    }
    if seen.conclusion && place.closing && seen.last == Some(Element::Conclusion) {
        return Some((Element::Conclusion, None));
    }
    if let Some(cue) = find(Role::Evidence, usize::MAX / 2).filter(|cue| firm(reading, *cue, opening)) {
        return Some((Element::Evidence, Some(cue)));
    }
    if let Some(cue) = cited(reading, sentence) {
        return Some((Element::Evidence, Some(cue)));
    }
    let question = reading
        .prose
        .sentence_text(sentence)
        .trim_end_matches(['"', '”', ')'])
        .ends_with('?');
    if place.opening && question {
        return Some((Element::Lead, None));
    }
    if !seen.position
        && !question
        && let Some(cue) = find(Role::Position, 6)
    {
        return Some((Element::Position, Some(cue)));
    }
    if let Some(cue) = find(Role::Claim, 1) {
        return Some((Element::Claim, Some(cue)));
    }
    if let Some(word) = ordinal(reading, sentence).filter(|_| seen.position && place.first_of_paragraph) {
        return Some((Element::Claim, Some((word, word))));
    }
    if !seen.position
        && !question
        && (place.opening || sentence.paragraph < 2)
        && let Some(word) = ought(reading, sentence)
    {
        return Some((Element::Position, Some((word, word))));
    }
    if let Some(cue) = find(Role::Lead, 0).filter(|_| place.opening) {
        return Some((Element::Lead, Some(cue)));
    }
    if place.opening && !seen.position && place.first_of_paragraph && !place.alone && !personal(reading, sentence) {
        return Some((Element::Lead, None));
    }
    // A body paragraph opens with what it claims.
    let judges = sentence
        .words
        .clone()
        .any(|word| reading.traits(word).any(Traits::VALUE | Traits::OUGHT | Traits::CAUSAL));
    if seen.position
        && !place.opening
        && place.first_of_paragraph
        && !place.alone
        && !place.closing
        && judges
        && !question
    {
        return Some((Element::Claim, None));
    }
    None
}

fn words(cue: &Cue) -> Words {
    (cue.word, cue.word + cue.length - 1)
}

/// A title or a heading: short, alone, without a full stop.
fn heading(reading: &Reading<'_>, sentence: &Sentence, place: &Place) -> bool {
    place.alone
        && sentence.words.len() < 9
        && !reading
            .prose
            .sentence_text(sentence)
            .ends_with(['.', '!', '?', '"', '”', ')'])
}

/// "Therefore" and "finally" conclude only at the start of the last paragraph.
fn strong_conclusion(reading: &Reading<'_>, cue: Words) -> bool {
    !matches!(
        reading.lower(cue.0),
        "therefore" | "finally" | "that" | "this" | "ultimately"
    ) && reading.lower(cue.0 + 1) != "the"
}

/// "Such as" and "when I was" are evidence only where they lead the sentence or examples follow.
fn firm(reading: &Reading<'_>, cue: Words, opening: usize) -> bool {
    match reading.lower(cue.0) {
        "such" => false,
        "when" | "last" | "in" | "a" | "an" | "one" | "percent" | "per" => {
            cue.0 <= opening + 1 || matches!(reading.lower(cue.0), "percent" | "per")
        }
        _ => true,
    }
}

/// A source or figure: "the survey found", "(Smith 2019)", "40 %", or a quotation of some length.
fn cited(reading: &Reading<'_>, sentence: &Sentence) -> Option<Words> {
    let long_quotation = reading
        .prose
        .quotations
        .get(
            reading
                .prose
                .quotations
                .partition_point(|quotation| quotation.end <= sentence.span.start),
        )
        .filter(|quotation| quotation.overlaps(sentence.span) && quotation.len() > 20);
    if long_quotation.is_some() {
        let first = sentence.words.start;
        return Some((first, first));
    }
    for word in sentence.words.clone() {
        let traits = reading.traits(word);
        if traits.any(Traits::EVIDENCE)
            && (word + 1..sentence.words.end.min(word + 8)).any(|at| {
                matches!(
                    reading.lower(at),
                    "found"
                        | "show"
                        | "shows"
                        | "showed"
                        | "shown"
                        | "reported"
                        | "proved"
                        | "suggests"
                        | "suggest"
                        | "revealed"
                        | "discovered"
                        | "confirmed"
                        | "confirms"
                        | "measured"
                        | "that"
                        | "from"
                        | "by"
                )
            })
        {
            return Some((word, word));
        }
        if traits.any(Traits::NUMBER) {
            let after = &reading.prose.text[reading.prose.words[word].byte + reading.prose.words[word].text.len()..];
            let rest = after.trim_start();
            let year = reading.lower(word).len() == 4;
            if rest.starts_with('%')
                || matches!(reading.lower(word + 1), "percent" | "per")
                || year && after.starts_with(')')
            {
                return Some((word, word));
            }
        }
    }
    None
}

fn ordinal(reading: &Reading<'_>, sentence: &Sentence) -> Option<usize> {
    let first = sentence.words.start;
    matches!(
        reading.lower(first),
        "first" | "second" | "third" | "next" | "also" | "lastly" | "finally" | "another" | "besides"
    )
    .then_some(first)
}

fn ought(reading: &Reading<'_>, sentence: &Sentence) -> Option<usize> {
    sentence
        .words
        .clone()
        .find(|word| reading.traits(*word).any(Traits::OUGHT) && reading.lower(*word) != "needs")
}

/// Whether a sentence tells of the writer.
fn personal(reading: &Reading<'_>, sentence: &Sentence) -> bool {
    reading.traits(sentence.words.start).any(Traits::FIRST)
}

/// What a text's parts say as a whole.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Gaps {
    /// Elements that an argument usually has.
    pub missing: Vec<Element>,
    /// Sentences of claims that no evidence follows.
    pub unsupported: Vec<usize>,
}

/// Words from which on an argument is expected to be complete.
const LONG_ENOUGH: usize = 120;

/// What an argument lacks. Nothing for texts that are none.
#[must_use]
pub fn gaps(reading: &Reading<'_>, parts: &[Part]) -> Gaps {
    let has = |element| parts.iter().any(|part| part.element == element);
    let claims = parts
        .iter()
        .filter(|part| part.element == Element::Claim && part.cue.is_some())
        .count();
    let argues =
        has(Element::Position) && (claims > 0 || has(Element::Counterclaim) || ought_often(reading)) || claims > 1;
    let mut gaps = Gaps::default();
    if !argues || reading.forms.len() < LONG_ENOUGH {
        return gaps;
    }
    gaps.missing = [Element::Position, Element::Evidence, Element::Conclusion]
        .into_iter()
        .filter(|element| !has(*element))
        .collect();
    let prose = &reading.prose;
    for (index, part) in parts
        .iter()
        .enumerate()
        .filter(|(_, part)| part.element == Element::Claim && part.cue.is_some())
    {
        let paragraph = prose.sentences[part.sentences.0].paragraph;
        let next = parts[index + 1..]
            .iter()
            .find(|later| {
                later.element == Element::Claim || prose.sentences[later.sentences.0].paragraph > paragraph + 1
            })
            .map_or(prose.sentences.len(), |later| later.sentences.0);
        let supported =
            (part.sentences.0..next.min(part.sentences.0 + 6)).any(|at| grounds(reading, &prose.sentences[at]));
        if !supported {
            gaps.unsupported.push(part.sentences.0);
        }
    }
    gaps
}

/// A reason, a source, a figure, or something that the writer saw happen.
fn grounds(reading: &Reading<'_>, sentence: &Sentence) -> bool {
    let own = sentence
        .words
        .clone()
        .any(|word| reading.traits(word).any(Traits::FIRST));
    stance::gives_grounds(reading, sentence) || own && Verbs::of(reading, sentence).past > 0
}

fn ought_often(reading: &Reading<'_>) -> bool {
    reading
        .forms
        .iter()
        .filter(|form| reading.vocabulary[**form as usize].traits.any(Traits::OUGHT))
        .take(2)
        .count()
        > 1
}
