//! The agents' front: every method that a contract allows is a tool of the Model Context Protocol, at `/mcp`.
//!
//! ```text
//! POST ─▶ origin ▸ body ─┬─▶ rmcp ─▶ Tools: list ── catalogue ── schema
//!                              │                 call ─── invoke ────▶ result: text, structure, progress
//!                              └─▶ notifications/cancelled ─▶ running
//! GET  ─▶ notices: the list of tools has changed
//! ```
//!
//! **What.** Streamable HTTP in the revisions from 2024-11-05 to 2026-07-28; `rmcp` speaks the protocol, [`Tools`]
//! answers it out of the schema and through the one way of a call, so that rules, limits, deadlines and consent are those
//! of every other front.
//!
//! **Why no sessions.** There may be many gateways, and a session would tie an agent to one. The id that `initialize`
//! answers is remembered by nobody: it only tells one agent's request 3 from another's, for as long as that request runs,
//! so that it can be cancelled.
//!
//! **Why origins are checked.** An agent is no page: what comes from a page that may not ask is refused, not only hidden
//! from it. A page that makes its own name lead here is refused for that name before (`host`).
//!
//! **When not.** A program that knows the contract calls it. **Source.** The specification at modelcontextprotocol.io;
//! its section on security for `Origin`.

mod calling;
mod catalogue;
mod names;
mod notices;
mod results;
mod running;
mod server;

use std::convert::Infallible;
use std::fmt;
use std::sync::{Arc, Weak};

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, EXPECT};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body::Body;
use http_body_util::{BodyExt as _, Full};
use lyceum::client::ResponseBody;
use rmcp::model::RequestId;
use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;
use rmcp::transport::streamable_http_server::{StreamableHttpServerConfig, StreamableHttpService};
use serde::Deserialize;
use tokio::time::Instant;

use crate::edge::Edge;
use crate::peer::Peer;
use crate::request::{self, Inbound};
use crate::response::Reply;
use notices::Notices;
use running::Running;
use server::Tools;

/// Where agents find it.
pub(crate) const PATH: &str = "/mcp";

const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");

/// The front.
pub(crate) struct Mcp {
    rmcp: StreamableHttpService<Tools, NeverSessionManager>,
    running: Arc<Running>,
    notices: Arc<Notices>,
}

/// What a tool has to know of the request that called it.
#[derive(Clone, Debug)]
struct Arrived {
    peer: Peer,
    began: Instant,
}

/// As much of a message as is looked at here.
#[derive(Debug, Deserialize)]
struct Glance {
    method: Option<String>,
    params: Option<Cancelled>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cancelled {
    request_id: Option<RequestId>,
}

// === impl Mcp ===

impl Mcp {
    /// A front of the gateway `edge`.
    pub(crate) fn new(edge: Weak<Edge>) -> Self {
        let running = Arc::new(Running::default());
        let notices = Arc::new(Notices::default());
        let tools = Tools::new(edge, Arc::clone(&running), Arc::clone(&notices));
        // Hosts, origins and sizes are checked by the gateway's own rules.
        let config = StreamableHttpServerConfig::default()
            .with_legacy_session_mode(false)
            .with_json_response(true)
            .with_max_request_body_bytes(usize::MAX)
            .disable_allowed_hosts();
        Self {
            rmcp: StreamableHttpService::new(move || Ok(tools.clone()), Arc::default(), config),
            running,
            notices,
        }
    }

