//! Grammatical person, and where a paragraph slips from one to another.
//!
//! Third-person pronouns live beside any other ("I met her"), so two slips are told: a "you" that addresses nobody in
//! a paragraph told in the first or third person, and "one" beside "I" or "you". When not: instructions, letters,
//! questions to the reader and quotations speak to somebody. Source: Hyland 2005 on self-mention and reader pronouns.

use lyceum_prose::{Paragraph, Sentence};

use super::{
    lexicon::{Role, Traits},
    reading::Reading,
};

/// A grammatical person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Person {
    /// I, we.
    First,
    /// You.
    Second,
    /// He, she, it, they, one.
    Third,
}

/// The first pronoun of each person in a sentence, quotations left out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pronouns {
    /// I, we, my …
    pub first: Option<usize>,
    /// you, your … that is no idiom.
    pub second: Option<usize>,
    /// he, she, they … and "one" as a subject.
    pub third: Option<usize>,
    /// "one" as a subject.
    pub one: Option<usize>,
}

impl Pronouns {
    /// The pronouns of a sentence.
    #[must_use]
    pub fn of(reading: &Reading<'_>, sentence: &Sentence) -> Self {
        let mut pronouns = Self::default();
        for word in sentence.words.clone() {
            let traits = reading.traits(word);
            let one = is_subject_one(reading, sentence, word);
            if !one && !traits.any(Traits::FIRST | Traits::SECOND | Traits::THIRD)
                || reading.prose.quoted(reading.prose.words[word].span)
            {
                continue;
            }
            if one {
                pronouns.one.get_or_insert(word);
                pronouns.third.get_or_insert(word);
            } else if traits.any(Traits::FIRST) {
                pronouns.first.get_or_insert(word);
            } else if traits.any(Traits::SECOND) {
                if !reading.inside(word, |role| role == Role::Idiom) {
                    pronouns.second.get_or_insert(word);
                }
            } else {
                pronouns.third.get_or_insert(word);
            }
        }
        pronouns
    }

    /// The person that a sentence speaks in: the first outranks the second, the second the third.
    #[must_use]
    pub fn person(&self) -> Option<Person> {
        match (self.first, self.second, self.third) {
            (Some(_), ..) => Some(Person::First),
            (None, Some(_), _) => Some(Person::Second),
            (None, None, Some(_)) => Some(Person::Third),
            _ => None,
        }
    }
}

/// "One must", "if one thinks": not "one of", "this one", "one day".
fn is_subject_one(reading: &Reading<'_>, sentence: &Sentence, word: usize) -> bool {
    if reading.lower(word) != "one" || word + 1 >= sentence.words.end {
        return false;
    }
    let next = reading.traits(word + 1);
    let before = word.checked_sub(1).filter(|at| *at >= sentence.words.start);
    let counted = before.is_some_and(|at| {
        reading.traits(at).any(Traits::DETERMINER) && reading.lower(at) != "that"
            || matches!(
                reading.lower(at),
                "number" | "last" | "first" | "next" | "which" | "only" | "good" | "no" | "at"
            )
    });
    !counted
        && next.any(Traits::MODAL | Traits::FUTURE | Traits::THIRD_S | Traits::PRESENT)
        && !matches!(reading.lower(word + 1), "is" | "was")
}

/// The person of most sentences.
#[must_use]
pub fn main(pronouns: &[Pronouns]) -> Option<Person> {
    let count = |person| {
        pronouns
            .iter()
            .filter(|sentence| sentence.person() == Some(person))
            .count()
    };
    let (first, second, third) = (count(Person::First), count(Person::Second), count(Person::Third));
    let most = first.max(second).max(third);
    (most > 0).then_some(if first == most {
        Person::First
    } else if second == most {
        Person::Second
    } else {
        Person::Third
    })
}

/// A pronoun that leaves its paragraph's person.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shift {
    /// The pronoun.
    pub pronoun: usize,
    /// One of those that it leaves.
    pub before: usize,
    /// The person it shifts to.
    pub to: Person,
}

/// Where the person shifts in a paragraph. `inside` are those of its sentences; its first is `start`.
#[must_use]
pub fn shifts(reading: &Reading<'_>, paragraph: &Paragraph, start: usize, inside: &[Pronouns]) -> Option<Shift> {
    let with = |of: fn(&Pronouns) -> Option<usize>| inside.iter().filter(|sentence| of(sentence).is_some()).count();
    let (first, second, third, one) = (
        with(|p| p.first),
        with(|p| p.second),
        with(|p| p.third),
        with(|p| p.one),
    );
    // Who speaks to a reader throughout, or asks, means it.
    let addresses = paragraph.sentences.clone().any(|at| {
        let sentence = &reading.prose.sentences[at];
        inside[at - start].second.is_some()
            && (reading.prose.sentence_text(sentence).ends_with('?') || opens_imperative(reading, sentence))
    });
    if one > 0 && (second > 0 || first > 1) && !addresses {
        let pronoun = inside.iter().find_map(|sentence| sentence.one)?;
        let before = inside.iter().find_map(|sentence| sentence.second.or(sentence.first))?;
        let (pronoun, before) = if before > pronoun {
            (before, pronoun)
        } else {
            (pronoun, before)
        };
        let to = if pronoun == before {
            return None;
        } else {
            person_of(reading, pronoun)
        };
        return Some(Shift { pronoun, before, to });
    }
    let others = first.max(third);
    if second == 0 || addresses || others < 2 || second > others {
        return None;
    }
    let pronoun = inside.iter().find_map(|sentence| sentence.second)?;
    let before = inside
        .iter()
        .find_map(|sentence| if first >= third { sentence.first } else { sentence.third })?;
    // A paragraph that opens with "you" sets its own person.
    (before < pronoun).then_some(Shift {
        pronoun,
        before,
        to: Person::Second,
    })
}

fn person_of(reading: &Reading<'_>, word: usize) -> Person {
    let traits = reading.traits(word);
    if traits.any(Traits::FIRST) {
        Person::First
    } else if traits.any(Traits::SECOND) {
        Person::Second
    } else {
        Person::Third
    }
}

fn opens_imperative(reading: &Reading<'_>, sentence: &Sentence) -> bool {
    let first = sentence.words.start;
    reading.traits(first).any(Traits::BASE)
        || matches!(
            reading.lower(first),
            "imagine"
                | "dear"
                | "please"
                | "put"
                | "let"
                | "do"
                | "don't"
                | "never"
                | "be"
                | "make"
                | "remember"
                | "picture"
        )
}
