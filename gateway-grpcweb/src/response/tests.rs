use std::collections::VecDeque;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use lyceum::error::Error as Refusal;
use proptest::prelude::*;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::metrics::Metrics;
use crate::record::{Front, Record};
use crate::request::{self, Fault};
use crate::watch::Timer;

/// A service's answer in pieces; without an end it stays open.
struct Upstream {
    pieces: VecDeque<Result<Frame<Bytes>, Status>>,
    stays_open: bool,
}

impl Body for Upstream {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        match self.pieces.pop_front() {
            None if self.stays_open => Poll::Pending,
            piece => Poll::Ready(piece),
        }
    }
}

fn data(bytes: &[u8]) -> Result<Frame<Bytes>, Status> {
    Ok(Frame::data(Bytes::copy_from_slice(bytes)))
}

fn trailers(status: &'static str) -> Result<Frame<Bytes>, Status> {
    let mut map = HeaderMap::new();
    map.insert("grpc-status", HeaderValue::from_static(status));
    Ok(Frame::trailers(map))
}

fn frame(message: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0];
    bytes.extend_from_slice(&u32::try_from(message.len()).unwrap().to_be_bytes());
    bytes.extend_from_slice(message);
    bytes
}

fn outbound(pieces: Vec<Result<Frame<Bytes>, Status>>, form: Form) -> Outbound<Upstream> {
    watched(pieces, form, None, None, CancellationToken::new())
}

fn watched(
    pieces: Vec<Result<Frame<Bytes>, Status>>,
    form: Form,
    timer: Timer,
    fault: Option<Fault>,
    stopping: CancellationToken,
) -> Outbound<Upstream> {
    let upstream = Upstream {
        pieces: pieces.into(),
        stays_open: false,
    };
    let record = Record::begin(
        Metrics::default().method("p.S/M"),
        Front::always_200("grpc-web"),
        Instant::now(),
    );
    Outbound::new(upstream, form, Watch::new(timer, fault, stopping, record))
}

/// Everything that a browser gets, chunk by chunk.
async fn got(mut outbound: Outbound<Upstream>) -> Vec<Result<Bytes, Torn>> {
    let mut chunks = Vec::new();
    while let Some(piece) = std::future::poll_fn(|context| outbound.poll(context)).await {
        chunks.push(piece.map(|piece| match piece {
            Piece::Data(bytes) => bytes,
            Piece::Trailers(trailers) => panic!("trailers outside the body: {trailers:?}"),
        }));
    }
    chunks
}

fn status_frame(chunk: &Bytes) -> &str {
    assert_eq!(chunk[0], 0x80, "a frame of trailers");
    std::str::from_utf8(&chunk[5..]).unwrap()
}

#[tokio::test]
async fn messages_pass_and_trailers_become_a_frame() {
    let message = frame(b"hello");
    let chunks = got(outbound(vec![data(&message), trailers("0")], Form::Binary)).await;
    assert_eq!(chunks[0].as_ref().unwrap(), &message);
    assert_eq!(status_frame(chunks[1].as_ref().unwrap()), "grpc-status:0\r\n");
    assert_eq!(chunks.len(), 2);
}

#[tokio::test]
async fn a_native_answer_keeps_its_trailers() {
    let message = frame(b"hello");
    for (pieces, status) in [
        (vec![data(&message), trailers("0")], "0"),
        (vec![data(&message), data(&message[..3])], "14"),
    ] {
        let mut outbound = outbound(pieces, Form::Native);
        let mut next = async || std::future::poll_fn(|context| outbound.poll(context)).await;
        assert!(matches!(next().await, Some(Ok(Piece::Data(bytes))) if bytes == message));
        let Some(Ok(Piece::Trailers(trailers))) = next().await else {
            panic!("no trailers");
        };
        assert_eq!(trailers["grpc-status"], status);
        assert!(next().await.is_none());
    }
}

#[tokio::test]
async fn text_is_padded_at_the_end_of_a_message_so_that_nobody_waits_for_it() {
    let message = frame(b"hello");
    let pieces = vec![data(&message[..4]), data(&message[4..]), trailers("0")];
    let chunks = got(outbound(pieces, Form::Text)).await;
    assert_eq!(chunks[0].as_ref().unwrap(), STANDARD.encode(&message).as_bytes());
    let last = STANDARD.decode(chunks[1].as_ref().unwrap()).unwrap();
    assert_eq!(status_frame(&last.into()), "grpc-status:0\r\n");
}

#[tokio::test]
async fn half_a_message_is_held_back_and_forgotten_when_its_sender_dies() {
    let message = frame(b"hello");
    let pieces = vec![
        data(&[&message[..], &message[..7]].concat()),
        Err(Refusal::unavailable("CONNECTION_LOST", "lost").into()),
    ];
    let chunks = got(outbound(pieces, Form::Binary)).await;
    assert_eq!(chunks[0].as_ref().unwrap(), &message);
    let end = status_frame(chunks[1].as_ref().unwrap());
    assert!(
        end.starts_with("grpc-status:14\r\ngrpc-message:lost\r\ngrpc-status-details-bin:"),
        "{end}"
    );
    assert_eq!(chunks.len(), 2);
}

