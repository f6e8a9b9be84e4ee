//! The parsers that read strangers' bytes, each as one function of bytes, for `make fuzz` (feature `fuzzing`).
//!
//! Each checks what must hold whatever the bytes are, beside not panicking: above all that how they were cut into chunks
//! changes nothing. When not: everything else of the gateway has no public face.

mod descriptors;
mod headers;
mod paths;

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use prost_reflect::{DescriptorPool, MessageDescriptor};

use crate::compression::{Coding, Decoder};
use crate::frames::Frames;
use crate::schema::{ServiceInfo, codec, reflected};
use crate::text;
use crate::{authentication, batch, connect, graphql, mcp, websocket};

pub use descriptors::descriptors;
pub use headers::headers;
pub use paths::paths;

/// Our own contracts.
static CONTRACTS: LazyLock<DescriptorPool> =
    LazyLock::new(|| DescriptorPool::decode(lyceum::contracts::DESCRIPTORS).unwrap_or_default());

/// A message with others inside it, lists, a choice, numbers of every width.
static MESSAGE: LazyLock<Option<MessageDescriptor>> =
    LazyLock::new(|| CONTRACTS.get_message_by_name("lyceum.writing_analysis.v1.AnalyzeDraftResponse"));

/// The largest message that the targets allow.
const LIMIT: usize = 1 << 16;

/// The services of our own contracts.
pub(crate) fn services() -> Vec<Arc<ServiceInfo>> {
    const NAMES: [&str; 3] = [
        "lyceum.ai_validator.v1.EducationalAiValidatorService",
        "lyceum.testing.v1.ProbeService",
        "lyceum.writing_analysis.v1.WritingAnalysisService",
    ];
    let services = reflected(&CONTRACTS, &"own".into(), NAMES.into_iter());
    assert_eq!(services.len(), NAMES.len());
    services
}

/// Bytes as they may arrive: the first says where they are cut, the rest is cut there.
fn cut(data: &[u8]) -> (&[u8], &[u8]) {
    match data.split_first() {
        Some((at, rest)) => rest.split_at(usize::from(*at) % (rest.len() + 1)),
        None => (data, data),
    }
}

/// gRPC frames.
pub fn frames(data: &[u8]) {
    let (first, second) = cut(data);
    let mut apart = Frames::new(LIMIT);
    let in_two = apart.follow(first).and_then(|_| apart.follow(second));
    let mut whole = Frames::new(LIMIT);
    let at_once = whole.follow(&[first, second].concat());
    assert_eq!(in_two.is_ok(), at_once.is_ok());
    if at_once.is_ok() {
        assert_eq!(apart.between(), whole.between());
        assert_eq!(apart.begun(), whole.begun());
    }
}

/// Base64 of grpc-web-text.
pub fn text(data: &[u8]) {
    let (first, second) = cut(data);
    let mut apart = text::Decoder::default();
    let in_two = apart
        .decode(first)
        .and_then(|head| Ok([head, apart.decode(second)?].concat()));
    let mut whole = text::Decoder::default();
    let at_once = whole.decode(&[first, second].concat());
    assert_eq!(in_two.as_deref().ok(), at_once.as_deref().ok());
    if at_once.is_ok() {
        assert_eq!(apart.finish().is_ok(), whole.finish().is_ok());
    }
}

/// JSON of a message, and bytes of one: what was read once is read again as the same.
pub fn json(data: &[u8]) {
    let Some(message) = &*MESSAGE else {
        panic!("the contract has the message");
    };
    for bytes in [
        codec::to_bytes(message, data),
        codec::to_json(message, data).map(Into::into),
    ] {
        let Ok(read) = bytes else { continue };
        let Ok(json) = codec::to_json(message, &read) else {
            continue;
        };
        assert!(codec::to_bytes(message, &json).is_ok(), "what is written can be read");
    }
}

/// Envelopes of Connect, and calls in the query of a GET.
pub fn connect(data: &[u8]) {
    let (first, second) = cut(data);
    let mut apart = connect::Envelopes::new(LIMIT);
    let mut whole = connect::Envelopes::new(LIMIT);
    let (mut in_two, mut at_once) = (Vec::new(), Vec::new());
    let mut broken = false;
    for chunk in [first, second] {
        apart.push(chunk);
        while let Some(envelope) = apart.next().unwrap_or_else(|_| {
            broken = true;
            None
        }) {
            in_two.push(envelope);
        }
    }
    whole.push(&[first, second].concat());
    while let Ok(Some(envelope)) = whole.next() {
        at_once.push(envelope);
    }
    assert_eq!(in_two, at_once);
    assert!(broken || apart.finish().is_ok() == whole.finish().is_ok());
    if let Ok(query) = std::str::from_utf8(data) {
        let _ = connect::read_query(query);
    }
}

/// Documents of GraphQL, up to where they would run.
pub fn graphql(data: &[u8]) {
    if let Ok(document) = std::str::from_utf8(data) {
        graphql::weighed(document);
    }
}

/// Batches, up to where they would run.
pub fn batch(data: &[u8]) {
    let _ = batch::read(data);
}

/// Frames and headers of both WebSocket protocols.
pub fn websocket(data: &[u8]) {
    let _ = websocket::wire::parse(&Bytes::copy_from_slice(data));
    if let Ok(headers) = websocket::lines::parse(data) {
        assert!(headers.len() <= data.len(), "every header was sent");
    }
}

/// Compressed bodies: the first byte chooses how, and whatever they are, no more comes out than allowed.
pub fn compression(data: &[u8]) {
    let Some((how, data)) = data.split_first() else { return };
    let coding = [Coding::Zstd, Coding::Brotli, Coding::Gzip][usize::from(*how) % 3];
    let Ok(mut decoder) = Decoder::try_new(coding, LIMIT) else {
        return;
    };
    let (first, second) = cut(data);
    let mut made = 0;
    for chunk in [first, second] {
        match decoder.decode(chunk) {
            Ok(bytes) => made += bytes.len(),
            Err(_) => return,
        }
    }
    made += decoder.finish().map_or(0, |rest| rest.len());
    assert!(made <= LIMIT, "{made} bytes");
}

/// Bodies of agents, up to where a tool would be called.
pub fn tools(data: &[u8]) {
    mcp::read(data);
}

/// Tokens (JWT) and documents of keys (JWKS).
pub fn tokens(data: &[u8]) {
    authentication::fuzzing::tokens(data);
}

/// API keys and sessions.
pub fn credentials(data: &[u8]) {
    authentication::fuzzing::credentials(data);
}

#[cfg(test)]
mod tests;
