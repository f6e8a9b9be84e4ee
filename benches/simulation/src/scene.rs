//! What is simulated: servers, clients, load, and what happens to them when.

use crate::distribution::Distribution;
use crate::server::Behaviour;

/// One second in the simulator's µs.
pub const SECOND: u64 = 1_000_000;
/// One millisecond in the simulator's µs.
pub const MILLI: u64 = 1_000;

/// One instance of the callee as a scene begins, or that comes later.
#[derive(Clone, Copy, Debug)]
pub struct Instance {
    /// Calls at a time.
    pub limit: u32,
    /// Its weight in Consul.
    pub weight: u32,
    /// Where it stands.
    pub zone: u8,
    /// Whether it runs and is listed from the beginning.
    pub present: bool,
}

/// Something that happens.
#[derive(Clone, Copy, Debug)]
pub enum Change {
    /// The server treats calls otherwise from now on.
    Behave(u32, Behaviour),
    /// Its caches are empty: so many µs long slower, at first by the factor.
    Chill(u32, u64, f64),
    /// It stops for so many µs.
    Pause(u32, u64),
    /// It takes connections.
    Start(u32),
    /// It takes no new calls and breaks connections once those inside are done: GOAWAY.
    Leave(u32),
    /// Discovery lists it to every client.
    List(u32),
    /// Discovery lists it no more.
    Unlist(u32),
}

/// What clients do with a call that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Attempts of one call, the first included.
    pub attempts: u32,
    /// Whether retries have to be paid from a budget.
    pub budget: bool,
}

/// Everything about a run but the balancer and the seed.
#[derive(Clone, Debug)]
pub struct Scene {
    /// Every instance that is ever there.
    pub instances: Vec<Instance>,
    /// Client processes, each with its own balancer.
    pub clients: u32,
    /// Client processes stand in this many zones in turn.
    pub zones: u8,
    /// Calls a second of all clients together.
    pub rate: f64,
    /// Mean time that one call takes, in µs.
    pub mean: f64,
    /// Its spread.
    pub spread: Distribution,
    /// How long a client waits for an attempt, in µs.
    pub timeout: u64,
    /// None in plain cases.
    pub retry: Option<Retry>,
    /// How many endpoints a client may use at most; 0: all. Only the fabric has this.
    pub subset: usize,
    /// How long calls arrive, in µs.
    pub length: u64,
    /// What happens, in order of time.
    pub changes: Vec<(u64, Change)>,
}

// === impl Scene ===

impl Scene {
    /// So many equal, healthy instances under a load, which is a share of what they can do together.
    #[must_use]
    pub fn new(servers: u32, load: f64) -> Self {
        let limit = 8;
        let mean = 10.0 * MILLI as f64;
        Self {
            instances: (0..servers)
                .map(|_| Instance {
                    limit,
                    weight: 100,
                    zone: 0,
                    present: true,
                })
                .collect(),
            clients: 5,
            zones: 1,
            rate: load * f64::from(servers * limit) / (mean / SECOND as f64),
            mean,
            spread: Distribution::LogNormal { sigma: 0.7 },
            timeout: 5 * SECOND,
            retry: None,
            subset: 0,
            length: 0,
            changes: Vec::new(),
        }
    }

    /// Adds something that happens.
    pub fn at(&mut self, time: u64, change: Change) {
        self.changes.push((time, change));
    }
}
