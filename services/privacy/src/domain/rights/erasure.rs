//! Erasing over all services: a plan that goes on where it stopped, and the receipt at its end.
//!
//! A [`Plan`] knows each service's place and nothing else. Every answer of a service tells what was erased so far in all,
//! so that an answer which is lost, or comes twice, changes nothing. A service that fails is asked again after a while
//! that doubles; one that fails too often, or makes no headway, is stuck until somebody looks, and the others go on.
//!
//! When not: what is still in flight while data is erased is for each service to turn away (the contract says so).

use std::collections::BTreeMap;

use lyceum::privacy::Category;
use ring::digest::{Context, SHA256};

use super::{SERVICES, is_request_id, is_service};
use crate::domain::Moment;

/// How often a service may fail in a row before it is stuck.
pub const ATTEMPTS: u32 = 12;
/// The first pause after a failure, in milliseconds; it doubles up to an hour.
const PAUSE: u64 = 1000;
const LONGEST_PAUSE: u64 = 3_600_000;
/// The longest cursor, in bytes.
const CURSOR_LIMIT: usize = 256;
/// The most kinds of records that a service may keep.
const KEPT_LIMIT: usize = 32;

/// A plan that cannot be, or an answer to nothing that was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// No request's id.
    #[error("a request's id has 16 to 64 letters, digits, hyphens or underscores")]
    Id,
    /// No services, too many, or one that has no name.
    #[error("an erasure is over 1 to {SERVICES} services, by their names in the mesh")]
    Services,
    /// An answer of a service that is not part of it, or has finished.
    #[error("this service was not asked")]
    NotAsked,
}

/// Records that stay, and why.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Kept {
    /// Which data.
    pub category: Category,
    /// How many records.
    pub records: u64,
    /// The law or rule that demands it.
    pub because: String,
    /// Until when; none: for good.
    pub until: Option<Moment>,
}

/// What a service answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It erased some, and is to be asked again from this cursor.
    More {
        /// Where to go on.
        cursor: Vec<u8>,
        /// What was erased so far in all.
        erased: BTreeMap<Category, u64>,
    },
    /// Nothing is left.
    Done {
        /// What was erased in all.
        erased: BTreeMap<Category, u64>,
        /// What stays.
        kept: Vec<Kept>,
    },
    /// It could not be reached, or failed, for a stable reason.
    Failed(String),
}

/// How far a service is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// To be asked, from a cursor, not before a time.
    Waiting {
        /// Where it goes on; empty at first.
        cursor: Vec<u8>,
        /// Not before.
        not_before: Moment,
    },
    /// It has finished.
    Done {
        /// What stays.
        kept: Vec<Kept>,
    },
    /// Somebody has to look.
    Stuck {
        /// Where it stopped.
        cursor: Vec<u8>,
        /// Why.
        reason: String,
    },
}

/// One service's part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Progress {
    /// How far it is.
    pub state: State,
    /// What was erased so far in all.
    pub erased: BTreeMap<Category, u64>,
    /// How often in a row it failed or made no headway.
    pub failures: u32,
}

/// An erasure under way.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    request: String,
    requested: Moment,
    services: BTreeMap<String, Progress>,
}

impl Plan {
    /// Over these services, each once.
    ///
    /// # Errors
    /// [`Error::Id`] and [`Error::Services`].
    pub fn try_new(request: &str, services: impl IntoIterator<Item = String>, now: Moment) -> Result<Self, Error> {
        let waiting = || Progress {
            state: State::Waiting {
                cursor: Vec::new(),
                not_before: now,
            },
            erased: BTreeMap::new(),
            failures: 0,
        };
        let services = services.into_iter().map(|service| (service, waiting())).collect();
        Self::restore(request, now, services)
    }

    /// As it was stored.
    ///
    /// # Errors
    /// [`Error::Id`] and [`Error::Services`].
    pub fn restore(request: &str, requested: Moment, services: BTreeMap<String, Progress>) -> Result<Self, Error> {
        if !is_request_id(request) {
            return Err(Error::Id);
        }
        if services.is_empty() || services.len() > SERVICES || !services.keys().all(|name| is_service(name)) {
            return Err(Error::Services);
        }
        Ok(Self {
            request: request.to_owned(),
            requested,
            services,
        })
    }

    /// Each service and how far it is.
    #[must_use]
    pub fn services(&self) -> &BTreeMap<String, Progress> {
        &self.services
    }

    /// The services to ask now, with the cursor to ask from.
    pub fn due(&self, now: Moment) -> impl Iterator<Item = (&str, &[u8])> {
        self.services
            .iter()
            .filter_map(move |(name, progress)| match &progress.state {
                State::Waiting { cursor, not_before } if *not_before <= now => Some((name.as_str(), cursor.as_slice())),
                _ => None,
            })
    }

    /// When to look again; none where nobody is waited for.
    #[must_use]
    pub fn next(&self) -> Option<Moment> {
        let waits = |progress: &Progress| match &progress.state {
            State::Waiting { not_before, .. } => Some(*not_before),
            _ => None,
        };
        self.services.values().filter_map(waits).min()
    }

