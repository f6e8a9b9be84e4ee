//! What Consul says of the fabric, for commands that look once: names, instances, and the settings to ask with.
//!
//! When not: a process that calls others watches ([`lyceum::discovery`]).

use lyceum::configuration::Configuration;
use lyceum::consul::{self, Address, Client, Query, Settings};
use lyceum::discovery::Instance;

/// The tag of everything that belongs to the fabric.
const TAG: &str = "lyceum";

/// How to reach the configured Consul.
pub(crate) fn settings(configuration: &Configuration) -> anyhow::Result<Settings> {
    Ok(lyceum::consul_settings(configuration)?)
}

/// The same settings for an agent elsewhere.
pub(crate) fn settings_at(settings: &Settings, address: Address) -> Settings {
    Settings {
        address,
        ..settings.clone()
    }
}

/// The names of the fabric's services, sorted.
pub(crate) async fn names(client: &Client) -> anyhow::Result<Vec<String>> {
    let services = client.services(&Query::default()).await.map_err(explained)?.value;
    Ok(services
        .into_iter()
        .filter(|(_, tags)| tags.iter().any(|tag| tag == TAG))
        .map(|(name, _)| name)
        .collect())
}

/// A service's instances, sorted by id.
pub(crate) async fn instances(client: &Client, service: &str) -> anyhow::Result<Vec<Instance>> {
    let entries = client
        .health(service, &Query::default())
        .await
        .map_err(explained)?
        .value;
    let mut instances: Vec<_> = entries.into_iter().filter_map(Instance::read).collect();
    instances.sort_by(|one, other| one.id.cmp(&other.id));
    Ok(instances)
}

/// What to do about a Consul that does not answer.
pub(crate) fn explained(error: consul::Error) -> anyhow::Error {
    let advice = match &error {
        consul::Error::Unreachable { .. } | consul::Error::TimedOut { .. } => {
            "; is it running? `lyceum up` starts one, and CONSUL_HTTP_ADDR or --set consul.address=… says where it is"
        }
        consul::Error::Refused { status, .. } if status.as_u16() == 403 => {
            "; set LYCEUM_CONSUL__TOKEN or CONSUL_HTTP_TOKEN to a token that may do this"
        }
        _ => "",
    };
    anyhow::anyhow!("{error}{advice}")
}
