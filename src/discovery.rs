//! Where the instances of a service are, kept up to date by watching Consul.
//!
//! **What.** [`Discovery::watch`] gives a receiver of a service's [`Instances`]; [`Discovery::services`] one of the names
//! of all the fabric's services. However many ask, a process follows a service with one blocking query: an agent allows
//! 200 connections from one address and cuts off the rest. A watch ends with its last receiver.
//!
//! **Why.** A client needs the last good answer more than the newest: when Consul is unreachable, restarts, changes its
//! leader or loses its data, the instances are still serving. So errors keep what is known, an empty answer is held back
//! briefly, and a register that began anew gets time to hear of everyone again. A healthy Consul's word counts at once.
//!
//! **When not.** To pick an instance for a call: that is balancing, which reads these receivers.
//!
//! **Source.** Consul's "Blocking Queries" and "Consistency Modes"; full jitter after Brooker, "Exponential Backoff And
//! Jitter" (2015); the complaints that users of kratos, grpc-consul-resolver, Traefik and consul-template filed.
//!
//! ```text
//! Directory ──blocking query──▶ Cursor (index rules) ──▶ Retention (what to keep) ──▶ watch::Receiver, shared
//! ```

mod cursor;
mod directory;
mod following;
mod instance;
mod memory;
mod meta;
mod retention;
#[cfg(test)]
mod tests;
mod values;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;

pub use crate::consul::Health;
pub use directory::Directory;
pub use instance::{Instance, Instances, State, WEIGHT_UNIT};
pub use memory::Memory;
pub use meta::Meta;

use crate::consul::{Answer, Error, MAX_WAIT};
pub(crate) use following::Follower;
pub(crate) use retention::Item;
pub use values::Values;
pub(crate) use values::follow_values;

/// How Consul is followed. The defaults suit production and tests alike.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// How long a query blocks; at most 55 s, as a wrong index blocks for all of it.
    pub wait: Duration,
    /// Whether any server may answer, which spreads the load and outlives a leader.
    pub stale: bool,
    /// How old a stale answer may be before the leader is asked instead.
    pub max_staleness: Duration,
    /// How long an empty answer must last before it is believed.
    pub empty_hold: Duration,
    /// How long instances that are missing after an outage or a loss of data are kept: more than their heartbeat's
    /// interval, as that is when they notice and register again.
    pub recovery_hold: Duration,
    /// The first pause after a failure, at the most; it doubles.
    pub backoff: Duration,
    /// The longest pause after a failure.
    pub backoff_limit: Duration,
    /// How often a watch may ask in the long run; two requests may follow each other at once.
    pub refill: Duration,
    /// The tag that tells the fabric's services from others.
    pub tag: String,
}

/// Finds the instances of services. Cheap to clone; clones share their watches.
#[derive(Clone)]
pub struct Discovery {
    inner: Arc<Inner>,
}

struct Inner {
    directory: Directory,
    settings: Settings,
    services: Mutex<HashMap<String, watch::Sender<Arc<Instances>>>>,
    names: Mutex<Option<watch::Sender<Arc<Vec<String>>>>>,
}

// === impl Settings ===

impl Default for Settings {
    fn default() -> Self {
        Self {
            wait: MAX_WAIT,
            stale: true,
            max_staleness: Duration::from_secs(10),
            empty_hold: Duration::from_secs(2),
            recovery_hold: Duration::from_secs(20),
            backoff: Duration::from_millis(250),
            backoff_limit: Duration::from_secs(5),
            refill: Duration::from_millis(200),
            tag: "lyceum".to_owned(),
        }
    }
}

// === impl Discovery ===

