//! Announcing an instance in Consul, keeping it alive, and taking it out in good order.
//!
//! **What.** [`Registration::spawn`] starts one task that registers an instance with a TTL check and keeps its heartbeat.
//! The handle changes health (with a note that operators read), weights and metadata, and ends it all: [`drain`] puts the
//! instance into maintenance, the caller waits until its calls are done, [`deregister`] stops the heartbeat and only then
//! deregisters, so that no late heartbeat meets a check that is gone.
//!
//! **Why a TTL check.** An agent cannot easily check a server that demands client certificates, and only the service
//! itself knows that it is overloaded: `warning` is how it says so.
//!
//! **Healing.** An agent that lost its data answers a heartbeat with 500 or 404: the task registers again at once. It also
//! does so every one to five minutes, which costs nothing (the same registration changes nothing) and heals what nobody
//! noticed. While the agent is unreachable it keeps trying, with jitter.
//!
//! **When not.** The fabric's server does all this by itself; a service only sets its health.
//!
//! **Source.** Consul's "TTL Check" and "Maintenance Mode"; kratos #2606 and #3147 and Spring Cloud Consul #197 and #727
//! show what happens otherwise.
//!
//! [`drain`]: Registration::drain
//! [`deregister`]: Registration::deregister

mod announcement;
mod keeping;
#[cfg(test)]
mod tests;

use tokio::sync::{mpsc, oneshot, watch};

pub use crate::consul::Weights;
pub use crate::discovery::{Directory, Health, Meta};
pub use announcement::Announcement;

use crate::consul;
use keeping::Keeper;

/// The reason that maintenance shows while an instance drains.
pub const DRAINING: &str = "draining: the instance is shutting down";

/// How a registration stands.
#[derive(Clone, Debug, Default)]
pub enum State {
    /// Not registered yet.
    #[default]
    Pending,
    /// Registered, by the agent's last word.
    Registered,
    /// The last attempt failed; it goes on trying.
    Failing(consul::Error),
    /// Deregistered, or given up after the handle was dropped.
    Gone,
}

/// Why a registration could not be changed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Consul did not take it.
    #[error(transparent)]
    Consul(#[from] consul::Error),
    /// The task is gone, with the runtime it ran in.
    #[error("the registration has ended already")]
    Ended,
}

/// What the instance wants to be known as, beside what never changes.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Wanted {
    health: Health,
    note: String,
    meta: Meta,
    weights: Weights,
}

/// What the handle asks of the task.
#[derive(Debug)]
enum Command {
    Drain(oneshot::Sender<consul::Result<()>>),
    Deregister(oneshot::Sender<consul::Result<()>>),
}

/// A registered instance. Dropping it deregisters in the background; [`Registration::deregister`] is the orderly way.
#[derive(Debug)]
pub struct Registration {
    id: String,
    wanted: watch::Sender<Wanted>,
    commands: mpsc::Sender<Command>,
    state: watch::Receiver<State>,
}

// === impl Registration ===

impl Registration {
    /// Starts announcing an instance. Must be called within a tokio runtime.
    #[must_use = "a registration that is dropped deregisters"]
    pub fn spawn(directory: impl Into<Directory>, announcement: Announcement) -> Self {
        let id = announcement.id.clone();
        let wanted = watch::Sender::new(Wanted {
            health: Health::Passing,
            note: String::new(),
            meta: announcement.meta.clone(),
            weights: announcement.weights,
        });
        let (commands, receiver) = mpsc::channel(1);
        let (told, state) = watch::channel(State::Pending);
        let keeper = Keeper::new(directory.into(), announcement, wanted.subscribe(), told);
        tokio::spawn(keeper.run(receiver));
        Self {
            id,
            wanted,
            commands,
            state,
        }
    }

    /// The instance's id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Says how the instance is, with a note for operators. Sent at once; a state that flickers is sent now and then.
    ///
    /// An agent passes a new note on with a new state; a note alone reaches Consul's pages after up to five minutes
    /// (`check_update_interval` in the agent's configuration; 0 s makes it immediate).
    pub fn set_health(&self, health: Health, note: impl Into<String>) {
        let note = note.into();
        self.change(|wanted| {
            wanted.health = health;
            wanted.note = note;
        });
    }

    /// Changes the metadata, as after a certificate was rotated, and registers again.
    pub fn update_meta(&self, change: impl FnOnce(&mut Meta)) {
        self.change(|wanted| change(&mut wanted.meta));
    }

    /// Changes the weights, and registers again.
    pub fn set_weights(&self, weights: Weights) {
        self.change(|wanted| wanted.weights = weights);
    }

    /// Waits until the instance is registered.
    pub async fn registered(&self) {
        let mut state = self.state.clone();
        // An error means that the task is gone, and with it the wait.
        let _ = state
            .wait_for(|state| matches!(state, State::Registered | State::Gone))
            .await;
    }

    /// How the registration stands, from now on.
    #[must_use]
    pub fn state_watch(&self) -> watch::Receiver<State> {
        self.state.clone()
    }

    /// Puts the instance into maintenance: callers leave it at once, while its heartbeat goes on. Wait for the calls in
    /// progress, then [`Registration::deregister`].
    ///
    /// # Errors
    /// When Consul could not be told, after a few attempts. The instance stays draining: should Consul come back, it will
    /// hear of it.
    pub async fn drain(&self) -> Result<(), Error> {
        self.ask(Command::Drain).await
    }

    /// Stops the heartbeat, then deregisters.
    ///
    /// # Errors
    /// When Consul could not be told, after a few attempts; it will then see the check lapse and remove the instance
    /// after [`Announcement::deregister_after`].
    pub async fn deregister(self) -> Result<(), Error> {
        self.ask(Command::Deregister).await
    }

    async fn ask(&self, command: impl FnOnce(oneshot::Sender<consul::Result<()>>) -> Command) -> Result<(), Error> {
        let (reply, answer) = oneshot::channel();
        self.commands.send(command(reply)).await.map_err(|_| Error::Ended)?;
        Ok(answer.await.map_err(|_| Error::Ended)??)
    }

    fn change(&self, change: impl FnOnce(&mut Wanted)) {
        self.wanted.send_if_modified(|wanted| {
            let before = wanted.clone();
            change(wanted);
            *wanted != before
        });
    }
}
