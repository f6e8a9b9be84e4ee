//! What crosses services by itself: deadline, trace, correlation id, principal, consent.

#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{self, Poll};
use std::time::Duration;

use lyceum::context::Context;
use lyceum::contracts::testing::v1::{GetProbeRequest, WatchProbeRequest};
use lyceum::principal::{Principal, Role};
use lyceum::privacy::Consent;
use lyceum::serving::Server;
use lyceum::testing::probe::{Folder, Serving};
use lyceum::testing::wait_for;
use tokio::time::Instant;
use tonic::body::Body;
use tonic::{Code, Request};

use crate::raw::{Raw, framed};
use crate::scene::{PROBE, Scene, client, get, reason, start, unannounced};

const GET: &str = "/lyceum.testing.v1.ProbeService/GetProbe";

#[tokio::test(flavor = "multi_thread")]
async fn the_context_crosses_two_services() {
    let scene = Scene::start().await;
    let _first = Serving::start(&scene.fabric(PROBE)).await;
    let second = Serving::start(&scene.fabric("other")).await;
    let caller = scene.caller();
    let client = client(&caller, 1).await;
    let forward = |delay_milliseconds| GetProbeRequest {
        delay_milliseconds,
        forward_to: "other".to_owned(),
        payload: "carried on".into(),
        ..GetProbeRequest::default()
    };
    let mut context = Context::fresh();
    context.correlation = "essay-42".to_owned();
    let student = Principal::try_new("student-7", Role::Student).unwrap();
    context.token = Some(scene.signer().sign(&student).unwrap());
    context.deadline = Some(Instant::now() + Duration::from_secs(5));
    let context = Arc::new(context);
    let reply = Arc::clone(&context)
        .scope(client.clone().get_probe(forward(300)))
        .await
        .unwrap()
        .into_inner();
    assert_eq!(reply.instance, second.id);
    assert!(
        reply.caller.ends_with("/svc/testing"),
        "the second sees the first: {}",
        reply.caller
    );
    assert_eq!(&reply.payload[..], b"carried on");
    assert_eq!(reply.trace_id, context.trace.trace_id_hex());
    assert_eq!(reply.correlation_id, "essay-42");
    assert_eq!(reply.principal, "student-7");
    let left = reply.deadline_remaining_milliseconds;
    assert!(
        (1..=4700).contains(&left),
        "300 ms of 5 s are gone at the second: {left}"
    );

    // Consent crosses too: the first lets it pass, the second's refusal comes back as it is.
    let mut refused = Context::fresh();
    refused.privacy.consent = Consent::None;
    let status = Arc::new(refused)
        .scope(client.clone().get_probe(forward(0)))
        .await
        .unwrap_err();
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::PermissionDenied, "CONSENT_REQUIRED")
    );

    // A call that no context surrounds gets a trace and a correlation id of its own.
    let one = get(&client).await.unwrap();
    let two = get(&client).await.unwrap();
    assert!(one.trace_id.len() == 32 && one.trace_id != two.trace_id, "{one:?}");
    assert!(!one.correlation_id.is_empty() && one.correlation_id != two.correlation_id);
    assert_eq!(one.principal, "caller", "a service acts for itself");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passed_deadline_ends_the_call_on_both_sides() {
    let scene = Scene::start().await;
    let callee = scene.fabric(PROBE);
    let serving = Serving::start(&callee).await;
    let caller = scene.caller();
    let client = client(&caller, 1).await;
    let slow = || GetProbeRequest {
        delay_milliseconds: 60_000,
        ..GetProbeRequest::default()
    };
    let mut request = Request::new(slow());
    request.set_timeout(Duration::from_millis(150));
    let begun = Instant::now();
    let status = client.clone().get_probe(request).await.unwrap_err();
    let took = begun.elapsed();
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::DeadlineExceeded, "DEADLINE_EXCEEDED")
    );
    assert!((150..1500).contains(&took.as_millis()), "{took:?}");
    wait_for("the handler to be dropped", || async { serving.abandoned() == 1 }).await;

    // The callee keeps the time itself, for callers that do not.
    let raw = Raw::operator(&scene.folder, serving.address).await;
    let message = prost::Message::encode_to_vec(&slow());
    let (_, status) = raw
        .call(GET, &[("grpc-timeout", "100m")], framed(&message))
        .await
        .unwrap();
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::DeadlineExceeded, "DEADLINE_EXCEEDED")
    );
    wait_for("that handler to be dropped", || async { serving.abandoned() == 2 }).await;

    // A stream ends at its deadline too.
    let mut request = Request::new(WatchProbeRequest {
        interval_milliseconds: 10,
        ..WatchProbeRequest::default()
    });
    request.set_timeout(Duration::from_millis(200));
    let mut stream = client.clone().watch_probe(request).await.unwrap().into_inner();
    let end = loop {
        match stream.message().await {
            Ok(Some(_)) => {}
            end => break end,
        }
    };
    assert_eq!(end.unwrap_err().code(), Code::DeadlineExceeded);
    wait_for("the stream to be dropped", || async { serving.abandoned() == 3 }).await;

    // A caller that leaves takes its call along.
    let mut leaving = client.clone();
    let call = tokio::spawn(async move { leaving.get_probe(slow()).await });
    let channel = caller.channel(PROBE).unwrap();
    let begun = "lyceum_rpc_server_in_flight{method=\"lyceum.testing.v1.ProbeService/GetProbe\"} 1\n";
    wait_for("the call to be under way", || async {
        callee.metrics().encode().contains(begun)
    })
    .await;
    call.abort();
    wait_for("the call to be given up", || async { serving.abandoned() == 4 }).await;
    assert!(get(&client).await.is_ok(), "the connection goes on");
    assert_eq!(channel.report()[0].in_flight, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_context_that_cannot_be_is_refused() {
    let folder = Folder::new();
    let serving = Serving::start(&start(unannounced(&folder), PROBE)).await;
    let raw = Raw::operator(&folder, serving.address).await;
    let call = async |headers: &[(&str, &str)]| {
        let (_, status) = raw.call(GET, headers, framed(&[])).await.unwrap();
        (status.code(), reason(&status))
    };
    let long = "x".repeat(129);
    for header in [
        ("grpc-timeout", "soon"),
        ("grpc-timeout", "1"),
        ("grpc-timeout", "123456789S"),
        ("grpc-timeout", "-1S"),
        ("x-correlation-id", ""),
        ("x-correlation-id", "two words"),
        ("x-correlation-id", long.as_str()),
        ("lyceum-student", "Ada Lovelace"),
        ("lyceum-consent", "maybe"),
        ("lyceum-purpose", "<b>"),
        ("lyceum-retention", "forever"),
        ("lyceum-retention", "99999999999"),
    ] {
        let refused = (Code::InvalidArgument, "CONTEXT_INVALID".to_owned());
        assert_eq!(call(&[header]).await, refused, "{header:?}");
    }
    assert_eq!(
        call(&[("lyceum-consent", "none")]).await,
        (Code::PermissionDenied, "CONSENT_REQUIRED".to_owned())
    );
    assert_eq!(call(&[("grpc-timeout", "0m")]).await.0, Code::DeadlineExceeded);
    for header in [
        ("lyceum-consent", "research"),
        ("grpc-timeout", "99999999H"),
        // Broken trace headers start a new trace, as their specification has it.
        ("traceparent", "00-zz-11-22"),
    ] {
        assert_eq!(call(&[header]).await.0, Code::Ok, "{header:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_end_crosses_two_services_be_it_by_deadline_or_by_leaving() {
    let scene = Scene::start().await;
    let first = Serving::start(&scene.fabric(PROBE)).await;
    let silent = Silent::default();
    let bound = Server::new(&scene.fabric("other"))
        .add(silent.clone())
        .bind()
        .await
        .unwrap();
    let second = tokio::spawn(bound.serve(std::future::pending()));
    let client = client(&scene.caller(), 1).await;
    let forward = || GetProbeRequest {
        forward_to: "other".to_owned(),
        ..GetProbeRequest::default()
    };
    // The second never answers; the first waits for it as long as its own caller does.
    let mut request = Request::new(forward());
    request.set_timeout(Duration::from_millis(500));
    let status = client.clone().get_probe(request).await.unwrap_err();
    assert_eq!(status.code(), Code::DeadlineExceeded);
    wait_for("the second's handler to be dropped", || async {
        silent.now() == (1, 1)
    })
    .await;

    let mut leaving = client.clone();
    let call = tokio::spawn(async move { leaving.get_probe(forward()).await });
    wait_for("the call to reach the second", || async { silent.now().0 == 2 }).await;
    call.abort();
    wait_for("that handler to be dropped", || async { silent.now() == (2, 2) }).await;
    assert!(get(&client).await.is_ok());
    second.abort();
    first.stop().await;
}

/// A probe that answers nothing, and counts the calls that came and those that were dropped.
#[derive(Clone, Default)]
struct Silent {
    came: Arc<AtomicU64>,
    left: Arc<AtomicU64>,
}

impl Silent {
    fn now(&self) -> (u64, u64) {
        (self.came.load(Ordering::SeqCst), self.left.load(Ordering::SeqCst))
    }
}

impl tonic::server::NamedService for Silent {
    const NAME: &'static str = "lyceum.testing.v1.ProbeService";
}

impl tower::Service<http::Request<Body>> for Silent {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut task::Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: http::Request<Body>) -> Self::Future {
        struct Leaving(Arc<AtomicU64>);
        impl Drop for Leaving {
            fn drop(&mut self) {
                self.0.fetch_add(1, Ordering::SeqCst);
            }
        }
        self.came.fetch_add(1, Ordering::SeqCst);
        let leaving = Leaving(Arc::clone(&self.left));
        Box::pin(async move {
            let _leaving = leaving;
            std::future::pending().await
        })
    }
}
