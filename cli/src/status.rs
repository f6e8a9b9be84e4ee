//! `lyceum status`: every instance of the fabric that Consul knows, and how well it is.
//!
//! It asks Consul alone, so it works wherever Consul does, without a certificate. With `--watch` it stays and shows
//! every change as it comes, through the same watches that clients balance by. When not: how those who call an instance
//! see it, they know themselves, and `--calls` asks them.

mod asking;
mod calls;
mod exposition;
mod standing;

use std::io;
use std::sync::Arc;
use std::time::SystemTime;

use comfy_table::Cell;
use lyceum::consul::{Client, Health};
use lyceum::discovery::{self, Discovery, Instance, Instances, WEIGHT_UNIT};
use serde_json::json;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::arguments::Status;
use crate::directory;
use crate::output;
use crate::stopping::Signals;
use crate::table::{self, Paint};

/// The longest note in a table; JSON has it whole.
const NOTE_CHARACTERS: usize = 60;

/// Shows it once, or every change until a signal.
pub(crate) async fn run(arguments: Status, environment: &[(String, String)]) -> anyhow::Result<()> {
    let configuration = arguments.layers.load(environment)?;
    let settings = directory::settings(&configuration)?;
    let client = Client::try_new(&settings)?;
    if let Some(callee) = &arguments.calls {
        let paint = Paint::new(environment);
        return calls::run(&arguments, callee, &configuration, &client, paint).await;
    }
    let view = View {
        json: arguments.json,
        paint: Paint::new(environment),
        watch: arguments.watch,
    };
    // Also when watching: a Consul that does not answer is told at once.
    let mut instances = Vec::new();
    for name in directory::names(&client).await? {
        instances.extend(directory::instances(&client, &name).await?);
    }
    view.show(&instances)?;
    if arguments.watch {
        let mut signals = Signals::listen()?;
        tokio::select! {
            () = signals.next() => {}
            outcome = follow(client, &view, instances) => outcome?,
        }
    }
    Ok(())
}

/// Shows every change.
async fn follow(client: Client, view: &View, mut shown: Vec<Instance>) -> anyhow::Result<()> {
    let discovery = Discovery::new(client, discovery::Settings::default());
    let mut names = discovery.services();
    loop {
        let watched: Vec<_> = names
            .borrow_and_update()
            .iter()
            .map(|name| discovery.watch(name))
            .collect();
        loop {
            let instances: Vec<Instance> = watched
                .iter()
                .flat_map(|service| service.borrow().list.clone())
                .collect();
            let known = watched.iter().all(|service| service.borrow().is_known());
            if known && instances != shown {
                view.show(&instances)?;
                shown = instances;
            }
            tokio::select! {
                changed = names.changed() => {
                    changed?;
                    break;
                }
                () = any_change(&watched) => {}
            }
        }
    }
}

/// Waits until one of the services changes.
async fn any_change(watched: &[watch::Receiver<Arc<Instances>>]) {
    let mut changes = JoinSet::new();
    for service in watched {
        let mut service = service.clone();
        changes.spawn(async move { service.changed().await });
    }
    if changes.join_next().await.is_none() {
        std::future::pending::<()>().await;
    }
}

/// How to show it.
struct View {
    json: bool,
    paint: Paint,
    watch: bool,
}

// === impl View ===

impl View {
    fn show(&self, instances: &[Instance]) -> io::Result<()> {
        let text = if self.json {
            self.as_json(instances)
        } else {
            self.as_table(instances, SystemTime::now())
        };
        let before = if self.watch && !self.json {
            self.paint.clear()
        } else {
            ""
        };
        output::line(&format!("{before}{text}"))
    }

    fn as_json(&self, instances: &[Instance]) -> String {
        let healthy = instances.iter().all(|instance| instance.health == Health::Passing);
        let instances: Vec<_> = instances
            .iter()
            .map(|instance| {
                json!({
                    "service": instance.service,
                    "id": instance.id,
                    "address": instance.authority(),
                    "node": instance.node,
                    "health": instance.health.as_str(),
                    "draining": instance.maintenance,
                    "note": instance.note,
                    "weight": consul_weight(instance),
                    "version": instance.version,
                    "certificate_expires": instance.meta.get("certificate_expires"),
                    "methods": instance.methods,
                })
            })
            .collect();
        json!({ "passing": healthy, "instances": instances }).to_string()
    }

    fn as_table(&self, instances: &[Instance], now: SystemTime) -> String {
        if instances.is_empty() {
            return "Consul answers, and knows no instance of Lyceum: `lyceum up` or `lyceum serve NAME` starts some."
                .to_owned();
        }
        let headings = [
            "SERVICE",
            "INSTANCE",
            "ADDRESS",
            "HEALTH",
            "WEIGHT",
            "VERSION",
            "CERTIFICATE",
            "NOTE",
        ];
        let mut table = self.paint.table(&headings);
        for instance in instances {
            let word = if instance.maintenance {
                "draining"
            } else {
                instance.health.as_str()
            };
            table.add_row([
                Cell::new(&instance.service),
                Cell::new(&instance.id),
                Cell::new(instance.authority()),
                self.paint.health(instance.health, word),
                Cell::new(consul_weight(instance)),
                Cell::new(&instance.version),
                Cell::new(
                    instance
                        .certificate_expires
                        .map(|at| expiry(at, now))
                        .unwrap_or_default(),
                ),
                self.paint.faint(&shortened(&instance.note)),
            ]);
        }
        table::lines(&table)
    }
}

/// In Consul's own unit.
fn consul_weight(instance: &Instance) -> f64 {
    f64::from(instance.weight) / f64::from(WEIGHT_UNIT)
}

/// `in 23 h`, `expired`.
fn expiry(at: SystemTime, now: SystemTime) -> String {
    const HOUR: u64 = 3_600;
    match at.duration_since(now).map(|left| left.as_secs()) {
        Err(_) => "expired".to_owned(),
        Ok(seconds @ 0..120) => format!("in {seconds} s"),
        Ok(seconds) if seconds < 2 * HOUR => format!("in {} min", seconds / 60),
        Ok(seconds) if seconds < 48 * HOUR => format!("in {} h", seconds / HOUR),
        Ok(seconds) => format!("in {} days", seconds / (24 * HOUR)),
    }
}

/// On one line, and not too long.
fn shortened(note: &str) -> String {
    let line = note.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= NOTE_CHARACTERS {
        return line;
    }
    let start: String = line.chars().take(NOTE_CHARACTERS - 1).collect();
    format!("{start}…")
}

#[cfg(test)]
mod tests;
