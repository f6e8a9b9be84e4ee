//! The access log: a line for each request, or for a share of them, and for every one that failed.
//!
//! **What.** A [`Line`] has what an operator needs to see how callers fare: method, code, HTTP status, what the caller
//! speaks, sizes, time, instance, correlation id. [`Visited`] is the same of a request that is no call. No address, no
//! path or query, nothing of who is calling.
//!
//! **Why ours.** A line that goes through the log's own formatter costs a write to the terminal and a dozen allocations.
//! Here a call appends to a buffer that belongs to its thread, a task writes what came together in a tenth of a second,
//! and whoever reads too slowly loses lines, which are counted, instead of making calls wait. A call that is not logged
//! costs one addition. What strangers get wrong is logged up to a rate, so that they cannot fill the log. When not: what the gateway does beside calls is in the ordinary log.

use std::io::{self, IsTerminal as _, Write};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use http::HeaderValue;
use lyceum::configuration::LogFormat;
use lyceum::policy::Watched;
use lyceum::telemetry::code_name;
use prometheus_client::metrics::counter::Counter;
use tokio::sync::Notify;
use tokio::time::{sleep, timeout};
use tonic::Code;

use crate::metrics::OTHER;

/// What lines say they are, as other logs' targets.
pub(crate) const TARGET: &str = "lyceum::access";
/// Buffers, so that threads do not meet.
const BUFFERS: usize = 16;
/// What one buffer holds at most, in bytes.
const FULL: usize = 1024 * 1024;
/// A buffer that is worth writing at once.
const EARLY: usize = 256 * 1024;
/// How long lines are collected.
const COLLECT: Duration = Duration::from_millis(100);
/// How many failures of strangers are logged in that time, whatever the share.
const STRANGERS: u32 = 10;
/// How long the last lines may take.
const LAST: Duration = Duration::from_secs(1);

/// The access log.
#[derive(Debug)]
pub(crate) struct Journal {
    on: AtomicBool,
    json: AtomicBool,
    /// A call is logged when its number falls below.
    share: AtomicU64,
    drawn: AtomicU64,
    /// Failures of strangers since lines were last collected.
    strangers: AtomicU32,
    buffers: [Mutex<Vec<u8>>; BUFFERS],
    early: Notify,
    /// Lines that found no room.
    pub(crate) dropped: Counter,
}

/// One call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line<'a> {
    pub(crate) method: &'a str,
    pub(crate) code: Code,
    /// What the caller speaks.
    pub(crate) front: &'static str,
    /// The status of its answer.
    pub(crate) http: u16,
    /// Bytes of messages, from the caller and to it.
    pub(crate) received: u64,
    pub(crate) sent: u64,
    pub(crate) took: Duration,
    pub(crate) instance: Option<&'a str>,
    pub(crate) correlation: Option<&'a HeaderValue>,
}

/// One request that is no call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Visited<'a> {
    /// What it was for, in a word of ours.
    pub(crate) document: &'static str,
    pub(crate) verb: &'static str,
    pub(crate) http: u16,
    /// Bytes of the answer before compression, where it is not a stream.
    pub(crate) sent: Option<u64>,
    pub(crate) took: Duration,
    pub(crate) correlation: Option<&'a HeaderValue>,
}

/// How a request ended, for who draws the share.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Good,
    /// Always logged.
    Failed,
    /// Anybody can do it a thousand times a second.
    Strange,
}

impl Default for Journal {
    fn default() -> Self {
        Self {
            on: AtomicBool::new(false),
            json: AtomicBool::new(true),
            share: AtomicU64::new(u64::MAX),
            // Another beginning in each process; the rest follows from it.
            drawn: AtomicU64::new(u64::from(std::process::id()) << 32),
            strangers: AtomicU32::new(0),
            buffers: Default::default(),
            early: Notify::new(),
            dropped: Counter::default(),
        }
    }
}

// === impl Journal ===

impl Journal {
    /// Begins to keep lines for whoever [writes](Journal::write_to) them.
    pub(crate) fn open(&self, format: LogFormat) {
        let json = match format {
            LogFormat::Auto => !io::stderr().is_terminal(),
            LogFormat::Json => true,
            LogFormat::Text => false,
        };
        self.json.store(json, Ordering::Relaxed);
        self.on.store(true, Ordering::Relaxed);
    }

