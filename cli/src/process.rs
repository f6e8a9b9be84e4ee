//! One child process: started with its log and its pipes, told to stop, never left behind.
//!
//! **What.** A child has a process group of its own, so that Ctrl-C in the terminal reaches only `lyceum up`, which
//! then stops its children in order. Its standard input is a pipe that nobody writes to: it closes when the parent
//! dies, however it dies, and a child started with `--supervised` drains then. Its standard error is its log file. On
//! standard output it may announce itself: one line of JSON (an [`Announcement`]) for each instance that it serves.
//!
//! **When not.** For programs that know nothing of that pipe (Consul), see [`crate::tether`].

use std::ffi::OsString;
use std::fs::{File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// How much of a log's end is shown when its process could not start.
const TAIL_BYTES: usize = 4 * 1024;
const TAIL_LINES: usize = 12;

/// What to start, again and again if need be.
#[derive(Clone, Debug)]
pub(crate) struct Program {
    /// What people call it: a service's name, `gateway`, `consul`.
    pub(crate) name: String,
    /// Names the log file and tells replicas apart: `writing-analysis-2`.
    pub(crate) label: String,
    /// The executable.
    pub(crate) path: PathBuf,
    /// Its arguments.
    pub(crate) arguments: Vec<OsString>,
    /// Where its standard error goes; appended to.
    pub(crate) log: PathBuf,
    /// Whether it announces itself on standard output; otherwise that goes into the log, too.
    pub(crate) announces: bool,
    /// The key of its address, where that must outlive a restart: the port that the first start got is asked for again.
    pub(crate) keeps_address: Option<&'static str>,
}

/// What a supervised process says of an instance once it is registered and serving.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Announcement {
    /// The service.
    pub(crate) name: String,
    /// The instance's id in Consul.
    pub(crate) id: String,
    /// Where it listens.
    pub(crate) address: String,
}

/// A child that runs.
#[derive(Debug)]
pub(crate) struct Process {
    child: Child,
    pid: u32,
    /// Held, not used: waiting for the child would close it, and its end tells the child to stop.
    input: Option<ChildStdin>,
    announcements: Option<Lines<BufReader<ChildStdout>>>,
}

/// Something that happened to a child.
#[derive(Debug)]
pub(crate) enum Turn {
    /// It serves.
    Announced(Announcement),
    /// It ended.
    Ended(String),
}

// === impl Program ===

impl Program {
    /// Starts it.
    pub(crate) fn start(&self) -> io::Result<Process> {
        let log = appended(&self.log)?;
        let stdout = if self.announces {
            Stdio::piped()
        } else {
            Stdio::from(log.try_clone()?)
        };
        let mut child = Command::new(&self.path)
            .args(&self.arguments)
            .stdin(Stdio::piped())
            .stdout(stdout)
            .stderr(Stdio::from(log))
            .process_group(0)
            .kill_on_drop(true)
            .spawn()?;
        let pid = child
            .id()
            .ok_or_else(|| io::Error::other("it ended before it had a process id"))?;
        let input = child.stdin.take();
        let announcements = child.stdout.take().map(|stdout| BufReader::new(stdout).lines());
        Ok(Process {
            child,
            pid,
            input,
            announcements,
        })
    }

    /// The program for the next start, now that this one listens somewhere.
    pub(crate) fn settle(&mut self, announcement: &Announcement) {
        if let Some(key) = self.keeps_address.take() {
            self.arguments
                .extend(["--set".into(), format!("{key}={}", announcement.address).into()]);
        }
    }

    /// The end of its log, for a person who wonders why it died.
    pub(crate) fn log_tail(&self) -> String {
        let bytes = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes[bytes.len().saturating_sub(TAIL_BYTES)..]);
        let lines: Vec<&str> = text.lines().filter(|line| !line.trim().is_empty()).collect();
        lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
    }
}

fn appended(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

// === impl Process ===

impl Process {
    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.pid
    }

    /// Waits for the next thing to happen: an announcement, or its end. Safe to cancel.
    pub(crate) async fn turn(&mut self) -> Turn {
        loop {
            let Some(lines) = &mut self.announcements else {
                return Turn::Ended(ended(self.child.wait().await));
            };
            // Its end is waited for beside its output: something else may hold that open.
            let line = tokio::select! {
                biased;
                line = lines.next_line() => line,
                status = self.child.wait() => return Turn::Ended(ended(status)),
            };
            match line {
                Ok(Some(line)) => {
                    // Anything else on standard output is not for us.
                    if let Ok(announcement) = serde_json::from_str(&line) {
                        return Turn::Announced(announcement);
                    }
                }
                Ok(None) | Err(_) => self.announcements = None,
            }
        }
    }

    /// Asks it to stop (SIGTERM), and kills it when patience ends first. Says whether it went by itself.
    pub(crate) async fn stop(mut self, patience: impl Future<Output = ()>) -> bool {
        self.terminate();
        self.input.take();
        tokio::select! {
            _ = self.child.wait() => return true,
            () = patience => {}
        }
        // Killing waits for the end, too: no zombie stays.
        let _ = self.child.kill().await;
        false
    }

    /// What its parent's death would do.
    #[cfg(test)]
    pub(crate) fn close_input(&mut self) {
        self.input = None;
    }

    fn terminate(&self) {
        // Not waited for yet, so the id is still this child's.
        if let Some(pid) = self
            .child
            .id()
            .and_then(|id| i32::try_from(id).ok())
            .and_then(Pid::from_raw)
        {
            let _ = kill_process(pid, Signal::TERM);
        }
    }
}

/// How it ended, as a sentence's end: `was killed by signal 9`, `ended with code 1`.
fn ended(status: io::Result<ExitStatus>) -> String {
    use std::os::unix::process::ExitStatusExt as _;
    match status.map(|status| (status.code(), status.signal())) {
        Ok((Some(code), _)) => format!("ended with code {code}"),
        Ok((None, Some(signal))) => format!("was killed by signal {signal}"),
        Ok((None, None)) => "ended".to_owned(),
        Err(error) => format!("could not be waited for: {error}"),
    }
}
