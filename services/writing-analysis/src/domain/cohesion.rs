//! How sentences and paragraphs hold together.
//!
//! Shared content stems of neighbours, and connectives by class. When not: overlap is a trace of cohesion, not of
//! sense, and dialogue has little of it. Source: TAACO (Crossley, Kyle & McNamara 2016).

use super::{
    lexicon::{Role, Traits},
    reading::Reading,
    statistics::number,
};

/// Cohesion of a text.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Cohesion {
    /// Mean share of a sentence's content stems that the sentence before has.
    pub sentence_overlap: f64,
    /// The same for paragraphs.
    pub paragraph_overlap: f64,
    /// Additive connectives for each 100 words.
    pub additive: f64,
    /// Causal ones.
    pub causal: f64,
    /// Contrastive ones.
    pub contrastive: f64,
    /// Temporal ones.
    pub temporal: f64,
}

impl Cohesion {
    /// Measures a text.
    #[must_use]
    pub fn of(reading: &Reading<'_>) -> Self {
        let prose = &reading.prose;
        let mut overlap = Overlap::default();
        let sentences = prose.sentences.iter().map(|sentence| sentence.words.clone());
        let sentence_overlap = mean(overlap.neighbours(reading, sentences));
        let paragraphs = prose.paragraphs.iter().map(|paragraph| {
            prose.sentences[paragraph.sentences.start].words.start
                ..prose.sentences[paragraph.sentences.end - 1].words.end
        });
        let paragraph_overlap = mean(overlap.neighbours(reading, paragraphs));
        let classes = [Traits::ADDITIVE, Traits::CAUSAL, Traits::CONTRASTIVE, Traits::TEMPORAL];
        let mut counts = [0_u32; 4];
        for form in &reading.forms {
            let traits = reading.vocabulary[*form as usize].traits;
            for (count, class) in counts.iter_mut().zip(classes) {
                *count += u32::from(traits.any(class));
            }
        }
        for cue in &reading.cues {
            for (count, class) in counts.iter_mut().zip(classes) {
                *count += u32::from(matches!(cue.role, Role::Like(traits) if traits.any(class)));
            }
        }
        let share = |count: u32| 100.0 * f64::from(count) / f64::from(number(reading.forms.len().max(1)));
        let [additive, causal, contrastive, temporal] = counts.map(share);
        Self {
            sentence_overlap,
            paragraph_overlap,
            additive,
            causal,
            contrastive,
            temporal,
        }
    }
}

/// Compares each stretch of words with the one before it, by the number of the stretch that last had a stem.
#[derive(Default)]
pub(super) struct Overlap {
    last: Vec<u32>,
    now: u32,
}

impl Overlap {
    /// For each stretch after the first, the share of its distinct stems that the one before has; nothing for a
    /// stretch without stems.
    pub(super) fn neighbours(
        &mut self,
        reading: &Reading<'_>,
        stretches: impl Iterator<Item = std::ops::Range<usize>>,
    ) -> impl Iterator<Item = Option<f64>> {
        if self.last.is_empty() {
            self.last = vec![0; reading.vocabulary.len()];
        }
        // Two apart, so that the stretch before the first is none of an earlier round.
        self.now += 2;
        let first = self.now;
        stretches
            .map(move |words| {
                self.now += 1;
                let (mut distinct, mut shared) = (0_u32, 0_u32);
                for stem in reading.stems(words) {
                    let last = &mut self.last[stem as usize];
                    if *last != self.now {
                        distinct += 1;
                        shared += u32::from(*last + 1 == self.now && self.now > first + 1);
                        *last = self.now;
                    }
                }
                (distinct > 0).then(|| f64::from(shared) / f64::from(distinct))
            })
            .skip(1)
    }
}

fn mean(values: impl Iterator<Item = Option<f64>>) -> f64 {
    let (mut sum, mut count) = (0.0, 0_u32);
    for value in values.flatten() {
        sum += value;
        count += 1;
    }
    sum / f64::from(count.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlap_is_the_share_of_the_later_sentence() {
        let reading = Reading::new("Rivers carry sand. The sand builds deltas. Birds sing.\nBirds carry seeds.");
        let cohesion = Cohesion::of(&reading);
        // sand of {sand, build, delta}; none of {bird, sing}; bird of {bird, carry, seed}.
        assert!((cohesion.sentence_overlap - (1.0 / 3.0 + 0.0 + 1.0 / 3.0) / 3.0).abs() < 1e-12);
        assert!((cohesion.paragraph_overlap - 2.0 / 3.0).abs() < 1e-12);
    }

    #[test]
    fn connectives_are_counted_by_class() {
        let reading = Reading::new("It rained because of the wind. However, on the other hand, we left then.");
        let cohesion = Cohesion::of(&reading);
        assert!(cohesion.causal > 0.0 && cohesion.contrastive > cohesion.temporal && cohesion.additive == 0.0);
    }
}
