//! Counts that the measures rest on.
//!
//! Everything is counted once, from the reading's forms. When not: a count is no judgement; readability and style say
//! what it means.

use super::reading::Reading;

/// Counts of a text.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Statistics {
    /// Scalar values in the text.
    pub characters: u32,
    /// Letters and digits in words.
    pub letters: u32,
    /// Words.
    pub words: u32,
    /// Sentences.
    pub sentences: u32,
    /// Paragraphs.
    pub paragraphs: u32,
    /// Syllables.
    pub syllables: u32,
    /// Words of three syllables or more.
    pub polysyllables: u32,
    /// Words of more than six letters, which LIX counts.
    pub long_words: u32,
    /// Words in each sentence.
    pub sentence_lengths: Vec<u32>,
    /// Their mean.
    pub sentence_length_mean: f64,
    /// Their standard deviation.
    pub sentence_length_deviation: f64,
}

impl Statistics {
    /// Counts a text.
    #[must_use]
    pub fn of(reading: &Reading<'_>) -> Self {
        let prose = &reading.prose;
        let mut statistics = Self {
            characters: prose.characters(),
            words: number(prose.words.len()),
            sentences: number(prose.sentences.len()),
            paragraphs: number(prose.paragraphs.len()),
            ..Self::default()
        };
        for form in &reading.forms {
            let form = &reading.vocabulary[*form as usize];
            statistics.letters += form.letters;
            statistics.syllables += form.syllables;
            statistics.polysyllables += u32::from(form.syllables > 2);
            statistics.long_words += u32::from(form.letters > 6);
        }
        statistics.sentence_lengths = prose
            .sentences
            .iter()
            .map(|sentence| number(sentence.words.len()))
            .collect();
        let count = f64::from(statistics.sentences.max(1));
        statistics.sentence_length_mean = f64::from(statistics.words) / count;
        let mean = statistics.sentence_length_mean;
        let squares: f64 = statistics
            .sentence_lengths
            .iter()
            .map(|length| (f64::from(*length) - mean).powi(2))
            .sum();
        statistics.sentence_length_deviation = (squares / count).sqrt();
        statistics
    }
}

pub(super) fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
