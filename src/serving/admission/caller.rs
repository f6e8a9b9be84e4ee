//! A caller as admission sees it: the service (or person) behind an identity, however many instances of it call.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use crate::identity::{Holder, SpiffeId};

/// Somebody who calls, and how many of its calls run.
#[derive(Debug)]
pub struct Caller {
    pub(super) id: u64,
    name: String,
    pub(super) running: AtomicU32,
}

impl Caller {
    pub(super) fn running(&self) -> u32 {
        self.running.load(Ordering::Relaxed)
    }
}

/// The callers that have connections. Asked once a connection.
#[derive(Debug, Default)]
pub(super) struct Callers {
    known: Mutex<Vec<Weak<Caller>>>,
    next: AtomicU64,
}

impl Callers {
    pub(super) fn get(&self, identity: &SpiffeId) -> Arc<Caller> {
        let name = match identity.holder() {
            Holder::Service(service) => service.as_str(),
            _ => identity.as_str(),
        };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.retain(|caller| caller.strong_count() > 0);
        if let Some(caller) = known
            .iter()
            .filter_map(Weak::upgrade)
            .find(|caller| caller.name == name)
        {
            return caller;
        }
        let caller = Arc::new(Caller {
            id: self.next.fetch_add(1, Ordering::Relaxed),
            name: name.to_owned(),
            running: AtomicU32::new(0),
        });
        known.push(Arc::downgrade(&caller));
        caller
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

    use super::*;

    #[test]
    fn the_instances_of_a_service_are_one_caller() {
        let callers = Callers::default();
        let of = |service| callers.get(&SpiffeId::service("lyceum.internal", "dc1", service).unwrap());
        let (first, second, other) = (of("gateway"), of("gateway"), of("grader"));
        assert!(Arc::ptr_eq(&first, &second));
        assert_ne!(first.id, other.id);
        let person = callers.get(&SpiffeId::operator("lyceum.internal", "gateway").unwrap());
        assert_ne!(person.id, first.id, "a person's name is no service's");
        drop((first, second));
        assert_ne!(of("gateway").id, other.id);
    }
}
