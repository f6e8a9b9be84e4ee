//! Runs a foreign program that must not outlive its parent: `lyceum tether PARENT -- PROGRAM…`, used by `lyceum up`.
//!
//! Our own processes watch a pipe of their parent's; Consul does not. On Linux the kernel can be asked to end a process
//! with its parent (`prctl(2)`, `PR_SET_PDEATHSIG`), and the request survives `execve(2)`: so this command asks, checks
//! that the parent is still there (it may have died before), and becomes the program. It costs one `exec`. When not:
//! elsewhere than on Linux there is no such call, and a Consul whose `lyceum up` was killed with SIGKILL stays.

use std::convert::Infallible;
use std::ffi::OsString;
use std::os::unix::process::CommandExt as _;
use std::process::Command;

use anyhow::{Context as _, bail};

/// Becomes the program; returns only when that fails.
pub(crate) fn run(parent: u32, program: &[OsString]) -> anyhow::Result<Infallible> {
    let Some((path, arguments)) = program.split_first() else {
        bail!("no program to run")
    };
    #[cfg(target_os = "linux")]
    rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::TERM))
        .context("the kernel does not end a process with its parent")?;
    if std::os::unix::process::parent_id() != parent {
        bail!("the parent, process {parent}, has ended");
    }
    let error = Command::new(path).args(arguments).exec();
    Err(error).with_context(|| format!("{} could not be run", path.display()))
}
