//! What can be said on the command line, and how it becomes a configuration.
//!
//! Every command takes the same layers (`--config`, `--data`, `--set`), because every role of the binary reads the same
//! configuration; `lyceum config show` shows what they add up to. Help texts teach by example. When not: what a
//! deployment sets once belongs into its file or its environment, not into flags.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use lyceum::configuration::{Configuration, Errors};

use crate::{agent, key, services, token};

/// The command line.
#[derive(Debug, Parser)]
#[command(
    name = "lyceum",
    version,
    about = "A gRPC service fabric for education",
    long_about = "A gRPC service fabric for education.\n\n\
        `lyceum up` runs the whole fabric on this machine; the other commands look at it, call it, or run one part of \
        it in production.",
    after_help = "Examples:\n  \
        lyceum up                                   everything, then how to call it\n  \
        lyceum up --replicas writing-analysis=3     three instances of one service\n  \
        lyceum status --watch                       who is registered, and how well they are\n  \
        lyceum status --calls                       how each process sees the instances that it calls\n  \
        lyceum certificates operator                a certificate for grpcurl and buf curl\n  \
        lyceum policy show writing-analysis         how a service is called, and where each value comes from\n  \
        lyceum token --role educator                a token for the gateway of `lyceum up`\n  \
        lyceum key create grading-bot --scope '*'   an API key for a program\n  \
        lyceum config show                          what all layers of configuration add up to",
    subcommand_required = true,
    arg_required_else_help = true
)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run the whole fabric on this machine: Consul, every service, the gateway and its page
    ///
    /// Consul is the one at CONSUL_HTTP_ADDR (127.0.0.1:8500), or `consul agent -dev` where none answers. Each service
    /// and the gateway is a process of its own, started again when it dies; its log is in data/logs. Ctrl-C drains and
    /// deregisters everything and leaves no process behind.
    Up(Up),
    /// Run services: what production runs, one or more in a process
    Serve(Serve),
    /// Run the gateway: grpc-web for browsers, and the page
    Gateway(Gateway),
    /// Show every instance that Consul knows, and how well it is; or how those who call it see it
    Status(Status),
    /// Make certificates
    #[command(subcommand, arg_required_else_help = true)]
    Certificates(Certificates),
    /// Look at and change how services are called and serve, while everything runs
    ///
    /// A service's policy is one TOML document in Consul, at lyceum/policies/SERVICE, above the configuration's [policy]
    /// and the defaults. Every process takes a change over by itself, within a second or so. docs/resilience.md lists the
    /// keys.
    #[command(subcommand, arg_required_else_help = true)]
    Policy(Policy),
    /// Print a token for trying the gateway of `lyceum up`
    Token(token::Token),
    /// Make, list, rotate and revoke API keys, while everything runs
    ///
    /// A key lets a program outside the mesh call the methods of its scope through the gateway. It is in Consul, without
    /// its secret; every gateway takes a change over within a second or so.
    #[command(subcommand, arg_required_else_help = true)]
    Key(key::Command),
    /// Check or show the configuration
    #[command(subcommand, arg_required_else_help = true)]
    Config(Config),
    /// Run a program that ends with its parent
    #[command(hide = true)]
    Tether(Tether),
}

/// The layers above the defaults.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Configuration")]
pub(crate) struct Layers {
    /// Read this TOML file above the defaults
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Keep certificates and logs in this folder (default: data)
    #[arg(long, value_name = "DIR")]
    pub(crate) data: Option<PathBuf>,
    /// Set one key above the file and the environment; may be repeated
    ///
    /// As in `--set telemetry.log=debug`. `lyceum config show` lists the keys. The same key in the environment is
    /// LYCEUM_TELEMETRY__LOG.
    #[arg(long, value_name = "SECTION.KEY=VALUE")]
    pub(crate) set: Vec<String>,
}

/// `lyceum up`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
        lyceum up\n  \
        lyceum up --replicas writing-analysis=3 --replicas ai-validator=2\n  \
        lyceum up --consul own --gateway-port 0 --data /tmp/second     beside another `lyceum up`\n  \
        lyceum up --json >up.jsonl &                                   for scripts: one object a line")]
pub(crate) struct Up {
    /// Run that many instances of a service (default: 1 of each)
    #[arg(long, value_name = "SERVICE=N", value_parser = replicas)]
    pub(crate) replicas: Vec<(String, usize)>,
    /// The gateway's port on 127.0.0.1; 0 takes a free one (default: of gateway.address, 8080)
    #[arg(long, value_name = "PORT")]
    pub(crate) gateway_port: Option<u16>,
    /// Whether to look for a Consul agent first
    #[arg(long, value_enum, default_value_t, value_name = "WHICH")]
    pub(crate) consul: agent::Choice,
    /// Print JSON, one object a line: first everything that runs, once it is healthy, then events
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) layers: Layers,
}

