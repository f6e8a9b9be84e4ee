//! HTTP/2's windows: how much of a stream may lie unread.
//!
//! **Why.** A connection's window is shared by its streams, so a few that nobody reads would use it up and stop every
//! other call on it, as benches/gateway's slow readers did. Only the streams' own windows bound anything, then: a large
//! essay goes in a few flights, and a thousand stalled streams hold 256 MB at most.
//!
//! **When not.** How many streams there may be is limited elsewhere, and a browser that reads nothing is cut off.
//!
//! **Source.** RFC 9113, 5.2 and 6.9; measured (docs/benchmarks.md).

/// Of one stream, in bytes.
pub const STREAM_WINDOW: u32 = 256 * 1024;
/// Of all streams of a connection: as much as there can be, so that none waits for another.
pub const CONNECTION_WINDOW: u32 = (1 << 31) - 1;
