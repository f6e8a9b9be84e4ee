//! The rules of writing analysis, free of I/O and of the contract's types.
//!
//! What: each module is one published measure or one kind of observation over a [`reading::Reading`]. Why apart from
//! the adapter: they are tested, benchmarked and cited on their own. When not: nothing here decides what a caller may
//! send; the adapter does. Source: each module names its publication.

pub mod cohesion;
pub mod diversity;
pub mod drafts;
pub mod findings;
pub mod lexicon;
pub mod measures;
pub mod nominal;
pub mod observing;
pub mod passive;
pub mod person;
pub mod readability;
pub mod reading;
pub mod reflection;
pub mod repetition;
pub mod resemblance;
pub mod stance;
pub mod statistics;
pub mod structure;
pub mod style;
pub mod syllables;
pub mod tense;
pub mod typing;
