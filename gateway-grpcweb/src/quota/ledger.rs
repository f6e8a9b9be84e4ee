//! What each caller has used of its day, counted by all gateways together.
//!
//! **What.** A call is counted here at once; [`Ledger::settle`] adds what was counted since the last time to a page in
//! Consul, with check-and-set, and takes over what the other gateways have added. A page has the callers of one of 64
//! shards and of one day; a new day overwrites it, so that nothing has to be cleaned up.
//!
//! **Why in batches.** One write for a thousand calls costs Consul what one call's would. So gateways know of each other's
//! counts with a delay, a gateway that is killed loses what it has not told (both at most `edge.limits.share`), and
//! while Consul is away each counts for itself and tells it later. When not: a quota that must never be exceeded by one.
//!
//! **Privacy.** Consul gets a digest of day and caller, never the caller's name.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;
use std::sync::{Mutex, MutexGuard, PoisonError};

use lyceum::consul::{self, Client, Query};
use ring::digest::{Context, SHA256};
use serde::{Deserialize, Serialize};

use super::Of;
use super::day::Day;

const SHARDS: usize = 64;
/// The longest page; Consul itself takes 512 KiB.
const PAGE_LIMIT: usize = 480 * 1024;
/// The most callers of a shard: more do not fit on its page.
const CALLERS: usize = 12_000;
/// How often a page that others change meanwhile is tried again at once.
const TRIES: usize = 5;

/// The counts of one gateway, and what it knows of the others'.
#[derive(Debug)]
pub(crate) struct Ledger {
    shards: Box<[Mutex<Page>]>,
}

#[derive(Debug, Default)]
struct Page {
    day: u64,
    callers: HashMap<u64, Entry>,
    /// Whether something was counted since the last settlement.
    open: bool,
}

#[derive(Debug)]
struct Entry {
    name: String,
    /// As Consul says, with what was settled.
    known: u64,
    /// Counted here and not settled.
    pending: u64,
    /// On its way to Consul.
    settling: u64,
}

/// A page as it stands in Consul.
#[derive(Debug, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Written {
    day: u64,
    used: BTreeMap<String, u64>,
}

/// Why a page could not be settled.
#[derive(Debug, thiserror::Error)]
enum Error {
    #[error(transparent)]
    Consul(#[from] consul::Error),
    #[error("other gateways kept changing it")]
    Contended,
    #[error("there are more callers than a page holds")]
    Full,
}

impl Default for Ledger {
    fn default() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
        }
    }
}

impl Ledger {
    /// Counts a call; what is left after it, or none if nothing was. Callers beyond the most that fit are not counted.
    pub(super) fn spend(&self, day: Day, of: Of, who: &str, caller: u64, per_day: u64) -> Option<u64> {
        // The same caller is on the same page of every gateway.
        let digest = digest(day, of, who);
        let mut page = self.page(usize::from(digest[0]) % SHARDS);
        if page.day != day.0 {
            *page = Page {
                day: day.0,
                ..Page::default()
            };
        }
        if page.callers.len() >= CALLERS && !page.callers.contains_key(&caller) {
            return Some(per_day);
        }
        let entry = page.callers.entry(caller).or_insert_with(|| Entry {
            name: hexadecimal(&digest[..12]),
            known: 0,
            pending: 0,
            settling: 0,
        });
        let used = entry.known + entry.settling + entry.pending;
        let left = per_day.checked_sub(used + 1)?;
        entry.pending += 1;
        page.open = true;
        Some(left)
    }

    /// Tells Consul what was counted, and takes over what others have counted.
    pub(super) async fn settle(&self, consul: &Client) {
        for shard in 0..SHARDS {
            let Some((day, told)) = self.begin(shard) else { continue };
            let settled = settle(consul, shard, day, &told).await;
            if let Err(error) = &settled {
                tracing::warn!(%error, shard, "what callers used of their day was not shared; tried again soon");
            }
            self.end(shard, day, settled.ok());
        }
    }

    /// What there is to tell of a shard.
    fn begin(&self, shard: usize) -> Option<(u64, BTreeMap<String, u64>)> {
        let mut page = self.page(shard);
        if !std::mem::take(&mut page.open) {
            return None;
        }
        let mut told = BTreeMap::new();
        for entry in page.callers.values_mut().filter(|entry| entry.pending > 0) {
            entry.settling += std::mem::take(&mut entry.pending);
            told.insert(entry.name.clone(), entry.settling);
        }
        Some((page.day, told))
    }

    /// Takes over what Consul says now, or keeps what it was not told for the next time.
    fn end(&self, shard: usize, day: u64, settled: Option<Written>) {
        let mut page = self.page(shard);
        if page.day != day {
            return;
        }
        page.open |= settled.is_none();
        for entry in page.callers.values_mut() {
            let settling = std::mem::take(&mut entry.settling);
            match &settled {
                Some(written) => entry.known = written.used.get(&entry.name).copied().unwrap_or(entry.known),
                None => entry.pending += settling,
            }
        }
    }

    fn page(&self, shard: usize) -> MutexGuard<'_, Page> {
        self.shards[shard].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn settle(consul: &Client, shard: usize, day: u64, told: &BTreeMap<String, u64>) -> Result<Written, Error> {
    let key = format!("lyceum/quota/{shard:02}");
    for _ in 0..TRIES {
        let answer = consul.kv_get(&key, &Query::default()).await?;
        let index = if answer.value.is_some() { answer.index } else { 0 };
        // What cannot be read is worth nothing, and so is the page of a day that is over.
        let mut written = answer
            .value
            .and_then(|value| serde_json::from_slice::<Written>(&value).ok())
            .filter(|written| written.day >= day)
            .unwrap_or_else(|| Written {
                day,
                used: BTreeMap::new(),
            });
        if written.day > day {
            // The others' day has begun: this one's counts are over.
            return Ok(Written::default());
        }
        for (name, calls) in told {
            *written.used.entry(name.clone()).or_default() += calls;
        }
        // Numbers and hexadecimal digits always can be written.
        let text = serde_json::to_vec(&written).unwrap_or_default();
        if text.len() > PAGE_LIMIT {
            return Err(Error::Full);
        }
        if consul.kv_put_unchanged(&key, text, index).await? {
            return Ok(written);
        }
    }
    Err(Error::Contended)
}

fn digest(day: Day, of: Of, who: &str) -> [u8; 32] {
    let mut context = Context::new(&SHA256);
    context.update(&day.0.to_be_bytes());
    context.update(of.name().as_bytes());
    context.update(&[0]);
    context.update(who.as_bytes());
    let mut digest = [0; 32];
    digest.copy_from_slice(context.finish().as_ref());
    digest
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(24), |mut text, byte| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests;
