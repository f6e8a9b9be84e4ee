//! Whether a student's consent covers alerts: a value that is handed in, asked where an alert is raised or grows.
//!
//! Why a type and no flag: a rule that needs it cannot be called without it, and nothing here can make one up out of
//! silence. When not: what was agreed to, by whom and since when is the privacy service's to know. Source: GDPR
//! Art. 6(1)(a), 7(3): withdrawal is as easy as consent and works from then on.

/// What the student's consent says of alerts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consent {
    /// It covers them.
    Covered,
    /// It does not, or it was withdrawn, or nobody knows.
    NotCovered,
}
