//! A wire between two sockets that a test can cut, hold up and mend: what networks do.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Forwards connections to one address.
pub(crate) struct Wire {
    pub(crate) address: SocketAddr,
    accepted: Arc<AtomicU64>,
    /// The token of the connections of now; none while the wire is cut.
    open: watch::Sender<Option<CancellationToken>>,
    accepting: tokio::task::JoinHandle<()>,
}

impl Wire {
    pub(crate) async fn to(target: impl Into<String>) -> Self {
        let target = target.into();
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .unwrap_or_else(|error| panic!("no port: {error}"));
        let address = listener.local_addr().unwrap_or_else(|error| panic!("{error}"));
        let open = watch::Sender::new(Some(CancellationToken::new()));
        let accepted = Arc::new(AtomicU64::new(0));
        let (state, count) = (open.subscribe(), Arc::clone(&accepted));
        let accepting = tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let Some(cut) = state.borrow().clone() else { continue };
                count.fetch_add(1, Ordering::SeqCst);
                let target = target.clone();
                tokio::spawn(async move {
                    let forward = async {
                        if let Ok(mut far) = TcpStream::connect(&target).await {
                            let _ = copy_bidirectional(&mut near, &mut far).await;
                        }
                    };
                    if cut.run_until_cancelled(forward).await.is_none() {
                        // A cut wire says no goodbye: the other side sees a reset.
                        let _ = near.set_zero_linger();
                    }
                });
            }
        });
        Self {
            address,
            accepted,
            open,
            accepting,
        }
    }

    /// How many connections went through it.
    pub(crate) fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::SeqCst)
    }

    /// Cuts every connection, and each new one as it comes.
    pub(crate) fn cut(&self) {
        if let Some(cut) = self.open.send_replace(None) {
            cut.cancel();
        }
    }

    /// Lets connections through again.
    pub(crate) fn mend(&self) {
        self.open.send_replace(Some(CancellationToken::new()));
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.cut();
        self.accepting.abort();
    }
}
