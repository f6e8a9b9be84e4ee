//! Writing analysis: named, published measures of a student's English prose, and findings that ask.
//!
//! A text comes in, is read once, and every rule speaks about it on its own authority:
//!
//! ```text
//! text ─▶ prose (words, sentences, paragraphs) ─▶ reading (one record for each distinct word)
//!                                                   │
//!          measures: statistics, readability, diversity, cohesion, style
//!          findings: passive, tense, person, nominal, stance, repetition, resemblance, gaps …
//!          structure: lead, position, claim, evidence, counter-claim, rebuttal, conclusion
//!                                                   ▼
//!                                      service: the contract's messages
//! ```
//!
//! 1. **No grade and no rewriting.** Each finding has a place, a reason, a source and a question; its confidence is
//!    the precision of its rule, measured on labelled sentences in `tests/data` that the rule was not made on.
//! 2. **Published methods.** Each module of [`domain`] names its publication; readability is checked against
//!    `textstat`, syllables against CMUdict.
//! 3. **Linear and deterministic.** The same text gives the same answer, and 100,000 words take a hundred times as long
//!    as 1,000 (`benches/analysis.rs`).
//! 4. **Typing is followed, not chased.** [`domain::typing`] answers a draft paragraph by paragraph, nearest to the
//!    cursor first, skips what the page already has, and stops when nobody listens.
//! 5. **Nothing is kept.** No text reaches a log, an error or a `Debug` output.
//!
//! Begin with [`WritingAnalysis`], which serves the contract `lyceum.writing_analysis.v1`.

pub mod domain;
pub mod service;

pub use service::WritingAnalysis;
