//! Answers of many messages: a line each (NDJSON), or an event each (server-sent events).
//!
//! A line is `{"result": …}`, and the last of a stream that fails is `{"error": …}` with a `google.rpc.Status`, so that
//! neither can be taken for the other. Events are numbered; the last is `event: end` or `event: error`, for a browser's
//! `EventSource` would otherwise call again for ever; while nothing comes, a comment keeps the connection. Messages that
//! are there at once travel together. Source: ndjson.org; HTML, "Server-sent events".

use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use futures_util::{FutureExt as _, stream};
use http::{HeaderMap, HeaderValue};
use prost_reflect::MessageDescriptor;
use tokio::time::timeout;
use tonic::Status;

use super::failure;
use crate::messages::Messages;
use crate::schema::codec;

/// How long an event stream is silent before a comment is sent: proxies cut at 30 s and more.
const QUIET: Duration = Duration::from_secs(15);
/// Up to how much that is there at once travels together.
const TOGETHER: usize = 16 * 1024;

/// How messages are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    Lines,
    Events,
}

impl Form {
    /// What an `accept` header asks for.
    pub(super) fn of(headers: &HeaderMap) -> Self {
        if super::accepts(headers, "text/event-stream") {
            Self::Events
        } else {
            Self::Lines
        }
    }

    pub(super) fn content_type(self) -> HeaderValue {
        match self {
            Self::Lines => HeaderValue::from_static("application/x-ndjson"),
            Self::Events => HeaderValue::from_static("text/event-stream"),
        }
    }
}

/// A stream being written.
struct Writing {
    messages: Messages,
    output: MessageDescriptor,
    form: Form,
    number: u64,
    over: bool,
}

/// The answer, piece by piece.
pub(super) fn write(messages: Messages, output: MessageDescriptor, form: Form) -> impl Stream<Item = Bytes> + Send {
    let writing = Writing {
        messages,
        output,
        form,
        number: 0,
        over: false,
    };
    stream::unfold(writing, |mut writing| async {
        let piece = writing.next().await?;
        Some((piece, writing))
    })
}

impl Writing {
    async fn next(&mut self) -> Option<Bytes> {
        if self.over {
            return None;
        }
        let first = match self.form {
            Form::Lines => self.messages.next().await,
            Form::Events => match timeout(QUIET, self.messages.next()).await {
                Ok(next) => next,
                Err(_) => return Some(Bytes::from_static(b":\n\n")),
            },
        };
        let mut piece = Vec::new();
        self.add(&mut piece, first);
        while !self.over && piece.len() < TOGETHER {
            let Some(next) = self.messages.next().now_or_never() else {
                break;
            };
            self.add(&mut piece, next);
        }
        (!piece.is_empty()).then(|| piece.into())
    }

    fn add(&mut self, piece: &mut Vec<u8>, next: Option<Result<Bytes, Status>>) {
        let written = match next {
            Some(Ok(message)) => self.message(piece, &message),
            Some(Err(status)) => Err(status),
            None => {
                self.over = true;
                if self.form == Form::Events {
                    piece.extend_from_slice(b"event: end\ndata: {}\n\n");
                }
                return;
            }
        };
        if let Err(status) = written {
            self.over = true;
            let failure = failure::object(&status);
            let text = match self.form {
                Form::Lines => format!("{{\"error\":{failure}}}\n"),
                Form::Events => format!("event: error\ndata: {failure}\n\n"),
            };
            piece.extend_from_slice(text.as_bytes());
        }
    }

    fn message(&mut self, piece: &mut Vec<u8>, message: &[u8]) -> Result<(), Status> {
        let message = codec::decode(&self.output, message)?;
        let begin = piece.len();
        match self.form {
            Form::Lines => piece.extend_from_slice(b"{\"result\":"),
            Form::Events => piece.extend_from_slice(format!("id: {}\ndata: ", self.number).as_bytes()),
        }
        if let Err(refusal) = codec::write(&message, piece) {
            piece.truncate(begin);
            return Err(refusal.into());
        }
        piece.extend_from_slice(match self.form {
            Form::Lines => b"}\n",
            Form::Events => b"\n\n",
        });
        self.number += 1;
        Ok(())
    }
}
