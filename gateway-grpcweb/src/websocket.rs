//! Calls over a WebSocket: streams both ways for browsers, whose HTTP cannot do that.
//!
//! ```text
//! upgrade ▸ origin ▸ place ▸ subprotocol ─┬─ grpc-websockets   one call a socket    (single)
//!                                         ├─ lyceum.grpc.v1    many calls a socket  (many, wire)
//!                                         └─ graphql-transport-ws   at `/graphql`   (graphql)
//! ```
//!
//! **What.** [`Edge::websocket`] opens a socket over HTTP/1.1 (an upgrade) or HTTP/2 (RFC 8441); every call on it goes the
//! way of any other call: route, guard, deadline, limits, record. `line` writes and pings, `queue` is a request's body,
//! `lines` reads headers that are text.
//!
//! **Why.** A browser's WebSocket asks nobody before it connects to another site, and sends cookies along: an origin that
//! may not call is refused, and cookies count from our own pages alone. A socket is held for long, so places are limited,
//! whoever does not answer pings loses it, and nothing is buffered beyond a few messages or an announced window.
//!
//! **When not.** Unary calls and server streams need none of this.
//!
//! **Source.** RFC 6455, RFC 8441; grpcwebproxy's `grpc-websockets` as its client speaks it; `docs/gateway/websocket.md`.

mod graphql;
mod line;
pub(crate) mod lines;
mod many;
mod queue;
mod single;
#[cfg(test)]
mod tests;
pub(crate) mod wire;

use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use http::header::{
    CONNECTION, CONTENT_LENGTH, COOKIE, RETRY_AFTER, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY,
    SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION, UPGRADE,
};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri};
use hyper::ext::Protocol;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use lyceum::configuration::Gateway;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::handshake::derive_accept_key;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use crate::cors::Admission;
use crate::edge::Edge;
use crate::graphql::PATH;
use crate::peer::Peer;
use crate::record::Front;

const WEBSOCKET: HeaderValue = HeaderValue::from_static("websocket");

/// What a socket reads ahead, in bytes.
const READ_BUFFER: usize = 8 * 1024;
/// What is gathered before it is written, in bytes.
const WRITE_BUFFER: usize = 16 * 1024;

/// As the access log calls it.
const FRONT: Front = Front::always_200("websocket");

type Socket = WebSocketStream<TokioIo<Upgraded>>;

/// The sockets of a gateway.
#[derive(Debug)]
pub(crate) struct Sockets {
    places: Arc<Semaphore>,
    settings: Settings,
    edge: Weak<Edge>,
}

/// How a socket is kept.
#[derive(Clone, Copy, Debug)]
struct Settings {
    /// Between two pings.
    ping: Duration,
    /// How long the other side may take to read what is written.
    idle: Duration,
    /// How long the first message may take.
    first: Duration,
}

/// What a socket was opened with.
#[derive(Debug)]
struct Opening {
    edge: Arc<Edge>,
    uri: Uri,
    /// What the browser itself said, which no script can.
    headers: HeaderMap,
    peer: Peer,
    settings: Settings,
}

/// What is spoken on a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Tongue {
    /// grpcwebproxy's: one call.
    Single,
    /// Ours: many.
    Many,
    /// GraphQL's operations.
    Graphql,
}

// === impl Tongue ===

impl Tongue {
    fn name(self) -> &'static str {
        match self {
            Self::Single => "grpc-websockets",
            Self::Many => "lyceum.grpc.v1",
            Self::Graphql => "graphql-transport-ws",
        }
    }

    /// The first that both sides know at a path.
    fn of(headers: &HeaderMap, path: &str) -> Option<Self> {
        let known: &[Self] = match path {
            PATH => &[Self::Graphql],
            _ => &[Self::Single, Self::Many],
        };
        headers
            .get_all(SEC_WEBSOCKET_PROTOCOL)
            .iter()
            .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
            .find_map(|name| {
                known
                    .iter()
                    .copied()
                    .find(|tongue| name.trim_ascii() == tongue.name().as_bytes())
            })
    }
}

/// Whether a request would be a socket.
pub(crate) fn is_wanted<B>(request: &Request<B>) -> bool {
    if request.method() == Method::CONNECT {
        return request
            .extensions()
            .get::<Protocol>()
            .is_some_and(|protocol| protocol.as_str() == "websocket");
    }
    request.method() == Method::GET && has_token(request.headers(), UPGRADE.as_str(), "websocket")
}

fn has_token(headers: &HeaderMap, name: &str, token: &str) -> bool {
    headers
        .get_all(name)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .any(|part| part.trim_ascii().eq_ignore_ascii_case(token.as_bytes()))
}

// === impl Sockets ===

impl Sockets {
    /// As many as the configuration allows, for calls through `edge`.
    pub(crate) fn new(settings: &Gateway, edge: Weak<Edge>) -> Self {
        let places = usize::try_from(settings.websockets).unwrap_or(usize::MAX);
        Self {
            places: Arc::new(Semaphore::new(places.min(Semaphore::MAX_PERMITS))),
            settings: Settings {
                ping: settings.websocket_ping,
                idle: settings.body_idle,
                first: settings.header_timeout,
            },
            edge,
        }
    }
}

