//! The rules of privacy, free of I/O and of the contract's types.
//!
//! What: [`consent`] and its history, [`regulation`]s and what they decide together ([`decision`]), permits
//! ([`issuing`]), [`pseudonym`]s, the [`texts`] agreed to, and the [`rights`] to see and to erase. Why apart from the
//! adapter: each rule is tested by the article that it comes from. When not: what a caller may send is for the contract
//! to say, and whether a permit is good for `lyceum::privacy::permit`.

pub mod consent;
pub mod decision;
pub mod issuing;
pub mod pseudonym;
pub mod regulation;
pub mod rights;
pub mod texts;

/// A moment, in milliseconds since 1970: what columns and events hold. Whoever calls has the clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Moment(pub u64);

impl Moment {
    /// So many days later.
    #[must_use]
    pub const fn plus_days(self, days: u32) -> Self {
        Self(self.0.saturating_add(days as u64 * 86_400_000))
    }
}
