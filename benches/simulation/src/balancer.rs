//! What a client process asks of its balancer, and everybody that can be asked.
//!
//! One balancer a client: nobody sees what other clients do. [`fabric`] drives the real code; the others are models of
//! peers, each written from the source or the specification that its module cites. A peer is taken at its best: all
//! but tonic know at once which connections are lost, which holds for gRPC's and linkerd's balancers.

mod fabric;
mod kratos;
mod least;
mod linkerd;
mod random;
mod roster;
mod round_robin;
mod tower;
mod wrr;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::ValueEnum;
use fastrand::Rng;
use lyceum::balancing::Outcome;
use serde::Serialize;

use crate::server::Report;

/// One instance as discovery lists it.
#[derive(Clone, Debug)]
pub struct Listing {
    /// Its number.
    pub server: u32,
    /// Its weight in Consul.
    pub weight: u32,
    /// Where it stands.
    pub zone: u8,
    /// Whether connections to it live.
    pub connected: Arc<AtomicBool>,
}

/// Where a call goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pick {
    /// To this server; the token comes back with the end.
    Server {
        /// Its number.
        server: u32,
        /// The balancer's own note on the call.
        token: u32,
    },
    /// Nobody can take it now: ask again soon.
    Wait,
    /// Nobody can take it: fail it.
    Refuse,
}

/// How a call ended.
#[derive(Clone, Copy, Debug)]
pub struct End {
    /// Who had it.
    pub server: u32,
    /// What [`Balancer::pick`] gave.
    pub token: u32,
    /// When it was picked, in µs.
    pub begun: u64,
    /// When it ended, in µs.
    pub now: u64,
    /// How.
    pub outcome: Outcome,
    /// What the server said of its load, where it answered.
    pub report: Option<Report>,
}

/// The balancing of one client process.
pub trait Balancer {
    /// Discovery has news: these are all there are now.
    fn list(&mut self, servers: &[Listing], now: u64);
    /// Connections were lost or made.
    fn connections(&mut self, now: u64);
    /// Where the next call goes; `tried` has those that failed it before.
    fn pick(&mut self, now: u64, tried: &[u32]) -> Pick;
    /// A call is over.
    fn end(&mut self, end: &End);
    /// Called every 100 ms; whom it adds to `probes` is asked for its health.
    fn tick(&mut self, now: u64, probes: &mut Vec<u32>) {
        let _ = (now, probes);
    }
    /// The answer to a probe.
    fn probed(&mut self, server: u32, healthy: bool, now: u64) {
        let _ = (server, healthy, now);
    }
}

/// Everybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Uniform random, what tonic's balance_channel comes to.
    Random,
    /// Round robin over live connections, gRPC's.
    RoundRobin,
    /// The fewest calls of this client in flight.
    Least,
    /// tower's P2C over PeakEwma.
    Tower,
    /// linkerd's proxy: peak EWMA and a breaker on consecutive failures.
    Linkerd,
    /// kratos' P2C.
    Kratos,
    /// gRPC's weighted round robin on reported load (A58).
    Wrr,
    /// The fabric's own code.
    Lyceum,
}

/// What a balancer is told of its client when it is made.
#[derive(Clone, Copy, Debug, Default)]
pub struct Identity {
    /// Which client process this is.
    pub client: u32,
    /// Where it stands.
    pub zone: u8,
    /// How many endpoints it may use at most; 0: all.
    pub subset: usize,
}

// === impl Kind ===

impl Kind {
    /// All of them, in the order of tables.
    pub const ALL: [Self; 8] = [
        Self::Random,
        Self::RoundRobin,
        Self::Least,
        Self::Tower,
        Self::Linkerd,
        Self::Kratos,
        Self::Wrr,
        Self::Lyceum,
    ];

    /// What tables and charts call it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Random => "random (tonic)",
            Self::RoundRobin => "round robin",
            Self::Least => "least loaded",
            Self::Tower => "tower",
            Self::Linkerd => "linkerd",
            Self::Kratos => "kratos",
            Self::Wrr => "gRPC WRR",
            Self::Lyceum => "Lyceum",
        }
    }

    /// A balancer for one client.
    #[must_use]
    pub fn build(self, rng: Rng, identity: Identity) -> Box<dyn Balancer> {
        match self {
            Self::Random => Box::new(random::Random::new(rng)),
            Self::RoundRobin => Box::new(round_robin::RoundRobin::new(rng)),
            Self::Least => Box::new(least::Least::new(rng)),
            Self::Tower => Box::new(tower::Tower::new(rng)),
            Self::Linkerd => Box::new(linkerd::Linkerd::new(rng)),
            Self::Kratos => Box::new(kratos::Kratos::new(rng)),
            Self::Wrr => Box::new(wrr::Wrr::new(rng)),
            Self::Lyceum => Box::new(fabric::Fabric::new(rng, identity)),
        }
    }
}
