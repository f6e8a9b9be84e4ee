//! Messages in envelopes, both ways; the last envelope of an answer says how the call ended.
//!
//! **Why.** A body that is small is read before the call begins, so that what is wrong with it is told and nothing else
//! happens; a larger one, or one without a length, streams. Over HTTP/1.1 the answer may only begin once the request has
//! ended, which browsers and proxies see to; over HTTP/2 both go at once.
//!
//! **Source.** "Connect Protocol Reference" (Streaming-Request, Streaming-Response).

use std::sync::Arc;

use bytes::{BufMut as _, Bytes, BytesMut};
use futures_util::stream;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Response};
use http_body::{Body, Frame};
use http_body_util::{Full, StreamBody};
use lyceum::client::ResponseBody;
use lyceum::error::Error as Refusal;
use serde_json::{Map, Value};
use tonic::Status;

use super::envelope::{COMPRESSED, END, Envelopes, sealed};
use super::kind::Codec;
use super::prepare::Said;
use super::translation::Translation;
use super::{Failure, failure, gzip, metadata};
use crate::edge::Edge;
use crate::frames;
use crate::invoke::{Answer, Ask, within};
use crate::messages::Messages;
use crate::request::{Fault, Inbound};
use crate::response::Reply;

const ENCODING: HeaderName = HeaderName::from_static("connect-content-encoding");
const GZIP: HeaderValue = HeaderValue::from_static("gzip");

/// A body of up to this many bytes is waited for before its call begins.
const SMALL: usize = 64 * 1024;

/// A message of fewer bytes is not worth packing.
const WORTH: usize = 1024;

impl Edge {
    /// Answers a call whose messages come and go in envelopes.
    pub(super) async fn connect_stream<B>(
        &self,
        ask: Ask<'_>,
        codec: Codec,
        mut body: Inbound<B>,
        said: Said,
    ) -> Result<Response<Reply<ResponseBody>>, Failure>
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
    {
        let mut call = self.begin(ask).await?;
        let size = size(ask.headers);
        let mut opened = None;
        let prepared = async {
            let translation = Translation::of(codec, self, ask.uri.path())?;
            body.announce(size)?;
            let limit = self.limits(ask.uri.path()).message;
            let mut opening = Opening {
                envelopes: Envelopes::new(limit),
                translation: translation.clone(),
                packed: said.packed,
                limit,
            };
            if size.is_some_and(|size| size <= SMALL) {
                let whole = within(&mut call.timer, body.whole()).await??;
                opened = Some(opening.whole(&whole)?);
            }
            Ok((translation, opening))
        };
        let (translation, opening) = match prepared.await {
            Ok(prepared) => prepared,
            Err(refusal) => return Err(call.refuse(Refusal::into(refusal)).into()),
        };
        let (body, fault) = match opened {
            Some(frames) => (tonic::body::Body::new(Full::new(frames)), None),
            None => {
                let fault = Fault::default();
                let frames = opening.stream(body, Arc::clone(&fault));
                (tonic::body::Body::new(frames), Some(fault))
            }
        };
        let Answer { headers, messages } = call.send(body, fault).await?.messages()?;
        let sealing = Sealing {
            messages,
            translation,
            packs: said.packs,
        };
        let mut response = Response::new(Reply::pieces(sealing.stream()));
        *response.headers_mut() = metadata::plain(headers);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, codec.stream());
        if said.packs {
            headers.insert(ENCODING, GZIP);
        }
        Ok(response)
    }
}

/// What becomes of a request's envelopes.
struct Opening {
    envelopes: Envelopes,
    translation: Translation,
    packed: bool,
    limit: usize,
}

// === impl Opening ===

impl Opening {
    /// The frames of a body that is whole.
    fn whole(&mut self, body: &[u8]) -> Result<Bytes, Refusal> {
        self.envelopes.push(body);
        let frames = self.frames()?;
        self.envelopes.finish()?;
        Ok(frames)
    }

