//! The tense of sentences, and where it shifts.
//!
//! Finite verbs are recognised by form and neighbours; verbs in quotations and "I think" in front of a clause say
//! nothing about the tense of the telling. A shift is told only where a sentence in one tense stands against
//! neighbours in the other, goes on about the same things, and no word sets a new time. When not: general truths and
//! present thoughts about past events are no slips, so those are left alone where a rule can see them.
//! Source: after the tense sequence rules of Quirk et al. 1985, chapter 4.

use lyceum_prose::{Paragraph, Sentence};

use super::{
    lexicon::{Role, Traits},
    reading::Reading,
};

/// A main tense.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tense {
    /// Past.
    Past,
    /// Present.
    Present,
    /// Future.
    Future,
}

/// The finite verbs of a sentence.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verbs {
    /// In the past.
    pub past: u32,
    /// In the present.
    pub present: u32,
    /// In the future.
    pub future: u32,
    /// The first of them.
    pub first: Option<usize>,
}

impl Verbs {
    /// The finite verbs of a sentence.
    #[must_use]
    pub fn of(reading: &Reading<'_>, sentence: &Sentence) -> Self {
        let mut verbs = Self::default();
        for word in sentence.words.clone() {
            let Some(tense) = finite(reading, sentence, word) else {
                continue;
            };
            verbs.first.get_or_insert(word);
            match tense {
                Tense::Past => verbs.past += 1,
                Tense::Present => verbs.present += 1,
                Tense::Future => verbs.future += 1,
            }
        }
        verbs
    }

    /// The tense, when all verbs agree.
    #[must_use]
    pub fn pure(&self) -> Option<Tense> {
        match (self.past, self.present, self.future) {
            (1.., 0, 0) => Some(Tense::Past),
            (0, 1.., 0) => Some(Tense::Present),
            (0, 0, 1..) => Some(Tense::Future),
            _ => None,
        }
    }
}

/// The tense of most of many sentences' verbs.
#[must_use]
pub fn main(verbs: &[Verbs]) -> Option<Tense> {
    let sum = |of: fn(&Verbs) -> u32| verbs.iter().map(of).sum::<u32>();
    let (past, present, future) = (sum(|v| v.past), sum(|v| v.present), sum(|v| v.future));
    if past + present + future < 3 {
        return None;
    }
    let most = past.max(present).max(future);
    Some(if past == most {
        Tense::Past
    } else if present == most {
        Tense::Present
    } else {
        Tense::Future
    })
}

fn finite(reading: &Reading<'_>, sentence: &Sentence, word: usize) -> Option<Tense> {
    let traits = reading.traits(word);
    let verbal =
        Traits::PAST | Traits::PRESENT | Traits::FUTURE | Traits::ED | Traits::THIRD_S | Traits::BASE | Traits::GET;
    if third_person(reading, sentence, word) {
        return (!reading.prose.quoted(reading.prose.words[word].span)).then_some(Tense::Present);
    }
    if !traits.any(verbal) || reading.prose.quoted(reading.prose.words[word].span) {
        return None;
    }
    let before = Before::of(reading, sentence, word);
    if traits.any(Traits::FUTURE) {
        return Some(Tense::Future);
    }
    if traits.any(Traits::PAST) && !traits.any(Traits::PARTICIPLE | Traits::ED) {
        return (!before.to && !before.modal).then_some(Tense::Past);
    }
    if traits.any(Traits::PAST | Traits::ED) {
        let next = reading.traits(word + 1);
        let reduced = word + 1 < sentence.words.end
            && (reading.lower(word + 1) == "by"
                || is_noun_like(next) && !before.subject && traits.any(Traits::ED) && !traits.any(Traits::PAST));
        let finite = !before.auxiliary
            && !before.modal
            && !before.to
            && !before.opens_noun
            && !reduced
            && !traits.any(Traits::STATE);
        return finite.then_some(Tense::Past);
    }
    if traits.any(Traits::PRESENT) {
        if before.to || before.modal {
            return None;
        }
        let future = reading.inside(word, |role| role == Role::Future);
        return Some(if future { Tense::Future } else { Tense::Present });
    }
    if traits.any(Traits::THIRD_S) {
        return (!before.opens_noun && !before.to && !before.auxiliary).then_some(Tense::Present);
    }
    let opinion = before.first && traits.any(Traits::OPINION);
    (traits.any(Traits::BASE) && before.plural_subject && !before.asked && !opinion).then_some(Tense::Present)
}

