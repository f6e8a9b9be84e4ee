use std::sync::atomic::AtomicU32;

use http::header::ORIGIN;
use http_body::Body as _;
use proptest::prelude::*;
use tokio::sync::mpsc;

use super::queue::{Item, Lost, Queue, Window};
use super::*;

async fn next(queue: &mut Queue) -> Option<Result<Bytes, Lost>> {
    std::future::poll_fn(|context| std::pin::Pin::new(&mut *queue).poll_frame(context))
        .await
        .map(|frame| frame.map(|frame| frame.into_data().unwrap()))
}

#[tokio::test]
async fn a_request_ends_well_only_when_its_sender_says_so() {
    for says_so in [true, false] {
        let (sender, items) = mpsc::channel(4);
        let mut queue = Queue::few(items);
        sender.send(Item::Data("essay".into())).await.unwrap();
        if says_so {
            sender.send(Item::End).await.unwrap();
        }
        drop(sender);
        assert_eq!(next(&mut queue).await, Some(Ok("essay".into())));
        assert_eq!(next(&mut queue).await, (!says_so).then_some(Err(Lost)));
        assert_eq!(next(&mut queue).await, None);
        assert!(queue.is_end_stream());
    }
}

#[tokio::test]
async fn a_window_is_given_back_as_it_is_read() {
    let (grants, mut granted) = mpsc::unbounded_channel();
    let window = Window {
        call: 7,
        room: Arc::new(AtomicU32::new(20)),
        header: 5,
        grants,
    };
    let (sender, items) = mpsc::unbounded_channel();
    let mut queue = Queue::counted(items, window.clone());
    assert!(window.take(10));
    assert!(!window.take(1), "what a frame costs beyond its bytes counts too");
    sender.send(Item::Data(Bytes::from_static(&[0; 10]))).unwrap();
    assert!(granted.try_recv().is_err());
    next(&mut queue).await;
    assert_eq!(granted.recv().await, Some((7, 15)));
    assert!(window.take(15));
}

#[test]
fn headers_are_lines_and_a_script_cannot_say_what_a_browser_says() {
    let block = b"Content-Type: application/grpc-web+proto\r\nx-note:  a: b \r\ncookie: session=1\nOrigin: https://evil.example\r\n\
                  sec-fetch-site: same-origin\r\nx-forwarded-for: 1.2.3.4\r\nauthorization: Bearer x\r\n\r\n";
    let headers = lines::parse(block).unwrap();
    assert_eq!(headers["x-note"], "a: b");
    assert_eq!(headers["authorization"], "Bearer x");
    assert_eq!(headers["content-type"], "application/grpc-web+proto");
    assert_eq!(headers.len(), 3, "{headers:?}");

    let mut socket = HeaderMap::new();
    socket.insert(COOKIE, HeaderValue::from_static("own=1"));
    socket.insert("authorization", HeaderValue::from_static("Basic y"));
    let both = lines::over(&socket, headers);
    assert_eq!(both[COOKIE], "own=1");
    assert_eq!(both.get_all("authorization").iter().collect::<Vec<_>>(), ["Bearer x"]);

    let (many, long) = (b"x: y\n".repeat(101), [b'a'; 40_000]);
    for wrong in [&b"no colon"[..], b"na me: x", b": x", b"x: \x01", &many, &long] {
        assert!(lines::parse(wrong).is_err());
    }
}

fn handshake() -> Request<()> {
    Request::builder()
        .header(CONNECTION, "keep-alive, Upgrade")
        .header(UPGRADE, "WebSocket")
        .header(SEC_WEBSOCKET_VERSION, "13")
        .header(SEC_WEBSOCKET_KEY, "dGhlIHNhbXBsZSBub25jZQ==")
        .header(SEC_WEBSOCKET_PROTOCOL, "chat, lyceum.grpc.v1")
        .body(())
        .unwrap()
}

#[test]
fn a_handshake_is_answered_as_the_standard_says_or_refused() {
    assert!(is_wanted(&handshake()));
    let (tongue, accepted) = allowed(&handshake(), &Admission::Same).unwrap();
    assert_eq!(tongue, Tongue::Many);
    // RFC 6455, 1.3.
    assert_eq!(accepted.unwrap(), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    for (name, value, status) in [
        (SEC_WEBSOCKET_VERSION, "8", 426),
        (SEC_WEBSOCKET_PROTOCOL, "chat", 400),
        (SEC_WEBSOCKET_KEY, "short", 400),
        (CONNECTION, "close", 400),
    ] {
        let mut request = handshake();
        request.headers_mut().insert(name, HeaderValue::from_static(value));
        let refused = allowed(&request, &Admission::Same).unwrap_err();
        assert_eq!(refused.status(), status, "{value}");
    }
    assert_eq!(allowed(&handshake(), &Admission::Refused).unwrap_err().status(), 403);
    let mut plain = handshake();
    plain.headers_mut().remove(UPGRADE);
    assert!(!is_wanted(&plain));
}

#[test]
fn cookies_count_from_our_own_pages_alone() {
    let mut headers = handshake().headers().clone();
    headers.insert(COOKIE, HeaderValue::from_static("session=1"));
    headers.insert(ORIGIN, HeaderValue::from_static("https://school.example"));
    let kept = own(headers.clone(), &Admission::Same);
    assert_eq!((kept.len(), &kept[COOKIE]), (2, &HeaderValue::from_static("session=1")));
    let origin = HeaderValue::from_static("https://school.example");
    assert!(!own(headers, &Admission::Granted(origin)).contains_key(COOKIE));
}

proptest! {
    /// Whatever arrives is a frame or is none.
    #[test]
    fn any_message_is_a_frame_or_none(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        let message = Bytes::from(bytes);
        if let Ok((call, _)) = wire::parse(&message) {
            prop_assert!(call > 0);
            prop_assert!((1..=5).contains(&message[0]));
        }
        let _ = lines::parse(&message);
    }
}
