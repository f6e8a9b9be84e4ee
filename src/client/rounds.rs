//! Attempts of one call until it is answered: whom to ask, whether to ask again, and when to ask a second one too.
//!
//! ```text
//! enough time? ▸ pick ▸ attempt ──late──▶ hedge elsewhere, the first answer counts
//!      ▲                   │
//!      │                   ├─ answered ──────────────────────▶ done
//!      ├── unsent: free ◀──┤
//!      └── pause, budget ◀─┴─ lost, refused, UNAVAILABLE (idempotent methods; refused streams of any)
//! ```
//!
//! Why not tower's `Retry`: it clones whole requests, knows no budget without a lock, and cannot tell what was never
//! sent from what was lost. When not: a stream that has begun to answer is never begun again.
//! Source: gRPC A6; `resilience` has the rules.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};
use tokio::time::{Instant, sleep_until, timeout};
use tonic::body::Body;
use tonic::{Code, Status};

use super::attempt::{Answer, Failure};
use super::callee::{Callee, draw};
use super::connection::Connection;
use super::exchange::{self, RequestBody};
use super::plan::Plan;
use crate::balancing::Endpoint;
use crate::contracts::MESSAGE_LIMIT;
use crate::error::Error;
use crate::resilience::{deadline, hedging, pushback};

/// How often a request that was never sent goes elsewhere before the caller is told.
const UNSENT_LIMIT: usize = 8;

/// Why a call has no answer.
#[derive(Debug)]
pub(super) struct Unanswered {
    pub(super) status: Status,
    /// Nobody was asked, so it says nothing of the method.
    pub(super) unasked: bool,
}

impl Unanswered {
    fn asked(error: Error) -> Self {
        Self {
            status: error.into(),
            unasked: false,
        }
    }

    pub(super) fn unasked(error: Error) -> Self {
        Self {
            status: error.into(),
            unasked: true,
        }
    }
}

impl Callee {
    /// Tries until it is answered, or nobody is left to try. `whole` is the request where it can be sent again.
    pub(super) async fn rounds(
        &self,
        plan: &Plan,
        mut body: RequestBody,
        whole: Option<&Bytes>,
    ) -> Result<Answer, Unanswered> {
        let settings = plan.settings();
        let method = self.method(plan.index);
        self.budget.deposit(self.now(), &plan.policy().budget);
        let mut tried = Vec::new();
        let (mut attempts, mut unsent) = (0, 0);
        loop {
            if let Some(left) = plan.left()
                && !deadline::is_enough(left, settings, &method.latency, self.now())
            {
                return Err(Unanswered::unasked(Error::deadline_exceeded()));
            }
            let mut endpoint = self.endpoint(plan, &tried).await.map_err(Unanswered::unasked)?;
            if tried.len() > 1 && tried.iter().any(|one| Arc::ptr_eq(one, &endpoint)) {
                // Everybody has been asked: anybody but the one that failed last.
                tried.drain(..tried.len() - 1);
                endpoint = self.endpoint(plan, &tried).await.map_err(Unanswered::unasked)?;
            }
            let answered = self.round(plan, &endpoint, body, &tried, attempts).await;
            let mut pushed_back = None;
            let mut pause = true;
            let again = match &answered {
                Ok(answer) => answer.code().filter(|code| *code != Code::Ok).is_some_and(|code| {
                    pushed_back = pushback::read(answer.last_headers());
                    plan.idempotent() && pushback::allows(code, pushed_back)
                }),
                Err(Failure::Exchange(exchange::Failure::Lost)) => plan.idempotent(),
                // The server promises that it has not looked at it (RFC 9113, 8.7).
                Err(Failure::Exchange(exchange::Failure::Refused)) => true,
                Err(Failure::Exchange(exchange::Failure::Unsent(_))) => {
                    pause = false;
                    unsent += 1;
                    unsent <= UNSENT_LIMIT
                }
                Err(Failure::TooLarge | Failure::TimedOut) => false,
            };
            let (answered, returned) = returned(answered);
            let next = returned.or_else(|| whole.cloned().map(RequestBody::Whole));
            tried.push(endpoint);
            body = match next {
                Some(body) if again => body,
                _ => return answered,
            };
            if pause {
                attempts += 1;
                let wait = draw(|rng| pushback::pause(attempts, pushed_back, settings, rng));
                // One that would come too late is not made: what the last one said is worth more than that time is up.
                let in_time = |wait: &Duration| {
                    plan.left().is_none_or(|left| {
                        left.checked_sub(*wait)
                            .is_some_and(|left| deadline::is_enough(left, settings, &method.latency, self.now()))
                    })
                };
                let Some(wait) = wait.filter(in_time) else {
                    return answered;
                };
                if !self.budget.withdraw(self.now(), &plan.policy().budget) {
                    self.counters.over_budget.inc();
                    return answered;
                }
                self.counters.retries.inc();
                tracing::debug!(attempts, "trying again");
                if !wait.is_zero() {
                    tokio::time::sleep(wait).await;
                }
            }
        }
    }

