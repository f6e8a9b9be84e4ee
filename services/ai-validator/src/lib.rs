//! AI validation: what a task asks for, whether an AI's reply keeps its bounds, how much help a student may have now.
//!
//! ```text
//! task ───────▶ bloom ────────────────┐
//! reflection ─▶ writing-analysis ─────┤  (EvaluateReflection, across the fabric)
//! reliance, stage ────────────────────┴▶ access ─▶ level, reasons, next steps
//!
//! reply, assignment, student's text ──▶ assistance ─▶ breaches with their places
//! ```
//!
//! 1. **Rules and published taxonomies decide, never another model**, so that every decision can tell why.
//! 2. **Access is never guessed.** When the reflection cannot be judged, the answer is UNAVAILABLE.
//! 3. **Reasons speak to the student**: plain, warm, and about the work.
//! 4. **Nothing is kept.** No text reaches a log, an error or a `Debug` output.
//!
//! Begin with [`AiValidator`], which serves the contract `lyceum.ai_validator.v1`.

pub mod domain;
pub mod service;

pub use service::AiValidator;
