//! Feedback on a draft while it is being written.
//!
//! A draft is cut into paragraphs, each known by a fingerprint of its text. What a writer's page already has is not
//! analysed again; the rest comes one paragraph at a time, nearest to the cursor first, and nothing is worked out
//! before it is asked for, so whoever stops asking stops the work. When not: findings that only the whole text shows
//! come with the measures at the end. Source: the fingerprint is FNV-1a (Fowler, Noll & Vo) with a final mixing.

use std::{collections::VecDeque, ops::Range};

use hashbrown::HashSet;
use lyceum_prose::{Prose, Span};

use super::{
    findings::Finding,
    measures::Measures,
    observing,
    reading::Reading,
    structure::{self, Part},
};

/// Where a paragraph stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// Of its text.
    pub fingerprint: u64,
    /// In scalar values of the draft.
    pub span: Span,
    bytes: Range<usize>,
}

/// A piece of feedback.
#[derive(Debug)]
pub enum Piece {
    /// One paragraph; places in its findings count from its start.
    Paragraph(Place, Vec<Finding>),
    /// The whole draft; the last piece.
    Whole(Box<Whole>),
}

/// The draft as a whole.
#[derive(Debug)]
pub struct Whole {
    /// Its measures.
    pub measures: Measures,
    /// Every paragraph in order.
    pub paragraphs: Vec<Place>,
    /// What only the whole text shows.
    pub findings: Vec<Finding>,
    /// The parts of its argument.
    pub structure: Vec<Part>,
}

/// The pieces of feedback on a draft, worked out one at a time.
pub struct Pieces {
    text: String,
    waiting: VecDeque<Place>,
    paragraphs: Option<Vec<Place>>,
}

impl Pieces {
    /// Plans the feedback on a draft: paragraphs that are not `known`, nearest to the `cursor` first.
    #[must_use]
    pub fn of(text: String, cursor: u32, known: &[u64]) -> Self {
        let known: HashSet<u64> = known.iter().copied().collect();
        let paragraphs = places(&text);
        let mut waiting: Vec<Place> = paragraphs
            .iter()
            .filter(|place| !known.contains(&place.fingerprint))
            .cloned()
            .collect();
        waiting.sort_by_key(|place| (distance(place.span, cursor), place.span));
        Self {
            text,
            waiting: waiting.into(),
            paragraphs: Some(paragraphs),
        }
    }

    /// How large the draft is, in bytes.
    #[must_use]
    pub fn size(&self) -> usize {
        self.text.len()
    }
}

impl Iterator for Pieces {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        if let Some(place) = self.waiting.pop_front() {
            // Read by itself, so that its findings depend on its own words alone and move with it.
            let reading = Reading::new(&self.text[place.bytes.clone()]);
            let findings = reading
                .prose
                .paragraphs
                .iter()
                .flat_map(|paragraph| observing::of_paragraph(&reading, paragraph))
                .collect();
            return Some(Piece::Paragraph(place, findings));
        }
        let paragraphs = self.paragraphs.take()?;
        let reading = Reading::new(&self.text);
        let structure = structure::parts(&reading);
        Some(Piece::Whole(Box::new(Whole {
            measures: Measures::of(&reading),
            findings: observing::of_whole(&reading, &structure),
            paragraphs,
            structure,
        })))
    }
}

/// The paragraphs of a draft with their fingerprints.
#[must_use]
pub fn places(text: &str) -> Vec<Place> {
    Prose::parse(text)
        .paragraphs
        .into_iter()
        .map(|paragraph| Place {
            fingerprint: fingerprint(&text[paragraph.bytes.clone()]),
            span: paragraph.span,
            bytes: paragraph.bytes,
        })
        .collect()
}

fn distance(span: Span, cursor: u32) -> u32 {
    if cursor < span.start {
        span.start - cursor
    } else {
        cursor.saturating_sub(span.end)
    }
}

fn fingerprint(text: &str) -> u64 {
    let hash = text.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01B3)
    });
    // FNV's high bits move little for short texts.
    let hash = (hash ^ (hash >> 32)).wrapping_mul(0x9FB2_1C65_1E98_DF25);
    hash ^ (hash >> 29)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::panic, reason = "a test may panic")]

    use super::*;
    use crate::domain::findings::Kind;

    const DRAFT: &str = "The cake was eaten.\n\nI like dogs.\n\nThe window was broken by Tom.";

    fn order(pieces: Pieces) -> Vec<Option<u32>> {
        pieces
            .map(|piece| match piece {
                Piece::Paragraph(place, _) => Some(place.span.start),
                Piece::Whole(_) => None,
            })
            .collect()
    }

    #[test]
    fn the_nearest_paragraph_comes_first_and_the_whole_last() {
        assert_eq!(
            order(Pieces::of(DRAFT.to_owned(), 25, &[])),
            [Some(21), Some(0), Some(35), None]
        );
        assert_eq!(
            order(Pieces::of(DRAFT.to_owned(), u32::MAX, &[])),
            [Some(35), Some(21), Some(0), None]
        );
        assert_eq!(
            order(Pieces::of(DRAFT.to_owned(), 0, &[])),
            [Some(0), Some(21), Some(35), None]
        );
    }

    #[test]
    fn known_paragraphs_are_not_sent_again() {
        let known: Vec<u64> = places(DRAFT).iter().map(|place| place.fingerprint).collect();
        assert_eq!(order(Pieces::of(DRAFT.to_owned(), 0, &known)), [None]);
        let typed = DRAFT.replace("dogs", "cats");
        assert_eq!(order(Pieces::of(typed, 0, &known)), [Some(21), None]);
    }

    #[test]
    fn findings_move_with_their_paragraph() {
        let last = |draft: String| {
            Pieces::of(draft, u32::MAX, &[])
                .find_map(|piece| match piece {
                    Piece::Paragraph(place, findings) => Some((place.fingerprint, findings)),
                    Piece::Whole(_) => None,
                })
                .unwrap_or_else(|| panic!("a paragraph"))
        };
        let (before, after) = (last(DRAFT.to_owned()), last(format!("A new start.\n\n{DRAFT}")));
        assert_eq!(before, after);
        assert_eq!(
            (before.1[0].kind, before.1[0].span),
            (Kind::PassiveVoice, Span::new(11, 21))
        );
    }
}
