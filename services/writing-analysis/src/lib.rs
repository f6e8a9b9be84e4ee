//! Writing analysis.

pub mod domain;
