//! What runs, by slot: who it is, which instance it became, and whether Consul calls it passing.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use lyceum::configuration::{Configuration, TlsSource};
use lyceum::consul::{Client, Health, Query};
use lyceum::discovery::Instance;
use tokio::time::Instant;

use super::edge;
use crate::process::{Announcement, Program};
use crate::supervisor::{Event, Slot};

/// A process that dies this often before it ever serves will not serve.
const HOPELESS: u32 = 3;

/// What is in warning for this long after its start will remain so for a while.
const WARNING_STAYS: Duration = Duration::from_secs(2);

/// What a process is for, in the order in which they are told to people.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// The agent that was started here.
    Consul,
    /// A service.
    Service,
    /// The gateway.
    Gateway,
}

/// One process that is kept running.
#[derive(Clone, Debug)]
pub(super) struct Member {
    pub(super) slot: Slot,
    pub(super) role: Role,
    pub(super) name: String,
    pub(super) label: String,
    pub(super) pid: u32,
    /// What it announced; none until it serves.
    pub(super) instance: Option<Announcement>,
    /// What Consul says of it.
    pub(super) health: Option<Health>,
    /// Since when it serves.
    since: Option<Instant>,
    deaths: u32,
    /// Whether it ever was healthy.
    proven: bool,
}

/// Everything that is kept running, and the Consul that knows of it.
pub(super) struct Fleet {
    configuration: Configuration,
    members: Vec<Member>,
    client: Client,
    /// Whether the gateway has been found to know every instance: it learns of them from Consul, a moment later.
    edge_knows: bool,
}

/// What a person should hear.
#[derive(Clone, Debug)]
pub(super) enum News {
    /// A process died and will be started again.
    Died {
        /// Who, as it was.
        member: Member,
        /// `was killed by signal 9`.
        how: String,
        /// When it is started again.
        restart_in: Duration,
    },
    /// A process is healthy, at first or again.
    Healthy {
        /// Who, as it is.
        member: Member,
    },
}

// === impl Member ===

impl Member {
    /// The instance's id; before it has one, what tells it from its replicas.
    pub(super) fn id(&self) -> &str {
        self.instance.as_ref().map_or(&self.label, |instance| &instance.id)
    }

    /// Where it listens.
    pub(super) fn address(&self) -> &str {
        self.instance.as_ref().map_or("", |instance| &instance.address)
    }

    /// A warning counts only when it stays: some services begin with one.
    fn is_healthy(&self) -> bool {
        match self.health {
            Some(Health::Passing) => true,
            Some(Health::Warning) => self.since.is_some_and(|since| since.elapsed() >= WARNING_STAYS),
            Some(Health::Critical) | None => false,
        }
    }
}

// === impl Fleet ===

impl Fleet {
    pub(super) fn new(client: Client, configuration: Configuration) -> Self {
        Self {
            configuration,
            members: Vec::new(),
            client,
            edge_knows: false,
        }
    }

    /// Adds what a slot runs. Slots are counted by the supervisor, in the same order.
    pub(super) fn add(&mut self, role: Role, program: &Program, slot: Slot) {
        debug_assert_eq!(slot, self.members.len());
        self.members.push(Member {
            slot,
            role,
            name: program.name.clone(),
            label: program.label.clone(),
            pid: 0,
            instance: None,
            health: None,
            since: None,
            deaths: 0,
            proven: false,
        });
    }

    /// Consul announces nothing; it answered already, or it would not have been added.
    pub(super) fn consul_at(&mut self, address: &str) {
        for member in self.members.iter_mut().filter(|member| member.role == Role::Consul) {
            member.instance = Some(Announcement {
                name: member.name.clone(),
                id: member.label.clone(),
                address: address.trim_start_matches("http://").to_owned(),
            });
            member.health = Some(Health::Passing);
            member.proven = true;
        }
    }

    pub(super) fn members(&self) -> &[Member] {
        &self.members
    }

    /// Where to call the gateway, once it serves.
    pub(super) fn gateway(&self) -> Option<SocketAddr> {
        let gateway = self.members.iter().find(|member| member.role == Role::Gateway)?;
        let mut address: SocketAddr = gateway.address().parse().ok()?;
        // One that listens everywhere also listens here, and "everywhere" is no place for a browser to go.
        if address.ip().is_unspecified() {
            address.set_ip(Ipv4Addr::LOCALHOST.into());
        }
        Some(address)
    }

