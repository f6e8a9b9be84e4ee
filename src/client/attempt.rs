//! One attempt: one instance, one exchange, and what the balancer learns of it.
//!
//! A unary answer is collected before it is handed over, so that an instance that dies in the middle can still be
//! replaced; a stream is passed on as it comes. When not: whether to try again is the call's business.

use std::collections::VecDeque;
use std::sync::Arc;

use base64::Engine as _;
use bytes::Bytes;
use http::{HeaderMap, Response};
use tokio::time::timeout_at;
use tonic::Code;

use super::callee::Callee;
use super::connection::Connection;
use super::exchange::{self, Incoming, RequestBody, exchange};
use super::plan::Plan;
use crate::balancing::{Endpoint, Outcome, Ticket};
use crate::contracts::MESSAGE_LIMIT;
use crate::load_report::{self, BASE64};

const STATUS_DETAILS: &str = "grpc-status-details-bin";

/// What an attempt brought back.
#[derive(Debug)]
pub(super) struct Answer {
    pub(super) head: Response<()>,
    pub(super) instance: Arc<str>,
    pub(super) body: AnswerBody,
}

/// The rest of it.
#[derive(Debug)]
pub(super) enum AnswerBody {
    /// All of it: the call has ended.
    Whole(VecDeque<Bytes>, Option<HeaderMap>),
    /// The beginning of a stream.
    Streaming(Incoming, Ticket<Connection>),
}

/// How an attempt ended without an answer.
#[derive(Debug)]
pub(super) enum Failure {
    /// The exchange failed.
    Exchange(exchange::Failure),
    /// The answer is larger than a message may be.
    TooLarge,
    /// The call's time is up.
    TimedOut,
}

impl From<exchange::Failure> for Failure {
    fn from(failure: exchange::Failure) -> Self {
        Self::Exchange(failure)
    }
}

impl Answer {
    /// How the call ended; `None` while it streams.
    pub(super) fn code(&self) -> Option<Code> {
        match &self.body {
            AnswerBody::Whole(_, trailers) => Some(code(&self.head, trailers.as_ref())),
            AnswerBody::Streaming(..) => None,
        }
    }

    /// The trailers, or the headers where they came as one.
    pub(super) fn last_headers(&self) -> &HeaderMap {
        match &self.body {
            AnswerBody::Whole(_, Some(trailers)) => trailers,
            _ => self.head.headers(),
        }
    }
}

impl Callee {
    /// Sends a request to an instance, after `previous` attempts. Dropped early, it says nothing of the instance.
    pub(super) async fn attempt(
        &self,
        plan: &Plan,
        endpoint: &Arc<Endpoint<Connection>>,
        body: RequestBody,
        previous: u32,
    ) -> Result<Answer, Failure> {
        let ticket = endpoint.begin(self.now());
        let received = receive(plan, endpoint.member(), body, previous);
        let received = match plan.deadline {
            Some(deadline) => timeout_at(deadline, received).await.unwrap_or(Err(Failure::TimedOut)),
            None => received.await,
        };
        let now = self.now();
        let (head, received) = match received {
            Ok(received) => received,
            Err(failure) => {
                match &failure {
                    Failure::Exchange(exchange::Failure::Unsent(_)) => ticket.unsent(),
                    Failure::Exchange(_) => ticket.end(now, Outcome::Failed, true),
                    Failure::TooLarge => ticket.end(now, Outcome::Answered, true),
                    Failure::TimedOut => ticket.end(now, Outcome::TimedOut, true),
                }
                return Err(failure);
            }
        };
        let instance = Arc::clone(&endpoint.member().link().id);
        let body = match received {
            Received::Streaming(incoming) => {
                ticket.answering(now);
                AnswerBody::Streaming(incoming, ticket)
            }
            Received::Whole(data, trailers) => {
                let last = trailers.as_ref().unwrap_or(head.headers());
                if let Some(utilization) = load_report::utilization(last) {
                    endpoint.reported(now, utilization);
                }
                ticket.end(now, outcome_of(code(&head, trailers.as_ref())), true);
                AnswerBody::Whole(data, trailers)
            }
        };
        Ok(Answer { head, instance, body })
    }
}

enum Received {
    Whole(VecDeque<Bytes>, Option<HeaderMap>),
    Streaming(Incoming),
}

async fn receive(
    plan: &Plan,
    connection: &Connection,
    body: RequestBody,
    previous: u32,
) -> Result<(Response<()>, Received), Failure> {
    let Some(place) = connection.link().place().await else {
        return Err(exchange::Failure::Unsent(Some(body)).into());
    };
    let response = exchange(place, || plan.request(previous), body).await?;
    let (mut parts, mut incoming) = response.into_parts();
    sanitise(&mut parts.headers);
    let head = Response::from_parts(parts, ());
    if plan.server_streams() && status_of(head.headers()).is_none() {
        return Ok((head, Received::Streaming(incoming)));
    }
    let (mut data, mut trailers, mut size) = (VecDeque::with_capacity(1), None, 0);
    while let Some(frame) = incoming.frame().await {
        match frame?.into_data() {
            Ok(bytes) => {
                size += bytes.len();
                if size > MESSAGE_LIMIT + 5 {
                    return Err(Failure::TooLarge);
                }
                data.push_back(bytes);
            }
            Err(frame) => trailers = frame.into_trailers().ok(),
        }
    }
    if let Some(trailers) = &mut trailers {
        sanitise(trailers);
    }
    Ok((head, Received::Whole(data, trailers)))
}

/// How a whole answer ended.
fn code(head: &Response<()>, trailers: Option<&HeaderMap>) -> Code {
    trailers
        .and_then(status_of)
        .or_else(|| status_of(head.headers()))
        .unwrap_or(Code::Unknown)
}

/// Takes out details that are no base64: generated clients read them through tonic 0.14, which would panic.
pub(super) fn sanitise(headers: &mut HeaderMap) {
    if let Some(value) = headers.get(STATUS_DETAILS)
        && BASE64.decode(value).is_err()
    {
        headers.remove(STATUS_DETAILS);
    }
}

/// The gRPC code in headers or trailers.
pub(super) fn status_of(headers: &HeaderMap) -> Option<Code> {
    headers
        .get("grpc-status")
        .map(|value| Code::from_bytes(value.as_bytes()))
}

/// Whom to blame for a code: the instance, or the caller's own request.
pub(super) fn outcome_of(code: Code) -> Outcome {
    match code {
        Code::DeadlineExceeded => Outcome::TimedOut,
        Code::Unavailable | Code::Internal | Code::Unknown | Code::DataLoss => Outcome::Failed,
        _ => Outcome::Answered,
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn details_that_would_panic_a_client_are_taken_out() {
        for (value, kept) in [
            ("CAUSAA", true),
            ("CAUSAA==", true),
            ("not base64!", false),
            ("=", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert("grpc-status", HeaderValue::from_static("5"));
            headers.insert(STATUS_DETAILS, HeaderValue::from_static(value));
            sanitise(&mut headers);
            assert_eq!(headers.contains_key(STATUS_DETAILS), kept, "{value}");
            assert_eq!(
                tonic::Status::from_header_map(&headers).map(|status| status.code()),
                Some(Code::NotFound)
            );
        }
    }
}
