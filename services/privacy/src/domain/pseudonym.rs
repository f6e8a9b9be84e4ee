//! Pseudonyms: what services know students by, another for each purpose, replaced with the keys.
//!
//! A pseudonym is `<epoch>-<128 bits of HMAC-SHA-256>` over purpose and account. Without the key nobody makes one or tells
//! which two belong together; with it, nobody gets from a pseudonym to an account but by trying every account there is,
//! and the table of accounts is in one service alone. A new key begins a new epoch; for a time the old one's pseudonyms
//! are still known again, so that services rename what they keep.
//!
//! When not: a pseudonym is no anonymity (GDPR Recital 26): what a service knows of a student may still tell who it is.
//! Source: HMAC (RFC 2104) by ring; ENISA, Pseudonymisation techniques and best practices (2019), 5.1 (keyed hashes).

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use lyceum::privacy::Purpose;
use ring::hmac;

use super::Moment;

/// The most keys at a time: with nine purposes a student has at most 63 pseudonyms, which fit one call.
pub const EPOCHS: usize = 7;
/// The longest account that is named, in bytes.
const ACCOUNT_LIMIT: usize = 256;
/// Of the 32 bytes of a tag: enough that no two students of any school meet.
const BYTES: usize = 16;
const PREFIX: &[u8] = b"lyceum pseudonym\0";

/// Keys that cannot be, or an account that nobody has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// None, or more than [`EPOCHS`].
    #[error("there are 1 to {EPOCHS} keys at a time")]
    Count,
    /// Not one after the other.
    #[error("keys are numbered from 1 upwards, and each begins after the one before")]
    Order,
    /// No account's name.
    #[error("an account is named by 1 to {ACCOUNT_LIMIT} bytes")]
    Account,
}

/// A key and when its time begins.
struct Epoch {
    number: u32,
    key: hmac::Key,
    from: Moment,
}

/// The keys in use.
pub struct Keyring {
    epochs: Vec<Epoch>,
    overlap_days: u32,
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let numbers: Vec<u32> = self.epochs.iter().map(|epoch| epoch.number).collect();
        f.debug_struct("Keyring")
            .field("epochs", &numbers)
            .field("overlap_days", &self.overlap_days)
            .finish()
    }
}

impl Keyring {
    /// Keys by number, secret and beginning, oldest first. An old one's pseudonyms are known for `overlap_days` after the
    /// next one begins.
    ///
    /// # Errors
    /// [`Error::Count`] and [`Error::Order`].
    pub fn try_new(keys: impl IntoIterator<Item = (u32, [u8; 32], Moment)>, overlap_days: u32) -> Result<Self, Error> {
        let epochs: Vec<Epoch> = keys
            .into_iter()
            .map(|(number, secret, from)| Epoch {
                number,
                key: hmac::Key::new(hmac::HMAC_SHA256, &secret),
                from,
            })
            .collect();
        if epochs.is_empty() || epochs.len() > EPOCHS {
            return Err(Error::Count);
        }
        let ordered = |two: &[Epoch]| two[0].number < two[1].number && two[0].from < two[1].from;
        if epochs[0].number == 0 || !epochs.windows(2).all(ordered) {
            return Err(Error::Order);
        }
        Ok(Self { epochs, overlap_days })
    }

    /// The newest key that has begun; the first one where a clock says that none has.
    fn current(&self, now: Moment) -> usize {
        self.epochs
            .iter()
            .rposition(|epoch| epoch.from <= now)
            .unwrap_or_default()
    }

    /// The number of the key in use.
    #[must_use]
    pub fn epoch(&self, now: Moment) -> u32 {
        self.epochs[self.current(now)].number
    }

    /// Until when the pseudonyms of a key are known again; none for the newest, and for keys that there are not.
    #[must_use]
    pub fn known_until(&self, epoch: u32) -> Option<Moment> {
        let at = self.epochs.iter().position(|known| known.number == epoch)?;
        let next = self.epochs.get(at + 1)?;
        Some(next.from.plus_days(self.overlap_days))
    }

    /// What a student is called for a purpose.
    ///
    /// # Errors
    /// [`Error::Account`].
    pub fn pseudonym(&self, account: &str, purpose: Purpose, now: Moment) -> Result<String, Error> {
        check(account)?;
        Ok(self.epochs[self.current(now)].pseudonym(account, purpose))
    }

    /// Everything that a student was ever called under these keys: whom an erasure has to look for.
    ///
    /// # Errors
    /// [`Error::Account`].
    pub fn every(&self, account: &str) -> Result<Vec<String>, Error> {
        check(account)?;
        let of = |epoch: &Epoch| -> Vec<String> {
            let purposes = Purpose::ALL.iter();
            purposes.map(|purpose| epoch.pseudonym(account, *purpose)).collect()
        };
        Ok(self.epochs.iter().flat_map(of).collect())
    }

    /// Whether this is what an account was called for a purpose, and is still known as.
    #[must_use]
    pub fn knows(&self, pseudonym: &str, account: &str, purpose: Purpose, now: Moment) -> bool {
        let Some(number) = pseudonym.split_once('-').and_then(|(number, _)| number.parse().ok()) else {
            return false;
        };
        let Some(epoch) = self.epochs.iter().find(|epoch| epoch.number == number) else {
            return false;
        };
        self.known_until(number).is_none_or(|until| now < until)
            && check(account).is_ok()
            && epoch.pseudonym(account, purpose) == pseudonym
    }
}

impl Epoch {
    /// No two purposes and accounts make the same bytes: the purpose is one byte, and the account is the rest.
    fn pseudonym(&self, account: &str, purpose: Purpose) -> String {
        let mut context = hmac::Context::with_key(&self.key);
        context.update(PREFIX);
        // There are nine.
        context.update(&[purpose.number() as u8]);
        context.update(account.as_bytes());
        let tag = context.sign();
        format!("{}-{}", self.number, URL_SAFE_NO_PAD.encode(&tag.as_ref()[..BYTES]))
    }
}

fn check(account: &str) -> Result<(), Error> {
    if (1..=ACCOUNT_LIMIT).contains(&account.len()) {
        Ok(())
    } else {
        Err(Error::Account)
    }
}

#[cfg(test)]
mod tests;
