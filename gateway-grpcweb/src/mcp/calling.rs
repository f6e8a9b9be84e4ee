//! One call of a tool, through the one way of a call.
//!
//! A stream's messages are told as progress while they come, and all together at its end. How much that may be has a
//! limit; what is longer, or never ends, fails with what came until then.

use http::{HeaderMap, Uri};
use lyceum::error::Error as Refusal;
use rmcp::RoleServer;
use rmcp::model::{CallToolResult, JsonObject, ProgressNotificationParam, ProgressToken};
use rmcp::service::Peer;
use serde_json::{Value, json};
use tonic::Status;

use super::catalogue::{Entry, MESSAGES, VALUE};
use super::results;
use crate::edge::Edge;
use crate::invoke::{Answer, Ask};
use crate::schema::codec;

/// All messages of a stream together, as JSON, in bytes.
const STREAM: usize = 8 * 1024 * 1024;
/// The longest message that is told as progress, as JSON, in bytes.
const PROGRESS: usize = 16 * 1024;

/// Who hears of progress, and by what token.
pub(super) type Listener = (Peer<RoleServer>, ProgressToken);

/// Calls the tool, and answers also where it fails.
pub(super) async fn call(
    edge: &Edge,
    entry: &Entry,
    arguments: JsonObject,
    ask: Ask<'_>,
    listener: Option<Listener>,
) -> CallToolResult {
    let nothing = HeaderMap::new();
    let request = match encode(entry, arguments) {
        Ok(request) => request,
        Err(refusal) => return results::failed(&refusal.into(), None, &nothing),
    };
    let Ok(uri) = entry.method.path.parse::<Uri>() else {
        let refusal = Refusal::invalid_argument("METHOD_UNKNOWN", "this method has no path");
        return results::failed(&refusal.into(), None, &nothing);
    };
    match edge.invoke(Ask { uri: &uri, ..ask }, &request).await {
        Ok(answer) if entry.method.server_streaming => all(entry, answer, listener).await,
        Ok(answer) => one(entry, answer).await,
        Err(refused) => results::failed(&refused.status, None, &refused.headers),
    }
}

pub(super) fn encode(entry: &Entry, mut arguments: JsonObject) -> Result<bytes::Bytes, Refusal> {
    let json = if entry.wrapped.input {
        arguments.remove(VALUE).unwrap_or(Value::Null)
    } else {
        Value::Object(arguments)
    };
    codec::to_bytes(&entry.method.input, json.to_string().as_bytes())
}

async fn one(entry: &Entry, mut answer: Answer) -> CallToolResult {
    let read = match answer.messages.only().await {
        Ok(message) => read(entry, &message),
        Err(status) => Err(status),
    };
    match read {
        Ok((json, value)) if entry.wrapped.output => {
            let value = json!({ VALUE: value });
            drop(json);
            results::good(value.to_string(), value, &answer.headers)
        }
        Ok((json, value)) => results::good(json, value, &answer.headers),
        Err(status) => results::failed(&status, None, &answer.headers),
    }
}

async fn all(entry: &Entry, mut answer: Answer, listener: Option<Listener>) -> CallToolResult {
    let mut json = format!("{{\"{MESSAGES}\":[");
    let mut values = Vec::new();
    let ended = loop {
        let message = match answer.messages.next().await {
            Some(Ok(message)) => message,
            Some(Err(status)) => break Err(status),
            None => break Ok(()),
        };
        let (text, value) = match read(entry, &message) {
            Ok(read) => read,
            Err(status) => break Err(status),
        };
        if json.len() + text.len() > STREAM {
            let text = format!("the messages together are longer than {STREAM} bytes of JSON: ask for fewer");
            break Err(Refusal::exhausted("STREAM_TOO_LONG", text).into());
        }
        if !values.is_empty() {
            json.push(',');
        }
        json.push_str(&text);
        values.push(value);
        if let Some((peer, token)) = &listener {
            tell(peer, token, values.len(), text).await;
        }
    };
    json.push_str("]}");
    match ended {
        Ok(()) => results::good(json, json!({ MESSAGES: values }), &answer.headers),
        Err(status) => {
            let before = (!values.is_empty()).then_some(json);
            results::failed(&status, before, &answer.headers)
        }
    }
}

fn read(entry: &Entry, message: &[u8]) -> Result<(String, Value), Status> {
    let unreadable = || Refusal::new(tonic::Code::Internal, "ANSWER_UNREADABLE", "the answer has no JSON");
    let json = codec::to_json(&entry.method.output, message)?;
    let value = serde_json::from_slice(&json).map_err(|_| unreadable())?;
    let json = String::from_utf8(json).map_err(|_| unreadable())?;
    Ok((json, value))
}

async fn tell(peer: &Peer<RoleServer>, token: &ProgressToken, count: usize, text: String) {
    let message = if text.len() <= PROGRESS {
        text
    } else {
        format!("message {count}, {} bytes", text.len())
    };
    #[expect(clippy::cast_precision_loss, reason = "nobody counts to 2^53 messages")]
    let progress = ProgressNotificationParam::new(token.clone(), count as f64).with_message(message);
    // An agent that has left is noticed by the call itself.
    let _ = peer.notify_progress(progress).await;
}
