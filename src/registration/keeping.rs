//! The task that keeps one instance registered.
//!
//! One task does everything in turn, so that nothing it sends can overtake its own deregistration.

use std::time::Duration;

use http::StatusCode;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until};

use super::{Announcement, Command, DRAINING, Directory, Health, State, Wanted};
use crate::consul::{Error, Result};

/// A health state that flickers is sent at most this often: every change of it is a write to Consul's log.
const LEAST_GAP: Duration = Duration::from_millis(200);

/// After a failure: the first pause at the most, doubled up to the longest.
const BACKOFF: Duration = Duration::from_millis(250);
const LONGEST_BACKOFF: Duration = Duration::from_secs(2);

/// How often draining and deregistering are tried: the process wants to end.
const FAREWELL_ATTEMPTS: u32 = 3;
const FIRST_FAREWELL_PAUSE: Duration = Duration::from_millis(100);

#[derive(Clone, Copy)]
enum Farewell {
    Drain,
    Leave,
}

pub(super) struct Keeper {
    directory: Directory,
    announcement: Announcement,
    wanted: watch::Receiver<Wanted>,
    state: watch::Sender<State>,
    /// What the agent knows, or none when the instance has to be registered.
    known: Option<Wanted>,
    /// When to register again although nothing seems to be wrong.
    renew: Instant,
    /// A maintenance that an earlier life of this instance left behind was looked for.
    looked_back: bool,
    draining: bool,
    failures: u32,
    random: fastrand::Rng,
}

// === impl Keeper ===

impl Keeper {
    pub(super) fn new(
        directory: Directory,
        announcement: Announcement,
        wanted: watch::Receiver<Wanted>,
        state: watch::Sender<State>,
    ) -> Self {
        Self {
            directory,
            announcement,
            wanted,
            state,
            known: None,
            renew: Instant::now(),
            looked_back: false,
            draining: false,
            failures: 0,
            random: fastrand::Rng::new(),
        }
    }

    pub(super) async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        let mut due = Instant::now();
        let mut sent = None::<Instant>;
        loop {
            tokio::select! {
                biased;
                command = commands.recv() => match command {
                    Some(Command::Drain(reply)) => {
                        self.draining = true;
                        let _ = reply.send(self.say_draining().await);
                    }
                    Some(Command::Deregister(reply)) => {
                        let outcome = self.leave().await;
                        let _ = reply.send(outcome);
                        return;
                    }
                    None => {
                        if let Err(error) = self.leave().await {
                            tracing::warn!(instance = self.announcement.id, %error, "could not be deregistered");
                        }
                        return;
                    }
                },
                () = sleep_until(due) => {
                    due = Instant::now() + self.keep().await;
                    sent = Some(Instant::now());
                }
                // While consul fails, the next attempt carries the change; it must not come sooner for it.
                Ok(()) = self.wanted.changed(), if self.failures == 0 => {
                    due = due.min(sent.map_or(due, |sent| sent + LEAST_GAP));
                }
            }
        }
    }

    /// One heartbeat, or a registration where it takes one; returns how long to wait for the next.
    async fn keep(&mut self) -> Duration {
        let outcome = match self.tell().await {
            Err(error) if error.wants_registration() && self.known.take().is_some() => {
                tracing::info!(instance = self.announcement.id, %error, "registering again");
                self.tell().await
            }
            outcome => outcome,
        };
        match outcome {
            Ok(()) => {
                if std::mem::take(&mut self.failures) > 0 {
                    tracing::info!(instance = self.announcement.id, "registered again");
                }
                self.state.send_if_modified(|state| {
                    let news = !matches!(state, State::Registered);
                    *state = State::Registered;
                    news
                });
                (self.announcement.ttl() / 3).mul_f64(0.9 + 0.2 * self.random.f64())
            }
            Err(error) => {
                if self.failures == 0 {
                    tracing::warn!(instance = self.announcement.id, %error, "cannot be kept registered; trying on");
                }
                self.state.send_replace(State::Failing(error));
                let ceiling = BACKOFF
                    .saturating_mul(1_u32.checked_shl(self.failures).unwrap_or(u32::MAX))
                    .min(LONGEST_BACKOFF)
                    .min(self.announcement.ttl() / 3);
                self.failures = self.failures.saturating_add(1);
                ceiling / 10 + ceiling.mul_f64(0.9 * self.random.f64())
            }
        }
    }

    /// Brings the agent up to date.
    async fn tell(&mut self) -> Result<()> {
        let wanted = self.wanted.borrow_and_update().clone();
        let up_to_date = self
            .known
            .as_ref()
            .is_some_and(|known| known.meta == wanted.meta && known.weights == wanted.weights);
        if !up_to_date || Instant::now() >= self.renew {
            self.register(&wanted).await?;
        }
        let check = self.announcement.check_id();
        self.directory.heartbeat(&check, wanted.health, &wanted.note).await?;
        self.known = Some(wanted);
        Ok(())
    }

    async fn register(&mut self, wanted: &Wanted) -> Result<()> {
        let id = &self.announcement.id;
        let status = match wanted.health {
            // A draining instance that a wiped agent hears of again must not be called even for a moment.
            _ if self.draining => Health::Critical,
            // An agent tells of a note at once only with a change of status, otherwise up to five minutes later: so the
            // heartbeat that follows makes one.
            Health::Passing if !wanted.note.is_empty() => Health::Warning,
            Health::Warning if !wanted.note.is_empty() => Health::Passing,
            health => health,
        };
        let service = self.announcement.service(wanted.meta.pairs(), wanted.weights, status);
        self.directory.register(&service).await?;
        if self.draining {
            self.directory.maintenance(id, true, DRAINING).await?;
        } else if !self.looked_back {
            // Maintenance survives re-registration: one that our own earlier life left, and no operator, is lifted.
            let reason = self.directory.maintenance_reason(id).await;
            if matches!(reason, Ok(Some(reason)) if reason == DRAINING) {
                self.directory.maintenance(id, false, "").await?;
            }
            self.looked_back = true;
        }
        self.known = Some(wanted.clone());
        self.renew = Instant::now() + Duration::from_secs(60) + Duration::from_secs(240).mul_f64(self.random.f64());
        Ok(())
    }

    async fn say_draining(&self) -> Result<()> {
        match self.farewell(Farewell::Drain).await {
            // The agent lost it, or never had it: nobody is being sent here.
            Err(Error::Refused { status, .. }) if status == StatusCode::NOT_FOUND => Ok(()),
            outcome => outcome,
        }
    }

    async fn leave(&self) -> Result<()> {
        let outcome = self.farewell(Farewell::Leave).await;
        self.state.send_replace(State::Gone);
        outcome
    }

    async fn farewell(&self, farewell: Farewell) -> Result<()> {
        let id = &self.announcement.id;
        let mut pause = FIRST_FAREWELL_PAUSE;
        let mut attempt = 1;
        loop {
            let outcome = match farewell {
                Farewell::Drain => self.directory.maintenance(id, true, DRAINING).await,
                Farewell::Leave => self.directory.deregister(id).await,
            };
            match outcome {
                Err(error) if attempt < FAREWELL_ATTEMPTS && !matches!(error, Error::Refused { .. }) => {
                    tracing::debug!(instance = id, %error, "trying again");
                    sleep(pause).await;
                    pause *= 3;
                    attempt += 1;
                }
                outcome => return outcome,
            }
        }
    }
}
