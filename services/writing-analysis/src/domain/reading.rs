//! A text made ready for every rule: its prose, and one record for each distinct word.
//!
//! A word costs one hash look-up; what it is (syllables, stem, possibilities) is worked out once for each distinct
//! form. That keeps every rule after it to integer work on arrays, and the whole analysis linear. When not: rules that
//! need the text as written (capitals, punctuation) go to the prose itself.

use hashbrown::{HashMap, HashTable};
use lyceum_prose::{Prose, Sentence, Span, stem};

use super::{
    lexicon::{self, Entry, Role, Traits},
    syllables,
};

/// No phrase of the lexicon has more words; a test of the lexicon says so.
pub(super) const LONGEST: usize = 6;

/// One distinct word in lower case.
pub struct Form {
    text: std::ops::Range<u32>,
    /// What it can be.
    pub traits: Traits,
    /// Its syllables.
    pub syllables: u32,
    /// Its letters and digits.
    pub letters: u32,
    /// Its scalar values.
    pub characters: u32,
    /// Its stem's number, when it is a content word.
    pub stem: Option<u32>,
    entry: Option<&'static Entry>,
}

/// A fixed phrase found in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cue {
    /// The first of its words.
    pub word: usize,
    /// How many words it has.
    pub length: usize,
    /// What it does.
    pub role: Role,
}

/// A text that has been read and looked up.
pub struct Reading<'t> {
    /// Words, sentences and paragraphs.
    pub prose: Prose<'t>,
    /// For each word the number of its form.
    pub forms: Vec<u32>,
    /// Every distinct form, in order of first use.
    pub vocabulary: Vec<Form>,
    /// Fixed phrases in order.
    pub cues: Vec<Cue>,
    lower: String,
}

impl std::fmt::Debug for Reading<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Reading")
            .field("prose", &self.prose)
            .finish_non_exhaustive()
    }
}

impl<'t> Reading<'t> {
    /// Reads a text.
    #[must_use]
    pub fn new(text: &'t str) -> Self {
        Self::of(Prose::parse(text))
    }

    /// Looks up what has been read.
    #[must_use]
    pub fn of(prose: Prose<'t>) -> Self {
        let mut builder = Builder::default();
        let forms = prose.words.iter().map(|word| builder.number(word.text)).collect();
        let mut reading = Reading {
            prose,
            forms,
            vocabulary: builder.vocabulary,
            cues: Vec::new(),
            lower: builder.lower,
        };
        reading.cues = reading.find_cues();
        reading
    }

    /// The form of a word.
    #[must_use]
    pub fn form(&self, word: usize) -> &Form {
        &self.vocabulary[self.forms[word] as usize]
    }

    /// What a word can be; nothing past the end.
    #[must_use]
    pub fn traits(&self, word: usize) -> Traits {
        self.forms
            .get(word)
            .map_or(Traits::default(), |form| self.vocabulary[*form as usize].traits)
    }

    /// A word in lower case with straight apostrophes; empty past the end.
    #[must_use]
    pub fn lower(&self, word: usize) -> &str {
        self.forms
            .get(word)
            .map_or("", |form| self.text_of(&self.vocabulary[*form as usize]))
    }

    /// A form's text.
    #[must_use]
    pub fn text_of(&self, form: &Form) -> &str {
        &self.lower[form.text.start as usize..form.text.end as usize]
    }

    /// From a first to a last word.
    #[must_use]
    pub fn span(&self, first: usize, last: usize) -> Span {
        self.prose.words[first].span.to(self.prose.words[last].span)
    }

    /// The phrases whose first word is in a sentence.
    #[must_use]
    pub fn cues_in(&self, sentence: &Sentence) -> &[Cue] {
        let from = self.cues.partition_point(|cue| cue.word < sentence.words.start);
        let to = self.cues.partition_point(|cue| cue.word < sentence.words.end);
        &self.cues[from..to]
    }

    /// Whether a word is inside a phrase that does `role`.
    #[must_use]
    pub fn inside(&self, word: usize, role: impl Fn(Role) -> bool) -> bool {
        // Phrases have at most six words, so only the cues of the last few words can reach this one.
        let from = self.cues.partition_point(|cue| cue.word + LONGEST < word);
        self.cues[from..]
            .iter()
            .take_while(|cue| cue.word <= word)
            .any(|cue| word < cue.word + cue.length && role(cue.role))
    }

