//! How calls fare: what was counted since the gateway began, and in the last seconds.
//!
//! **What.** A sample of every method's counts is kept each second; the difference between the newest and the oldest is
//! the last ten seconds' rates and percentiles. `/gateway/calls` tells it once, `/gateway/calls/live` as it changes.
//!
//! **Why.** A page, or a person with curl, sees what happens now without a Prometheus. Nothing is added to a call: the
//! samples read what is counted anyway. When not: history.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use lyceum::telemetry::{Counts, code_name};
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{Instant, MissedTickBehavior, interval};
use tonic::Code;

use crate::metrics::{CODES, Metrics, Tally};

/// How often a sample is taken.
const EVERY: Duration = Duration::from_secs(1);
/// How many are kept beside the newest.
const KEPT: usize = 10;
/// How many may listen at a time.
const LISTENERS: usize = 64;

/// What is kept of the last seconds.
#[derive(Debug)]
pub(crate) struct Calls {
    metrics: Metrics,
    samples: Mutex<VecDeque<Sample>>,
    live: watch::Sender<Bytes>,
    places: Arc<Semaphore>,
}

/// Every method's counts at a time.
#[derive(Clone, Debug)]
struct Sample {
    at: Instant,
    methods: BTreeMap<String, Tally>,
}

/// Somebody who is told as it changes.
#[derive(Debug)]
pub(crate) struct Listener {
    /// Events, the newest alone for whoever is slow.
    pub(crate) events: watch::Receiver<Bytes>,
    _place: OwnedSemaphorePermit,
}

/// `/gateway/calls`.
#[derive(Debug, Serialize)]
pub(crate) struct CallsReport {
    /// How long "recent" is.
    seconds: f64,
    all: Fared,
    methods: BTreeMap<String, Fared>,
}

/// How the calls of a method fared.
#[derive(Debug, Serialize)]
struct Fared {
    in_flight: u64,
    calls: u64,
    errors: BTreeMap<&'static str, u64>,
    latency_ms: Percentiles,
    recent: Recent,
}

#[derive(Debug, Serialize)]
struct Recent {
    calls: u64,
    per_second: f64,
    errors: BTreeMap<&'static str, u64>,
    latency_ms: Percentiles,
}

#[derive(Debug, Serialize)]
struct Percentiles {
    p50: f64,
    p90: f64,
    p99: f64,
}

// === impl Calls ===

impl Calls {
    pub(crate) fn new(metrics: Metrics) -> Self {
        Self {
            samples: Mutex::new(VecDeque::from([Sample::take(&metrics)])),
            metrics,
            live: watch::Sender::default(),
            places: Arc::new(Semaphore::new(LISTENERS)),
        }
    }

    /// Takes samples, and tells whoever listens, for as long as it runs.
    pub(crate) async fn follow(self: Arc<Self>) {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if self.live.receiver_count() > 0 {
                self.live.send_replace(event(&self.report()));
            }
            let mut samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
            if samples.len() >= KEPT {
                samples.pop_front();
            }
            samples.push_back(Sample::take(&self.metrics));
        }
    }

    /// How calls fare now.
    pub(crate) fn report(&self) -> CallsReport {
        let now = Sample::take(&self.metrics);
        let samples = self.samples.lock().unwrap_or_else(PoisonError::into_inner);
        let before = samples.front().unwrap_or(&now);
        CallsReport::between(before, &now)
    }

    /// A place to listen from; none when there are too many listeners.
    pub(crate) fn listen(&self) -> Option<Listener> {
        let place = Arc::clone(&self.places).try_acquire_owned().ok()?;
        let events = self.live.subscribe();
        self.live.send_replace(event(&self.report()));
        Some(Listener { events, _place: place })
    }
}

/// A server-sent event.
fn event(report: &CallsReport) -> Bytes {
    let mut text = b"data: ".to_vec();
    // Strings and numbers always can be written.
    let _ = serde_json::to_writer(&mut text, report);
    text.extend_from_slice(b"\n\n");
    text.into()
}

// === impl Sample ===

impl Sample {
    fn take(metrics: &Metrics) -> Self {
        Self {
            at: Instant::now(),
            methods: metrics
                .methods()
                .iter()
                .map(|method| (method.name.clone(), method.tally()))
                .collect(),
        }
    }
}

// === impl CallsReport ===

impl CallsReport {
    fn between(before: &Sample, now: &Sample) -> Self {
        let seconds = now.at.saturating_duration_since(before.at).as_secs_f64();
        let none = Tally::default();
        let earlier = |name: &str| before.methods.get(name).unwrap_or(&none);
        let sum = |sample: &Sample| {
            sample.methods.values().fold(Tally::default(), |sum, tally| Tally {
                in_flight: sum.in_flight + tally.in_flight,
                ended: std::array::from_fn(|code| sum.ended[code] + tally.ended[code]),
                durations: sum.durations.with(&tally.durations),
            })
        };
        Self {
            seconds,
            all: Fared::between(&sum(before), &sum(now), seconds),
            methods: now
                .methods
                .iter()
                // A method that nobody has called says nothing.
                .filter(|(_, tally)| tally.in_flight > 0 || tally.ended != none.ended)
                .map(|(name, tally)| (name.clone(), Fared::between(earlier(name), tally, seconds)))
                .collect(),
        }
    }
}

