//! One connection through the proxy: a reader and a writer for each direction, and a reset that beats all four.
//!
//! The reader stamps each piece with the time at which it may come out; the writer waits for that time and then for
//! the way to be open. The queue between them is short, so that a way that is held makes the sender stop, as a full
//! window would.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use fastrand::Rng;
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until};

use super::{Counters, Direction, Flow, State};

/// About the largest piece; pieces share the bandwidth's pace.
const PIECE: usize = 16 * 1024;
/// Pieces under way in one direction.
const QUEUE: usize = 64;

struct Piece {
    due: Instant,
    bytes: Bytes,
}

/// Why a connection ends at once.
enum End {
    /// Cut, or mended after it had lost bytes.
    Reset,
    /// An end is gone.
    Lost,
}

struct Open(Arc<Counters>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

pub(super) async fn forward(
    mut near: TcpStream,
    target: SocketAddr,
    states: watch::Receiver<State>,
    counters: Arc<Counters>,
    seed: u64,
) {
    counters.open.fetch_add(1, Ordering::SeqCst);
    let _open = Open(Arc::clone(&counters));
    let cuts = states.borrow().cuts;
    let Ok(mut far) = TcpStream::connect(target).await else {
        let _ = near.set_zero_linger();
        return;
    };
    let _ = (near.set_nodelay(true), far.set_nodelay(true));
    let end = {
        let (near_read, near_write) = near.split();
        let (far_read, far_write) = far.split();
        let way = |direction| Way {
            direction,
            states: states.clone(),
            counters: &counters,
            rng: Rng::with_seed(seed ^ (direction as u64) << 63),
        };
        tokio::select! {
            end = reset(states.clone(), cuts) => end,
            end = async {
                tokio::try_join!(
                    way(Direction::Up).carry(near_read, far_write),
                    way(Direction::Down).carry(far_read, near_write),
                )
            } => end.err().unwrap_or(End::Lost),
        }
    };
    if matches!(end, End::Reset) {
        let _ = (near.set_zero_linger(), far.set_zero_linger());
    }
}

/// Ends when the connection is cut, or the proxy is gone.
async fn reset(mut states: watch::Receiver<State>, cuts: u64) -> End {
    let _ = states.wait_for(|state| state.cut || state.cuts != cuts).await;
    End::Reset
}

/// One direction of a connection.
struct Way<'a> {
    direction: Direction,
    states: watch::Receiver<State>,
    counters: &'a Counters,
    rng: Rng,
}

impl Way<'_> {
    async fn carry(self, from: impl AsyncRead + Unpin, to: impl AsyncWrite + Unpin) -> Result<(), End> {
        let (pieces, queue) = mpsc::channel(QUEUE);
        let (states, direction) = (self.states.clone(), self.direction);
        let through = self.counters.bytes(direction);
        let (_, written) = tokio::try_join!(self.read(from, pieces), write(to, queue, states, direction, through))?;
        Ok(written)
    }

    async fn read(mut self, mut from: impl AsyncRead + Unpin, pieces: mpsc::Sender<Piece>) -> Result<(), End> {
        let mut last = Instant::now();
        let mut buffer = BytesMut::new();
        loop {
            buffer.reserve(PIECE);
            if from.read_buf(&mut buffer).await.map_err(|_| End::Reset)? == 0 {
                return Ok(());
            }
            let shape = self.states.borrow().shape;
            let now = Instant::now();
            let mut due = now + shape.delay + shape.jitter.mul_f64(self.rng.f64());
            let bytes = buffer.split().freeze();
            if shape.bandwidth > 0 {
                let takes = Duration::from_secs_f64(bytes.len() as f64 / shape.bandwidth as f64);
                due = due.max(last + takes);
            }
            // Jitter never reorders: TCP would not.
            last = due.max(last);
            if pieces.send(Piece { due: last, bytes }).await.is_err() {
                return Err(End::Lost);
            }
        }
    }
}

async fn write(
    mut to: impl AsyncWrite + Unpin,
    mut queue: mpsc::Receiver<Piece>,
    mut states: watch::Receiver<State>,
    direction: Direction,
    through: &AtomicU64,
) -> Result<(), End> {
    let mut gap = false;
    loop {
        let piece = tokio::select! {
            piece = queue.recv() => piece,
            mended = async { states.wait_for(|state| state.flow(direction) == Flow::Open).await.is_ok() }, if gap => {
                let _ = mended;
                return Err(End::Reset);
            }
        };
        let Some(piece) = piece else { break };
        if piece.due > Instant::now() {
            sleep_until(piece.due).await;
        }
        if passes(&mut states, direction).await? {
            to.write_all(&piece.bytes).await.map_err(|_| End::Reset)?;
            through.fetch_add(piece.bytes.len() as u64, Ordering::SeqCst);
        } else {
            gap = true;
        }
    }
    // The other end closed. Its close is held, or lost, as its bytes would be.
    let late = states.borrow().close_late;
    if !late.is_zero() {
        sleep(late).await;
    }
    if gap || !passes(&mut states, direction).await? {
        let _ = states.wait_for(|state| state.flow(direction) == Flow::Open).await;
        return Err(End::Reset);
    }
    to.shutdown().await.map_err(|_| End::Lost)
}

/// Waits while the way is held; whether bytes come out of it.
async fn passes(states: &mut watch::Receiver<State>, direction: Direction) -> Result<bool, End> {
    let state = states
        .wait_for(|state| state.flow(direction) != Flow::Held)
        .await
        .map_err(|_| End::Reset)?;
    Ok(state.flow(direction) == Flow::Open)
}
