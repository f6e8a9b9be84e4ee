//! Quotations: what a student took from elsewhere and marked as such.
//!
//! Double quotation marks in pairs within a line (straight, curly, guillemets), and whole lines that open with `>`.
//! When not: single quotation marks are left alone, because an apostrophe looks the same.

use crate::{Span, lines::Visible};

/// Appends the quotations of one line.
pub(crate) fn read(text: &str, line: &Visible, quotations: &mut Vec<Span>) {
    let stretch = &text[line.bytes.clone()];
    if stretch.starts_with('>') {
        quotations.push(line.span);
        return;
    }
    let mut open: Option<(char, u32)> = None;
    for (index, character) in (line.span.start..).zip(stretch.chars()) {
        match (open, character) {
            (None, '"' | '“' | '«' | '„') => open = Some((character, index)),
            (Some((opening, start)), _) if closes(opening, character) => {
                quotations.push(Span::new(start, index + 1));
                open = None;
            }
            _ => {}
        }
    }
}

fn closes(opening: char, character: char) -> bool {
    match opening {
        '"' => character == '"',
        '“' => character == '”',
        '„' => matches!(character, '“' | '”'),
        _ => character == '»',
    }
}
