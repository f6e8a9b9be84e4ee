//! `lyceum up`: the whole fabric on one machine, from nothing to a page, and back to nothing.
//!
//! **What.** A Consul agent ([`crate::agent`]), every service and the gateway as processes of their own
//! ([`crate::supervisor`]), an operator's certificate, and then a loop: what dies is taken out of Consul at once and
//! started again, what comes back is told, and a signal ends it all in order (gateway, services, Consul), so that calls
//! under way finish and no process and no registration stays.
//!
//! **Why processes.** They are what production runs, so killing one here shows what happens there. **When not.** On
//! several machines an orchestrator runs `lyceum serve` and `lyceum gateway`, beside a Consul cluster.

mod edge;
mod fleet;
mod report;

use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use anyhow::{Context as _, bail};
use lyceum::configuration::{Configuration, IdentitySource};
use lyceum::consul::{Client, Health};
use tokio::time::{Instant, MissedTickBehavior, interval, interval_at};

use crate::agent::{self, Agent};
use crate::arguments::{Layers, Up};
use crate::folder::Folder;
use crate::operator::Operator;
use crate::process::Program;
use crate::stopping::Signals;
use crate::supervisor::Supervisor;
use crate::table::Paint;
use crate::{directory, services};
use fleet::{Fleet, Role};
use report::Report;

/// The gateway's name, in Consul and in tables.
pub(crate) const GATEWAY: &str = "gateway";

/// How often Consul is asked whether what announced itself is passing; only while something is not.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Everything is healthy within seconds; a machine so busy that it takes longer than this is better told.
const HEALTHY_WITHIN: Duration = Duration::from_secs(60);

/// Beyond what a process grants its calls under way: to deregister and end.
const LEAVE_WITHIN: Duration = Duration::from_secs(5);

/// Runs until a signal.
pub(crate) async fn run(arguments: Up, environment: &[(String, String)]) -> anyhow::Result<()> {
    let begun = Instant::now();
    let configuration = arguments.layers.load(environment)?;
    if configuration.identity.source == IdentitySource::Files {
        bail!(
            "identity.source = \"files\" names one process's certificate, and `lyceum up` runs several: leave it at \
             \"development\" here, and use the files with `lyceum serve` and `lyceum gateway`"
        );
    }
    let gateway = gateway_address(&configuration, arguments.gateway_port)?;
    let mut signals = Signals::listen().context("signals cannot be listened to")?;
    let folder = Folder::claim(&configuration.data)?;
    let operator = Operator::issue(&configuration, &configuration.data.join("operator"), "operator")?;
    let mut report = Report::new(arguments.json, Paint::new(environment), begun);

    let settings = directory::settings(&configuration)?;
    let agent = tokio::select! {
        agent = agent::find(arguments.consul, &settings, &folder.logs) => agent?,
        () = signals.next() => return Ok(()),
    };
    report.agent(&agent);
    let client = Client::try_new(&directory::settings_at(&settings, agent.address.clone()))?;
    if agent.own.is_none()
        && let Some(others) = already_there(&client).await
    {
        report.notice(&format!(
            "this Consul already knows {others}. They must share the authority in {}, or calls between them fail; \
             `lyceum up --consul own` keeps a fabric to itself",
            configuration.data.join("identity").display()
        ));
    }

    let mut supervisor = Supervisor::new();
    let mut fleet = Fleet::new(client, configuration.clone());
    let programs = programs(&arguments, environment, &agent, gateway, &folder)?;
    let address = agent.address.to_string();
    if let Some((program, process)) = agent.own {
        fleet.add(Role::Consul, &program, supervisor.keep(program.clone(), Some(process)));
        fleet.consul_at(&address);
    }
    for (role, program) in programs {
        fleet.add(role, &program, supervisor.keep(program.clone(), None));
    }

    let mut look = interval(LOOK_EVERY);
    look.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let half_life = configuration.identity.lifetime / 2;
    let mut renewal = interval_at(begun + half_life, half_life);
    let outcome = loop {
        let news = tokio::select! {
            () = signals.next() => break Ok(()),
            event = supervisor.event() => fleet.apply(event),
            _ = look.tick(), if fleet.is_waiting() => fleet.look().await,
            _ = renewal.tick() => {
                if let Err(error) = operator.renew(&configuration) {
                    report.trouble(&format!("the operator's certificate was not renewed: {error}"));
                }
                Vec::new()
            }
        };
        if report.is_up() {
            report.news(&news);
            continue;
        }
        report.progress(&news);
        if fleet.is_healthy() {
            report.up(&fleet, &operator, &address);
        } else if let Some(slot) = fleet.hopeless() {
            let program = supervisor.program(slot);
            break Err(anyhow::anyhow!(
                "{} does not start; the end of its log, {}:\n{}",
                program.name,
                program.log.display(),
                program.log_tail()
            ));
        } else if begun.elapsed() > HEALTHY_WITHIN {
            break Err(anyhow::anyhow!(
                "not healthy after {} s: {}; their logs are in {}",
                HEALTHY_WITHIN.as_secs(),
                fleet.waiting_for().join(", "),
                folder.logs.display()
            ));
        }
    };
    let grace = configuration.serving.drain_notice + configuration.serving.drain_grace + LEAVE_WITHIN;
    let left = stop(supervisor, &mut fleet, &mut signals, &mut report, grace).await;
    outcome.and(left)
}

