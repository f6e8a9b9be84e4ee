//! gRPC itself, for callers outside the mesh: what crosses the edge beside what crosses it for every front.
//!
//! **Why.** A native client reads HTTP/2's trailers and decompresses messages by itself. So nothing is translated: the
//! format that its messages have, how they are compressed, and what either side would take goes through untouched. All
//! rules of the edge hold as for a browser. **When not.** Services call each other without the gateway.
//! **Source.** `PROTOCOL-HTTP2.md` and `compression.md` in grpc/grpc.

use http::header::{CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderName};

const ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");
const ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");

/// Adds to a call's headers what its caller says of its messages.
pub(crate) fn up(caller: &HeaderMap, upstream: &mut HeaderMap) {
    // Who says nothing of compression takes none; `identity` stands there already.
    for name in [CONTENT_TYPE, ACCEPT_ENCODING, USER_AGENT] {
        if let Some(value) = caller.get(&name) {
            upstream.insert(name, value.clone());
        }
    }
}

/// What an answer says of its messages.
pub(crate) fn down(answer: &HeaderMap) -> HeaderMap {
    let mut said = HeaderMap::with_capacity(4);
    for name in [CONTENT_TYPE, ENCODING, ACCEPT_ENCODING] {
        if let Some(value) = answer.get(&name) {
            said.insert(name, value.clone());
        }
    }
    said
}
