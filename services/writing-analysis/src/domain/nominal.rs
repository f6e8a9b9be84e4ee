//! Nominalisations: a verb hidden in a noun.
//!
//! Counted by suffix for the measure. Told only as a light verb with such a noun ("made a decision", "carried out an
//! investigation") or as "there was an improvement in", where a plain verb stands ready. When not: terms of a subject
//! ("evaporation") are no hidden verbs. Source: Hyland & Jiang 2017 on nominal style; Quirk et al. 1985, appendix I.

use lyceum_prose::Sentence;

use super::{lexicon::Traits, reading::Reading};

/// A light verb with its noun.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hidden {
    /// The light verb.
    pub first: usize,
    /// The noun.
    pub noun: usize,
}

/// Nouns that hide a verb although no suffix says so, and those that do with a suffix too weak to trust.
const NOUNS: &[&str] = &[
    "analysis",
    "attempt",
    "attempts",
    "calculation",
    "change",
    "changes",
    "choice",
    "choices",
    "claim",
    "comparison",
    "decision",
    "decisions",
    "description",
    "discovery",
    "effort",
    "guess",
    "judgement",
    "judgment",
    "measurements",
    "mention",
    "observation",
    "observations",
    "plan",
    "plans",
    "promise",
    "promises",
    "proposal",
    "recovery",
    "reference",
    "review",
    "search",
    "statement",
    "study",
    "suggestion",
    "suggestions",
    "survey",
    "use",
    "visit",
    "argument",
    "comment",
    "comments",
    "complaint",
    "complaints",
    "contribution",
    "contributions",
    "conclusion",
    "influence",
    "impression",
    "discussion",
    "discussions",
    "progress",
    "request",
    "response",
    "reply",
    "start",
    "test",
    "tests",
    "experiment",
    "experiments",
    "look",
    "walk",
    "rest",
    "help",
    "advice",
    "thought",
    "consideration",
    "explanation",
];

/// Which nouns a light verb takes: others are plain objects ("did the test", "had a plan").
fn takes(verb: &str, noun: &str, suffixed: bool) -> bool {
    match verb {
        "make" | "makes" | "made" | "making" => {
            suffixed && !matches!(noun, "payment" | "equipment" | "payments" | "entertainment")
                || matches!(
                    noun,
                    "attempt"
                        | "attempts"
                        | "change"
                        | "changes"
                        | "choice"
                        | "choices"
                        | "claim"
                        | "comparison"
                        | "decision"
                        | "decisions"
                        | "discovery"
                        | "effort"
                        | "guess"
                        | "judgement"
                        | "judgment"
                        | "mention"
                        | "observation"
                        | "observations"
                        | "promise"
                        | "promises"
                        | "proposal"
                        | "recovery"
                        | "reference"
                        | "statement"
                        | "suggestion"
                        | "suggestions"
                        | "use"
                        | "comment"
                        | "comments"
                        | "complaint"
                        | "complaints"
                        | "contribution"
                        | "contributions"
                        | "progress"
                        | "request"
                        | "argument"
                        | "calculation"
                        | "description"
                )
        }
        "give" | "gives" | "gave" | "given" | "giving" | "provide" | "provides" | "provided" | "providing"
        | "offer" | "offers" | "offered" | "offering" => {
            matches!(
                noun,
                "description"
                    | "explanation"
                    | "answer"
                    | "response"
                    | "reply"
                    | "help"
                    | "advice"
                    | "suggestion"
                    | "suggestions"
                    | "consideration"
                    | "thought"
            ) || suffixed
                && matches!(
                    noun,
                    "encouragement"
                        | "permission"
                        | "protection"
                        | "assistance"
                        | "explanations"
                        | "descriptions"
                        | "demonstration"
                        | "clarification"
                        | "confirmation"
                )
        }
        "take" | "takes" | "took" | "taken" | "taking" => matches!(
            noun,
            "decision" | "decisions" | "look" | "walk" | "rest" | "measurements" | "consideration"
        ),
        "have" | "has" | "had" | "having" => matches!(
            noun,
            "discussion"
                | "discussions"
                | "argument"
                | "influence"
                | "look"
                | "impact"
                | "effect"
                | "tendency"
                | "expectation"
                | "preference"
        ),
        "do" | "does" | "did" | "done" | "doing" | "perform" | "performs" | "performed" | "performing" | "conduct"
        | "conducts" | "conducted" | "conducting" | "undertake" | "undertook" | "undertaken" | "carry" | "carries"
        | "carried" | "carrying" => {
            suffixed
                || matches!(
                    noun,
                    "analysis"
                        | "calculation"
                        | "calculations"
                        | "comparison"
                        | "review"
                        | "search"
                        | "study"
                        | "survey"
                        | "observation"
                        | "observations"
                        | "test"
                        | "tests"
                        | "experiment"
                        | "experiments"
                        | "measurements"
                )
        }
        "reach" | "reaches" | "reached" | "reaching" | "come" | "comes" | "came" => matches!(
            noun,
            "conclusion" | "decision" | "agreement" | "realisation" | "realization" | "understanding"
        ),
        "put" | "puts" | "putting" => matches!(noun, "emphasis"),
        "hold" | "holds" | "held" | "holding" => {
            matches!(noun, "discussion" | "discussions" | "meeting" | "conversation")
        }
        "show" | "shows" | "showed" => matches!(noun, "improvement" | "tendency" | "resistance" | "resemblance"),
        _ => false,
    }
}

