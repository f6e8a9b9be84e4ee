//! Words: letters and digits with inner apostrophes, hyphens, decimal points and the points of "U.S".
//!
//! An apostrophe or hyphen is inner when a letter or digit stands on both sides, so "don't" and "well-known" are one
//! word and the quotation marks around 'this' belong to none. When not: scripts without spaces come out as long words.
//! Source: Unicode Standard Annex 29 (WB6, WB7, WB11, WB12), with the hyphen added because readability counts it so.

use std::ops::Range;

use crate::Span;

/// One word. Its text shows in no `Debug` output, because it is a student's.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Word<'t> {
    /// As written.
    pub text: &'t str,
    /// Where it stands.
    pub span: Span,
    /// The byte where it starts.
    pub byte: usize,
}

impl std::fmt::Debug for Word<'_> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Word")
            .field("span", &self.span)
            .finish_non_exhaustive()
    }
}

/// Appends the words of a stretch of text whose first character has the scalar offset `offset`.
pub(crate) fn read<'t>(text: &'t str, bytes: Range<usize>, mut offset: u32, words: &mut Vec<Word<'t>>) {
    let base = bytes.start;
    let stretch = &text[bytes];
    let mut characters = stretch.char_indices().peekable();
    while let Some((at, first)) = characters.next() {
        let start = offset;
        offset += 1;
        if !starts(first) {
            continue;
        }
        let (mut end, mut last, mut run) = (at + first.len_utf8(), first, 1_u32);
        while let Some(&(byte, next)) = characters.peek() {
            if continues(next) {
                if starts(next) {
                    last = next;
                    run += 1;
                }
                end = byte + next.len_utf8();
            } else {
                let mut rest = stretch[byte + next.len_utf8()..].chars();
                let Some(after) = rest.next() else { break };
                // Single letters between points, as in "U.S", stay together; "I.e" does, "end.Then" does not.
                let single = run == 1 && !rest.next().is_some_and(continues);
                if !joins(next, last, after, single) {
                    break;
                }
                run = 0;
            }
            characters.next();
            offset += 1;
        }
        let word = &stretch[at..end];
        words.push(Word {
            text: word,
            span: Span::new(start, start + scalars(word)),
            byte: base + at,
        });
    }
}

fn scalars(word: &str) -> u32 {
    if word.is_ascii() {
        u32::try_from(word.len()).unwrap_or(u32::MAX)
    } else {
        u32::try_from(word.chars().count()).unwrap_or(u32::MAX)
    }
}

fn starts(character: char) -> bool {
    character.is_ascii_alphanumeric() || (!character.is_ascii() && character.is_alphanumeric())
}

fn continues(character: char) -> bool {
    starts(character) || (!character.is_ascii() && combines(character))
}

/// Whether `middle` holds `before` and `after` together in one word.
fn joins(middle: char, before: char, after: char, single: bool) -> bool {
    match middle {
        '\'' | '’' | 'ʼ' | '-' | '‐' | '‑' => starts(after),
        '.' if single && before.is_alphabetic() => after.is_alphabetic(),
        '.' | ',' => before.is_ascii_digit() && after.is_ascii_digit(),
        _ => false,
    }
}

/// Marks that change the letter before them, and the soft hyphen, which shows only at a line's end.
fn combines(character: char) -> bool {
    matches!(
        character,
        '\u{ad}'
            | '\u{300}'..='\u{36f}'
            | '\u{483}'..='\u{489}'
            | '\u{591}'..='\u{5bd}'
            | '\u{5bf}'..='\u{5c7}'
            | '\u{610}'..='\u{61a}'
            | '\u{64b}'..='\u{65f}'
            | '\u{670}'
            | '\u{93c}'
            | '\u{94d}'
            | '\u{1ab0}'..='\u{1aff}'
            | '\u{1dc0}'..='\u{1dff}'
            | '\u{200d}'
            | '\u{20d0}'..='\u{20ff}'
            | '\u{fe20}'..='\u{fe2f}'
    )
}
