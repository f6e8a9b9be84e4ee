//! `lyceum status --calls`: how each process sees those it calls.
//!
//! There is no place where all of this comes together, because every process balances its own calls. So Consul is asked
//! who runs, and each process for its metrics. One that does not answer is shown with the reason, as that may be what an
//! operator looks for. When not: what an instance says of itself is the other half, `lyceum status`.

use std::time::Duration;

use comfy_table::{Cell, CellAlignment};
use futures_util::{StreamExt as _, stream};
use lyceum::configuration::Configuration;
use lyceum::consul::{Client, Health};
use lyceum::discovery::Instance;
use serde::Serialize;
use tokio::time::{MissedTickBehavior, interval};

use super::asking::Asking;
use super::standing::{self, Callee, Endpoint};
use crate::arguments::Status;
use crate::directory;
use crate::output;
use crate::stopping::Signals;
use crate::table::{self, Paint};

/// Of every service, as the option's value; no service is called so.
const ANY: &str = "*";

/// Between two looks of `--watch`.
const LOOK: Duration = Duration::from_secs(1);

/// How many processes are asked at a time.
const AT_ONCE: usize = 32;

/// What everybody says.
#[derive(Debug, PartialEq, Serialize)]
struct Picture {
    callers: Vec<Caller>,
}

/// A process that may call others.
#[derive(Debug, PartialEq, Serialize)]
struct Caller {
    service: String,
    id: String,
    address: String,
    /// Why it could not be asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
    callees: Vec<Callee>,
}

/// Shows it once, or every difference until a signal.
pub(super) async fn run(
    arguments: &Status,
    callee: &str,
    configuration: &Configuration,
    client: &Client,
    paint: Paint,
) -> anyhow::Result<()> {
    let asking = Asking::try_new(configuration, &arguments.name)?;
    let callee = (callee != ANY).then_some(callee);
    let view = View { paint, callee };
    let mut shown = None;
    let follow = async {
        let mut looks = interval(LOOK);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            looks.tick().await;
            let picture = look(client, &asking, callee).await?;
            if shown.as_ref() != Some(&picture) {
                let text = if arguments.json {
                    serde_json::to_string(&picture)?
                } else {
                    view.text(&picture)
                };
                let clear = arguments.watch && !arguments.json;
                output::line(&format!("{}{text}", if clear { paint.clear() } else { "" }))?;
            }
            if !arguments.watch {
                return Ok(());
            }
            shown = Some(picture);
        }
    };
    if !arguments.watch {
        return follow.await;
    }
    let mut signals = Signals::listen()?;
    tokio::select! {
        () = signals.next() => Ok(()),
        outcome = follow => outcome,
    }
}

/// Asks everybody whom Consul knows.
async fn look(client: &Client, asking: &Asking, callee: Option<&str>) -> anyhow::Result<Picture> {
    let mut instances = Vec::new();
    for name in directory::names(client).await? {
        instances.extend(directory::instances(client, &name).await?);
    }
    let callers = stream::iter(&instances)
        .map(|instance| ask(asking, instance, callee))
        .buffered(AT_ONCE)
        .collect()
        .await;
    Ok(Picture { callers })
}

async fn ask(asking: &Asking, instance: &Instance, callee: Option<&str>) -> Caller {
    let told = asking.metrics(instance).await;
    let read = told.and_then(|text| standing::read(&text).map_err(|error| error.to_string()));
    let (mut callees, error) = match read {
        Ok(callees) => (callees, None),
        Err(error) => (Vec::new(), Some(error)),
    };
    callees.retain(|known| callee.is_none_or(|wanted| known.service == wanted));
    Caller {
        service: instance.service.clone(),
        id: instance.id.clone(),
        address: instance.authority(),
        error,
        callees,
    }
}

/// How people read it.
struct View<'a> {
    paint: Paint,
    callee: Option<&'a str>,
}

// === impl View ===

