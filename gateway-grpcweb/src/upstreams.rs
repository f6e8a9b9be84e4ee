//! Services outside the mesh that calls may go to, as the configuration names them.
//!
//! **Why.** Services move in one by one, and public conformance suites stay out. **When not.** Unless somebody wrote it
//! down: whoever is called by an address cannot prove to be one of us, so each is told aloud when the gateway starts, no
//! service of the mesh is ever replaced by one, and nothing of who is asking goes there ([`forget`]).
//! **Source.** `docs/gateway/upstreams.md`.

use std::collections::BTreeSet;
use std::sync::Arc;

use http::{HeaderMap, HeaderName};
use lyceum::Fabric;
use lyceum::client::{Channel, Outside, OutsideError};
use lyceum::discovery::{Instance, Instances, State, WEIGHT_UNIT};
use lyceum::identity;
use tokio::sync::watch;

/// Why a service outside cannot be called.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Its address or its roots cannot be used.
    #[error("gateway.upstreams: \"{name}\": {source}")]
    Outside {
        /// Which.
        name: String,
        /// Why.
        source: OutsideError,
    },
    /// Its name cannot be used.
    #[error("gateway.upstreams: \"{name}\": {source}")]
    Name {
        /// Which.
        name: String,
        /// Why.
        source: identity::Error,
    },
}

/// One service outside, and what it serves.
#[derive(Debug)]
pub(crate) struct Upstream {
    pub(crate) channel: Channel,
    /// The services that the configuration lists; none where it is to say itself what it serves.
    pub(crate) listed: Vec<String>,
    announced: watch::Sender<Arc<Instances>>,
}

// === impl Upstream ===

impl Upstream {
    fn new(channel: Channel, listed: Vec<String>) -> Self {
        let announced = watch::Sender::new(instances(channel.service(), listed.clone()));
        Self {
            channel,
            listed,
            announced,
        }
    }

    /// What it serves, told as an instance in Consul tells it.
    pub(crate) fn announced(&self) -> watch::Receiver<Arc<Instances>> {
        self.announced.subscribe()
    }

    /// It serves these.
    pub(crate) fn announce(&self, services: &BTreeSet<String>) {
        self.announced.send_if_modified(|announced| {
            let before = announced.list.iter().flat_map(|instance| &instance.methods);
            let changed = !before.eq(services);
            if changed {
                *announced = instances(self.channel.service(), services.iter().cloned().collect());
            }
            changed
        });
    }
}

fn instances(name: &str, mut methods: Vec<String>) -> Arc<Instances> {
    methods.sort();
    let only = Instance {
        id: name.to_owned(),
        service: name.to_owned(),
        weight: WEIGHT_UNIT,
        methods,
        ..Instance::default()
    };
    Arc::new(Instances {
        state: State::Known,
        list: vec![only],
    })
}

/// Every service outside that the configuration names.
pub(crate) fn open(fabric: &Fabric) -> Result<Vec<Upstream>, Error> {
    let named = &fabric.configuration().gateway.upstreams;
    let opened = named.iter().map(|upstream| {
        let name = upstream.name.clone();
        let outside = match Outside::try_new(&upstream.name, &upstream.address, upstream.roots.as_ref()) {
            Ok(outside) => outside,
            Err(source) => return Err(Error::Outside { name, source }),
        };
        let channel = fabric
            .outside(&outside)
            .map_err(|source| Error::Name { name, source })?;
        tracing::warn!(
            upstream = outside.name(),
            address = upstream.address,
            services = ?upstream.services,
            plain = outside.is_plain(),
            "calls may leave the mesh, as gateway.upstreams says"
        );
        Ok(Upstream::new(channel, upstream.services.clone()))
    });
    opened.collect()
}

/// Takes out what only the fabric's own may know of a call.
pub(crate) fn forget(headers: &mut HeaderMap) {
    let ours: Vec<HeaderName> = headers
        .keys()
        .filter(|name| name.as_str().starts_with("lyceum-"))
        .cloned()
        .collect();
    for name in ours {
        headers.remove(name);
    }
}