/// `lyceum serve`.
#[derive(Debug, Args)]
#[command(after_help = format!(
    "Services: {}\n\nExamples:\n  \
        lyceum serve writing-analysis\n  \
        lyceum serve writing-analysis ai-validator --config /etc/lyceum.toml\n  \
        LYCEUM_SERVING__ADDRESS=10.0.0.7 lyceum serve ai-validator",
    services::names()
))]
pub(crate) struct Serve {
    /// The services; each listens on a port of its own
    #[arg(required = true, value_name = "NAME")]
    pub(crate) names: Vec<String>,
    #[command(flatten)]
    pub(crate) supervision: Supervision,
    #[command(flatten)]
    pub(crate) layers: Layers,
}

/// `lyceum gateway`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    lyceum gateway\n  \
    lyceum gateway --set gateway.address=127.0.0.1:9090 --set gateway.origins=https://school.example")]
pub(crate) struct Gateway {
    #[command(flatten)]
    pub(crate) supervision: Supervision,
    #[command(flatten)]
    pub(crate) layers: Layers,
}

/// Whether a supervisor started this process.
#[derive(Clone, Copy, Debug, Default, Args)]
pub(crate) struct Supervision {
    /// Announce instances as JSON on standard output, and drain when standard input closes
    #[arg(long, hide = true)]
    pub(crate) supervised: bool,
}

/// `lyceum status`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    lyceum status\n  \
    lyceum status --watch\n  \
    lyceum status --calls                        how each process sees the instances that it calls\n  \
    lyceum status --calls writing-analysis --watch\n  \
    lyceum status --json | jq '.instances[] | select(.health != \"passing\")'\n  \
    lyceum status --calls --json | jq '.callers[].callees[]?.instances[] | select(.ejected)'\n\n\
    docs/operating.md tells how to read it, and what to do.")]
pub(crate) struct Status {
    /// Show the callers' view instead: for each process that calls SERVICE (default: any), what its balancer knows of
    /// every instance, its breakers that are not closed, and its retry budget
    ///
    /// The gateway is asked over HTTP, every other process over mutual TLS as an operator, for its metrics. EWMA: the
    /// latency that calls are balanced by. FAILING: the moving share of failures. LOAD: calls under way at the instance
    /// of those it takes on, as it says itself. EJECTED: how often it got no calls for a while because it failed. A
    /// process that does not answer is listed with the reason.
    #[arg(long, value_name = "SERVICE", num_args = 0..=1, default_missing_value = "*")]
    pub(crate) calls: Option<String>,
    /// With --calls: whose certificate to ask with
    #[arg(long, default_value = "operator", value_name = "NAME", requires = "calls")]
    pub(crate) name: String,
    /// Print JSON: one object, and with --watch one a change
    #[arg(long)]
    pub(crate) json: bool,
    /// Stay, and show every change; with --calls, which looks each second, every difference
    #[arg(long)]
    pub(crate) watch: bool,
    #[command(flatten)]
    pub(crate) layers: Layers,
}

/// `lyceum certificates`.
#[derive(Debug, Subcommand)]
pub(crate) enum Certificates {
    /// Write a client certificate for a person, and print the commands that use it
    Operator(Operator),
}

/// `lyceum certificates operator`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    lyceum certificates operator\n  \
    lyceum certificates operator --name ada --out ~/.lyceum")]
pub(crate) struct Operator {
    /// The folder to write to (default: DATA/operator)
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Whose certificate: what servers know the caller as
    #[arg(long, default_value = "operator", value_name = "NAME")]
    pub(crate) name: String,
    #[command(flatten)]
    pub(crate) layers: Layers,
}

/// `lyceum policy`.
#[derive(Debug, Subcommand)]
pub(crate) enum Policy {
    /// Show what holds for a service, and where each value comes from
    Show(ShowPolicy),
    /// Check a document, and put it into Consul
    Set(SetPolicy),
    /// Say everything that is wrong with a document
    Check(CheckPolicy),
    /// Take a service's document out of Consul: what the configuration says holds again
    Unset(UnsetPolicy),
}

/// `lyceum policy show`.
#[derive(Debug, Args)]
#[command(
    after_help = "The output is itself a document: change it and give it to `lyceum policy set`. What stays away \
    is the default, or what the configuration says.\n\n\
    Examples:\n  \
    lyceum policy show writing-analysis\n  \
    lyceum policy show writing-analysis --document     the document alone, as it was set\n  \
    lyceum policy show writing-analysis --json | jq '.settings[] | select(.origin == \"consul\")'"
)]
pub(crate) struct ShowPolicy {
    /// The service's name in Consul
    #[arg(value_name = "SERVICE")]
    pub(crate) service: String,
    /// Print the document in Consul as it was set, even one with mistakes
    #[arg(long, conflicts_with = "json")]
    pub(crate) document: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) layers: Layers,
}