    /// Answers an agent. `foreign` is a request from a site that may not ask.
    pub(crate) async fn answer<B>(
        &self,
        edge: &Edge,
        request: Request<B>,
        peer: &Peer,
        foreign: bool,
    ) -> Response<Reply<ResponseBody>>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
    {
        let began = Instant::now();
        let (mut parts, body) = request.into_parts();
        let mut body = Inbound::plain(body, edge.limits(PATH), parts.headers.contains_key(EXPECT));
        if foreign {
            return refuse(
                StatusCode::FORBIDDEN,
                "pages of this origin may not ask: it is not among edge.origins\n",
            );
        }
        match parts.method {
            Method::POST => {}
            Method::GET => return self.notices.answer(edge.schema.watch(), edge.stopping.clone()),
            // Nothing is kept for a session but what runs.
            Method::DELETE => {
                if let Some(session) = session(&parts.headers) {
                    self.running.end(session);
                }
                return refuse(StatusCode::NO_CONTENT, "");
            }
            _ => {
                let mut response = refuse(
                    StatusCode::METHOD_NOT_ALLOWED,
                    "agents POST, or GET to hear of changes\n",
                );
                response
                    .headers_mut()
                    .insert(ALLOW, HeaderValue::from_static("GET, POST, DELETE"));
                return response;
            }
        }
        let body = match body.whole().await {
            Ok(body) => body,
            Err(error) => {
                let status = match error {
                    request::Error::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
                    request::Error::Stalled(_) => StatusCode::REQUEST_TIMEOUT,
                    _ => StatusCode::BAD_REQUEST,
                };
                return refuse(status, format!("{error}\n"));
            }
        };
        // What is no message at all is told by rmcp.
        let glance = serde_json::from_slice::<Glance>(&body).ok();
        let method = glance.as_ref().and_then(|glance| glance.method.as_deref());
        let begins = method == Some("initialize");
        if method == Some("notifications/cancelled")
            && let (Some(session), Some(request)) = (
                session(&parts.headers),
                glance
                    .and_then(|glance| glance.params)
                    .and_then(|params| params.request_id),
            )
        {
            self.running.cancel(session, request);
        }
        parts.extensions.insert(Arrived {
            peer: Peer::clone(peer),
            began,
        });
        let response = self.rmcp.handle(Request::from_parts(parts, Full::new(body))).await;
        let mut response =
            response.map(|body| Reply::Stream(Box::pin(body.map_err(|never: Infallible| match never {}))));
        if begins && response.status() == StatusCode::OK {
            response.headers_mut().insert(SESSION, running::session_id());
        }
        response
    }
}

impl fmt::Debug for Mcp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Mcp").finish_non_exhaustive()
    }
}

/// The id that an agent was given, as far as it can be one.
fn session(headers: &HeaderMap) -> Option<&str> {
    let id = headers.get(SESSION)?.to_str().ok()?;
    (id.len() <= 64).then_some(id)
}

fn refuse(status: StatusCode, text: impl Into<Bytes>) -> Response<Reply<ResponseBody>> {
    let mut response = Response::new(Reply::Whole(text.into()));
    *response.status_mut() = status;
    if status != StatusCode::NO_CONTENT {
        let plain = HeaderValue::from_static("text/plain; charset=utf-8");
        response.headers_mut().insert(CONTENT_TYPE, plain);
    }
    response
}

/// Makes tools of these services.
#[cfg(feature = "fuzzing")]
pub(crate) fn describe(services: &[Arc<crate::schema::ServiceInfo>]) {
    drop(catalogue::Catalogue::new(1, services));
}

/// What is read of a body, up to where a tool would be called.
#[cfg(feature = "fuzzing")]
pub(crate) fn read(body: &[u8]) {
    use rmcp::model::{ClientJsonRpcMessage, ClientRequest};

    static TOOLS: std::sync::LazyLock<catalogue::Catalogue> =
        std::sync::LazyLock::new(|| catalogue::Catalogue::new(1, &crate::fuzzing::services()));
    let _ = serde_json::from_slice::<Glance>(body);
    if let Ok(ClientJsonRpcMessage::Request(message)) = serde_json::from_slice(body)
        && let ClientRequest::CallToolRequest(call) = message.request
        && let Some(entry) = TOOLS.find(&call.params.name)
    {
        let _ = calling::encode(entry, call.params.arguments.unwrap_or_default());
    }
}
