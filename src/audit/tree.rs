//! The tree as it grows: the few hashes that the next leaf needs, and the nodes that it completes.
//!
//! Of n leaves a [`Frontier`] keeps one hash for each bit that is set in n: the roots of the complete subtrees, largest
//! first. A node is told once, when its last leaf comes, and never changes, so that a store only ever adds. Roots and
//! proofs at any earlier size are made of such nodes too: [`subtrees`] says of which. Source: RFC 6962, 2.1.

use super::{Error, Hash, MOST};

/// A complete subtree, by its place: it covers the leaves from `index << level`, `1 << level` of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Node {
    /// How far above the leaves; a leaf is 0.
    pub level: u8,
    /// Which of its level, from the left.
    pub index: u64,
}

impl Node {
    /// Of a leaf.
    #[must_use]
    pub const fn leaf(index: u64) -> Self {
        Self { level: 0, index }
    }

    /// The two below it; none below a leaf.
    #[must_use]
    pub fn children(self) -> Option<[Self; 2]> {
        let level = self.level.checked_sub(1)?;
        Some([0, 1].map(|side| Self {
            level,
            index: 2 * self.index + side,
        }))
    }

    /// The leaves that it covers.
    #[must_use]
    pub fn leaves(self) -> std::ops::Range<u64> {
        let first = self.index << self.level;
        first..first + (1 << self.level)
    }
}

/// The complete subtrees that make up the leaves from `start` to `end`, left to right: one or two a level.
///
/// Of a range that a proof names, which starts at a multiple of a power of two no smaller than its length, they are
/// those of RFC 6962, each larger than the next.
pub fn subtrees(start: u64, end: u64) -> impl Iterator<Item = Node> {
    let mut at = start;
    std::iter::from_fn(move || {
        let left = end.checked_sub(at).filter(|left| *left > 0)?;
        let level = left.ilog2().min(at.trailing_zeros());
        let node = Node {
            // At most 63.
            level: level as u8,
            index: at >> level,
        };
        at += 1 << level;
        Some(node)
    })
}

/// The hash over complete subtrees that get smaller from left to right.
pub(super) fn fold<E>(
    nodes: impl DoubleEndedIterator<Item = Node>,
    mut read: impl FnMut(Node) -> Result<Hash, E>,
) -> Result<Hash, E> {
    let mut whole = None;
    for node in nodes.rev() {
        let left = read(node)?;
        whole = Some(match whole {
            Some(right) => Hash::node(&left, &right),
            None => left,
        });
    }
    Ok(whole.unwrap_or_else(Hash::empty))
}

/// What a log must remember to append: its size, and at most 63 hashes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Frontier {
    size: u64,
    hashes: Vec<Hash>,
}

impl Frontier {
    /// That of a log without entries.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Continues a log of `size` entries whose nodes were kept.
    ///
    /// # Errors
    /// Those of `read`, and [`Error::Full`] for a size that no log has.
    pub fn read<E: From<Error>>(size: u64, read: impl FnMut(Node) -> Result<Hash, E>) -> Result<Self, E> {
        if size > MOST {
            return Err(Error::Full.into());
        }
        let hashes = subtrees(0, size).map(read).collect::<Result<_, E>>()?;
        Ok(Self { size, hashes })
    }

    /// Continues a log of `size` entries from the hashes of [`Frontier::hashes`].
    ///
    /// # Errors
    /// [`Error::Frontier`] where they are not as many as that size has.
    pub fn from_hashes(size: u64, hashes: Vec<Hash>) -> Result<Self, Error> {
        if size > MOST || hashes.len() != size.count_ones() as usize {
            return Err(Error::Frontier(hashes.len(), size));
        }
        Ok(Self { size, hashes })
    }

    /// How many leaves there are.
    #[must_use]
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The roots of the complete subtrees, largest first.
    #[must_use]
    pub fn hashes(&self) -> &[Hash] {
        &self.hashes
    }

    /// Adds a leaf and tells every node that it completes, the leaf first; gives its index.
    ///
    /// # Errors
    /// [`Error::Full`].
    pub fn append(&mut self, leaf: Hash, mut completed: impl FnMut(Node, Hash)) -> Result<u64, Error> {
        let index = self.size;
        if index >= MOST {
            return Err(Error::Full);
        }
        let (mut node, mut hash) = (Node::leaf(index), leaf);
        completed(node, hash);
        // As long as it is a right child, the left one is the last hash.
        while node.index & 1 == 1
            && let Some(left) = self.hashes.pop()
        {
            hash = Hash::node(&left, &hash);
            node = Node {
                level: node.level + 1,
                index: node.index >> 1,
            };
            completed(node, hash);
        }
        self.hashes.push(hash);
        self.size += 1;
        Ok(index)
    }

    /// The hash that commits to every leaf.
    #[must_use]
    pub fn root(&self) -> Hash {
        let last = self.hashes.iter().rev().copied();
        last.reduce(|right, left| Hash::node(&left, &right))
            .unwrap_or_else(Hash::empty)
    }
}
