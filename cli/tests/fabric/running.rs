//! The binary as a child of a test.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

/// Longer than anything takes on a busy machine, shorter than a person's patience.
const PATIENCE: Duration = Duration::from_secs(60);

/// A `lyceum up --json` with a Consul agent of its own. Dropping it kills it, and then nothing of it may stay.
pub(crate) struct Up {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    /// Its first line: what runs where.
    pub(crate) told: Value,
    data: TempDir,
}

/// The root of the workspace, from where people run it.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap()
}

/// PATH with what `make setup` brings behind it.
#[expect(clippy::disallowed_methods, reason = "a test looks for programs as a shell would")]
pub(crate) fn path() -> OsString {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let brought = root().join(".tools/bin");
    let packages = root().join("web/node_modules/.bin");
    std::env::join_paths(std::env::split_paths(&path).chain([brought, packages])).unwrap()
}

/// A program that may be missing: then the test is skipped, and fails where CI runs it.
#[expect(clippy::disallowed_methods, reason = "a test looks for programs as a shell would")]
pub(crate) fn optional(program: &str) -> Option<PathBuf> {
    let found = std::env::split_paths(&path())
        .map(|folder| folder.join(program))
        .find(|file| file.is_file());
    if found.is_none() {
        assert!(
            std::env::var_os("CI").is_none(),
            "no {program} on the PATH nor in .tools/bin: run `make setup`"
        );
        eprintln!("skipped: no {program} on the PATH nor in .tools/bin; `make setup` brings it");
    }
    found
}

/// The binary with a clean environment, in the workspace's root.
pub(crate) fn lyceum(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lyceum"));
    command
        .args(arguments)
        .current_dir(root())
        .stdin(Stdio::null())
        .kill_on_drop(true);
    for (name, _) in std::env::vars_os() {
        let name = name.to_string_lossy().into_owned();
        if name.starts_with("LYCEUM_") || name.starts_with("CONSUL_") {
            command.env_remove(name);
        }
    }
    command.env("PATH", path());
    command
}

/// Runs it to its end.
pub(crate) async fn run(arguments: &[&str]) -> Output {
    timeout(PATIENCE, lyceum(arguments).output()).await.unwrap().unwrap()
}

/// What a run printed for people, and whether it went well.
pub(crate) fn said(output: &Output) -> (bool, String, String) {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    (output.status.success(), text(&output.stdout), text(&output.stderr))
}

pub(crate) fn lives(pid: u32) -> bool {
    test_kill_process(process(pid)).is_ok()
}

pub(crate) fn signal(pid: u32, signal: Signal) {
    kill_process(process(pid), signal).unwrap();
}

fn process(pid: u32) -> Pid {
    Pid::from_raw(i32::try_from(pid).unwrap()).unwrap()
}

/// Waits until none of these processes lives.
pub(crate) async fn gone(pids: &[u32]) {
    lyceum::testing::wait_for(&format!("{pids:?} to be gone"), async || {
        !pids.iter().any(|pid| lives(*pid))
    })
    .await;
}

// === impl Up ===

impl Up {
    /// Starts it with its own Consul, and waits until everything is healthy.
    pub(crate) async fn start(arguments: &[&str]) -> Self {
        Self::start_by(
            lyceum(&["up", "--consul", "own", "--gateway-port", "0", "--json"]),
            arguments,
        )
        .await
    }

    /// As [`Up::start`], from a command of the test's.
    pub(crate) async fn start_by(mut command: Command, arguments: &[&str]) -> Self {
        let data = tempfile::tempdir().unwrap();
        let mut child = command
            .args(["--data", data.path().to_str().unwrap()])
            // Tests wait for the end of every `up`.
            .args([
                "--set",
                "serving.drain_notice=200ms",
                "--set",
                "serving.drain_grace=10s",
            ])
            .args(arguments)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut up = Self {
            child,
            lines,
            told: Value::Null,
            data,
        };
        up.told = up.line().await;
        assert!(up.told["page"].is_string(), "{}", up.told);
        up
    }

    pub(crate) fn data(&self) -> &Path {
        self.data.path()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id().unwrap()
    }

    async fn line(&mut self) -> Value {
        match timeout(PATIENCE, self.lines.next_line())
            .await
            .expect("a line in time")
            .unwrap()
        {
            Some(line) => serde_json::from_str(&line).unwrap_or_else(|error| panic!("{error}: {line}")),
            None => panic!("`lyceum up` ended: {:?}", self.child.wait().await),
        }
    }

    /// Waits for an event of this kind; others before it are passed over.
    pub(crate) async fn event(&mut self, kind: &str) -> Value {
        loop {
            let line = self.line().await;
            if line["event"] == kind {
                return line;
            }
        }
    }

    /// The processes of that name, as they were at first.
    pub(crate) fn processes(&self, name: &str) -> Vec<Value> {
        self.told["processes"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|process| process["name"] == name)
            .cloned()
            .collect()
    }

    /// Every process id, as they were at first.
    pub(crate) fn pids(&self) -> Vec<u32> {
        self.told["processes"].as_array().unwrap().iter().map(pid).collect()
    }

    pub(crate) fn gateway(&self) -> String {
        self.told["gateway"].as_str().unwrap().to_owned()
    }

    pub(crate) fn consul(&self) -> String {
        self.told["consul"].as_str().unwrap().to_owned()
    }

    /// Asks it to end as Ctrl-C does, and waits until it has; it must go well.
    pub(crate) async fn stop(mut self) {
        signal(self.pid(), Signal::INT);
        self.event("stopped").await;
        let status = timeout(PATIENCE, self.child.wait()).await.unwrap().unwrap();
        assert!(status.success(), "{status}");
    }

    /// Kills it without a chance to do anything.
    pub(crate) async fn kill(&mut self) {
        self.child.kill().await.unwrap();
    }
}

pub(crate) fn pid(process: &Value) -> u32 {
    u32::try_from(process["pid"].as_u64().unwrap()).unwrap()
}