/// "He stops": after these pronouns only a verb ends in -s.
fn third_person(reading: &Reading<'_>, sentence: &Sentence, word: usize) -> bool {
    let traits = reading.traits(word);
    word > sentence.words.start
        && matches!(reading.lower(word - 1), "he" | "she" | "it")
        && reading.lower(word).ends_with('s')
        && !reading.lower(word).ends_with("ss")
        && !traits.any(Traits::STOP | Traits::ADVERB | Traits::PAST | Traits::BE)
        // "Did it" and "saw it" put the pronoun elsewhere.
        && (word < sentence.words.start + 2 || !reading.traits(word - 2).any(Traits::PAST | Traits::MODAL | Traits::PREPOSITION))
}

fn is_noun_like(traits: Traits) -> bool {
    !traits.any(Traits::STOP | Traits::ADVERB | Traits::PREPOSITION | Traits::DETERMINER | Traits::BE)
}

/// What stands before a verb, adverbs left out.
#[derive(Default)]
struct Before {
    to: bool,
    modal: bool,
    auxiliary: bool,
    opens_noun: bool,
    subject: bool,
    plural_subject: bool,
    first: bool,
    asked: bool,
}

impl Before {
    fn of(reading: &Reading<'_>, sentence: &Sentence, word: usize) -> Self {
        let mut at = word;
        let mut before = Self::default();
        for _ in 0..4 {
            if at == sentence.words.start {
                return before;
            }
            at -= 1;
            let traits = reading.traits(at);
            if traits.any(Traits::SUBJECT) {
                before.subject = true;
                before.plural_subject = matches!(reading.lower(at), "i" | "we" | "you" | "they");
                before.first = reading.lower(at) == "i";
                before.asked = at > sentence.words.start
                    && (reading.traits(at - 1).any(Traits::MODAL | Traits::FUTURE)
                        || matches!(reading.lower(at - 1), "did" | "let" | "didn't"));
                before.modal = traits.any(Traits::MODAL);
                before.auxiliary = traits.any(Traits::HAVE | Traits::BE | Traits::CONTRACTED) || before.asked;
                return before;
            }
            if traits.any(Traits::MODAL | Traits::FUTURE)
                || matches!(
                    reading.lower(at),
                    "did" | "didn't" | "do" | "don't" | "does" | "doesn't"
                )
            {
                before.modal = true;
                return before;
            }
            if traits.any(Traits::BE | Traits::HAVE | Traits::GET | Traits::CONTRACTED) {
                before.auxiliary = true;
                return before;
            }
            if reading.lower(at) == "to" {
                before.to = true;
                return before;
            }
            if traits.any(Traits::ADVERB) && !traits.any(Traits::DETERMINER) {
                continue;
            }
            before.opens_noun = traits.any(Traits::DETERMINER | Traits::PREPOSITION)
                && !matches!(
                    reading.lower(at),
                    "that"
                        | "this"
                        | "all"
                        | "both"
                        | "many"
                        | "some"
                        | "most"
                        | "each"
                        | "these"
                        | "those"
                        | "since"
                        | "until"
                        | "than"
                        | "as"
                        | "like"
                );
            return before;
        }
        before
    }
}

/// A sentence whose tense stands against its neighbours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shift {
    /// The verb that shifts.
    pub verb: usize,
    /// The verb of the sentence before.
    pub before: usize,
    /// The tense it shifts to.
    pub to: Tense,
}

