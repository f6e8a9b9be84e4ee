//! Lines with their visible part.
//!
//! One pass that counts scalar values, so that nothing later has to count from the start of the text again.

use std::{iter::Peekable, ops::Range, str::CharIndices};

use crate::Span;

/// From the first to the last character of a line that is not white space.
#[derive(Clone)]
pub(crate) struct Visible {
    pub(crate) bytes: Range<usize>,
    pub(crate) span: Span,
}

/// A line: its visible part and the scalar offset just after its line break.
pub(crate) struct Line {
    pub(crate) visible: Option<Visible>,
    pub(crate) end: u32,
}

pub(crate) struct Lines<'t> {
    characters: Peekable<CharIndices<'t>>,
    offset: u32,
}

impl<'t> Lines<'t> {
    pub(crate) fn new(text: &'t str) -> Self {
        Self {
            characters: text.char_indices().peekable(),
            offset: 0,
        }
    }
}

impl Iterator for Lines<'_> {
    type Item = Line;

    fn next(&mut self) -> Option<Line> {
        self.characters.peek()?;
        let mut visible: Option<Visible> = None;
        while let Some((byte, character)) = self.characters.next() {
            let offset = self.offset;
            self.offset = offset.saturating_add(1);
            if breaks(character) {
                if character == '\r' && self.characters.next_if(|(_, next)| *next == '\n').is_some() {
                    self.offset = self.offset.saturating_add(1);
                }
                break;
            }
            if hidden(character) {
                continue;
            }
            let end = byte + character.len_utf8();
            match &mut visible {
                Some(seen) => {
                    seen.bytes.end = end;
                    seen.span.end = offset + 1;
                }
                None => {
                    visible = Some(Visible {
                        bytes: byte..end,
                        span: Span::new(offset, offset + 1),
                    })
                }
            }
        }
        Some(Line {
            visible,
            end: self.offset,
        })
    }
}

fn breaks(character: char) -> bool {
    matches!(
        character,
        '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}'
    )
}

/// White space, and the byte-order mark that some editors put first.
pub(crate) fn hidden(character: char) -> bool {
    character == ' ' || character == '\u{feff}' || character.is_whitespace()
}
