//! English prose as words, sentences, paragraphs and quotations, each with its place in the text.
//!
//! Everything that reads student writing starts here, so that all services agree on what a word and a sentence are and
//! where they stand. Places are half-open [`Span`]s of Unicode scalar values, because that is what the contracts carry
//! and what a browser, a Rust `char` iterator and a Python string can all follow; byte ranges stand beside them for
//! slicing.
//!
//! 1. [`Prose::parse`] reads the text once, in linear time, and never fails: emoji, right-to-left text, combining
//!    marks and a word of a megabyte are text like any other.
//! 2. Every sentence has a word and every paragraph a sentence. A line of `***` belongs to no paragraph; a lone
//!    emoji joins the sentence beside it.
//! 3. Paragraphs are separated by line breaks, so a heading without a full stop is a sentence of its own.
//! 4. [`language::detect`] tells whether it is worth reading as English; [`stem::content_stem`] folds inflected forms;
//!    [`phrases`] finds telling phrases.
//!
//! When not: this is no parser of grammar, and it does not segment scripts written without spaces.
//! Source: Unicode Standard Annex 29 for the shape of words; Kiss & Strunk 2006 for the treatment of abbreviations.

pub mod language;
pub mod phrases;
pub mod stem;

mod abbreviations;
mod lines;
mod quotations;
mod sentences;
mod span;
mod words;

use std::ops::Range;

pub use sentences::Sentence;
pub use span::Span;
pub use words::Word;

/// A run of sentences without a line break in between.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paragraph {
    /// From its first visible character to its last.
    pub span: Span,
    /// The same in bytes.
    pub bytes: Range<usize>,
    /// Which of [`Prose::sentences`] are in it; never empty.
    pub sentences: Range<usize>,
}

/// A text that has been read.
pub struct Prose<'t> {
    /// The text itself.
    pub text: &'t str,
    /// Every word in order.
    pub words: Vec<Word<'t>>,
    /// Every sentence in order.
    pub sentences: Vec<Sentence>,
    /// Every paragraph in order.
    pub paragraphs: Vec<Paragraph>,
    /// What stands in double quotation marks, the marks included, and lines quoted with `>`; in order.
    pub quotations: Vec<Span>,
    characters: u32,
}

impl std::fmt::Debug for Prose<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Prose")
            .field("characters", &self.characters)
            .field("words", &self.words.len())
            .field("sentences", &self.sentences.len())
            .field("paragraphs", &self.paragraphs.len())
            .finish_non_exhaustive()
    }
}

impl<'t> Prose<'t> {
    /// Reads a text.
    #[must_use]
    pub fn parse(text: &'t str) -> Self {
        let mut prose = Prose {
            text,
            words: Vec::with_capacity(text.len() / 6),
            sentences: Vec::with_capacity(text.len() / 100),
            paragraphs: Vec::new(),
            quotations: Vec::new(),
            characters: 0,
        };
        for line in lines::Lines::new(text) {
            let Some(visible) = line.visible else {
                prose.characters = line.end;
                continue;
            };
            let (first_word, first_sentence) = (prose.words.len(), prose.sentences.len());
            words::read(text, visible.bytes.clone(), visible.span.start, &mut prose.words);
            quotations::read(text, &visible, &mut prose.quotations);
            sentences::read(
                text,
                &visible,
                prose.paragraphs.len(),
                &prose.words,
                first_word,
                &mut prose.sentences,
            );
            if prose.sentences.len() > first_sentence {
                prose.paragraphs.push(Paragraph {
                    span: visible.span,
                    bytes: visible.bytes,
                    sentences: first_sentence..prose.sentences.len(),
                });
            }
            prose.characters = line.end;
        }
        prose
    }

    /// How many Unicode scalar values the text has.
    #[must_use]
    pub fn characters(&self) -> u32 {
        self.characters
    }

    /// The words of a sentence.
    #[must_use]
    pub fn sentence_words(&self, sentence: &Sentence) -> &[Word<'t>] {
        &self.words[sentence.words.clone()]
    }

    /// The text of a sentence.
    #[must_use]
    pub fn sentence_text(&self, sentence: &Sentence) -> &'t str {
        &self.text[sentence.bytes.clone()]
    }

    /// Whether a place touches a quotation.
    #[must_use]
    pub fn quoted(&self, span: Span) -> bool {
        let next = self.quotations.partition_point(|quotation| quotation.end <= span.start);
        self.quotations
            .get(next)
            .is_some_and(|quotation| quotation.start < span.end)
    }
}

#[cfg(test)]
mod tests;
