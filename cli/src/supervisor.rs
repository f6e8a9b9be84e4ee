//! Keeps processes running: starts each, says when it serves, starts it again when it dies, and stops all at the end.
//!
//! **What.** One task a process. Everything that happens goes into one channel of [`Event`]s, so that `lyceum up` is a
//! single loop over them and its output comes in the order of things. A death is followed by a wait
//! ([`crate::backoff`]) and a new start, for ever: a machine that recovers finds its fabric recovered.
//!
//! **When not.** In production an orchestrator does this; `lyceum serve` runs under it without a supervisor.

use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::backoff::Backoff;
use crate::process::{Announcement, Process, Program, Turn};

/// Which of the supervised processes: the order in which they were added.
pub(crate) type Slot = usize;

/// What happened to a process.
#[derive(Debug)]
pub(crate) enum Event {
    /// It runs, but does not serve yet.
    Started {
        /// Which.
        slot: Slot,
        /// Its process id.
        pid: u32,
    },
    /// It serves, and is registered under this id.
    Serving {
        /// Which.
        slot: Slot,
        /// What it said.
        announcement: Announcement,
    },
    /// It died, or could not be started, and will be started again.
    Died {
        /// Which.
        slot: Slot,
        /// `was killed by signal 9`, `ended with code 1`.
        how: String,
        /// When it is started again.
        restart_in: Duration,
    },
}

/// The processes and their events.
#[derive(Debug)]
pub(crate) struct Supervisor {
    kept: Vec<Kept>,
    sender: mpsc::UnboundedSender<Event>,
    events: mpsc::UnboundedReceiver<Event>,
}

#[derive(Debug)]
struct Kept {
    program: Program,
    order: watch::Sender<Order>,
    /// None once it was stopped.
    task: Option<JoinHandle<bool>>,
}

/// What a process's task is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Order {
    /// Keep it running.
    Run,
    /// Ask it to stop, and wait.
    Stop,
    /// Wait no longer.
    Kill,
}

// === impl Supervisor ===

impl Supervisor {
    pub(crate) fn new() -> Self {
        let (sender, events) = mpsc::unbounded_channel();
        Self {
            kept: Vec::new(),
            sender,
            events,
        }
    }

    /// Keeps a program running, from now or from the process that already runs.
    pub(crate) fn keep(&mut self, program: Program, running: Option<Process>) -> Slot {
        let slot = self.kept.len();
        let (order, orders) = watch::channel(Order::Run);
        let task = tokio::spawn(watch_over(slot, program.clone(), running, self.sender.clone(), orders));
        self.kept.push(Kept {
            program,
            order,
            task: Some(task),
        });
        slot
    }

    /// What a slot runs.
    pub(crate) fn program(&self, slot: Slot) -> &Program {
        &self.kept[slot].program
    }

    /// The next event. Safe to cancel.
    pub(crate) async fn event(&mut self) -> Event {
        match self.events.recv().await {
            Some(event) => event,
            // Cannot happen: a sender lives in `self`.
            None => std::future::pending().await,
        }
    }

    /// Stops some of the processes, all at once, and waits until they are gone; those that are still there when
    /// patience ends are killed. Returns these.
    pub(crate) async fn stop(
        &mut self,
        slots: impl IntoIterator<Item = Slot>,
        patience: impl Future<Output = ()>,
    ) -> Vec<Slot> {
        let mut stopping = Vec::new();
        for slot in slots {
            if let Some(task) = self.kept[slot].task.take() {
                self.kept[slot].order.send_replace(Order::Stop);
                stopping.push((slot, task));
            }
        }
        let slots: Vec<Slot> = stopping.iter().map(|(slot, _)| *slot).collect();
        let gone = async {
            let mut killed = Vec::new();
            for (slot, task) in stopping {
                // A task that panicked dropped its child, which kills it.
                if !task.await.unwrap_or(false) {
                    killed.push(slot);
                }
            }
            killed
        };
        let mut gone = std::pin::pin!(gone);
        tokio::select! {
            killed = &mut gone => return killed,
            () = patience => {}
        }
        for slot in slots {
            self.kept[slot].order.send_replace(Order::Kill);
        }
        gone.await
    }
}

/// Runs one program until told to stop; says whether the last process went by itself.
async fn watch_over(
    slot: Slot,
    mut program: Program,
    mut running: Option<Process>,
    events: mpsc::UnboundedSender<Event>,
    mut orders: watch::Receiver<Order>,
) -> bool {
    let mut backoff = Backoff::default();
    loop {
        let born = Instant::now();
        let started = running.take().map_or_else(|| program.start(), Ok);
        let how = match started {
            Ok(mut process) => {
                let _ = events.send(Event::Started {
                    slot,
                    pid: process.pid(),
                });
                let ended = tokio::select! {
                    () = at_least(Order::Stop, &mut orders) => None,
                    how = live(slot, &mut process, &mut program, &events) => Some(how),
                };
                match ended {
                    Some(how) => how,
                    None => return process.stop(at_least(Order::Kill, &mut orders)).await,
                }
            }
            Err(error) => format!("could not be started: {error}"),
        };
        let restart_in = backoff.after(born.elapsed());
        let _ = events.send(Event::Died { slot, how, restart_in });
        tokio::select! {
            () = at_least(Order::Stop, &mut orders) => return true,
            () = tokio::time::sleep(restart_in) => {}
        }
    }
}

/// Passes on what a process says, until it ends.
async fn live(
    slot: Slot,
    process: &mut Process,
    program: &mut Program,
    events: &mpsc::UnboundedSender<Event>,
) -> String {
    loop {
        match process.turn().await {
            Turn::Announced(announcement) => {
                program.settle(&announcement);
                let _ = events.send(Event::Serving { slot, announcement });
            }
            Turn::Ended(how) => return how,
        }
    }
}

/// Waits for an order; one whose supervisor is gone has nobody left to wait for.
async fn at_least(order: Order, orders: &mut watch::Receiver<Order>) {
    let _ = orders.wait_for(|given| *given >= order).await;
}

#[cfg(test)]
mod tests;