    /// The share of calls that is logged.
    fn sample(&self, share: f64) {
        // Saturates, so that 1 is all there are.
        self.share.store((share * u64::MAX as f64) as u64, Ordering::Relaxed);
    }

    /// Keeps the share as the policy says, for as long as it runs.
    pub(crate) async fn follow(self: Arc<Self>, policy: Arc<Watched>) {
        let mut changes = policy.changes();
        loop {
            self.sample(policy.load().edge.log.sample);
            if changes.changed().await.is_err() {
                return;
            }
        }
    }

    /// Takes down a call, if it is one that is logged.
    pub(crate) fn note(&self, line: &Line<'_>) {
        self.take(line.outcome(), |buffer, json| line.write(buffer, json));
    }

    /// Takes down a request that is no call, if it is one that is logged.
    pub(crate) fn visited(&self, line: &Visited<'_>) {
        self.take(line.outcome(), |buffer, json| line.write(buffer, json));
    }

    fn take(&self, outcome: Outcome, write: impl FnOnce(&mut Vec<u8>, bool)) {
        if !self.on.load(Ordering::Relaxed) || !self.wants(outcome) {
            return;
        }
        let buffer = &self.buffers[BUFFER.with(|buffer| *buffer)];
        let mut buffer = buffer.lock().unwrap_or_else(PoisonError::into_inner);
        if buffer.len() >= FULL {
            self.dropped.inc();
            return;
        }
        write(&mut buffer, self.json.load(Ordering::Relaxed));
        let early = buffer.len() >= EARLY;
        drop(buffer);
        if early {
            self.early.notify_one();
        }
    }

    /// Writes what is noted for as long as it runs.
    pub(crate) async fn write_to(self: Arc<Self>, mut writer: Box<dyn Write + Send>) {
        loop {
            // Either is as good as the other.
            let _ = timeout(COLLECT, self.early.notified()).await;
            self.strangers.store(0, Ordering::Relaxed);
            let Some(back) = self.flush(writer).await else { return };
            writer = back;
        }
    }

    /// Waits, not for long, until everything that was noted is on its way.
    pub(crate) async fn settle(&self) {
        let empty = || {
            let is_empty = |buffer: &Mutex<Vec<u8>>| buffer.lock().unwrap_or_else(PoisonError::into_inner).is_empty();
            self.buffers.iter().all(is_empty)
        };
        let settled = async {
            while self.on.load(Ordering::Relaxed) && !empty() {
                self.early.notify_one();
                sleep(COLLECT / 10).await;
            }
            // What was taken out last is being written.
            sleep(COLLECT / 10).await;
        };
        if timeout(LAST, settled).await.is_err() {
            tracing::warn!("the last lines of the access log could not be written");
        }
    }

    async fn flush(&self, mut writer: Box<dyn Write + Send>) -> Option<Box<dyn Write + Send>> {
        let mut lines = Vec::new();
        for buffer in &self.buffers {
            let mut buffer = buffer.lock().unwrap_or_else(PoisonError::into_inner);
            if !buffer.is_empty() {
                lines.push(std::mem::take(&mut *buffer));
            }
        }
        if lines.is_empty() {
            return Some(writer);
        }
        // A reader that does not read holds this thread, and no call.
        let written = tokio::task::spawn_blocking(move || {
            for lines in &lines {
                writer.write_all(lines)?;
            }
            writer.flush()?;
            Ok::<_, io::Error>(writer)
        });
        match written.await {
            Ok(Ok(writer)) => Some(writer),
            Ok(Err(error)) => {
                self.on.store(false, Ordering::Relaxed);
                tracing::warn!(%error, "the access log cannot be written, and ends");
                None
            }
            Err(_) => None,
        }
    }

    fn wants(&self, outcome: Outcome) -> bool {
        match outcome {
            Outcome::Failed => true,
            Outcome::Strange if self.strangers.load(Ordering::Relaxed) < STRANGERS => {
                self.strangers.fetch_add(1, Ordering::Relaxed);
                true
            }
            Outcome::Good | Outcome::Strange => self.draws(),
        }
    }

