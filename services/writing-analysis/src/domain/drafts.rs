//! What changed between two drafts, sentence by sentence.
//!
//! What: every sentence of both drafts is kept, moved, revised, added or removed, and appears once. Why by sentences:
//! a writer thinks in them; a difference by lines or letters shows noise.
//!
//! 1. Equal sentences (the same words, whatever their case and punctuation) are paired by hash: the common start and
//!    end first, the rest each with the nearest copy that follows what was paired before.
//! 2. Of those pairs the longest row that keeps its order stays; the others have moved.
//! 3. What is left may be revised: candidates share a rare stem or a place between the same neighbours, and the pair
//!    that shares most words wins. The work for a sentence is bounded, so two long drafts take near-linear time.
//!
//! When not: a sentence that was split in two is revised once and added once. Source: the patience idea of
//! diff (Cohen 2003) for pairing; Dice 1945 for the share of words in common; Fredman 1975 for the longest row.

mod growth;
mod revising;

use std::collections::{BTreeSet, HashMap};

use lyceum_prose::{Prose, Span, stem};

pub use growth::Growth;

/// What happened to a sentence.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// The same words at the same place.
    Kept,
    /// The same words at another place.
    Moved,
    /// Recognisably the same sentence with other words.
    Revised,
    /// Only in the later draft.
    Added,
    /// Only in the earlier draft.
    Removed,
}

/// One sentence's way from draft to draft.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Change {
    /// What happened.
    pub kind: Kind,
    /// Where it stood; nothing when added.
    pub earlier: Option<Span>,
    /// Where it stands; nothing when removed.
    pub later: Option<Span>,
    /// Share of words in common; 1 when kept or moved, 0 when added or removed.
    pub similarity: f64,
}

/// What changed between two drafts.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// Every sentence of both drafts once, in the later draft's order; removed ones where they stood.
    pub changes: Vec<Change>,
    /// How the measures grew.
    pub growth: Vec<Growth>,
    /// Share of the later draft's words that are new or revised.
    pub revised_share: f64,
}

/// A draft as rows of word numbers: equal words, equal number in both drafts.
struct Draft {
    words: Vec<Vec<u32>>,
    stems: Vec<Vec<u32>>,
}

/// A sentence of each draft that belong together.
#[derive(Clone, Copy, Debug)]
struct Pair {
    earlier: usize,
    later: usize,
    similarity: f64,
    exact: bool,
}

/// Compares two drafts.
#[must_use]
pub fn compare(earlier: &Prose<'_>, later: &Prose<'_>) -> Comparison {
    let mut numbers = HashMap::new();
    let before = Draft::new(earlier, &mut numbers);
    let after = Draft::new(later, &mut numbers);
    let mut pairs = equal_pairs(&before, &after);
    let revised = revising::pairs(&before, &after, &pairs);
    pairs.extend(revised.pairs);
    Comparison {
        changes: changes(earlier, later, &pairs),
        growth: growth::between(earlier, later),
        revised_share: revised_share(&after, &pairs),
    }
}

impl Draft {
    fn new<'t>(prose: &Prose<'t>, numbers: &mut HashMap<String, u32>) -> Self {
        let mut draft = Self {
            words: Vec::with_capacity(prose.sentences.len()),
            stems: Vec::with_capacity(prose.sentences.len()),
        };
        let mut number = |form: &str| {
            if let Some(known) = numbers.get(form) {
                return *known;
            }
            let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
            numbers.insert(form.to_owned(), next);
            next
        };
        for sentence in &prose.sentences {
            let (mut words, mut stems) = (Vec::new(), Vec::new());
            for word in prose.sentence_words(sentence) {
                words.push(number(&stem::lower_case(word.text)));
                if let Some(stem) = stem::content_stem(word.text) {
                    stems.push(number(&stem));
                }
            }
            stems.sort_unstable();
            stems.dedup();
            draft.words.push(words);
            draft.stems.push(stems);
        }
        draft
    }

    fn len(&self) -> usize {
        self.words.len()
    }
}

/// Pairs of sentences with the same words.
fn equal_pairs(before: &Draft, after: &Draft) -> Vec<Pair> {
    let same = |i: usize, j: usize| before.words[i] == after.words[j];
    let shorter = before.len().min(after.len());
    let start = (0..shorter).take_while(|&i| same(i, i)).count();
    let end = (1..=shorter - start)
        .take_while(|&back| same(before.len() - back, after.len() - back))
        .count();
    let pair = |earlier, later| Pair {
        earlier,
        later,
        similarity: 1.0,
        exact: true,
    };
    let mut pairs: Vec<Pair> = (0..start).map(|at| pair(at, at)).collect();
    let mut places: HashMap<&[u32], BTreeSet<usize>> = HashMap::new();
    for at in start..before.len() - end {
        places.entry(&before.words[at]).or_default().insert(at);
    }
    let mut expected = start;
    for later in start..after.len() - end {
        let Some(copies) = places.get_mut(after.words[later].as_slice()) else {
            continue;
        };
        // The nearest copy that follows, or the first where none does.
        let Some(earlier) = copies.range(expected..).next().or_else(|| copies.first()).copied() else {
            continue;
        };
        copies.remove(&earlier);
        pairs.push(pair(earlier, later));
        expected = earlier + 1;
    }
    pairs.extend(
        (1..=end)
            .rev()
            .map(|back| pair(before.len() - back, after.len() - back)),
    );
    pairs
}

