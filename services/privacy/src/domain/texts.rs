//! The texts that people agree to: numbered, never changed, and known by their digest.
//!
//! A change of substance makes every earlier agreement wait for its renewal; a better wording of the same does not. Which
//! of the two it is, is for whoever publishes to say, and is published with it. When not: what a text says to whom, and in
//! which language, is for the school. Source: GDPR Art. 7(1) (to demonstrate consent one must know to what), Recital 42.

use ring::digest::{SHA256, digest};

/// The longest text, in characters.
pub const LONGEST: usize = 20_000;

/// A text that cannot be published.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not the next number.
    #[error("the next text is version {next}")]
    NotNext {
        /// The next number.
        next: u32,
    },
    /// Nothing to read, or too much.
    #[error("a text has 1 to {LONGEST} characters, not all of them spaces")]
    Length,
}

/// A text as it was published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Published {
    /// Its number, from 1.
    pub version: u32,
    /// SHA-256 of it in UTF-8.
    pub digest: [u8; 32],
    /// Whether it changed what is agreed to.
    pub material: bool,
}

/// Which texts there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Texts {
    newest: u32,
    since: u32,
}

impl Texts {
    /// Rebuilt from what was published, in its order.
    #[must_use]
    pub fn rebuild<'p>(published: impl IntoIterator<Item = &'p Published>) -> Self {
        let mut texts = Self::default();
        published.into_iter().for_each(|one| texts.apply(one));
        texts
    }

    /// The newest version; 0 where there is none.
    #[must_use]
    pub fn newest(self) -> u32 {
        self.newest
    }

    /// The version from which on agreements are good.
    #[must_use]
    pub fn since(self) -> u32 {
        self.since
    }

    /// Publishes the next one. The first is one of substance, whatever is said of it.
    ///
    /// # Errors
    /// [`Error`].
    pub fn publish(self, version: u32, text: &str, material: bool) -> Result<Published, Error> {
        let next = self.newest.saturating_add(1);
        if version != next || self.newest == u32::MAX {
            return Err(Error::NotNext { next });
        }
        if text.trim().is_empty() || text.chars().nth(LONGEST).is_some() {
            return Err(Error::Length);
        }
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest(&SHA256, text.as_bytes()).as_ref());
        Ok(Published {
            version,
            digest: bytes,
            material: material || self.newest == 0,
        })
    }

    /// Takes in what was published.
    pub fn apply(&mut self, published: &Published) {
        self.newest = self.newest.max(published.version);
        if published.material {
            self.since = self.since.max(published.version);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_one_after_the_other_and_only_substance_counts() {
        let mut texts = Texts::default();
        let mut all = Vec::new();
        for (version, material, since) in [(1, false, 1), (2, false, 1), (3, true, 3), (4, false, 3)] {
            let next = texts.newest() + 1;
            for wrong in [0, version - 1, version + 1] {
                assert_eq!(texts.publish(wrong, "We keep…", true), Err(Error::NotNext { next }));
            }
            let published = texts.publish(version, "We keep…", material);
            all.extend(published);
            texts = Texts::rebuild(&all);
            assert_eq!((texts.newest(), texts.since()), (version, since));
        }
        assert_ne!(
            texts.publish(5, "a", true).map(|text| text.digest),
            texts.publish(5, "b", true).map(|text| text.digest)
        );
    }

    #[test]
    fn a_text_is_there_to_be_read() {
        let texts = Texts::default();
        assert_eq!(texts.publish(1, " \n", true), Err(Error::Length));
        assert_eq!(texts.publish(1, &"ä".repeat(LONGEST + 1), true), Err(Error::Length));
        assert!(texts.publish(1, &"ä".repeat(LONGEST), true).is_ok());
    }
}
