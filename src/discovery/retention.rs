//! What to publish when the register's answer is smaller than what is known.
//!
//! A register that answers "nothing" is usually in trouble itself: it lost its data, or changes its leader. So an empty
//! answer is held back briefly. And a register that was away or began anew hears of its services one by one, as their
//! heartbeats fail and they register again: until then those that are missing are kept, or the first one back would get
//! everybody's calls. A healthy register's word counts at once: an instance that leaves while others stay goes, and one
//! that turns critical is never kept.

use tokio::time::Instant;

use super::{Instance, Settings};

/// Something that a register lists.
pub(super) trait Item: Clone + PartialEq + Send + Sync + 'static {
    /// Whether both stand for the same thing, perhaps in another state.
    fn is_same(&self, other: &Self) -> bool;
    /// Whether it is worth keeping while the register recovers.
    fn is_worth_keeping(&self) -> bool;
}

#[derive(Debug)]
pub(super) struct Retention<T> {
    settings: Settings,
    /// What was last decided to be true.
    published: Vec<T>,
    /// What the register last said.
    told: Vec<T>,
    recovering_until: Option<Instant>,
    empty_until: Option<Instant>,
}

// === impl Item ===

impl Item for Instance {
    fn is_same(&self, other: &Self) -> bool {
        self.id == other.id && self.host == other.host && self.port == other.port
    }

    fn is_worth_keeping(&self) -> bool {
        self.weight > 0
    }
}

impl Item for String {
    fn is_same(&self, other: &Self) -> bool {
        self == other
    }

    fn is_worth_keeping(&self) -> bool {
        true
    }
}

// === impl Retention ===

impl<T: Item> Retention<T> {
    pub(super) fn new(settings: Settings) -> Self {
        Self {
            settings,
            published: Vec::new(),
            told: Vec::new(),
            recovering_until: None,
            empty_until: None,
        }
    }

    /// The register's word, and whether it was away before: what is true now.
    pub(super) fn told(&mut self, list: Vec<T>, reborn: bool, now: Instant) -> &[T] {
        self.told = list;
        if reborn {
            self.recovering_until = Some(now + self.settings.recovery_hold);
        }
        self.decide(now)
    }

    /// When to decide again without a new word.
    pub(super) fn due(&self) -> Option<Instant> {
        self.recovering_until.into_iter().chain(self.empty_until).min()
    }

    /// What is true now.
    pub(super) fn decide(&mut self, now: Instant) -> &[T] {
        if self.recovering_until.is_some_and(|until| now >= until) {
            self.recovering_until = None;
        }
        if self.recovering_until.is_some() {
            let mut list = self.told.clone();
            let missing = |known: &&T| known.is_worth_keeping() && !self.told.iter().any(|told| told.is_same(known));
            list.extend(self.published.iter().filter(missing).cloned());
            if list.len() == self.told.len() {
                self.recovering_until = None;
            }
            self.published = list;
            self.empty_until = None;
        } else if self.told.is_empty() && !self.published.is_empty() {
            let until = *self.empty_until.get_or_insert(now + self.settings.empty_hold);
            if now >= until {
                self.published.clear();
                self.empty_until = None;
            }
        } else {
            self.published.clone_from(&self.told);
            self.empty_until = None;
        }
        &self.published
    }
}

#[cfg(test)]
mod tests;
