//! A service's answer taken apart: whole messages one by one, then a status.
//!
//! **Why.** Fronts that deal in messages (JSON, Connect, MCP, GraphQL) need each whole and without its frame; nothing is
//! read ahead, so a slow reader slows its service. **When not.** grpc-web forwards frames as bytes (`response`).

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes, BytesMut};
use http::HeaderMap;
use http_body::Body;
use lyceum::client::ResponseBody;
use lyceum::error::Error as Refusal;
use tonic::{Code, Status};

use crate::frames::{self, HEADER};
use crate::headers;
use crate::watch::{self, Watch};

/// The largest message that is taken apart, in bytes.
const LIMIT: usize = 32 * 1024 * 1024;

/// What a compressed message begins with.
const COMPRESSED: u8 = 1;

/// The rest of an answer.
#[derive(Debug)]
pub(crate) struct Messages<B = ResponseBody> {
    body: B,
    watch: Watch,
    held: BytesMut,
    trailers: HeaderMap,
    over: bool,
}

// === impl Messages ===

impl<B: Body<Data = Bytes, Error = Status> + Unpin> Messages<B> {
    /// What follows in `body`; nothing, when the answer is `over` already.
    pub(crate) fn new(body: B, watch: Watch, over: bool) -> Self {
        Self {
            body,
            watch,
            held: BytesMut::new(),
            trailers: HeaderMap::new(),
            over,
        }
    }

    /// The next message; a status that is not OK, which is the last; none after a good end.
    pub(crate) async fn next(&mut self) -> Option<Result<Bytes, Status>> {
        std::future::poll_fn(|context| self.poll_next(context)).await
    }

    /// The one message of an answer that has one. Its status is not OK when there is none, or a second.
    pub(crate) async fn only(&mut self) -> Result<Bytes, Status> {
        let missing = || {
            Status::from(Refusal::new(
                Code::Internal,
                "MESSAGE_MISSING",
                "the answer has no message",
            ))
        };
        let message = self.next().await.transpose()?.ok_or_else(missing)?;
        match self.next().await.transpose()? {
            None => Ok(message),
            Some(_) => {
                Err(Refusal::new(Code::Internal, "MESSAGES_MANY", "the answer has more than one message").into())
            }
        }
    }

