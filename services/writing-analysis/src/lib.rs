//! Writing analysis.
