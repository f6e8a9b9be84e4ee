//! Who is at the other end of a connection, as far as the connection itself can tell.
//!
//! Its address is for limits and never for logs. When not: who is asking is what a credential says, in `guard`.

use std::net::SocketAddr;

/// The other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Peer {
    /// Where it connects from.
    pub(crate) address: SocketAddr,
}
