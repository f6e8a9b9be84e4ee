//! What can be asked for on the command line.

use std::path::PathBuf;

use clap::Parser;
use lyceum_simulation::balancer::Kind;
use lyceum_simulation::study::Extent;

/// The command line.
#[derive(Debug, Parser)]
#[command(
    name = "simulate",
    about = "The fabric's balancing beside models of its peers, on a virtual clock",
    long_about = "The fabric's balancing beside models of its peers, on a virtual clock.\n\n\
        Each case is a pool of servers to which something happens; each balancer gets the same calls, arriving at \
        random and without waiting for earlier ones. A cell is the mean over the seeds ± half of their range. No case \
        retries unless its name says so.",
    after_help = "Examples:\n  \
        simulate                                    every case, every balancer, three seeds\n  \
        simulate --list                             what the cases are\n  \
        simulate --case A,C --balancer lyceum       two cases of one balancer: seconds while tuning\n  \
        simulate --case F --requests 3000000        longer, for finer percentiles\n  \
        simulate --seed 7,8,9,10 --json             every figure, for scripts\n  \
        simulate --charts docs/charts               what `make simulate` does"
)]
pub(crate) struct Arguments {
    /// Run these cases only
    #[arg(long, value_name = "NAME", value_delimiter = ',')]
    pub(crate) case: Vec<String>,
    /// Run these balancers only
    #[arg(long, value_name = "NAME", value_enum, value_delimiter = ',')]
    balancer: Vec<Kind>,
    /// Calls in each run; more of them make it longer, not busier
    #[arg(long, value_name = "COUNT", default_value_t = 300_000, value_parser = clap::value_parser!(u64).range(1_000..=100_000_000))]
    pub(crate) requests: u64,
    /// Share the calls among so many client processes, whatever the case says
    #[arg(long, value_name = "COUNT", value_parser = clap::value_parser!(u32).range(1..=1_000))]
    clients: Option<u32>,
    /// Repeat each run with these seeds
    #[arg(long, value_name = "NUMBER", value_delimiter = ',', default_value = "1,2,3")]
    pub(crate) seed: Vec<u64>,
    /// Print every figure as JSON instead of the table
    #[arg(long)]
    pub(crate) json: bool,
    /// Draw the charts into this folder
    #[arg(long, value_name = "DIR")]
    pub(crate) charts: Option<PathBuf>,
    /// Say what the cases are, and run none
    #[arg(long)]
    pub(crate) list: bool,
}

// === impl Arguments ===

impl Arguments {
    /// How often and how long everything is run.
    pub(crate) fn extent(&self) -> Extent {
        Extent {
            seeds: self.seed.clone(),
            requests: self.requests,
            clients: self.clients,
        }
    }

    /// The balancers to run.
    pub(crate) fn balancers(&self) -> Vec<Kind> {
        if self.balancer.is_empty() {
            Kind::ALL.to_vec()
        } else {
            self.balancer.clone()
        }
    }
}
