//! A batch under way: what can be called is called, a few at a time, until all have a status.
//!
//! **Why.** A call goes when all that it waits for has been answered; one that waits for a failure fails without being
//! made. Everything runs within the one future that the caller waits for, so that who leaves takes all calls along.
//! Answers are bounded together, as their caller waits for all of them.

use std::collections::VecDeque;
use std::sync::Arc;

use futures_core::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt as _, StreamExt as _};
use http::{HeaderMap, Method};
use lyceum::error::Error as Refusal;
use lyceum::telemetry::code_name;
use prost_reflect::{DynamicMessage, SerializeOptions};
use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};
use tonic::{Code, Status};

use super::plan::{Plan, Planned};
use super::reference;
use crate::edge::Edge;
use crate::invoke::Ask;
use crate::json;
use crate::peer::Peer;
use crate::quota::Together;
use crate::record::Front;
use crate::schema::{MethodInfo, codec};

const BATCH: Front = Front::always_200("batch");

/// Calls under way at a time.
pub(super) const AT_ONCE: usize = 8;
/// The most messages of one stream.
pub(super) const MESSAGES: usize = 1_000;
/// All answers together, in bytes.
pub(super) const BYTES: usize = 32 * 1024 * 1024;

/// A call under way: its place, and how it ended.
type Calling = BoxFuture<'static, (usize, Result<Answered, Status>)>;

/// For whom calls are made.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) edge: Arc<Edge>,
    pub(super) headers: Arc<HeaderMap>,
    pub(super) peer: Peer,
    pub(super) together: Arc<Together>,
}

/// A batch under way.
pub(super) struct Run {
    caller: Caller,
    plan: Plan,
    end: Instant,
    /// How many calls each still waits for; none once it was begun.
    waiting: Vec<Option<usize>>,
    /// Whether somebody refers to its answer.
    wanted: Vec<bool>,
    ready: VecDeque<usize>,
    running: FuturesUnordered<Calling>,
    answers: Vec<Option<Value>>,
    failed: Vec<bool>,
    done: Vec<bool>,
    room: usize,
}

/// A service's answer.
struct Answered {
    /// `"response": …` or `"responses": …`.
    json: Vec<u8>,
    /// The same with every field, for those who refer to it.
    full: Option<Value>,
}

// === impl Run ===

impl Run {
    pub(super) fn new(caller: Caller, plan: Plan, end: Instant) -> Self {
        let count = plan.calls.len();
        let mut wanted = vec![false; count];
        for need in plan.calls.iter().flat_map(|call| &call.needs) {
            wanted[*need] = true;
        }
        let ready = (0..count).filter(|index| plan.calls[*index].needs.is_empty()).collect();
        Self {
            waiting: plan.calls.iter().map(|call| Some(call.needs.len())).collect(),
            wanted,
            ready,
            running: FuturesUnordered::new(),
            answers: vec![None; count],
            failed: vec![false; count],
            done: vec![false; count],
            room: BYTES,
            caller,
            plan,
            end,
        }
    }

    /// How many calls there are.
    pub(super) fn len(&self) -> usize {
        self.plan.calls.len()
    }

    /// The next call that has a status: its place and the object that tells it; none when all have one.
    pub(super) async fn next(&mut self) -> Option<(usize, Vec<u8>)> {
        loop {
            while self.running.len() < AT_ONCE
                && let Some(index) = self.ready.pop_front()
            {
                self.waiting[index] = None;
                match self.begin(index) {
                    Ok(call) => self.running.push(call),
                    Err(status) => return Some(self.finish(index, Err(status))),
                }
            }
            if self.running.is_empty() {
                let index = self.done.iter().position(|done| !done)?;
                // Only when the time is up is anything left that nothing leads to.
                return Some(self.finish(index, Err(Refusal::deadline_exceeded().into())));
            }
            match timeout_at(self.end, self.running.next()).await {
                Ok(Some((index, answered))) => return Some(self.finish(index, answered)),
                Ok(None) => {}
                Err(_) => {
                    self.running.clear();
                    self.ready.clear();
                    self.waiting.fill(None);
                }
            }
        }
    }