/// Where the tense shifts in a paragraph. `verbs` are those of its sentences; its first is `first`.
#[must_use]
pub fn shifts(reading: &Reading<'_>, paragraph: &Paragraph, first: usize, verbs: &[Verbs]) -> Vec<Shift> {
    let mut found: Vec<Shift> = Vec::new();
    let sentences = paragraph.sentences.clone();
    for at in sentences.start + 1..sentences.end {
        let (Some(from), Some(to)) = (verbs[at - 1 - first].pure(), verbs[at - first].pure()) else {
            continue;
        };
        let (Some(before), Some(verb)) = (verbs[at - 1 - first].first, verbs[at - first].first) else {
            continue;
        };
        if from == to || from == Tense::Future || to == Tense::Future {
            continue;
        }
        let sentence = &reading.prose.sentences[at];
        // The odd one out: two before it agree, or the telling goes back after it.
        let settled = at >= sentences.start + 2 && verbs[at - 2 - first].pure() == Some(from);
        let returns = at + 1 < sentences.end && verbs[at + 1 - first].pure() == Some(from);
        // The way back is no second shift.
        let back = found
            .last()
            .is_some_and(|shift| shift.verb >= reading.prose.sentences[at - 1].words.start);
        if back || !(settled || returns) || sets_time(reading, sentence) {
            continue;
        }
        if to == Tense::Present
            && (lasts(reading, sentence, verb) || thinks(reading, sentence, verb) || !goes_on(reading, at))
        {
            continue;
        }
        if to == Tense::Past && (!goes_on(reading, at) || sets_time(reading, &reading.prose.sentences[at - 1])) {
            continue;
        }
        found.push(Shift { verb, before, to });
    }
    found
}

fn sets_time(reading: &Reading<'_>, sentence: &Sentence) -> bool {
    sentence
        .words
        .clone()
        .any(|word| reading.traits(word).any(Traits::TIME) || is_year(reading, word))
        || reading
            .cues_in(sentence)
            .iter()
            .any(|cue| cue.role == Role::Like(Traits::TIME))
        || reading.prose.sentence_text(sentence).ends_with('?')
}

fn is_year(reading: &Reading<'_>, word: usize) -> bool {
    let text = reading.lower(word);
    text.len() == 4
        && (text.starts_with("1") || text.starts_with("20"))
        && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Verbs of lasting states, which are true after the story as well, and what things are or have.
fn lasts(reading: &Reading<'_>, sentence: &Sentence, verb: usize) -> bool {
    let person = (sentence.words.start..verb).any(|word| reading.traits(word).any(Traits::SUBJECT));
    if !person && reading.traits(verb).any(Traits::BE | Traits::HAVE) {
        return true;
    }
    matches!(
        reading.lower(verb),
        "like"
            | "likes"
            | "love"
            | "loves"
            | "live"
            | "lives"
            | "know"
            | "knows"
            | "hate"
            | "hates"
            | "prefers"
            | "works"
            | "studies"
            | "owns"
            | "belongs"
            | "remains"
            | "means"
            | "consists"
            | "contains"
            | "exists"
            | "stands"
            | "lies"
    )
}

/// Whether a sentence tells what the writer thinks now.
fn thinks(reading: &Reading<'_>, sentence: &Sentence, verb: usize) -> bool {
    let own = sentence.words.start..verb;
    own.into_iter()
        .any(|word| reading.traits(word).any(Traits::FIRST) || matches!(reading.lower(word), "this" | "that" | "these"))
        && (reading
            .traits(verb)
            .any(Traits::BE | Traits::OPINION | Traits::HAVE | Traits::MODAL)
            || matches!(
                reading.lower(verb),
                "know"
                    | "understand"
                    | "realise"
                    | "realize"
                    | "see"
                    | "want"
                    | "hope"
                    | "wish"
                    | "remember"
                    | "love"
                    | "like"
                    | "wonder"
                    | "shows"
                    | "means"
                    | "do"
                    | "don't"
                    | "need"
                    | "feels"
                    | "teaches"
                    | "explains"
                    | "suggests"
            ))
}

/// Whether a sentence goes on about the people and things of the one before.
fn goes_on(reading: &Reading<'_>, at: usize) -> bool {
    let (before, now) = (&reading.prose.sentences[at - 1], &reading.prose.sentences[at]);
    let opening = now.words.start..now.words.end.min(now.words.start + 4);
    let person = opening.clone().any(|word| {
        matches!(
            reading.lower(word),
            "he" | "she" | "it" | "we" | "they" | "i" | "his" | "her" | "their" | "my" | "our"
        )
    });
    person
        || reading
            .stems(opening)
            .any(|stem| reading.stems(before.words.clone()).any(|other| other == stem))
}
