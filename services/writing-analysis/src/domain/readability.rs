//! Seven readability formulas over plain counts.
//!
//! The formulas take [`Counts`], so that they can be checked against another program's values with that program's own
//! counts. When not: none judges a text, and under 100 words none means much; SMOG wants 30 sentences.
//! Source: Flesch 1948; Kincaid et al. 1975; Gunning 1952; McLaughlin 1969; Coleman & Liau 1975; Smith & Senter 1967;
//! Björnsson 1968.
//!
//! Where our counts differ from those of `textstat` 0.7.13, the oracle of the test, and why:
//! - sentences: it drops sentences of one or two words and splits at every full stop, "Dr." and "3.5" included;
//! - characters of ARI: it counts punctuation; Smith & Senter counted what is typed in words, letters and digits;
//! - complex words of Fog: it uses a list of easy words; Gunning leaves out words that reach three syllables only by
//!   -ed, -es or -ing, and hyphenated compounds, and so do we (capitalised names stay in: a rule cannot know them);
//! - syllables of unknown words: it counts places for hyphens; we apply the rule of [`super::syllables::rule`].

use super::{reading::Reading, statistics::Statistics};

/// A formula.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Formula {
    /// Flesch Reading Ease.
    FleschReadingEase,
    /// Flesch–Kincaid Grade.
    FleschKincaidGrade,
    /// Gunning Fog.
    GunningFog,
    /// SMOG.
    Smog,
    /// Coleman–Liau.
    ColemanLiau,
    /// Automated Readability Index.
    Ari,
    /// LIX.
    Lix,
}

/// Every formula in the contract's order.
pub const FORMULAS: [Formula; 7] = [
    Formula::FleschReadingEase,
    Formula::FleschKincaidGrade,
    Formula::GunningFog,
    Formula::Smog,
    Formula::ColemanLiau,
    Formula::Ari,
    Formula::Lix,
];

/// What the formulas need.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Counts {
    /// Words.
    pub words: u32,
    /// Sentences.
    pub sentences: u32,
    /// Syllables.
    pub syllables: u32,
    /// Words of three syllables or more.
    pub polysyllables: u32,
    /// Gunning's complex words.
    pub complex: u32,
    /// Letters and digits.
    pub letters: u32,
    /// Characters in words.
    pub characters: u32,
    /// Words of more than six letters.
    pub long_words: u32,
}

/// One formula's value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Readability {
    /// Which formula.
    pub formula: Formula,
    /// Its value.
    pub value: f64,
    /// Whether the text is what the formula was made for.
    pub reliable: bool,
}

impl Counts {
    /// The counts of a text.
    #[must_use]
    pub fn of(reading: &Reading<'_>, statistics: &Statistics) -> Self {
        // Each form is judged once, however often it is used.
        let complex: Vec<bool> = reading
            .vocabulary
            .iter()
            .map(|form| form.syllables > 2 && is_complex(reading.text_of(form), form.syllables))
            .collect();
        Self {
            words: statistics.words,
            sentences: statistics.sentences,
            syllables: statistics.syllables,
            polysyllables: statistics.polysyllables,
            complex: reading
                .forms
                .iter()
                .map(|form| u32::from(complex[*form as usize]))
                .sum(),
            letters: statistics.letters,
            characters: statistics.letters,
            long_words: statistics.long_words,
        }
    }
}

fn is_complex(word: &str, syllables: u32) -> bool {
    let ending = ["ed", "es", "ing"].iter().any(|ending| word.ends_with(ending));
    !(word.contains('-') || syllables == 3 && ending)
}

impl Formula {
    /// The formula's value; 0 where there are no words.
    #[must_use]
    pub fn value(self, counts: &Counts) -> f64 {
        if counts.words == 0 || counts.sentences == 0 {
            return 0.0;
        }
        let each = |part: u32, whole: u32| f64::from(part) / f64::from(whole);
        let length = each(counts.words, counts.sentences);
        let spoken = each(counts.syllables, counts.words);
        match self {
            Formula::FleschReadingEase => 206.835 - 1.015 * length - 84.6 * spoken,
            Formula::FleschKincaidGrade => 0.39 * length + 11.8 * spoken - 15.59,
            Formula::GunningFog => 0.4 * (length + 100.0 * each(counts.complex, counts.words)),
            Formula::Smog => 1.043 * (30.0 * each(counts.polysyllables, counts.sentences)).sqrt() + 3.1291,
            Formula::ColemanLiau => {
                0.0588 * 100.0 * each(counts.letters, counts.words)
                    - 0.296 * 100.0 * each(counts.sentences, counts.words)
                    - 15.8
            }
            Formula::Ari => 4.71 * each(counts.characters, counts.words) + 0.5 * length - 21.43,
            Formula::Lix => length + 100.0 * each(counts.long_words, counts.words),
        }
    }

    /// Whether a text of such counts is what the formula was made for.
    #[must_use]
    pub fn reliable(self, counts: &Counts) -> bool {
        counts.words >= 100 && (self != Formula::Smog || counts.sentences >= 30)
    }

    /// What a value means, in plain words.
    #[must_use]
    pub fn meaning(self, value: f64) -> String {
        match self {
            Formula::FleschReadingEase => band(
                value,
                &[
                    (30.0, "very hard: like a scientific article"),
                    (50.0, "hard: like a textbook at university"),
                    (60.0, "fairly hard: like a quality newspaper"),
                    (70.0, "plain English"),
                    (80.0, "fairly easy"),
                    (90.0, "easy: like everyday talk"),
                ],
                "very easy",
            ),
            Formula::Lix => band(
                value,
                &[
                    (30.0, "very easy: like a children's book"),
                    (40.0, "easy: like fiction"),
                    (50.0, "medium: like a newspaper"),
                    (60.0, "hard: like an official text"),
                ],
                "very hard: like a scientific article",
            ),
            Formula::GunningFog | Formula::Smog => match value {
                value if value < 6.0 => "readable with under six years of schooling".to_owned(),
                value if value > 17.0 => "asks for more schooling than a first degree".to_owned(),
                value => format!("asks for about {} years of schooling", value.round()),
            },
            Formula::FleschKincaidGrade | Formula::ColemanLiau | Formula::Ari => match value.round() {
                grade if grade < 1.0 => "easier than the first school grade".to_owned(),
                grade if grade > 16.0 => "harder than a first degree asks for".to_owned(),
                grade if grade > 12.0 => format!("year {} at university", grade - 12.0),
                grade => format!("about school grade {grade}"),
            },
        }
    }
}

fn band(value: f64, bands: &[(f64, &str)], above: &str) -> String {
    bands
        .iter()
        .find(|(limit, _)| value < *limit)
        .map_or(above, |(_, name)| name)
        .to_owned()
}

/// Every formula once.
#[must_use]
pub fn all(counts: &Counts) -> Vec<Readability> {
    FORMULAS
        .iter()
        .map(|formula| Readability {
            formula: *formula,
            value: formula.value(counts),
            reliable: formula.reliable(counts),
        })
        .collect()
}

#[cfg(test)]
mod tests;
