//! Streams: both ways at once, cancelled by the caller, ended by the callee, slowed by a slow reader.

#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use lyceum::client::Answered;
use lyceum::contracts::testing::v1::{ExchangeProbeRequest, WatchProbeRequest};
use lyceum::testing::probe::Serving;
use lyceum::testing::proxy::Direction;
use lyceum::testing::wait_for;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Code;

use crate::faults::stage::Stage;
use crate::scene::{PROBE, Scene, client, get, reason};

#[tokio::test(flavor = "multi_thread")]
async fn an_exchange_goes_both_ways_at_once() {
    let scene = Scene::start().await;
    let serving = Serving::start(&scene.fabric(PROBE)).await;
    let mut client = client(&scene.caller(), 1).await;
    let (sender, receiver) = mpsc::channel(1);
    let response = client.exchange_probe(ReceiverStream::new(receiver)).await.unwrap();
    assert_eq!(&*response.extensions().get::<Answered>().unwrap().instance, serving.id);
    let mut answers = response.into_inner();
    // Each answer is awaited before the next is sent: nothing waits for the stream to be whole.
    for number in 0..20_u8 {
        let payload = bytes::Bytes::from(vec![number; 1000 * usize::from(number)]);
        sender
            .send(ExchangeProbeRequest {
                payload: payload.clone(),
            })
            .await
            .unwrap();
        assert_eq!(answers.message().await.unwrap().unwrap().payload, payload);
    }
    drop(sender);
    assert!(answers.message().await.unwrap().is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_leaves_a_stream_ends_it_on_the_other_side() {
    let scene = Scene::start().await;
    let serving = Serving::start(&scene.fabric(PROBE)).await;
    let caller = scene.caller();
    let mut client = client(&caller, 1).await;
    let endless = WatchProbeRequest {
        interval_milliseconds: 1,
        payload_bytes: 1000,
        ..WatchProbeRequest::default()
    };
    for left in 1..=3 {
        let mut stream = client.watch_probe(endless).await.unwrap().into_inner();
        for sequence in 0..10 {
            assert_eq!(stream.message().await.unwrap().unwrap().sequence, sequence);
        }
        drop(stream);
        wait_for("the handler's end", || async { serving.abandoned() == left }).await;
    }
    let report = caller.channel(PROBE).unwrap().report();
    assert_eq!(
        (report[0].in_flight, report[0].errors),
        (0, 0),
        "leaving is nobody's fault"
    );
    assert!(get(&client).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_keeps_its_order_and_its_end() {
    let scene = Scene::start().await;
    let _serving = Serving::start(&scene.fabric(PROBE)).await;
    let mut client = client(&scene.caller(), 1).await;
    let mut count = async |request: WatchProbeRequest| {
        let mut stream = client.watch_probe(request).await.unwrap().into_inner();
        let mut seen = 0;
        loop {
            match stream.message().await {
                Ok(Some(message)) => {
                    assert_eq!(message.sequence, seen);
                    assert_eq!(message.payload.len(), request.payload_bytes as usize);
                    seen += 1;
                }
                Ok(None) => return (seen, None),
                Err(status) => return (seen, Some(status)),
            }
        }
    };
    // Far more than the windows of flow control hold.
    let (seen, end) = count(WatchProbeRequest {
        count: 100,
        payload_bytes: 256 * 1024,
        ..WatchProbeRequest::default()
    })
    .await;
    assert!(seen == 100 && end.is_none(), "{seen} {end:?}");
    let (seen, end) = count(WatchProbeRequest {
        count: 5,
        fail_with: 9,
        ..WatchProbeRequest::default()
    })
    .await;
    let end = end.unwrap();
    assert_eq!(
        (seen, end.code(), reason(&end).as_str()),
        (5, Code::FailedPrecondition, "PROBE_TOLD_TO_FAIL")
    );
    assert_eq!(
        count(WatchProbeRequest {
            count: 1,
            payload_bytes: 1 << 20,
            ..WatchProbeRequest::default()
        })
        .await
        .0,
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_that_nobody_reads_do_not_end_the_connection_for_others() {
    const STREAMS: u64 = 10;
    const EACH: u64 = 1500;
    let stage = Stage::of(1).await;
    let proxy = &stage.placed[0].proxy;
    let request = WatchProbeRequest {
        interval_milliseconds: 1,
        ..WatchProbeRequest::default()
    };
    let mut streams = Vec::new();
    for _ in 0..STREAMS {
        streams.push(stage.client.clone().watch_probe(request).await.unwrap().into_inner());
    }
    // A message takes some thirty bytes and a header of nine.
    wait_for("many small messages to lie unread", || async {
        get(&stage.client).await.unwrap();
        proxy.bytes(Direction::Down) > STREAMS * EACH * 40
    })
    .await;
    for stream in &mut streams {
        for sequence in 0..EACH {
            assert_eq!(stream.message().await.unwrap().unwrap().sequence, sequence);
        }
    }
    assert_eq!(proxy.accepted(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_that_nobody_reads_do_not_stop_other_calls() {
    const STREAMS: u64 = 40;
    let stage = Stage::of(1).await;
    let proxy = &stage.placed[0].proxy;
    let request = WatchProbeRequest {
        payload_bytes: 10_000,
        ..WatchProbeRequest::default()
    };
    let mut streams = Vec::new();
    for _ in 0..STREAMS {
        streams.push(stage.client.clone().watch_probe(request).await.unwrap().into_inner());
    }
    for unread in [4_000_000, STREAMS * 240_000] {
        wait_for("answers to lie unread", || async {
            proxy.bytes(Direction::Down) > unread
        })
        .await;
        for _ in 0..50 {
            get(&stage.client).await.unwrap();
        }
    }
    assert_eq!(proxy.accepted(), 1);
}
