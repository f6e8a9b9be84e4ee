//! What `lyceum up` says: progress, then what runs where and how to call it, then what happens.
//!
//! For people on standard output; with `--json` one object a line, the first when everything is healthy.

use comfy_table::Cell;
use lyceum::consul::Health;
use serde_json::json;
use tokio::time::Instant;

use super::fleet::{Fleet, Member, News, Role};
use crate::agent::Agent;
use crate::operator::Operator;
use crate::output;
use crate::services;
use crate::table::{self, Paint};

/// What is said, and how.
pub(super) struct Report {
    json: bool,
    paint: Paint,
    begun: Instant,
    is_up: bool,
}

// === impl Report ===

impl Report {
    pub(super) fn new(json: bool, paint: Paint, begun: Instant) -> Self {
        Self {
            json,
            paint,
            begun,
            is_up: false,
        }
    }

    /// Whether everything has been healthy once.
    pub(super) fn is_up(&self) -> bool {
        self.is_up
    }

    /// Which Consul it is.
    pub(super) fn agent(&self, agent: &Agent) {
        let how = if agent.own.is_some() { "started" } else { "found" };
        self.step(&format!("Consul {} {how} at {}", agent.version, agent.address));
        if let Some(notice) = &agent.notice {
            self.notice(notice);
        }
    }

    /// What a person should know; programs get nothing before the first object.
    pub(super) fn notice(&self, text: &str) {
        if self.json {
            eprintln!("lyceum: {text}");
        } else {
            self.step(&format!("note: {text}"));
        }
    }

    /// What happened while starting.
    pub(super) fn progress(&self, news: &[News]) {
        for news in news {
            match news {
                News::Healthy { member } => {
                    self.step(&format!("{} serves at {}", member.id(), member.address()));
                }
                News::Died { member, how, .. } => {
                    self.step(&format!("{} {how}; starting it again", member.id()));
                }
            }
        }
    }

    fn step(&self, text: &str) {
        if !self.json {
            say(&format!("{:>5.1} s  {text}", self.begun.elapsed().as_secs_f64()));
        }
    }

    /// What went wrong without ending anything.
    pub(super) fn trouble(&self, text: &str) {
        if self.json {
            say(&json!({ "event": "trouble", "message": text }).to_string());
        } else {
            say(text);
        }
    }

    /// Everything is healthy: what runs where, and how to call it.
    pub(super) fn up(&mut self, fleet: &Fleet, operator: &Operator, consul: &str) {
        self.is_up = true;
        let gateway = fleet.gateway().map(|address| address.to_string()).unwrap_or_default();
        let page = format!("{}://{gateway}/", fleet.scheme());
        let consul_ui = format!("{consul}/ui/");
        if self.json {
            let processes: Vec<_> = fleet.members().iter().map(described).collect();
            let operator = operator.absolute();
            return say(&json!({
                "page": page,
                "gateway": gateway,
                "consul": consul,
                "consul_ui": consul_ui,
                "operator": {
                    "certificate": operator.certificate,
                    "key": operator.key,
                    "roots": operator.roots,
                },
                "processes": processes,
            })
            .to_string());
        }
        let mut table = self.paint.table(&["SERVICE", "INSTANCE", "ADDRESS", "PID", "HEALTH"]);
        for member in fleet.members() {
            let health = member.health.unwrap_or(Health::Critical);
            table.add_row([
                Cell::new(&member.name),
                Cell::new(member.id()),
                Cell::new(member.address()),
                Cell::new(member.pid),
                self.paint.health(health, health.as_str()),
            ]);
        }
        let mut text = format!(
            "\n{}\n\n{}\n\n {}  {page}\n {}  {consul_ui}\n",
            self.paint.bold(&format!(
                "Lyceum is up after {:.1} s.",
                self.begun.elapsed().as_secs_f64()
            )),
            table::lines(&table),
            self.paint.bold("The page    "),
            self.paint.bold("The registry"),
        );
        for sample in samples(fleet) {
            text.push_str(&format!(
                "\n {}\n{}\n",
                self.paint.bold(sample.0),
                operator.commands(&sample.1, sample.2)
            ));
        }
        text.push_str("\nCtrl-C drains and stops everything.");
        say(&text);
    }

    /// What happened since.
    pub(super) fn news(&self, news: &[News]) {
        for news in news {
            let text = match (news, self.json) {
                (
                    News::Died {
                        member,
                        how,
                        restart_in,
                    },
                    true,
                ) => {
                    let mut event = described(member);
                    event["event"] = "died".into();
                    event["how"] = how.as_str().into();
                    event["restart_in_ms"] = u64::try_from(restart_in.as_millis()).unwrap_or(u64::MAX).into();
                    event.to_string()
                }
                (News::Healthy { member }, true) => {
                    let mut event = described(member);
                    event["event"] = "restarted".into();
                    event.to_string()
                }
                (
                    News::Died {
                        member,
                        how,
                        restart_in,
                    },
                    false,
                ) => {
                    format!(
                        "{} {how}; starting it again in {:.1} s",
                        member.id(),
                        restart_in.as_secs_f64()
                    )
                }
                (News::Healthy { member }, false) => {
                    format!(
                        "{} is back: {} at {}, pid {}",
                        member.name,
                        member.id(),
                        member.address(),
                        member.pid
                    )
                }
            };
            say(&text);
        }
    }

    /// The end begins.
    pub(super) fn stopping(&self) {
        if self.json {
            say(&json!({ "event": "stopping" }).to_string());
        } else {
            say("\nDraining; once more stops at once.");
        }
    }

    /// Nothing runs any more.
    pub(super) fn stopped(&self) {
        if self.json {
            say(&json!({ "event": "stopped" }).to_string());
        } else {
            say("Everything is stopped and deregistered.");
        }
    }
}

fn described(member: &Member) -> serde_json::Value {
    json!({ "name": member.name, "id": member.id(), "pid": member.pid, "address": member.address() })
}

/// One call for each service that runs: its name, an address, and what to call.
fn samples(fleet: &Fleet) -> Vec<(&'static str, String, &'static services::Sample)> {
    services::SERVICES
        .iter()
        .filter_map(|service| {
            let member = fleet
                .members()
                .iter()
                .find(|member| member.role == Role::Service && member.name == service.name)?;
            Some((service.name, member.address().to_owned(), &service.sample))
        })
        .collect()
}

/// A reader that left (`| head -n 1`) is no reason to stop the fabric.
fn say(text: &str) {
    let _ = output::line(text);
}
