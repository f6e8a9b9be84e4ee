//! GraphQL: several calls in one round trip, and of their answers only what is asked for.
//!
//! ```text
//! descriptors ─▶ types ─▶ schema, made when it is first asked for in a generation
//!                           │
//! request ─▶ scan ─▶ parse ─▶ weight ─▶ validation ─▶ resolve ─▶ invoke, once a field of a root ─▶ JSON, or events
//! ```
//!
//! **What.** `/graphql` takes a POST of JSON, one operation or a few; a GET takes queries. Subscriptions come as
//! server-sent events, in the form that graphql-sse calls distinct connections.
//!
//! **Why.** A page that shows three analyses makes one request and loads no field that it does not show. The services do
//! not know: each call is an ordinary one, admitted and limited by itself, and computes its whole answer.
//!
//! **When not.** For one call after another that needs its answer: that is the batch. To read messages that stream
//! upwards: that needs gRPC, Connect or WebSocket.
//!
//! **Source.** GraphQL, October 2021; "GraphQL over HTTP", draft; "GraphQL over Server-Sent Events Protocol".

mod asked;
mod events;
mod names;
mod resolve;
mod scan;
mod session;
mod types;
mod values;
mod weight;

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use async_graphql::Response as Executed;
use async_graphql::dynamic::Schema;
use async_graphql::parser::types::OperationType;
use bytes::Bytes;
use futures_util::future::join_all;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, EXPECT, VARY, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Method, Request, Response, StatusCode};
use http_body::Body;
use lyceum::client::ResponseBody;
use lyceum::context::headers::CORRELATION;
use tokio::sync::Mutex;
use tokio::time::Instant;
use tonic::Status;

use crate::edge::Edge;
use crate::json::accepts;
use crate::peer::Peer;
use crate::request::Inbound;
use crate::response::Reply;
use crate::{invoke, refusal, schema};
use asked::Asked;
use resolve::Caller;
pub(crate) use session::Session;

/// Where it is.
pub(crate) const PATH: &str = "/graphql";

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const RESPONSE: &str = "application/graphql-response+json";
const EVENTS: &str = "text/event-stream";

/// The schema, for who asks: an edge that nobody asks for GraphQL keeps none.
#[derive(Debug, Default)]
pub(crate) struct Graphql {
    made: ArcSwapOption<Made>,
    /// Held by the one that makes it.
    making: Mutex<()>,
}

/// What was made of a generation.
#[derive(Debug)]
struct Made {
    generation: u64,
    /// None where its types make none, nor did those before.
    schema: Option<Arc<Schema>>,
}

// === impl Graphql ===

impl Graphql {
    /// The schema of the present generation. The first to ask after a change waits until it is made.
    async fn schema(&self, learnt: &schema::Schema) -> Option<Arc<Schema>> {
        if let Some(made) = self.known(learnt.generation()) {
            return made.schema.clone();
        }
        let _making = self.making.lock().await;
        // Read before the services: should they change in between, it is made once more, never missed.
        let generation = learnt.generation();
        if let Some(made) = self.known(generation) {
            return made.schema.clone();
        }
        let services = learnt.services();
        let building = tokio::task::spawn_blocking(move || types::build(&services, generation));
        let schema = match building.await {
            Ok(Ok(schema)) => Some(Arc::new(schema)),
            // The one before still describes what it describes.
            Ok(Err(error)) => {
                tracing::warn!(%error, generation, "types that make no GraphQL schema");
                self.made.load().as_ref().and_then(|made| made.schema.clone())
            }
            Err(error) => {
                tracing::warn!(%error, generation, "making the GraphQL schema failed");
                self.made.load().as_ref().and_then(|made| made.schema.clone())
            }
        };
        self.made.store(Some(Arc::new(Made {
            generation,
            schema: schema.clone(),
        })));
        schema
    }

    fn known(&self, generation: u64) -> Option<Arc<Made>> {
        self.made.load_full().filter(|made| made.generation == generation)
    }
}

