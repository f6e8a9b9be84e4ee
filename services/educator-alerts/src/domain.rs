//! The rules of educator alerts, free of I/O, of clocks and of the contract's types.
//!
//! What: each module is one concept, and everything it needs is handed in: time, consent, seeds, what is known. Why apart
//! from the adapter: rules about minors must be tested to the last corner, without a database or a clock in the way.
//! When not: who may see whose alerts is decided by the fabric from the contract; what consent says, by the privacy
//! service. Source: each module names its own.

pub mod alert;
pub mod consent;
pub mod delivery;
pub mod digest;
pub mod effectiveness;
pub mod escalation;
pub mod feed;
pub mod interval;
pub mod interventions;
pub mod model;
pub mod preferences;
pub mod pseudonym;
pub mod quality;
pub mod quiet;
pub mod raising;
pub mod repetition;
pub mod signals;
pub mod standing;
pub mod training;
