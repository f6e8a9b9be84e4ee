//! What single words and fixed phrases can be, before any context.
//!
//! One table from lower-case words to [`Traits`], and one from first words to the phrases that they open. It is built
//! once; a reading looks each distinct word up once. When not: a trait is a possibility ("saw" may be a noun), and the
//! rules that use it look at the neighbours. Source: Hyland 2005 for hedges and boosters, Crossley, Kyle & McNamara
//! 2016 for the classes of connectives; the choice of words is our own.

mod verbs;
mod words;

use std::{ops::BitOr, sync::LazyLock};

use hashbrown::HashMap;

/// A set of possibilities.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traits(u64);

impl Traits {
    /// Whether any of `others` is among them.
    #[must_use]
    pub const fn any(self, others: Traits) -> bool {
        self.0 & others.0 != 0
    }

    /// Both sets together.
    #[must_use]
    pub const fn with(self, others: Traits) -> Traits {
        Traits(self.0 | others.0)
    }
}

impl BitOr for Traits {
    type Output = Traits;

    fn bitor(self, others: Traits) -> Traits {
        self.with(others)
    }
}

macro_rules! traits {
    ($($(#[$doc:meta])* $name:ident = $bit:expr;)*) => {
        impl Traits {
            $($(#[$doc])* pub const $name: Traits = Traits(1 << $bit);)*
        }
    };
}

traits! {
    /// am, is, was, be …
    BE = 0;
    /// get, got …
    GET = 1;
    /// have, has, had …
    HAVE = 2;
    /// can, may, should …
    MODAL = 3;
    /// A past form that is nothing else: was, went, took.
    PAST = 4;
    /// A present form that is nothing else: is, has, does.
    PRESENT = 5;
    /// A past participle of an irregular verb.
    PARTICIPLE = 6;
    /// Ends like a regular past or participle.
    ED = 7;
    /// Ends like a progressive.
    ING = 8;
    /// A base form of a common verb, which is present after I, we, you, they.
    BASE = 9;
    /// A third person of a common verb that is no usual noun: says, makes.
    THIRD_S = 10;
    /// A participle that usually describes a state: interested, tired.
    STATE = 11;
    /// I, we …
    FIRST = 12;
    /// you …
    SECOND = 13;
    /// he, she, it, they …
    THIRD = 14;
    /// A pronoun that can be a subject.
    SUBJECT = 15;
    /// Weakens a claim.
    HEDGE = 16;
    /// Strengthens a claim.
    BOOSTER = 17;
    /// and, moreover …
    ADDITIVE = 18;
    /// because, therefore …
    CAUSAL = 19;
    /// but, however …
    CONTRASTIVE = 20;
    /// then, afterwards …
    TEMPORAL = 21;
    /// because, although, which … opens a clause below another.
    SUBORDINATOR = 22;
    /// A function word.
    STOP = 23;
    /// Carries a nominal suffix on a verb or an adjective.
    NOMINAL = 24;
    /// Long, with a Latinate or Greek suffix.
    LATINATE = 25;
    /// An adverb that may stand inside a verb group.
    ADVERB = 26;
    /// this, these, such … points back.
    POINTER = 27;
    /// a, the, my, some …
    DETERMINER = 28;
    /// in, of, by …
    PREPOSITION = 29;
    /// make, take, give … in any form.
    LIGHT = 30;
    /// will, shall.
    FUTURE = 31;
    /// now, yesterday, nowadays … sets a time of its own.
    TIME = 32;
    /// Speaks of evidence: study, data, survey.
    EVIDENCE = 33;
    /// Has a digit.
    NUMBER = 34;
    /// think, believe … after I.
    OPINION = 35;
    /// should, must, ought.
    OUGHT = 36;
    /// Praises or blames: better, harmful.
    VALUE = 37;
    /// A contraction with not.
    NEGATED = 38;
    /// A contraction that holds a form of be or have: "it's", "they're".
    CONTRACTED = 39;
}

/// What a fixed phrase does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// One of the classes of single words.
    Like(Traits),
    /// Opens a position: "in my opinion".
    Position,
    /// Opens a claim: "one reason".
    Claim,
    /// Opens evidence: "for example".
    Evidence,
    /// Opens another's view: "some people say".
    Counterclaim,
    /// Answers it: "this ignores".
    Rebuttal,
    /// Draws together: "in conclusion".
    Conclusion,
    /// Opens a subject: "have you ever".
    Lead,
    /// "going to" as a future.
    Future,
    /// "you" that addresses nobody: "thank you".
    Idiom,
}

/// A fixed phrase, without its first word.
#[derive(Debug)]
pub struct Phrase {
    /// The words after the first.
    pub rest: Vec<&'static str>,
    /// What it does.
    pub role: Role,
}

/// What the table knows of a word.
#[derive(Debug, Default)]
pub struct Entry {
    /// What it can be.
    pub traits: Traits,
    /// The phrases it opens, longest first.
    pub phrases: Vec<Phrase>,
}

static TABLE: LazyLock<HashMap<&'static str, Entry>> = LazyLock::new(|| {
    let mut table: HashMap<&'static str, Entry> = HashMap::with_capacity(2_000);
    for (traits, list) in words::WORDS.iter().chain(verbs::VERBS) {
        for word in list.split_ascii_whitespace() {
            let entry = table.entry(word).or_default();
            entry.traits = entry.traits | *traits;
        }
    }
    for (role, list) in words::PHRASES {
        for phrase in list.split('|') {
            let mut parts = phrase.split_ascii_whitespace();
            let Some(first) = parts.next() else { continue };
            table.entry(first).or_default().phrases.push(Phrase {
                rest: parts.collect(),
                role: *role,
            });
        }
    }
    for entry in table.values_mut() {
        entry.phrases.sort_by_key(|phrase| std::cmp::Reverse(phrase.rest.len()));
    }
    table
});

/// Looks a lower-case word up.
#[must_use]
pub fn entry(word: &str) -> Option<&'static Entry> {
    TABLE.get(word)
}