    /// As [`Messages::next`].
    pub(crate) fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Status>>> {
        loop {
            if self.over {
                return Poll::Ready(None);
            }
            if let Poll::Ready(status) = self.watch.poll_deadline(context) {
                return Poll::Ready(Some(Err(self.fail(status))));
            }
            match self.whole() {
                Ok(Some(message)) => return Poll::Ready(Some(Ok(message))),
                Ok(None) => {}
                Err(status) => return Poll::Ready(Some(Err(self.fail(status)))),
            }
            let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(context) else {
                let status = ready!(self.watch.poll_stop(context));
                return Poll::Ready(Some(Err(self.fail(status))));
            };
            let failed = match frame {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(chunk) => {
                        self.take(chunk);
                        None
                    }
                    Err(frame) => frame.into_trailers().ok().and_then(|trailers| self.end(trailers)),
                },
                Some(Err(status)) => Some(status),
                None => Some(watch::broken_off()),
            };
            if let Some(status) = failed {
                return Poll::Ready(Some(Err(self.fail(status))));
            }
        }
    }

    /// What came after the last message, without its status; empty before.
    pub(crate) fn trailers(&self) -> &HeaderMap {
        &self.trailers
    }

    fn take(&mut self, chunk: Bytes) {
        self.watch.passed(chunk.len());
        if self.held.is_empty() {
            // One that is whole is not copied, where it is ours alone.
            self.held = BytesMut::from(chunk);
        } else {
            self.held.extend_from_slice(&chunk);
        }
    }

    fn whole(&mut self) -> Result<Option<Bytes>, Status> {
        let Some((&[flag, ref length @ ..], _)) = self.held.split_first_chunk::<HEADER>() else {
            return Ok(None);
        };
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        if flag > COMPRESSED {
            return Err(watch::not_grpc(frames::Error::Flag(flag)));
        }
        if flag == COMPRESSED {
            let refusal = Refusal::new(
                Code::Internal,
                "ANSWER_COMPRESSED",
                "the answer is compressed, which nobody asked for",
            );
            return Err(refusal.into());
        }
        if length > LIMIT {
            return Err(watch::not_grpc(frames::Error::TooLarge { length, limit: LIMIT }));
        }
        if self.held.len() < HEADER + length {
            return Ok(None);
        }
        self.held.advance(HEADER);
        Ok(Some(self.held.split_to(length).freeze()))
    }

    /// Ends as the service did; answers what was wrong with it.
    fn end(&mut self, trailers: HeaderMap) -> Option<Status> {
        if !self.held.is_empty() {
            return Some(watch::cut_short());
        }
        match Status::from_header_map(&trailers) {
            None => Some(watch::no_status()),
            Some(status) if status.code() == Code::Ok => {
                self.over = true;
                self.watch.end(Code::Ok);
                self.trailers = headers::trailing(trailers);
                None
            }
            Some(status) => {
                self.trailers = headers::trailing(trailers);
                Some(status)
            }
        }
    }

    fn fail(&mut self, status: Status) -> Status {
        self.over = true;
        let status = self.watch.blame(status);
        self.watch.end(status.code());
        status
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use futures_util::stream;
    use http::HeaderValue;
    use http_body::Frame;
    use http_body_util::{BodyExt as _, StreamBody};
    use tokio::time::Instant;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::metrics::Metrics;
    use crate::record::{Front, Record};

    fn trailers(status: &'static str) -> Frame<Bytes> {
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", HeaderValue::from_static(status));
        trailers.insert("x-cost", HeaderValue::from_static("3"));
        Frame::trailers(trailers)
    }

    fn messages(pieces: Vec<Frame<Bytes>>) -> Messages<impl Body<Data = Bytes, Error = Status> + Unpin> {
        let record = Record::begin(
            Metrics::default().method("p.S/M"),
            Front::always_200("grpc-web"),
            Instant::now(),
        );
        let body = StreamBody::new(stream::iter(pieces.into_iter().map(Ok::<_, Infallible>)));
        let body = body.map_err(|never| match never {});
        Messages::new(body, Watch::new(None, None, CancellationToken::new(), record), false)
    }

    fn data(bytes: &'static [u8]) -> Frame<Bytes> {
        Frame::data(Bytes::from_static(bytes))
    }

    #[tokio::test]
    async fn messages_come_whole_however_they_were_cut() {
        let mut messages = messages(vec![
            data(b"\0\0\0\0\x02hi\0\0"),
            data(b"\0\0\x03y"),
            data(b"ou\0\0\0\0\0"),
            trailers("0"),
        ]);
        for expected in [&b"hi"[..], b"you", b""] {
            assert_eq!(messages.next().await.unwrap().unwrap(), expected);
        }
        assert!(messages.trailers().is_empty());
        assert!(messages.next().await.is_none());
        assert_eq!(messages.trailers()["x-cost"], "3");
        assert!(!messages.trailers().contains_key("grpc-status"));
    }

    #[tokio::test]
    async fn a_bad_end_is_a_status_and_the_last() {
        for (pieces, code) in [
            (vec![data(b"\0\0\0\0\x01a"), trailers("5")], Code::NotFound),
            (vec![data(b"\0\0\0\0\x01a")], Code::Unavailable),
            (vec![data(b"\0\0\0\0\x01a\0\0"), trailers("0")], Code::Unavailable),
            (vec![data(b"\0\0\0\0\x01a\x02\0\0\0\0")], Code::Internal),
            (vec![data(b"\0\0\0\0\x01a\x01\0\0\0\0")], Code::Internal),
            (vec![data(b"\0\0\0\0\x01a\0\xff\xff\xff\xff")], Code::Internal),
        ] {
            let mut messages = messages(pieces);
            assert_eq!(messages.next().await.unwrap().unwrap(), "a");
            assert_eq!(messages.next().await.unwrap().unwrap_err().code(), code);
            assert!(messages.next().await.is_none());
        }
    }

    #[tokio::test]
    async fn one_message_is_one() {
        assert_eq!(
            messages(vec![data(b"\0\0\0\0\x01a"), trailers("0")])
                .only()
                .await
                .unwrap(),
            "a"
        );
        let many = vec![data(b"\0\0\0\0\x01a\0\0\0\0\x01b"), trailers("0")];
        for pieces in [vec![trailers("0")], many] {
            assert_eq!(messages(pieces).only().await.unwrap_err().code(), Code::Internal);
        }
    }
}
