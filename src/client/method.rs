//! What a caller knows of one method of a callee, whatever the instance: its breaker and its latency.

use std::sync::{Arc, OnceLock};

use crate::contracts::METHODS;
use crate::resilience::breaker::Breaker;
use crate::resilience::latency::Latency;

/// One method's state.
#[derive(Debug, Default)]
pub(super) struct MethodState {
    pub(super) breaker: Arc<Breaker>,
    pub(super) latency: Latency,
}

/// All methods of a callee; each is made when it is called first.
#[derive(Debug)]
pub(super) struct MethodStates {
    /// One place for each of [`METHODS`].
    known: Box<[OnceLock<Box<MethodState>>]>,
    other: MethodState,
}

impl Default for MethodStates {
    fn default() -> Self {
        Self {
            known: METHODS.iter().map(|_| OnceLock::new()).collect(),
            other: MethodState::default(),
        }
    }
}

impl MethodStates {
    /// The method at `index` of [`METHODS`]; all that no contract here knows share one.
    pub(super) fn get(&self, index: Option<usize>) -> &MethodState {
        match index.and_then(|index| self.known.get(index)) {
            Some(known) => known.get_or_init(Box::default),
            None => &self.other,
        }
    }

    /// Those that have been called, by index.
    pub(super) fn called(&self) -> impl Iterator<Item = (usize, &MethodState)> {
        self.known
            .iter()
            .enumerate()
            .filter_map(|(index, known)| Some((index, &**known.get()?)))
    }
}
