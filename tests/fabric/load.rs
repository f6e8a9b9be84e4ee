//! Callers that never stop: what a test looks at while it breaks something.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use lyceum::contracts::testing::v1::{GetProbeRequest, RecordProbeRequest};
use lyceum::testing::wait_for;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::scene::Client;

/// What a load calls.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Call {
    /// Idempotent, answered after this many milliseconds.
    Get(u32),
    /// Not idempotent.
    Record,
}

/// Calls under way, one after the other from each caller.
pub(crate) struct Load {
    stop: CancellationToken,
    callers: JoinSet<Vec<Status>>,
    answered: Arc<AtomicU64>,
}

/// How it went.
#[derive(Debug)]
pub(crate) struct Tally {
    pub(crate) answered: u64,
    pub(crate) errors: Vec<Status>,
}

impl Load {
    pub(crate) fn start(client: &Client, callers: usize, what: Call) -> Self {
        let (stop, answered) = (CancellationToken::new(), Arc::new(AtomicU64::new(0)));
        let mut tasks = JoinSet::new();
        for _ in 0..callers {
            let (stop, answered, mut client) = (stop.clone(), Arc::clone(&answered), client.clone());
            tasks.spawn(async move {
                let mut errors = Vec::new();
                while !stop.is_cancelled() {
                    let outcome = match what {
                        Call::Get(delay_milliseconds) => {
                            let request = GetProbeRequest {
                                delay_milliseconds,
                                ..GetProbeRequest::default()
                            };
                            client.get_probe(request).await.map(drop)
                        }
                        Call::Record => client.record_probe(RecordProbeRequest::default()).await.map(drop),
                    };
                    match outcome {
                        Ok(()) => {
                            answered.fetch_add(1, Ordering::SeqCst);
                        }
                        Err(status) => errors.push(status),
                    }
                }
                errors
            });
        }
        Self {
            stop,
            callers: tasks,
            answered,
        }
    }

    /// Waits until this many more calls have been answered.
    pub(crate) async fn answers(&self, more: u64) {
        let goal = self.answered.load(Ordering::SeqCst) + more;
        wait_for("more answers", || async {
            self.answered.load(Ordering::SeqCst) >= goal
        })
        .await;
    }

    /// Lets every caller finish its call.
    pub(crate) async fn end(self) -> Tally {
        self.stop.cancel();
        let errors = self.callers.join_all().await.into_iter().flatten().collect();
        Tally {
            answered: self.answered.load(Ordering::SeqCst),
            errors,
        }
    }
}

impl Tally {
    /// # Panics
    /// When a single call failed.
    #[track_caller]
    pub(crate) fn flawless(self) -> u64 {
        let first = self.errors.first();
        assert!(
            first.is_none(),
            "{} of {} calls failed; the first: {first:?}",
            self.errors.len(),
            self.answered + self.errors.len() as u64
        );
        self.answered
    }
}