impl Fared {
    fn between(before: &Tally, now: &Tally, seconds: f64) -> Self {
        let recent: [u64; CODES] = std::array::from_fn(|code| now.ended[code].saturating_sub(before.ended[code]));
        let calls = recent.iter().sum();
        Self {
            in_flight: now.in_flight,
            calls: now.ended.iter().sum(),
            errors: errors(&now.ended),
            latency_ms: Percentiles::of(&now.durations),
            recent: Recent {
                calls,
                per_second: if seconds > 0.0 { calls as f64 / seconds } else { 0.0 },
                errors: errors(&recent),
                latency_ms: Percentiles::of(&now.durations.since(&before.durations)),
            },
        }
    }
}

impl Percentiles {
    fn of(durations: &Counts) -> Self {
        let milliseconds = |quantile| durations.quantile(quantile).as_secs_f64() * 1e3;
        Self {
            p50: milliseconds(0.5),
            p90: milliseconds(0.9),
            p99: milliseconds(0.99),
        }
    }
}

fn errors(ended: &[u64; CODES]) -> BTreeMap<&'static str, u64> {
    ended
        .iter()
        .enumerate()
        .skip(1)
        .filter(|(_, calls)| **calls > 0)
        .map(|(code, calls)| (code_name(Code::from_i32(code as i32)), *calls))
        .collect()
}

#[cfg(test)]
mod tests {
    use tokio::time::advance;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_last_seconds_stand_beside_the_whole() {
        let metrics = Metrics::default();
        let method = metrics.method("p.S/M");
        metrics.method("p.S/Never");
        let call = |code, milliseconds| {
            method.begin();
            method.end(code, Duration::from_millis(milliseconds));
        };
        for _ in 0..100 {
            call(Code::Ok, 1);
        }
        let calls = Arc::new(Calls::new(metrics.clone()));
        let following = tokio::spawn(Arc::clone(&calls).follow());
        advance(Duration::from_millis(1500)).await;
        for _ in 0..9 {
            call(Code::Ok, 40);
        }
        call(Code::NotFound, 40);
        method.begin();
        let told = serde_json::to_value(calls.report()).unwrap();
        let method = &told["methods"]["p.S/M"];
        assert_eq!((&method["calls"], &method["in_flight"]), (&110.into(), &1.into()));
        assert_eq!(method["recent"]["calls"], 10);
        assert_eq!(method["recent"]["errors"], serde_json::json!({ "NOT_FOUND": 1 }));
        assert!(method["recent"]["latency_ms"]["p50"].as_f64().unwrap() > 25.0);
        assert!(method["latency_ms"]["p50"].as_f64().unwrap() <= 1.0);
        let rate = method["recent"]["per_second"].as_f64().unwrap();
        assert!(rate > 6.0 && rate < 7.0, "{rate}");
        assert_eq!(told["all"]["recent"]["calls"], 10);
        assert!(told["methods"].get("p.S/Never").is_none());

        for _ in 0..12 {
            advance(EVERY).await;
            tokio::task::yield_now().await;
        }
        let told = serde_json::to_value(calls.report()).unwrap();
        assert_eq!(told["methods"]["p.S/M"]["recent"]["calls"], 0, "long ago");
        assert_eq!(told["methods"]["p.S/M"]["calls"], 110);
        assert!(told["seconds"].as_f64().unwrap() <= 11.0);
        following.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn listeners_are_told_each_second_and_have_a_limit() {
        let metrics = Metrics::default();
        let calls = Arc::new(Calls::new(metrics.clone()));
        let following = tokio::spawn(Arc::clone(&calls).follow());
        let mut listeners: Vec<_> = (0..LISTENERS).map(|_| calls.listen().unwrap()).collect();
        assert!(calls.listen().is_none());
        let events = &mut listeners[0].events;
        assert!(events.borrow_and_update().starts_with(b"data: {"));
        let method = metrics.method("p.S/M");
        method.begin();
        advance(EVERY).await;
        events.changed().await.unwrap();
        let event = events.borrow_and_update().clone();
        assert!(event.ends_with(b"\n\n"));
        let told: serde_json::Value = serde_json::from_slice(&event[6..]).unwrap();
        assert_eq!(told["methods"]["p.S/M"]["in_flight"], 1);
        listeners.clear();
        assert!(calls.listen().is_some());
        following.abort();
    }
}
