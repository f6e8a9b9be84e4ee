//! Measures, as the contract has them.

use lyceum::contracts::writing_analysis::v1 as contract;

use crate::domain::{
    cohesion::Cohesion,
    diversity::Diversity,
    measures::Measures,
    person::Person,
    readability::{Formula, Readability},
    statistics::Statistics,
    style::Style,
    tense::Tense,
};

/// The contract's limit of sentence lengths.
const LENGTHS: usize = 2_000;

pub(super) fn message(measures: &Measures) -> contract::Measures {
    contract::Measures {
        statistics: Some(statistics(&measures.statistics)),
        readability: measures.readability.iter().map(readability).collect(),
        diversity: Some(diversity(&measures.diversity)),
        cohesion: Some(cohesion(&measures.cohesion)),
        style: Some(style(&measures.style)),
    }
}

fn statistics(statistics: &Statistics) -> contract::TextStatistics {
    contract::TextStatistics {
        characters: statistics.characters,
        letters: statistics.letters,
        words: statistics.words,
        sentences: statistics.sentences,
        paragraphs: statistics.paragraphs,
        syllables: statistics.syllables,
        polysyllables: statistics.polysyllables,
        sentence_length_mean: statistics.sentence_length_mean,
        sentence_length_deviation: statistics.sentence_length_deviation,
        sentence_lengths: statistics.sentence_lengths.iter().copied().take(LENGTHS).collect(),
    }
}

fn readability(readability: &Readability) -> contract::Readability {
    use contract::ReadabilityFormula as Sent;
    let formula = match readability.formula {
        Formula::FleschReadingEase => Sent::FleschReadingEase,
        Formula::FleschKincaidGrade => Sent::FleschKincaidGrade,
        Formula::GunningFog => Sent::GunningFog,
        Formula::Smog => Sent::Smog,
        Formula::ColemanLiau => Sent::ColemanLiau,
        Formula::Ari => Sent::Ari,
        Formula::Lix => Sent::Lix,
    };
    contract::Readability {
        formula: formula.into(),
        value: readability.value,
        reliable: readability.reliable,
        meaning: readability.formula.meaning(readability.value),
    }
}

fn diversity(diversity: &Diversity) -> contract::LexicalDiversity {
    contract::LexicalDiversity {
        mtld: diversity.mtld,
        hdd: diversity.hdd,
        mattr: diversity.mattr,
        types: diversity.types,
        sophisticated_share: diversity.sophisticated_share,
    }
}

fn cohesion(cohesion: &Cohesion) -> contract::Cohesion {
    contract::Cohesion {
        sentence_overlap: cohesion.sentence_overlap,
        paragraph_overlap: cohesion.paragraph_overlap,
        additive: cohesion.additive,
        causal: cohesion.causal,
        contrastive: cohesion.contrastive,
        temporal: cohesion.temporal,
    }
}

fn style(style: &Style) -> contract::Style {
    contract::Style {
        passive_share: style.passive_share,
        nominalisations: style.nominalisations,
        hedges: style.hedges,
        boosters: style.boosters,
        opening_variety: style.opening_variety,
        clause_depth: style.clause_depth,
        main_tense: tense(style.main_tense).into(),
        main_person: person(style.main_person).into(),
    }
}

fn tense(tense: Option<Tense>) -> contract::Tense {
    match tense {
        None => contract::Tense::Unspecified,
        Some(Tense::Past) => contract::Tense::Past,
        Some(Tense::Present) => contract::Tense::Present,
        Some(Tense::Future) => contract::Tense::Future,
    }
}

fn person(person: Option<Person>) -> contract::Person {
    match person {
        None => contract::Person::Unspecified,
        Some(Person::First) => contract::Person::First,
        Some(Person::Second) => contract::Person::Second,
        Some(Person::Third) => contract::Person::Third,
    }
}
