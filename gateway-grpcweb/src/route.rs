//! Which service has a method: what the instances themselves announce in Consul.
//!
//! **What.** [`Routes`] follows every service of the fabric and keeps one table from `package.Service` to a channel. A
//! call reads it without a lock.
//!
//! **Why.** A new service needs no new gateway: it registers, and its methods can be called. A service that is gone is
//! remembered, so that a browser hears "no instance is serving" instead of "no such method". Until Consul has answered,
//! nothing is unknown, only not known yet.
//!
//! **When not.** To pick an instance: the fabric's client does.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use arc_swap::ArcSwap;
use lyceum::Fabric;
use lyceum::client::Channel;
use lyceum::contracts;
use lyceum::discovery::Instances;
use tokio::sync::{SetOnce, watch};
use tokio::task::JoinSet;

use crate::metrics::{Method, Metrics, OTHER};

/// How many methods of a service get names of their own in metrics; the rest is counted together.
const NAMED: usize = 256;

/// The way to every method.
#[derive(Debug)]
pub(crate) struct Routes {
    table: ArcSwap<Table>,
    known: SetOnce<()>,
    metrics: Metrics,
}

/// One state of the routes.
#[derive(Debug, Default)]
struct Table {
    /// Whether Consul has told of every service.
    ready: bool,
    by_name: HashMap<String, Arc<Route>>,
    services: Vec<Service>,
}

/// One `package.Service` and who serves it.
#[derive(Debug)]
pub(crate) struct Route {
    name: String,
    channel: Channel,
    /// Whether it leads out of the mesh.
    pub(crate) outside: bool,
    methods: ArcSwap<HashMap<String, Arc<Method>>>,
    other: Arc<Method>,
    metrics: Metrics,
}

/// A service of Consul's, with the methods it serves.
#[derive(Clone, Debug)]
pub(crate) struct Service {
    pub(crate) name: String,
    pub(crate) methods: Vec<String>,
    pub(crate) channel: Channel,
}

/// Where a path leads.
#[derive(Debug)]
pub(crate) enum Found<'a> {
    /// To a method of a service.
    Method(Arc<Route>, &'a str),
    /// To nothing that was ever announced.
    Nothing,
    /// Consul has not answered yet.
    NotYet,
}

// === impl Routes ===

impl Routes {
    /// Knows nothing until [`follow`] runs.
    pub(crate) fn new(metrics: Metrics) -> Self {
        Self {
            table: ArcSwap::default(),
            known: SetOnce::new(),
            metrics,
        }
    }

    /// Where `/package.Service/Method` leads.
    pub(crate) fn find<'a>(&self, path: &'a str) -> Found<'a> {
        let table = self.table.load();
        let parts = path
            .strip_prefix('/')
            .and_then(|path| path.split_once('/'))
            .filter(|(_, method)| !method.is_empty() && !method.contains('/'));
        match parts.and_then(|(service, method)| Some((table.by_name.get(service)?, method))) {
            Some((route, method)) => Found::Method(Arc::clone(route), method),
            None if table.ready => Found::Nothing,
            None => Found::NotYet,
        }
    }

    /// Every service that has methods, by name.
    pub(crate) fn services(&self) -> Vec<Service> {
        self.table.load().services.clone()
    }

    /// Whether Consul has told of every service.
    pub(crate) fn is_ready(&self) -> bool {
        self.table.load().ready
    }

    /// Waits until then.
    pub(crate) async fn known(&self) {
        self.known.wait().await;
    }

    fn rebuild(&self, ready: bool, followed: &BTreeMap<String, Followed>) {
        let announced: BTreeMap<&str, &Announced> = followed
            .iter()
            .map(|(name, followed)| (name.as_str(), &followed.announced))
            .collect();
        let old = self.table.load();
        let by_name = owners(&announced)
            .into_iter()
            .map(|(method, service)| {
                let Followed { channel, announced } = &followed[service];
                let route = old
                    .by_name
                    .get(method)
                    .filter(|route| route.channel.service() == service)
                    .map_or_else(
                        || {
                            let mut route = Route::new(method, channel.clone(), self.metrics.clone());
                            route.outside = announced.outside;
                            Arc::new(route)
                        },
                        Arc::clone,
                    );
                (method.to_owned(), route)
            })
            .collect();
        let services = followed
            .iter()
            .filter(|(_, followed)| !followed.announced.methods.is_empty())
            .map(|(name, followed)| Service {
                name: name.clone(),
                methods: followed.announced.methods.iter().cloned().collect(),
                channel: followed.channel.clone(),
            })
            .collect();
        // Once known, always known: an outage of Consul takes nothing back.
        let ready = ready || old.ready;
        self.table.store(Arc::new(Table {
            ready,
            by_name,
            services,
        }));
        if ready {
            // Set before, it stays.
            let _ = self.known.set(());
        }
    }
}

