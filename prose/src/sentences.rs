//! Sentences: where a full stop, a question mark or a line's end really ends one.
//!
//! A terminator ends a sentence unless an abbreviation, an initial, a decimal, a list number or a quotation that the
//! sentence goes on after says otherwise. Closing quotes and brackets go with the sentence they close. Pieces without
//! a word join their neighbour, so that every sentence has one. When not: verse and lists of fragments come out line
//! by line. Source: Kiss & Strunk 2006 for abbreviations and initials; the rest are rules of our own.

use std::ops::Range;

use crate::{
    Span, Word,
    abbreviations::{self, Abbreviation},
    lines::{Visible, hidden},
};

/// A sentence with its words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sentence {
    /// From its first character to its closing mark.
    pub span: Span,
    /// The same in bytes.
    pub bytes: Range<usize>,
    /// Which of the text's words are in it; never empty.
    pub words: Range<usize>,
    /// Which of the text's paragraphs it is in.
    pub paragraph: usize,
}

/// Appends the sentences of one line, whose words start at `first_word`.
pub(crate) fn read(
    text: &str,
    line: &Visible,
    paragraph: usize,
    words: &[Word<'_>],
    first_word: usize,
    sentences: &mut Vec<Sentence>,
) {
    if first_word == words.len() {
        return;
    }
    let first_sentence = sentences.len();
    let mut open = Open {
        bytes: line.bytes.start,
        offset: line.span.start,
        word: first_word,
    };
    // The next word that the cursor has not passed.
    let mut ahead = first_word;
    let stretch = &text[..line.bytes.end];
    let mut offset = line.span.start;
    let mut at = line.bytes.start;
    while let Some(character) = stretch[at..].chars().next() {
        if let Some(word) = words.get(ahead)
            && word.byte == at
        {
            at += word.text.len();
            offset = word.span.end;
            ahead += 1;
            continue;
        }
        if !terminates(character) {
            at += character.len_utf8();
            offset += 1;
            continue;
        }
        let mark = Mark::read(stretch, at, offset);
        (at, offset) = (mark.bytes_end, mark.end);
        let rest = &stretch[at..];
        let blank = rest.len() - rest.trim_start_matches(hidden).len();
        if ahead > open.word && mark.ends(&words[open.word..ahead], words.get(ahead), rest, blank) {
            sentences.push(open.close(at, offset, ahead, paragraph));
            offset += count(&rest[..blank]);
            at += blank;
            open = Open {
                bytes: at,
                offset,
                word: ahead,
            };
        }
    }
    if ahead > open.word {
        sentences.push(open.close(line.bytes.end, line.span.end, ahead, paragraph));
    } else if let Some(last) = sentences[first_sentence..].last_mut() {
        // What is left has no word: it closes the sentence before it.
        last.bytes.end = line.bytes.end;
        last.span.end = line.span.end;
    }
}

/// A sentence whose end has not been found.
struct Open {
    bytes: usize,
    offset: u32,
    word: usize,
}

impl Open {
    fn close(&self, bytes_end: usize, end: u32, word: usize, paragraph: usize) -> Sentence {
        Sentence {
            span: Span::new(self.offset, end),
            bytes: self.bytes..bytes_end,
            words: self.word..word,
            paragraph,
        }
    }
}

/// A run of terminators with the quotes and brackets that close on it.
struct Mark {
    first: char,
    length: usize,
    /// Whether a quotation mark closed on it.
    quote: bool,
    bytes_start: usize,
    bytes_end: usize,
    end: u32,
}

impl Mark {
    fn read(stretch: &str, at: usize, offset: u32) -> Self {
        let mut mark = Mark {
            first: '.',
            length: 0,
            quote: false,
            bytes_start: at,
            bytes_end: at,
            end: offset,
        };
        let mut closing = false;
        for character in stretch[at..].chars() {
            if terminates(character) {
                if mark.length == 0 {
                    mark.first = character;
                }
                mark.length += 1;
            } else if closes(character) {
                closing = true;
                mark.quote |= !matches!(character, ')' | ']' | '}');
            } else {
                break;
            }
            if closing && terminates(character) {
                // As in `"really?".`: the last terminator counts.
                mark.quote = false;
            }
            mark.bytes_end += character.len_utf8();
            mark.end += 1;
        }
        mark
    }

    fn ends(&self, before: &[Word<'_>], next: Option<&Word<'_>>, rest: &str, blank: usize) -> bool {
        if rest.is_empty() {
            return true;
        }
        // The next word, not the next character: searching for one would be quadratic in dots.
        let follower = next.and_then(|word| word.text.chars().next());
        let lower = follower.is_some_and(char::is_lowercase);
        let capital = follower.is_some_and(char::is_uppercase);
        let starts = next.is_none_or(|word| abbreviations::opens_sentences(word.text));
        if blank == 0 {
            return !matches!(self.first, '.' | '…' | '!' | '?') || self.runs_on(before, next, rest);
        }
        if self.quote && lower {
            return false;
        }
        let ellipsis = self.first == '…' || (self.first == '.' && self.length > 1);
        if ellipsis {
            return !lower;
        }
        if self.first != '.' {
            return true;
        }
        let Some(last) = before
            .last()
            .filter(|word| word.byte + word.text.len() == self.bytes_start)
        else {
            return true;
        };
        match abbreviations::of(last.text) {
            Abbreviation::Leads => return false,
            Abbreviation::MayClose => return capital,
            Abbreviation::Pointed => return starts,
            Abbreviation::Numbers => {
                return !follower.is_some_and(|character| character.is_ascii_digit());
            }
            Abbreviation::None => {}
        }
        let mut letters = last.text.chars();
        match (letters.next(), letters.next()) {
            // "J. Smith" has an initial; "so did I." and "vitamin C. They" end.
            (Some(letter), None) if letter.is_uppercase() && letter != 'I' => {
                let named = match before.len() {
                    1 => true,
                    length => before[length - 2].text.chars().next().is_some_and(char::is_uppercase),
                };
                !named || !capital || starts
            }
            // "1. First" numbers a list.
            _ if before.len() == 1 && last.text.len() < 3 && last.text.bytes().all(|byte| byte.is_ascii_digit()) => {
                false
            }
            _ => true,
        }
    }

    /// Whether a sentence ends although no space follows: "it ended.Then it began" does, "example.com" does not.
    fn runs_on(&self, before: &[Word<'_>], next: Option<&Word<'_>>, rest: &str) -> bool {
        let small = before
            .last()
            .is_some_and(|word| word.text.len() > 1 && word.text.chars().all(char::is_lowercase));
        let mut opening = rest.chars();
        small
            && opening.next().is_some_and(char::is_uppercase)
            && (opening.next().is_some_and(char::is_lowercase) || next.is_some_and(|word| word.text.len() == 1))
    }
}

fn terminates(character: char) -> bool {
    matches!(
        character,
        '.' | '!' | '?' | '…' | '。' | '！' | '？' | '؟' | '۔' | '।' | '‼' | '⁇' | '⁈' | '⁉'
    )
}

fn closes(character: char) -> bool {
    matches!(character, '"' | '\'' | '”' | '’' | '»' | ')' | ']' | '}' | '」' | '』')
}

fn count(blank: &str) -> u32 {
    u32::try_from(blank.chars().count()).unwrap_or(u32::MAX)
}
