//! A probe in a process of its own, which a test can kill, stop and continue as an operating system does.
//!
//! The process is the test binary itself, started again with arguments that lead to [`serve`]; a benchmark's is the
//! benchmark. The two speak over the child's standard input and output, a line each time, so that a parent that dies
//! takes its children with it. Why not a runtime of its own in the same process: shutting one down closes sockets in
//! good order, and none of it can be stopped by a signal. Unix only.
//!
//! ```text
//! parent → child   ["consul.address=127.0.0.1:8500", …]   flags of the configuration, first
//! child → parent   lyceum-probe serving <id> <address>
//! parent → child   slow <milliseconds> | fail <code> | abandoned | stop
//! child → parent   lyceum-probe abandoned <count>
//! child → parent   lyceum-probe stopped <received> <recorded>
//! ```

use std::io::Write as _;
use std::net::SocketAddr;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::mpsc;
use tonic::Code;

use super::probe::{Done, Serving};
use crate::configuration::Configuration;
use crate::fabric::Fabric;

/// Tells the child's lines from what a test runner prints.
const MARK: &str = "lyceum-probe ";

/// A probe's process. Dropping it kills it.
#[derive(Debug)]
pub struct Process {
    /// Its id in Consul.
    pub id: String,
    /// Where it listens.
    pub address: SocketAddr,
    child: Child,
    commands: ChildStdin,
    said: Lines<BufReader<ChildStdout>>,
}

// === impl Process ===

impl Process {
    /// Starts `command`, which must come to [`serve`], with the flags of its configuration, and waits until it serves.
    ///
    /// # Panics
    /// When it does not.
    pub async fn start(mut command: Command, flags: &[String]) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("the probe's process does not start: {error}"));
        let (Some(mut commands), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            panic!("the probe's process has no pipes");
        };
        let flags = serde_json::Value::from(flags).to_string();
        say(&mut commands, &flags).await;
        let mut said = BufReader::new(output).lines();
        let words = heard(&mut said, "serving").await;
        let (Some(id), Some(address)) = (words.first(), words.get(1).and_then(|word| word.parse().ok())) else {
            panic!("the probe's process says {words:?}");
        };
        Self {
            id: id.clone(),
            address,
            child,
            commands,
            said,
        }
    }

    /// Its process id, while it runs.
    #[must_use]
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// `kill -9`, and waits until it is gone.
    pub async fn kill(&mut self) {
        // It may have ended by itself: then there is nothing left to kill.
        let _ = self.child.kill().await;
    }

    /// Sends a signal by its name, such as `STOP` or `CONT`.
    ///
    /// # Panics
    /// When the process is gone.
    pub async fn signal(&self, name: &str) {
        let pid = self.pid().unwrap_or_else(|| panic!("{} is gone", self.id));
        let status = Command::new("kill")
            .args([format!("-{name}"), pid.to_string()])
            .status()
            .await;
        assert!(status.is_ok_and(|status| status.success()), "kill -{name} {pid} failed");
    }

    /// From now on every unary call takes this much longer.
    pub async fn slow_down(&mut self, by: Duration) {
        say(&mut self.commands, &format!("slow {}", by.as_millis())).await;
    }

    /// From now on every unary call fails with this code.
    pub async fn fail(&mut self, code: Code) {
        say(&mut self.commands, &format!("fail {}", code as i32)).await;
    }

    /// Drains and stops it.
    ///
    /// # Panics
    /// When it ends without a word.
    pub async fn stop(mut self) -> Done {
        say(&mut self.commands, "stop").await;
        let words = heard(&mut self.said, "stopped").await;
        let count = |at: usize| words.get(at).and_then(|word| word.parse().ok()).unwrap_or_default();
        let done = Done {
            received: count(0),
            recorded: count(1),
        };
        let _ = self.child.wait().await;
        done
    }
}

async fn say(commands: &mut ChildStdin, line: &str) {
    if let Err(error) = commands.write_all(format!("{line}\n").as_bytes()).await {
        panic!("the probe's process does not listen: {error}");
    }
}

/// The words after `what`, once the child says it.
async fn heard(said: &mut Lines<BufReader<ChildStdout>>, what: &str) -> Vec<String> {
    while let Ok(Some(line)) = said.next_line().await {
        let words = line.split_once(MARK).map(|(_, words)| words.split(' '));
        if let Some(mut words) = words
            && words.next() == Some(what)
        {
            return words.map(str::to_owned).collect();
        }
    }
    panic!("the probe's process ended before it said \"{what}\"")
}

/// The child's part: serves the probe as `service` until it is told to stop, or its parent is gone.
///
/// # Panics
/// When it cannot serve.
pub async fn serve(service: &str) {
    let mut told = lines();
    let Some(first) = told.recv().await else { return };
    let flags: Vec<String> =
        serde_json::from_str(&first).unwrap_or_else(|error| panic!("the first line is no list of flags: {error}"));
    let configuration = Configuration::load(None, [], &flags).unwrap_or_else(|errors| panic!("{errors}"));
    let fabric = Fabric::start(configuration, service).unwrap_or_else(|error| panic!("{error}"));
    let serving = Serving::start(&fabric).await;
    answer(&format!("serving {} {}", serving.id, serving.address));
    while let Some(line) = told.recv().await {
        match line.split_once(' ').unwrap_or((&line, "")) {
            ("slow", milliseconds) => {
                serving.slow_down(Duration::from_millis(milliseconds.parse().unwrap_or_default()));
            }
            ("fail", code) => serving.fail(Code::from_i32(code.parse().unwrap_or_default())),
            ("abandoned", _) => answer(&format!("abandoned {}", serving.abandoned())),
            ("stop", _) => {
                let done = serving.finish().await;
                answer(&format!("stopped {} {}", done.received, done.recorded));
                return;
            }
            (other, _) => panic!("the parent says \"{other}\""),
        }
    }
}

/// Standard input, read by a thread of its own: it ends with the process, whatever it waits for.
fn lines() -> mpsc::UnboundedReceiver<String> {
    let (lines, told) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lines().map_while(Result::ok) {
            if lines.send(line).is_err() {
                return;
            }
        }
    });
    told
}

fn answer(line: &str) {
    let mut output = std::io::stdout().lock();
    // A test runner may have left a line unfinished.
    let written = output.write_all(format!("\n{MARK}{line}\n").as_bytes());
    if written.and_then(|()| output.flush()).is_err() {
        panic!("nobody reads what the probe's process says");
    }
}
