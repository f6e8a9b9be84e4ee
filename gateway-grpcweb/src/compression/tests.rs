use std::collections::VecDeque;

use proptest::prelude::*;

use super::*;

const CODINGS: [Coding; 3] = [Coding::Zstd, Coding::Brotli, Coding::Gzip];

/// A body in pieces, which waits where a piece is none.
struct Pieces(VecDeque<Option<Result<Frame<Bytes>, Torn>>>);

impl Body for Pieces {
    type Data = Bytes;
    type Error = Torn;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Torn>>> {
        match self.0.pop_front() {
            Some(Some(piece)) => Poll::Ready(Some(piece)),
            Some(None) => Poll::Pending,
            None => Poll::Ready(None),
        }
    }
}

fn data(bytes: &[u8]) -> Option<Result<Frame<Bytes>, Torn>> {
    Some(Ok(Frame::data(Bytes::copy_from_slice(bytes))))
}

fn compression() -> Compression {
    Compression::new(true, 1024, 2)
}

type Answer = Reply<tonic::body::Body>;

fn answer(content_type: &'static str, pieces: Vec<Option<Result<Frame<Bytes>, Torn>>>) -> Response<Answer> {
    let mut response = Response::new(Reply::Stream(Box::pin(Pieces(pieces.into()))));
    let kind = HeaderValue::from_static(content_type);
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

async fn next(body: &mut Coded<Answer>) -> Poll<Option<Result<Frame<Bytes>, Torn>>> {
    std::future::poll_fn(|context| Poll::Ready(Pin::new(&mut *body).poll_frame(context))).await
}

fn decode(coding: Coding, limit: usize, chunks: &[&[u8]]) -> Result<Vec<u8>, Error> {
    let mut decoder = Decoder::try_new(coding, limit).unwrap();
    let mut bytes = Vec::new();
    for chunk in chunks {
        bytes.extend_from_slice(&decoder.decode(chunk)?);
    }
    bytes.extend_from_slice(&decoder.finish()?);
    Ok(bytes)
}

fn encode(coding: Coding, bytes: &[u8]) -> Bytes {
    let mut encoder = Encoder::try_new(coding).unwrap();
    encoder.write(bytes).unwrap();
    encoder.finish().unwrap()
}

#[tokio::test]
async fn a_message_never_waits_for_the_next() {
    for coding in CODINGS {
        let pieces = vec![
            data(b"one essay "),
            data(b"and another"),
            None,
            data(b"a third"),
            None,
            data(b"!"),
        ];
        let response = compression().answer(Some(coding), answer("application/grpc-web+proto", pieces));
        assert_eq!(response.headers()[CONTENT_ENCODING], coding.name());
        assert_eq!(response.headers()[VARY], "accept-encoding");
        let mut body = response.into_body();
        let mut decoder = Decoder::try_new(coding, 1000).unwrap();
        let mut seen = Vec::new();
        for expected in ["one essay and another", "one essay and anothera third"] {
            let Poll::Ready(Some(Ok(frame))) = next(&mut body).await else {
                panic!("{coding:?} holds a message back");
            };
            seen.extend_from_slice(&decoder.decode(frame.data_ref().unwrap()).unwrap());
            assert_eq!(seen, expected.as_bytes(), "{coding:?}");
        }
        while let Poll::Ready(Some(Ok(frame))) = next(&mut body).await {
            seen.extend_from_slice(&decoder.decode(frame.data_ref().unwrap()).unwrap());
        }
        seen.extend_from_slice(&decoder.finish().unwrap());
        assert_eq!(seen, b"one essay and anothera third!");
        assert!(body.is_end_stream());
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_breaks_off_after_what_had_come() {
    let pieces = vec![data(b"half of an essay"), Some(Err(Torn))];
    let mut body = compression()
        .answer(Some(Coding::Gzip), answer("application/grpc-web", pieces))
        .into_body();
    assert!(matches!(next(&mut body).await, Poll::Ready(Some(Ok(_)))));
    assert!(matches!(next(&mut body).await, Poll::Ready(Some(Err(Torn)))));
    assert!(matches!(next(&mut body).await, Poll::Ready(None)));
}

#[tokio::test]
async fn trailers_stay_trailers() {
    let mut trailers = HeaderMap::new();
    trailers.insert("x-end", HeaderValue::from_static("done"));
    let pieces = vec![data(b"essay"), Some(Ok(Frame::trailers(trailers.clone())))];
    let mut body = compression()
        .answer(Some(Coding::Zstd), answer("text/plain", pieces))
        .into_body();
    let Poll::Ready(Some(Ok(frame))) = next(&mut body).await else {
        panic!()
    };
    let bytes = frame.into_data().unwrap();
    assert_eq!(decode(Coding::Zstd, 100, &[&bytes]).unwrap(), b"essay");
    let Poll::Ready(Some(Ok(frame))) = next(&mut body).await else {
        panic!()
    };
    assert_eq!(frame.into_trailers().unwrap(), trailers);
    assert!(body.is_end_stream());
}

#[test]
fn what_brings_nothing_stays_as_it_is() {
    let plain = |compression: &Compression, response: Response<Answer>| {
        let response = compression.answer(Some(Coding::Gzip), response);
        assert!(
            !response.headers().contains_key(CONTENT_ENCODING),
            "{:?}",
            response.headers()
        );
        matches!(response.body(), Coded::Plain(_))
    };
    for kind in [
        "application/grpc",
        "application/grpc+proto",
        "image/png",
        "font/woff2",
        "application/octet-stream",
    ] {
        assert!(plain(&compression(), answer(kind, vec![])), "{kind}");
    }
    for (name, value) in [
        ("content-encoding", "br"),
        ("grpc-encoding", "gzip"),
        ("cache-control", "public, No-Transform"),
    ] {
        let mut response = answer("text/html; charset=utf-8", vec![]);
        response.headers_mut().insert(name, HeaderValue::from_static(value));
        let answered = compression().answer(Some(Coding::Zstd), response);
        assert!(matches!(answered.body(), Coded::Plain(_)), "{name}");
    }
    let mut response = answer("text/html", vec![]);
    *response.status_mut() = StatusCode::NOT_MODIFIED;
    assert!(plain(&compression(), response));
    let mut headers = HeaderMap::new();
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    assert_eq!(Compression::new(false, 0, 9).wanted(&headers), None);
    assert_eq!(compression().wanted(&headers), Some(Coding::Gzip));
}

#[test]
fn a_small_whole_answer_stays_as_it_is() {
    let whole = |size: usize| {
        let mut response = Response::new(Answer::Whole(vec![b'a'; size].into()));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(ETAG, HeaderValue::from_static("\"7\""));
        compression().answer(Some(Coding::Brotli), response)
    };
    assert!(matches!(whole(1023).body(), Coded::Plain(_)));
    let large = whole(1024);
    assert_eq!(large.headers()[ETAG], "W/\"7\"");
    assert!(matches!(large.body(), Coded::Compressed(_)));
}

#[test]
fn only_so_many_streams_have_a_compressor() {
    let compression = compression();
    let stream = || compression.answer(Some(Coding::Zstd), answer("text/event-stream", vec![None]));
    let (first, second, third) = (stream(), stream(), stream());
    assert!(matches!(first.body(), Coded::Compressed(_)));
    assert!(matches!(second.body(), Coded::Compressed(_)));
    assert!(matches!(third.body(), Coded::Plain(_)));
    drop(first);
    assert!(matches!(stream().body(), Coded::Compressed(_)));
}

#[test]
fn a_bomb_stops_at_the_limit() {
    let zeros = vec![0; 50 * 1024 * 1024];
    for coding in CODINGS {
        let bomb = encode(coding, &zeros);
        assert!(bomb.len() < zeros.len() / 500, "{coding:?} {}", bomb.len());
        assert_eq!(
            decode(coding, 100_000, &[&bomb]),
            Err(Error::TooLarge(100_000)),
            "{coding:?}"
        );
    }
    // A frame that wants a window of 1 GiB before it says anything.
    let greedy = [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa0, 0x01, 0x00, 0x00];
    assert_eq!(decode(Coding::Zstd, 100_000, &[&greedy]), Err(Error::Broken));
}

#[test]
fn what_is_broken_is_said() {
    for coding in CODINGS {
        let whole = encode(coding, b"an essay about the sea, the sea and the sea");
        assert_eq!(
            decode(coding, 1000, &[&whole[..whole.len() - 4]]),
            Err(Error::Broken),
            "{coding:?} cut"
        );
        assert_eq!(
            decode(coding, 1000, &[b"{\"text\": \"not compressed at all\"}"]),
            Err(Error::Broken),
            "{coding:?}"
        );
        assert_eq!(decode(coding, 1000, &[]), Err(Error::Broken), "{coding:?} empty");
    }
}

proptest! {
    /// However it is cut, what goes in comes out, and never more than the limit.
    #[test]
    fn any_cut_is_decoded(
        text in prop::collection::vec(prop::sample::select(b"abc ".to_vec()), 0..5000),
        cut in 1_usize..700,
        limit in 1_usize..6000,
        at in 0_usize..3,
    ) {
        let coding = CODINGS[at];
        let sent = encode(coding, &text);
        let chunks: Vec<&[u8]> = sent.chunks(cut).collect();
        let expected = if text.len() <= limit { Ok(text) } else { Err(Error::TooLarge(limit)) };
        prop_assert_eq!(decode(coding, limit, &chunks), expected);
    }

    /// Garbage is an error or some bytes, but never a panic.
    #[test]
    fn garbage_never_panics(bytes in prop::collection::vec(any::<u8>(), 0..300), at in 0_usize..3) {
        let _ = decode(CODINGS[at], 1000, &[&bytes]);
    }
}
