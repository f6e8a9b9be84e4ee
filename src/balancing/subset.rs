//! Subsets: a process that calls a pool of hundreds keeps connections to a few of them.
//!
//! Rendezvous hashing: every instance gets a number from its key and the process's identity; the highest are the subset.
//! An instance that leaves is replaced by the next, and nobody else moves. Different processes get different subsets.
//! When not: where few processes call many instances, as some of these would get no calls at all. That is why a pool is
//! whole by default.
//! Source: Thaler, Ravishankar, "Using name-based mappings to increase hit rates" (1998).

use super::hashing::pair;

/// Fewer than these are too few to choose among when some are poor.
const LEAST: usize = 12;

/// Which of these are in: `candidates` are hashes of keys, `size` of them are wanted. O(n).
pub(super) fn choose(candidates: &[u64], identity: u64, size: usize) -> Vec<bool> {
    if size == 0 || candidates.len() <= size.max(LEAST) {
        return vec![true; candidates.len()];
    }
    let mut ranks: Vec<(u64, usize)> = candidates
        .iter()
        .enumerate()
        .map(|(index, key)| (pair(identity, *key), index))
        .collect();
    let size = size.max(LEAST);
    ranks.select_nth_unstable_by(size, |one, other| other.cmp(one));
    let mut chosen = vec![false; candidates.len()];
    for (_, index) in &ranks[..size] {
        chosen[*index] = true;
    }
    chosen
}