    /// Takes in what a service answered.
    ///
    /// # Errors
    /// [`Error::NotAsked`] for a service that has nothing more to say; then nothing changes.
    pub fn answered(&mut self, service: &str, answer: Answer, now: Moment) -> Result<(), Error> {
        let progress = self.services.get_mut(service).ok_or(Error::NotAsked)?;
        let State::Waiting { cursor, .. } = &progress.state else {
            return Err(Error::NotAsked);
        };
        let before = cursor.clone();
        match answer {
            Answer::Done { mut kept, erased } if kept.len() <= KEPT_LIMIT => {
                kept.sort();
                progress.raise(erased);
                progress.state = State::Done { kept };
            }
            Answer::Done { .. } => progress.failed("KEEPS_TOO_MUCH", before, now),
            Answer::More { cursor, .. } if cursor.is_empty() || cursor.len() > CURSOR_LIMIT => {
                progress.failed("CURSOR_INVALID", before, now);
            }
            Answer::More { cursor, erased } => {
                let rose = progress.raise(erased);
                if rose || cursor != before {
                    progress.failures = 0;
                    progress.state = State::Waiting {
                        cursor,
                        not_before: now,
                    };
                } else {
                    progress.failed("NO_HEADWAY", before, now);
                }
            }
            Answer::Failed(reason) => progress.failed(&reason, before, now),
        }
        Ok(())
    }

    /// Asks a stuck service again, after somebody has looked.
    ///
    /// # Errors
    /// [`Error::NotAsked`] for a service that is not stuck.
    pub fn unstick(&mut self, service: &str, now: Moment) -> Result<(), Error> {
        let progress = self.services.get_mut(service).ok_or(Error::NotAsked)?;
        let State::Stuck { cursor, .. } = &progress.state else {
            return Err(Error::NotAsked);
        };
        progress.failures = 0;
        progress.state = State::Waiting {
            cursor: cursor.clone(),
            not_before: now,
        };
        Ok(())
    }

    /// The receipt, once every service has finished. Backups made before are gone after `backup_days`.
    #[must_use]
    pub fn receipt(&self, completed: Moment, backup_days: u32) -> Option<Receipt> {
        let mut erased = Vec::new();
        let mut kept = Vec::new();
        for (name, progress) in &self.services {
            let State::Done { kept: stays } = &progress.state else {
                return None;
            };
            erased.push((name.clone(), progress.erased.clone()));
            kept.extend(stays.iter().map(|one| (name.clone(), one.clone())));
        }
        Some(Receipt {
            request: self.request.clone(),
            requested: self.requested,
            completed,
            erased,
            kept,
            backups_gone: completed.plus_days(backup_days),
        })
    }
}

impl Progress {
    /// Counts are of all calls together and never fall; whether any rose.
    fn raise(&mut self, erased: BTreeMap<Category, u64>) -> bool {
        let mut rose = false;
        for (category, records) in erased {
            let known = self.erased.entry(category).or_default();
            rose |= records > *known;
            *known = records.max(*known);
        }
        rose
    }

    fn failed(&mut self, reason: &str, cursor: Vec<u8>, now: Moment) {
        self.failures += 1;
        self.state = if self.failures >= ATTEMPTS {
            State::Stuck {
                cursor,
                reason: reason.chars().take(64).collect(),
            }
        } else {
            let pause = (PAUSE << (self.failures - 1)).min(LONGEST_PAUSE);
            State::Waiting {
                cursor,
                not_before: Moment(now.0.saturating_add(pause)),
            }
        };
    }
}

/// What an erasure did, for whoever asked for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// The request's id.
    pub request: String,
    /// When it was asked for.
    pub requested: Moment,
    /// When the last service finished.
    pub completed: Moment,
    /// By service, what was erased; a service that had nothing is there too.
    pub erased: Vec<(String, BTreeMap<Category, u64>)>,
    /// By service, what stays and why.
    pub kept: Vec<(String, Kept)>,
    /// By when the last backup that holds any of it is gone.
    pub backups_gone: Moment,
}

impl Receipt {
    /// SHA-256 over all of it: every text after its length, every number in eight bytes, in the order of the fields.
    #[must_use]
    pub fn digest(&self) -> [u8; 32] {
        let mut bytes = Bytes(Context::new(&SHA256));
        bytes.text("lyceum erasure receipt");
        bytes.text(&self.request);
        bytes.number(self.requested.0);
        bytes.number(self.completed.0);
        bytes.number(self.erased.len() as u64);
        for (service, erased) in &self.erased {
            bytes.text(service);
            bytes.number(erased.len() as u64);
            for (category, records) in erased {
                bytes.text(category.name());
                bytes.number(*records);
            }
        }
        bytes.number(self.kept.len() as u64);
        for (service, kept) in &self.kept {
            bytes.text(service);
            bytes.text(kept.category.name());
            bytes.number(kept.records);
            bytes.text(&kept.because);
            // No moment is this late.
            bytes.number(kept.until.map_or(u64::MAX, |until| until.0));
        }
        bytes.number(self.backups_gone.0);
        let mut digest = [0; 32];
        digest.copy_from_slice(bytes.0.finish().as_ref());
        digest
    }
}

struct Bytes(Context);

impl Bytes {
    fn number(&mut self, number: u64) {
        self.0.update(&number.to_be_bytes());
    }

    fn text(&mut self, text: &str) {
        self.number(text.len() as u64);
        self.0.update(text.as_bytes());
    }
}
