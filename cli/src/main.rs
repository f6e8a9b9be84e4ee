//! The one binary, `lyceum`: the whole fabric on one machine, one part of it in production, and an operator's eyes.
//!
//! **What.** [`arguments`] says what can be asked. `up` ([`up`]) supervises a Consul agent and one process a service and
//! the gateway; `serve` and `gateway` ([`serve`]) are those processes; `status`, `certificates` and `config` look;
//! `policy` ([`policy`]) changes how services are called while everything runs; `token` and `key` ([`token`], [`key`])
//! make what callers of the gateway show.
//!
//! **Why one binary.** What runs on a laptop is what runs in production, and a change links once
//! (`docs/adr/0004-one-binary.md`).
//!
//! **When not.** A service of your own, outside this repository, needs none of this: `lyceum::serving` is a library.

mod agent;
mod arguments;
mod backoff;
mod directory;
mod folder;
mod gateway;
mod inspect;
mod key;
mod operator;
mod output;
mod policy;
mod ports;
mod process;
mod serve;
mod services;
mod status;
mod stopping;
mod supervisor;
mod table;
mod tether;
mod token;
mod up;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser as _;
use tokio::runtime::{Builder, Runtime};

use arguments::{Arguments, Certificates, Command};

/// Calls allocate and free the same sizes over and over: this allocator keeps them on their thread.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// What still runs when a command is done (a look-up of a name, a log that is written) gets this long.
const RUNTIME_ENDS_WITHIN: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    small_pages();
    let arguments = Arguments::parse();
    // The one place that reads the environment; everything else is handed it.
    let environment: Vec<(String, String)> = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    match run(arguments.command, &environment) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if output::reader_left(&error) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("lyceum: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Asks the kernel for pages of 4 KB alone, here and in every child. With transparent huge pages 2 MB are paid for where
/// a few kilobytes are touched, and hardly ever given back: that doubled what a gateway holds (docs/benchmarks.md). The
/// allocator is built not to ask for them; some systems give them unasked.
fn small_pages() {
    #[cfg(target_os = "linux")]
    // A kernel that knows no such wish costs memory, and nothing else.
    let _ = rustix::thread::disable_transparent_huge_pages(true);
}

fn run(command: Command, environment: &[(String, String)]) -> anyhow::Result<()> {
    match command {
        // One thread, the main one, which lives as long as the process: a tethered child ends with the thread that
        // started it.
        Command::Up(arguments) => finish(single()?, |runtime| runtime.block_on(up::run(arguments, environment))),
        Command::Serve(arguments) => finish(many()?, |runtime| {
            runtime.block_on(serve::services(arguments, environment))
        }),
        Command::Gateway(arguments) => finish(half()?, |runtime| {
            runtime.block_on(serve::gateway(arguments, environment))
        }),
        Command::Status(arguments) => finish(single()?, |runtime| {
            runtime.block_on(status::run(arguments, environment))
        }),
        Command::Certificates(Certificates::Operator(arguments)) => finish(single()?, |runtime| {
            runtime.block_on(operator::run(arguments, environment))
        }),
        Command::Policy(command) => finish(single()?, |runtime| runtime.block_on(policy::run(command, environment))),
        Command::Token(arguments) => token::run(arguments, environment),
        Command::Key(command) => finish(single()?, |runtime| runtime.block_on(key::run(command, environment))),
        Command::Config(command) => inspect::run(command, environment),
        Command::Tether(arguments) => tether::run(arguments.parent, &arguments.program).map(|never| match never {}),
    }
}

fn finish<T>(runtime: Runtime, work: impl FnOnce(&Runtime) -> anyhow::Result<T>) -> anyhow::Result<T> {
    let outcome = work(&runtime);
    runtime.shutdown_timeout(RUNTIME_ENDS_WITHIN);
    outcome
}

fn single() -> anyhow::Result<Runtime> {
    Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the runtime cannot be started")
}

/// The gateway gets half the processors. Its work is mostly the kernel's, which runs where it likes; more threads hand
/// every call from one to another, and on two processors that cost a tenth of all it does (docs/benchmarks.md).
fn half() -> anyhow::Result<Runtime> {
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    Builder::new_multi_thread()
        .worker_threads((processors / 2).max(1))
        .enable_all()
        .build()
        .context("the runtime cannot be started")
}

fn many() -> anyhow::Result<Runtime> {
    Builder::new_multi_thread()
        .enable_all()
        .build()
        .context("the runtime cannot be started")
}