    /// The frames of all envelopes that have come.
    fn frames(&mut self) -> Result<Bytes, Refusal> {
        let mut frames = BytesMut::new();
        while let Some(envelope) = self.envelopes.next()? {
            let message = match (envelope.compressed, self.packed) {
                (false, _) => envelope.message,
                (true, true) => gzip::unpacked(&envelope.message, self.limit)?,
                (true, false) => {
                    let text = "an envelope is compressed, but connect-content-encoding does not say how";
                    return Err(Refusal::invalid_argument("ENCODING_MISSING", text));
                }
            };
            let message = self.translation.request(message)?;
            frames.reserve(frames::HEADER + message.len());
            frames.put_u8(0);
            // No longer than the limit, or a few times as JSON.
            frames.put_u32(u32::try_from(message.len()).unwrap_or(u32::MAX));
            frames.put_slice(&message);
        }
        Ok(frames.freeze())
    }

    /// The frames of a body as it comes; what goes wrong with it is left in `fault`.
    fn stream<B>(self, body: Inbound<B>, fault: Fault) -> impl Body<Data = Bytes, Error = Status> + Send + 'static
    where
        B: Body<Data = Bytes> + Send + Unpin + 'static,
    {
        let state = Some((self, body, fault));
        StreamBody::new(stream::unfold(state, |state| async move {
            let (mut opening, mut body, fault) = state?;
            loop {
                let read = match body.next().await {
                    Some(Ok(chunk)) => {
                        opening.envelopes.push(&chunk);
                        opening.frames()
                    }
                    Some(Err(error)) => Err(error.into()),
                    None => match opening.envelopes.finish() {
                        Ok(()) => return None,
                        Err(error) => Err(error.into()),
                    },
                };
                match read {
                    Ok(frames) if frames.is_empty() => {}
                    Ok(frames) => return Some((Ok(Frame::data(frames)), Some((opening, body, fault)))),
                    Err(refusal) => {
                        // Only one error ever comes out of a body.
                        let _ = fault.set(refusal.clone());
                        return Some((Err(Status::from(refusal)), None));
                    }
                }
            }
        }))
    }
}

/// What becomes of an answer's messages.
struct Sealing {
    messages: Messages,
    translation: Translation,
    packs: bool,
}

// === impl Sealing ===

impl Sealing {
    fn stream(self) -> impl futures_core::Stream<Item = Bytes> + Send + 'static {
        stream::unfold(Some(self), |state| async move {
            let mut sealing = state?;
            let failed = match sealing.messages.next().await {
                Some(Ok(message)) => match sealing.translation.answer(message) {
                    Ok(message) => {
                        let envelope = sealing.sealed(&message);
                        return Some((envelope, Some(sealing)));
                    }
                    Err(refusal) => Some(Status::from(refusal)),
                },
                Some(Err(status)) => Some(status),
                None => None,
            };
            Some((end(failed.as_ref(), sealing.messages.trailers()), None))
        })
    }

    fn sealed(&self, message: &[u8]) -> Bytes {
        let packed = (self.packs && message.len() >= WORTH)
            .then(|| gzip::packed(message))
            .flatten();
        match packed {
            Some(packed) => sealed(COMPRESSED, &packed),
            None => sealed(0, message),
        }
    }
}

fn size(headers: &HeaderMap) -> Option<usize> {
    headers.get(CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

/// The envelope that ends an answer.
pub(super) fn end(failed: Option<&Status>, trailers: &HeaderMap) -> Bytes {
    let mut end = Map::new();
    if let Some(status) = failed {
        end.insert("error".to_owned(), failure::of(status));
    }
    let metadata = metadata::trail(trailers);
    if !metadata.is_empty() {
        end.insert("metadata".to_owned(), Value::Object(metadata));
    }
    sealed(END, Value::Object(end).to_string().as_bytes())
}