/// `lyceum policy set`.
#[derive(Debug, Args)]
#[command(after_help = "A document has what shall be otherwise, and nothing else:\n\n  \
    [call]\n  \
    deadline = \"5s\"\n  \
    attempts = 2\n\n  \
    [methods.EvaluateReflection]\n  \
    hedge = true\n\n  \
    [balancing.ejection]\n  \
    failures = 3\n\n\
    Examples:\n  \
    lyceum policy set writing-analysis policy.toml\n  \
    echo 'call.attempts = 1' | lyceum policy set writing-analysis -\n  \
    lyceum policy set writing-analysis policy.toml --index 57     only over the one that was looked at")]
pub(crate) struct SetPolicy {
    /// The service's name in Consul
    #[arg(value_name = "SERVICE")]
    pub(crate) service: String,
    /// The document, a TOML file; - reads standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Only if the document in Consul still has this index, which `lyceum policy show --json` tells; 0: only if there is
    /// none (default: if nobody changes it at the same moment)
    #[arg(long, value_name = "INDEX")]
    pub(crate) index: Option<u64>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) layers: Layers,
}

/// `lyceum policy check`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    lyceum policy check policy.toml\n  \
    lyceum policy check policy.toml --service writing-analysis     also its methods' names\n  \
    lyceum policy check - --json <policy.toml")]
pub(crate) struct CheckPolicy {
    /// The document, a TOML file; - reads standard input
    #[arg(value_name = "FILE")]
    pub(crate) file: PathBuf,
    /// Whose document it is to be: the names of methods are checked too
    #[arg(long, value_name = "SERVICE")]
    pub(crate) service: Option<String>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) layers: Layers,
}

/// `lyceum policy unset`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    lyceum policy unset writing-analysis")]
pub(crate) struct UnsetPolicy {
    /// The service's name in Consul
    #[arg(value_name = "SERVICE")]
    pub(crate) service: String,
    #[command(flatten)]
    pub(crate) layers: Layers,
}

/// `lyceum config`.
#[derive(Debug, Subcommand)]
pub(crate) enum Config {
    /// Say everything that is wrong with the configuration
    Check(Inspect),
    /// Show what all layers add up to, without secrets
    Show(Inspect),
}

/// `lyceum config check` and `show`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  \
    lyceum config check --config lyceum.toml\n  \
    lyceum config show --set gateway.address=127.0.0.1:9090\n  \
    lyceum config show --json | jq .registration")]
pub(crate) struct Inspect {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
    #[command(flatten)]
    pub(crate) layers: Layers,
}

/// `lyceum tether`.
#[derive(Debug, Args)]
pub(crate) struct Tether {
    /// The process id of the parent
    pub(crate) parent: u32,
    /// The program and its arguments
    #[arg(required = true, last = true)]
    pub(crate) program: Vec<OsString>,
}

/// `writing-analysis=3`.
fn replicas(text: &str) -> Result<(String, usize), String> {
    const MOST: usize = 64;
    let (name, count) = text
        .split_once('=')
        .ok_or("write SERVICE=N, as in writing-analysis=3")?;
    if services::find(name).is_none() {
        return Err(services::unknown(name));
    }
    match count.parse() {
        Ok(count @ 0..=MOST) => Ok((name.to_owned(), count)),
        _ => Err(format!(
            "{count:?} is no number of instances: write one from 0 to {MOST}"
        )),
    }
}

// === impl Layers ===

impl Layers {
    /// The configuration that these layers and the environment add up to.
    pub(crate) fn load(&self, environment: &[(String, String)]) -> Result<Configuration, Errors> {
        Configuration::load(self.config.as_deref(), environment.iter().cloned(), &self.flags())
    }

    fn flags(&self) -> Vec<String> {
        let data = self.data.iter().map(|data| format!("data={}", data.display()));
        data.chain(self.set.iter().cloned()).collect()
    }

    /// The same layers as arguments for a child, and these settings above them.
    pub(crate) fn for_child(&self, above: &[String]) -> Vec<OsString> {
        let mut arguments = Vec::new();
        if let Some(config) = &self.config {
            arguments.extend(["--config".into(), config.clone().into_os_string()]);
        }
        if let Some(data) = &self.data {
            arguments.extend(["--data".into(), data.clone().into_os_string()]);
        }
        for setting in self.set.iter().chain(above) {
            arguments.extend(["--set".into(), setting.into()]);
        }
        arguments
    }
}

#[cfg(test)]
mod tests;
