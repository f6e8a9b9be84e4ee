//! Signed texts that were verified, each with what it said: so that one that comes again costs a look.
//!
//! What is kept is bounded in bytes; of a crowd, those that come again stay. The whole text is compared, and hashed by its
//! end alone: that is its signature, which tells one from another as well as the whole. Only what was verified goes in,
//! so nobody can choose what fills it.
//!
//! When not: that something is here says that it was good once. Whether it still is (its end, its signer, a key that was
//! withdrawn) is for the caller to look at.

use std::fmt;
use std::hash::{Hash, Hasher};

use quick_cache::sync::Cache;
use quick_cache::{Equivalent, Weighter};

/// How many are expected, to size the table.
const EXPECTED: usize = 2048;
/// How much of the end is hashed.
const END: usize = 40;
/// What each costs beside its text: its value, and its place in the table.
const BESIDE: usize = 256;

/// What was verified, at most so many bytes of it.
pub struct Remembered<V>(Cache<Text, V, Weight>);

struct Text(Box<[u8]>);

/// A text that may be one of those.
struct Given<'t>(&'t [u8]);

#[derive(Clone)]
struct Weight;

// === impl Remembered ===

impl<V: Clone> Remembered<V> {
    /// None yet; of texts and values together at most `memory` bytes, if values are no larger than their texts.
    #[must_use]
    pub fn new(memory: u64) -> Self {
        Self(Cache::with_weighter(EXPECTED, memory, Weight))
    }

    /// What this text said.
    pub fn get(&self, text: &[u8]) -> Option<V> {
        self.0.get(&Given(text))
    }

    /// Keeps what a text said.
    pub fn insert(&self, text: &[u8], said: V) {
        self.0.insert(Text(text.into()), said);
    }
}

impl<V: Clone> fmt::Debug for Remembered<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Remembered").field(&self.0.len()).finish()
    }
}

impl<V> Weighter<Text, V> for Weight {
    fn weight(&self, text: &Text, _: &V) -> u64 {
        (2 * text.0.len() + BESIDE) as u64
    }
}

fn hash_end<H: Hasher>(text: &[u8], state: &mut H) {
    text[text.len().saturating_sub(END)..].hash(state);
}

impl Hash for Text {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash_end(&self.0, state);
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl Eq for Text {}

impl Hash for Given<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        hash_end(self.0, state);
    }
}

impl Equivalent<Text> for Given<'_> {
    fn equivalent(&self, text: &Text) -> bool {
        *self.0 == *text.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_differ_are_told_apart_wherever_they_differ() {
        let remembered = Remembered::new(1 << 20);
        let text = [b'a'; 200];
        remembered.insert(&text, 1);
        for at in 0..text.len() {
            let mut other = text;
            other[at] = b'b';
            assert_eq!(remembered.get(&other), None, "changed at {at}");
        }
        assert_eq!(remembered.get(&text), Some(1));
        for short in [&text[..199], &text[..END], b""] {
            assert_eq!(remembered.get(short), None);
        }
    }

    #[test]
    fn a_crowd_takes_no_more_room_than_there_is() {
        let remembered = Remembered::new(100_000);
        for number in 0..10_000_u32 {
            remembered.insert(format!("{number:0>300}").as_bytes(), number);
        }
        let kept = (0..10_000_u32).filter(|number| remembered.get(format!("{number:0>300}").as_bytes()).is_some());
        let kept = kept.count();
        assert!(kept > 20 && kept * (600 + BESIDE) <= 100_000, "{kept} kept");
    }
}
