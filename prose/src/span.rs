//! A place in a text.
//!
//! Counted in Unicode scalar values, half open, from the start of the text. When not: to slice a `&str`, use the byte
//! ranges beside it.

/// Half open, in Unicode scalar values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The first scalar value in it.
    pub start: u32,
    /// The first scalar value after it.
    pub end: u32,
}

impl Span {
    /// A place from `start` up to `end`.
    #[must_use]
    pub const fn new(start: u32, end: u32) -> Self {
        Self { start, end }
    }

    /// The place from this one's start to the other's end.
    #[must_use]
    pub const fn to(self, last: Span) -> Self {
        Self {
            start: self.start,
            end: last.end,
        }
    }

    /// How many scalar values it holds.
    #[must_use]
    pub const fn len(self) -> u32 {
        self.end.saturating_sub(self.start)
    }

    /// Whether it holds none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.end <= self.start
    }

    /// Whether both have a scalar value in common.
    #[must_use]
    pub const fn overlaps(self, other: Span) -> bool {
        self.start < other.end && other.start < self.end
    }
}
