#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::io::ErrorKind;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout};

use super::*;
use crate::testing::wait_for;

/// Both ends of one connection through a proxy.
async fn connected() -> (Proxy, TcpStream, TcpStream) {
    let (proxy, near, far, _) = listening().await;
    (proxy, near, far)
}

/// The same, and the target's listener, which takes more.
async fn listening() -> (Proxy, TcpStream, TcpStream, TcpListener) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = Proxy::to(listener.local_addr().unwrap()).await;
    let near = TcpStream::connect(proxy.address()).await.unwrap();
    let (far, _) = listener.accept().await.unwrap();
    (proxy, near, far, listener)
}

async fn said(stream: &mut TcpStream, length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes).await.unwrap();
    bytes
}

/// Nothing arrives for as long as a fault is looked at.
async fn silent(stream: &mut TcpStream) -> bool {
    timeout(Duration::from_millis(100), stream.read_u8()).await.is_err()
}

async fn reset(stream: &mut TcpStream) -> bool {
    let mut rest = Vec::new();
    stream
        .read_to_end(&mut rest)
        .await
        .is_err_and(|error| error.kind() == ErrorKind::ConnectionReset)
}

#[tokio::test]
async fn what_goes_in_comes_out_and_is_counted() {
    let (proxy, mut near, mut far) = connected().await;
    near.write_all(b"question").await.unwrap();
    assert_eq!(said(&mut far, 8).await, b"question");
    far.write_all(b"answer").await.unwrap();
    assert_eq!(said(&mut near, 6).await, b"answer");
    assert_eq!((proxy.bytes(Direction::Up), proxy.bytes(Direction::Down)), (8, 6));
    assert_eq!((proxy.accepted(), proxy.open()), (1, 1));
    drop(near);
    assert_eq!(far.read(&mut [0]).await.unwrap(), 0, "a close goes through");
    drop(far);
    wait_for("the connection's end", || async { proxy.open() == 0 }).await;
}

#[tokio::test]
async fn a_long_way_takes_its_time_and_keeps_the_order() {
    let (proxy, mut near, mut far) = connected().await;
    let (delay, jitter) = (Duration::from_millis(40), Duration::from_millis(20));
    proxy.shape(Shape {
        delay,
        jitter,
        ..Shape::default()
    });
    let begun = Instant::now();
    for number in 0..20 {
        near.write_u8(number).await.unwrap();
        tokio::task::yield_now().await;
    }
    assert_eq!(said(&mut far, 20).await, (0..20).collect::<Vec<u8>>());
    assert!(begun.elapsed() >= delay, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn a_narrow_way_has_its_rate() {
    let (proxy, mut near, mut far) = connected().await;
    proxy.shape(Shape {
        bandwidth: 1_000_000,
        ..Shape::default()
    });
    let begun = Instant::now();
    let sending = tokio::spawn(async move { near.write_all(&vec![7; 300_000]).await.map(|()| near) });
    said(&mut far, 300_000).await;
    let took = begun.elapsed();
    assert!(took >= Duration::from_millis(290), "{took:?}");
    sending.await.unwrap().unwrap();
}

#[tokio::test]
async fn what_was_held_arrives_in_the_end() {
    let (proxy, mut near, mut far) = connected().await;
    proxy.hold();
    near.write_all(b"late").await.unwrap();
    assert!(silent(&mut far).await);
    proxy.mend();
    assert_eq!(said(&mut far, 4).await, b"late");
}

#[tokio::test]
async fn a_black_hole_accepts_swallows_and_is_never_mended_into_a_gap() {
    let (proxy, mut near, mut far, _listener) = listening().await;
    near.write_all(b"a").await.unwrap();
    assert_eq!(said(&mut far, 1).await, b"a");
    proxy.black_hole();
    near.write_all(b"lost").await.unwrap();
    assert!(silent(&mut far).await, "an old connection is dead");
    let mut late = TcpStream::connect(proxy.address()).await.unwrap();
    late.write_all(b"lost too").await.unwrap();
    assert!(silent(&mut late).await, "a new one is accepted and dead");
    assert_eq!(proxy.bytes(Direction::Up), 1);
    proxy.mend();
    assert!(reset(&mut near).await && reset(&mut far).await && reset(&mut late).await);
}

#[tokio::test]
async fn half_open_is_dead_in_one_direction_alone() {
    let (proxy, mut near, mut far) = connected().await;
    proxy.swallow(Direction::Down);
    near.write_all(b"heard").await.unwrap();
    assert_eq!(said(&mut far, 5).await, b"heard");
    far.write_all(b"unheard").await.unwrap();
    assert!(silent(&mut near).await);
    drop(far);
    assert!(silent(&mut near).await, "not even the close comes through");
}

#[tokio::test]
async fn a_cut_resets_both_ends_and_whoever_comes_next() {
    let (proxy, mut near, mut far, _listener) = listening().await;
    proxy.cut();
    assert!(reset(&mut near).await && reset(&mut far).await);
    let next = TcpStream::connect(proxy.address()).await;
    if let Ok(mut next) = next {
        assert!(reset(&mut next).await);
    }
    assert_eq!(proxy.accepted(), 1);
    proxy.mend();
    let mut mended = TcpStream::connect(proxy.address()).await.unwrap();
    mended.write_all(b"x").await.unwrap();
    wait_for("the new connection", || async { proxy.bytes(Direction::Up) == 1 }).await;
}

#[tokio::test]
async fn a_close_can_come_late() {
    let (proxy, near, mut far) = connected().await;
    let late = Duration::from_millis(80);
    proxy.close_late(late);
    let begun = Instant::now();
    drop(near);
    assert_eq!(far.read(&mut [0]).await.unwrap(), 0);
    assert!(begun.elapsed() >= late, "{:?}", begun.elapsed());
}

#[tokio::test]
async fn without_a_target_or_a_proxy_connections_are_reset() {
    let proxy = Proxy::listen(IpAddr::V4(Ipv4Addr::LOCALHOST), 0).await;
    if let Ok(mut early) = TcpStream::connect(proxy.address()).await {
        assert!(reset(&mut early).await);
    }
    let (proxy, mut near, _far) = connected().await;
    let address = proxy.address();
    drop(proxy);
    assert!(reset(&mut near).await);
    wait_for("the port to be free", || async {
        TcpListener::bind(address).await.is_ok()
    })
    .await;
}
