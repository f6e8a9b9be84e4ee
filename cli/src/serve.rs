//! `lyceum serve` and `lyceum gateway`: one part of the fabric, until it is told to stop.
//!
//! This is what production runs. Each service in the process has an identity, a port and a registration of its own, as
//! if it ran alone. Stopping drains: callers leave, calls under way finish, the registration goes. Under `lyceum up`
//! (`--supervised`) a process also says where it serves, on standard output, and stops when its supervisor does.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, bail};
use lyceum::Fabric;
use lyceum::configuration::Configuration;
use lyceum::telemetry;
use lyceum_gateway_grpcweb as grpcweb;
use tokio::task::JoinSet;

use crate::arguments::{Gateway, Serve};
use crate::output;
use crate::process::Announcement;
use crate::services::{self, Service};
use crate::stopping::Stop;
use crate::up::GATEWAY;

/// Beyond what draining grants calls under way: to tell Consul, and to end. After that the process ends all the same,
/// because nothing may outlive its supervisor.
const END_WITHIN: Duration = Duration::from_secs(6);

/// `lyceum serve`.
pub(crate) async fn services(arguments: Serve, environment: &[(String, String)]) -> anyhow::Result<()> {
    let services = chosen(&arguments.names)?;
    let configuration = arguments.layers.load(environment)?;
    if services.len() > 1 && configuration.serving.port != 0 {
        bail!(
            "serving.port is {}, and several services cannot share a port: leave it at 0, or run one service a process",
            configuration.serving.port
        );
    }
    let _telemetry = telemetry::install(&configuration.telemetry, &arguments.names.join("+"))?;
    let stop = Stop::listen(arguments.supervision.supervised).context("signals cannot be listened to")?;
    let mut serving = JoinSet::new();
    for service in services {
        let fabric = Fabric::start(configuration.clone(), service.name)?;
        let bound = (service.server)(&fabric)
            .bind()
            .await
            .with_context(|| format!("{} cannot serve: change serving.address or serving.port", service.name))?;
        announce(
            arguments.supervision.supervised,
            service.name,
            bound.id(),
            bound.address(),
        )?;
        serving.spawn(bound.serve(stop.clone().asked()));
    }
    let end = async { while serving.join_next().await.is_some() {} };
    within(&configuration, stop, end).await
}

/// `lyceum gateway`.
pub(crate) async fn gateway(arguments: Gateway, environment: &[(String, String)]) -> anyhow::Result<()> {
    let configuration = arguments.layers.load(environment)?;
    let _telemetry = telemetry::install(&configuration.telemetry, GATEWAY)?;
    let stop = Stop::listen(arguments.supervision.supervised).context("signals cannot be listened to")?;
    let fabric = Fabric::start(configuration.clone(), GATEWAY)?;
    let bound = grpcweb::Gateway::new(&fabric).bind().await?;
    announce(arguments.supervision.supervised, GATEWAY, bound.id(), bound.address())?;
    let end = bound.serve(stop.clone().asked());
    within(&configuration, stop, end).await
}

/// The services of these names, each once.
fn chosen(names: &[String]) -> anyhow::Result<Vec<&'static Service>> {
    let mut chosen: Vec<&Service> = Vec::new();
    for name in names {
        let Some(service) = services::find(name) else {
            bail!("{}", services::unknown(name))
        };
        if chosen.iter().any(|other| other.name == service.name) {
            bail!("{name} is named twice: for more instances start more processes");
        }
        chosen.push(service);
    }
    Ok(chosen)
}

/// Says where an instance serves: a line of JSON for a supervisor, a sentence for a person.
fn announce(supervised: bool, name: &str, id: &str, address: SocketAddr) -> io::Result<()> {
    let line = if supervised {
        let announcement = Announcement {
            name: name.to_owned(),
            id: id.to_owned(),
            address: address.to_string(),
        };
        serde_json::to_string(&announcement)?
    } else {
        format!("{id} serves at {address}")
    };
    output::line(&line)
}

/// Waits for the end that draining takes, and not much longer.
async fn within(configuration: &Configuration, stop: Stop, end: impl Future<Output = ()>) -> anyhow::Result<()> {
    let limit = configuration.serving.drain_notice + configuration.serving.drain_grace + END_WITHIN;
    let too_long = async {
        stop.asked().await;
        tokio::time::sleep(limit).await;
    };
    tokio::select! {
        () = end => Ok(()),
        () = too_long => bail!("not drained within {} s", limit.as_secs()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
    use super::*;

    fn names(names: &[&str]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn services_are_chosen_by_name() {
        let services = chosen(&names(&["writing-analysis", "ai-validator"])).unwrap();
        assert_eq!(
            services.iter().map(|service| service.name).collect::<Vec<_>>(),
            ["writing-analysis", "ai-validator"]
        );
    }

    #[test]
    fn unknown_and_repeated_names_are_refused() {
        let error = |list: &[&str]| chosen(&names(list)).map(drop).unwrap_err().to_string();
        assert!(error(&["grading"]).contains("ai-validator, writing-analysis"));
        assert!(error(&["ai-validator", "ai-validator"]).contains("named twice"));
    }
}
