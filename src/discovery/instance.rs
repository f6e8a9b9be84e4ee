//! One instance of a service, made of everything that Consul says about it.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::SystemTime;

use super::Meta;
use crate::consul::{Check, Entry, EntryWeights, Health, is_maintenance};

/// A Consul weight of 1, so that a quarter of it is still a whole number.
pub const WEIGHT_UNIT: u32 = 4;

/// Consul's own limit.
const MAX_WEIGHT: i64 = 65_535;

/// Whether anything is known about a service yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum State {
    /// Consul has not answered since the watch began: wait, rather than fail.
    #[default]
    Unknown,
    /// What the list says was true when Consul was last heard.
    Known,
}

/// A service's instances, sorted by id.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Instances {
    /// Whether the list means anything yet.
    pub state: State,
    /// Every instance, the critical ones too.
    pub list: Vec<Instance>,
}

/// One instance of a service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Instance {
    /// Its id, unique on its node.
    pub id: String,
    /// The service's name.
    pub service: String,
    /// The node it is registered on.
    pub node: String,
    /// Where to reach it: its own address, or else its node's.
    pub host: String,
    /// Where to reach it.
    pub port: u16,
    /// The worst of its node's checks and its own; maintenance is critical.
    pub health: Health,
    /// Whether it, or its node, is in maintenance.
    pub maintenance: bool,
    /// What its worst check says, for an operator.
    pub note: String,
    /// Its share relative to the others in its present state, in quarters of a Consul weight; 0 when critical.
    pub weight: u32,
    /// The version of its build.
    pub version: String,
    /// The full names of the services it serves.
    pub methods: Vec<String>,
    /// What it can do beyond its contract's minimum.
    pub capabilities: Vec<String>,
    /// The zone it runs in; empty where it says none.
    pub zone: String,
    /// When its certificate ends, if it says so.
    pub certificate_expires: Option<SystemTime>,
    /// Its tags.
    pub tags: Vec<String>,
    /// Its metadata, whole.
    pub meta: BTreeMap<String, String>,
}

// === impl Instances ===

impl Instances {
    /// Those that may be called: passing or warning, with a weight.
    pub fn usable(&self) -> impl Iterator<Item = &Instance> {
        self.list.iter().filter(|instance| instance.weight > 0)
    }

    /// Whether Consul has answered at all.
    #[must_use]
    pub fn is_known(&self) -> bool {
        self.state == State::Known
    }
}

// === impl Instance ===

impl Instance {
    /// Reads an entry of the health endpoint; none when it has no address that could be called.
    #[must_use]
    pub fn read(entry: Entry) -> Option<Self> {
        let Entry { node, service, checks } = entry;
        let host = if service.address.is_empty() {
            node.address
        } else {
            service.address
        };
        let port = u16::try_from(service.port).ok().filter(|port| *port > 0)?;
        if host.is_empty() {
            return None;
        }
        let worst = worst(&checks);
        let health = worst.map_or(Health::Passing, Check::health);
        let meta = Meta::read(&service.meta);
        Some(Self {
            id: service.id,
            service: service.name,
            node: node.name,
            host,
            port,
            health,
            maintenance: checks.iter().any(|check| is_maintenance(&check.id)),
            note: worst.map(note).unwrap_or_default(),
            weight: weight(service.weights, health),
            version: meta.version,
            methods: meta.methods,
            capabilities: meta.capabilities,
            zone: meta.zone,
            certificate_expires: meta.certificate_expires,
            tags: service.tags,
            meta: service.meta,
        })
    }

    /// `host:port`, with brackets around an IPv6 address.
    #[must_use]
    pub fn authority(&self) -> String {
        match self.host.parse::<IpAddr>() {
            Ok(ip) => SocketAddr::new(ip, self.port).to_string(),
            Err(_) => format!("{}:{}", self.host, self.port),
        }
    }

    /// The address to connect to, or none when the host is a name.
    #[must_use]
    pub fn socket_address(&self) -> Option<SocketAddr> {
        self.host
            .parse::<IpAddr>()
            .ok()
            .map(|ip| SocketAddr::new(ip, self.port))
    }
}

/// The worst check; among equals maintenance speaks first, then the instance's own checks, then its node's.
fn worst(checks: &[Check]) -> Option<&Check> {
    checks
        .iter()
        .max_by_key(|check| (check.health(), is_maintenance(&check.id), !check.service_id.is_empty()))
}

fn note(check: &Check) -> String {
    let said = if is_maintenance(&check.id) || check.output.trim().is_empty() {
        &check.notes
    } else {
        &check.output
    };
    said.trim().to_owned()
}

fn weight(announced: Option<EntryWeights>, health: Health) -> u32 {
    let announced = announced.unwrap_or_default();
    let within = |weight: i64, least: i64| u32::try_from(weight.clamp(least, MAX_WEIGHT)).unwrap_or(1);
    let passing = within(announced.passing.unwrap_or(1), 1);
    match health {
        Health::Passing => passing * WEIGHT_UNIT,
        Health::Warning => match announced.warning {
            // What was not set arrives as 1 and 1, or as 0 beside a passing weight that was: the first would make
            // "warning" mean nothing, the second would take an instance out that only asks for less.
            None | Some(0) => passing * WEIGHT_UNIT / 4,
            Some(1) if passing == 1 => WEIGHT_UNIT / 4,
            Some(warning) => within(warning, 1) * WEIGHT_UNIT,
        },
        Health::Critical => 0,
    }
}

#[cfg(test)]
mod tests;
