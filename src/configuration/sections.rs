//! The sections of the configuration with their defaults; each key says its unit and range, [`super::rules`] checks it.

use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::privacy::Sensitive;

/// How to reach the Consul agent.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Consul {
    /// `http://host:port`, `https://host:port` or `unix:///path`; a bare `host:port` means http.
    pub address: String,
    /// The ACL token; better in the environment than in a file. Never shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<Sensitive<String>>,
    /// A file that holds the ACL token.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token_file: Option<PathBuf>,
    /// Roots (PEM) that the agent's certificate must chain to; for https.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roots: Option<PathBuf>,
    /// A client certificate (PEM) to show the agent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<PathBuf>,
    /// Its key (PEM).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<PathBuf>,
}

impl Default for Consul {
    fn default() -> Self {
        Self {
            address: "http://127.0.0.1:8500".to_owned(),
            token: None,
            token_file: None,
            roots: None,
            certificate: None,
            key: None,
        }
    }
}

/// Where a process gets its certificate.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum IdentitySource {
    /// A certificate authority in the data folder. For one machine.
    #[default]
    Development,
    /// PEM files that somebody else keeps fresh; read again when they change.
    Files,
}

/// Who this process is.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Identity {
    /// Where the certificate comes from.
    pub source: IdentitySource,
    /// The SPIFFE trust domain: lower-case letters, digits, dots, hyphens.
    pub trust_domain: String,
    /// The datacenter in the identity.
    pub datacenter: String,
    /// How long a development certificate lives, 2 s to 90 days; it is renewed at half of that.
    #[serde(with = "humantime_serde")]
    pub lifetime: Duration,
    /// The certificate chain (PEM); with source "files".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<PathBuf>,
    /// Its key (PEM); with source "files".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<PathBuf>,
    /// The roots (PEM) that peers must chain to; with source "files".
    #[serde(skip_serializing_if = "Option::is_none")]
    pub roots: Option<PathBuf>,
    /// How often the files are looked at, 100 ms to 1 h.
    #[serde(with = "humantime_serde")]
    pub reload: Duration,
}

impl Default for Identity {
    fn default() -> Self {
        Self {
            source: IdentitySource::Development,
            trust_domain: "lyceum.internal".to_owned(),
            datacenter: "dc1".to_owned(),
            lifetime: Duration::from_secs(24 * 3600),
            certificate: None,
            key: None,
            roots: None,
            reload: Duration::from_secs(5),
        }
    }
}

/// Who may call whom.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Authorization {
    /// Lines such as `gateway -> writing-analysis`, `* -> ai-validator` or `operator -> *`. Empty: every identity of
    /// the same trust domain may call.
    pub allow: Vec<String>,
    /// The services that may say on whose behalf they call; whom the others name is not believed. At most 16.
    pub vouchers: Vec<String>,
}

impl Default for Authorization {
    fn default() -> Self {
        Self {
            allow: Vec::new(),
            vouchers: vec!["gateway".to_owned()],
        }
    }
}

/// How an instance announces itself in Consul.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Registration {
    /// The host to announce where it is not the one that is listened on (a container, NAT, a proxy): an IP address or
    /// a name. Absent: `serving.address`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// The port to announce, likewise; 0 is the one that is listened on.
    pub port: u16,
    /// The zone that this process runs in, at most 64 characters: callers in the same zone prefer each other. Empty: zones
    /// play no part.
    pub zone: String,
    /// How long Consul believes a heartbeat, 3 s to 10 min; one is sent three times as often.
    #[serde(with = "humantime_serde")]
    pub ttl: Duration,
    /// How long a critical instance stays in the catalogue, 1 min (Consul's floor) to 7 days.
    #[serde(with = "humantime_serde")]
    pub deregister_after: Duration,
    /// How often the registration is repeated, so that an agent that lost its data heals, 1 s to 1 h.
    #[serde(with = "humantime_serde")]
    pub repeat: Duration,
    /// The share of traffic while passing, 1 to 65535.
    pub weight_passing: u16,
    /// The share of traffic while in warning, 1 to 65535.
    pub weight_warning: u16,
}

impl Default for Registration {
    fn default() -> Self {
        Self {
            address: None,
            port: 0,
            zone: String::new(),
            ttl: Duration::from_secs(15),
            deregister_after: Duration::from_secs(300),
            repeat: Duration::from_secs(120),
            weight_passing: 100,
            weight_warning: 25,
        }
    }
}