/// What a lower-case word can be: by the table, and by its shape.
#[must_use]
pub fn traits(word: &str, entry: Option<&Entry>) -> Traits {
    let mut found = entry.map_or(Traits::default(), |entry| entry.traits);
    if lyceum_prose::stem::is_stop_word(word) {
        found = found | Traits::STOP;
    }
    if word.bytes().any(|byte| byte.is_ascii_digit()) {
        found = found | Traits::NUMBER;
    }
    if word.ends_with("n't") {
        found = found | Traits::NEGATED;
    }
    let length = word.len();
    if length > 40 || !word.is_ascii() {
        return found;
    }
    let listed = |list: &[&str]| list.iter().any(|ending| word.ends_with(ending));
    if length > 4
        && word.ends_with("ly")
        && !listed(&[
            "family", "apply", "reply", "supply", "only", "early", "friendly", "daily",
        ])
    {
        found = found | Traits::ADVERB;
    }
    if length > 3 && word.ends_with("ed") && !found.any(Traits::STOP) && !words::NOT_ED.contains(&word) {
        found = found | Traits::ED;
    }
    if length > 4 && word.ends_with("ing") && !words::NOT_ING.contains(&word) {
        found = found | Traits::ING;
    }
    if length > 6 && words::is_nominalisation(word) {
        found = found | Traits::NOMINAL;
    }
    if length > 6 && listed(words::LATINATE_SUFFIXES) {
        found = found | Traits::LATINATE;
    }
    found
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    #[test]
    fn phrases_are_short_enough() {
        for (_, list) in words::PHRASES {
            for phrase in list.split('|') {
                let words = phrase.split_ascii_whitespace().count();
                assert!((1..=crate::domain::reading::LONGEST).contains(&words), "{phrase}");
                assert!(
                    phrase
                        .chars()
                        .all(|letter| letter.is_ascii_lowercase() || letter == ' ' || letter == '\''),
                    "{phrase}"
                );
            }
        }
    }

    #[test]
    fn words_are_what_they_can_be() {
        let of = |word: &str| traits(word, entry(word));
        assert!(of("was").any(Traits::BE) && of("was").any(Traits::PAST));
        assert!(of("perhaps").any(Traits::HEDGE) && !of("perhaps").any(Traits::BOOSTER));
        assert!(of("interested").any(Traits::STATE) && of("jumped").any(Traits::ED) && !of("hundred").any(Traits::ED));
        assert!(of("investigation").any(Traits::NOMINAL) && !of("nation").any(Traits::NOMINAL));
        assert!(of("evaporation").any(Traits::LATINATE) && !of("kitchen").any(Traits::LATINATE));
        assert!(
            entry("in")
                .unwrap()
                .phrases
                .iter()
                .any(|phrase| phrase.role == Role::Conclusion)
        );
        assert_eq!(of("zzyzx"), Traits::default());
    }
}
