//! The Connect protocol: gRPC's methods for `fetch`, `curl` and Connect's own clients.
//!
//! ```text
//! kind ▸ prepare ─┬─ unary  ▸ body or query ▸ begin ▸ exchange ▸ a message, or JSON that says why not
//!                 └─ stream ▸ envelopes ▸ begin ▸ send ▸ envelopes, the last one says how it ended
//! ```
//!
//! **What.** The same paths as gRPC (`/package.Service/Method`); the content type, or the query of a GET, makes a request
//! one of Connect's. Protobuf passes as bytes; JSON is translated with the types that services reflect.
//!
//! **Why.** A unary call is a plain HTTP request with a plain status: a shell script can make it, a cache can keep it, and
//! Connect's clients need nothing but HTTP.
//!
//! **When not.** Addresses as people like them and errors as they stand in `google.rpc.Status` are the JSON front's.
//!
//! **Source.** "Connect Protocol Reference", connectrpc.com/docs/protocol.

mod envelope;
mod failure;
mod gzip;
mod kind;
mod metadata;
mod prepare;
mod query;
mod stream;
mod translation;
mod unary;

#[cfg(feature = "fuzzing")]
pub(crate) use envelope::Envelopes;
pub(crate) use kind::Kind;
#[cfg(feature = "fuzzing")]
pub(crate) use query::read as read_query;

use bytes::Bytes;
use http::header::{ALLOW, CONTENT_TYPE, EXPECT};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use http_body::Body;
use lyceum::client::ResponseBody;
use tokio::time::Instant;
use tonic::Status;

use crate::edge::Edge;
use crate::invoke::{Ask, Refused};
use crate::peer::Peer;
use crate::record::Front;
use crate::request::Inbound;
use crate::response::Reply;
use crate::{refusal, status};

const UNARY: Front = Front::by_code("connect");
const STREAM: Front = Front::always_200("connect");
const WRONG_VERB: Front = Front::always("connect", 405);
const WRONG_TYPE: Front = Front::always("connect", 415);
const JSON: HeaderValue = HeaderValue::from_static("application/json");
const ACCEPT_POST: HeaderName = HeaderName::from_static("accept-post");

impl Edge {
    /// Answers one call.
    pub(crate) async fn connect<B>(&self, request: Request<B>, peer: &Peer, kind: Kind) -> Response<Reply<ResponseBody>>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
    {
        let began = Instant::now();
        let (mut parts, body) = request.into_parts();
        let body = Inbound::plain(body, self.limits(parts.uri.path()), parts.headers.contains_key(EXPECT));
        if parts.method != Method::POST && kind != Kind::Get {
            let refused = self.nowhere(refusal::not_post(), WRONG_VERB, &parts.headers, began);
            return beside(refused, not_allowed());
        }
        let said = match prepare::prepare(&mut parts.headers) {
            Ok(said) => said,
            Err(refusal) => return Failure::from(self.nowhere(refusal, UNARY, &parts.headers, began)).response(kind),
        };
        let ask = Ask {
            method: &parts.method,
            uri: &parts.uri,
            headers: &parts.headers,
            peer,
            front: match kind {
                Kind::Stream(_) => STREAM,
                _ => UNARY,
            },
            timeout: None,
            began,
            together: None,
        };
        let answered = match kind {
            Kind::Unary(codec) => self.connect_unary(ask, codec, body).await,
            Kind::Get => self.connect_get(ask).await,
            Kind::Stream(codec) => self.connect_stream(ask, codec, body, said).await,
            Kind::Unknown => {
                let refused = self.nowhere(refusal::unknown_format(), WRONG_TYPE, &parts.headers, began);
                return beside(refused, unknown_type());
            }
        };
        answered.unwrap_or_else(|failure| failure.response(kind))
    }
}

/// Why there is no answer, with the metadata that came nevertheless.
#[derive(Debug)]
struct Failure {
    status: Status,
    headers: HeaderMap,
    trailers: HeaderMap,
}

// === impl Failure ===

impl From<Refused> for Failure {
    fn from(Refused { status, headers }: Refused) -> Self {
        Self {
            status,
            headers,
            trailers: HeaderMap::new(),
        }
    }
}

impl Failure {
    /// The failure where its kind of call looks for it.
    fn response(self, kind: Kind) -> Response<Reply<ResponseBody>> {
        let Self {
            status,
            headers,
            trailers,
        } = self;
        let mut headers = metadata::plain(headers);
        let (http, body) = if let Kind::Stream(codec) = kind {
            headers.insert(CONTENT_TYPE, codec.stream());
            (StatusCode::OK, stream::end(Some(&status), &trailers))
        } else {
            headers.insert(CONTENT_TYPE, JSON);
            metadata::lead(&mut headers, &trailers);
            (status::http(status.code()), failure::of(&status).to_string().into())
        };
        let mut response = Response::new(Reply::Whole(body));
        *response.status_mut() = http;
        *response.headers_mut() = headers;
        response
    }
}

/// An answer of HTTP alone, with the headers that every refused call's has.
fn beside(refused: Refused, mut response: Response<Reply<ResponseBody>>) -> Response<Reply<ResponseBody>> {
    response.headers_mut().extend(refused.headers);
    response
}

/// A call that is neither a POST nor a GET.
fn not_allowed() -> Response<Reply<ResponseBody>> {
    let mut response = Response::new(Reply::Whole(Bytes::new()));
    *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
    response
        .headers_mut()
        .insert(ALLOW, HeaderValue::from_static("GET, POST"));
    response
}

/// A stream in a codec that nobody here knows.
fn unknown_type() -> Response<Reply<ResponseBody>> {
    let mut response = Response::new(Reply::Whole(Bytes::new()));
    *response.status_mut() = StatusCode::UNSUPPORTED_MEDIA_TYPE;
    response.headers_mut().insert(ACCEPT_POST, kind::ACCEPTED);
    response
}
