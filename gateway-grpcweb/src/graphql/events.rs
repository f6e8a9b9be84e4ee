//! Operations whose answers come as server-sent events: `next` for each, then `complete`.
//!
//! **Why.** A subscription needs a stream that a browser can read, and every browser reads this one. Whatever goes wrong
//! comes as an event too, because an `EventSource` shows a script nothing of an answer that is not 200. A comment now and
//! then keeps proxies from cutting an idle stream off. **When not.** Many streams over HTTP/1.1: browsers open six
//! connections to a host. **Source.** "GraphQL over Server-Sent Events Protocol", distinct connections mode.

use std::time::Duration;

use async_graphql::dynamic::Schema;
use async_graphql::{Request, Response as Executed, ServerError};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::header::{CACHE_CONTROL, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Response};
use lyceum::client::ResponseBody;
use tokio::time::timeout;

use crate::response::Reply;

/// How long a stream may be silent.
const PAUSE: Duration = Duration::from_secs(12);

const COMPLETE: Bytes = Bytes::from_static(b"event: complete\ndata:\n\n");
const KEEPALIVE: Bytes = Bytes::from_static(b":\n\n");

/// The events of an operation, or of why it does not run.
pub(super) async fn response(
    schema: &Schema,
    request: Result<Request, Vec<ServerError>>,
) -> Response<Reply<ResponseBody>> {
    let answers = match request {
        Ok(request) => schema.execute_stream(request),
        Err(errors) => stream::iter([Executed::from_errors(errors)]).boxed(),
    };
    let events = stream::unfold(Some(answers), |answers| async move {
        let mut answers = answers?;
        Some(match timeout(PAUSE, answers.next()).await {
            Err(_) => (KEEPALIVE, Some(answers)),
            Ok(Some(answer)) => (event(&answer), Some(answers)),
            Ok(None) => (COMPLETE, None),
        })
    });
    let mut response = Response::new(Reply::begun(events.boxed()).await);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(super::EVENTS));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

fn event(answer: &Executed) -> Bytes {
    let mut event = b"event: next\ndata: ".to_vec();
    // JSON has no line of its own; strings and numbers always can be written.
    event.extend(serde_json::to_vec(answer).unwrap_or_default());
    event.extend_from_slice(b"\n\n");
    event.into()
}
