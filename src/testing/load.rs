//! Open-loop load: calls begin at a given rate whatever becomes of those before, and every one of them is counted.
//!
//! A caller that waits for its answer before it asks again slows down with the server and so hides what users would
//! see ("coordinated omission"). Here a call's time counts from the moment at which it was due. Every call ends in the
//! [`Report`]: answered, by whom, or failed, with its code and reason; nothing is sampled or rounded into buckets, so
//! that a test can assert counts. When not: throughput, which needs callers that wait.
//! Source: Tene, "How NOT to Measure Latency" (2013).

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tonic::Status;
use tonic_types::StatusExt as _;

use super::wait_for;

/// Calls under way.
#[derive(Debug)]
pub struct Load {
    begun: Instant,
    stop: CancellationToken,
    tally: Arc<Tally>,
    calls: TaskTracker,
    pacing: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Tally {
    sent: AtomicU64,
    answered: AtomicU64,
    samples: Mutex<Vec<Sample>>,
}

/// One call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// When it was due, from the beginning of the load.
    pub due: Duration,
    /// From then to its end.
    pub took: Duration,
    /// The instance that answered, or the cause why none did: the code and the reason, as `Unavailable NO_INSTANCES`.
    pub outcome: Result<String, String>,
}

/// How it went, call by call, in the order in which they ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Calls that were begun. More than there are samples: some never ended.
    pub sent: u64,
    /// Calls that ended.
    pub samples: Vec<Sample>,
}

// === impl Load ===

impl Load {
    /// Begins `rate` calls a second, one after the other by the clock. `call` gets its number and answers with the
    /// instance that answered.
    pub fn start<C, F>(rate: u32, call: C) -> Self
    where
        C: Fn(u64) -> F + Send + 'static,
        F: Future<Output = Result<String, Status>> + Send + 'static,
    {
        let begun = Instant::now();
        let (stop, tally, calls) = (CancellationToken::new(), Arc::<Tally>::default(), TaskTracker::new());
        let pacing = {
            let (stop, tally, calls) = (stop.clone(), Arc::clone(&tally), calls.clone());
            tokio::spawn(async move {
                for number in 0_u64.. {
                    let due = Duration::from_secs_f64(number as f64 / f64::from(rate));
                    if stop.run_until_cancelled(sleep_until(begun + due)).await.is_none() {
                        return;
                    }
                    tally.sent.fetch_add(1, Ordering::SeqCst);
                    let (tally, call) = (Arc::clone(&tally), call(number));
                    calls.spawn(async move {
                        let outcome = call.await.map_err(|status| cause(&status));
                        tally.end(Sample {
                            due,
                            took: begun.elapsed().saturating_sub(due),
                            outcome,
                        });
                    });
                }
            })
        };
        Self {
            begun,
            stop,
            tally,
            calls,
            pacing,
        }
    }

    /// The load's own time, in which samples say when they were due.
    #[must_use]
    pub fn now(&self) -> Duration {
        self.begun.elapsed()
    }

    /// Waits until this many more calls have been answered.
    ///
    /// # Panics
    /// When they are not within a minute.
    pub async fn answers(&self, more: u64) {
        let goal = self.tally.answered.load(Ordering::SeqCst) + more;
        wait_for("more answers", || async {
            self.tally.answered.load(Ordering::SeqCst) >= goal
        })
        .await;
    }

    /// Waits until this many more calls have been begun: the load's own clock, where answers may not come.
    ///
    /// # Panics
    /// When they are not within a minute.
    pub async fn sends(&self, more: u64) {
        let goal = self.tally.sent.load(Ordering::SeqCst) + more;
        wait_for("more calls", || async {
            self.tally.sent.load(Ordering::SeqCst) >= goal
        })
        .await;
    }

    /// How it went so far.
    #[must_use]
    pub fn so_far(&self) -> Report {
        let samples = self.tally.samples.lock().unwrap_or_else(PoisonError::into_inner);
        Report {
            sent: self.tally.sent.load(Ordering::SeqCst),
            samples: samples.clone(),
        }
    }

    /// Begins no more calls and waits for those under way.
    pub async fn end(self) -> Report {
        self.stop.cancel();
        let _ = self.pacing.await;
        self.calls.close();
        self.calls.wait().await;
        let samples = std::mem::take(&mut *self.tally.samples.lock().unwrap_or_else(PoisonError::into_inner));
        Report {
            sent: self.tally.sent.load(Ordering::SeqCst),
            samples,
        }
    }
}

impl Tally {
    fn end(&self, sample: Sample) {
        if sample.outcome.is_ok() {
            self.answered.fetch_add(1, Ordering::SeqCst);
        }
        self.samples.lock().unwrap_or_else(PoisonError::into_inner).push(sample);
    }
}

/// The code and the stable reason of a failure.
fn cause(status: &Status) -> String {
    let reason = status.get_details_error_info().map(|info| info.reason);
    format!("{:?} {}", status.code(), reason.unwrap_or_default())
        .trim_end()
        .to_owned()
}

// === impl Report ===

