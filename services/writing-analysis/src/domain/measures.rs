//! Everything that is measured on a text as a whole.
//!
//! One call for the adapter and for the comparison of drafts. When not: findings are in [`super::observing`].

use super::{
    cohesion::Cohesion,
    diversity::Diversity,
    readability::{self, Counts, Readability},
    reading::Reading,
    statistics::Statistics,
    style::Style,
};

/// The measures of a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Measures {
    /// Counts.
    pub statistics: Statistics,
    /// Every formula once.
    pub readability: Vec<Readability>,
    /// Vocabulary.
    pub diversity: Diversity,
    /// How it holds together.
    pub cohesion: Cohesion,
    /// How sentences are made.
    pub style: Style,
}

impl Measures {
    /// Measures a text.
    #[must_use]
    pub fn of(reading: &Reading<'_>) -> Self {
        let statistics = Statistics::of(reading);
        Self {
            readability: readability::all(&Counts::of(reading, &statistics)),
            diversity: Diversity::of(reading),
            cohesion: Cohesion::of(reading),
            style: Style::of(reading),
            statistics,
        }
    }
}