    /// One attempt; where it is late and the policy wants it, a second one beside it.
    async fn round(
        &self,
        plan: &Plan,
        endpoint: &Arc<Endpoint<Connection>>,
        body: RequestBody,
        tried: &[Arc<Endpoint<Connection>>],
        previous: u32,
    ) -> Result<Answer, Failure> {
        let settings = plan.settings();
        let hedge = match &body {
            RequestBody::Whole(whole) if settings.hedge && plan.idempotent() && !plan.server_streams() => {
                let latency = &self.method(plan.index).latency;
                hedging::delay(settings, latency, plan.left(), self.now()).map(|delay| (delay, whole.clone()))
            }
            _ => None,
        };
        match hedge {
            None => self.attempt(plan, endpoint, body, previous).await,
            Some((delay, whole)) => {
                let first = self.attempt(plan, endpoint, body, previous);
                self.hedged(plan, endpoint, first, tried, delay, whole).await
            }
        }
    }

    async fn hedged(
        &self,
        plan: &Plan,
        endpoint: &Arc<Endpoint<Connection>>,
        first: impl Future<Output = Result<Answer, Failure>>,
        tried: &[Arc<Endpoint<Connection>>],
        delay: Duration,
        whole: Bytes,
    ) -> Result<Answer, Failure> {
        let begun = self.now();
        let mut first = std::pin::pin!(first);
        if let Ok(answered) = timeout(delay, first.as_mut()).await {
            return answered;
        }
        let mut avoided = tried.to_vec();
        avoided.push(Arc::clone(endpoint));
        let other = self
            .pick(plan, &avoided)
            .filter(|other| other.is_ready() && !avoided.iter().any(|one| Arc::ptr_eq(one, other)));
        let Some(other) = other.filter(|_| self.budget.withdraw(self.now(), &plan.policy().budget)) else {
            return first.await;
        };
        self.counters.hedges.inc();
        let mut second = std::pin::pin!(self.attempt(plan, &other, RequestBody::Whole(whole), 1));
        tokio::select! {
            answered = first.as_mut() => if counts(&answered) { answered } else { second.await },
            answered = second.as_mut() => if counts(&answered) {
                self.counters.hedges_won.inc();
                endpoint.overtaken(self.now(), begun);
                answered
            } else {
                first.await
            },
        }
    }
}

/// Whether an answer ends a hedged call: a failure leaves the other one its chance.
fn counts(answered: &Result<Answer, Failure>) -> bool {
    answered
        .as_ref()
        .is_ok_and(|answer| !answer.code().is_some_and(crate::resilience::fallback::applies))
}

/// What the caller is told, and what came back of a request that was not sent.
fn returned(answered: Result<Answer, Failure>) -> (Result<Answer, Unanswered>, Option<RequestBody>) {
    let lost = || Error::unavailable("CONNECTION_LOST", "the instance was lost before it answered");
    let failure = match answered {
        Ok(answer) => return (Ok(answer), None),
        Err(failure) => failure,
    };
    match failure {
        Failure::Exchange(exchange::Failure::Unsent(body)) => (Err(Unanswered::asked(lost())), body),
        Failure::Exchange(_) => (Err(Unanswered::asked(lost())), None),
        Failure::TimedOut => (Err(Unanswered::asked(Error::deadline_exceeded())), None),
        Failure::TooLarge => {
            let error = Error::exhausted(
                "MESSAGE_TOO_LARGE",
                format!("the answer is larger than {MESSAGE_LIMIT} bytes"),
            );
            (Err(Unanswered::asked(error)), None)
        }
    }
}

/// The whole request, so that it can be sent again; within the call's time, as whoever sends it may be slow.
pub(super) async fn collect(body: Body, deadline: Option<Instant>) -> Result<Bytes, Status> {
    let collected = Limited::new(body, MESSAGE_LIMIT + 5).collect();
    let collected = match deadline {
        None => collected.await,
        Some(deadline) => tokio::select! {
            biased;
            collected = collected => collected,
            () = sleep_until(deadline) => return Err(Error::deadline_exceeded().into()),
        },
    };
    match collected {
        Ok(collected) => Ok(collected.to_bytes()),
        Err(error) => Err(match error.downcast::<Status>() {
            Ok(status) => *status,
            Err(_) => Error::exhausted(
                "MESSAGE_TOO_LARGE",
                format!("the request is larger than {MESSAGE_LIMIT} bytes"),
            )
            .into(),
        }),
    }
}
