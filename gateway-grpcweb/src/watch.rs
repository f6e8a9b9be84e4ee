//! What ends an answer before its service does: the deadline, a gateway that stops, a request's body that broke.
//!
//! One clock and one record for each call, whichever front passes the answer on. When not: what the service itself says
//! at the end is read by the front, which then [ends](Watch::end) the record.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use lyceum::error::Error as Refusal;
use tokio::time::Sleep;
use tokio_util::sync::{CancellationToken, WaitForCancellationFutureOwned};
use tonic::{Code, Status};

use crate::record::Record;
use crate::request::Fault;

/// When to call again after the gateway has stopped: another one, or the next, is there.
const RETRY: Duration = Duration::from_secs(1);

/// How long the caller waits, if not for ever.
pub(crate) type Timer = Option<Pin<Box<Sleep>>>;

/// The end of one call.
#[derive(Debug)]
pub(crate) struct Watch {
    timer: Timer,
    fault: Option<Fault>,
    stopping: CancellationToken,
    /// Waits for `stopping`, once the answer has had to be waited for.
    stop: Option<Pin<Box<WaitForCancellationFutureOwned>>>,
    record: Record,
}

// === impl Watch ===

impl Watch {
    /// Until `timer` if there is one, or until the gateway is `stopping`. What the request's body left in `fault` is why
    /// the answer broke off, if it did.
    pub(crate) fn new(timer: Timer, fault: Option<Fault>, stopping: CancellationToken, record: Record) -> Self {
        Self {
            timer,
            fault,
            stopping,
            stop: None,
            record,
        }
    }

    /// The status when the time is up.
    pub(crate) fn poll_deadline(&mut self, context: &mut Context<'_>) -> Poll<Status> {
        match &mut self.timer {
            Some(timer) => timer
                .as_mut()
                .poll(context)
                .map(|()| Refusal::deadline_exceeded().into()),
            None => Poll::Pending,
        }
    }

    /// The status when the gateway stops: asked while there is nothing else to pass on.
    pub(crate) fn poll_stop(&mut self, context: &mut Context<'_>) -> Poll<Status> {
        let stopping = &self.stopping;
        ready!(
            self.stop
                .get_or_insert_with(|| Box::pin(stopping.clone().cancelled_owned()))
                .as_mut()
                .poll(context)
        );
        let stopping = Refusal::unavailable("GATEWAY_STOPPING", "the gateway is stopping; call again");
        Poll::Ready(stopping.with_retry_after(RETRY).into())
    }

    /// What was wrong with the request's body if anything was, because it explains every other status.
    pub(crate) fn blame(&self, status: Status) -> Status {
        match self.fault.as_ref().and_then(|fault| fault.get()) {
            Some(fault) => fault.clone().into(),
            None => status,
        }
    }

    /// So many bytes more of the answer's messages pass.
    pub(crate) fn passed(&mut self, bytes: usize) {
        self.record.sends(bytes);
    }

    /// The call ended.
    pub(crate) fn end(&mut self, code: Code) {
        self.record.end(code);
    }
}

/// An answer that ended without a status.
pub(crate) fn broken_off() -> Status {
    Refusal::unavailable("ANSWER_BROKEN_OFF", "the answer ended without a status").into()
}

/// An answer that ended within a message.
pub(crate) fn cut_short() -> Status {
    Refusal::unavailable("ANSWER_BROKEN_OFF", "the answer ended within a message").into()
}

/// Trailers that have no status.
pub(crate) fn no_status() -> Status {
    Refusal::new(Code::Unknown, "STATUS_MISSING", "the answer ended without a status").into()
}

/// Bytes that are no frames of gRPC.
pub(crate) fn not_grpc(error: crate::frames::Error) -> Status {
    Refusal::new(Code::Internal, "ANSWER_NOT_GRPC", error.to_string()).into()
}
