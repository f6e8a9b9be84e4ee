//! The loop of one watch: ask, believe or doubt, decide, publish, ask again.

use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::cursor::{Cursor, Verdict};
use super::retention::{Item, Retention};
use super::{Settings, believable};
use crate::consul::{Answer, Error, Query, Result};

pub(crate) struct Follower<T> {
    /// What is followed, for the log.
    name: String,
    cursor: Cursor,
    retention: Retention<T>,
}

// === impl Follower ===

impl<T: Item> Follower<T> {
    pub(crate) fn new(name: &str, settings: &Settings) -> Self {
        Self {
            name: name.to_owned(),
            cursor: Cursor::new(settings.clone(), fastrand::Rng::new()),
            retention: Retention::new(settings.clone()),
        }
    }

    /// Follows until the future is dropped.
    pub(crate) async fn run<R>(mut self, read: impl Fn(Query) -> R, mut publish: impl FnMut(&[T]))
    where
        R: Future<Output = Result<Answer<Vec<T>>>>,
    {
        let mut not_before = Instant::now();
        let mut broken_off = false;
        loop {
            let query = self.cursor.query();
            // What was broken off had its permit, and several watches that share connections break off now and then.
            let permit = if std::mem::take(&mut broken_off) {
                Duration::ZERO
            } else {
                self.cursor.permit(Instant::now())
            };
            let start = not_before.max(Instant::now() + permit);
            let asking = async {
                sleep_until(start).await;
                read(query).await.and_then(believable)
            };
            tokio::pin!(asking);
            let outcome = loop {
                let due = self.retention.due();
                tokio::select! {
                    outcome = &mut asking => break outcome,
                    () = sleep_until(due.unwrap_or(start)), if due.is_some() => {
                        publish(self.retention.decide(Instant::now()));
                    }
                }
            };
            match outcome {
                Ok(answer) => self.heard(answer, &mut publish),
                Err(Error::Reconnected) => {
                    tracing::debug!(watch = self.name, "the connection changed; beginning again");
                    self.cursor.reconnected();
                    broken_off = true;
                }
                Err(error) => {
                    if self.cursor.failures() == 0 {
                        tracing::warn!(watch = self.name, %error, "consul cannot be followed; keeping what is known");
                    }
                    not_before = Instant::now() + self.cursor.failed();
                }
            }
        }
    }

    fn heard(&mut self, answer: Answer<Vec<T>>, publish: &mut impl FnMut(&[T])) {
        let failures = self.cursor.failures();
        match self.cursor.answered(&answer) {
            Verdict::Believe { reborn } => {
                if failures > 0 {
                    tracing::info!(watch = self.name, failures, "consul is followed again");
                }
                tracing::debug!(
                    watch = self.name,
                    index = answer.index,
                    found = answer.value.len(),
                    reborn,
                    "heard"
                );
                publish(self.retention.told(answer.value, reborn, Instant::now()));
            }
            Verdict::Doubt => {
                tracing::debug!(
                    watch = self.name,
                    "a server that is cut off answered; asking the leader"
                );
            }
        }
    }
}
