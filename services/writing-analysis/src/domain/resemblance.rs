//! Sentences that say nearly the same words.
//!
//! Two sentences resemble each other when their sets of content stems have a Jaccard index of 0.6 or more. Which ones
//! to compare is found by min-hashes in bands, and each bucket keeps its latest four sentences, so the work is bounded
//! by the number of sentences. When not: sentences of fewer than five content stems say too little. Source: Broder
//! 1997 for min-hashing; Leskovec, Rajaraman & Ullman 2014, chapter 3, for the bands.

use hashbrown::HashMap;

use super::{reading::Reading, statistics::number};

const LEAST: usize = 5;
const ALIKE: f64 = 0.6;
const BANDS: usize = 6;
const ROWS: usize = 2;
const KEPT: usize = 4;

/// Two sentences, the earlier first.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pair {
    /// The earlier.
    pub earlier: usize,
    /// The later.
    pub later: usize,
    /// Their Jaccard index.
    pub similarity: f64,
}

/// Pairs of alike sentences; each later sentence once, with the one most like it.
#[must_use]
pub fn find(reading: &Reading<'_>) -> Vec<Pair> {
    let mut sets: HashMap<usize, Vec<u32>> = HashMap::new();
    let mut buckets: HashMap<(usize, [u32; ROWS]), Vec<usize>> = HashMap::new();
    let mut pairs = Vec::new();
    for (index, sentence) in reading.prose.sentences.iter().enumerate() {
        if reading.prose.quoted(sentence.span) {
            continue;
        }
        let mut stems: Vec<u32> = reading.stems(sentence.words.clone()).collect();
        stems.sort_unstable();
        stems.dedup();
        if stems.len() < LEAST {
            continue;
        }
        let mut best: Option<Pair> = None;
        for (band, key) in signature(&stems).into_iter().enumerate() {
            let bucket = buckets.entry((band, key)).or_default();
            for &earlier in bucket.iter() {
                let similarity = jaccard(&sets[&earlier], &stems);
                if similarity >= ALIKE && best.is_none_or(|pair| similarity > pair.similarity) {
                    best = Some(Pair {
                        earlier,
                        later: index,
                        similarity,
                    });
                }
            }
            if bucket.len() == KEPT {
                bucket.remove(0);
            }
            bucket.push(index);
        }
        pairs.extend(best);
        sets.insert(index, stems);
    }
    pairs
}

/// The least hash of all stems, for each of the rows of each band.
fn signature(stems: &[u32]) -> [[u32; ROWS]; BANDS] {
    let mut signature = [[u32::MAX; ROWS]; BANDS];
    for stem in stems {
        for (band, rows) in signature.iter_mut().enumerate() {
            for (row, least) in rows.iter_mut().enumerate() {
                *least = (*least).min(mix(*stem, band * ROWS + row));
            }
        }
    }
    signature
}

/// A fixed mixing of a stem's number (the finaliser of MurmurHash3), one for each row: no seed, so always the same.
fn mix(stem: u32, row: usize) -> u32 {
    let row = u32::try_from(row).unwrap_or(0);
    let mut hash = stem.wrapping_add(1).wrapping_mul(0x9E37_79B9) ^ row.wrapping_add(1).wrapping_mul(0x85EB_CA6B);
    hash = (hash ^ (hash >> 16)).wrapping_mul(0x7FEB_352D);
    hash = (hash ^ (hash >> 15)).wrapping_mul(0x846C_A68B);
    hash ^ (hash >> 16)
}

/// Common ÷ all, of two sorted sets.
fn jaccard(one: &[u32], other: &[u32]) -> f64 {
    let common = common(one, other);
    let all = one.len() + other.len() - common;
    f64::from(number(common)) / f64::from(number(all.max(1)))
}

/// How many entries two sorted rows share; one that returns counts as often as it stands in both.
pub(super) fn common(one: &[u32], other: &[u32]) -> usize {
    let (mut at, mut shared) = (0, 0);
    for entry in one {
        while other.get(at).is_some_and(|candidate| candidate < entry) {
            at += 1;
        }
        if other.get(at) == Some(entry) {
            at += 1;
            shared += 1;
        }
    }
    shared
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alike_sentences_are_paired() {
        let text = "School uniforms save poor families a lot of money every year. Dogs bark at night near our old house \
                    garden. Every year, school uniforms save many poor families money.";
        let pairs = find(&Reading::new(text));
        assert_eq!(pairs.len(), 1);
        assert_eq!((pairs[0].earlier, pairs[0].later), (0, 2));
        assert!(pairs[0].similarity > 0.8);
    }

    #[test]
    fn short_and_quoted_sentences_are_left_out() {
        assert!(find(&Reading::new("I like it very much. I like it very much.")).is_empty());
        let quoted = "\"Brave soldiers carried heavy packs through deep mud.\"";
        assert!(find(&Reading::new(&format!("{quoted} {quoted}"))).is_empty());
    }
}
