//! Requests of many messages: a line of JSON each, sent on as it comes.
//!
//! What is wrong with a line ends the call with a status that names the line's field; what came before has been sent.
//! Over HTTP/2 the answer may begin before the request has ended, as the method wants it.

use bytes::{BufMut as _, Bytes, BytesMut};
use futures_util::stream;
use http_body::{Body, Frame};
use http_body_util::StreamBody;
use lyceum::error::Error as Refusal;
use prost_reflect::MessageDescriptor;
use tonic::Status;

use crate::frames;
use crate::request::{Fault, Inbound};
use crate::schema::codec;

/// A request being read.
struct Reading<B: Body<Data = Bytes> + Send + Unpin + 'static> {
    body: Inbound<B>,
    input: MessageDescriptor,
    held: BytesMut,
    /// How far `held` has no end of a line.
    searched: usize,
    fault: Fault,
    over: bool,
}

/// The messages of a body as frames, and where it leaves what was wrong with it.
pub(super) fn frames<B>(body: Inbound<B>, input: MessageDescriptor) -> (tonic::body::Body, Fault)
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
{
    let fault = Fault::default();
    let reading = Reading {
        body,
        input,
        held: BytesMut::new(),
        searched: 0,
        fault: fault.clone(),
        over: false,
    };
    let frames = stream::unfold(reading, |mut reading| async {
        let next = reading.next().await?;
        Some((next, reading))
    });
    (tonic::body::Body::new(StreamBody::new(frames)), fault)
}

impl<B: Body<Data = Bytes> + Send + Unpin + 'static> Reading<B> {
    async fn next(&mut self) -> Option<Result<Frame<Bytes>, Status>> {
        if self.over {
            return None;
        }
        let read = self
            .line()
            .await
            .and_then(|line| line.map(|line| self.frame(&line)).transpose());
        match read {
            Ok(Some(frame)) => Some(Ok(Frame::data(frame))),
            Ok(None) => None,
            Err(refusal) => {
                self.over = true;
                // Only one thing is ever wrong first.
                let _ = self.fault.set(refusal.clone());
                Some(Err(refusal.into()))
            }
        }
    }

    /// The next line that is not empty.
    async fn line(&mut self) -> Result<Option<Bytes>, Refusal> {
        loop {
            let end = self.held[self.searched..].iter().position(|byte| *byte == b'\n');
            let line = match end {
                Some(end) => self.held.split_to(self.searched + end + 1),
                None if self.over => std::mem::take(&mut self.held),
                None => {
                    self.searched = self.held.len();
                    match self.body.next().await {
                        Some(chunk) => self.held.extend_from_slice(&chunk?),
                        None => self.over = true,
                    }
                    continue;
                }
            };
            self.searched = 0;
            if !line.trim_ascii().is_empty() {
                return Ok(Some(line.freeze()));
            }
            if self.over && self.held.is_empty() {
                return Ok(None);
            }
        }
    }

    fn frame(&self, line: &[u8]) -> Result<Bytes, Refusal> {
        let message = codec::to_bytes(&self.input, line)?;
        let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
        let mut frame = BytesMut::with_capacity(frames::HEADER + message.len());
        frame.put_u8(0);
        frame.put_u32(length);
        frame.extend_from_slice(&message);
        Ok(frame.freeze())
    }
}