// === impl Route ===

impl Route {
    fn new(name: &str, channel: Channel, metrics: Metrics) -> Self {
        let methods = contracts::METHODS
            .iter()
            .filter(|method| method.service == name)
            .filter_map(|method| method.path.rsplit_once('/').map(|(_, method)| method))
            .map(|method| (method.to_owned(), metrics.method(format!("{name}/{method}"))))
            .collect();
        Self {
            name: name.to_owned(),
            channel,
            outside: false,
            methods: ArcSwap::from_pointee(methods),
            other: metrics.method(OTHER),
            metrics,
        }
    }

    /// Calls to the service's instances.
    pub(crate) fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// The metrics of a method; of all strangers together until it is [learnt](Self::learn).
    pub(crate) fn method(&self, name: &str) -> Arc<Method> {
        Arc::clone(self.methods.load().get(name).unwrap_or(&self.other))
    }

    /// A service answered this method, so it exists.
    pub(crate) fn learn(&self, name: &str) -> Arc<Method> {
        let known = self.methods.load();
        if let Some(method) = known.get(name) {
            return Arc::clone(method);
        }
        if known.len() >= NAMED {
            return Arc::clone(&self.other);
        }
        let method = self.metrics.method(format!("{}/{name}", self.name));
        self.methods.rcu(|known| {
            let mut known = HashMap::clone(known);
            known.insert(name.to_owned(), Arc::clone(&method));
            known
        });
        method
    }
}

/// What the instances of one service say.
#[derive(Debug, Default)]
struct Announced {
    methods: BTreeSet<String>,
    live: bool,
    known: bool,
    /// Outside the mesh, by configuration.
    outside: bool,
}

/// One service being followed.
struct Followed {
    channel: Channel,
    announced: Announced,
}

// === impl Announced ===

impl Announced {
    /// Takes in the latest word; a service whose instances are all gone keeps its methods.
    fn update(&mut self, instances: &Instances) {
        self.known |= instances.is_known();
        self.live = instances.usable().next().is_some();
        let methods: BTreeSet<String> = instances
            .list
            .iter()
            .flat_map(|instance| instance.methods.iter().cloned())
            .collect();
        if !methods.is_empty() {
            self.methods = methods;
        }
    }
}

/// Which service gets the calls of each `package.Service`: one of the mesh before one outside, however they are; then
/// one that is live before one that is not, then by name.
fn owners<'a>(announced: &BTreeMap<&'a str, &'a Announced>) -> BTreeMap<&'a str, &'a str> {
    let mut owners: BTreeMap<&str, &str> = BTreeMap::new();
    let (outside, mesh): (Vec<_>, Vec<_>) = announced.iter().partition(|(_, said)| said.outside);
    for (service, said) in mesh.into_iter().chain(outside) {
        for method in &said.methods {
            owners
                .entry(method)
                .and_modify(|owner| {
                    if said.live && !said.outside && !announced[owner].live {
                        *owner = service;
                    }
                })
                .or_insert(service);
        }
    }
    owners
}

