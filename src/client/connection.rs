//! The connections to one instance, kept up by a task of their own.
//!
//! There is one HTTP/2 connection, and a second while the first is near the streams that its peer allows. The task
//! connects eagerly, so that a call finds a connection, and again after a loss: at once when the connection had been
//! good, with full-jitter backoff when it cannot be made. A call that finds nobody ready hurries it. Where it connects
//! lazily (`client.eager = false`), an instance that is not connected to counts as ready until it turns out otherwise,
//! and the first call that goes there waits for its connection. When not: what an
//! instance is and how well it does are discovery's and the balancer's. Source: gRPC's connection backoff.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};
use std::time::Duration;

use arc_swap::ArcSwapOption;
use http::uri::Authority;
use tokio::sync::Notify;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::callee::Shared;
use super::lane::{self, Lane, Place};
use crate::balancing::Member;
use crate::discovery::Instance;

/// The first pause after a connection that could not be made; doubled up to [`PAUSE_LIMIT`].
const PAUSE: Duration = Duration::from_millis(100);
const PAUSE_LIMIT: Duration = Duration::from_secs(10);
/// Waiting calls hurry the next attempt, but never below this.
const PAUSE_FLOOR: Duration = Duration::from_millis(25);
/// In the place of a connection's address: none is made yet, and one will be for the first call.
const IDLE: usize = 1;
/// A second connection that nobody has needed for so long ends.
const SPARE: Duration = Duration::from_secs(30);

/// The connections of one instance; dropping it ends its task.
#[derive(Debug)]
pub(super) struct Connection {
    link: Arc<Link>,
    _stop: DropGuard,
}

/// What the task and the calls share.
#[derive(Debug)]
pub(super) struct Link {
    key: String,
    /// The instance's id, as responses name it.
    pub(super) id: Arc<str>,
    authority: Authority,
    first: ArcSwapOption<Lane>,
    /// Which first connection takes requests, by its address; 0: none. What every draw of the balancer asks.
    ready: AtomicUsize,
    second: ArcSwapOption<Lane>,
    /// The first connection was made, or could not be.
    settled: Notify,
    crowded: Notify,
    /// The second connection has been made, or could not be.
    spread: Notify,
    hurry: Notify,
    failures: AtomicU32,
    /// Whether its certificate was why, the last time.
    distrusted: AtomicBool,
}

/// What identifies an instance: the same id at another address is somebody else.
pub(super) fn key(instance: &Instance) -> String {
    format!("{}@{}", instance.id, instance.authority())
}

impl Connection {
    /// Starts the task. `None`: the instance announces an address that is none.
    pub(super) fn spawn(key: String, instance: &Instance, shared: Arc<Shared>) -> Option<Self> {
        let authority = instance.authority().parse().ok()?;
        let link = Arc::new(Link {
            key,
            id: instance.id.as_str().into(),
            authority,
            first: ArcSwapOption::empty(),
            // A call may come before the task runs, and would then hurry everybody.
            ready: AtomicUsize::new(if shared.settings.eager { 0 } else { IDLE }),
            second: ArcSwapOption::empty(),
            settled: Notify::new(),
            crowded: Notify::new(),
            spread: Notify::new(),
            hurry: Notify::new(),
            failures: AtomicU32::new(0),
            distrusted: AtomicBool::new(false),
        });
        let stop = CancellationToken::new();
        let (kept, spread) = (Arc::clone(&link), Arc::clone(&link));
        let stopped = stop.clone();
        tokio::spawn(async move {
            stopped
                .run_until_cancelled_owned(async {
                    tokio::join!(keep(&kept, &shared), spread_out(&spread, &shared));
                })
                .await
        });
        Some(Self {
            link,
            _stop: stop.drop_guard(),
        })
    }

    pub(super) fn link(&self) -> &Arc<Link> {
        &self.link
    }
}

impl Member for Connection {
    fn key(&self) -> &str {
        &self.link.key
    }

    fn id(&self) -> &str {
        &self.link.id
    }

    fn is_ready(&self) -> bool {
        self.link.ready.load(Ordering::Relaxed) != 0
    }
}