    /// Whether this call is one of the share: by chance, so that no rhythm of calls hides any.
    fn draws(&self) -> bool {
        match self.share.load(Ordering::Relaxed) {
            0 => false,
            u64::MAX => true,
            share => scattered(self.drawn.fetch_add(1, Ordering::Relaxed)) < share,
        }
    }
}

/// A number that looks like chance. Source: SplitMix64 (Steele, Lea, Flood, 2014).
fn scattered(number: u64) -> u64 {
    let mut mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

static THREADS: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// Which buffer a thread writes into.
    static BUFFER: usize = THREADS.fetch_add(1, Ordering::Relaxed) % BUFFERS;
}

// === impl Line ===

impl Line<'_> {
    fn outcome(&self) -> Outcome {
        match self.code {
            Code::Ok | Code::Cancelled => Outcome::Good,
            _ if self.method == OTHER => Outcome::Strange,
            _ => Outcome::Failed,
        }
    }

    fn write(&self, buffer: &mut Vec<u8>, json: bool) {
        let level = match self.code {
            Code::Internal | Code::Unknown | Code::DataLoss => "warn",
            _ => "info",
        };
        let mut text = Text::begin(buffer, json, level);
        text.word("method", self.method);
        text.word("code", code_name(self.code));
        text.word("front", self.front);
        text.number("http", self.http);
        text.number("received", self.received);
        text.number("sent", self.sent);
        text.milliseconds(self.took);
        if let Some(instance) = self.instance {
            text.word("instance", instance);
        }
        text.end(self.correlation);
    }
}

// === impl Visited ===

impl Visited<'_> {
    fn outcome(&self) -> Outcome {
        match self.http {
            ..400 | 499 => Outcome::Good,
            500.. => Outcome::Failed,
            _ => Outcome::Strange,
        }
    }

    fn write(&self, buffer: &mut Vec<u8>, json: bool) {
        let mut text = Text::begin(buffer, json, if self.http == 500 { "warn" } else { "info" });
        text.word("document", self.document);
        text.word("verb", self.verb);
        text.number("http", self.http);
        if let Some(sent) = self.sent {
            text.number("sent", sent);
        }
        text.milliseconds(self.took);
        text.end(self.correlation);
    }
}

/// A line as it is written, as JSON or to be read. Writing to memory cannot fail, so nothing here is asked whether it did.
struct Text<'a> {
    buffer: &'a mut Vec<u8>,
    json: bool,
}

// === impl Text ===

impl<'a> Text<'a> {
    fn begin(buffer: &'a mut Vec<u8>, json: bool, level: &str) -> Self {
        let now = humantime::format_rfc3339_millis(SystemTime::now());
        let _ = if json {
            write!(buffer, r#"{{"time":"{now}","level":"{level}","target":"{TARGET}""#)
        } else {
            write!(buffer, "{now} {level} {TARGET}")
        };
        Self { buffer, json }
    }

    fn name(&mut self, name: &str) {
        let _ = if self.json {
            write!(self.buffer, r#","{name}":"#)
        } else {
            write!(self.buffer, " {name}=")
        };
    }

    fn word(&mut self, name: &str, value: &str) {
        self.name(name);
        if self.json {
            let _ = serde_json::to_writer(&mut *self.buffer, value);
        } else {
            self.buffer.extend_from_slice(value.as_bytes());
        }
    }

    fn number(&mut self, name: &str, value: impl std::fmt::Display) {
        self.name(name);
        let _ = write!(self.buffer, "{value}");
    }

    fn milliseconds(&mut self, took: Duration) {
        let micros = took.as_micros();
        self.number("milliseconds", format_args!("{}.{:03}", micros / 1000, micros % 1000));
    }

    fn end(mut self, correlation: Option<&HeaderValue>) {
        if let Some(id) = correlation.and_then(|id| id.to_str().ok()) {
            self.word("correlation", id);
        }
        self.buffer.extend_from_slice(if self.json { b"}\n" } else { b"\n" });
    }
}

#[cfg(test)]
mod tests;
