//! Sessions that were ended before their time: remembered by every gateway until no cookie of theirs can be valid.
//!
//! A sealed cookie cannot be called back, so signing out leaves a mark in Consul, `lyceum/sessions/ended/<id>`, whose
//! value is when it may be forgotten. The gateway that ends a session knows at once, the others within a second or so;
//! while Consul is away only that gateway knows. Marks are swept by whoever sees one that is over.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use lyceum::Fabric;
use lyceum::consul::{self, Client, Stored};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::task::AbortOnDropHandle;

use super::moment::Moment;

const FOLDER: &str = "lyceum/sessions/ended/";
const SWEEP: Duration = Duration::from_secs(60);
/// The most marks that are removed in one sweep.
const SWEPT: usize = 1000;

type Marks = HashMap<String, Moment>;

/// The sessions that were ended.
pub(super) struct Ended {
    shared: Arc<Shared>,
    _following: AbortOnDropHandle<()>,
}

struct Shared {
    consul: Client,
    /// Written with `own` locked.
    marks: ArcSwap<Marks>,
    /// Those that this gateway ended, which Consul may not tell of yet.
    own: Mutex<Marks>,
}

// === impl Ended ===

impl Ended {
    pub(super) fn follow(fabric: &Fabric) -> Self {
        let shared = Arc::new(Shared {
            consul: fabric.consul().clone(),
            marks: ArcSwap::default(),
            own: Mutex::default(),
        });
        let mut values = fabric.values(FOLDER);
        let followed = Arc::clone(&shared);
        let following = tokio::spawn(async move {
            let mut sweep = interval(SWEEP);
            sweep.set_missed_tick_behavior(MissedTickBehavior::Delay);
            loop {
                let stored = values.borrow_and_update().clone().unwrap_or_default();
                followed.take(&stored);
                tokio::select! {
                    changed = values.changed() => if changed.is_err() { return },
                    _ = sweep.tick() => followed.sweep(&stored).await,
                }
            }
        });
        Self {
            shared,
            _following: AbortOnDropHandle::new(following),
        }
    }

    pub(super) fn contains(&self, session: &str) -> bool {
        self.shared.marks.load().contains_key(session)
    }

    /// Ends a session, until it may be forgotten. It is ended here even if Consul cannot be told.
    pub(super) async fn end(&self, session: &str, forgotten: Moment) -> consul::Result<()> {
        {
            let mut own = self.shared.own.lock().unwrap_or_else(PoisonError::into_inner);
            own.insert(session.to_owned(), forgotten);
            let mut marks = Marks::clone(&self.shared.marks.load());
            marks.insert(session.to_owned(), forgotten);
            self.shared.marks.store(Arc::new(marks));
        }
        let key = format!("{FOLDER}{session}");
        self.shared.consul.kv_put(&key, forgotten.to_string()).await
    }
}

// === impl Shared ===

impl Shared {
    fn take(&self, stored: &[Stored]) {
        let now = Moment::now();
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        own.retain(|_, forgotten| *forgotten > now);
        let mut marks = own.clone();
        marks.extend(stored.iter().filter_map(read).filter(|(_, forgotten)| *forgotten > now));
        self.marks.store(Arc::new(marks));
    }

    async fn sweep(&self, stored: &[Stored]) {
        let now = Moment::now();
        let over = stored
            .iter()
            .filter(|stored| read(stored).is_none_or(|(_, forgotten)| forgotten <= now));
        for stored in over.take(SWEPT) {
            if self.consul.kv_delete(&stored.key).await.is_err() {
                // It is there for the next sweep, or for another gateway's.
                return;
            }
        }
    }
}

fn read(stored: &Stored) -> Option<(String, Moment)> {
    let session = stored.key.strip_prefix(FOLDER)?;
    let text = std::str::from_utf8(&stored.value).ok()?;
    let forgotten = humantime::parse_rfc3339(text).ok()?;
    Some((session.to_owned(), Moment::from(forgotten)))
}
