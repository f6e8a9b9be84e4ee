//! The Consul agent of `lyceum up`: the one that answers already, or one of its own in development mode.
//!
//! **What.** [`find`] decides: an agent at the configured address is used as it is; where nothing answers on this
//! machine, `consul agent -dev` is started, on Consul's usual ports when they are free and on others when not; anything
//! else is an error that says what to do. A development agent keeps everything in memory and listens on 127.0.0.1 only.
//!
//! **Why not simply "the port is open".** Something else may listen on 8500; only an agent that tells its version is a
//! Consul. And **ports are told, not found**: Consul cannot bind port 0, so a lost race for a port is met by trying
//! again with others.
//!
//! **When not.** Production has its own Consul cluster, and `lyceum serve` never starts one.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use crate::ports;
use crate::process::{Process, Program, Turn};
use lyceum::consul::{self, Address, Client, Settings};

/// What people call it.
pub(crate) const NAME: &str = "consul";

/// A development agent elects itself in well under a second; a busy machine gets more.
const ASK_WITHIN: Duration = Duration::from_secs(3);
const START_WITHIN: Duration = Duration::from_secs(20);
const STOP_WITHIN: Duration = Duration::from_secs(2);
const ASK_EVERY: Duration = Duration::from_millis(15);
const PORT_RACES: usize = 4;

/// Consul's usual ports beside the HTTP one.
const USUAL: (u16, u16) = (8300, 8301);

/// Whether to look for an agent first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Choice {
    /// The agent that answers at the configured address; where none does, one of its own.
    #[default]
    Auto,
    /// Always one of its own, on free ports.
    Own,
}

/// An agent that answers and knows a leader.
#[derive(Debug)]
pub(crate) struct Agent {
    /// Its address.
    pub(crate) address: Address,
    /// Its version, as `1.8.7`.
    pub(crate) version: String,
    /// The process, when it was started here.
    pub(crate) own: Option<(Program, Process)>,
    /// What a person should know about the choice.
    pub(crate) notice: Option<String>,
}

/// Why there is no agent.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// No binary.
    #[error(
        "Consul is not installed: there is no `consul` on PATH and no .tools/bin/consul here; run `make setup`, or install Consul 1.8 or later"
    )]
    Missing,
    /// The binary does not work.
    #[error("{} does not run: {reason}; run `make setup`, or install Consul 1.8 or later", path.display())]
    Broken {
        /// The binary.
        path: PathBuf,
        /// What went wrong.
        reason: String,
    },
    /// Nothing answers elsewhere.
    #[error(
        "no Consul answers at {address} ({reason}); start it there, or unset CONSUL_HTTP_ADDR and consul.address so that `lyceum up` starts one of its own (`--consul own` does it, too)"
    )]
    Silent {
        /// Where.
        address: Address,
        /// What went wrong.
        reason: String,
    },
    /// Something else answers.
    #[error(
        "what answers at {address} is no Consul ({reason}); set CONSUL_HTTP_ADDR to one, or run `lyceum up --consul own` to start one on free ports"
    )]
    Foreign {
        /// Where.
        address: Address,
        /// What went wrong.
        reason: String,
    },
    /// The agent says no.
    #[error(
        "the Consul at {address} refuses us ({reason}); set consul.token (LYCEUM_CONSUL__TOKEN or CONSUL_HTTP_TOKEN) to a token with agent, service and node rights"
    )]
    Forbidden {
        /// Where.
        address: Address,
        /// What went wrong.
        reason: String,
    },
    /// It did not come up.
    #[error("Consul did not start: {reason}; its log is {}\n{tail}", log.display())]
    NotStarted {
        /// What went wrong.
        reason: String,
        /// Its log.
        log: PathBuf,
        /// The log's end.
        tail: String,
    },
    /// The settings make no client.
    #[error(transparent)]
    Settings(#[from] consul::Error),
    /// No free ports, or no log file.
    #[error("Consul could not be started: {0}")]
    Io(#[from] io::Error),
}

/// The ports that an agent cannot do without; gossip takes TCP and UDP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ports {
    http: u16,
    server: u16,
    gossip: u16,
}

