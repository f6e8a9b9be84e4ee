//! A TCP proxy that breaks on demand: what stands between a caller and an instance when a test needs a bad network.
//!
//! A test announces the proxy's address in the instance's place (`registration.address`, `registration.port`) and
//! switches faults while calls run:
//!
//! | fault | what the two ends see |
//! |---|---|
//! | [`Proxy::shape`] | delay, jitter (from the proxy's seed), bandwidth; each direction in order |
//! | [`Proxy::hold`] | nothing comes through; what was sent arrives after [`Proxy::mend`], as after a partition |
//! | [`Proxy::black_hole`] | connections are accepted, and bytes vanish; those under way stop |
//! | [`Proxy::swallow`] | the same in one direction alone: half-open |
//! | [`Proxy::cut`] | every connection, old or new, ends with a reset (RST) |
//! | [`Proxy::close_late`] | one end's close (FIN) reaches the other that much later |
//!
//! A connection that lost bytes is reset when it is mended: a stream with a gap in it must never look whole. Bytes and
//! connections are counted. Why not `tc netem`: it needs privileges and a kernel module, and works on whole machines.
//! When not: faults of a process (SIGKILL, SIGSTOP) are [`super::process`]'s. Source: toxiproxy's list of toxics.

mod connection;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio_util::task::AbortOnDropHandle;

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From whoever connected to the target.
    Up,
    /// From the target to whoever connected.
    Down,
}

/// How slow the way is; the default is as fast as it can be.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Shape {
    /// Time that every byte takes, each way.
    pub delay: Duration,
    /// Up to this much more, drawn for each piece; pieces keep their order.
    pub jitter: Duration,
    /// Bytes a second, each way and connection; 0 is without limit.
    pub bandwidth: u64,
}

/// What happens to bytes that arrive now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Flow {
    #[default]
    Open,
    Held,
    Swallowed,
}

/// Everything that is wrong at the moment.
#[derive(Clone, Copy, Debug, Default)]
struct State {
    shape: Shape,
    up: Flow,
    down: Flow,
    cut: bool,
    /// How often it was cut: a connection from before the last cut is gone, even if it was mended at once.
    cuts: u64,
    close_late: Duration,
}

impl State {
    fn flow(&self, direction: Direction) -> Flow {
        match direction {
            Direction::Up => self.up,
            Direction::Down => self.down,
        }
    }
}

/// What went through.
#[derive(Debug, Default)]
struct Counters {
    accepted: AtomicU64,
    open: AtomicU64,
    up: AtomicU64,
    down: AtomicU64,
}

/// A listening proxy; dropping it resets every connection and frees its port.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    target: Arc<Mutex<Option<SocketAddr>>>,
    state: watch::Sender<State>,
    counters: Arc<Counters>,
    _accepting: AbortOnDropHandle<()>,
}

// === impl Proxy ===

impl Proxy {
    /// A proxy to `target` on a free port of 127.0.0.1.
    ///
    /// # Panics
    /// When there is no free port: a test cannot go on.
    pub async fn to(target: SocketAddr) -> Self {
        let proxy = Self::listen(IpAddr::V4(Ipv4Addr::LOCALHOST), 0).await;
        proxy.forward_to(target);
        proxy
    }

    /// A proxy without a target yet: an instance that is to announce the proxy needs its port before it has one of its
    /// own. Until [`Proxy::forward_to`] connections are reset. `seed` is the jitter's.
    ///
    /// # Panics
    /// As [`Proxy::to`].
    pub async fn listen(ip: IpAddr, seed: u64) -> Self {
        let listener = TcpListener::bind((ip, 0))
            .await
            .unwrap_or_else(|error| panic!("no free port at {ip}: {error}"));
        let address = listener
            .local_addr()
            .unwrap_or_else(|error| panic!("a port without a number: {error}"));
        let target = Arc::<Mutex<Option<SocketAddr>>>::default();
        let state = watch::Sender::new(State::default());
        let counters = Arc::<Counters>::default();
        let accepting = tokio::spawn(accept(
            listener,
            Arc::clone(&target),
            state.subscribe(),
            Arc::clone(&counters),
            seed,
        ));
        Self {
            address,
            target,
            state,
            counters,
            _accepting: AbortOnDropHandle::new(accepting),
        }
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// New connections go there.
    pub fn forward_to(&self, target: SocketAddr) {
        *self.target.lock().unwrap_or_else(PoisonError::into_inner) = Some(target);
    }

    /// How fast the way is from now on; bytes under way keep their time.
    pub fn shape(&self, shape: Shape) {
        self.state.send_modify(|state| state.shape = shape);
    }

    /// Nothing comes through either way; new connections are made all the same.
    pub fn hold(&self) {
        self.flow(Flow::Held, &[Direction::Up, Direction::Down]);
    }

    /// A black hole: connections are accepted, and everything sent is lost.
    pub fn black_hole(&self) {
        self.flow(Flow::Swallowed, &[Direction::Up, Direction::Down]);
    }

    /// Half-open: what is sent in this direction is lost, the other one works.
    pub fn swallow(&self, direction: Direction) {
        self.flow(Flow::Swallowed, &[direction]);
    }

    /// Resets every connection, and each new one as it comes.
    pub fn cut(&self) {
        self.state.send_modify(|state| {
            state.cut = true;
            state.cuts += 1;
        });
    }

    /// One end's close reaches the other this much later.
    pub fn close_late(&self, by: Duration) {
        self.state.send_modify(|state| state.close_late = by);
    }

    /// Everything works again; held bytes arrive, connections with lost bytes are reset.
    pub fn mend(&self) {
        self.state.send_modify(|state| {
            *state = State {
                cuts: state.cuts,
                ..State::default()
            };
        });
    }

    /// Connections that were accepted and not reset at once.
    #[must_use]
    pub fn accepted(&self) -> u64 {
        self.counters.accepted.load(Ordering::SeqCst)
    }

    /// Connections that are open now.
    #[must_use]
    pub fn open(&self) -> u64 {
        self.counters.open.load(Ordering::SeqCst)
    }

    /// Bytes that came out at the other end.
    #[must_use]
    pub fn bytes(&self, direction: Direction) -> u64 {
        self.counters.bytes(direction).load(Ordering::SeqCst)
    }

    fn flow(&self, flow: Flow, directions: &[Direction]) {
        self.state.send_modify(|state| {
            for direction in directions {
                match direction {
                    Direction::Up => state.up = flow,
                    Direction::Down => state.down = flow,
                }
            }
        });
    }
}

impl Counters {
    fn bytes(&self, direction: Direction) -> &AtomicU64 {
        match direction {
            Direction::Up => &self.up,
            Direction::Down => &self.down,
        }
    }
}

async fn accept(
    listener: TcpListener,
    target: Arc<Mutex<Option<SocketAddr>>>,
    state: watch::Receiver<State>,
    counters: Arc<Counters>,
    seed: u64,
) {
    let mut number = 0_u64;
    while let Ok((near, _)) = listener.accept().await {
        let to = *target.lock().unwrap_or_else(PoisonError::into_inner);
        let (false, Some(to)) = (state.borrow().cut, to) else {
            let _ = near.set_zero_linger();
            continue;
        };
        counters.accepted.fetch_add(1, Ordering::SeqCst);
        number += 1;
        let seed = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15).wrapping_add(number);
        tokio::spawn(connection::forward(
            near,
            to,
            state.clone(),
            Arc::clone(&counters),
            seed,
        ));
    }
}
