//! Student profiling: how a student's skills grow, how sure that is, what could help next, and what may be used for it.
//!
//! Observations come in one at a time, from whoever saw a student use a skill, and are kept as a history. Everything
//! else is made of them when somebody asks, for one purpose, of what the student lets be used for it:
//!
//! ```text
//! observation ─▶ profile: events, applied in order ─▶ usable (purpose ∧ switches ∧ consent)
//!                                                       │
//!                 change: where growth broke ◀──────────┤
//!                    │ where nearly certain             │
//!                    ▼                                  ▼
//!                 growth: one belief over 90 models of noise and drift
//!                    │ at every observation, and ahead  │ now
//!                    ▼                                  ▼
//!                 trajectory                         skills ─▶ recommending: what, because, why now, unless
//!                                                       │ one level a student
//!                 budget: charged first ─▶ cohort: counted, blurred, told
//! ```
//!
//! 1. **No figure without its uncertainty.** Levels have bands that hold the truth as often as they say
//!    (`tests/evidence.rs`); where too little is known, that is the answer.
//! 2. **No verdict.** Proposals speak of work, tell what they rest on, and what would end them.
//! 3. **The student decides.** A use happens when the purpose needs the source, the student has it on, and the consent
//!    covers it; what is off for everything is not kept.
//! 4. **A class is told of without telling of one.** Differential privacy with a budget that is exact to the billionth
//!    and is charged before anything is counted.
//! 5. **Order does not matter, and history is the truth.** The same observations in any order make the same figures;
//!    rebuilt is the same as kept.
//!
//! Begin with [`domain`]. `docs/services/student-profiling.md` has the methods, how good they are, and where they fall
//! short.

pub mod domain;
