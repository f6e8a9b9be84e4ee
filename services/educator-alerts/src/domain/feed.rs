//! Where somebody stands in the changes of alerts, as a text they keep.
//!
//! What: every change of an alert gets a position, greater than all before it; a cursor is a position together with what
//! was asked for. Whoever comes back with it is sent what has changed since, each alert once, as it is now. Why together:
//! a cursor of some classes says nothing about others, and taking it for them would skip their changes in silence.
//! Positions may have holes (a transaction that was rolled back), so nothing is counted from them.
//!
//! 1. What is encoded decodes to the same, for the same question alone.
//! 2. Cursors are ordered as positions are.
//! 3. A cursor from before the oldest change that is kept is an error and no silent gap.
//!
//! When not: it is no secret and no permission; who may see a class is asked on every call.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::alert::{Severity, Status};
use super::pseudonym::Pseudonym;

/// A form that could change some day.
const VERSION: u8 = 1;
/// The length of every cursor's text.
pub const LENGTH: usize = 23;

/// The place of a change among all changes; the first is 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Position(pub u64);

/// What is asked for: a stream or a list, its classes and filters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Scope(u64);

/// A cursor that leads nowhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No cursor, or one of another question.
    #[error("the cursor is not one of this question")]
    Invalid,
    /// What came after it is deleted.
    #[error("changes after the cursor are no longer kept: list the alerts and go on with the list's cursor")]
    Expired,
}

impl Scope {
    /// A stream of some classes. Order and repetition of the classes say nothing.
    #[must_use]
    pub fn stream<'a>(classes: impl IntoIterator<Item = &'a Pseudonym>, least: Option<Severity>) -> Self {
        Self::of(b's', classes, least, None)
    }

    /// A list of some classes.
    #[must_use]
    pub fn list<'a>(
        classes: impl IntoIterator<Item = &'a Pseudonym>,
        least: Option<Severity>,
        status: Option<Status>,
    ) -> Self {
        Self::of(b'l', classes, least, status)
    }

    /// FNV-1a (Fowler, Noll & Vo) over all of it: short, the same everywhere, and no need to withstand anybody.
    fn of<'a>(
        what: u8,
        classes: impl IntoIterator<Item = &'a Pseudonym>,
        least: Option<Severity>,
        status: Option<Status>,
    ) -> Self {
        let mut names: Vec<&str> = classes.into_iter().map(Pseudonym::as_str).collect();
        names.sort_unstable();
        names.dedup();
        let filters = [
            what,
            least.map_or(0, |least| 1 + least as u8),
            status.map_or(0, |status| 1 + status as u8),
        ];
        // No pseudonym holds a comma, so no two lists of names read the same.
        let names = names.into_iter().flat_map(|name| name.bytes().chain([b',']));
        let mut hash = 0xcbf2_9ce4_8422_2325_u64;
        for byte in filters.into_iter().chain(names) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3);
        }
        Self(hash)
    }
}

impl Position {
    /// As a text for whoever asked for this.
    #[must_use]
    pub fn encode(self, scope: Scope) -> String {
        let mut bytes = [VERSION; 17];
        bytes[1..9].copy_from_slice(&scope.0.to_be_bytes());
        bytes[9..].copy_from_slice(&self.0.to_be_bytes());
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// Reads the text of one who asks for this.
    ///
    /// # Errors
    /// No such text, or one of another question.
    pub fn decode(text: &str, scope: Scope) -> Result<Self, Error> {
        if text.len() != LENGTH {
            return Err(Error::Invalid);
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| Error::Invalid)?;
        let (head, position) = bytes.split_last_chunk::<8>().ok_or(Error::Invalid)?;
        let (head, asked) = head.split_last_chunk::<8>().ok_or(Error::Invalid)?;
        if head == [VERSION] && u64::from_be_bytes(*asked) == scope.0 {
            Ok(Self(u64::from_be_bytes(*position)))
        } else {
            Err(Error::Invalid)
        }
    }

    /// Reads where a stream goes on.
    ///
    /// `newest` is the last change there is; `deleted` is the last that retention has deleted, if any.
    ///
    /// # Errors
    /// As [`Position::decode`]; changes after the cursor are deleted; a cursor from a future that was restored away.
    pub fn resume(text: &str, scope: Scope, newest: Self, deleted: Option<Self>) -> Result<Self, Error> {
        if text.is_empty() {
            return Ok(newest);
        }
        let position = Self::decode(text, scope)?;
        // After a restore from a backup, positions are given again: whoever saw the first ones must look anew.
        if position > newest || deleted.is_some_and(|deleted| position < deleted) {
            return Err(Error::Expired);
        }
        Ok(position)
    }
}

#[cfg(test)]
mod tests;
