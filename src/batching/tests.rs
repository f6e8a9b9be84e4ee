#![allow(clippy::unwrap_used, reason = "tests")]

use std::future::poll_fn;
use std::io::{IoSlice, Result};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Waker;

use proptest::prelude::*;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, duplex};

use super::stream::LIMIT;
use super::*;

/// A stream that counts what is written to it at once.
#[derive(Debug)]
struct Counted(DuplexStream, Arc<AtomicUsize>);

impl AsyncWrite for Counted {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<Result<usize>> {
        self.1.fetch_add(1, Ordering::Relaxed);
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

/// Polls what writes with the driver, as often as it is woken.
async fn drive<S: AsyncWrite + Unpin, T>(driver: &mut Driver<S>, writing: impl Future<Output = T>) -> T {
    let mut writing = std::pin::pin!(writing);
    poll_fn(|context| driver.poll(false, writing.as_mut(), context)).await
}

#[test]
fn a_busy_connection_stands_back_once_before_each_run() {
    let ran = AtomicUsize::new(0);
    let mut connection = std::pin::pin!(poll_fn(|_| {
        ran.fetch_add(1, Ordering::Relaxed);
        Poll::<()>::Pending
    }));
    let (_stream, mut driver) = gather(tokio::io::sink());
    let mut context = Context::from_waker(Waker::noop());
    for polls in 1..=6 {
        assert!(driver.poll(true, connection.as_mut(), &mut context).is_pending());
        assert_eq!(ran.load(Ordering::Relaxed), polls / 2);
    }
    assert!(driver.poll(false, connection.as_mut(), &mut context).is_pending());
    assert_eq!(ran.load(Ordering::Relaxed), 4, "an idle one runs at once");
}

#[tokio::test]
async fn what_is_written_in_one_run_leaves_together() {
    let (mut reader, stream) = duplex(LIMIT);
    let writes = Arc::new(AtomicUsize::new(0));
    let (mut stream, mut driver) = gather(Counted(stream, Arc::clone(&writes)));
    drive(&mut driver, async {
        for word in ["one ", "two ", "three"] {
            stream.write_all(word.as_bytes()).await.unwrap();
            stream.flush().await.unwrap();
        }
        assert_eq!(writes.load(Ordering::Relaxed), 0);
    })
    .await;
    let mut read = [0; 13];
    reader.read_exact(&mut read).await.unwrap();
    assert_eq!((&read, writes.load(Ordering::Relaxed)), (b"one two three", 1));
    // Without the driver it is the stream, as a protocol needs it that took the connection over.
    stream.write_all(b"at once").await.unwrap();
    assert_eq!(writes.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn who_does_not_read_stops_who_writes() {
    let (_reader, stream) = duplex(1000);
    let (mut stream, mut driver) = gather(stream);
    let mut context = Context::from_waker(Waker::noop());
    let written = AtomicUsize::new(0);
    let mut writing = std::pin::pin!(async {
        loop {
            written.fetch_add(stream.write(&[7; 1000]).await.unwrap(), Ordering::Relaxed);
            stream.flush().await.unwrap();
            tokio::task::yield_now().await;
        }
    });
    for _ in 0..100 {
        let polled: Poll<()> = driver.poll(false, writing.as_mut(), &mut context);
        assert!(polled.is_pending());
    }
    assert_eq!(
        written.load(Ordering::Relaxed),
        3000,
        "on its way, tried in vain, and told to wait"
    );
}

#[tokio::test]
async fn who_is_gone_is_told() {
    let (reader, stream) = duplex(1000);
    let (mut stream, mut driver) = gather(stream);
    drop(reader);
    let told = drive(&mut driver, async {
        let mut told = stream.write_all(b"lost").await;
        while told.is_ok() {
            tokio::task::yield_now().await;
            told = stream.flush().await;
        }
        told
    })
    .await;
    assert_eq!(told.unwrap_err().kind(), std::io::ErrorKind::BrokenPipe);
}

proptest! {
    #[test]
    fn nothing_is_lost_or_turned_around(
        pieces in prop::collection::vec((0..40_000_usize, any::<u8>(), any::<bool>()), 1..12),
        room in 1..100_000_usize,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let expected: Vec<u8> = pieces.iter().flat_map(|(length, byte, _)| vec![*byte; *length]).collect();
        let read = runtime.block_on(async {
            let (mut reader, stream) = duplex(room);
            let (mut stream, mut driver) = gather(stream);
            let writing = drive(&mut driver, async {
                for (length, byte, flushes) in pieces {
                    let bytes = vec![byte; length];
                    let (head, tail) = bytes.split_at(length / 3);
                    let mut left = &mut [IoSlice::new(head), IoSlice::new(tail)][..];
                    while left.iter().any(|piece| !piece.is_empty()) {
                        let written = poll_fn(|context| Pin::new(&mut stream).poll_write_vectored(context, left)).await;
                        IoSlice::advance_slices(&mut left, written.unwrap());
                    }
                    if flushes {
                        stream.flush().await.unwrap();
                        tokio::task::yield_now().await;
                    }
                }
                stream.shutdown().await.unwrap();
            });
            let mut read = Vec::new();
            let (_, got) = tokio::join!(writing, reader.read_to_end(&mut read));
            got.unwrap();
            read
        });
        prop_assert_eq!(read, expected);
    }
}
