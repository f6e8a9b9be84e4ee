//! Calls that cannot be answered: each failure has its code and reason, comes soon, and breaks nothing else.

#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body::Frame;
use http_body_util::StreamBody;
use lyceum::contracts::MESSAGE_LIMIT;
use lyceum::contracts::testing::v1::{GetProbeRequest, RecordProbeRequest, WatchProbeRequest};
use lyceum::serving::Server;
use lyceum::testing::probe::Serving;
use tokio::net::TcpListener;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::body::Body;
use tonic::{Code, Status};
use tonic_types::StatusExt as _;
use tower::Service as _;

use crate::raw::{Raw, framed};
use crate::scene::{Client, PROBE, Scene, client, get, reason, start};

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_method_is_unimplemented() {
    let scene = Scene::start().await;
    let serving = Serving::start(&scene.fabric(PROBE)).await;
    let raw = Raw::operator(&scene.folder, serving.address).await;
    let caller = scene.caller();
    client(&caller, 1).await;
    for path in [
        "/lyceum.testing.v1.ProbeService/Nope",
        "/lyceum.nobody.v1.NobodyService/Get",
        "/",
    ] {
        let (_, status) = raw.call(path, &[], framed(&[])).await.unwrap();
        assert_eq!(status.code(), Code::Unimplemented, "{path}");
        // Through a channel, as the gateway calls what it does not know.
        let request = Request::post(path)
            .header("content-type", "application/grpc")
            .body(Body::new(http_body_util::Full::new(Bytes::from(framed(&[])))))
            .unwrap();
        let response = caller.channel(PROBE).unwrap().call(request).await.unwrap();
        let status = Status::from_header_map(response.headers()).unwrap();
        assert_eq!(status.code(), Code::Unimplemented, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_without_instances_says_so_at_once() {
    let scene = Scene::start().await;
    let caller = scene.caller();
    let mut client: Client = caller.client();
    let begun = Instant::now();
    let status = get(&client).await.unwrap_err();
    let took = begun.elapsed();
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::Unavailable, "NO_INSTANCES")
    );
    assert_eq!(status.get_details_error_info().unwrap().metadata["service"], PROBE);
    assert!(status.get_details_retry_info().unwrap().retry_delay.unwrap() > Duration::ZERO);
    assert!(took < Duration::from_secs(2), "{took:?}");
    let status = client.record_probe(RecordProbeRequest::default()).await.unwrap_err();
    assert_eq!(reason(&status), "NO_INSTANCES");
    let status = client.watch_probe(WatchProbeRequest::default()).await.unwrap_err();
    assert_eq!(reason(&status), "NO_INSTANCES");
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_that_cannot_be_reached_are_told_from_none() {
    let scene = Scene::start().await;
    // A port that nobody listens on any more.
    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    // And one that accepts and then never says a word.
    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let _announced = [
        scene.announce(PROBE, gone).await,
        scene.announce(PROBE, silent.local_addr().unwrap()).await,
    ];
    let mut settings = scene.configuration();
    settings.client.connect = Duration::from_millis(300);
    let client: Client = start(settings, "caller").client();
    let begun = Instant::now();
    let status = get(&client).await.unwrap_err();
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::Unavailable, "INSTANCES_UNREACHABLE")
    );
    assert!(status.get_details_retry_info().is_some());
    assert!(begun.elapsed() < Duration::from_secs(3), "{:?}", begun.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_may_be_repeated_is_tried_again_and_only_where_that_can_help() {
    let scene = Scene::start().await;
    let fabric = scene.fabric(PROBE);
    let _servings = [
        Serving::start(&fabric).await,
        Serving::start(&fabric).await,
        Serving::start(&fabric).await,
    ];
    let caller = scene.caller();
    let mut client = client(&caller, 3).await;
    let channel = caller.channel(PROBE).unwrap();
    let calls = || {
        channel
            .report()
            .into_iter()
            .map(|one| (one.id, one.calls))
            .collect::<BTreeMap<_, _>>()
    };
    for (code, attempts) in [
        (Code::Unavailable, 3),
        (Code::Internal, 1),
        (Code::Aborted, 1),
        (Code::NotFound, 1),
    ] {
        let before = calls();
        let request = GetProbeRequest {
            fail_with: code as u32,
            ..GetProbeRequest::default()
        };
        let status = client.get_probe(request).await.unwrap_err();
        assert_eq!((status.code(), reason(&status).as_str()), (code, "PROBE_TOLD_TO_FAIL"));
        let tried = calls().iter().filter(|(id, calls)| **calls == before[*id] + 1).count();
        assert_eq!(tried, attempts, "{code:?}: each attempt on an instance of its own");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_handler_that_misbehaves_spoils_its_own_call_alone() {
    let scene = Scene::start().await;
    let fabric = scene.fabric(PROBE);
    let over = CancellationToken::new();
    let bound = Server::new(&fabric)
        .add(Broken { over: over.clone() })
        .bind()
        .await
        .unwrap();
    let serving = tokio::spawn(bound.serve(std::future::pending()));
    let caller = scene.caller();
    let mut client = client(&caller, 1).await;
    // A stream on the same connection, which must outlive the others' mistakes.
    let mut healthy = client
        .watch_probe(WatchProbeRequest {
            count: 1,
            ..WatchProbeRequest::default()
        })
        .await
        .unwrap()
        .into_inner();

    let status = get(&client).await.unwrap_err();
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::Internal, "INTERNAL"),
        "a panic"
    );
    assert!(
        !status.message().contains("student"),
        "the panic's text stays inside: {status:?}"
    );

    let status = client.record_probe(RecordProbeRequest::default()).await.unwrap_err();
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::ResourceExhausted, "MESSAGE_TOO_LARGE"),
        "too large an answer"
    );

    let mut stream = client
        .watch_probe(WatchProbeRequest::default())
        .await
        .unwrap()
        .into_inner();
    let status = loop {
        match stream.message().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("a stream that panicked ended as if it were whole"),
            Err(status) => break status,
        }
    };
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::Internal, "INTERNAL"),
        "a stream's panic"
    );

    over.cancel();
    assert!(healthy.message().await.unwrap().is_some());
    assert!(healthy.message().await.unwrap().is_none(), "the connection goes on");
    serving.abort();
}

