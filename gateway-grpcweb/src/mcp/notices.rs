//! Who waits to hear that the list of tools has changed.
//!
//! A GET of the older revisions and `subscriptions/listen` of the newest wait in the same places, of which there is a
//! number. Every one ends when the gateway drains; an agent comes back by itself. When not: what a call has to tell on
//! its way comes in the answer to that call.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, Response, StatusCode};
use http_body::Frame;
use http_body_util::StreamBody;
use lyceum::client::ResponseBody;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::response::Reply;

/// Agents that wait at a time.
const PLACES: usize = 1_000;
/// How often a line that means nothing keeps proxies from closing what is silent.
const ALIVE: Duration = Duration::from_secs(15);

const LISTENING: Bytes = Bytes::from_static(b": listening\n\n");
const STILL: Bytes = Bytes::from_static(b":\n\n");
const CHANGED: Bytes = Bytes::from_static(
    b"event: message\ndata: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/tools/list_changed\"}\n\n",
);

/// The places.
#[derive(Debug)]
pub(super) struct Notices {
    places: Arc<Semaphore>,
}

// === impl Notices ===

impl Notices {
    /// A place, if one is free.
    pub(super) fn place(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.places).try_acquire_owned().ok()
    }

    /// An event for each change, until the gateway stops.
    pub(super) fn answer(
        &self,
        mut changes: watch::Receiver<u64>,
        stopping: CancellationToken,
    ) -> Response<Reply<ResponseBody>> {
        let Some(place) = self.place() else {
            let mut response = super::refuse(StatusCode::SERVICE_UNAVAILABLE, "too many agents listen already\n");
            response
                .headers_mut()
                .insert(RETRY_AFTER, HeaderValue::from_static("30"));
            return response;
        };
        changes.mark_unchanged();
        let mut alive = interval(ALIVE);
        alive.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // Its first tick is at once.
        alive.reset();
        let first = true;
        let events = stream::unfold(
            (changes, alive, stopping, place, first),
            |(mut changes, mut alive, stopping, place, first)| async move {
                let event = if first {
                    LISTENING
                } else {
                    tokio::select! {
                        biased;
                        () = stopping.cancelled() => return None,
                        changed = changes.changed() => {
                            changed.ok()?;
                            CHANGED
                        }
                        _ = alive.tick() => STILL,
                    }
                };
                Some((Ok(Frame::data(event)), (changes, alive, stopping, place, false)))
            },
        );
        let mut response = Response::new(Reply::Stream(Box::pin(StreamBody::new(events))));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/event-stream"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        response
    }
}

impl Default for Notices {
    fn default() -> Self {
        Self {
            places: Arc::new(Semaphore::new(PLACES)),
        }
    }
}
