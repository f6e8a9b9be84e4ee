//! Which sentences are recognisably the same with other words.
//!
//! Candidates come from an index of rare stems and from the place between the same neighbours; only a bounded number
//! is looked at for each sentence, and only those of a similar length, so that one giant sentence costs no more than
//! its words. When not: a paraphrase without a word in common is an addition and a removal.

use std::collections::HashMap;

use super::{Draft, Pair};
use crate::domain::resemblance::common;

/// How many rare stems of a sentence are looked up.
const STEMS: usize = 8;
/// A stem in more sentences than this tells nothing.
const COMMON: usize = 24;
/// How many candidates are compared word by word.
const CANDIDATES: usize = 8;
/// The share of words from which two sentences are the same with changes.
const SAME: f64 = 0.5;

/// What was found, and what it took.
pub(super) struct Revised {
    /// Sentences of each draft that belong together.
    pub(super) pairs: Vec<Pair>,
    /// Places looked up and words walked through. A test holds it to the length of the drafts, which a clock could
    /// not do reliably.
    #[cfg_attr(not(test), expect(dead_code, reason = "only a test asks how much work it was"))]
    pub(super) work: usize,
}

/// Pairs among the sentences that `taken` leaves.
pub(super) fn pairs(before: &Draft, after: &Draft, taken: &[Pair]) -> Revised {
    let mut free_before = vec![true; before.len()];
    let mut partner = vec![None; after.len()];
    for pair in taken {
        free_before[pair.earlier] = false;
        partner[pair.later] = Some(pair.earlier);
    }
    let mut by_stem: HashMap<u32, Vec<usize>> = HashMap::new();
    for (at, stems) in before.stems.iter().enumerate().filter(|(at, _)| free_before[*at]) {
        for stem in stems {
            by_stem.entry(*stem).or_default().push(at);
        }
    }
    let bags = |draft: &Draft| -> Vec<Vec<u32>> {
        let sorted = |words: &Vec<u32>| {
            let mut words = words.clone();
            words.sort_unstable();
            words
        };
        draft.words.iter().map(sorted).collect()
    };
    let (bags_before, bags_after) = (bags(before), bags(after));
    let mut found: Vec<(Pair, usize)> = Vec::new();
    let (mut expected, mut work) = (0, 0);
    for later in 0..after.len() {
        if let Some(earlier) = partner[later] {
            expected = earlier + 1;
            continue;
        }
        let (candidates, places) = candidates(&after.stems[later], &by_stem, &free_before, expected);
        work += places;
        for earlier in candidates {
            let (similarity, words) = similarity(&bags_before[earlier], &bags_after[later]);
            work += words;
            if similarity >= SAME && shares_meaning(&before.stems[earlier], &after.stems[later]) {
                let pair = Pair {
                    earlier,
                    later,
                    similarity,
                    exact: false,
                };
                found.push((pair, earlier.abs_diff(expected)));
            }
        }
        expected += 1;
    }
    // The most alike first; of equals the nearer, so that the order of the drafts is followed.
    found.sort_by(|(a, near_a), (b, near_b)| {
        b.similarity
            .total_cmp(&a.similarity)
            .then(near_a.cmp(near_b))
            .then((a.later, a.earlier).cmp(&(b.later, b.earlier)))
    });
    let mut free_after: Vec<bool> = partner.iter().map(Option::is_none).collect();
    found.retain(|(pair, _)| {
        let free = free_before[pair.earlier] && free_after[pair.later];
        if free {
            free_before[pair.earlier] = false;
            free_after[pair.later] = false;
        }
        free
    });
    Revised {
        pairs: found.into_iter().map(|(pair, _)| pair).collect(),
        work,
    }
}

/// Sentences of the earlier draft worth comparing, at most [`CANDIDATES`], and how many places were looked up for it.
fn candidates(
    stems: &[u32],
    by_stem: &HashMap<u32, Vec<usize>>,
    free: &[bool],
    expected: usize,
) -> (Vec<usize>, usize) {
    let mut rare: Vec<&Vec<usize>> = stems
        .iter()
        .filter_map(|stem| by_stem.get(stem))
        .filter(|places| places.len() <= COMMON)
        .collect();
    rare.sort_by_key(|places| places.len());
    let mut shared: HashMap<usize, usize> = HashMap::new();
    let mut places = stems.len();
    for &at in rare.iter().take(STEMS).flat_map(|places| places.iter()) {
        places += 1;
        *shared.entry(at).or_default() += 1;
    }
    // The neighbours in the same gap are candidates even without a rare stem.
    for at in [expected, expected + 1] {
        if free.get(at).copied().unwrap_or(false) {
            shared.entry(at).or_default();
        }
    }
    let mut ranked: Vec<(usize, usize)> = shared.into_iter().collect();
    ranked.sort_by_key(|&(at, count)| (std::cmp::Reverse(count), at.abs_diff(expected), at));
    ranked.truncate(CANDIDATES);
    (ranked.into_iter().map(|(at, _)| at).collect(), places)
}

/// Dice's share of words in common, of two sorted rows, and how many words were walked through for it.
#[expect(clippy::cast_precision_loss, reason = "counts of words are far below 2^52")]
fn similarity(a: &[u32], b: &[u32]) -> (f64, usize) {
    let (short, all) = (a.len().min(b.len()), a.len() + b.len());
    // Too different in length to reach the threshold: not worth walking through a giant.
    if all == 0 || (2 * short) as f64 / (all as f64) < SAME {
        return (0.0, 0);
    }
    ((2 * common(a, b)) as f64 / all as f64, all)
}

/// Function words alone make no sentence the same: a third of the shorter one's content has to be shared.
fn shares_meaning(a: &[u32], b: &[u32]) -> bool {
    let least = a.len().min(b.len());
    least == 0 || common(a, b) * 3 >= least
}
