//! The local agent: registering an instance, its TTL check, maintenance, and who the agent is.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use http::{Method, StatusCode};
use serde::{Deserialize, Serialize, Serializer};

use super::settings::escaped;
use super::{Check, Client, Error, Health, Result};

/// An instance to register. Nothing is sent that is not set here: since 1.7 an agent refuses unknown fields.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Service {
    /// Unique on the agent.
    #[serde(rename = "ID")]
    pub id: String,
    /// The service's name.
    pub name: String,
    /// Where callers reach it.
    pub address: String,
    /// Where callers reach it.
    pub port: u16,
    /// Tags.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// Metadata: at most 64 pairs, keys of letters, digits, `-` and `_` up to 128, values up to 512 characters.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub meta: BTreeMap<String, String>,
    /// Weights.
    pub weights: Weights,
    /// The check that the instance itself keeps alive.
    pub check: TtlCheck,
}

/// An instance's share of the calls by its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Weights {
    /// While passing: at least 1.
    pub passing: u16,
    /// While warning; 0, like Consul's 1 and 1 for what was not set, is read as a quarter of passing.
    pub warning: u16,
}

/// A check that turns critical unless it is updated within its TTL.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct TtlCheck {
    /// The check's id, used for updates.
    #[serde(rename = "CheckID")]
    pub id: String,
    /// Its name in Consul's pages.
    pub name: String,
    /// How long an update holds.
    #[serde(rename = "TTL", serialize_with = "with_unit")]
    pub ttl: Duration,
    /// What it starts as; without one a TTL check starts critical.
    #[serde(serialize_with = "as_word")]
    pub status: Health,
    /// How long it may be critical before the agent removes the instance; Consul's floor is a minute.
    #[serde(serialize_with = "with_unit")]
    pub deregister_critical_service_after: Duration,
}

/// Who the agent is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    /// Its version, as `1.8.7`.
    pub version: String,
    /// Its node's name.
    pub node: String,
    /// Its datacenter.
    pub datacenter: String,
}

/// Durations need a unit: `"5"` is refused with 400.
fn with_unit<S: Serializer>(duration: &Duration, to: S) -> std::result::Result<S::Ok, S::Error> {
    to.serialize_str(&format!("{}ms", duration.as_millis()))
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature is serde's")]
fn as_word<S: Serializer>(health: &Health, to: S) -> std::result::Result<S::Ok, S::Error> {
    to.serialize_str(health.as_str())
}

// === impl Weights ===

impl Default for Weights {
    fn default() -> Self {
        Self { passing: 1, warning: 1 }
    }
}

// === impl Client ===

impl Client {
    /// Registers an instance, or changes it. The same again changes nothing and keeps its status and maintenance.
    ///
    /// # Errors
    /// When the agent cannot be asked or refuses.
    pub async fn register(&self, service: &Service) -> Result<()> {
        let mut call = self.call("register a service", Method::PUT, "/v1/agent/service/register");
        call.body = json(service)?;
        self.send(call).await.map(drop)
    }

    /// Removes an instance; that the agent does not know it (200 or 404, by version) is fine.
    ///
    /// # Errors
    /// When the agent cannot be asked or refuses.
    pub async fn deregister(&self, service_id: &str) -> Result<()> {
        let path = format!("/v1/agent/service/deregister/{}", escaped(service_id));
        let call = self.call("deregister a service", Method::PUT, path);
        let operation = call.operation;
        let reply = self.reply(call).await?;
        if reply.status.is_success() || reply.status == StatusCode::NOT_FOUND {
            Ok(())
        } else {
            Err(self.refused(operation, &reply))
        }
    }

    /// Takes an instance out of service, or back: it is critical at once, and stays so across re-registration.
    ///
    /// # Errors
    /// When the agent cannot be asked or does not know the instance.
    pub async fn maintenance(&self, service_id: &str, enable: bool, reason: &str) -> Result<()> {
        let path = format!(
            "/v1/agent/service/maintenance/{}?enable={enable}&reason={}",
            escaped(service_id),
            escaped(reason)
        );
        let call = self.call("change a service's maintenance", Method::PUT, path);
        self.send(call).await.map(drop)
    }

    /// A heartbeat: the TTL check's state, with a note that operators read as its output.
    ///
    /// # Errors
    /// [`Error::UnknownCheck`] when the agent does not know the check any more: register again.
    pub async fn update_check(&self, check_id: &str, health: Health, note: &str) -> Result<()> {
        #[derive(Serialize)]
        #[serde(rename_all = "PascalCase")]
        struct Update<'a> {
            status: &'a str,
            output: &'a str,
        }
        let path = format!("/v1/agent/check/update/{}", escaped(check_id));
        let mut call = self.call("update a check", Method::PUT, path);
        call.body = json(&Update {
            status: health.as_str(),
            output: note,
        })?;
        match self.send(call).await {
            Err(error) if names_unknown_check(&error) => Err(Error::UnknownCheck {
                check: check_id.to_owned(),
            }),
            outcome => outcome.map(drop),
        }
    }

    /// The checks that the agent itself holds, by id.
    ///
    /// # Errors
    /// When the agent cannot be asked, refuses, or answers with something else.
    pub async fn agent_checks(&self) -> Result<BTreeMap<String, Check>> {
        let call = self.call("list the agent's checks", Method::GET, "/v1/agent/checks");
        Ok(self
            .fetch::<Option<BTreeMap<String, Check>>>(call)
            .await?
            .value
            .unwrap_or_default())
    }

    /// Who the agent is: proof that a Consul answers at the address, and which one.
    ///
    /// # Errors
    /// When the agent cannot be asked, refuses, or is no Consul.
    pub async fn agent_self(&self) -> Result<Agent> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Told {
            config: Config,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Config {
            version: String,
            #[serde(default)]
            node_name: String,
            #[serde(default)]
            datacenter: String,
        }
        let call = self.call("tell about the agent", Method::GET, "/v1/agent/self");
        let Config {
            version,
            node_name,
            datacenter,
        } = self.fetch::<Told>(call).await?.value.config;
        Ok(Agent {
            version,
            node: node_name,
            datacenter,
        })
    }
}

fn json(value: &impl Serialize) -> Result<Bytes> {
    serde_json::to_vec(value)
        .map(Bytes::from)
        .map_err(|e| Error::Settings { reason: e.to_string() })
}

/// 1.8 answers 500 (`CheckID "…" does not have associated TTL`), modern versions 404 (`Unknown check ID "…"`).
fn names_unknown_check(error: &Error) -> bool {
    match error {
        Error::Refused { status, .. } if *status == StatusCode::NOT_FOUND => true,
        Error::Refused { status, body, .. } if *status == StatusCode::INTERNAL_SERVER_ERROR => {
            body.contains("does not have associated TTL") || body.to_ascii_lowercase().contains("unknown check")
        }
        _ => false,
    }
}
