//! Who is at the other end of a connection, as far as the connection itself can tell.
//!
//! Its address is for limits and never for logs. When not: who is asking is what a credential says, in `guard`.

use std::net::SocketAddr;

use lyceum::identity::SpiffeId;

/// The other end of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Peer {
    /// Where it connects from.
    pub(crate) address: SocketAddr,
    /// Whether it came over TLS.
    pub(crate) secure: bool,
    /// Whose certificate it showed and proved to have; of the fabric, or of those whom `gateway.tls.clients` vouches for.
    pub(crate) certificate: Option<SpiffeId>,
}