/// How others are found.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Discovery {
    /// How long one blocking query waits, 1 s to 55 s.
    #[serde(with = "humantime_serde")]
    pub wait: Duration,
    /// How long an empty answer is held back before it is believed, 0 to 1 min.
    #[serde(with = "humantime_serde")]
    pub hold_empty: Duration,
    /// How old a stale read may be before a consistent one is made, 1 s to 10 min.
    #[serde(with = "humantime_serde")]
    pub stale_limit: Duration,
}

impl Default for Discovery {
    fn default() -> Self {
        Self {
            wait: Duration::from_secs(50),
            hold_empty: Duration::from_secs(2),
            stale_limit: Duration::from_secs(10),
        }
    }
}

/// How a server listens.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Serving {
    /// The address to listen on, and to announce unless `registration.address` says another.
    pub address: IpAddr,
    /// The port; 0 takes a free one.
    pub port: u16,
    /// Connections at a time, 1 to 100,000.
    pub connections: u32,
    /// Calls at a time on one connection, 1 to 10,000.
    pub streams: u32,
    /// Time for a TLS handshake, 100 ms to 1 min.
    #[serde(with = "humantime_serde")]
    pub handshake: Duration,
    /// The longest deadline that a caller gets, 1 s to 1 h; also what a call without one gets.
    #[serde(with = "humantime_serde")]
    pub deadline_limit: Duration,
    /// How long a connection lives, ± 10 %, 1 s to 7 days; so that old identities expire.
    #[serde(with = "humantime_serde")]
    pub connection_age: Duration,
    /// How long calls and streams may go on on a connection of that age before they end with UNAVAILABLE, 0 to 1 day.
    #[serde(with = "humantime_serde")]
    pub connection_age_grace: Duration,
    /// When draining: how long callers get to see it before connections are told to end, 0 to 1 min.
    #[serde(with = "humantime_serde")]
    pub drain_notice: Duration,
    /// When draining: how long calls under way get to finish, 0 to 10 min.
    #[serde(with = "humantime_serde")]
    pub drain_grace: Duration,
}

impl Default for Serving {
    fn default() -> Self {
        Self {
            address: IpAddr::V4(Ipv4Addr::LOCALHOST),
            port: 0,
            connections: 4096,
            streams: 512,
            handshake: Duration::from_secs(5),
            deadline_limit: Duration::from_secs(300),
            connection_age: Duration::from_secs(1800),
            connection_age_grace: Duration::from_secs(300),
            drain_notice: Duration::from_millis(500),
            drain_grace: Duration::from_secs(20),
        }
    }
}

/// How others are called.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Client {
    /// Whether an instance is connected to as soon as it is known, so that a call finds a connection; otherwise with the
    /// first call that goes to it, and after a loss with the next: for processes that know many and call few.
    pub eager: bool,
    /// Time for a connection and its TLS handshake, 10 ms to 1 min.
    #[serde(with = "humantime_serde")]
    pub connect: Duration,
    /// How often an idle connection is pinged, 10 s (gRPC A8's floor) to 1 h.
    #[serde(with = "humantime_serde")]
    pub keepalive: Duration,
    /// How long a ping may stay unanswered, 1 s to 1 min.
    #[serde(with = "humantime_serde")]
    pub keepalive_timeout: Duration,
    /// No TLS, for a benchmark beside peers that have none. No configuration can say it, and no release has it.
    #[cfg(feature = "testing")]
    #[serde(skip)]
    pub plaintext: bool,
}

impl Default for Client {
    fn default() -> Self {
        Self {
            eager: true,
            connect: Duration::from_secs(2),
            keepalive: Duration::from_secs(30),
            keepalive_timeout: Duration::from_secs(20),
            #[cfg(feature = "testing")]
            plaintext: false,
        }
    }
}

/// How logs are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// Readable on a terminal, JSON elsewhere.
    #[default]
    Auto,
    /// One readable line an event.
    Text,
    /// One JSON object an event.
    Json,
}

/// Logs, metrics, traces.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Telemetry {
    /// What is logged, in tracing's filter language, such as `info` or `lyceum=debug,info`.
    pub log: String,
    /// How it is written.
    pub format: LogFormat,
    /// An OTLP collector for traces (gRPC), such as `http://127.0.0.1:4317`; off when absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub otlp: Option<String>,
    /// The share of traces that are sent, 0 to 1.
    pub sample: f64,
}

impl Default for Telemetry {
    fn default() -> Self {
        Self {
            log: "info".to_owned(),
            format: LogFormat::Auto,
            otlp: None,
            sample: 1.0,
        }
    }
}
