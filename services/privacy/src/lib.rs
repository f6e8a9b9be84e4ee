//! Privacy: what may be done with a student's data, who agreed to it, which law says so, and how it is undone.
//!
//! ```text
//! grant, approve, withdraw ─▶ consent ──┐
//! FERPA, GDPR, COPPA, SOPIPA ─▶ regulation ─▶ decision ─▶ permit (signed, lyceum::privacy::permit)
//! age, purpose, category ───────────────┘        │
//!                                                └▶ which rule spoke, and what would help
//! account, purpose, key ─▶ pseudonym
//! request ─▶ rights ─▶ every service's DataSubjectService ─▶ package with an index │ receipt
//! ```
//!
//! 1. **Consent is a history.** What is in force follows from events; a withdrawal is in force when it is answered.
//! 2. **Rules are data.** Each rule of a regulation stands in a file that a lawyer reads, with its article; a school
//!    combines them, and the strictest wins.
//! 3. **Every decision explains itself**: the rule that decided, the others that spoke, and what would help.
//! 4. **Students are pseudonyms**, another for each purpose, and nobody finds the way back without the table of accounts.
//! 5. **Rights reach everything**: an export tells which services had nothing, an erasure goes on where it stopped.
//!
//! Everything here is pure: no clock, no store, no randomness.

pub mod domain;