impl View<'_> {
    fn text(&self, picture: &Picture) -> String {
        let mut parts: Vec<String> = picture
            .callers
            .iter()
            .flat_map(|caller| caller.callees.iter().map(|callee| self.pair(&caller.id, callee)))
            .collect();
        let silent: Vec<_> = picture.callers.iter().filter(|caller| caller.error.is_some()).collect();
        if parts.is_empty() && silent.is_empty() {
            return match (self.callee, picture.callers.is_empty()) {
                (_, true) => "Consul answers, and knows no instance of Lyceum: `lyceum up` starts some.".to_owned(),
                (Some(callee), _) => format!("No process has called {callee} yet."),
                (None, _) => "No process has called another yet.".to_owned(),
            };
        }
        if !silent.is_empty() {
            let mut table = self.paint.table(&["NOT REACHED", "ADDRESS", "WHY"]);
            for caller in silent {
                table.add_row([
                    Cell::new(&caller.id),
                    Cell::new(&caller.address),
                    self.paint
                        .health(Health::Critical, caller.error.as_deref().unwrap_or_default()),
                ]);
            }
            parts.push(table::lines(&table));
        }
        parts.join("\n\n")
    }

    /// One process and one callee.
    fn pair(&self, caller: &str, callee: &Callee) -> String {
        let mut text = format!("{}\n", self.paint.bold(&format!("{caller} → {}", callee.service)));
        if callee.instances.is_empty() {
            text.push_str(" no instance is registered\n");
        } else {
            text.push_str(&self.instances(callee));
            text.push('\n');
        }
        let mut notes = self.paint.table(&[]);
        for breaker in callee.breakers.iter().filter(|breaker| breaker.state != "closed") {
            let health = if breaker.state == "open" {
                Health::Critical
            } else {
                Health::Warning
            };
            notes.add_row([
                self.paint.faint("breaker"),
                self.paint
                    .health(health, &format!("{}: {}", breaker.state, breaker.method)),
            ]);
        }
        let budget = &callee.budget;
        let health = if budget.spent < budget.allowed || budget.spent == 0 {
            Health::Passing
        } else {
            Health::Warning
        };
        notes.add_row([
            self.paint.faint("budget"),
            self.paint.health(
                health,
                &format!("{} of {} retries and hedges spent", budget.spent, budget.allowed),
            ),
        ]);
        let counts: Vec<_> = callee
            .counts
            .iter()
            .filter(|(_, count)| **count > 0)
            .map(|(name, count)| format!("{} {count}", name.replace('_', " ")))
            .collect();
        if !counts.is_empty() {
            notes.add_row([self.paint.faint("counted"), self.paint.faint(&counts.join(", "))]);
        }
        text.push_str(&table::lines(&notes));
        text
    }

    fn instances(&self, callee: &Callee) -> String {
        let mut table = self.paint.table(&[
            "INSTANCE",
            "STATE",
            "WEIGHT",
            "EWMA",
            "IN FLIGHT",
            "STREAMS",
            "FAILING",
            "LOAD",
            "EJECTED",
        ]);
        for column in table.column_iter_mut().skip(2) {
            column.set_cell_alignment(CellAlignment::Right);
        }
        for endpoint in callee.instances.values() {
            let (health, word) = state(endpoint);
            table.add_row([
                Cell::new(&endpoint.id),
                self.paint.health(health, word),
                Cell::new(endpoint.weight),
                Cell::new(latency(endpoint.ewma_ms)),
                Cell::new(endpoint.in_flight),
                Cell::new(endpoint.streams),
                Cell::new(percent(endpoint.failing)),
                Cell::new(percent(endpoint.utilization)),
                Cell::new(times(endpoint.ejections)),
            ]);
        }
        table::lines(&table)
    }
}

/// Whether calls go there, and if not, why.
fn state(endpoint: &Endpoint) -> (Health, &'static str) {
    if endpoint.ejected {
        (Health::Critical, "ejected")
    } else if endpoint.weight <= 0.0 {
        (Health::Critical, "out")
    } else if endpoint.connected {
        (Health::Passing, "ready")
    } else {
        (Health::Warning, "no connection")
    }
}

/// A dash before the first answer.
fn latency(ms: f64) -> String {
    if ms <= 0.0 {
        "–".to_owned()
    } else if ms < 10.0 {
        format!("{ms:.1} ms")
    } else {
        format!("{ms:.0} ms")
    }
}

fn percent(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

fn times(count: u64) -> String {
    match count {
        0 => "–".to_owned(),
        count => format!("{count} ×"),
    }
}

#[cfg(test)]
mod tests;
