//! Passive voice: a form of "to be" or "to get" with a past participle.
//!
//! Adverbs and a subject in a question may stand between the two. Participles that usually describe a state
//! ("interested", "tired") count only when "by" follows. When not: the passive is no fault; it is shown so that a
//! writer can ask who acts. Source: Quirk et al. 1985, chapter 3, for the scale from passive to adjective.

use lyceum_prose::Sentence;

use super::{lexicon::Traits, reading::Reading};

/// A passive verb group, from its first auxiliary to its participle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passive {
    /// Its first word.
    pub first: usize,
    /// Its participle.
    pub participle: usize,
}

/// The passive verb groups of a sentence.
pub fn find(reading: &Reading<'_>, sentence: &Sentence) -> impl Iterator<Item = Passive> {
    let words = sentence.words.clone();
    words.clone().filter_map(move |word| {
        let traits = reading.traits(word);
        if !traits.any(Traits::BE | Traits::GET) {
            return None;
        }
        let participle = participle_after(reading, words.start, word, words.end)?;
        let get = traits.any(Traits::GET);
        if get && (word > words.start && reading.traits(word - 1).any(Traits::HAVE) || participle != word + 1) {
            return None;
        }
        Some(Passive {
            first: first_auxiliary(reading, word, words.start),
            participle,
        })
    })
}

fn participle_after(reading: &Reading<'_>, start: usize, be: usize, end: usize) -> Option<usize> {
    let mut at = be + 1;
    let mut asked = false;
    while at < end && at <= be + 4 {
        let traits = reading.traits(at);
        if is_participle(reading, at, end) {
            return Some(at);
        }
        if traits.any(Traits::BE) {
            return None;
        }
        // "Was the window broken?"
        let opens = be == start && at > be && at <= be + 3 && reading.traits(be + 1).any(Traits::DETERMINER);
        if opens && (at == be + 1 || !traits.any(Traits::STOP | Traits::PREPOSITION)) {
            at += 1;
            continue;
        }
        // "Was it made by hand?"
        if !asked && at == be + 1 && traits.any(Traits::SUBJECT) {
            asked = true;
        } else if !traits.any(Traits::ADVERB)
            && !matches!(
                reading.lower(at),
                "first" | "later" | "thus" | "only" | "since" | "therefore" | "twice"
            )
        {
            return None;
        }
        at += 1;
    }
    None
}

fn is_participle(reading: &Reading<'_>, word: usize, end: usize) -> bool {
    let traits = reading.traits(word);
    if !traits.any(Traits::PARTICIPLE | Traits::ED | Traits::STATE) {
        return false;
    }
    let next = if word + 1 < end { reading.lower(word + 1) } else { "" };
    match reading.lower(word) {
        // "It is used to cut" is passive; "she is used to the noise" is not.
        "used" => {
            matches!(next, "in" | "for" | "as" | "by" | "on" | "with")
                || next == "to"
                    && !reading
                        .traits(word + 2)
                        .any(Traits::DETERMINER | Traits::ING | Traits::THIRD)
        }
        // "It was left in the dark" is passive; "two are left" is not.
        "left" => matches!(
            next,
            "in" | "on" | "behind" | "alone" | "out" | "at" | "to" | "under" | "by" | "without"
        ),
        "bound" | "meant" | "supposed" if next == "to" => false,
        _ if traits.any(Traits::STATE) => next == "by",
        _ => true,
    }
}

/// Takes in the auxiliaries before: "has been", "will not be".
fn first_auxiliary(reading: &Reading<'_>, be: usize, start: usize) -> usize {
    let mut first = be;
    for word in (start.max(be.saturating_sub(4))..be).rev() {
        let traits = reading.traits(word);
        if traits.any(Traits::HAVE | Traits::MODAL | Traits::BE | Traits::FUTURE) {
            first = word;
        } else if !traits.any(Traits::ADVERB) {
            break;
        }
    }
    first
}
