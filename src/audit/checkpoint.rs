//! Checkpoints: a log's size and root, signed, for others to keep (C2SP tlog-checkpoint).
//!
//! Whoever holds two checkpoints of a log can demand the proof that the later one continues the earlier
//! ([`super::Consistency`]); a log that cannot give it has been changed. Extension lines are refused: nobody could check
//! what they say.

use super::note::{Key, PublicKey};
use super::{Error, Hash, MOST};

/// What a log commits itself to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// How many entries there are.
    pub size: u64,
    /// The hash over all of them.
    pub root: Hash,
}

impl Checkpoint {
    /// The note of it, signed. The log's origin is the key's name.
    ///
    /// # Errors
    /// [`Error::Full`] for a size that no log has.
    pub fn sign(&self, key: &Key) -> Result<String, Error> {
        if self.size > MOST {
            return Err(Error::Full);
        }
        let origin = key.public().name();
        key.sign(&format!("{origin}\n{}\n{}\n", self.size, self.root.to_base64()))
    }

    /// Reads a note of the log whose key this is.
    ///
    /// # Errors
    /// [`Error::Note`] for what is no checkpoint of this log, [`Error::Signature`].
    pub fn open(note: &str, key: &PublicKey) -> Result<Self, Error> {
        let text = key.open(note)?;
        let mut lines = text.strip_suffix('\n').unwrap_or(text).split('\n');
        let (Some(origin), Some(size), Some(root), None) = (lines.next(), lines.next(), lines.next(), lines.next())
        else {
            return Err(Error::Note("it is not three lines: origin, size, root"));
        };
        if origin != key.name() {
            return Err(Error::Note("it is another log's"));
        }
        let number: u64 = size.parse().map_err(|_| Error::Note("its size is no number"))?;
        // No sign, no zeros before it.
        if number > MOST || number.to_string() != size {
            return Err(Error::Note("its size is no number"));
        }
        let root = Hash::from_base64(root).ok_or(Error::Note("its root is no hash"))?;
        Ok(Self { size: number, root })
    }
}