impl Discovery {
    /// Discovery over a directory: a Consul client, or the register in memory.
    #[must_use]
    pub fn new(directory: impl Into<Directory>, settings: Settings) -> Self {
        let inner = Inner {
            directory: directory.into(),
            settings,
            services: Mutex::default(),
            names: Mutex::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// A service's instances, from now on. Must be called within a tokio runtime.
    ///
    /// The first value is [`State::Unknown`] until Consul has answered. All callers share one watch.
    #[must_use]
    pub fn watch(&self, service: &str) -> watch::Receiver<Arc<Instances>> {
        let mut services = lock(&self.inner.services);
        if let Some(sender) = services.get(service) {
            return sender.subscribe();
        }
        let (sender, receiver) = watch::channel(Arc::new(Instances::default()));
        services.insert(service.to_owned(), sender.clone());
        drop(services);
        tokio::spawn(self.clone().follow_service(service.to_owned(), sender));
        receiver
    }

    /// The names of all services with the fabric's tag, sorted, from now on. Must be called within a tokio runtime.
    ///
    /// Empty until Consul has answered; the first answer marks the receiver as changed even if it is empty.
    #[must_use]
    pub fn services(&self) -> watch::Receiver<Arc<Vec<String>>> {
        let mut names = lock(&self.inner.names);
        if let Some(sender) = names.as_ref() {
            return sender.subscribe();
        }
        let (sender, receiver) = watch::channel(Arc::default());
        *names = Some(sender.clone());
        drop(names);
        tokio::spawn(self.clone().follow_names(sender));
        receiver
    }

    async fn follow_service(self, service: String, sender: watch::Sender<Arc<Instances>>) {
        let inner = self.inner;
        let (asked, name) = (Arc::clone(&inner), service.clone());
        let read = move |query| {
            let (inner, service) = (Arc::clone(&asked), name.clone());
            async move {
                let answer = inner.directory.health(&service, &query).await?;
                Ok(answer.map(|entries| entries.into_iter().filter_map(Instance::read).collect()))
            }
        };
        let publish = |list: &[Instance]| {
            let mut list = list.to_vec();
            list.sort_by(|a, b| (&a.id, &a.node, &a.host, a.port).cmp(&(&b.id, &b.node, &b.host, b.port)));
            replace(
                &sender,
                Instances {
                    state: State::Known,
                    list,
                },
            );
        };
        let follower = Follower::new(&service, &inner.settings);
        tokio::pin! { let following = follower.run(read, publish); }
        loop {
            tokio::select! {
                () = &mut following => return,
                () = sender.closed() => {
                    // Under the lock nobody can subscribe between the look and the removal.
                    let mut services = lock(&inner.services);
                    if sender.receiver_count() == 0 {
                        services.remove(&service);
                        return;
                    }
                }
            }
        }
    }

    async fn follow_names(self, sender: watch::Sender<Arc<Vec<String>>>) {
        let inner = self.inner;
        let asked = Arc::clone(&inner);
        let read = move |query| {
            let inner = Arc::clone(&asked);
            async move {
                let answer = inner.directory.services(&query).await?;
                let ours = |(name, tags): (String, Vec<String>)| tags.contains(&inner.settings.tag).then_some(name);
                Ok(answer.map(|services| services.into_iter().filter_map(ours).collect()))
            }
        };
        let mut answered = false;
        let publish = |list: &[String]| {
            let mut list = list.to_vec();
            list.sort();
            if std::mem::replace(&mut answered, true) {
                replace(&sender, list);
            } else {
                sender.send_replace(Arc::new(list));
            }
        };
        let follower = Follower::new("(services)", &inner.settings);
        tokio::pin! { let following = follower.run(read, publish); }
        loop {
            tokio::select! {
                () = &mut following => return,
                () = sender.closed() => {
                    let mut names = lock(&inner.names);
                    if sender.receiver_count() == 0 {
                        *names = None;
                        return;
                    }
                }
            }
        }
    }
}

impl fmt::Debug for Discovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let watched: Vec<String> = lock(&self.inner.services).keys().cloned().collect();
        f.debug_struct("Discovery")
            .field("directory", &self.inner.directory)
            .field("watched", &watched)
            .finish_non_exhaustive()
    }
}

/// Publishes what differs from the last; a return of a blocking query does not mean a change.
fn replace<T: PartialEq>(sender: &watch::Sender<Arc<T>>, value: T) {
    sender.send_if_modified(|known| {
        let changed = **known != value;
        if changed {
            *known = Arc::new(value);
        }
        changed
    });
}

/// With access control on, results may be hidden instead of refused: that is no empty list.
fn believable<T>(answer: Answer<Vec<T>>) -> crate::consul::Result<Answer<Vec<T>>> {
    if answer.filtered && answer.value.is_empty() {
        return Err(Error::Refused {
            operation: "show anything",
            status: http::StatusCode::FORBIDDEN,
            body: "access control hides every result from this token".to_owned(),
        });
    }
    Ok(answer)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