/// What is at an address.
enum Found {
    Consul { version: String },
    Nothing { reason: String },
    SomethingElse { reason: String },
    Refusal { reason: String },
}

/// Finds the agent to use, or starts one, its log in the folder.
pub(crate) async fn find(choice: Choice, settings: &Settings, logs: &Path) -> Result<Agent, Error> {
    let address = settings.address.clone();
    if choice == Choice::Own {
        return start(None, logs).await;
    }
    match ask(settings).await? {
        Found::Consul { version } => Ok(Agent {
            address,
            version,
            own: None,
            notice: None,
        }),
        Found::Refusal { reason } => Err(Error::Forbidden { address, reason }),
        Found::Nothing { reason } => match local_port(&address) {
            Some(port) => start(Some(port), logs).await,
            None => Err(Error::Silent { address, reason }),
        },
        // Nobody chose the default address, so something else that happens to be there is no mistake.
        Found::SomethingElse { .. } if address == Address::default() => {
            let mut agent = start(None, logs).await?;
            agent.notice = Some(format!(
                "what answers at {address} is no Consul, so this one has other ports"
            ));
            Ok(agent)
        }
        Found::SomethingElse { reason } => Err(Error::Foreign { address, reason }),
    }
}

/// Asks who answers at the address.
async fn ask(settings: &Settings) -> Result<Found, Error> {
    let settings = Settings {
        timeout: ASK_WITHIN,
        ..settings.clone()
    };
    let error = match Client::try_new(&settings)?.agent_self().await {
        Ok(agent) => return Ok(Found::Consul { version: agent.version }),
        Err(error) => error,
    };
    let reason = error.to_string();
    Ok(match (&error, local_port(&settings.address)) {
        (consul::Error::Refused { status, .. }, _) if status.as_u16() == 403 => Found::Refusal { reason },
        (consul::Error::Refused { .. } | consul::Error::Unreadable { .. }, _) => Found::SomethingElse { reason },
        (_, Some(port)) if !ports::is_free(port) => Found::SomethingElse { reason },
        _ => Found::Nothing { reason },
    })
}

/// The port of an address on this machine where an agent could be started.
fn local_port(address: &Address) -> Option<u16> {
    let Address::Http(authority) = address else { return None };
    let (host, port) = authority.rsplit_once(':')?;
    matches!(host, "127.0.0.1" | "localhost").then(|| port.parse().ok())?
}

/// Starts an agent, its HTTP port as asked or any free one.
async fn start(http: Option<u16>, logs: &Path) -> Result<Agent, Error> {
    let (binary, version) = installed()?;
    let log = logs.join("consul.log");
    let mut races = 0;
    loop {
        let ports = Ports::choose(http)?;
        let address = Address::Http(format!("127.0.0.1:{}", ports.http));
        let program = program(&binary, &version, ports, &log)?;
        let mut process = program.start()?;
        let Err(reason) = ready(&address, &mut process).await else {
            return Ok(Agent {
                address,
                version: version.text,
                own: Some((program, process)),
                notice: None,
            });
        };
        process.stop(tokio::time::sleep(STOP_WITHIN)).await;
        let tail = program.log_tail();
        races += 1;
        if races == PORT_RACES || !tail.contains("address already in use") {
            return Err(Error::NotStarted { reason, log, tail });
        }
    }
}

