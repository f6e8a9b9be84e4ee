//! Student profiling: how a student's skills grow, how sure that is, what could help next, and what may be used for it.
//!
//! Begin with [`domain`].

pub mod domain;
