//! What the services' types are, learnt from the services themselves while the gateway runs.
//!
//! **What.** [`Schema`] knows every method that instances announce and reflect: its messages, whether it streams, what
//! its contract says and allows. A call looks a method up without a lock; who builds something out of all methods (a
//! document, a list of tools) watches the [generation](Schema::watch).
//!
//! **Why.** JSON, documents and tools need types, and a new service must need no new gateway. So types come by gRPC's
//! server reflection, over the same channel as calls, and are asked for again when instances change. What was learnt is
//! kept while nobody answers; what cannot be true is refused, logged, and harms no other service.
//!
//! ```text
//! discovery ─▶ learning ─▶ reflection ─▶ files ─▶ contract ─▶ Schema ─▶ codec, fronts
//!  instances    one task     v1, v1alpha   checked   methods,    table
//!  that changed a service    limits        order     comments    by path
//! ```
//!
//! **When not.** grpc-web and native gRPC forward bytes and never look here. **Source.** `reflection.proto` in grpc/grpc,
//! `descriptor.proto` in protobuf.

pub(crate) mod codec;
pub(crate) mod comments;
mod contract;
mod files;
pub(crate) mod json_schema;
mod learning;
mod reflection;
#[cfg(test)]
mod tests;
pub(crate) mod told;

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use tokio::sync::watch;

pub(crate) use contract::services as reflected;
pub(crate) use contract::{Idempotency, MethodInfo, ServiceInfo};
pub(crate) use learning::{follow, follow_outside};

/// Every type that was learnt.
#[derive(Debug)]
pub(crate) struct Schema {
    table: ArcSwap<Table>,
    /// By Consul service; written only by those who learn.
    learnt: Mutex<BTreeMap<String, Learnt>>,
    generation: watch::Sender<u64>,
}

/// One state of the schema.
#[derive(Debug, Default)]
struct Table {
    /// By `package.Service/Method`.
    methods: HashMap<String, Arc<MethodInfo>>,
    /// By name.
    services: Arc<[Arc<ServiceInfo>]>,
}

/// What one Consul service reflects.
#[derive(Debug, Default)]
struct Learnt {
    live: bool,
    /// Whether it is none of the mesh's.
    outside: bool,
    /// Whether it was asked once, whatever it said.
    asked: bool,
    services: Vec<Arc<ServiceInfo>>,
}

// === impl Schema ===

impl Schema {
    /// Knows nothing until [`follow`] runs.
    pub(crate) fn new() -> Self {
        Self {
            table: ArcSwap::default(),
            learnt: Mutex::default(),
            generation: watch::Sender::new(0),
        }
    }

    /// The method of `package.Service/Method`, with or without a slash before it.
    pub(crate) fn method(&self, path: &str) -> Option<Arc<MethodInfo>> {
        let path = path.strip_prefix('/').unwrap_or(path);
        self.table.load().methods.get(path).map(Arc::clone)
    }

    /// Every service whose types are known, by name.
    pub(crate) fn services(&self) -> Arc<[Arc<ServiceInfo>]> {
        Arc::clone(&self.table.load().services)
    }

    /// A number that grows whenever the answers of [`Schema::method`] and [`Schema::services`] may have changed.
    pub(crate) fn generation(&self) -> u64 {
        *self.generation.borrow()
    }

    /// Tells of each new generation.
    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.generation.subscribe()
    }

    /// Takes in what a Consul service reflects; the same gRPC service of two is the mesh's, then the one's that is
    /// live, then the first's.
    fn learn(&self, owner: &str, services: Vec<Arc<ServiceInfo>>) {
        self.update(owner, |learnt| learnt.services = services);
    }

    /// Whether any instance of a Consul service can be called now.
    fn set_live(&self, owner: &str, live: bool) {
        self.update(owner, |learnt| learnt.live = live);
    }

    /// It is none of the mesh's, whose word counts more.
    fn set_outside(&self, owner: &str) {
        self.update(owner, |learnt| learnt.outside = true);
    }

    /// It was asked, whatever it said.
    fn set_asked(&self, owner: &str) {
        self.update(owner, |learnt| learnt.asked = true);
    }

    /// Whether a Consul service was asked for its types, or nobody is there to be asked: what is unknown then stays so.
    /// `serves` when it has an instance that takes calls, which may be known before the schema hears of it.
    pub(crate) fn is_settled(&self, owner: &str, serves: bool) -> bool {
        let learnt = self.learnt.lock().unwrap_or_else(PoisonError::into_inner);
        learnt
            .get(owner)
            .is_some_and(|learnt| learnt.asked || !(learnt.live || serves))
    }

    fn update(&self, owner: &str, change: impl FnOnce(&mut Learnt)) {
        let mut learnt = self.learnt.lock().unwrap_or_else(PoisonError::into_inner);
        change(learnt.entry(owner.to_owned()).or_default());
        let mut owners: BTreeMap<&str, ((bool, bool), &Arc<ServiceInfo>)> = BTreeMap::new();
        for said in learnt.values() {
            let rank = (!said.outside, said.live);
            for service in &said.services {
                let owner = owners.entry(&service.name).or_insert((rank, service));
                if rank > owner.0 {
                    *owner = (rank, service);
                }
            }
        }
        let services: Arc<[Arc<ServiceInfo>]> = owners.into_values().map(|(_, service)| Arc::clone(service)).collect();
        let old = self.table.load();
        let same = old.services.len() == services.len()
            && old
                .services
                .iter()
                .zip(services.iter())
                .all(|(old, new)| Arc::ptr_eq(old, new));
        if same {
            return;
        }
        let methods = services
            .iter()
            .flat_map(|service| &service.methods)
            .map(|method| (method.path[1..].to_owned(), Arc::clone(method)))
            .collect();
        self.table.store(Arc::new(Table { methods, services }));
        self.generation.send_modify(|generation| *generation += 1);
    }
}

/// The services that files (`FileDescriptorProto`) tell of; `more` knows those that they import.
#[cfg(feature = "fuzzing")]
pub(crate) fn believed(
    told: Vec<bytes::Bytes>,
    more: impl Fn(&str) -> Option<bytes::Bytes>,
) -> Option<Arc<[Arc<ServiceInfo>]>> {
    let mut files = files::Files::default();
    for file in told {
        files.add(&file).ok()?;
    }
    loop {
        let missing: Vec<_> = files.missing().into_iter().filter_map(&more).collect();
        if missing.is_empty() {
            break;
        }
        for file in missing {
            files.add(&file).ok()?;
        }
    }
    let pool = files.build().ok()?;
    let names: Vec<String> = pool.services().map(|service| service.full_name().to_owned()).collect();
    Some(reflected(&pool, &"told".into(), names.iter().map(String::as_str)).into())
}

/// Everything that is told of services.
#[cfg(feature = "fuzzing")]
pub(crate) fn tell(services: &[Arc<ServiceInfo>]) -> bytes::Bytes {
    let schema = Schema::new();
    schema.learn("told", services.to_vec());
    told::Told::default().document(&schema)
}
