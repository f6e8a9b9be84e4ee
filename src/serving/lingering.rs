//! A socket that is not slammed shut: its last words reach the caller before the connection is gone.
//!
//! A caller may be sending while the server says GOAWAY. Closing a socket with something unread in it makes the kernel
//! send a reset, which throws away what the caller has not read yet, the GOAWAY too: then it cannot know that its request
//! was never looked at, and must call it lost. So a socket that is dropped says that nothing more comes, and reads what
//! still does, until its caller closes too. When not: browsers' sockets, which answer one request after the other.
//! Source: RFC 9113, 9.1; nginx's `lingering_close`.

use std::io::{IoSlice, Result};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, ReadBuf};
use tokio::net::TcpStream;

/// How long a caller may take to close its side.
const LONGEST: Duration = Duration::from_secs(2);

/// A socket of a server.
#[derive(Debug)]
pub(super) struct Lingering(Option<TcpStream>);

impl Lingering {
    pub(super) fn new(socket: TcpStream) -> Self {
        Self(Some(socket))
    }

    /// There is a socket until it is dropped.
    fn with<T>(&mut self, poll: impl FnOnce(Pin<&mut TcpStream>) -> Poll<Result<T>>) -> Poll<Result<T>> {
        match &mut self.0 {
            Some(socket) => poll(Pin::new(socket)),
            None => Poll::Ready(Err(std::io::ErrorKind::NotConnected.into())),
        }
    }
}

impl Drop for Lingering {
    fn drop(&mut self) {
        let (Some(mut socket), Ok(runtime)) = (self.0.take(), tokio::runtime::Handle::try_current()) else {
            return;
        };
        runtime.spawn(tokio::time::timeout(LONGEST, async move {
            let mut unread = [0; 1024];
            if socket.shutdown().await.is_ok() {
                while matches!(socket.read(&mut unread).await, Ok(read) if read > 0) {}
            }
        }));
    }
}

impl AsyncRead for Lingering {
    fn poll_read(mut self: Pin<&mut Self>, context: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        self.with(|socket| socket.poll_read(context, buffer))
    }
}

impl AsyncWrite for Lingering {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        self.with(|socket| socket.poll_write(context, bytes))
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        self.with(|socket| socket.poll_flush(context))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        self.with(|socket| socket.poll_shutdown(context))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<Result<usize>> {
        self.with(|socket| socket.poll_write_vectored(context, slices))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn last_words_reach_a_caller_that_is_still_sending() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut caller = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (socket, _) = listener.accept().await.unwrap();
        let mut server = Lingering::new(socket);
        // Unread when the server goes, and more of it after.
        caller.write_all(&[7; 4096]).await.unwrap();
        server.write_all(b"goodbye").await.unwrap();
        drop(server);
        caller.write_all(&[7; 4096]).await.unwrap();
        let mut heard = Vec::new();
        caller.read_to_end(&mut heard).await.unwrap();
        assert_eq!(heard, b"goodbye");
    }
}