impl Report {
    /// Calls that were answered.
    #[must_use]
    pub fn answered(&self) -> u64 {
        self.sent_by(|sample| sample.outcome.is_ok())
    }

    /// Calls that failed, and those that never ended.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.sent.saturating_sub(self.answered())
    }

    /// Failures by cause; those that never ended are `lost`.
    #[must_use]
    pub fn causes(&self) -> BTreeMap<String, u64> {
        let mut causes = BTreeMap::new();
        for sample in &self.samples {
            if let Err(cause) = &sample.outcome {
                *causes.entry(cause.clone()).or_default() += 1;
            }
        }
        let lost = self.sent.saturating_sub(self.samples.len() as u64);
        if lost > 0 {
            causes.insert("lost".to_owned(), lost);
        }
        causes
    }

    /// Answers by instance.
    #[must_use]
    pub fn instances(&self) -> BTreeMap<String, u64> {
        let mut instances = BTreeMap::new();
        for instance in self.samples.iter().filter_map(|sample| sample.outcome.as_ref().ok()) {
            *instances.entry(instance.clone()).or_default() += 1;
        }
        instances
    }

    /// The share of the answers that an instance gave, 0 to 1.
    #[must_use]
    pub fn share(&self, instance: &str) -> f64 {
        let given = self.instances().get(instance).copied().unwrap_or(0);
        given as f64 / self.answered().max(1) as f64
    }

    /// The time that a share `quantile` (0 to 1) of the answered calls did not exceed; zero without any.
    #[must_use]
    pub fn quantile(&self, quantile: f64) -> Duration {
        let mut times: Vec<Duration> = self
            .samples
            .iter()
            .filter(|sample| sample.outcome.is_ok())
            .map(|sample| sample.took)
            .collect();
        times.sort_unstable();
        let rank = (quantile.clamp(0.0, 1.0) * times.len() as f64).ceil() as usize;
        times.get(rank.max(1) - 1).copied().unwrap_or_default()
    }

    /// The calls that were due within a span of the load's time, of those that ended.
    #[must_use]
    pub fn during(&self, span: Range<Duration>) -> Self {
        let samples: Vec<Sample> = self
            .samples
            .iter()
            .filter(|sample| span.contains(&sample.due))
            .cloned()
            .collect();
        Self {
            sent: samples.len() as u64,
            samples,
        }
    }

    /// Asserts that every call was answered, and returns how many there were.
    ///
    /// # Panics
    /// When a single one was not.
    #[track_caller]
    #[must_use]
    pub fn flawless(&self) -> u64 {
        assert!(self.failed() == 0 && self.sent > 0, "not flawless: {self}");
        self.sent
    }

    fn sent_by(&self, which: impl Fn(&Sample) -> bool) -> u64 {
        self.samples.iter().filter(|sample| which(sample)).count() as u64
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let milliseconds = |q| self.quantile(q).as_secs_f64() * 1e3;
        write!(
            f,
            "sent {}, answered {}, failed {}",
            self.sent,
            self.answered(),
            self.failed()
        )?;
        for (cause, count) in self.causes() {
            write!(f, " ({cause}: {count})")?;
        }
        write!(
            f,
            "; p50 {:.1} ms, p99 {:.1} ms, p99.9 {:.1} ms; answers",
            milliseconds(0.5),
            milliseconds(0.99),
            milliseconds(0.999)
        )?;
        for (instance, count) in self.instances() {
            write!(f, " {instance}: {count}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn calls_begin_by_the_clock_and_their_time_counts_from_when_they_were_due() {
        let load = Load::start(100, |number| async move {
            match number % 4 {
                0 => Err(crate::error::Error::unavailable("NO_INSTANCES", "nobody").into()),
                1 => {
                    tokio::time::sleep(Duration::from_secs(3)).await;
                    Ok("slow".to_owned())
                }
                _ => Ok("quick".to_owned()),
            }
        });
        load.sends(100).await;
        let report = load.end().await;
        assert!(report.sent >= 100, "nobody waited for the slow ones: {report}");
        assert_eq!(
            report.causes(),
            BTreeMap::from([("Unavailable NO_INSTANCES".to_owned(), report.sent.div_ceil(4))])
        );
        assert_eq!(report.answered() + report.failed(), report.sent);
        assert!((0.3..0.36).contains(&report.share("slow")), "{report}");
        assert!(report.quantile(0.99) >= Duration::from_secs(3), "{report}");
        assert!(report.quantile(0.5) < Duration::from_millis(10), "{report}");
        let half = report.during(Duration::ZERO..Duration::from_millis(500));
        assert_eq!(half.sent, 50);
    }

    #[test]
    fn a_call_that_never_ends_is_a_failure() {
        let report = Report {
            sent: 2,
            samples: vec![Sample {
                due: Duration::ZERO,
                took: Duration::from_millis(1),
                outcome: Ok("a".to_owned()),
            }],
        };
        assert_eq!((report.answered(), report.failed()), (1, 1));
        assert_eq!(report.causes(), BTreeMap::from([("lost".to_owned(), 1)]));
    }
}
