//! What an instance announces about itself.

use std::collections::BTreeMap;
use std::time::Duration;

use super::{Health, Meta, Weights};
use crate::consul::{Service, TtlCheck};

/// Consul's floor; a shorter time would be stretched to it in silence.
const SHORTEST_DEREGISTER_AFTER: Duration = Duration::from_secs(60);

/// Shorter, and a slow scheduler alone lets the check lapse.
const SHORTEST_TTL: Duration = Duration::from_secs(1);

/// An instance, as it wants to be found.
#[derive(Clone, Debug, PartialEq)]
pub struct Announcement {
    /// The service's name.
    pub service: String,
    /// The instance's id, unique on its agent.
    pub id: String,
    /// The host where callers reach it.
    pub address: String,
    /// The port where callers reach it.
    pub port: u16,
    /// Its version, methods, capabilities and the like.
    pub meta: Meta,
    /// Its tags.
    pub tags: Vec<String>,
    /// Its share of the calls by its state.
    pub weights: Weights,
    /// How long a heartbeat holds; one is sent every third of it. Below 10 s a busy machine makes it flap.
    pub ttl: Duration,
    /// How long it may be critical before Consul removes it; a minute at the least.
    pub deregister_after: Duration,
}

// === impl Announcement ===

impl Announcement {
    /// An instance of a service with the usual settings and an id made of all three.
    #[must_use]
    pub fn new(service: impl Into<String>, address: impl Into<String>, port: u16) -> Self {
        let (service, address) = (service.into(), address.into());
        let id = format!(
            "{service}-{}-{port}",
            address.replace(|c: char| !c.is_ascii_alphanumeric(), "-")
        );
        Self {
            service,
            id,
            address,
            port,
            meta: Meta::default(),
            tags: vec!["lyceum".to_owned()],
            // A quarter of the calls while warning: Consul's own default, 1 and 1, makes "warning" mean nothing.
            weights: Weights { passing: 4, warning: 1 },
            ttl: Duration::from_secs(15),
            deregister_after: Duration::from_secs(300),
        }
    }

    /// The id of its check, as Consul itself would name it.
    pub(super) fn check_id(&self) -> String {
        format!("service:{}", self.id)
    }

    pub(super) fn ttl(&self) -> Duration {
        self.ttl.max(SHORTEST_TTL)
    }

    /// What is sent to the agent.
    pub(super) fn service(&self, meta: BTreeMap<String, String>, weights: Weights, status: Health) -> Service {
        Service {
            id: self.id.clone(),
            name: self.service.clone(),
            address: self.address.clone(),
            port: self.port,
            tags: self.tags.clone(),
            meta,
            weights: Weights {
                passing: weights.passing.max(1),
                ..weights
            },
            check: TtlCheck {
                id: self.check_id(),
                name: format!("{} tells how it is", self.service),
                ttl: self.ttl(),
                status,
                deregister_critical_service_after: self.deregister_after.max(SHORTEST_DEREGISTER_AFTER),
            },
        }
    }
}