#[tokio::test]
async fn a_large_message_passes_as_it_comes_and_breaks_off_as_it_does() {
    let message = frame(&[7; HELD + 1]);
    let (first, rest) = message.split_at(1000);
    let chunks = got(outbound(vec![data(first), data(rest), trailers("0")], Form::Binary)).await;
    assert_eq!(chunks[0].as_ref().unwrap(), first);
    assert_eq!(chunks[1].as_ref().unwrap(), rest);
    assert_eq!(chunks.len(), 3);

    let chunks = got(outbound(
        vec![data(first), Err(Status::unavailable("lost"))],
        Form::Binary,
    ))
    .await;
    assert_eq!(chunks.len(), 2);
    assert_eq!(chunks[1], Err(Torn));

    let chunks = got(outbound(vec![data(first), trailers("0")], Form::Binary)).await;
    assert_eq!(
        chunks[1],
        Err(Torn),
        "no status can follow half a message, not even a good one"
    );
}

#[tokio::test]
async fn an_answer_without_a_status_gets_one() {
    for (pieces, status) in [
        (vec![], "grpc-status:14\r\n"),
        (vec![data(&frame(b"x"))], "grpc-status:14\r\n"),
        (vec![data(&[0, 0, 0]), trailers("0")], "grpc-status:14\r\n"),
        (vec![Ok(Frame::trailers(HeaderMap::new()))], "grpc-status:2\r\n"),
        (vec![data(b"<html>")], "grpc-status:13\r\n"),
    ] {
        let chunks = got(outbound(pieces, Form::Binary)).await;
        let end = status_frame(chunks.last().unwrap().as_ref().unwrap());
        assert!(end.starts_with(status), "{end}");
    }
}

#[tokio::test]
async fn what_was_wrong_with_the_request_is_what_is_said() {
    let fault = OnceLock::new();
    fault.set(request::Error::Truncated.into()).unwrap();
    let pieces = vec![Err(Status::cancelled("reset"))];
    let outbound = watched(
        pieces,
        Form::Binary,
        None,
        Some(Arc::new(fault)),
        CancellationToken::new(),
    );
    let chunks = got(outbound).await;
    assert!(status_frame(chunks[0].as_ref().unwrap()).starts_with("grpc-status:3\r\n"));
}

#[tokio::test(start_paused = true)]
async fn a_stream_ends_when_its_time_is_up() {
    let timer: Timer = Some(Box::pin(sleep(Duration::from_secs(3))));
    let pieces = vec![data(&frame(b"x"))];
    let mut outbound = watched(pieces, Form::Binary, timer, None, CancellationToken::new());
    outbound.upstream.stays_open = true;
    let began = Instant::now();
    let chunks = got(outbound).await;
    assert_eq!(began.elapsed(), Duration::from_secs(3));
    assert!(status_frame(chunks[1].as_ref().unwrap()).starts_with("grpc-status:4\r\n"));
}

#[tokio::test]
async fn a_stream_ends_with_a_status_when_the_gateway_stops() {
    let stopping = CancellationToken::new();
    let pieces = vec![data(&frame(b"x"))];
    let mut outbound = watched(pieces, Form::Binary, None, None, stopping.clone());
    outbound.upstream.stays_open = true;
    let chunks = tokio::spawn(got(outbound));
    tokio::task::yield_now().await;
    stopping.cancel();
    let chunks = chunks.await.unwrap();
    assert_eq!(chunks.len(), 2);
    assert!(status_frame(chunks[1].as_ref().unwrap()).starts_with("grpc-status:14\r\n"));
}

proptest! {
    /// However an answer is cut, a browser reads the same messages and then a status; and never half a message first.
    #[test]
    fn any_cut_reads_the_same(
        sizes in prop::collection::vec(prop_oneof![0_usize..50, HELD - 5..HELD + 5], 0..4),
        cuts in prop::collection::vec(prop_oneof![1_usize..20, 10_000_usize..90_000], 1..20),
        is_text in any::<bool>(),
    ) {
        let stream: Vec<u8> = sizes.iter().flat_map(|size| frame(&vec![9; *size])).collect();
        let mut pieces = Vec::new();
        let (mut rest, mut cut) = (&stream[..], cuts.iter().cycle());
        while !rest.is_empty() {
            let (head, tail) = rest.split_at(rest.len().min(*cut.next().unwrap()));
            pieces.push(data(head));
            rest = tail;
        }
        pieces.push(trailers("0"));
        let form = if is_text { Form::Text } else { Form::Binary };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let chunks: Vec<Bytes> = runtime.block_on(got(outbound(pieces, form))).into_iter().map(Result::unwrap).collect();
        let mut read = Vec::new();
        if is_text {
            let mut decoder = text::Decoder::default();
            for chunk in &chunks {
                read.extend_from_slice(&decoder.decode(chunk).unwrap());
            }
            decoder.finish().unwrap();
        } else {
            read = chunks.concat();
        }
        let mut map = HeaderMap::new();
        map.insert("grpc-status", HeaderValue::from_static("0"));
        let end = frames::trailers(map.iter());
        prop_assert_eq!(read, [&stream[..], &end[..]].concat());
    }

    /// Where small messages break off, what came before is whole and a status follows.
    #[test]
    fn any_break_leaves_whole_messages(count in 1_usize..5, at in 0_usize..60, cut in 1_usize..9) {
        let stream = frame(b"a message").repeat(count);
        let at = at.min(stream.len());
        let mut pieces: Vec<_> = stream[..at].chunks(cut).map(data).collect();
        pieces.push(Err(Status::unavailable("lost")));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let chunks: Vec<Bytes> =
            runtime.block_on(got(outbound(pieces, Form::Binary))).into_iter().map(Result::unwrap).collect();
        let (last, messages) = chunks.split_last().unwrap();
        prop_assert!(status_frame(last).starts_with("grpc-status:14"));
        prop_assert_eq!(messages.concat().len(), at / 14 * 14);
    }
}
