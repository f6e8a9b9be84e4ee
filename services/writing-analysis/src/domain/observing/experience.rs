//! An experience that is told without what the writer thought or learnt from it.
//!
//! Asked only of texts whose sentences mostly speak of the writer, and only where [`crate::domain::reflection`] finds the
//! telling of an experience but neither an outcome nor a questioning of it. When not: an argument or a report that
//! says "I" once is no reflection. Source: Ullmann 2019; Kember et al. 2008 for the level.

use super::{Finding, Wording, finding};
use crate::domain::{
    lexicon::Traits,
    reading::Reading,
    reflection::{self, Indicator, Level},
};

/// Words from which on a telling could have a thought in it.
const LEAST: usize = 30;

pub(super) fn untold(reading: &Reading<'_>, found: &mut Vec<Finding>) {
    let sentences = &reading.prose.sentences;
    let personal =
        |words: std::ops::Range<usize>| words.into_iter().any(|word| reading.traits(word).any(Traits::FIRST));
    let own = sentences
        .iter()
        .filter(|sentence| personal(sentence.words.clone()))
        .count();
    if reading.forms.len() < LEAST || own * 2 < sentences.len() {
        return;
    }
    let judged = reflection::evaluate(&reading.prose);
    let places = |indicator| {
        judged
            .indicators
            .iter()
            .find(|score| score.indicator == indicator)
            .map(|score| score.evidence.as_slice())
    };
    let (Some(told), Some(drawn), Some(questioned)) = (
        places(Indicator::Experience),
        places(Indicator::Outcome),
        places(Indicator::CriticalStance),
    ) else {
        return;
    };
    if let (Level::Habitual, [first, others @ ..], true) =
        (judged.level, told, drawn.is_empty() && questioned.is_empty())
    {
        found.push(finding(Wording::Experience, *first, others.to_vec()));
    }
}