/// Instances of the fabric that somebody else runs, in words.
async fn already_there(client: &Client) -> Option<String> {
    let mut ids = Vec::new();
    for name in directory::names(client).await.ok()? {
        let instances = directory::instances(client, &name).await.ok()?;
        ids.extend(
            instances
                .into_iter()
                .filter(|one| one.health < Health::Critical)
                .map(|one| one.id),
        );
    }
    (!ids.is_empty()).then(|| ids.join(", "))
}

/// Where the gateway is to listen, which must be free.
fn gateway_address(configuration: &Configuration, port: Option<u16>) -> anyhow::Result<SocketAddr> {
    let mut address = configuration.gateway.address;
    if let Some(port) = port {
        address.set_port(port);
    }
    match TcpListener::bind(address) {
        Ok(_) => Ok(address),
        Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => bail!(
            "the gateway's port {} is taken, perhaps by another `lyceum up`: choose another with --gateway-port N, or \
             --gateway-port 0 for any free one",
            address.port()
        ),
        Err(error) => Err(error).with_context(|| {
            format!("the gateway cannot listen on {address}: change gateway.address or --gateway-port")
        }),
    }
}

/// Everything to run beside Consul.
fn programs(
    arguments: &Up,
    environment: &[(String, String)],
    agent: &Agent,
    gateway: SocketAddr,
    folder: &Folder,
) -> anyhow::Result<Vec<(Role, Program)>> {
    let path = std::env::current_exe().context("this program does not know where it is")?;
    let consul = format!("consul.address={}", agent.address);
    let program = |name: &str, label: String, command: &[&str], settings: &[String]| Program {
        name: name.to_owned(),
        path: path.clone(),
        arguments: command
            .iter()
            .map(Into::into)
            .chain(["--supervised".into()])
            .chain(Layers::for_child(&arguments.layers, settings))
            .collect(),
        log: folder.logs.join(format!("{label}.log")),
        label,
        announces: true,
        keeps_address: None,
    };
    let mut programs = Vec::new();
    for service in services::SERVICES {
        // The last word counts, as with every other flag.
        let replicas = arguments
            .replicas
            .iter()
            .rev()
            .find(|(name, _)| name == service.name)
            .map_or(1, |(_, n)| *n);
        // Instances share a machine, so each takes a free port.
        let settings = [consul.clone(), "serving.port=0".to_owned()];
        for replica in 1..=replicas {
            let label = format!("{}-{replica}", service.name);
            programs.push((
                Role::Service,
                program(service.name, label, &["serve", service.name], &settings),
            ));
        }
    }
    let mut settings = vec![consul, format!("gateway.address={gateway}")];
    // Whoever can reach it is on this machine; and the page has somebody to be at once.
    if gateway.ip().is_loopback() && !decides_development(arguments, environment) {
        settings.push("gateway.authentication.development=true".to_owned());
    }
    let mut gateway = program(GATEWAY, GATEWAY.to_owned(), &["gateway"], &settings);
    // The page stays where it was opened.
    gateway.keeps_address = Some("gateway.address");
    programs.push((Role::Gateway, gateway));
    Ok(programs)
}

/// Whether somebody said if the gateway is to be one for development.
fn decides_development(arguments: &Up, environment: &[(String, String)]) -> bool {
    let flag = |setting: &String| setting.starts_with("gateway.authentication.development=");
    let variable = |(name, _): &(String, String)| name == "LYCEUM_GATEWAY__AUTHENTICATION__DEVELOPMENT";
    arguments.layers.set.iter().any(flag) || environment.iter().any(variable)
}

/// Ends everything: the gateway first, so that nothing new comes in; Consul last, so that all can deregister.
async fn stop(
    mut supervisor: Supervisor,
    fleet: &mut Fleet,
    signals: &mut Signals,
    report: &mut Report,
    grace: Duration,
) -> anyhow::Result<()> {
    report.stopping();
    let mut killed = Vec::new();
    let mut hurry = false;
    for role in [Role::Gateway, Role::Service, Role::Consul] {
        let patience = async {
            if hurry {
                return;
            }
            tokio::select! {
                () = signals.next() => hurry = true,
                () = tokio::time::sleep(grace) => {}
            }
        };
        let late = supervisor.stop(fleet.slots(role), patience).await;
        killed.extend(late.into_iter().map(|slot| supervisor.program(slot).label.clone()));
        if role == Role::Service {
            // What was killed could not do it itself. A Consul of our own goes with everything that it knows.
            fleet.deregister_all().await;
        }
    }
    report.stopped();
    if killed.is_empty() {
        Ok(())
    } else {
        bail!("{} did not stop in time and had to be killed", killed.join(", "))
    }
}
