//! Operations that come over a socket, each run as if it had come by POST.
//!
//! **Why.** A socket's credentials are the handshake's and what its first message says, so every operation is admitted
//! anew by the same rules; a session that ended meanwhile ends here too. As many run at a time as would be worth a page.
//! **When not.** What is spoken on the socket is async-graphql's to know, and the socket itself `websocket`'s.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arc_swap::ArcSwap;
use async_graphql::{Data, Executor, Request, Response, ServerError};
use futures_util::stream::BoxStream;
use futures_util::{StreamExt as _, stream};
use http::{HeaderMap, Method};
use lyceum::error::Error as Refusal;
use tokio::time::Instant;

use super::resolve::Caller;
use super::{asked, error};
use crate::edge::Edge;
use crate::peer::Peer;
use crate::{invoke, refusal};

/// Operations at a time on one socket.
const OPERATIONS: usize = 64;

/// What operations on one socket share. Clones share it too.
#[derive(Clone)]
pub(crate) struct Session {
    edge: Arc<Edge>,
    peer: Peer,
    headers: Arc<ArcSwap<HeaderMap>>,
    running: Arc<AtomicUsize>,
}

/// An operation's place among those that run.
struct Place(Arc<AtomicUsize>);

// === impl Session ===

impl Session {
    /// Of a socket that was opened with these headers.
    pub(crate) fn new(edge: Arc<Edge>, peer: Peer, headers: HeaderMap) -> Self {
        Self {
            edge,
            peer,
            headers: Arc::new(ArcSwap::from_pointee(headers)),
            running: Arc::default(),
        }
    }

    /// These headers are what counts from now on.
    pub(crate) fn say(&self, headers: HeaderMap) {
        self.headers.store(Arc::new(headers));
    }

    /// Those that count now.
    pub(crate) fn headers(&self) -> Arc<HeaderMap> {
        self.headers.load_full()
    }

    /// Whether no operation runs.
    pub(crate) fn is_idle(&self) -> bool {
        self.running.load(Ordering::Relaxed) == 0
    }

    /// The answers of an operation, or why it does not run.
    fn run(&self, request: Request) -> Result<BoxStream<'static, Response>, Vec<ServerError>> {
        let refused = |refusal: Refusal| vec![error(&refusal.into())];
        let place = Place::take(&self.running).ok_or_else(|| {
            let text = format!("a socket has at most {OPERATIONS} operations at a time");
            refused(Refusal::exhausted("OPERATIONS_TOO_MANY", text))
        })?;
        let operation = asked::prepare(request)?;
        let mut headers = HeaderMap::clone(&self.headers());
        invoke::together(&mut headers);
        let caller = Caller::new(
            Arc::clone(&self.edge),
            Method::POST,
            headers,
            self.peer.clone(),
            Instant::now(),
        );
        let edge = Arc::clone(&self.edge);
        let answers = async move {
            match edge.graphql.schema(&edge.schema).await {
                Some(schema) => schema.execute_stream(operation.with(&Arc::new(caller))).boxed(),
                None => stream::iter([Response::from_errors(refused(refusal::not_ready()))]).boxed(),
            }
        };
        Ok(stream::once(answers)
            .flatten()
            .map(move |answer| {
                let _ = &place;
                answer
            })
            .boxed())
    }
}

impl Executor for Session {
    async fn execute(&self, request: Request) -> Response {
        let first = self.execute_stream(request, None).next().await;
        first.unwrap_or_else(|| Response::from_errors(Vec::new()))
    }

    fn execute_stream(&self, request: Request, _: Option<Arc<Data>>) -> BoxStream<'static, Response> {
        self.run(request)
            .unwrap_or_else(|errors| stream::iter([Response::from_errors(errors)]).boxed())
    }
}

// === impl Place ===

impl Place {
    fn take(running: &Arc<AtomicUsize>) -> Option<Self> {
        let more = |running| (running < OPERATIONS).then_some(running + 1);
        let taken = running.fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        taken.is_ok().then(|| Self(Arc::clone(running)))
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
