//! What to publish when the register's answer is smaller than what is known.
//!
//! A register that answers "nothing" is usually in trouble itself: it lost its data, or changes its leader. So an empty
//! answer is held back briefly. And a register that was away or began anew hears of its services one by one, as their
//! heartbeats fail and they register again: those that its first answer misses are kept for a while, or the first one
//! back would get everybody's calls. Otherwise its word counts at once: an instance that leaves while others stay goes,
//! and one that turned critical is never kept.

use tokio::time::Instant;

use super::{Instance, Settings};

/// Something that a register lists.
pub(crate) trait Item: Clone + PartialEq + Send + Sync + 'static {
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
    /// What the register misses since it was away, and until when each is kept.
    kept: Vec<(T, Instant)>,
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
            kept: Vec::new(),
            empty_until: None,
        }
    }

    /// The register's word, and whether it was away before: what is true now.
    pub(super) fn told(&mut self, list: Vec<T>, reborn: bool, now: Instant) -> &[T] {
        self.kept.retain(|(kept, _)| !has(&list, kept));
        if reborn {
            let until = now + self.settings.recovery_hold;
            for known in &self.published {
                // One that is kept already keeps its time: a register that comes and goes must not keep the dead alive.
                let missing = !has(&list, known) && !self.kept.iter().any(|(kept, _)| kept.is_same(known));
                if missing && known.is_worth_keeping() {
                    self.kept.push((known.clone(), until));
                }
            }
        }
        self.told = list;
        self.decide(now)
    }

    /// When to decide again without a new word.
    pub(super) fn due(&self) -> Option<Instant> {
        self.kept.iter().map(|(_, until)| *until).chain(self.empty_until).min()
    }

    /// What is true now.
    pub(super) fn decide(&mut self, now: Instant) -> &[T] {
        self.kept.retain(|(_, until)| now < *until);
        let empty = self.told.is_empty() && self.kept.is_empty() && !self.published.is_empty();
        if empty && now < *self.empty_until.get_or_insert(now + self.settings.empty_hold) {
            return &self.published;
        }
        self.empty_until = None;
        self.published = self
            .told
            .iter()
            .chain(self.kept.iter().map(|(kept, _)| kept))
            .cloned()
            .collect();
        &self.published
    }
}

fn has<T: Item>(list: &[T], item: &T) -> bool {
    list.iter().any(|listed| listed.is_same(item))
}

#[cfg(test)]
mod tests;
