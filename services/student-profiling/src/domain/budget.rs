//! The privacy budget: how much of a student's deniability a purpose has spent, exactly, and when it is spent.
//!
//! What: a loss of privacy is an [`Epsilon`], counted in whole billionths. Every student has an [`Account`] for each
//! purpose; losses add up (sequential composition), and what would overdraw the account is refused. Why integers: sums
//! of floats depend on their order and lose the small beside the large, so that a ledger of them is never quite right.
//! A query charges everybody whom it might speak of, or nobody ([`charge`]), and does so before it looks at their data:
//! so neither a charge nor a refusal tells anything of what is held of anybody.
//!
//! Budgets are for good: nothing fills them up again, because noise that was averaged away does not come back. When
//! not: what a student sees of themselves costs nothing. Source: Dwork & Roth 2014, theorem 3.16; the grants are our
//! own choice.

use thiserror::Error;

use super::controls::Purpose;

/// A loss of privacy, or a budget of it: ε in whole billionths.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epsilon(u64);

impl Epsilon {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// The least that a query may spend: 0.01. Less is all noise.
    pub const LEAST: Self = Self(10_000_000);

    /// The most that a query may spend: 2. More protects little.
    pub const MOST: Self = Self(2_000_000_000);

    /// So many billionths.
    #[must_use]
    pub const fn nano(nano: u64) -> Self {
        Self(nano)
    }

    /// In billionths.
    #[must_use]
    pub const fn as_nano(self) -> u64 {
        self.0
    }

    /// Two parts that add up to the whole exactly; the first is the larger, by one billionth at most.
    #[must_use]
    pub const fn halves(self) -> (Self, Self) {
        (Self(self.0 - self.0 / 2), Self(self.0 / 2))
    }

    /// A float that is never above the exact value.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "rounded down by the step after it")]
    pub fn at_most(self) -> f64 {
        (self.0 as f64 / 1e9).next_down().max(0.0)
    }
}

/// Why a query was not charged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Error {
    /// Less than the query costs is left, of one student at least; nobody says whose.
    #[error("the privacy budget of this class for this purpose does not suffice any more")]
    Spent,
    /// A query cannot spend this much, or this little.
    #[error("a query spends 0.01 to 2 of epsilon")]
    Amount,
    /// Only statistics have a budget.
    #[error("only class statistics and research have a privacy budget")]
    Purpose,
}

/// What a student granted a purpose, and what it has spent of that; a row of the ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Account {
    granted: Epsilon,
    spent: Epsilon,
}

impl Account {
    /// The account that a student has for a purpose before the first query.
    ///
    /// # Errors
    /// [`Error::Purpose`] for a purpose that makes no statistics.
    pub fn fresh(purpose: Purpose) -> Result<Self, Error> {
        let granted = match purpose {
            Purpose::Cohort => Epsilon::nano(5_000_000_000),
            Purpose::Research => Epsilon::nano(1_000_000_000),
            _ => return Err(Error::Purpose),
        };
        Ok(Self {
            granted,
            spent: Epsilon::ZERO,
        })
    }

    /// An account as it was stored. More spent than granted stays so, and pays for nothing: a grant may be lowered.
    #[must_use]
    pub fn stored(granted: Epsilon, spent: Epsilon) -> Self {
        Self { granted, spent }
    }

    /// What was granted.
    #[must_use]
    pub fn granted(self) -> Epsilon {
        self.granted
    }

    /// What was spent.
    #[must_use]
    pub fn spent(self) -> Epsilon {
        self.spent
    }

    /// What is left.
    #[must_use]
    pub fn left(self) -> Epsilon {
        Epsilon(self.granted.0.saturating_sub(self.spent.0))
    }
}

/// Charges all of the accounts or none, and tells the least that any of them has left.
///
/// # Errors
/// [`Error::Amount`] for an amount outside [`Epsilon::LEAST`] to [`Epsilon::MOST`], [`Error::Spent`] when one of the
/// accounts has less.
pub fn charge(accounts: &mut [Account], amount: Epsilon) -> Result<Epsilon, Error> {
    if !(Epsilon::LEAST..=Epsilon::MOST).contains(&amount) {
        return Err(Error::Amount);
    }
    if accounts.iter().any(|account| account.left() < amount) {
        return Err(Error::Spent);
    }
    for account in &mut *accounts {
        // Cannot overflow: what is left suffices.
        account.spent.0 += amount.0;
    }
    Ok(accounts.iter().map(|account| account.left()).min().unwrap_or_default())
}

#[cfg(test)]
mod tests;