impl Edge {
    /// Answers a request at [`PATH`].
    pub(crate) async fn graphql<B>(self: &Arc<Self>, request: Request<B>, peer: &Peer) -> Response<Reply<ResponseBody>>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
    {
        let began = Instant::now();
        let (mut parts, body) = request.into_parts();
        let mut body = Inbound::plain(body, self.limits(PATH), parts.headers.contains_key(EXPECT));
        let streams = accepts(&parts.headers, EVENTS);
        let form = if accepts(&parts.headers, RESPONSE) {
            HeaderValue::from_static(RESPONSE)
        } else {
            JSON
        };
        let asked = match parts.method {
            Method::POST => {
                let patience = self.live.load().deadline_limit(PATH);
                asked::post(&parts.headers, &mut body, patience).await
            }
            Method::GET => asked::get(parts.uri.query().unwrap_or_default()),
            _ => return not_allowed(),
        };
        let Some(schema) = self.graphql.schema(&self.schema).await else {
            return whole(&Executed::from_errors(vec![error(&refusal::not_ready().into())]), form);
        };
        let correlation = invoke::together(&mut parts.headers);
        let caller = Caller::new(
            Arc::clone(self),
            parts.method.clone(),
            parts.headers,
            peer.clone(),
            began,
        );
        let caller = Arc::new(caller);
        let mut response = match asked {
            Err(refusal) => {
                let mut response = whole(&Executed::from_errors(vec![error(&refusal.into())]), form);
                *response.status_mut() = StatusCode::BAD_REQUEST;
                response
            }
            Ok(Asked::One(request)) if streams => {
                let request = asked::prepare(*request).map(|operation| operation.with(&caller));
                events::response(&schema, request).await
            }
            Ok(Asked::One(request)) => {
                let executed = execute(&schema, *request, &caller).await;
                // In the one form a request that is none is told by the status, in the older one it never is.
                let is_none = form != JSON && executed.data == async_graphql::Value::Null && executed.is_err();
                let mut response = whole(&executed, form);
                if is_none {
                    *response.status_mut() = StatusCode::BAD_REQUEST;
                }
                response
            }
            Ok(Asked::Many(requests)) => {
                let executed = requests.into_iter().map(|request| execute(&schema, request, &caller));
                whole(&join_all(executed).await, form)
            }
        };
        caller.together.tell(response.headers_mut());
        response.headers_mut().extend(correlation.map(|id| (CORRELATION, id)));
        response
    }
}

/// Whether a document may run: for those who try what else it could be.
#[cfg(feature = "fuzzing")]
pub(crate) fn weighed(document: &str) {
    drop(asked::prepare(async_graphql::Request::new(document)));
}

/// The schema of these services, if they make one.
#[cfg(feature = "fuzzing")]
pub(crate) fn described(services: &[Arc<schema::ServiceInfo>]) -> Option<Schema> {
    types::build(services, 1).ok()
}

/// Runs one operation to its end.
async fn execute(schema: &Schema, request: async_graphql::Request, caller: &Arc<Caller>) -> Executed {
    let operation = match asked::prepare(request) {
        Ok(operation) => operation,
        Err(errors) => return Executed::from_errors(errors),
    };
    match operation.kind {
        OperationType::Mutation if caller.method == Method::GET => refused(asked::not_by_get()),
        OperationType::Subscription => refused(asked::only_events()),
        _ => schema.execute(operation.with(caller)).await,
    }
}

fn refused(refusal: lyceum::error::Error) -> Executed {
    Executed::from_errors(vec![error(&refusal.into())])
}

/// A status as an error of a request as a whole.
fn error(status: &Status) -> async_graphql::ServerError {
    let mut error = resolve::told(status).into_server_error(async_graphql::Pos::default());
    error.locations.clear();
    error
}

fn whole(answer: &impl serde::Serialize, form: HeaderValue) -> Response<Reply<ResponseBody>> {
    // Strings, numbers and lists of them always can be written.
    let body = serde_json::to_vec(answer).unwrap_or_default();
    let mut response = Response::new(Reply::Whole(body.into()));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, form);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(VARY, HeaderValue::from_static("accept"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn not_allowed() -> Response<Reply<ResponseBody>> {
    let mut response = Response::new(Reply::Whole(Bytes::new()));
    *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    response
        .headers_mut()
        .insert(ALLOW, HeaderValue::from_static("GET, POST"));
    response
}

#[cfg(test)]
mod tests;