    /// Its page's address, up to the host.
    pub(super) fn scheme(&self) -> &'static str {
        match self.configuration.gateway.tls.source {
            TlsSource::None => "http",
            TlsSource::Development | TlsSource::Files => "https",
        }
    }

    pub(super) fn slots(&self, role: Role) -> Vec<Slot> {
        self.members
            .iter()
            .filter(|member| member.role == role)
            .map(|member| member.slot)
            .collect()
    }

    /// Whether everything runs, Consul calls it passing, and the gateway finds it.
    pub(super) fn is_healthy(&self) -> bool {
        self.edge_knows && self.all_pass()
    }

    fn all_pass(&self) -> bool {
        self.members.iter().all(Member::is_healthy)
    }

    /// Whether somebody has to be asked.
    pub(super) fn is_waiting(&self) -> bool {
        !self.edge_knows
            || self
                .members
                .iter()
                .any(|member| member.instance.is_some() && !member.is_healthy())
    }

    /// Those that are not healthy yet.
    pub(super) fn waiting_for(&self) -> Vec<String> {
        let late: Vec<_> = self
            .members
            .iter()
            .filter(|member| !member.is_healthy())
            .map(|member| member.label.clone())
            .collect();
        if late.is_empty() {
            vec!["the gateway does not find every service".to_owned()]
        } else {
            late
        }
    }

    /// A process that will not come up.
    pub(super) fn hopeless(&self) -> Option<Slot> {
        self.members
            .iter()
            .find(|member| !member.proven && member.deaths >= HOPELESS)
            .map(|member| member.slot)
    }

    /// Takes note of what happened to a process.
    pub(super) fn apply(&mut self, event: Event) -> Vec<News> {
        match event {
            Event::Started { slot, pid } => {
                let member = &mut self.members[slot];
                member.pid = pid;
                if member.role == Role::Consul && !member.is_healthy() {
                    // The services notice by themselves when it answers again.
                    member.health = Some(Health::Passing);
                    return vec![News::Healthy { member: member.clone() }];
                }
                Vec::new()
            }
            Event::Serving { slot, announcement } => {
                self.members[slot].instance = Some(announcement);
                self.members[slot].since = Some(Instant::now());
                Vec::new()
            }
            Event::Died { slot, how, restart_in } => {
                let member = &mut self.members[slot];
                let news = News::Died {
                    member: member.clone(),
                    how,
                    restart_in,
                };
                member.deaths += 1;
                member.health = None;
                if member.role != Role::Consul
                    && let Some(instance) = member.instance.take()
                {
                    // Nobody should call it until its check lapses.
                    let client = self.client.clone();
                    tokio::spawn(async move { client.deregister(&instance.id).await });
                }
                vec![news]
            }
        }
    }

    /// Asks Consul about those that serve but are not known to be healthy, and at last the gateway whether it sees all.
    pub(super) async fn look(&mut self) -> Vec<News> {
        let mut news = Vec::new();
        for member in &mut self.members {
            let Some(instance) = &member.instance else { continue };
            if member.is_healthy() {
                continue;
            }
            // An error means that Consul is away: the next look finds it back.
            let Ok(answer) = self.client.health(&instance.name, &Query::default()).await else {
                continue;
            };
            let health = answer
                .value
                .into_iter()
                .filter_map(Instance::read)
                .find(|found| found.id == instance.id)
                .map(|found| found.health);
            member.health = health;
            if member.is_healthy() {
                member.proven = true;
                news.push(News::Healthy { member: member.clone() });
            }
        }
        if !self.edge_knows && self.all_pass() {
            let services = self
                .members
                .iter()
                .filter(|member| member.role == Role::Service)
                .map(Member::id);
            self.edge_knows = match self.gateway() {
                Some(address) => edge::knows(&self.configuration, address, services).await,
                None => false,
            };
        }
        news
    }

    /// Makes sure that Consul knows none of them any more.
    pub(super) async fn deregister_all(&self) {
        if self.members.iter().any(|member| member.role == Role::Consul) {
            return;
        }
        for member in &self.members {
            if let Some(instance) = &member.instance {
                // Consul may be gone; then it forgets by itself when the check has lapsed.
                let _ = self.client.deregister(&instance.id).await;
            }
        }
    }
}
