//! Answers that are compressed as a whole, for callers that take it.
//!
//! **What.** [`Compression::answer`] chooses by what the caller accepts, what the answer is and how large; [`Coded`] is
//! the body that comes out. A request's own coding is undone by a [`Decoder`].
//!
//! **Why.** A browser's grpc-web client cannot decompress a gRPC message, but every browser decompresses a body. Trailers
//! are a frame of that body and so are compressed with it. Whatever has come is flushed when nothing more is there, so no
//! message waits for the next; messages that come together cost one flush.
//!
//! **When not.** Small answers that are whole: the headers are larger. Native gRPC, and messages that are compressed
//! already. And a compressor holds memory for as long as its stream is open, so only so many streams have one.
//!
//! **Source.** RFC 9110, 8.4; `docs/gateway/compression.md` has what each coding costs.

mod coding;
mod decoder;
mod encoder;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, VARY};
use http::{HeaderMap, HeaderValue, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tonic::Status;

pub(crate) use self::coding::{Coding, Unknown};
pub(crate) use self::decoder::{Decoder, Error};
use self::encoder::Encoder;
use crate::response::{Reply, Torn};

/// How much is taken in before something must come out, in bytes.
const BATCH: usize = 64 * 1024;

/// How a gateway compresses.
#[derive(Debug)]
pub(crate) struct Compression {
    on: bool,
    least: u64,
    streams: Arc<Semaphore>,
}

/// A body, compressed or not.
#[derive(Debug)]
pub(crate) enum Coded<B> {
    /// As it is.
    Plain(B),
    /// Compressed as it comes.
    Compressed(Box<Compressed<B>>),
}

/// A body being compressed.
#[derive(Debug)]
pub(crate) struct Compressed<B> {
    body: B,
    coding: Coding,
    /// Made with the first byte, as a stream may have none for long.
    encoder: Option<Encoder>,
    /// Taken in since something came out.
    pending: usize,
    rest: Option<Result<HeaderMap, Torn>>,
    over: bool,
    _place: Option<OwnedSemaphorePermit>,
}

// === impl Compression ===

impl Compression {
    /// Answers of `least` bytes and more, and so many `streams` at a time; off where it is not `on`.
    pub(crate) fn new(on: bool, least: u32, streams: u32) -> Self {
        let streams = usize::try_from(streams)
            .unwrap_or(usize::MAX)
            .min(Semaphore::MAX_PERMITS);
        Self {
            on,
            least: least.into(),
            streams: Arc::new(Semaphore::new(streams)),
        }
    }

    /// What a request would like its answer to be.
    pub(crate) fn wanted(&self, headers: &HeaderMap) -> Option<Coding> {
        if self.on { Coding::wanted(headers) } else { None }
    }

    /// The answer in the coding that is `wanted`, if that is worth it.
    pub(crate) fn answer<U>(&self, wanted: Option<Coding>, response: Response<Reply<U>>) -> Response<Coded<Reply<U>>>
    where
        U: Body<Data = Bytes, Error = Status> + Unpin,
    {
        let Some(coding) = wanted.filter(|_| is_worth(&response, self.least)) else {
            return response.map(Coded::Plain);
        };
        let place = if response.body().expected().is_none() {
            let Ok(place) = Arc::clone(&self.streams).try_acquire_owned() else {
                return response.map(Coded::Plain);
            };
            Some(place)
        } else {
            None
        };
        let (mut parts, body) = response.into_parts();
        let headers = &mut parts.headers;
        headers.remove(CONTENT_LENGTH);
        headers.insert(CONTENT_ENCODING, coding.value());
        headers.append(VARY, HeaderValue::from_name(ACCEPT_ENCODING));
        weaken(headers);
        let compressed = Compressed {
            body,
            coding,
            encoder: None,
            pending: 0,
            rest: None,
            over: false,
            _place: place,
        };
        Response::from_parts(parts, Coded::Compressed(Box::new(compressed)))
    }
}

/// Whether compression would bring anything.
fn is_worth<U>(response: &Response<Reply<U>>, least: u64) -> bool
where
    U: Body<Data = Bytes, Error = Status> + Unpin,
{
    let headers = response.headers();
    let kind = headers.get(CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    !response.body().is_end_stream()
        && response.body().expected().is_none_or(|size| size >= least)
        && !matches!(
            response.status(),
            StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED | StatusCode::PARTIAL_CONTENT
        )
        && !headers.contains_key(CONTENT_ENCODING)
        && !headers.contains_key("grpc-encoding")
        && !headers.get_all(CACHE_CONTROL).iter().any(|value| {
            value
                .as_bytes()
                .windows(12)
                .any(|part| part.eq_ignore_ascii_case(b"no-transform"))
        })
        && is_compressible(kind)
}

/// Text, and what is made of it; not what is compressed by nature, nor native gRPC, whose clients know no coding of bodies.
fn is_compressible(content_type: &[u8]) -> bool {
    let kind = content_type
        .split(|byte| *byte == b';')
        .next()
        .unwrap_or_default()
        .trim_ascii();
    let Ok(kind) = std::str::from_utf8(kind) else {
        return false;
    };
    kind.starts_with("text/")
        || kind.starts_with("application/grpc-web")
        || kind.ends_with("+json")
        || kind.ends_with("+xml")
        || matches!(
            kind,
            "application/json"
                | "application/proto"
                | "application/x-ndjson"
                | "application/javascript"
                | "application/wasm"
                | "application/openmetrics-text"
        )
}

/// The same document in another coding is another sequence of bytes.
fn weaken(headers: &mut HeaderMap) {
    let Some(tag) = headers.get(ETAG).filter(|tag| !tag.as_bytes().starts_with(b"W/")) else {
        return;
    };
    match HeaderValue::from_bytes(&[b"W/", tag.as_bytes()].concat()) {
        Ok(weak) => headers.insert(ETAG, weak),
        Err(_) => headers.remove(ETAG),
    };
}

// === impl Compressed ===

impl<B> Compressed<B>
where
    B: Body<Data = Bytes, Error = Torn> + Unpin,
{
    fn poll(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Torn>>> {
        loop {
            if let Some(rest) = self.rest.take() {
                return Poll::Ready(Some(rest.map(Frame::trailers)));
            }
            if self.over {
                return Poll::Ready(None);
            }
            let made = match Pin::new(&mut self.body).poll_frame(context) {
                Poll::Pending if self.pending == 0 => return Poll::Pending,
                Poll::Pending => self.flush(),
                Poll::Ready(Some(Ok(frame))) => match frame.into_data() {
                    Ok(bytes) => self.take(&bytes),
                    Err(frame) => {
                        self.rest = frame.into_trailers().ok().map(Ok);
                        self.finish()
                    }
                },
                Poll::Ready(Some(Err(torn))) => {
                    self.over = true;
                    self.rest = Some(Err(torn));
                    self.flush()
                }
                Poll::Ready(None) => self.finish(),
            };
            match made {
                Ok(bytes) if bytes.is_empty() => {}
                Ok(bytes) => return Poll::Ready(Some(Ok(Frame::data(bytes)))),
                // Memory is all that can fail here.
                Err(_) => {
                    self.over = true;
                    self.rest = None;
                    return Poll::Ready(Some(Err(Torn)));
                }
            }
        }
    }

    fn take(&mut self, bytes: &[u8]) -> std::io::Result<Bytes> {
        if bytes.is_empty() {
            return Ok(Bytes::new());
        }
        let encoder = match &mut self.encoder {
            Some(encoder) => encoder,
            none => none.insert(Encoder::try_new(self.coding)?),
        };
        encoder.write(bytes)?;
        self.pending += bytes.len();
        if self.pending < BATCH {
            return Ok(Bytes::new());
        }
        self.flush()
    }

    fn flush(&mut self) -> std::io::Result<Bytes> {
        let pending = std::mem::take(&mut self.pending);
        match &mut self.encoder {
            Some(encoder) if pending > 0 => encoder.flush(),
            _ => Ok(Bytes::new()),
        }
    }

    fn finish(&mut self) -> std::io::Result<Bytes> {
        self.over = true;
        let encoder = match self.encoder.take() {
            Some(encoder) => encoder,
            // Nothing at all is something too, in every coding.
            None => Encoder::try_new(self.coding)?,
        };
        encoder.finish()
    }
}

// === impl Coded ===

impl<B> Body for Coded<B>
where
    B: Body<Data = Bytes, Error = Torn> + Unpin,
{
    type Data = Bytes;
    type Error = Torn;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Torn>>> {
        match self.get_mut() {
            Self::Plain(body) => Pin::new(body).poll_frame(context),
            Self::Compressed(compressed) => compressed.poll(context),
        }
    }

    fn is_end_stream(&self) -> bool {
        match self {
            Self::Plain(body) => body.is_end_stream(),
            Self::Compressed(compressed) => compressed.over && compressed.rest.is_none(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Plain(body) => body.size_hint(),
            Self::Compressed(_) => SizeHint::default(),
        }
    }
}

#[cfg(test)]
mod tests;
