//! How sentences are made.
//!
//! Shares and rates over the rules of [`super::passive`], [`super::stance`], [`super::tense`] and [`super::person`],
//! which are worked out once for each sentence and kept for the findings. When not: no rate here is good or bad.
//! Source: Hyland 2005 for stance; subordinating markers as a proxy of clause depth after Biber et al. 2011.

use super::{
    lexicon::Traits,
    passive::{self, Passive},
    person::{self, Person, Pronouns},
    reading::Reading,
    stance,
    statistics::number,
    tense::{self, Tense, Verbs},
};

/// Style of a text.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Style {
    /// Share of sentences with a passive verb.
    pub passive_share: f64,
    /// Nominalisations for each 100 words.
    pub nominalisations: f64,
    /// Hedges for each 100 words.
    pub hedges: f64,
    /// Boosters for each 100 words.
    pub boosters: f64,
    /// Share of sentences that open with a word no neighbour opens with.
    pub opening_variety: f64,
    /// Subordinating markers for each sentence.
    pub clause_depth: f64,
    /// The tense of most finite verbs.
    pub main_tense: Option<Tense>,
    /// The person of most sentences.
    pub main_person: Option<Person>,
}

impl Style {
    /// Measures a text.
    #[must_use]
    pub fn of(reading: &Reading<'_>) -> Self {
        let sentences = &reading.prose.sentences;
        let passive = sentences
            .iter()
            .filter(|sentence| first_passive(reading, sentence).is_some())
            .count();
        let (mut nominal, mut markers) = (0_u32, 0_u32);
        for form in reading.forms.iter().map(|form| &reading.vocabulary[*form as usize]) {
            nominal += u32::from(form.traits.any(Traits::NOMINAL));
            markers += u32::from(form.traits.any(Traits::SUBORDINATOR));
        }
        let hedges: usize = sentences
            .iter()
            .map(|sentence| stance::hedges(reading, sentence).len())
            .sum();
        let boosters: usize = sentences
            .iter()
            .map(|sentence| stance::boosters(reading, sentence).len())
            .sum();
        let verbs: Vec<Verbs> = sentences.iter().map(|sentence| Verbs::of(reading, sentence)).collect();
        let pronouns: Vec<Pronouns> = sentences
            .iter()
            .map(|sentence| Pronouns::of(reading, sentence))
            .collect();
        let words = f64::from(number(reading.forms.len().max(1)));
        let count = f64::from(number(sentences.len().max(1)));
        Self {
            passive_share: f64::from(number(passive)) / count,
            nominalisations: 100.0 * f64::from(nominal) / words,
            hedges: 100.0 * f64::from(number(hedges)) / words,
            boosters: 100.0 * f64::from(number(boosters)) / words,
            opening_variety: f64::from(number(varied_openings(reading))) / count,
            clause_depth: f64::from(markers) / count,
            main_tense: tense::main(&verbs),
            main_person: person::main(&pronouns),
        }
    }
}

fn first_passive(reading: &Reading<'_>, sentence: &lyceum_prose::Sentence) -> Option<Passive> {
    passive::find(reading, sentence).next()
}

fn varied_openings(reading: &Reading<'_>) -> usize {
    let openings: Vec<u32> = reading
        .prose
        .sentences
        .iter()
        .map(|sentence| reading.forms[sentence.words.start])
        .collect();
    (0..openings.len())
        .filter(|&at| {
            let before = at.checked_sub(1).map(|before| openings[before]);
            before != Some(openings[at]) && openings.get(at + 1) != Some(&openings[at])
        })
        .count()
}
