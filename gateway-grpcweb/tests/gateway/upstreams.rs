//! A service outside the mesh, at an address that the configuration names.

use std::net::SocketAddr;

use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use lyceum::configuration::Upstream;
use lyceum::policy::Access;
use lyceum::testing::wait_for;
use tokio::net::TcpListener;
use tower::Service as _;

use crate::browser::Form;
use crate::browser::frame;
use crate::mirror::Mirror;
use crate::stage::Stage;

const HEADERS: &str = "mirror.v1.MirrorService/Headers";

/// A server without TLS and without Consul.
async fn outside() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let service = service_fn(|request: Request<Incoming>| Mirror.call(request.map(tonic::body::Body::new)));
            let connection = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
                .serve_connection(TokioIo::new(stream), service);
            tokio::spawn(connection);
        }
    });
    address
}

async fn stage(access: bool) -> Stage {
    let address = outside().await;
    Stage::start_empty(|configuration| {
        configuration.gateway.upstreams = vec![Upstream {
            name: "suite".to_owned(),
            address: format!("h2c://{address}"),
            services: vec!["mirror.v1.MirrorService".to_owned()],
            ..Upstream::default()
        }];
        let rules = &mut configuration.policy.edge.access;
        rules.clear();
        if access {
            let anyone = Access {
                anyone: true,
                ..Access::default()
            };
            rules.insert("mirror.v1.MirrorService/*".to_owned(), anyone);
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_leave_the_mesh_and_nothing_of_who_is_asking_does() {
    let stage = stage(true).await;
    let browser = stage.browser();
    wait_for("the service outside", || async { browser.answers(HEADERS).await }).await;
    let request = browser
        .call(HEADERS, Form::Binary)
        .header("x-mine", "1")
        .header("lyceum-consent", "processing")
        .header("lyceum-principal", "administrator")
        .body(frame(b""))
        .unwrap();
    let answer = browser.send(request).await;
    assert_eq!(answer.status(), Some(0));
    let seen = String::from_utf8(answer.messages[0].to_vec()).unwrap();
    assert!(seen.contains("x-mine: 1\n") && seen.contains("traceparent"), "{seen}");
    assert!(!seen.contains("lyceum-"), "{seen}");
    let answer = browser.unary("mirror.v1.MirrorService/Fail", b"").await;
    assert_eq!(
        (answer.status(), answer.headers["x-cost"].to_str().unwrap()),
        (Some(9), "3")
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_may_call_out_unless_a_rule_says_so() {
    let stage = stage(false).await;
    let browser = stage.browser();
    wait_for("a refusal", || async {
        let answer = browser.unary(HEADERS, b"").await;
        assert_ne!(answer.status(), Some(0));
        matches!(answer.status(), Some(7 | 16))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_of_the_mesh_is_never_replaced() {
    let mut stage = stage(true).await;
    let browser = stage.browser();
    wait_for("the service outside", || async { browser.answers(HEADERS).await }).await;
    stage.serve_mirror().await;
    wait_for("the mesh's own", || async {
        let answer = browser.unary(HEADERS, b"").await;
        let seen = String::from_utf8_lossy(&answer.messages[0]).into_owned();
        // Inside the mesh it is told who is asking.
        seen.contains("lyceum-principal")
    })
    .await;
}
