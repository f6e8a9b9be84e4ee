//! An outbox, served: `lyceum.events.v1.EventsService`.

use std::pin::Pin;

use futures_core::Stream;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Request, Response, Status};

use super::{Event, Outbox};
use crate::contracts::events::v1::events_service_server::{EventsService, EventsServiceServer};
use crate::contracts::events::v1::{FollowEventsRequest, FollowEventsResponse};
use crate::error::Error;

/// Events read at a time.
const BATCH: i64 = 256;
/// Events that wait for a slow reader.
const WAITING: usize = 64;

/// The service over an outbox.
#[derive(Debug)]
pub struct Following {
    outbox: Outbox,
}

impl Outbox {
    /// What a server adds, so that others can follow what happens here.
    #[must_use]
    pub fn service(&self) -> EventsServiceServer<Following> {
        EventsServiceServer::new(Following { outbox: self.clone() })
    }
}

type Events = Pin<Box<dyn Stream<Item = Result<FollowEventsResponse, Status>> + Send>>;

#[tonic::async_trait]
impl EventsService for Following {
    type FollowEventsStream = Events;

    async fn follow_events(&self, request: Request<FollowEventsRequest>) -> Result<Response<Events>, Status> {
        let FollowEventsRequest { after, types } = request.into_inner();
        let newest = *self.outbox.newest().borrow();
        let after = i64::try_from(after)
            .ok()
            .filter(|after| *after <= newest)
            .ok_or_else(|| {
                Error::new(
                    Code::FailedPrecondition,
                    "POSITION_UNKNOWN",
                    "nothing has this position yet: was the publisher restored from a backup?",
                )
                .with_metadata("newest", newest.to_string())
            })?;
        let (told, stream) = mpsc::channel(WAITING);
        let outbox = self.outbox.clone();
        tokio::spawn(async move {
            // Whoever leaves drops the other end, and with it whatever was being read.
            let closed = told.clone();
            tokio::select! {
                () = closed.closed() => {}
                failed = tell(&outbox, after, &types, &told) => {
                    if let Err(status) = failed {
                        let _ = told.send(Err(status)).await;
                    }
                }
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(stream))))
    }
}

type Told = mpsc::Sender<Result<FollowEventsResponse, Status>>;

/// Sends what happens until nobody listens.
async fn tell(outbox: &Outbox, mut after: i64, types: &[String], told: &Told) -> Result<(), Status> {
    let mut newest = outbox.newest();
    loop {
        newest.mark_unchanged();
        let events = outbox.read(after, BATCH).await?;
        if events.is_empty() {
            // Ends with the outbox, which this holds.
            let _ = newest.changed().await;
            continue;
        }
        for event in events {
            after = i64::try_from(event.position).unwrap_or(i64::MAX);
            if is_wanted(&event, types) {
                let response = FollowEventsResponse { event: Some(event) };
                if told.send(Ok(response)).await.is_err() {
                    return Ok(());
                }
            }
        }
    }
}

fn is_wanted(event: &Event, types: &[String]) -> bool {
    types.is_empty() || types.contains(&event.event_type)
}
