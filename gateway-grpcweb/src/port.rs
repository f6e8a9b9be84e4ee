//! The port that browsers connect to: alone, or handed over from one gateway to the next without a failed call.
//!
//! **What.** [`Port::take`] reserves the address, [`Port::listen`] opens it. With `gateway.reuse_port` a second gateway may
//! take the same address while the first still has it, and the kernel gives each new connection to one of them; the
//! second opens only once it knows the way to every service. [`rest`] is what waited at the door when a gateway closes it.
//!
//! **Why.** A gateway that closes its port before the next has opened it refuses connections meanwhile; connections that
//! the kernel had accepted already would be reset with it. **When not.** Two gateways that mean to stay are two
//! addresses behind a load balancer. Source: `socket(7)`, SO_REUSEPORT; `tcp(7)`.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use socket2::{SockRef, TcpKeepalive};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// Connections that may wait to be accepted.
const BACKLOG: u32 = 1024;

/// When a connection that is silent is asked whether anybody is there, before routers forget it.
const KEEPALIVE: Duration = Duration::from_secs(60);
/// How often it is asked before it is given up.
const KEEPALIVE_TRIES: u32 = 4;

/// An address that nobody listens at yet.
#[derive(Debug)]
pub(crate) struct Port(TcpSocket);

impl Port {
    /// Takes an address, also from a gateway that has it `shared` as well.
    pub(crate) fn take(address: SocketAddr, shared: bool) -> io::Result<Self> {
        let socket = if address.is_ipv4() {
            TcpSocket::new_v4()?
        } else {
            TcpSocket::new_v6()?
        };
        // What the last one left behind in the kernel must not keep the next from starting.
        socket.set_reuseaddr(true)?;
        if shared {
            socket.set_reuseport(true)?;
        }
        // Accepted connections have it from the listener.
        let keepalive = TcpKeepalive::new()
            .with_time(KEEPALIVE)
            .with_interval(KEEPALIVE / KEEPALIVE_TRIES)
            .with_retries(KEEPALIVE_TRIES);
        SockRef::from(&socket).set_tcp_keepalive(&keepalive)?;
        socket.bind(address)?;
        Ok(Self(socket))
    }

    /// Where it is.
    pub(crate) fn address(&self) -> io::Result<SocketAddr> {
        self.0.local_addr()
    }

    /// Opens it.
    pub(crate) fn listen(self) -> io::Result<TcpListener> {
        self.0.listen(BACKLOG)
    }
}

/// Closes a port, and answers the connections that nobody has accepted yet: they were promised an answer.
pub(crate) fn rest(listener: TcpListener) -> Vec<(TcpStream, SocketAddr)> {
    let mut rest = Vec::new();
    // It does not wait, as tokio made it so.
    if let Ok(listener) = listener.into_std() {
        while let Ok((stream, address)) = listener.accept() {
            let stream = stream.set_nonblocking(true).and_then(|()| TcpStream::from_std(stream));
            rest.extend(stream.map(|stream| (stream, address)));
        }
    }
    rest
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    fn anywhere() -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], 0))
    }

    #[tokio::test]
    async fn a_port_is_shared_only_where_both_say_so() {
        let first = Port::take(anywhere(), true).unwrap();
        let address = first.address().unwrap();
        let first = first.listen().unwrap();
        let second = Port::take(address, true).unwrap().listen().unwrap();
        assert!(Port::take(address, false).is_err());
        drop((first, second));
        let alone = Port::take(anywhere(), false).unwrap();
        let address = alone.address().unwrap();
        let _alone = alone.listen().unwrap();
        assert!(Port::take(address, true).is_err());
    }

    #[tokio::test]
    async fn who_waited_at_the_door_is_let_in() {
        let port = Port::take(anywhere(), false).unwrap();
        let address = port.address().unwrap();
        let listener = port.listen().unwrap();
        let mut waiting = Vec::new();
        for _ in 0..5 {
            waiting.push(TcpStream::connect(address).await.unwrap());
        }
        let rest = rest(listener);
        assert_eq!(rest.len(), 5);
        assert!(TcpStream::connect(address).await.is_err());
        for (mut stream, _) in rest {
            stream.write_all(b"x").await.unwrap();
        }
        for mut stream in waiting {
            assert_eq!(stream.read_u8().await.unwrap(), b'x');
        }
    }
}
