//! Keeps the schema up to date: one task a service, so that none waits for another or falls with it.
//!
//! A service is asked when instances come or go, as any of them may have brought other types; the same files again
//! change nothing. While old and new instances serve side by side, what only some of them have is asked for until it is
//! found. What was learnt last is kept while a service cannot answer, or answers what cannot be true.

mod outside;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use lyceum::Fabric;
use lyceum::client::Channel;
use lyceum::discovery::Instances;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tonic::Code;

use super::Schema;
use super::contract::{self, ServiceInfo};
use super::files;
use super::reflection;

pub(crate) use outside::follow as follow_outside;

/// Between two questions to one service that changes all the time.
const PAUSE: Duration = Duration::from_secs(1);
/// The pause after the first failure; it doubles.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// The longest pause after a failure.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Learns every service's types for as long as it runs.
pub(crate) async fn follow(fabric: Fabric, schema: Arc<Schema>) {
    let mut names = fabric.discovery().services();
    let mut followed = BTreeSet::new();
    let mut learners = JoinSet::new();
    loop {
        let listed = Arc::clone(&names.borrow_and_update());
        for name in listed.iter().filter(|name| *name != fabric.service()) {
            if followed.contains(name) {
                continue;
            }
            // A name that cannot be called is told by the routes.
            if let Ok(channel) = fabric.channel(name) {
                followed.insert(name.clone());
                let learner = Learner {
                    owner: name.as_str().into(),
                    channel,
                    schema: Arc::clone(&schema),
                    known: Known::default(),
                    outside: false,
                };
                learners.spawn(learner.run(fabric.discovery().watch(name)));
            }
        }
        if names.changed().await.is_err() {
            return;
        }
    }
}

/// Learns one service.
struct Learner {
    owner: Arc<str>,
    channel: Channel,
    schema: Arc<Schema>,
    known: Known,
    /// Whether it is none of the mesh's, which says nothing of who may call it.
    outside: bool,
}

/// What was learnt last.
#[derive(Default)]
struct Known {
    /// Who could have been asked.
    from: Option<Reflected>,
    /// Their files' digest.
    files: Option<[u8; 32]>,
    services: BTreeMap<String, Arc<ServiceInfo>>,
}

/// What decides whether to ask: who serves, in which version, and what.
#[derive(Clone, Debug, Default, PartialEq)]
struct Reflected {
    instances: BTreeSet<(String, String)>,
    methods: BTreeSet<String>,
}

/// Why nothing was learnt.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Reflection(#[from] reflection::Error),
    #[error(transparent)]
    Files(#[from] files::Error),
    #[error("building the types failed")]
    Panicked,
    #[error("{0} is announced but not reflected by the instance that was asked")]
    Missing(String),
}

impl Error {
    /// Whether nobody answered at all.
    fn is_unreached(&self) -> bool {
        matches!(self, Self::Reflection(reflection::Error::Status(status)) if status.code() == Code::Unavailable)
    }
}

impl Reflected {
    fn of(instances: &Instances) -> Self {
        let list = &instances.list;
        Self {
            instances: list
                .iter()
                .map(|instance| (instance.id.clone(), instance.version.clone()))
                .collect(),
            methods: list
                .iter()
                .flat_map(|instance| instance.methods.iter().cloned())
                .collect(),
        }
    }
}

impl Learner {
    async fn run(mut self, mut instances: watch::Receiver<Arc<Instances>>) {
        let mut pause = FIRST_PAUSE;
        loop {
            let now = Arc::clone(&instances.borrow_and_update());
            let live = now.usable().next().is_some();
            self.schema.set_live(&self.owner, live);
            let reflected = Reflected::of(&now);
            if !live || reflected.methods.is_empty() || self.known.from.as_ref() == Some(&reflected) {
                if instances.changed().await.is_err() {
                    return;
                }
                continue;
            }
            let asked = Instant::now();
            let learnt = self.learn(&reflected).await;
            // An instance that has just come may not be reached yet: that is no answer, for a while.
            if pause >= PAUSE || !learnt.as_ref().is_err_and(Error::is_unreached) {
                self.schema.set_asked(&self.owner);
            }
            let again = match learnt {
                Ok(()) => {
                    self.known.from = Some(reflected);
                    pause = FIRST_PAUSE;
                    asked + PAUSE
                }
                Err(error) => {
                    tracing::warn!(service = %self.owner, %error, "types not learnt; what was known is kept");
                    let again = asked + pause;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                    again
                }
            };
            sleep_until(again).await;
        }
    }

    async fn learn(&mut self, reflected: &Reflected) -> Result<(), Error> {
        let wanted: Vec<String> = reflected.methods.iter().cloned().collect();
        let files = reflection::ask(&self.channel, &wanted).await?;
        let digest = files.digest();
        if self.known.files.as_ref().is_none_or(|known| known != digest.as_ref()) {
            let (owner, names, outside) = (Arc::clone(&self.owner), wanted.clone(), self.outside);
            let building = tokio::task::spawn_blocking(move || {
                let pool = files.build()?;
                let mut services = contract::services(&pool, &owner, names.iter().map(String::as_str));
                if outside {
                    contract::close(&mut services);
                }
                Ok::<_, files::Error>(services)
            });
            // It is built apart: should descriptors from outside ever break the builder, they break nothing else.
            let services = building.await.map_err(|_| Error::Panicked)??;
            for service in services {
                self.known.services.insert(service.name.clone(), service);
            }
            self.known.files = digest.as_ref().try_into().ok();
        }
        self.known.services.retain(|name, _| reflected.methods.contains(name));
        self.schema
            .learn(&self.owner, self.known.services.values().map(Arc::clone).collect());
        match wanted.into_iter().find(|name| !self.known.services.contains_key(name)) {
            Some(missing) => Err(Error::Missing(missing)),
            None => Ok(()),
        }
    }
}
