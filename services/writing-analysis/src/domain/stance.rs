//! Hedges and boosters: how surely a writer speaks.
//!
//! Single words and phrases, less the readings that are no stance: "May" the month, "it appears on page 3", "speak
//! clearly". When not: one hedge is good scholarship; only a pile of them in one sentence is told, and only a booster
//! with no evidence near it. Source: Hyland 2005.

use lyceum_prose::Sentence;

use super::{
    lexicon::{Role, Traits},
    reading::Reading,
};

/// Words of a hedge or booster, from the first to the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stance {
    /// The first word.
    pub first: usize,
    /// The last word.
    pub last: usize,
}

/// The hedges of a sentence, quotations left out.
#[must_use]
pub fn hedges(reading: &Reading<'_>, sentence: &Sentence) -> Vec<Stance> {
    of(reading, sentence, Traits::HEDGE, is_hedge)
}

/// The boosters of a sentence, quotations left out.
#[must_use]
pub fn boosters(reading: &Reading<'_>, sentence: &Sentence) -> Vec<Stance> {
    of(reading, sentence, Traits::BOOSTER, is_booster)
}

fn of(
    reading: &Reading<'_>,
    sentence: &Sentence,
    class: Traits,
    accepts: fn(&Reading<'_>, &Sentence, usize) -> bool,
) -> Vec<Stance> {
    let mut found: Vec<Stance> = reading
        .cues_in(sentence)
        .iter()
        .filter(|cue| matches!(cue.role, Role::Like(traits) if traits.any(class)))
        .map(|cue| Stance {
            first: cue.word,
            last: cue.word + cue.length - 1,
        })
        .collect();
    for word in sentence.words.clone() {
        // Most words have no such trait: that is asked first.
        if reading.traits(word).any(class)
            && accepts(reading, sentence, word)
            && !reading.inside(word, |role| matches!(role, Role::Like(traits) if traits.any(class)))
        {
            found.push(Stance {
                first: word,
                last: word,
            });
        }
    }
    found.retain(|stance| !reading.prose.quoted(reading.span(stance.first, stance.last)));
    found.sort_unstable_by_key(|stance| stance.first);
    found
}

fn is_hedge(reading: &Reading<'_>, sentence: &Sentence, word: usize) -> bool {
    let next = reading.traits(word + 1);
    let before = if word > sentence.words.start {
        reading.lower(word - 1)
    } else {
        ""
    };
    match reading.lower(word) {
        "may" => {
            let month = reading.prose.words[word].text.starts_with('M') && word > sentence.words.start;
            !month && !next.any(Traits::NUMBER) && !matches!(before, "in" | "last" | "next" | "since" | "until" | "by")
        }
        "might" => !matches!(before, "the" | "his" | "her" | "their" | "with" | "all"),
        "could" | "would" => {
            !matches!(reading.lower(word + 1), "you" | "have" | "not" | "be") || reading.lower(word + 1) == "be"
        }
        "appear" | "appears" | "appeared" | "seem" | "seems" | "seemed" | "tend" | "tends" | "tended" | "likely"
        | "unlikely" => {
            matches!(reading.lower(word + 1), "to" | "that" | "as" | "like")
                || next.any(Traits::ADVERB)
                || !next.any(Traits::PREPOSITION | Traits::DETERMINER) && !before.is_empty()
        }
        "indicate" | "indicates" | "suggest" | "suggests" | "suggested" | "assume" | "assumes" | "assumed"
        | "estimate" | "estimated" => {
            // "The data suggest that", not "he suggested a walk".
            let grounds = (sentence.words.start..word).any(|at| {
                reading.traits(at).any(Traits::EVIDENCE) || matches!(reading.lower(at), "this" | "it" | "which")
            });
            !matches!(before, "to" | "the" | "an" | "should")
                && (grounds
                    || reading.lower(word + 1) == "that" && !reading.traits(sentence.words.start).any(Traits::SUBJECT))
        }
        "possible" => before != "as",
        "doubt" => !matches!(before, "no" | "without" | "a"),
        "guess" | "suppose" => before == "i",
        _ => true,
    }
}

fn is_booster(reading: &Reading<'_>, sentence: &Sentence, word: usize) -> bool {
    let text = reading.lower(word);
    if matches!(text, "clearly" | "plainly" | "absolutely" | "truly" | "surely") {
        let last = word + 1 == sentence.words.end;
        let before = if word > sentence.words.start {
            reading.lower(word - 1)
        } else {
            ""
        };
        let manner = matches!(
            before,
            "very"
                | "more"
                | "so"
                | "as"
                | "how"
                | "too"
                | "most"
                | "speak"
                | "spoke"
                | "see"
                | "saw"
                | "seen"
                | "hear"
                | "heard"
                | "write"
                | "wrote"
                | "written"
                | "explain"
                | "explained"
                | "explains"
                | "think"
                | "thinking"
                | "show"
                | "shown"
                | "labelled"
                | "marked"
                | "visible"
                | "yours"
                | "slowly"
                | "and"
                | "not"
        );
        return !last && !manner;
    }
    true
}

/// Whether a sentence gives grounds: a reason, a source, a figure, a quotation.
#[must_use]
pub fn gives_grounds(reading: &Reading<'_>, sentence: &Sentence) -> bool {
    reading.prose.quoted(sentence.span)
        || sentence.words.clone().any(|word| {
            reading.traits(word).any(Traits::EVIDENCE | Traits::NUMBER)
                || matches!(reading.lower(word), "because" | "since" | "therefore" | "hence")
        })
        || reading.cues_in(sentence).iter().any(|cue| cue.role == Role::Evidence)
}
