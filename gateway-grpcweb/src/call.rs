//! One call of grpc-web or native gRPC, from a request to a service's answer.
//!
//! ```text
//! content type ▸ begin ▸ body ▸ send ▸ headers ▸ body
//!        └─────────┴───────┴──────┴──────▶ refusal: a status, never a dropped connection
//! ```
//!
//! Each step either goes on or refuses; whatever happens, the call is recorded once and its body is never left unread.

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, EXPECT};
use http::{HeaderMap, Method, Request, Response, Version, request};
use http_body::Body;
use http_body_util::Full;
use lyceum::client::ResponseBody;
use lyceum::error::Error as Refusal;
use tokio::time::Instant;

use crate::compression::{Coding, Unknown};
use crate::edge::Edge;
use crate::invoke::{Ask, Head, Refused, within};
use crate::peer::Peer;
use crate::protocol::{Form, Protocol};
use crate::record::Front;
use crate::request::Inbound;
use crate::response::{Outbound, Reply};
use crate::watch::Timer;
use crate::{native, refusal};

const WEB: Front = Front::always_200("grpc-web");
const TEXT: Front = Front::always_200("grpc-web-text");
const NATIVE: Front = Front::always_200("grpc");

/// A body of up to this many bytes is waited for before its call begins.
const SMALL: usize = 64 * 1024;

impl Edge {
    /// Answers one call.
    pub(crate) async fn call<B>(
        &self,
        request: Request<B>,
        peer: &Peer,
        protocol: Protocol,
    ) -> Response<Reply<ResponseBody>>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
    {
        let began = Instant::now();
        let (parts, body) = request.into_parts();
        let (form, answer) = match protocol {
            Protocol::Web { request, response } => (request, response),
            Protocol::Native => (Form::Native, Form::Native),
            Protocol::Other(form) => (form, form),
        };
        let waits = parts.headers.contains_key(EXPECT);
        let body = Inbound::new(body, form, self.limits(parts.uri.path()), waits);
        let ask = Ask {
            method: &parts.method,
            uri: &parts.uri,
            headers: &parts.headers,
            peer,
            front: match answer {
                Form::Binary => WEB,
                Form::Text => TEXT,
                Form::Native => NATIVE,
            },
            timeout: None,
            began,
            together: None,
        };
        let allowed = allowed(&parts, protocol);
        let mut response = match allowed {
            Ok(()) => reply(self.attempt(ask, form, body).await, answer),
            Err(refusal) => reply(Err(self.nowhere(refusal, ask.front, ask.headers, began)), answer),
        };
        let headers = response.headers_mut();
        if form != Form::Native || !headers.contains_key(CONTENT_TYPE) {
            headers.insert(CONTENT_TYPE, protocol.content_type());
        }
        response
    }

    async fn attempt<B>(&self, ask: Ask<'_>, form: Form, mut body: Inbound<B>) -> Result<Head, Refused>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
    {
        let mut call = self.begin(ask).await?;
        if form == Form::Native {
            call.native = true;
            native::up(ask.headers, &mut call.upstream);
        }
        let (body, fault) = match sent(ask.headers, &mut body, &mut call.timer).await {
            Ok(Some(whole)) => (tonic::body::Body::new(Full::new(whole)), None),
            Ok(None) => {
                let (stream, fault) = body.streamed();
                (tonic::body::Body::new(stream), Some(fault))
            }
            Err(refusal) => return Err(call.refuse(refusal.into())),
        };
        call.send(body, fault).await
    }
}

/// What a call came to, in its form.
fn reply(attempted: Result<Head, Refused>, form: Form) -> Response<Reply<ResponseBody>> {
    match attempted {
        Ok(head) => {
            let reply = match head.ended {
                Some(_) => Reply::Whole(Bytes::new()),
                None => Reply::Call(Box::new(Outbound::new(head.body, form, head.watch))),
            };
            let mut response = Response::new(reply);
            *response.headers_mut() = head.headers;
            response
        }
        Err(Refused { status, headers }) => {
            let mut response = refusal::response(&status);
            response.headers_mut().extend(headers);
            response
        }
    }
}

/// Whether a request is one that is served here.
fn allowed(parts: &request::Parts, protocol: Protocol) -> Result<(), Refusal> {
    match protocol {
        Protocol::Other(_) => return Err(refusal::unknown_format()),
        Protocol::Native if parts.version < Version::HTTP_2 => return Err(refusal::not_http2()),
        Protocol::Native | Protocol::Web { .. } => {}
    }
    if parts.method != Method::POST {
        return Err(refusal::not_post());
    }
    Ok(())
}

/// The whole body if it is small; none if it must stream.
async fn sent<B>(headers: &HeaderMap, body: &mut Inbound<B>, timer: &mut Timer) -> Result<Option<Bytes>, Refusal>
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
{
    let size = body_size(headers);
    if headers.contains_key(CONTENT_ENCODING)
        && let Some(coding) = Coding::of(headers).map_err(|Unknown| refusal::unknown_encoding())?
    {
        // What a length says of a compressed body is how much of it comes, not what becomes of it.
        body.decode(coding)?;
        return Ok(None);
    }
    body.announce(size)?;
    match size {
        Some(size) if size <= SMALL => Ok(Some(within(timer, body.whole()).await??)),
        _ => Ok(None),
    }
}

fn body_size(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}
