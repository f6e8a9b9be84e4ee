//! Several calls in one round trip, some of which need the answers of others.
//!
//! ```text
//! POST /api/batch ─▶ plan: ids, references, circles ─▶ run: what can be called is called ─▶ one status a call
//! ```
//!
//! **What.** A list of calls by the names that REST has for methods; a value of a request may refer to an earlier answer
//! ([`reference`]). Calls that do not wait for each other run at the same time. The answer is HTTP 200 with a status for
//! each call: all at once in the order of the request, or, for who accepts NDJSON or events, each as it comes.
//!
//! **Why.** A page far away that needs three answers waits once. gRPC is left as it is: each call is an ordinary one,
//! admitted, limited and recorded by itself.
//!
//! **When not.** To choose fields: that is GraphQL. To make all calls or none: calls that were made stay made.

mod plan;
mod reference;
mod run;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, EXPECT, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode};
use http_body::Body;
use lyceum::client::ResponseBody;
use lyceum::context::headers::{CORRELATION, TIMEOUT};
use lyceum::error::Error as Refusal;
use tokio::time::{Instant, timeout_at};

use crate::edge::Edge;
use crate::json::failure;
use crate::peer::Peer;
use crate::quota::Together;
use crate::request::Inbound;
use crate::response::Reply;
use crate::{deadline, invoke, json, refusal};
#[cfg(feature = "fuzzing")]
pub(crate) use plan::read;
use run::{Caller, Run};

/// Where it is.
pub(crate) const PATH: &str = "/api/batch";

const LINES: &str = "application/x-ndjson";
const EVENTS: &str = "text/event-stream";

/// How long events may be silent.
const PAUSE: Duration = Duration::from_secs(12);

/// How answers come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Whole,
    Lines,
    Events,
}

impl Edge {
    /// Answers a request at [`PATH`].
    pub(crate) async fn batch<B>(self: &Arc<Self>, request: Request<B>, peer: &Peer) -> Response<Reply<ResponseBody>>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
    {
        let began = Instant::now();
        let (mut parts, body) = request.into_parts();
        let mut body = Inbound::plain(body, self.limits(PATH), parts.headers.contains_key(EXPECT));
        if parts.method != Method::POST {
            let mut response = Response::new(Reply::Whole(Bytes::new()));
            *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
            response.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
            return response;
        }
        let form = Form::of(&parts.headers);
        let errors = failure::Form::of(&parts.headers);
        match self.planned(&mut parts.headers, &mut body, began).await {
            Ok((plan, end)) => {
                let correlation = invoke::together(&mut parts.headers);
                let together = Arc::<Together>::default();
                let caller = Caller {
                    edge: Arc::clone(self),
                    headers: Arc::new(parts.headers),
                    peer: peer.clone(),
                    together: Arc::clone(&together),
                };
                let mut response = form.response(Run::new(caller, plan, end)).await;
                together.tell(response.headers_mut());
                response.headers_mut().extend(correlation.map(|id| (CORRELATION, id)));
                response
            }
            Err(refusal) => failure::response(&refusal.into(), HeaderMap::new(), errors),
        }
    }

    /// The plan, and until when it may take.
    async fn planned<B>(
        &self,
        headers: &mut HeaderMap,
        body: &mut Inbound<B>,
        began: Instant,
    ) -> Result<(plan::Plan, Instant), Refusal>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
    {
        if !self.routes.is_ready() {
            return Err(refusal::not_ready());
        }
        let kind = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
        let kind = kind.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
        // Another site's page can send any other body without asking.
        if !kind.eq_ignore_ascii_case(b"application/json") {
            return Err(Refusal::invalid_argument(
                "BODY_NOT_JSON",
                "the body must be application/json",
            ));
        }
        let most = self.live.load().deadline_limit(PATH);
        let granted = deadline::of(headers, most).map_err(refusal::broken_timeout)?;
        let granted = granted
            .or(json::timeout(headers)?)
            .map_or(most, |granted| granted.min(most));
        // What is left of it is each call's.
        headers.remove(TIMEOUT);
        body.heed(headers)?;
        let body = timeout_at(began + granted, body.whole())
            .await
            .map_err(|_| Refusal::deadline_exceeded())??;
        let plan = plan::read(&body)?;
        let granted = plan.timeout.map_or(granted, |timeout| timeout.min(granted));
        Ok((plan, began + granted))
    }
}

// === impl Form ===

impl Form {
    fn of(headers: &HeaderMap) -> Self {
        if json::accepts(headers, LINES) {
            Self::Lines
        } else if json::accepts(headers, EVENTS) {
            Self::Events
        } else {
            Self::Whole
        }
    }

    async fn response(self, mut run: Run) -> Response<Reply<ResponseBody>> {
        let (kind, reply) = match self {
            Self::Whole => {
                let mut answers = vec![Vec::new(); run.len()];
                while let Some((index, answer)) = run.next().await {
                    answers[index] = answer;
                }
                let body = [b"{\"answers\":[", &*answers.join(&b","[..]), b"]}"].concat();
                ("application/json", Reply::Whole(body.into()))
            }
            Self::Lines => (LINES, Reply::begun(lines(run).boxed()).await),
            Self::Events => (EVENTS, Reply::begun(events(run).boxed()).await),
        };
        let mut response = Response::new(reply);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        response
    }
}

fn lines(run: Run) -> impl futures_core::Stream<Item = Bytes> + Send {
    stream::unfold(run, |mut run| async move {
        let (_, mut line) = run.next().await?;
        line.push(b'\n');
        Some((Bytes::from(line), run))
    })
}

/// `answer` for each call, then `end`.
fn events(run: Run) -> impl futures_core::Stream<Item = Bytes> + Send {
    stream::unfold(Some(run), |run| async move {
        let mut run = run?;
        Some(match tokio::time::timeout(PAUSE, run.next()).await {
            Err(_) => (Bytes::from_static(b":\n\n"), Some(run)),
            Ok(Some((_, answer))) => {
                let event = [b"event: answer\ndata: ", &*answer, b"\n\n"].concat();
                (Bytes::from(event), Some(run))
            }
            Ok(None) => (Bytes::from_static(b"event: end\ndata:\n\n"), None),
        })
    })
}
