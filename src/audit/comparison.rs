//! Which entries differ between two copies of a log: the one in use and a backup, or what is stored and what its rows say.
//!
//! Begins at the largest subtrees and goes below those only whose hashes differ, so that k changed entries among n are
//! found with about k·log₂(n) hashes. It asks in rounds, a level at a time at the most, so that a store answers each with
//! one query. When not: whether a log as a whole is as it was is told by a checkpoint and a [`super::Consistency`].

use super::tree::subtrees;
use super::{Error, MOST, Node};

/// A search for what differs.
#[derive(Clone, Debug)]
pub struct Comparison {
    asked: Vec<Node>,
    found: Vec<u64>,
    most: usize,
}

impl Comparison {
    /// Compares the first `size` leaves, and gives the first `most` that differ.
    ///
    /// # Errors
    /// [`Error::Full`] for a size that no log has.
    pub fn try_new(size: u64, most: usize) -> Result<Self, Error> {
        if size > MOST {
            return Err(Error::Full);
        }
        Ok(Self {
            asked: subtrees(0, size).collect(),
            found: Vec::new(),
            most,
        })
    }

    /// The nodes whose hashes are to be compared now, left to right; none when all is known.
    #[must_use]
    pub fn asked(&self) -> &[Node] {
        &self.asked
    }

    /// Takes the answers of one round: whether a node's hash is the same in both copies. A hash that one of them lacks
    /// is not the same.
    pub fn narrow(&mut self, mut same: impl FnMut(Node) -> bool) {
        let mut next = Vec::new();
        for node in std::mem::take(&mut self.asked) {
            // Every node that differs has at least one leaf that does; more to the right would be cut off anyway.
            if next.len() >= 2 * self.most {
                break;
            }
            if !same(node) {
                match node.children() {
                    Some(children) => next.extend(children),
                    None => self.found.push(node.index),
                }
            }
        }
        self.asked = next;
    }

    /// The leaves that differ, in order; all of them, unless there are more than were asked for.
    #[must_use]
    pub fn found(mut self) -> Vec<u64> {
        self.found.sort_unstable();
        self.found.truncate(self.most);
        self.found
    }
}