/// The hidden verbs of a sentence, quotations left out.
#[must_use]
pub fn find(reading: &Reading<'_>, sentence: &Sentence) -> Vec<Hidden> {
    let mut found = Vec::new();
    for word in sentence.words.clone() {
        if !reading.traits(word).any(Traits::LIGHT) && reading.lower(word) != "there" {
            continue;
        }
        let hidden = if reading.lower(word) == "there" {
            existing(reading, sentence, word)
        } else {
            carried(reading, sentence, word)
        };
        found.extend(hidden.filter(|hidden| !reading.prose.quoted(reading.span(hidden.first, hidden.noun))));
    }
    found
}

fn carried(reading: &Reading<'_>, sentence: &Sentence, verb: usize) -> Option<Hidden> {
    let text = reading.lower(verb);
    let mut at = verb + 1;
    // "carry out", "come to".
    let particle = matches!(text, "carry" | "carries" | "carried" | "carrying")
        .then_some("out")
        .or_else(|| text.starts_with("come").then_some("to"))
        .or_else(|| (text == "came").then_some("to"));
    if let Some(particle) = particle {
        if reading.lower(at) != particle {
            return None;
        }
        at += 1;
    }
    // An article and up to two adjectives or adverbs.
    for noun in at..sentence.words.end.min(at + 4) {
        let (lower, traits) = (reading.lower(noun), reading.traits(noun));
        let suffixed = traits.any(Traits::NOMINAL);
        if (suffixed
            || NOUNS.contains(&lower)
            || lower == "emphasis"
            || lower == "tendency"
            || lower == "impact"
            || lower == "effect"
            || lower == "understanding")
            && takes(text, lower, suffixed)
        {
            // "made government policy": a noun that describes the next is not the object.
            return Some(Hidden { first: verb, noun });
        }
        let joins = traits.any(Traits::DETERMINER | Traits::ADVERB)
            || !traits.any(Traits::STOP | Traits::PREPOSITION | Traits::SUBJECT | Traits::BE | Traits::ING)
            || matches!(lower, "such" | "own" | "first");
        if !joins || separated(reading, noun) {
            return None;
        }
    }
    None
}

/// "There was an improvement in".
fn existing(reading: &Reading<'_>, sentence: &Sentence, there: usize) -> Option<Hidden> {
    if !reading.traits(there + 1).any(Traits::BE) || there + 2 >= sentence.words.end {
        return None;
    }
    (there + 2..sentence.words.end.min(there + 6)).find_map(|noun| {
        let hides = reading.traits(noun).any(Traits::NOMINAL)
            || matches!(
                reading.lower(noun),
                "increase" | "decrease" | "growth" | "decline" | "rise" | "fall" | "reduction"
            );
        (hides && matches!(reading.lower(noun + 1), "in" | "of" | "between")).then_some(Hidden { first: there, noun })
    })
}

/// Whether punctuation follows a word.
fn separated(reading: &Reading<'_>, word: usize) -> bool {
    let word = &reading.prose.words[word];
    reading.prose.text[word.byte + word.text.len()..].starts_with([',', ';', ':', '.', '('])
}