/// Waits until the agent knows a leader: before that it answers, but refuses to read the catalog.
async fn ready(address: &Address, process: &mut Process) -> Result<(), String> {
    let client = Client::try_new(&Settings::new(address.clone())).map_err(|error| error.to_string())?;
    let leader = async {
        loop {
            if let Ok(Some(_)) = client.leader().await {
                return;
            }
            tokio::time::sleep(ASK_EVERY).await;
        }
    };
    tokio::select! {
        () = leader => Ok(()),
        turn = process.turn() => Err(match turn {
            Turn::Ended(how) => format!("it {how}"),
            Turn::Announced(_) => "it is no Consul".to_owned(),
        }),
        () = tokio::time::sleep(START_WITHIN) => Err(format!("it has no leader after {} s", START_WITHIN.as_secs())),
    }
}

fn program(binary: &Path, version: &Version, ports: Ports, log: &Path) -> io::Result<Program> {
    let arguments = [
        "tether".into(),
        std::process::id().to_string().into(),
        "--".into(),
        OsString::from(binary),
        "agent".into(),
        "-dev".into(),
        "-bind=127.0.0.1".into(),
        "-client=127.0.0.1".into(),
        "-log-level=warn".into(),
        format!("-hcl={}", ports.configuration(version)).into(),
    ];
    Ok(Program {
        name: NAME.to_owned(),
        label: NAME.to_owned(),
        path: std::env::current_exe()?,
        arguments: arguments.into(),
        log: log.to_owned(),
        announces: false,
        keeps_address: None,
    })
}

/// The binary on PATH, or the one that `make setup` brought; with its version, which proves that it runs.
fn installed() -> Result<(PathBuf, Version), Error> {
    for path in ["consul", ".tools/bin/consul"].map(PathBuf::from) {
        let output = match Command::new(&path).arg("version").output() {
            Ok(output) => output,
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => {
                return Err(Error::Broken {
                    path,
                    reason: error.to_string(),
                });
            }
        };
        let text = String::from_utf8_lossy(&output.stdout);
        return match Version::parse(&text) {
            Some(version) => Ok((path, version)),
            None => Err(Error::Broken {
                path,
                reason: "`consul version` tells no version".to_owned(),
            }),
        };
    }
    Err(Error::Missing)
}

// === impl Ports ===

impl Ports {
    /// The usual ones where they are free, others where not.
    fn choose(http: Option<u16>) -> io::Result<Self> {
        let free = ports::free(3)?;
        let usual = |wanted: u16, other: u16| if ports::is_free(wanted) { wanted } else { other };
        Ok(match http {
            Some(http) => Self {
                http,
                server: usual(USUAL.0, free[1]),
                gossip: usual(USUAL.1, free[2]),
            },
            None => Self {
                http: free[0],
                server: free[1],
                gossip: free[2],
            },
        })
    }

    /// What is not needed is off: DNS, gRPC, gossip across datacenters, and asking the makers for updates.
    fn configuration(self, version: &Version) -> String {
        let Self { http, server, gossip } = self;
        // Unknown keys are refused, and this one came with 1.14.
        let grpc_tls = if version.at_least(1, 14) { " grpc_tls = -1" } else { "" };
        format!(
            "ports {{ http = {http} https = -1 dns = -1 grpc = -1{grpc_tls} server = {server} serf_lan = {gossip} \
             serf_wan = -1 }} disable_update_check = true"
        )
    }
}

/// A version of Consul, as far as it matters here.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Version {
    text: String,
    major: u32,
    minor: u32,
}

// === impl Version ===

impl Version {
    /// Out of what `consul version` prints: `Consul v1.8.7` in its first line.
    fn parse(printed: &str) -> Option<Self> {
        let text = printed.lines().next()?.trim().strip_prefix("Consul v")?;
        let mut numbers = text.split('.');
        let major = numbers.next()?.parse().ok()?;
        let minor = numbers.next()?.parse().ok()?;
        Some(Self {
            text: text.to_owned(),
            major,
            minor,
        })
    }

    fn at_least(&self, major: u32, minor: u32) -> bool {
        (self.major, self.minor) >= (major, minor)
    }
}

#[cfg(test)]
mod tests;
