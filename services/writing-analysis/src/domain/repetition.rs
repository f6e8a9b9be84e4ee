//! Phrases of three words or more that return.
//!
//! Each word that starts three words seen before points to where they last stood; a run of such words that all point
//! the same distance back is one phrase, as long as it can be made on both sides. That takes one pass and one hash
//! look-up a word. Phrases stay inside a sentence and outside quotations and have two content words at least. When not:
//! terms of a subject must return; the question asks whether the words carry weight. Source: the run-merging is that of
//! Lempel–Ziv matching, restricted to the nearest earlier place.

use hashbrown::HashMap;
use lyceum_prose::Span;

use super::reading::Reading;

/// The shortest phrase.
const SHORTEST: usize = 3;
/// Words that a phrase needs to be told when it stands only twice; shorter ones need a third time.
const TELLING: usize = 5;

/// A phrase with every place where it was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Repetition {
    /// How many words it has.
    pub words: usize,
    /// Its places, in order; two at least.
    pub places: Vec<Span>,
}

/// The phrases that return, in order of their first place.
#[must_use]
pub fn find(reading: &Reading<'_>) -> Vec<Repetition> {
    let starts = starts(reading);
    let mut last: HashMap<[u32; SHORTEST], usize> = HashMap::with_capacity(starts.len());
    let earlier: Vec<Option<usize>> = starts
        .iter()
        .map(|start| {
            start.and_then(|at| last.insert([reading.forms[at], reading.forms[at + 1], reading.forms[at + 2]], at))
        })
        .collect();
    let mut phrases: HashMap<Vec<u32>, Vec<usize>> = HashMap::new();
    let mut order: Vec<Vec<u32>> = Vec::new();
    let mut at = 0;
    while at < earlier.len() {
        let Some(before) = earlier[at] else {
            at += 1;
            continue;
        };
        let mut length = 1;
        while at + length < earlier.len() && earlier[at + length] == Some(before + length) {
            length += 1;
        }
        let words = length + SHORTEST - 1;
        // The earlier place must not run into the later one: "so so so so" is no phrase that returns.
        if before + words <= at && tells(reading, at, words) {
            let key = reading.forms[at..at + words].to_vec();
            phrases
                .entry_ref(key.as_slice())
                .or_insert_with(|| {
                    order.push(key.clone());
                    vec![before]
                })
                .push(at);
        }
        at += length;
    }
    let mut found: Vec<Repetition> = order
        .iter()
        .filter_map(|key| {
            let mut starts = phrases.remove(key)?;
            starts.sort_unstable();
            starts.dedup();
            let long = key.len() >= TELLING || starts.len() > 2;
            long.then(|| Repetition {
                words: key.len(),
                places: starts
                    .iter()
                    .map(|start| reading.span(*start, start + key.len() - 1))
                    .collect(),
            })
        })
        .collect();
    found.sort_by_key(|repetition| repetition.places[0].start);
    found
}

/// For each word, itself when three words of one sentence start there, none of them quoted.
fn starts(reading: &Reading<'_>) -> Vec<Option<usize>> {
    let mut starts = vec![None; reading.forms.len()];
    for sentence in &reading.prose.sentences {
        for at in sentence.words.clone() {
            if at + SHORTEST <= sentence.words.end && !reading.prose.quoted(reading.span(at, at + SHORTEST - 1)) {
                starts[at] = Some(at);
            }
        }
    }
    starts
}

/// Whether a phrase says something of its own: two content words.
fn tells(reading: &Reading<'_>, at: usize, words: usize) -> bool {
    reading.stems(at..at + words).take(2).count() == 2
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phrases(text: &str) -> Vec<(String, usize)> {
        let slice = |span: &Span| {
            text.chars()
                .skip(span.start as usize)
                .take(span.len() as usize)
                .collect()
        };
        find(&Reading::new(text))
            .iter()
            .map(|found| (slice(&found.places[0]), found.places.len()))
            .collect()
    }

    #[test]
    fn phrases_are_as_long_as_they_can_be() {
        assert_eq!(
            phrases("The slow river carries fine sand to the sea. We saw that the slow river carries fine sand again."),
            [("The slow river carries fine sand".to_owned(), 2)]
        );
    }

    #[test]
    fn short_phrases_need_a_third_time() {
        let twice = "Climate change policy is hard. My climate change policy is new.";
        assert!(phrases(twice).is_empty());
        let thrice = "Climate change policy is hard. He likes climate change policy. That climate change policy won.";
        assert_eq!(phrases(thrice), [("Climate change policy".to_owned(), 3)]);
    }

    #[test]
    fn quotations_and_empty_words_are_left_out() {
        assert!(phrases("\"the slow river carries fine sand\" and \"the slow river carries fine sand\"").is_empty());
        assert!(phrases("It is one of the most. It is one of the most.").is_empty());
        assert!(phrases("so so so so so so so so so").is_empty());
    }
}