    /// The content stems of a stretch of words.
    pub fn stems(&self, words: std::ops::Range<usize>) -> impl Iterator<Item = u32> {
        self.forms[words]
            .iter()
            .filter_map(|form| self.vocabulary[*form as usize].stem)
    }

    fn find_cues(&self) -> Vec<Cue> {
        let mut cues = Vec::new();
        for sentence in &self.prose.sentences {
            for word in sentence.words.clone() {
                let Some(entry) = self.form(word).entry else { continue };
                for phrase in &entry.phrases {
                    let length = phrase.rest.len() + 1;
                    let fits = word + length <= sentence.words.end
                        && phrase
                            .rest
                            .iter()
                            .zip(word + 1..)
                            .all(|(expected, at)| self.lower(at) == *expected);
                    if fits {
                        cues.push(Cue {
                            word,
                            length,
                            role: phrase.role,
                        });
                    }
                }
            }
        }
        cues
    }
}

/// Numbers distinct words as they come.
#[derive(Default)]
struct Builder {
    lower: String,
    vocabulary: Vec<Form>,
    numbers: HashTable<u32>,
    stems: HashMap<String, u32>,
    hasher: hashbrown::DefaultHashBuilder,
}

impl Builder {
    fn number(&mut self, word: &str) -> u32 {
        use std::hash::BuildHasher as _;
        let start = self.lower.len();
        if word.is_ascii() {
            self.lower.push_str(word);
            self.lower[start..].make_ascii_lowercase();
        } else {
            self.lower.push_str(&stem::lower_case(word));
        }
        let (lower, vocabulary) = (&self.lower, &self.vocabulary);
        let text = &lower[start..];
        let range = |number: u32| {
            let text: &std::ops::Range<u32> = &vocabulary[number as usize].text;
            text.start as usize..text.end as usize
        };
        let hash = self.hasher.hash_one(text);
        if let Some(&number) = self.numbers.find(hash, |number| lower[range(*number)] == *text) {
            self.lower.truncate(start);
            return number;
        }
        let number = u32::try_from(vocabulary.len()).unwrap_or(u32::MAX);
        let hasher = &self.hasher;
        self.numbers
            .insert_unique(hash, number, |number| hasher.hash_one(&lower[range(*number)]));
        let form = Self::describe(text, start, &mut self.stems);
        self.vocabulary.push(form);
        number
    }

    fn describe(text: &str, start: usize, stems: &mut HashMap<String, u32>) -> Form {
        let entry = lexicon::entry(text);
        let stem = stem::content_stem(text).map(|stem| {
            let next = u32::try_from(stems.len()).unwrap_or(u32::MAX);
            *stems.entry_ref(stem.as_ref()).or_insert(next)
        });
        let place = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
        let (letters, characters) = if text.is_ascii() {
            (text.bytes().filter(u8::is_ascii_alphanumeric).count(), text.len())
        } else {
            (
                text.chars().filter(|letter| letter.is_alphanumeric()).count(),
                text.chars().count(),
            )
        };
        Form {
            text: place(start)..place(start + text.len()),
            traits: lexicon::traits(text, entry),
            syllables: syllables::count(text),
            letters: place(letters),
            characters: place(characters),
            stem,
            entry,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;

    #[test]
    fn forms_are_numbered_once() {
        let reading = Reading::new("The dog saw the DOG’s dogs.");
        assert_eq!(reading.forms, [0, 1, 2, 0, 3, 4]);
        assert_eq!(reading.lower(4), "dog's");
        assert_eq!(reading.form(1).stem, reading.form(5).stem);
        assert_eq!(reading.form(0).stem, None);
    }

    #[test]
    fn phrases_are_found_inside_sentences() {
        let reading = Reading::new("In conclusion, it failed. In. Conclusion.");
        assert_eq!(
            reading.cues,
            [Cue {
                word: 0,
                length: 2,
                role: Role::Conclusion
            }]
        );
    }
}
