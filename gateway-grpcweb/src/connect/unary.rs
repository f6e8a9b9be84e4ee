//! One message in a body or a query, one in the answer.

use std::borrow::Cow;

use bytes::Bytes;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, VARY};
use http::{HeaderValue, Response};
use http_body::Body;
use lyceum::client::ResponseBody;
use lyceum::error::Error as Refusal;
use tonic::{Code, Status};

use super::kind::Codec;
use super::translation::{Translation, types_unknown};
use super::{Failure, gzip, metadata, query};
use crate::edge::Edge;
use crate::invoke::{Answer, Ask, Call, within};
use crate::request::Inbound;
use crate::response::Reply;
use crate::schema::Idempotency;

/// An answer depends on who asks, and on what the student allows.
const VARIES: HeaderValue = HeaderValue::from_static("authorization, cookie, lyceum-consent, lyceum-purpose");

impl Edge {
    /// Answers a POST.
    pub(super) async fn connect_unary<B>(
        &self,
        ask: Ask<'_>,
        codec: Codec,
        mut body: Inbound<B>,
    ) -> Result<Response<Reply<ResponseBody>>, Failure>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
    {
        let mut call = self.begin(ask).await?;
        let read = async {
            let translation = Translation::of(codec, self, ask.uri.path())?;
            body.heed(ask.headers)?;
            let message = within(&mut call.timer, body.whole()).await??;
            Ok((translation.request(message)?, translation))
        };
        match read.await {
            Ok((message, translation)) => one(call, codec, &message, &translation).await,
            Err(refusal) => Err(call.refuse(Refusal::into(refusal)).into()),
        }
    }

    /// Answers a GET.
    pub(super) async fn connect_get(&self, ask: Ask<'_>) -> Result<Response<Reply<ResponseBody>>, Failure> {
        let call = self.begin(ask).await?;
        let read = || {
            let method = self.types(ask.uri.path()).ok_or_else(types_unknown)?;
            if method.idempotency != Idempotency::NoSideEffects {
                return Err(Refusal::new(
                    Code::Unimplemented,
                    "METHOD_NOT_GET",
                    "this method may have side effects: call it with POST",
                ));
            }
            let asked = query::read(ask.uri.query().unwrap_or_default())
                .map_err(|error| Refusal::invalid_argument("QUERY_INVALID", error.to_string()))?;
            let message = if asked.compressed {
                self.unpacked(ask, &asked.message)?
            } else {
                asked.message
            };
            let translation = Translation::of(asked.codec, self, ask.uri.path())?;
            Ok((asked.codec, translation.request(message)?, translation))
        };
        let (codec, message, translation) = match read() {
            Ok(read) => read,
            Err(refusal) => return Err(call.refuse(refusal.into()).into()),
        };
        let mut response = one(call, codec, &message, &translation).await?;
        let headers = response.headers_mut();
        // Only the service knows how long an answer is true; what says nothing is not kept.
        headers
            .entry(CACHE_CONTROL)
            .or_insert(HeaderValue::from_static("no-store"));
        headers.append(VARY, VARIES);
        Ok(response)
    }

    fn unpacked(&self, ask: Ask<'_>, message: &[u8]) -> Result<Bytes, Refusal> {
        gzip::unpacked(message, self.limits(ask.uri.path()).message).map_err(Refusal::from)
    }
}

/// Makes the call.
async fn one(
    call: Call<'_>,
    codec: Codec,
    message: &[u8],
    translation: &Translation,
) -> Result<Response<Reply<ResponseBody>>, Failure> {
    let Answer { headers, mut messages } = call.exchange(message).await?;
    let answered = match messages.only().await {
        Ok(message) => translation.answer(message).map_err(Status::from),
        Err(status) => Err(status),
    };
    let trailers = Cow::Borrowed(messages.trailers());
    match answered {
        Ok(message) => {
            let mut response = Response::new(Reply::Whole(message));
            *response.headers_mut() = metadata::plain(headers);
            metadata::lead(response.headers_mut(), &trailers);
            response.headers_mut().insert(CONTENT_TYPE, codec.unary());
            Ok(response)
        }
        Err(status) => Err(Failure {
            status,
            headers,
            trailers: trailers.into_owned(),
        }),
    }
}
