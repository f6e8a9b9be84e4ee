//! Phrases: small patterns over words that show what a text does.
//!
//! What: a table of patterns, each standing for something, is compiled once and then found in any range of a text's
//! words. A pattern is a row of places. `a|b` is either word, `wor*` any word that begins so, `#name` any word of a
//! named class, `~` up to three words of any kind, and `~~` up to nine. Why: the judgements of reflection, of tasks and
//! of replies are lists of telling phrases, and such lists are read, checked and cited more easily than code. Patterns
//! are found by their first word, so a text is read once however many patterns there are. When not: phrases know no
//! grammar; what they find is evidence, not proof. Source: our own; the first place as index is the usual one of
//! keyword matchers (Aho & Corasick 1975 go further and share every prefix, which gaps would undo).

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::Range;

use crate::{Prose, Span, stem};

/// How many words `~` may pass over.
const GAP: usize = 3;
/// How many words `~~` may pass over.
const LONG_GAP: usize = 9;

/// A class of words that patterns name.
pub type Class = (&'static str, &'static [&'static str]);

/// Where a pattern was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hit<K> {
    /// What the pattern stands for.
    pub kind: K,
    /// The words, in the text.
    pub span: Span,
    /// The same as indices into [`Prose::words`].
    pub words: Range<usize>,
}

enum Token {
    Word(&'static str),
    Prefix(&'static str),
    Gap(usize),
}

struct Pattern<K> {
    kind: K,
    /// Each place with its alternatives.
    tokens: Vec<Vec<Token>>,
}

/// Patterns, compiled once.
pub struct Phrases<K> {
    patterns: Vec<Pattern<K>>,
    by_first: HashMap<&'static str, Vec<usize>>,
}

impl<K: Copy> Phrases<K> {
    /// Compiles a table. A pattern's first word is never a prefix or a gap alone: it would never be found, and
    /// a test of each table asks for [`Self::unreachable`].
    #[must_use]
    pub fn new(table: &[(K, &'static [&'static str])], classes: &[Class]) -> Self {
        let mut phrases = Self {
            patterns: Vec::new(),
            by_first: HashMap::new(),
        };
        for (kind, rows) in table {
            for row in *rows {
                let tokens: Vec<Vec<Token>> = row.split(' ').map(|place| alternatives(place, classes)).collect();
                let index = phrases.patterns.len();
                for token in tokens.iter().take(1).flatten() {
                    if let Token::Word(word) = token {
                        let known = phrases.by_first.entry(word).or_default();
                        if known.last() != Some(&index) {
                            known.push(index);
                        }
                    }
                }
                phrases.patterns.push(Pattern { kind: *kind, tokens });
            }
        }
        phrases
    }

    /// Everything found among the words of a range, in order.
    #[must_use]
    pub fn find(&self, prose: &Prose<'_>, range: Range<usize>) -> Vec<Hit<K>> {
        let first = range.start;
        let words = &prose.words[range];
        let lower: Vec<_> = words.iter().map(|word| stem::lower_case(word.text)).collect();
        let mut hits = Vec::new();
        for (start, word) in lower.iter().enumerate() {
            for &index in self.by_first.get(word.as_ref()).into_iter().flatten() {
                let pattern = &self.patterns[index];
                if let Some(length) = matches(&pattern.tokens, &lower[start..]) {
                    hits.push(Hit {
                        kind: pattern.kind,
                        words: first + start..first + start + length,
                        span: words[start].span.to(words[start + length - 1].span),
                    });
                }
            }
        }
        hits
    }

    /// How many patterns can never be found, because their first place names no word. For the tests of tables.
    #[must_use]
    pub fn unreachable(&self) -> usize {
        let named = |pattern: &&Pattern<K>| {
            let mut first = pattern.tokens.iter().take(1).flatten();
            first.any(|token| matches!(token, Token::Word(_)))
        };
        self.patterns.len() - self.patterns.iter().filter(named).count()
    }
}

fn alternatives(place: &'static str, classes: &[Class]) -> Vec<Token> {
    let mut tokens = Vec::new();
    for alternative in place.split('|') {
        if alternative == "~" {
            tokens.push(Token::Gap(GAP));
        } else if alternative == "~~" {
            tokens.push(Token::Gap(LONG_GAP));
        } else if let Some(name) = alternative.strip_prefix('#') {
            let members = classes.iter().filter(|(class, _)| *class == name);
            tokens.extend(members.flat_map(|(_, words)| words.iter()).map(|word| token(word)));
        } else {
            tokens.push(token(alternative));
        }
    }
    tokens
}

fn token(word: &'static str) -> Token {
    word.strip_suffix('*').map_or(Token::Word(word), Token::Prefix)
}

/// How many words the pattern takes at the start of `words`; at least one.
fn matches(tokens: &[Vec<Token>], words: &[Cow<'_, str>]) -> Option<usize> {
    let Some((place, rest)) = tokens.split_first() else {
        return Some(0);
    };
    if let [Token::Gap(most)] = place.as_slice() {
        return (0..=(*most).min(words.len()))
            .find_map(|skip| matches(rest, &words[skip..]).map(|length| length + skip));
    }
    let word = words.first()?;
    let fits = place.iter().any(|token| match token {
        Token::Word(expected) => word == expected,
        Token::Prefix(prefix) => word.starts_with(prefix),
        Token::Gap(_) => false,
    });
    if !fits {
        return None;
    }
    matches(rest, &words[1..]).map(|length| length + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLASSES: &[Class] = &[("thing", &["owl", "mice", "star*"])];
    const TABLE: &[(char, &[&str])] = &[
        ('a', &["the #thing", "how|why do"]),
        ('b', &["as ~ as", "either ~~ or"]),
        ('c', &["realis* it", "~ it"]),
    ];

    fn found(text: &str) -> Vec<(char, String)> {
        let phrases = Phrases::new(TABLE, CLASSES);
        let prose = Prose::parse(text);
        let hits = phrases.find(&prose, 0..prose.words.len());
        for hit in &hits {
            let (first, last) = (&prose.words[hit.words.start], &prose.words[hit.words.end - 1]);
            assert_eq!(hit.span, first.span.to(last.span));
        }
        hits.into_iter()
            .map(|hit| {
                let words: Vec<_> = prose.words[hit.words].iter().map(|word| word.text).collect();
                (hit.kind, words.join(" "))
            })
            .collect()
    }

    fn only(kind: char, words: &str) -> Vec<(char, String)> {
        vec![(kind, words.to_owned())]
    }

    #[test]
    fn words_classes_and_beginnings_are_found_in_any_case() {
        assert_eq!(found("She saw The Owl."), only('a', "The Owl"));
        assert_eq!(found("She saw the starlings."), only('a', "the starlings"));
        assert_eq!(found("Why do owls hunt?"), only('a', "Why do"));
        assert!(found("The dog. Owl the.").is_empty());
    }

    #[test]
    fn gaps_pass_over_a_bounded_number_of_words() {
        assert_eq!(found("as as"), only('b', "as as"));
        assert_eq!(found("as cold and wet as ever"), only('b', "as cold and wet as"));
        assert!(found("as cold and wet and dark as").is_empty());
        assert_eq!(found("either one two three four five six seven eight nine or").len(), 1);
        assert!(found("either one two three four five six seven eight nine ten or").is_empty());
    }

    #[test]
    fn only_the_range_is_looked_at() {
        let phrases = Phrases::new(TABLE, CLASSES);
        let prose = Prose::parse("The owl and the mice.");
        let words = |range| -> Vec<_> {
            let hits = phrases.find(&prose, range).into_iter();
            hits.map(|hit| (hit.words.start, hit.words.end)).collect()
        };
        assert_eq!(words(0..5), [(0, 2), (3, 5)]);
        assert_eq!(words(1..5), [(3, 5)]);
        assert_eq!(words(0..4), [(0, 2)]);
        assert!(words(2..2).is_empty());
    }

    #[test]
    fn patterns_without_a_first_word_are_counted() {
        assert_eq!(Phrases::new(TABLE, CLASSES).unreachable(), 2);
        assert_eq!(Phrases::new(&TABLE[..2], CLASSES).unreachable(), 0);
        assert!(found("I realised it.").is_empty());
    }
}
