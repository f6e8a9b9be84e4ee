use std::collections::VecDeque;
use std::convert::Infallible;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use tokio::sync::mpsc;

use super::*;

const LIMITS: Limits = Limits {
    message: 100,
    bytes: 100,
    idle: Duration::from_secs(5),
};

/// A body in chunks; what is left of it when it is dropped can be counted.
struct Chunks {
    chunks: VecDeque<Bytes>,
    taken: mpsc::UnboundedSender<usize>,
    stalls: bool,
}

impl Body for Chunks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.chunks.pop_front() {
            Some(chunk) => {
                let _ = self.taken.send(chunk.len());
                Poll::Ready(Some(Ok(Frame::data(chunk))))
            }
            None if self.stalls => Poll::Pending,
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.chunks.is_empty() && !self.stalls
    }
}

fn chunks(chunks: &[&[u8]]) -> (Chunks, mpsc::UnboundedReceiver<usize>) {
    let (taken, seen) = mpsc::unbounded_channel();
    let chunks = chunks.iter().map(|chunk| Bytes::copy_from_slice(chunk)).collect();
    (
        Chunks {
            chunks,
            taken,
            stalls: false,
        },
        seen,
    )
}

fn frame(message: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0];
    bytes.extend_from_slice(&u32::try_from(message.len()).unwrap().to_be_bytes());
    bytes.extend_from_slice(message);
    bytes
}

async fn read(form: Form, body: &[&[u8]]) -> Result<Bytes, Error> {
    Inbound::new(chunks(body).0, form, LIMITS, false).whole().await
}

#[tokio::test]
async fn a_binary_body_passes_as_it_is() {
    let message = frame(b"essay");
    assert_eq!(read(Form::Binary, &[&message]).await.unwrap(), message);
    assert_eq!(
        read(Form::Binary, &[&message[..3], &message[3..4], &message[4..]])
            .await
            .unwrap(),
        message
    );
    assert_eq!(read(Form::Binary, &[]).await.unwrap(), "");
    let largest = frame(&[7; 100]);
    assert_eq!(read(Form::Binary, &[&largest]).await.unwrap(), largest);
}

#[tokio::test]
async fn a_text_body_becomes_binary() {
    let message = frame(b"essay");
    let text = STANDARD.encode(&message);
    assert_eq!(read(Form::Text, &[text.as_bytes()]).await.unwrap(), message);
    assert_eq!(
        read(Form::Text, &[&text.as_bytes()[..5], &text.as_bytes()[5..]])
            .await
            .unwrap(),
        message
    );
}

#[tokio::test]
async fn what_is_wrong_with_a_body_is_said() {
    let whole = frame(b"essay");
    assert_eq!(read(Form::Binary, &[&whole[..8]]).await, Err(Error::Truncated));
    assert_eq!(
        read(Form::Binary, &[b"{\"text\""]).await,
        Err(Error::Frame(frames::Error::Flag(b'{')))
    );
    assert_eq!(read(Form::Text, &[b"AAAA*AAA"]).await, Err(Error::Text(text::Error)));
    assert_eq!(read(Form::Text, &[b"AAAAA"]).await, Err(Error::Text(text::Error)));
    let too_large = frames::Error::TooLarge {
        length: 101,
        limit: 100,
    };
    assert_eq!(
        read(Form::Binary, &[&frame(&[0; 101])[..5]]).await,
        Err(Error::Frame(too_large))
    );
    let many: Vec<u8> = frame(&[0; 60]).repeat(2);
    assert_eq!(read(Form::Binary, &[&many]).await, Err(Error::TooLarge(100)));
}

#[test]
fn every_error_has_a_reason_of_its_own() {
    let frame_too_large = frames::Error::TooLarge { length: 2, limit: 1 };
    let errors = [
        (Error::TooLarge(1), Code::ResourceExhausted, "BODY_TOO_LARGE"),
        (
            Error::Frame(frame_too_large),
            Code::ResourceExhausted,
            "MESSAGE_TOO_LARGE",
        ),
        (
            Error::Frame(frames::Error::Flag(2)),
            Code::InvalidArgument,
            "BODY_NOT_GRPC_WEB",
        ),
        (Error::Text(text::Error), Code::InvalidArgument, "BODY_NOT_BASE64"),
        (
            Error::Coding(compression::Error::TooLarge(1)),
            Code::ResourceExhausted,
            "BODY_TOO_LARGE",
        ),
        (
            Error::Coding(compression::Error::Broken),
            Code::InvalidArgument,
            "BODY_NOT_ENCODED",
        ),
        (Error::Truncated, Code::InvalidArgument, "BODY_TRUNCATED"),
        (Error::Stalled(Duration::ZERO), Code::DeadlineExceeded, "BODY_STALLED"),
        (Error::Lost, Code::Cancelled, "BODY_LOST"),
    ];
    for (error, code, reason) in errors {
        let refusal = Refusal::from(error);
        assert_eq!((refusal.code(), refusal.reason()), (code, reason));
    }
}

#[tokio::test(start_paused = true)]
async fn a_body_that_stops_coming_is_given_up() {
    let (mut body, _) = chunks(&[&frame(b"essay")[..6]]);
    body.stalls = true;
    let began = Instant::now();
    let mut inbound = Inbound::new(body, Form::Binary, LIMITS, false);
    assert_eq!(inbound.whole().await, Err(Error::Stalled(LIMITS.idle)));
    assert_eq!(began.elapsed(), LIMITS.idle);
}

