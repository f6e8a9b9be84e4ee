//! The frames of `lyceum.grpc.v1`: a byte that says what it is, four bytes that say which call, then the content.
//!
//! `docs/gateway/websocket.md` is the specification. When not: gRPC's own frames travel inside `Data`.

use bytes::{BufMut as _, Bytes, BytesMut};
use tokio_tungstenite::tungstenite::Message;

/// Kind and call.
pub(crate) const HEADER: usize = 5;
/// The largest content of a frame in bytes; what is larger is sent in several.
pub(super) const CONTENT: usize = 32 * 1024;
/// The largest message of the socket.
pub(super) const LARGEST: usize = HEADER + CONTENT;
/// What either side may send of a call before the other has read any of it, in bytes.
pub(super) const WINDOW: u32 = 128 * 1024;
/// The most that a side may be allowed to send of a call.
pub(super) const WINDOW_LIMIT: u32 = 16 * 1024 * 1024;

const BEGIN: u8 = 1;
const DATA: u8 = 2;
const END: u8 = 3;
const CANCEL: u8 = 4;
const WINDOW_UPDATE: u8 = 5;
const HEADERS: u8 = 6;
const STATUS: u8 = 7;

/// What a browser says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Frame {
    /// A call: its path on the first line, then its headers.
    Begin(Bytes),
    /// Some of the call's messages, framed as gRPC does.
    Data(Bytes),
    /// No message follows.
    End,
    /// The answer is not wanted any more.
    Cancel,
    /// So many more bytes may be sent.
    Window(u32),
}

/// Bytes that are no frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("this is no frame of lyceum.grpc.v1")]
pub(crate) struct Error;

/// The frame in a message, and its call.
pub(crate) fn parse(message: &Bytes) -> Result<(u32, Frame), Error> {
    let (&[kind, ref call @ ..], _) = message.split_first_chunk::<HEADER>().ok_or(Error)?;
    let call = u32::from_be_bytes(*call);
    let content = message.slice(HEADER..);
    let frame = match (kind, &content[..]) {
        (BEGIN, [_, ..]) => Frame::Begin(content),
        (DATA, [_, ..]) => Frame::Data(content),
        (END, []) => Frame::End,
        (CANCEL, []) => Frame::Cancel,
        (WINDOW_UPDATE, &[a, b, c, d]) => Frame::Window(u32::from_be_bytes([a, b, c, d])),
        _ => return Err(Error),
    };
    if call == 0 { Err(Error) } else { Ok((call, frame)) }
}

/// Some of an answer's messages.
pub(super) fn data(call: u32, content: &[u8]) -> Message {
    frame(DATA, call, content)
}

/// An answer's headers, as lines.
pub(super) fn headers(call: u32, lines: &[u8]) -> Message {
    frame(HEADERS, call, lines)
}

/// The end of an answer: its trailers with the status, as lines.
pub(super) fn status(call: u32, lines: &[u8]) -> Message {
    frame(STATUS, call, lines)
}

/// So many more bytes may be sent.
pub(super) fn window(call: u32, bytes: u32) -> Message {
    frame(WINDOW_UPDATE, call, &bytes.to_be_bytes())
}

fn frame(kind: u8, call: u32, content: &[u8]) -> Message {
    let mut bytes = BytesMut::with_capacity(HEADER + content.len());
    bytes.put_u8(kind);
    bytes.put_u32(call);
    bytes.put_slice(content);
    Message::Binary(bytes.freeze())
}
