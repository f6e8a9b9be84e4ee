//! Following the documents in Consul, one blocking query a service and process, as discovery follows instances.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError, Weak};

use arc_swap::{ArcSwap, Guard};
use bytes::Bytes;
use tokio::sync::watch;
use tokio::task::AbortHandle;

use super::{Policy, Resolved};
use crate::consul::Client;
use crate::discovery::{Follower, Item, Settings};

/// Where a service's document is in Consul's key-value store.
#[must_use]
pub fn key(service: &str) -> String {
    format!("lyceum/policies/{service}")
}

/// The policies of services. Cheap to clone; clones share what they follow.
#[derive(Clone)]
pub struct Policies {
    inner: Arc<Inner>,
}

struct Inner {
    consul: Client,
    settings: Settings,
    /// What lies below every document.
    base: Policy,
    watched: Mutex<HashMap<String, Weak<Watched>>>,
}

/// What holds for one service, kept up to date as long as anybody holds this.
#[derive(Debug)]
pub struct Watched {
    service: String,
    base: Policy,
    current: ArcSwap<Resolved>,
    changes: watch::Sender<u64>,
    task: OnceLock<AbortHandle>,
}

/// A document as it stands in Consul. There is at most one, so any is the same one in another state, and while Consul
/// recovers from a loss of data the last one is kept.
#[derive(Clone, PartialEq)]
struct Document(Bytes);

// === impl Policies ===

impl Policies {
    /// The policies above `base`, followed as `settings` say.
    #[must_use]
    pub fn new(consul: Client, settings: Settings, base: Policy) -> Self {
        let inner = Inner {
            consul,
            settings,
            base,
            watched: Mutex::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// What lies below every service's document.
    #[must_use]
    pub fn base(&self) -> &Policy {
        &self.inner.base
    }

    /// A service's settings, from now on. Must be called within a tokio runtime.
    ///
    /// Until Consul has answered, those of the configuration hold. All who ask share one watch, which ends with the
    /// last of them.
    #[must_use]
    pub fn watch(&self, service: &str) -> Arc<Watched> {
        let mut watched = self.inner.watched.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = watched.get(service).and_then(Weak::upgrade) {
            return known;
        }
        watched.retain(|_, known| known.strong_count() > 0);
        let made = Arc::new(Watched::new(service, &self.inner.base));
        watched.insert(service.to_owned(), Arc::downgrade(&made));
        drop(watched);
        let task = tokio::spawn(follow(
            Arc::clone(&self.inner),
            Arc::downgrade(&made),
            service.to_owned(),
        ));
        // Set once, here.
        let _ = made.task.set(task.abort_handle());
        made
    }
}

impl fmt::Debug for Policies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policies").finish_non_exhaustive()
    }
}

async fn follow(inner: Arc<Inner>, watched: Weak<Watched>, service: String) {
    let path = key(&service);
    let consul = &inner.consul;
    let read = |query| {
        let path = path.clone();
        async move {
            let answer = consul.kv_get(&path, &query).await?;
            Ok(answer.map(|value| value.map(Document).into_iter().collect()))
        }
    };
    let mut last = None;
    let publish = |documents: &[Document]| {
        let document = documents.first().map(|document| document.0.clone());
        if last.as_ref() != Some(&document)
            && let Some(watched) = watched.upgrade()
        {
            watched.take(document.as_deref());
            last = Some(document);
        }
    };
    Follower::new(&path, &inner.settings).run(read, publish).await;
}

// === impl Watched ===

impl Watched {
    fn new(service: &str, base: &Policy) -> Self {
        Self {
            service: service.to_owned(),
            base: base.clone(),
            current: ArcSwap::from_pointee(Resolved::of(base, service)),
            changes: watch::Sender::new(0),
            task: OnceLock::new(),
        }
    }

    /// What holds now. Neither a lock nor an allocation; do not keep the guard across an await for long.
    #[must_use]
    pub fn load(&self) -> Guard<Arc<Resolved>> {
        self.current.load()
    }

    /// Ticks with every change, for what must be told rather than look for itself.
    #[must_use]
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Takes over a document, or that there is none. One with mistakes leaves what holds as it is.
    fn take(&self, document: Option<&[u8]>) {
        let service = &self.service;
        let policy = match self.base.with(document.unwrap_or_default()) {
            Ok(policy) => policy,
            Err(error) => {
                tracing::warn!(service, %error, "the policy in consul is not usable; keeping the last good one");
                return;
            }
        };
        let unknown = policy.unknown_methods(service);
        if !unknown.is_empty() {
            tracing::warn!(
                service,
                ?unknown,
                "the policy names methods that the contract does not have"
            );
        }
        let resolved = Resolved::of(&policy, service);
        if **self.current.load() == resolved {
            return;
        }
        tracing::info!(service, from_consul = document.is_some(), "the policy changed");
        self.current.store(Arc::new(resolved));
        self.changes.send_modify(|changes| *changes += 1);
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        if let Some(task) = self.task.get() {
            task.abort();
        }
    }
}

impl Item for Document {
    fn is_same(&self, _: &Self) -> bool {
        true
    }

    fn is_worth_keeping(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests;
