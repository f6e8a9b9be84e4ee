//! The health endpoint: every instance of a service with its node and all of its checks.
//!
//! Asked for without `passing` and without a filter: the caller weighs `warning` instances and sees node checks. When a
//! node dies, its `serfHealth` turns critical while the service's own TTL check still says passing.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Deserializer};

use super::settings::escaped;
use super::{Answer, Client, Query, Result};

const NODE_MAINTENANCE: &str = "_node_maintenance";
const SERVICE_MAINTENANCE: &str = "_service_maintenance:";

/// How well an instance is, best first: the maximum of several is the worst of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Health {
    /// Serving.
    #[default]
    Passing,
    /// Serving, but overloaded or degraded: it gets a smaller share of the calls.
    Warning,
    /// Not to be called.
    Critical,
}

/// One instance as the health endpoint tells it.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Entry {
    /// The node it runs on.
    #[serde(deserialize_with = "or_default")]
    pub node: Node,
    /// What it registered.
    #[serde(deserialize_with = "or_default")]
    pub service: EntryService,
    /// Its node's checks and its own.
    #[serde(deserialize_with = "or_default")]
    pub checks: Vec<Check>,
}

/// The node part of an [`Entry`].
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Node {
    /// The node's name.
    #[serde(rename = "Node", deserialize_with = "or_default")]
    pub name: String,
    /// Its address; a service without one of its own is reached here.
    #[serde(deserialize_with = "or_default")]
    pub address: String,
    /// Its datacenter.
    #[serde(deserialize_with = "or_default")]
    pub datacenter: String,
    /// Its metadata.
    #[serde(deserialize_with = "or_default")]
    pub meta: BTreeMap<String, String>,
}

/// The service part of an [`Entry`].
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct EntryService {
    /// The instance's id, unique on its node.
    #[serde(rename = "ID", deserialize_with = "or_default")]
    pub id: String,
    /// The service's name.
    #[serde(rename = "Service", deserialize_with = "or_default")]
    pub name: String,
    /// Its address; empty means the node's.
    #[serde(deserialize_with = "or_default")]
    pub address: String,
    /// Its port.
    #[serde(deserialize_with = "or_default")]
    pub port: i64,
    /// Its tags.
    #[serde(deserialize_with = "or_default")]
    pub tags: Vec<String>,
    /// Its metadata.
    #[serde(deserialize_with = "or_default")]
    pub meta: BTreeMap<String, String>,
    /// Its weights; none when the answer has none.
    pub weights: Option<EntryWeights>,
}

/// The weights of an [`EntryService`], as wide as JSON sends them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct EntryWeights {
    /// While passing.
    pub passing: Option<i64>,
    /// While warning.
    pub warning: Option<i64>,
}

/// One check of a node or of a service.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Check {
    /// The check's id.
    #[serde(rename = "CheckID", deserialize_with = "or_default")]
    pub id: String,
    /// Its name.
    #[serde(deserialize_with = "or_default")]
    pub name: String,
    /// Its status in Consul's word.
    #[serde(deserialize_with = "or_default")]
    pub status: String,
    /// What its author noted; for maintenance, the reason.
    #[serde(deserialize_with = "or_default")]
    pub notes: String,
    /// What it last said; for a TTL check, the note of the last heartbeat.
    #[serde(deserialize_with = "or_default")]
    pub output: String,
    /// The service instance it belongs to; empty for a node check.
    #[serde(rename = "ServiceID", deserialize_with = "or_default")]
    pub service_id: String,
}

/// A field that is null means the same as one that is missing.
fn or_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(from: D) -> std::result::Result<T, D::Error> {
    Option::<T>::deserialize(from).map(Option::unwrap_or_default)
}

/// The id of the check that maintenance mode adds to an instance.
#[must_use]
pub fn maintenance_check_id(service_id: &str) -> String {
    format!("{SERVICE_MAINTENANCE}{service_id}")
}

/// Whether a check stands for maintenance of the instance or of its node.
#[must_use]
pub fn is_maintenance(check_id: &str) -> bool {
    check_id == NODE_MAINTENANCE || check_id.starts_with(SERVICE_MAINTENANCE)
}

// === impl Health ===

impl Health {
    /// Consul's word for it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passing => "passing",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

// === impl Check ===

impl Check {
    /// The check's status; maintenance, and any word that we do not know, count as critical.
    #[must_use]
    pub fn health(&self) -> Health {
        match self.status.as_str() {
            _ if is_maintenance(&self.id) => Health::Critical,
            "passing" => Health::Passing,
            "warning" => Health::Warning,
            _ => Health::Critical,
        }
    }
}

impl Client {
    /// Every instance of a service, whatever its health.
    ///
    /// With access control on, a missing token gets an empty list, not an error.
    ///
    /// # Errors
    /// When Consul cannot be asked, refuses, or answers with something else.
    pub async fn health(&self, service: &str, query: &Query) -> Result<Answer<Vec<Entry>>> {
        let call = self.read(
            "tell a service's health",
            &format!("/v1/health/service/{}", escaped(service)),
            query,
        );
        let answer = self.fetch::<Option<Vec<Entry>>>(call).await?;
        Ok(answer.map(Option::unwrap_or_default))
    }
}