impl Edge {
    /// Opens a socket, or says why not.
    pub(crate) fn websocket<B>(&self, mut request: Request<B>, peer: &Peer, admission: &Admission) -> Response<Bytes> {
        let (tongue, key) = match allowed(&request, admission) {
            Ok(allowed) => allowed,
            Err(refused) => return *refused,
        };
        if self.leaving.is_cancelled() {
            return refuse(
                StatusCode::SERVICE_UNAVAILABLE,
                "the gateway is stopping; connect again\n",
            );
        }
        let (Ok(place), Some(edge)) = (
            Arc::clone(&self.sockets.places).try_acquire_owned(),
            self.sockets.edge.upgrade(),
        ) else {
            return refuse(
                StatusCode::SERVICE_UNAVAILABLE,
                "too many sockets are open; connect again later\n",
            );
        };
        let upgrade = hyper::upgrade::on(&mut request);
        let (parts, _) = request.into_parts();
        let opening = Opening {
            edge,
            uri: parts.uri,
            headers: own(parts.headers, admission),
            peer: peer.clone(),
            settings: self.sockets.settings,
        };
        let cut = self.cut.clone();
        self.tasks.spawn(async move {
            let _ = cut.run_until_cancelled(serve(upgrade, opening, tongue, place)).await;
        });
        let mut response = Response::new(Bytes::new());
        let headers = response.headers_mut();
        headers.insert(SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(tongue.name()));
        if let Some(accepted) = key {
            headers.insert(UPGRADE, WEBSOCKET);
            headers.insert(CONNECTION, HeaderValue::from_static("upgrade"));
            headers.insert(SEC_WEBSOCKET_ACCEPT, accepted);
            *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
        }
        response
    }
}

/// What will be spoken; and over HTTP/1.1, what proves that a WebSocket was meant.
fn allowed<B>(
    request: &Request<B>,
    admission: &Admission,
) -> Result<(Tongue, Option<HeaderValue>), Box<Response<Bytes>>> {
    let headers = request.headers();
    let refused = |status, text| Err(Box::new(refuse(status, text)));
    if *admission == Admission::Refused {
        return refused(StatusCode::FORBIDDEN, "this origin is not among edge.origins\n");
    }
    if headers.get(SEC_WEBSOCKET_VERSION).is_none_or(|version| version != "13") {
        let mut response = refuse(StatusCode::UPGRADE_REQUIRED, "speak version 13 of WebSocket\n");
        let version = HeaderValue::from_static("13");
        response.headers_mut().insert(SEC_WEBSOCKET_VERSION, version);
        return Err(Box::new(response));
    }
    let Some(tongue) = Tongue::of(headers, request.uri().path()) else {
        let text = "name a subprotocol: lyceum.grpc.v1 or grpc-websockets; at /graphql, graphql-transport-ws\n";
        return refused(StatusCode::BAD_REQUEST, text);
    };
    if request.method() == Method::CONNECT {
        return Ok((tongue, None));
    }
    let key = headers
        .get(SEC_WEBSOCKET_KEY)
        .filter(|key| key.len() == 24 && has_token(headers, CONNECTION.as_str(), "upgrade"));
    match key.and_then(|key| HeaderValue::try_from(derive_accept_key(key.as_bytes())).ok()) {
        Some(accepted) => Ok((tongue, Some(accepted))),
        None => refused(StatusCode::BAD_REQUEST, "this is no handshake of a WebSocket\n"),
    }
}

fn refuse(status: StatusCode, text: &'static str) -> Response<Bytes> {
    let mut response = Response::new(Bytes::from_static(text.as_bytes()));
    *response.status_mut() = status;
    if status == StatusCode::SERVICE_UNAVAILABLE {
        let soon = HeaderValue::from_static("1");
        response.headers_mut().insert(RETRY_AFTER, soon);
    }
    response
}

/// What of the handshake's headers belongs to every call on the socket.
fn own(mut headers: HeaderMap, admission: &Admission) -> HeaderMap {
    for name in [
        SEC_WEBSOCKET_EXTENSIONS,
        SEC_WEBSOCKET_KEY,
        SEC_WEBSOCKET_PROTOCOL,
        SEC_WEBSOCKET_VERSION,
        UPGRADE,
        CONNECTION,
        CONTENT_LENGTH,
    ] {
        headers.remove(name);
    }
    if *admission != Admission::Same {
        headers.remove(COOKIE);
    }
    headers
}

async fn serve(upgrade: OnUpgrade, opening: Opening, tongue: Tongue, _place: OwnedSemaphorePermit) {
    let Ok(upgraded) = upgrade.await else { return };
    let most = match tongue {
        // What is larger than a message may be is told so, up to a point.
        Tongue::Single => opening.edge.limits(opening.uri.path()).message + READ_BUFFER,
        Tongue::Many => wire::LARGEST,
        Tongue::Graphql => opening.edge.limits(PATH).message + READ_BUFFER,
    };
    let config = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_write_buffer_size(usize::MAX)
        .max_message_size(Some(most))
        .max_frame_size(Some(most));
    let socket = WebSocketStream::from_raw_socket(TokioIo::new(upgraded), Role::Server, Some(config)).await;
    opening.edge.metrics.websockets.inc();
    let gauge = opening.edge.metrics.websockets.clone();
    match tongue {
        Tongue::Single => single::serve(opening, socket).await,
        Tongue::Many => many::serve(opening, socket).await,
        Tongue::Graphql => graphql::serve(opening, socket).await,
    }
    gauge.dec();
}
