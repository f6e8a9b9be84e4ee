//! The access log: a line for each call, or for a share of them, and for every call that failed.
//!
//! **What.** A [`Line`] has what an operator needs to see how callers fare: method, code, HTTP status, what the caller
//! speaks, sizes, time, instance, correlation id. No address, no path or query, nothing of who is calling.
//!
//! **Why ours.** A line that goes through the log's own formatter costs a write to the terminal and a dozen allocations.
//! Here a call appends to a buffer that belongs to its thread, a task writes what came together in a tenth of a second,
//! and whoever reads too slowly loses lines, which are counted, instead of making calls wait. A call that is not logged
//! costs one addition. When not: what the gateway does beside calls is in the ordinary log.

use std::io::{self, IsTerminal as _, Write};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
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
    /// What the caller speaks, and the HTTP status of its answer; none for what never became a call.
    pub(crate) front: Option<(&'static str, u16)>,
    /// Bytes of messages, from the caller and to it.
    pub(crate) received: u64,
    pub(crate) sent: u64,
    pub(crate) took: Duration,
    pub(crate) instance: Option<&'a str>,
    pub(crate) correlation: Option<&'a HeaderValue>,
}

impl Default for Journal {
    fn default() -> Self {
        Self {
            on: AtomicBool::new(false),
            json: AtomicBool::new(true),
            share: AtomicU64::new(u64::MAX),
            // Another beginning in each process; the rest follows from it.
            drawn: AtomicU64::new(u64::from(std::process::id()) << 32),
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
        if !self.on.load(Ordering::Relaxed) || !(is_failure(line) || self.draws()) {
            return;
        }
        let buffer = &self.buffers[BUFFER.with(|buffer| *buffer)];
        let mut buffer = buffer.lock().unwrap_or_else(PoisonError::into_inner);
        if buffer.len() >= FULL {
            self.dropped.inc();
            return;
        }
        line.write(&mut buffer, self.json.load(Ordering::Relaxed));
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

    /// Whether this call is one of the share: by chance, so that no rhythm of calls hides any.
    fn draws(&self) -> bool {
        match self.share.load(Ordering::Relaxed) {
            0 => false,
            u64::MAX => true,
            share => scattered(self.drawn.fetch_add(1, Ordering::Relaxed)) < share,
        }
    }
}

/// Whether a call is logged whatever the share. What strangers make up must not fill the log.
fn is_failure(line: &Line<'_>) -> bool {
    !matches!(line.code, Code::Ok | Code::Cancelled) && line.method != OTHER
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
    /// Writing to memory cannot fail, so nothing here is asked whether it did.
    fn write(&self, buffer: &mut Vec<u8>, json: bool) {
        let now = humantime::format_rfc3339_millis(SystemTime::now());
        let level = match self.code {
            Code::Internal | Code::Unknown | Code::DataLoss => "warn",
            _ => "info",
        };
        let code = code_name(self.code);
        let micros = self.took.as_micros();
        let (whole, rest) = (micros / 1000, micros % 1000);
        if json {
            let _ = write!(
                buffer,
                r#"{{"time":"{now}","level":"{level}","target":"{TARGET}","method":"#
            );
            let _ = serde_json::to_writer(&mut *buffer, self.method);
            let _ = write!(buffer, r#","code":"{code}""#);
            if let Some((front, http)) = self.front {
                let _ = write!(buffer, r#","front":"{front}","http":{http}"#);
            }
            let _ = write!(
                buffer,
                r#","received":{},"sent":{},"milliseconds":{whole}.{rest:03}"#,
                self.received, self.sent
            );
        } else {
            let _ = write!(buffer, "{now} {level} {TARGET} method={} code={code}", self.method);
            if let Some((front, http)) = self.front {
                let _ = write!(buffer, " front={front} http={http}");
            }
            let _ = write!(
                buffer,
                " received={} sent={} milliseconds={whole}.{rest:03}",
                self.received, self.sent
            );
        }
        let correlation = self.correlation.and_then(|id| id.to_str().ok());
        for (name, value) in [("instance", self.instance), ("correlation", correlation)] {
            let Some(value) = value else { continue };
            if json {
                let _ = write!(buffer, r#","{name}":"#);
                let _ = serde_json::to_writer(&mut *buffer, value);
            } else {
                let _ = write!(buffer, " {name}={value}");
            }
        }
        buffer.extend_from_slice(if json { b"}\n" } else { b"\n" });
    }
}

#[cfg(test)]
mod tests;
