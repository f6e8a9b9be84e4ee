//! Ports that are free now, for a Consul agent that must be told its ports before it starts.
//!
//! Everything of ours binds port 0 and says what it got; Consul cannot. Between finding a port and Consul's binding it
//! another process may take it, so whoever uses these tries again with others ([`crate::agent`]).

use std::io;
use std::net::{Ipv4Addr, TcpListener, UdpSocket};

/// That many distinct ports, free for TCP and UDP on 127.0.0.1: gossip needs both.
pub(crate) fn free(count: usize) -> io::Result<Vec<u16>> {
    // All are held until the last is found, so that no port comes twice.
    let mut held = Vec::with_capacity(count);
    let mut attempts = 0;
    while held.len() < count {
        attempts += 1;
        let tcp = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = tcp.local_addr()?.port();
        match UdpSocket::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(udp) => held.push((port, tcp, udp)),
            Err(error) if attempts > 100 => return Err(error),
            Err(_) => {}
        }
    }
    Ok(held.into_iter().map(|(port, ..)| port).collect())
}

/// Whether a port of 127.0.0.1 is free for TCP and UDP.
pub(crate) fn is_free(port: u16) -> bool {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() && UdpSocket::bind((Ipv4Addr::LOCALHOST, port)).is_ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail loudly")]
    use super::*;

    #[test]
    fn free_ports_are_distinct() {
        let mut ports = free(20).unwrap();
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), 20);
    }

    #[test]
    fn a_bound_port_is_not_free() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        assert!(!is_free(listener.local_addr().unwrap().port()));
    }
}