    /// A call that can be made, or why it cannot.
    fn begin(&self, index: usize) -> Result<Calling, Status> {
        let call = &self.plan.calls[index];
        if let Some(need) = call.needs.iter().find(|need| self.failed[**need]) {
            let refusal = Refusal::failed_precondition("DEPENDENCY_FAILED", "a call that this one waits for failed");
            return Err(refusal.with_metadata("call", self.plan.calls[*need].id.as_str()).into());
        }
        let method = self.method(call)?;
        let mut room = self.caller.edge.limits(&method.path).message;
        let answer = |id: &str| {
            let place = self.plan.calls.iter().position(|call| call.id == id)?;
            self.answers[place].as_ref()
        };
        let request = reference::fill(&call.request, &answer, &mut room)?.to_string();
        let message = codec::to_bytes(&method.input, request.as_bytes())?;
        let (caller, wanted, room) = (self.caller.clone(), self.wanted[index], self.room);
        let left = self.end.saturating_duration_since(Instant::now());
        let timeout = call.timeout.map_or(left, |timeout| timeout.min(left));
        Ok(async move {
            let ask = Ask {
                front: BATCH,
                method: &Method::POST,
                uri: &method.uri,
                headers: &caller.headers,
                peer: &caller.peer,
                timeout: Some(timeout),
                began: Instant::now(),
                together: Some(&caller.together),
            };
            let answered = match caller.edge.invoke(ask, &message).await {
                Ok(answer) => read(&method, answer.messages, wanted, room).await,
                Err(refused) => Err(refused.status),
            };
            (index, answered)
        }
        .boxed())
    }

    fn method(&self, call: &Planned) -> Result<Arc<MethodInfo>, Refusal> {
        let name = call.method.strip_prefix('/').unwrap_or(&call.method);
        let (service, method) = name.split_once('/').ok_or_else(|| {
            Refusal::invalid_argument(
                "METHOD_INVALID",
                "a method is named as in writing-analysis/AnalyzeWriting",
            )
        })?;
        let table = self.caller.edge.rest.load();
        let choices = &self.caller.edge.live.load().versions;
        let found = table.names.find(service, method, &self.caller.headers, choices)?;
        if found.method.client_streaming {
            return Err(Refusal::new(
                Code::Unimplemented,
                "METHOD_STREAMS",
                "a method that takes a stream cannot be called in a batch",
            ));
        }
        Ok(Arc::clone(&found.method))
    }

    /// Notes how a call ended, and lets go those that waited for it.
    fn finish(&mut self, index: usize, answered: Result<Answered, Status>) -> (usize, Vec<u8>) {
        let answered = answered.and_then(|answered| {
            self.room = self.room.checked_sub(answered.json.len()).ok_or_else(too_large)?;
            Ok(answered)
        });
        self.done[index] = true;
        let id = &self.plan.calls[index].id;
        let told = match answered {
            Ok(answered) => {
                self.answers[index] = answered.full;
                // An id is letters and digits: it is JSON as it is.
                let mut told = format!("{{\"id\":\"{id}\",\"status\":\"OK\",").into_bytes();
                told.extend(answered.json);
                told.push(b'}');
                told
            }
            Err(status) => {
                self.failed[index] = true;
                let error = json::failure::object(&status);
                let told = json!({ "id": id, "status": code_name(status.code()), "error": error });
                told.to_string().into_bytes()
            }
        };
        for (other, call) in self.plan.calls.iter().enumerate() {
            if call.needs.contains(&index)
                && let Some(waiting) = &mut self.waiting[other]
            {
                *waiting -= 1;
                if *waiting == 0 {
                    self.ready.push_back(other);
                }
            }
        }
        (index, told)
    }
}

/// Reads what a service answers, up to `room` bytes of JSON.
async fn read(
    method: &MethodInfo,
    mut messages: crate::messages::Messages,
    wanted: bool,
    room: usize,
) -> Result<Answered, Status> {
    if !method.server_streaming {
        let message = codec::decode(&method.output, &messages.only().await?)?;
        let mut json = b"\"response\":".to_vec();
        codec::write(&message, &mut json)?;
        let full = if wanted { Some(full(&message)?) } else { None };
        return Ok(Answered { json, full });
    }
    let mut json = b"\"responses\":[".to_vec();
    let mut all = Vec::new();
    let mut count = 0;
    while let Some(message) = messages.next().await {
        let message = codec::decode(&method.output, &message?)?;
        count += 1;
        if count > MESSAGES {
            let text = format!("a stream in a batch has at most {MESSAGES} messages");
            return Err(Refusal::exhausted("MESSAGES_TOO_MANY", text).into());
        }
        if count > 1 {
            json.push(b',');
        }
        codec::write(&message, &mut json)?;
        if json.len() > room {
            return Err(too_large());
        }
        if wanted {
            all.push(full(&message)?);
        }
    }
    json.push(b']');
    Ok(Answered {
        json,
        full: wanted.then_some(Value::Array(all)),
    })
}

/// With the fields that JSON leaves out, because they may be referred to.
fn full(message: &DynamicMessage) -> Result<Value, Refusal> {
    let mut json = Vec::new();
    codec::write_with(message, &mut json, &SerializeOptions::new().skip_default_fields(false))?;
    serde_json::from_slice(&json).map_err(|_| {
        Refusal::new(
            Code::Internal,
            "ANSWER_UNREADABLE",
            "the answer is nested too deep to refer to",
        )
    })
}

fn too_large() -> Status {
    let text = format!("the answers of a batch have at most {BYTES} bytes together");
    Refusal::exhausted("ANSWER_TOO_LARGE", text).into()
}
