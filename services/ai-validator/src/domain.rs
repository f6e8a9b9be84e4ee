//! The rules of educational AI validation, free of I/O and of the contract's types.
//!
//! What: the level of a task ([`bloom`]), the bounds of a reply ([`assistance`]) and how much help is allowed
//! ([`access`]). Why apart from the adapter: they are tested and cited on their own. When not: what a caller may send
//! is for the contract to say. Source: each module names its publication.

pub mod access;
pub mod assistance;
pub mod bloom;

/// Where a student is in their work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    /// Collects ideas.
    Brainstorm,
    /// Writes a first version.
    Draft,
    /// Changes content and structure.
    Revise,
    /// Polishes words.
    Edit,
}
