//! The audit log: who touched whose data, for what and on which basis, so that nothing of it can be changed unseen.
//!
//! ```text
//! entry ─▶ leaf hash ─▶ Frontier ─▶ completed nodes ─▶ (storage)
//!                          │                               │ nodes that a Plan names
//!                          ▼                               ▼
//!                    root ─▶ Checkpoint ─signed─▶ note   proofs: inclusion, consistency
//! ```
//!
//! 1. **Append only.** Entries are the leaves of a Merkle tree ([`Frontier`], RFC 6962). A root commits to every entry
//!    before it; a signed [`Checkpoint`] commits the log to a root.
//! 2. **Small proofs.** An [`Inclusion`] shows that one entry is in a tree, a [`Consistency`] that one tree is the
//!    beginning of another, each in about log₂(n) hashes. Whoever verifies needs the checkpoint's key and nothing else.
//! 3. **Named damage.** [`Comparison`] finds which entries differ between two copies of a log by comparing the hashes of
//!    subtrees, and never looks where they agree.
//! 4. **Pure.** Nothing here stores: a proof is a [`Plan`] of the nodes that it needs, to be read from wherever they are.
//!
//! Why our own: of the crates that prove consistency, one proves from nodes of a tree in memory, at whose right edge stand
//! nodes that an append-only store does not have, and one brings a second SHA-256 and a second Ed25519 beside ring. The
//! first is what the tests compare every proof with. When not: what happens in a process belongs in its log, and what a
//! service remembers belongs in its store. Source: RFC 6962 section 2, RFC 9162 section 2.1 (verification), C2SP
//! signed-note and tlog-checkpoint.

mod checkpoint;
mod comparison;
mod entry;
mod hash;
mod note;
mod proof;
mod tree;

pub use checkpoint::Checkpoint;
pub use comparison::Comparison;
pub use entry::{ENTRY_LIMIT, entry_bytes, read_entry};
pub use hash::Hash;
pub use note::{Key, PublicKey};
pub use proof::{Consistency, Inclusion, Plan};
pub use tree::{Frontier, Node, subtrees};

/// The most leaves of a tree: what a signed number of 64 bits counts, so that an index fits any database's column.
pub const MOST: u64 = i64::MAX as u64;

/// What is wrong with a log, a proof or a note.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no such leaf, or no such earlier tree.
    #[error("a tree of {size} leaves has no {what} {index}")]
    Absent {
        /// What was asked for.
        what: &'static str,
        /// Its number.
        index: u64,
        /// How many leaves there are.
        size: u64,
    },
    /// The log is full.
    #[error("a log has at most {MOST} entries")]
    Full,
    /// A proof of another length than its tree needs.
    #[error("the proof has {given} hashes where the tree needs {needed}")]
    Length {
        /// How many came.
        given: usize,
        /// How many there must be.
        needed: usize,
    },
    /// Hashes that lead to another root.
    #[error("the proof does not lead to the {0} root")]
    Root(&'static str),
    /// A state that no tree has.
    #[error("{0} hashes are not the frontier of {1} leaves")]
    Frontier(usize, u64),
    /// A note that cannot be read.
    #[error("this is no signed checkpoint: {0}")]
    Note(&'static str),
    /// A name or key that cannot sign notes.
    #[error("this is no key for notes: {0}")]
    Key(&'static str),
    /// Nobody who is trusted has signed it, or the text was changed.
    #[error("the checkpoint's signature is not that of the log's key")]
    Signature,
    /// An entry in bytes that no entry is written in.
    #[error("this is no audit entry: {0}")]
    Entry(&'static str),
}

#[cfg(test)]
mod tests;