/// Which of `values` belong to the longest row that rises.
fn longest_rise(values: &[usize]) -> Vec<bool> {
    let mut tails: Vec<usize> = Vec::new();
    let mut previous: Vec<Option<usize>> = Vec::with_capacity(values.len());
    for (index, value) in values.iter().enumerate() {
        let at = tails.partition_point(|&tail| values[tail] < *value);
        previous.push(at.checked_sub(1).map(|before| tails[before]));
        if at == tails.len() {
            tails.push(index);
        } else {
            tails[at] = index;
        }
    }
    let mut rising = vec![false; values.len()];
    let mut next = tails.last().copied();
    while let Some(index) = next {
        rising[index] = true;
        next = previous[index];
    }
    rising
}

fn changes(earlier: &Prose<'_>, later: &Prose<'_>, pairs: &[Pair]) -> Vec<Change> {
    let mut partner: Vec<Option<Pair>> = vec![None; later.sentences.len()];
    let mut paired = vec![false; earlier.sentences.len()];
    for pair in pairs {
        partner[pair.later] = Some(*pair);
        paired[pair.earlier] = true;
    }
    let exact: Vec<Pair> = partner.iter().flatten().filter(|pair| pair.exact).copied().collect();
    let rising = longest_rise(&exact.iter().map(|pair| pair.earlier).collect::<Vec<_>>());
    let mut kept = vec![false; later.sentences.len()];
    for (pair, rising) in exact.iter().zip(rising) {
        kept[pair.later] = rising;
    }
    // Removed sentences stand behind the sentence that they stood behind, as far as that kept its order.
    let all: Vec<Pair> = partner.iter().flatten().copied().collect();
    let ordered = longest_rise(&all.iter().map(|pair| pair.earlier).collect::<Vec<_>>());
    let mut behind = all
        .iter()
        .zip(ordered)
        .filter_map(|(pair, ordered)| ordered.then_some(*pair))
        .peekable();

    let mut removed = (0..earlier.sentences.len()).filter(|&at| !paired[at]).peekable();
    let mut changes = Vec::with_capacity(later.sentences.len() + earlier.sentences.len() - pairs.len());
    let mut remove_until = |end: usize, changes: &mut Vec<Change>| {
        while let Some(at) = removed.next_if(|&at| at < end) {
            changes.push(Change {
                kind: Kind::Removed,
                earlier: Some(earlier.sentences[at].span),
                later: None,
                similarity: 0.0,
            });
        }
    };
    // Before the first sentence: what stood before the first one that kept its order.
    let first = behind.peek().map_or(usize::MAX, |pair| pair.earlier);
    remove_until(first, &mut changes);
    for (at, sentence) in later.sentences.iter().enumerate() {
        let (kind, earlier_span, similarity) = match partner[at] {
            None => (Kind::Added, None, 0.0),
            Some(pair) => {
                let kind = match (pair.exact, kept[at]) {
                    (true, true) => Kind::Kept,
                    (true, false) => Kind::Moved,
                    (false, _) => Kind::Revised,
                };
                (kind, Some(earlier.sentences[pair.earlier].span), pair.similarity)
            }
        };
        changes.push(Change {
            kind,
            earlier: earlier_span,
            later: Some(sentence.span),
            similarity,
        });
        if behind.next_if(|pair| pair.later == at).is_some() {
            let end = behind.peek().map_or(usize::MAX, |pair| pair.earlier);
            remove_until(end, &mut changes);
        }
    }
    changes
}

/// Words of added sentences, and of revised ones those not in common.
#[expect(clippy::cast_precision_loss, reason = "counts of words are far below 2^52")]
fn revised_share(after: &Draft, pairs: &[Pair]) -> f64 {
    let mut new: Vec<f64> = after.words.iter().map(|words| words.len() as f64).collect();
    let total: f64 = new.iter().sum();
    for pair in pairs {
        new[pair.later] *= 1.0 - pair.similarity;
    }
    if total > 0.0 {
        (new.iter().sum::<f64>() / total).clamp(0.0, 1.0)
    } else {
        0.0
    }
}

#[cfg(test)]
mod tests;
