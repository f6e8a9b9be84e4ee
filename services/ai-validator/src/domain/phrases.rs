//! Phrases: small patterns over words that show what a text does.
//!
//! A pattern is a row of words. `a|b` is either word, `wor*` any word that begins so, `#name` any word of a named
//! class, `~` up to three words of any kind, and `~~` up to nine. Patterns are found by their first word, so a text is read once
//! however many patterns there are. When not: phrases know no grammar; what they find is evidence, not proof.

use std::collections::HashMap;
use std::ops::Range;

use lyceum_prose::{Prose, Span, stem};

/// How many words `~` may pass over.
const GAP: usize = 3;
/// How many words `~~` may pass over.
const LONG_GAP: usize = 9;

/// A class of words that patterns name.
pub(crate) type Class = (&'static str, &'static [&'static str]);

/// Where a pattern was found.
#[derive(Clone, Debug)]
pub(crate) struct Hit<K> {
    /// What the pattern stands for.
    pub(crate) kind: K,
    /// The words, in the text.
    pub(crate) span: Span,
    /// The same as indices into [`Prose::words`].
    pub(crate) words: Range<usize>,
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
pub(crate) struct Phrases<K> {
    patterns: Vec<Pattern<K>>,
    by_first: HashMap<&'static str, Vec<usize>>,
}

impl<K: Copy> Phrases<K> {
    /// Compiles a table. A pattern's first word is never a prefix or a gap; a test holds the tables to it.
    pub(crate) fn new(table: &[(K, &'static [&'static str])], classes: &[Class]) -> Self {
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
    pub(crate) fn find(&self, prose: &Prose<'_>, range: Range<usize>) -> Vec<Hit<K>> {
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

    #[cfg(test)]
    pub(crate) fn unreachable(&self) -> usize {
        let reachable: std::collections::HashSet<_> = self.by_first.values().flatten().collect();
        self.patterns.len() - reachable.len()
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
fn matches(tokens: &[Vec<Token>], words: &[std::borrow::Cow<'_, str>]) -> Option<usize> {
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
