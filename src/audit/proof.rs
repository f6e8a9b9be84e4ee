//! Proofs: that an entry is in a tree, and that a tree is the beginning of another.
//!
//! A proof is planned before it is made, because the nodes that it needs lie in a store: [`Plan::nodes`] names them, two a
//! level at the most, so that one query fetches them all; [`Plan::hashes`] folds them. A proof of yesterday's tree needs
//! no more than one of today's. Verification trusts nothing that it is given: neither length nor order. Source: RFC 6962,
//! 2.1.1 and 2.1.2 (what a proof is); RFC 9162, 2.1.3.2 and 2.1.4.2 (how it is verified).

use std::ops::Range;

use super::tree::{fold, subtrees};
use super::{Error, Hash, MOST, Node};

/// What a proof is made of: the leaves under each of its hashes, in the proof's order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    parts: Vec<Range<u64>>,
}

impl Plan {
    /// For the root of the first `size` leaves: one hash.
    #[must_use]
    pub fn root(size: u64) -> Self {
        let parts = std::iter::once(0..size).collect();
        Self { parts }
    }

    /// For showing that leaf `index` is in a tree of `size` leaves.
    ///
    /// # Errors
    /// [`Error::Absent`].
    pub fn inclusion(index: u64, size: u64) -> Result<Self, Error> {
        if index >= size || size > MOST {
            return Err(absent("entry", index, size));
        }
        let mut parts = Vec::new();
        let (mut start, mut end) = (0, size);
        while end - start > 1 {
            let middle = middle(start, end);
            if index < middle {
                parts.push(middle..end);
                end = middle;
            } else {
                parts.push(start..middle);
                start = middle;
            }
        }
        parts.reverse();
        Ok(Self { parts })
    }

    /// For showing that the tree of the first `old` leaves is the beginning of that of `new`.
    ///
    /// # Errors
    /// [`Error::Absent`].
    pub fn consistency(old: u64, new: u64) -> Result<Self, Error> {
        if old > new || new > MOST {
            return Err(absent("earlier tree of size", old, new));
        }
        let mut parts = Vec::new();
        // An empty tree begins every other, and every tree itself.
        if old == 0 || old == new {
            return Ok(Self { parts });
        }
        let (mut start, mut end) = (0, new);
        while end != old {
            let middle = middle(start, end);
            if old <= middle {
                parts.push(middle..end);
                end = middle;
            } else {
                parts.push(start..middle);
                start = middle;
            }
        }
        // The old root itself is known to whoever asks.
        if start > 0 {
            parts.push(start..end);
        }
        parts.reverse();
        Ok(Self { parts })
    }

    /// The nodes that it needs, in the order in which [`Plan::hashes`] reads them.
    pub fn nodes(&self) -> impl Iterator<Item = Node> + '_ {
        self.parts.iter().flat_map(|part| nodes(part).into_iter().rev())
    }

    /// The hashes of the proof.
    ///
    /// # Errors
    /// Those of `read`.
    pub fn hashes<E>(&self, mut read: impl FnMut(Node) -> Result<Hash, E>) -> Result<Vec<Hash>, E> {
        self.parts
            .iter()
            .map(|part| fold(nodes(part).into_iter(), &mut read))
            .collect()
    }
}

fn nodes(part: &Range<u64>) -> Vec<Node> {
    subtrees(part.start, part.end).collect()
}

/// Where the leaves of a tree are parted: the largest power of two that is less than their number.
fn middle(start: u64, end: u64) -> u64 {
    start + (1 << (end - start - 1).ilog2())
}

fn absent(what: &'static str, index: u64, size: u64) -> Error {
    Error::Absent { what, index, size }
}

/// A proof that an entry is in a tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inclusion {
    /// Which entry, from 0.
    pub index: u64,
    /// How many leaves the tree has.
    pub size: u64,
    /// The hashes beside the way from the leaf to the root, lowest first.
    pub hashes: Vec<Hash>,
}

impl Inclusion {
    /// Whether it shows that `leaf` is in the tree of this root.
    ///
    /// # Errors
    /// [`Error::Absent`], [`Error::Length`] or [`Error::Root`].
    pub fn verify(&self, leaf: Hash, root: Hash) -> Result<(), Error> {
        let needed = Plan::inclusion(self.index, self.size)?.parts.len();
        length(&self.hashes, needed)?;
        let (mut at, mut last, mut hash) = (self.index, self.size - 1, leaf);
        for beside in &self.hashes {
            if at & 1 == 1 || at == last {
                hash = Hash::node(beside, &hash);
                // A right edge without a sibling is passed on upwards as it is.
                while at & 1 == 0 && at != 0 {
                    (at, last) = (at >> 1, last >> 1);
                }
            } else {
                hash = Hash::node(&hash, beside);
            }
            (at, last) = (at >> 1, last >> 1);
        }
        same(hash, root, "tree's")
    }
}

/// A proof that a tree is the beginning of another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consistency {
    /// How many leaves the earlier tree has.
    pub old: u64,
    /// How many the later one has.
    pub new: u64,
    /// The hashes that lead to both roots, lowest first.
    pub hashes: Vec<Hash>,
}

impl Consistency {
    /// Whether it shows that the tree of `old` is the beginning of that of `new`.
    ///
    /// # Errors
    /// [`Error::Absent`], [`Error::Length`] or [`Error::Root`].
    pub fn verify(&self, old: Hash, new: Hash) -> Result<(), Error> {
        let needed = Plan::consistency(self.old, self.new)?.parts.len();
        length(&self.hashes, needed)?;
        if self.old == 0 {
            return same(old, Hash::empty(), "earlier tree's");
        }
        if self.old == self.new {
            return same(old, new, "later tree's");
        }
        // The old tree's last complete subtree, and the edge of the new tree at the same height.
        let height = self.old.trailing_zeros();
        let (mut at, mut last) = ((self.old >> height) - 1, (self.new - 1) >> height);
        let mut hashes = self.hashes.iter();
        // Where the old tree is one complete subtree, its root is the first hash and is not sent.
        let first = if at == 0 {
            old
        } else {
            *hashes.next().ok_or(Error::Length { given: 0, needed })?
        };
        let (mut earlier, mut later) = (first, first);
        for beside in hashes {
            if at & 1 == 1 || at == last {
                (earlier, later) = (Hash::node(beside, &earlier), Hash::node(beside, &later));
                while at & 1 == 0 && at != 0 {
                    (at, last) = (at >> 1, last >> 1);
                }
            } else {
                later = Hash::node(&later, beside);
            }
            (at, last) = (at >> 1, last >> 1);
        }
        same(earlier, old, "earlier tree's")?;
        same(later, new, "later tree's")
    }
}

fn length(hashes: &[Hash], needed: usize) -> Result<(), Error> {
    let given = hashes.len();
    if given == needed {
        Ok(())
    } else {
        Err(Error::Length { given, needed })
    }
}

fn same(found: Hash, root: Hash, whose: &'static str) -> Result<(), Error> {
    if found == root { Ok(()) } else { Err(Error::Root(whose)) }
}