/// A probe whose methods all go wrong, each in another way; a `WatchProbe` that asks for one message gets it, when all else is over.
#[derive(Clone)]
struct Broken {
    over: CancellationToken,
}

impl tonic::server::NamedService for Broken {
    const NAME: &'static str = "lyceum.testing.v1.ProbeService";
}

impl tower::Service<Request<Body>> for Broken {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let over = self.over.clone();
        Box::pin(async move {
            let path = request.uri().path().to_owned();
            let asked = http_body_util::BodyExt::collect(request.into_body())
                .await
                .unwrap()
                .to_bytes();
            let frames: Pin<Box<dyn futures_core::Stream<Item = Result<Frame<Bytes>, Status>> + Send>> =
                match path.rsplit('/').next().unwrap_or_default() {
                    "GetProbe" => panic!("a mistake with a student's text in it"),
                    "RecordProbe" => {
                        let piece = Bytes::from(vec![0; 1024 * 1024]);
                        let pieces = MESSAGE_LIMIT / piece.len() + 1;
                        futures_util::stream::iter((0..pieces).map(move |_| Ok(Frame::data(piece.clone())))).boxed()
                    }
                    _ if asked.len() > 5 => {
                        let frames = || [Frame::data(Bytes::from(framed(&[]))), Frame::trailers(fine())];
                        futures_util::stream::once(over.cancelled_owned())
                            .flat_map(move |()| futures_util::stream::iter(frames().map(Ok)))
                            .boxed()
                    }
                    _ => futures_util::stream::iter(0..2)
                        .map(|number| {
                            assert_eq!(number, 0, "a stream's mistake");
                            Ok(Frame::data(Bytes::from(framed(&[]))))
                        })
                        .boxed(),
                };
            let mut response = Response::new(Body::new(StreamBody::new(frames)));
            let grpc = HeaderValue::from_static("application/grpc");
            response.headers_mut().insert("content-type", grpc);
            Ok(response)
        })
    }
}

fn fine() -> HeaderMap {
    HeaderMap::from_iter([(
        http::HeaderName::from_static("grpc-status"),
        HeaderValue::from_static("0"),
    )])
}
