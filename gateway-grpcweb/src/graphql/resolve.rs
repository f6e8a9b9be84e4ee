//! Fields of the roots as calls to services, and fields below them as parts of the answers.
//!
//! **Why.** Each call goes the way of every call, so it is admitted, limited and recorded by itself; what fails is null
//! and an error with code, reason and broken fields, and the other fields are answered all the same. Aliases can ask for
//! the same text a hundred times, so what is written is counted against a bound.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use async_graphql::dynamic::{FieldFuture, FieldValue, ResolverContext, SubscriptionFieldFuture};
use async_graphql::{Error, ErrorExtensionValues, Value};
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, Method};
use lyceum::error::{Error as Refusal, Told};
use lyceum::telemetry::code_name;
use prost_reflect::DynamicMessage;
use tokio::time::Instant;
use tonic::Status;

use super::types::INPUT;
use super::values::{self, Entry};
use crate::edge::Edge;
use crate::invoke::{Answer, Ask};
use crate::peer::Peer;
use crate::quota::Together;
use crate::record::Front;
use crate::schema::{MethodInfo, codec};

const GRAPHQL: Front = Front::always_200("graphql");

/// The largest answer, in bytes, about.
const ROOM: usize = 16 * 1024 * 1024;

/// For whom the calls of a request are made, and how.
pub(super) struct Caller {
    pub(super) edge: Arc<Edge>,
    pub(super) method: Method,
    pub(super) headers: HeaderMap,
    pub(super) peer: Peer,
    pub(super) began: Instant,
    pub(super) together: Together,
    room: AtomicUsize,
}

// === impl Caller ===

impl Caller {
    pub(super) fn new(edge: Arc<Edge>, method: Method, headers: HeaderMap, peer: Peer, began: Instant) -> Self {
        Self {
            edge,
            method,
            headers,
            peer,
            began,
            together: Together::default(),
            room: AtomicUsize::new(ROOM),
        }
    }

    /// Makes a call with the input of a field.
    async fn ask(&self, method: &MethodInfo, input: Option<&Value>) -> Result<Answer, Status> {
        let message = match input {
            Some(input) => {
                let json = values::json(input, &method.input).to_string();
                codec::to_bytes(&method.input, json.as_bytes())?
            }
            None => Bytes::new(),
        };
        let ask = Ask {
            front: GRAPHQL,
            method: &self.method,
            uri: &method.uri,
            headers: &self.headers,
            peer: &self.peer,
            timeout: None,
            began: self.began,
            together: Some(&self.together),
        };
        self.edge.invoke(ask, &message).await.map_err(|refused| refused.status)
    }

    /// Takes room in the answer.
    fn take(&self, size: usize) -> Result<(), Error> {
        let taken = self
            .room
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |room| room.checked_sub(size));
        taken.map(drop).map_err(|_| {
            let refusal = Refusal::exhausted("ANSWER_TOO_LARGE", "the answer is too large: ask for fewer fields");
            told(&refusal.into())
        })
    }

    /// An event of a stream is an answer of its own.
    fn renew(&self) {
        self.room.store(ROOM, Ordering::Relaxed);
    }
}

fn caller<'a>(context: &ResolverContext<'a>) -> Result<&'a Caller, Error> {
    context.data::<Arc<Caller>>().map(|caller| &**caller)
}

/// A field of a root: one call.
pub(super) fn call<'a>(context: ResolverContext<'a>, method: &Arc<MethodInfo>) -> FieldFuture<'a> {
    let method = Arc::clone(method);
    FieldFuture::new(async move {
        let caller = caller(&context)?;
        match once(caller, &method, input(&context)).await {
            Ok(message) => Ok(Some(FieldValue::owned_any(message))),
            Err(status) => {
                // Null beside an error: the other fields stand.
                let error = told(&status).into_server_error(context.item.pos);
                context.add_error(context.set_error_path(error));
                Ok(None)
            }
        }
    })
}

async fn once(caller: &Caller, method: &MethodInfo, input: Option<&Value>) -> Result<DynamicMessage, Status> {
    let message = caller.ask(method, input).await?.messages.only().await?;
    Ok(codec::decode(&method.output, &message)?)
}

/// A field of the subscription's root: one call whose answer streams.
pub(super) fn subscribe<'a>(context: ResolverContext<'a>, method: &Arc<MethodInfo>) -> SubscriptionFieldFuture<'a> {
    let method = Arc::clone(method);
    SubscriptionFieldFuture::new(async move {
        let caller = caller(&context)?;
        let answer = caller.ask(&method, input(&context)).await;
        let Answer { messages, .. } = answer.map_err(|status| told(&status))?;
        Ok(stream::unfold(Some((messages, method)), move |state| async move {
            let (mut messages, method) = state?;
            let message = messages.next().await?;
            caller.renew();
            let decoded = message.and_then(|message| Ok(codec::decode(&method.output, &message)?));
            Some(match decoded {
                Ok(message) => (Ok(FieldValue::owned_any(message)), Some((messages, method))),
                Err(status) => (Err(told(&status)), None),
            })
        }))
    })
}

/// A field of a message.
pub(super) fn field<'a>(context: &ResolverContext<'a>, number: u32) -> FieldFuture<'a> {
    let found = context
        .parent_value
        .downcast_ref::<DynamicMessage>()
        .and_then(|message| values::of_field(message, number));
    taking(context, found)
}

/// The value of an entry of a map.
pub(super) fn entry<'a>(context: &ResolverContext<'a>) -> FieldFuture<'a> {
    let found = Entry::of(context).and_then(|entry| Some((entry.value()?, entry.size())));
    taking(context, found)
}

fn taking<'a>(context: &ResolverContext<'a>, found: Option<(FieldValue<'a>, usize)>) -> FieldFuture<'a> {
    let Some((value, size)) = found else {
        return FieldFuture::Value(None);
    };
    match caller(context).and_then(|caller| caller.take(size)) {
        Ok(()) => FieldFuture::Value(Some(value)),
        Err(error) => FieldFuture::new(async move { Err::<Option<FieldValue<'_>>, _>(error) }),
    }
}

fn input<'a>(context: &'a ResolverContext<'_>) -> Option<&'a Value> {
    context.args.get(INPUT).map(|input| input.as_value())
}

/// A status as an error of GraphQL.
pub(super) fn told(status: &Status) -> Error {
    let told = Told::of(status);
    let mut extensions = ErrorExtensionValues::default();
    extensions.set("code", code_name(status.code()));
    if !told.reason.is_empty() {
        extensions.set("reason", told.reason);
    }
    let violations: Vec<Value> = told
        .violations
        .into_iter()
        .map(|(field, rule)| pairs([("field".to_owned(), field), ("description".to_owned(), rule)]))
        .collect();
    if !violations.is_empty() {
        extensions.set("violations", violations);
    }
    if !told.metadata.is_empty() {
        extensions.set("metadata", pairs(told.metadata));
    }
    if let Some(delay) = told.retry_after {
        extensions.set("retryAfterSeconds", delay.as_secs_f64());
    }
    Error {
        message: status.message().to_owned(),
        source: None,
        extensions: Some(extensions),
    }
}

fn pairs(pairs: impl IntoIterator<Item = (String, String)>) -> Value {
    let pairs = pairs
        .into_iter()
        .map(|(name, value)| (async_graphql::Name::new(name), Value::String(value)));
    Value::Object(pairs.collect())
}