impl Link {
    /// A place for one request: on the first connection unless that is crowded and the second is less so. Waits while the
    /// first has no stream left and the second is being made: in the first one's queue it would wait for the streams before
    /// it to end. `None`: there is no connection.
    pub(super) async fn place(&self) -> Option<Place> {
        loop {
            // Before the look, so that its coming is not missed.
            let settled = self.settled.notified();
            let Some(first) = self.first.load_full() else {
                if self.ready.load(Ordering::Acquire) != IDLE {
                    return None;
                }
                self.hurry.notify_one();
                settled.await;
                continue;
            };
            if first.is_retired() {
                // Its task has not noticed yet. Nobody else has this address while it is held here.
                let _ = self
                    .ready
                    .compare_exchange(address(&first), 0, Ordering::Relaxed, Ordering::Relaxed);
                return None;
            }
            if !first.is_crowded() {
                return Some(first.place());
            }
            // Before the look at the second, so that its coming is not missed.
            let spread = self.spread.notified();
            if let Some(second) = self.second.load_full().filter(|lane| !lane.is_retired()) {
                let freer = if second.under_way() < first.under_way() {
                    second
                } else {
                    first
                };
                return Some(freer.place());
            }
            self.crowded.notify_one();
            if let Some(place) = Arc::clone(&first).free_place() {
                return Some(place);
            }
            tokio::select! {
                () = spread => {}
                () = first.room() => {}
            }
        }
    }

    /// Whether there is a connection, rather than the prospect of one.
    pub(super) fn is_connected(&self) -> bool {
        self.ready.load(Ordering::Relaxed) > IDLE
    }

    /// A call waits for this connection.
    pub(super) fn hurry(&self) {
        self.hurry.notify_one();
    }

    /// Whether the last attempts to connect failed.
    pub(super) fn is_unreachable(&self) -> bool {
        self.failures.load(Ordering::Relaxed) > 0
    }

    /// Whether they failed because the instance's certificate is refused.
    pub(super) fn is_distrusted(&self) -> bool {
        self.is_unreachable() && self.distrusted.load(Ordering::Relaxed)
    }
}

fn address(lane: &Arc<Lane>) -> usize {
    Arc::as_ptr(lane).addr()
}

/// Whether a connection failed because the peer's certificate is refused here.
fn is_distrust(error: &lane::Error) -> bool {
    let lane::Error::Io(error) = error else { return false };
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<rustls::Error>());
    matches!(cause, Some(rustls::Error::InvalidCertificate(_)))
}

/// Keeps the first connection up.
async fn keep(link: &Link, shared: &Shared) {
    loop {
        if !shared.settings.eager && link.failures.load(Ordering::Relaxed) == 0 {
            link.ready.store(IDLE, Ordering::Release);
            shared.announce();
            link.hurry.notified().await;
        }
        match Lane::connect(&link.authority, shared).await {
            Ok((lane, ended)) => {
                link.failures.store(0, Ordering::Relaxed);
                link.first.store(Some(Arc::clone(&lane)));
                link.ready.store(address(&lane), Ordering::Release);
                link.settled.notify_waiters();
                shared.announce();
                tokio::select! {
                    () = lane.retirement() => {}
                    _ = ended => {}
                }
                link.ready.store(0, Ordering::Release);
                link.first.store(None);
                shared.announce();
                tracing::debug!(instance = %link.id, "connection ended");
            }
            Err(error) => {
                link.distrusted.store(is_distrust(&error), Ordering::Relaxed);
                let failures = link.failures.fetch_add(1, Ordering::Relaxed) + 1;
                link.ready.store(0, Ordering::Release);
                link.settled.notify_waiters();
                shared.announce();
                if failures == 1 {
                    tracing::warn!(instance = %link.id, address = %link.authority, %error, "cannot connect");
                }
                let pause = backoff(failures);
                tokio::time::sleep(PAUSE_FLOOR.min(pause)).await;
                tokio::select! {
                    () = tokio::time::sleep(pause.saturating_sub(PAUSE_FLOOR)) => {}
                    () = link.hurry.notified() => {}
                }
            }
        }
    }
}

/// Makes a second connection when the first is crowded, and ends it when nobody has needed it for a while.
async fn spread_out(link: &Link, shared: &Shared) {
    loop {
        link.crowded.notified().await;
        let Ok((lane, mut ended)) = Lane::connect(&link.authority, shared).await else {
            // The first connection tells what is wrong; the next crowd tries again.
            link.spread.notify_waiters();
            tokio::time::sleep(PAUSE).await;
            continue;
        };
        tracing::debug!(instance = %link.id, "second connection");
        link.second.store(Some(Arc::clone(&lane)));
        link.spread.notify_waiters();
        loop {
            tokio::select! {
                () = lane.retirement() => break,
                _ = &mut ended => break,
                () = tokio::time::sleep(SPARE) => {
                    let crowded = link.first.load().as_ref().is_some_and(|first| first.is_crowded());
                    if lane.under_way() == 0 && !crowded {
                        break;
                    }
                }
            }
        }
        link.second.store(None);
    }
}

/// Full jitter: anything up to the doubled pause, so that instances are not found again all at once.
#[expect(
    clippy::disallowed_methods,
    reason = "jitter between processes must differ; nothing replays it"
)]
fn backoff(failures: u32) -> Duration {
    let most = PAUSE.saturating_mul(1 << failures.min(10)).min(PAUSE_LIMIT);
    most.mul_f64(fastrand::f64())
}