#[tokio::test(start_paused = true)]
async fn a_native_body_may_pause_between_messages_and_have_many() {
    let most = frame(&[7; 100]);
    let pieces: Vec<&[u8]> = vec![&most; 5];
    assert_eq!(read(Form::Native, &pieces).await.unwrap(), most.repeat(5));
    let too_large = frames::Error::TooLarge {
        length: 101,
        limit: 100,
    };
    assert_eq!(
        read(Form::Native, &[&frame(&[0; 101])]).await,
        Err(Error::Frame(too_large))
    );

    for (sent, stalled) in [(&most[..], false), (&most[..50], true)] {
        let (mut body, _) = chunks(&[sent]);
        body.stalls = true;
        let mut inbound = Inbound::new(body, Form::Native, LIMITS, false);
        let ended = timeout(LIMITS.idle * 10, inbound.whole()).await;
        assert_eq!(ended.ok(), stalled.then_some(Err(Error::Stalled(LIMITS.idle))));
    }
}

#[tokio::test]
async fn a_compressed_body_is_decompressed_within_its_limit() {
    use std::io::Write as _;

    let gzip = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let read = async |form, sent: Vec<u8>| {
        let mut inbound = Inbound::new(chunks(&[&sent[..7], &sent[7..]]).0, form, LIMITS, false);
        inbound.decode(Coding::Gzip).unwrap();
        inbound.whole().await
    };
    let message = frame(b"an essay about the sea");
    assert_eq!(read(Form::Binary, gzip(&message)).await.unwrap(), message);
    let text = STANDARD.encode(&message);
    assert_eq!(read(Form::Text, gzip(text.as_bytes())).await.unwrap(), message);
    let too_large = Error::Coding(compression::Error::TooLarge(100));
    assert_eq!(read(Form::Binary, gzip(&[0; 1_000_000])).await, Err(too_large));
    assert_eq!(read(Form::Text, gzip(&[b'A'; 1_000_000])).await, Err(too_large));
    let broken = Error::Coding(compression::Error::Broken);
    assert_eq!(read(Form::Binary, message).await, Err(broken));
}

#[tokio::test]
async fn a_stream_leaves_its_fault() {
    let (mut stream, fault) = Inbound::new(chunks(&[&[0, 0, 0]]).0, Form::Binary, LIMITS, false).streamed();
    let mut next = async || std::future::poll_fn(|context| Pin::new(&mut stream).poll_frame(context)).await;
    assert!(next().await.unwrap().is_ok());
    assert!(fault.get().is_none());
    assert_eq!(next().await.unwrap().unwrap_err().code(), Code::InvalidArgument);
    assert!(next().await.is_none());
    assert_eq!(fault.get(), Some(&Refusal::from(Error::Truncated)));
}

#[tokio::test]
async fn a_body_that_nobody_wants_is_read_to_its_end() {
    let (body, mut seen) = chunks(&[&[1; 50], &[1; 50], &[1; 50]]);
    let mut inbound = Inbound::new(body, Form::Binary, LIMITS, false);
    assert!(inbound.whole().await.is_err());
    drop(inbound);
    let mut read = 0;
    while let Some(bytes) = seen.recv().await {
        read += bytes;
    }
    assert_eq!(read, 150);
}

#[tokio::test(start_paused = true)]
async fn but_not_for_ever() {
    let (body, mut seen) = chunks(&[&[0; 100][..]; 20]);
    drop(Inbound::new(body, Form::Binary, LIMITS, false));
    let mut read = 0;
    while let Some(bytes) = seen.recv().await {
        read += bytes;
    }
    assert_eq!(read, 500);

    let (mut body, mut seen) = chunks(&[]);
    body.stalls = true;
    drop(Inbound::new(body, Form::Binary, LIMITS, false));
    // Ends when the body is given up, or the test never does.
    assert!(seen.recv().await.is_none());
}

#[tokio::test]
async fn a_sender_that_waits_is_not_asked() {
    let (body, mut seen) = chunks(&[&[0; 50]]);
    drop(Inbound::new(body, Form::Binary, LIMITS, true));
    assert!(seen.recv().await.is_none());
}

proptest! {
    /// However messages are cut and encoded, the bytes that go upstream are those that were meant.
    #[test]
    fn any_cut_arrives(
        messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..20), 0..4),
        cuts in prop::collection::vec(1_usize..12, 1..30),
        is_text in any::<bool>(),
    ) {
        let frames: Vec<Vec<u8>> = messages.iter().map(|message| frame(message)).collect();
        let sent: Vec<u8> = if is_text {
            frames.iter().flat_map(|frame| STANDARD.encode(frame).into_bytes()).collect()
        } else {
            frames.concat()
        };
        let mut pieces = Vec::new();
        let (mut rest, mut cut) = (&sent[..], cuts.iter().cycle());
        while !rest.is_empty() {
            let (head, tail) = rest.split_at(rest.len().min(*cut.next().unwrap()));
            pieces.push(head);
            rest = tail;
        }
        let form = if is_text { Form::Text } else { Form::Binary };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        prop_assert_eq!(runtime.block_on(read(form, &pieces)).unwrap(), frames.concat());
    }
}
