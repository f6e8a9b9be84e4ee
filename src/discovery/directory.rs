//! The seam between the fabric and whoever keeps the register: a real Consul, or one in memory for unit tests.

use std::collections::BTreeMap;

use super::Memory;
use crate::consul::{Answer, Client, Entry, Health, Query, Result, Service, maintenance_check_id};

/// Where instances are registered and found.
#[derive(Clone, Debug)]
pub enum Directory {
    /// An agent of a Consul cluster.
    Consul(Client),
    /// A register in this process, with Consul's rules.
    Memory(Memory),
}

// === impl Directory ===

impl Directory {
    pub(crate) async fn register(&self, service: &Service) -> Result<()> {
        match self {
            Self::Consul(client) => client.register(service).await,
            Self::Memory(memory) => memory.register(service),
        }
    }

    pub(crate) async fn deregister(&self, id: &str) -> Result<()> {
        match self {
            Self::Consul(client) => client.deregister(id).await,
            Self::Memory(memory) => memory.deregister(id),
        }
    }

    pub(crate) async fn maintenance(&self, id: &str, enable: bool, reason: &str) -> Result<()> {
        match self {
            Self::Consul(client) => client.maintenance(id, enable, reason).await,
            Self::Memory(memory) => memory.maintenance(id, enable, reason),
        }
    }

    /// Why an instance is in maintenance, or none when it is not.
    pub(crate) async fn maintenance_reason(&self, id: &str) -> Result<Option<String>> {
        match self {
            Self::Consul(client) => Ok(client
                .agent_checks()
                .await?
                .remove(&maintenance_check_id(id))
                .map(|check| check.notes)),
            Self::Memory(memory) => memory.maintenance_reason(id),
        }
    }

    pub(crate) async fn heartbeat(&self, check: &str, health: Health, note: &str) -> Result<()> {
        match self {
            Self::Consul(client) => client.update_check(check, health, note).await,
            Self::Memory(memory) => memory.heartbeat(check, health, note),
        }
    }

    pub(crate) async fn health(&self, service: &str, query: &Query) -> Result<Answer<Vec<Entry>>> {
        match self {
            Self::Consul(client) => client.health(service, query).await,
            Self::Memory(memory) => memory.health(service, query).await,
        }
    }

    pub(crate) async fn services(&self, query: &Query) -> Result<Answer<BTreeMap<String, Vec<String>>>> {
        match self {
            Self::Consul(client) => client.services(query).await,
            Self::Memory(memory) => memory.services(query).await,
        }
    }
}

impl From<Client> for Directory {
    fn from(client: Client) -> Self {
        Self::Consul(client)
    }
}

impl From<Memory> for Directory {
    fn from(memory: Memory) -> Self {
        Self::Memory(memory)
    }
}
