//! A wire between two sockets that a test can cut, hold up and mend: what networks do.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// Forwards connections to one address.
pub(crate) struct Wire {
    pub(crate) address: SocketAddr,
    accepted: Arc<AtomicU64>,
    state: watch::Sender<State>,
    accepting: tokio::task::JoinHandle<()>,
}

#[derive(Clone, Copy, Default)]
struct State {
    /// How often it was cut: a connection from before the last cut is gone.
    cuts: u64,
    cut: bool,
    held: bool,
}

impl Wire {
    pub(crate) async fn to(target: impl Into<String>) -> Self {
        let target = target.into();
        let listener = TcpListener::bind("127.0.0.1:0")
            .await
            .unwrap_or_else(|error| panic!("no port: {error}"));
        let address = listener.local_addr().unwrap_or_else(|error| panic!("{error}"));
        let state = watch::Sender::new(State::default());
        let accepted = Arc::new(AtomicU64::new(0));
        let (states, count) = (state.subscribe(), Arc::clone(&accepted));
        let accepting = tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                if !states.borrow().cut {
                    count.fetch_add(1, Ordering::SeqCst);
                    tokio::spawn(forward(near, target.clone(), states.clone()));
                }
            }
        });
        Self {
            address,
            accepted,
            state,
            accepting,
        }
    }

    /// How many connections went through it.
    pub(crate) fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::SeqCst)
    }

    /// Cuts every connection, and each new one as it comes.
    pub(crate) fn cut(&self) {
        self.state.send_modify(|state| {
            state.cuts += 1;
            state.cut = true;
        });
    }

    /// Swallows what is sent: connections stay, and nothing comes through.
    pub(crate) fn hold(&self) {
        self.state.send_modify(|state| state.held = true);
    }

    /// Lets everything through again, held bytes included.
    pub(crate) fn mend(&self) {
        self.state.send_modify(|state| {
            state.cut = false;
            state.held = false;
        });
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        self.cut();
        self.accepting.abort();
    }
}

async fn forward(mut near: TcpStream, target: String, mut states: watch::Receiver<State>) {
    let cuts = states.borrow_and_update().cuts;
    let Ok(mut far) = TcpStream::connect(&target).await else {
        return;
    };
    let cut = {
        let mut copying = std::pin::pin!(copy_bidirectional(&mut near, &mut far));
        loop {
            let state = *states.borrow_and_update();
            if state.cuts != cuts {
                break true;
            }
            tokio::select! {
                changed = states.changed() => if changed.is_err() { break true },
                _ = &mut copying, if !state.held => break false,
            }
        }
    };
    if cut {
        // A cut wire says no goodbye: both sides see a reset.
        let _ = near.set_zero_linger();
        let _ = far.set_zero_linger();
    }
}