/// Keeps the routes up to date for as long as it runs.
pub(crate) async fn follow(fabric: Fabric, routes: Arc<Routes>, outside: Vec<(Channel, Watch)>) {
    let mut names = fabric.discovery().services();
    let mut heard = !names.borrow().is_empty();
    let mut followed = BTreeMap::new();
    let mut changes = JoinSet::new();
    for (channel, mut instances) in outside {
        let name = channel.service().to_owned();
        let mut announced = Announced {
            outside: true,
            ..Announced::default()
        };
        announced.update(&instances.borrow_and_update());
        followed.insert(name.clone(), Followed { channel, announced });
        changes.spawn(next(name, instances));
    }
    loop {
        let listed = Arc::clone(&names.borrow_and_update());
        for name in listed.iter().filter(|name| *name != fabric.service()) {
            if followed.contains_key(name) {
                continue;
            }
            match fabric.channel(name) {
                Ok(channel) => {
                    let mut instances = fabric.discovery().watch(name);
                    let mut announced = Announced::default();
                    announced.update(&instances.borrow_and_update());
                    followed.insert(name.clone(), Followed { channel, announced });
                    changes.spawn(next(name.clone(), instances));
                }
                Err(error) => tracing::debug!(service = %name, %error, "a service that cannot be called"),
            }
        }
        let known = followed.values().all(|followed| followed.announced.known);
        routes.rebuild(heard && known, &followed);
        tokio::select! {
            changed = names.changed() => {
                if changed.is_err() {
                    return;
                }
                heard = true;
            }
            Some(change) = changes.join_next() => {
                let Ok(Some((name, mut instances))) = change else { continue };
                if let Some(followed) = followed.get_mut(&name) {
                    followed.announced.update(&instances.borrow_and_update());
                }
                changes.spawn(next(name, instances));
            }
        }
    }
}

type Watch = watch::Receiver<Arc<Instances>>;

/// The same watch, once it has something new to say; none when it never will.
async fn next(name: String, mut instances: Watch) -> Option<(String, Watch)> {
    instances.changed().await.ok()?;
    Some((name, instances))
}

#[cfg(test)]
mod tests {
    use lyceum::discovery::{Instance, State};

    use super::*;

    fn instances(methods: &[(&str, u32)]) -> Instances {
        let list = methods
            .iter()
            .map(|(method, weight)| Instance {
                methods: vec![(*method).to_owned()],
                weight: *weight,
                ..Instance::default()
            })
            .collect();
        Instances {
            state: State::Known,
            list,
        }
    }

    fn announced(methods: &[(&str, u32)]) -> Announced {
        let mut announced = Announced::default();
        announced.update(&instances(methods));
        announced
    }

    #[test]
    fn all_that_instances_announce_counts() {
        let said = announced(&[("a.A", 4), ("a.B", 0)]);
        assert_eq!(said.methods.iter().collect::<Vec<_>>(), ["a.A", "a.B"]);
        assert!(said.live && said.known);
    }

    #[test]
    fn a_service_that_is_gone_keeps_its_methods() {
        let mut said = announced(&[("a.A", 4)]);
        said.update(&instances(&[]));
        assert!(said.methods.contains("a.A"));
        assert!(!said.live);
        said.update(&instances(&[("a.B", 4)]));
        assert_eq!(said.methods.iter().collect::<Vec<_>>(), ["a.B"]);
    }

    #[test]
    fn nothing_is_known_before_consul_answers() {
        let mut said = Announced::default();
        said.update(&Instances::default());
        assert!(!said.known);
    }

    #[test]
    fn a_method_goes_to_who_lives_then_to_the_first() {
        let (dead, live, other) = (
            announced(&[("a.A", 0)]),
            announced(&[("a.A", 4), ("b.B", 4)]),
            announced(&[("a.A", 4)]),
        );
        let owner =
            |services: &[(&'static str, &'static Announced)]| owners(&services.iter().copied().collect())["a.A"];
        let (dead, live, other): (&'static _, &'static _, &'static _) = (
            Box::leak(Box::new(dead)),
            Box::leak(Box::new(live)),
            Box::leak(Box::new(other)),
        );
        assert_eq!(owner(&[("one", dead), ("two", live)]), "two");
        assert_eq!(owner(&[("one", live), ("two", dead)]), "one");
        assert_eq!(owner(&[("one", live), ("two", other)]), "one");
        assert_eq!(owner(&[("one", dead)]), "one");
        let outside: &'static _ = Box::leak(Box::new(Announced {
            outside: true,
            ..announced(&[("a.A", 4)])
        }));
        assert_eq!(
            owner(&[("a-outside", outside), ("one", dead)]),
            "one",
            "never out of the mesh by itself"
        );
        assert_eq!(owner(&[("a-outside", outside)]), "a-outside");
    }
}
