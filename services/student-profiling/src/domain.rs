//! The rules of student profiling, free of I/O, of clocks and of the contract's types.
//!
//! What: each module is one published method or one kind of rule over [`observation::Observation`]s. Why apart from the
//! adapter: they are tested, measured and cited on their own. When not: nothing here decides who may call; the contract
//! and the fabric do. Source: each module names its publication.

pub mod budget;
pub mod change;
pub mod cohort;
pub mod controls;
pub mod growth;
pub mod observation;
pub mod profile;
pub mod recommending;
pub mod skills;
