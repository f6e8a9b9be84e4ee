//! Who is refused: on the wire by certificate, in the call by the list of who may call whom.

#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http_body_util::Full;
use hyper_util::rt::{TokioExecutor, TokioIo};
use lyceum::identity::SpiffeId;
use lyceum::identity::authority::Issued;
use lyceum::testing::probe::{Folder, Serving, configuration};
use lyceum::testing::wait_for;
use tokio::net::TcpStream;
use tonic::Code;

use crate::raw::{Raw, authority, framed, issue, operator};
use crate::scene::{Client, PROBE, Scene, client, get, reason, start, unannounced};

const GET: &str = "/lyceum.testing.v1.ProbeService/GetProbe";

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_is_not_who_it_should_be_is_never_called() {
    let scene = Scene::start().await;
    // Another authority's "testing", announced as one; and our own "impostor" announced as "testing".
    let elsewhere = Folder::new();
    let foreign = Serving::start(&start(configuration(&elsewhere, &scene.consul.address()), PROBE)).await;
    let impostor = Serving::start(&scene.fabric("impostor")).await;
    let _announced = scene.announce(PROBE, impostor.address).await;
    let caller = scene.caller();
    let channel = caller.channel(PROBE).unwrap();
    wait_for("both in Consul", || async { channel.report().len() == 2 }).await;
    let alone: Client = caller.client();
    for _ in 0..5 {
        let refused = get(&alone).await.unwrap_err();
        assert_eq!(
            (refused.code(), reason(&refused).as_str()),
            (Code::Unavailable, "CERTIFICATE_REFUSED")
        );
    }

    // Among honest ones they are not called either, and cost no call.
    let honest = Serving::start(&scene.fabric(PROBE)).await;
    let client = client(&caller, 1).await;
    for _ in 0..50 {
        assert_eq!(get(&client).await.unwrap().instance, honest.id);
    }
    assert_eq!((foreign.recorded(), impostor.recorded()), (0, 0));
    for instance in channel.report() {
        assert_eq!(instance.connected, instance.id == honest.id, "{instance:?}");
        assert!(instance.calls == 0 || instance.id == honest.id, "{instance:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_without_a_good_certificate_gets_no_answer() {
    let folder = Folder::new();
    let serving = Serving::start(&start(unannounced(&folder), PROBE)).await;
    let roots = authority(&folder).roots_path();
    let ada = SpiffeId::operator("lyceum.internal", "ada").unwrap();
    let expired = issue(&folder, &ada, Duration::ZERO);
    let refused = async |identity: Option<Issued>| match Raw::connect(serving.address, &roots, identity.as_ref()).await
    {
        // The client's side of the handshake ends before the server has looked at the certificate.
        Ok(raw) => raw.call(GET, &[], framed(&[])).await.is_err(),
        Err(_) => true,
    };

    assert!(!refused(Some(operator(&folder))).await, "a good certificate is let in");
    assert!(refused(None).await, "no certificate");
    // The second in which it ends still counts as valid.
    let end = SystemTime::now() + Duration::from_secs(1);
    wait_for("the certificate's end", || async { SystemTime::now() > end }).await;
    assert!(refused(Some(expired)).await, "expired");
    let domain = SpiffeId::service("other.example", "dc1", "caller").unwrap();
    let issued = issue(&folder, &domain, Duration::from_secs(600));
    assert!(
        refused(Some(issued)).await,
        "another trust domain, though the authority signed it"
    );
    let elsewhere = Folder::new();
    assert!(refused(Some(operator(&elsewhere))).await, "another authority");
}

#[tokio::test(flavor = "multi_thread")]
async fn plaintext_is_refused() {
    let folder = Folder::new();
    // No Consul: nothing here needs one.
    let serving = Serving::start(&start(unannounced(&folder), PROBE)).await;
    let stream = TcpStream::connect(serving.address).await.unwrap();
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
    let answered = match handshake {
        Ok((mut sender, connection)) => {
            tokio::spawn(connection);
            let request = http::Request::post(format!("http://localhost{GET}"))
                .body(Full::<Bytes>::default())
                .unwrap();
            sender.send_request(request).await.is_ok()
        }
        Err(_) => false,
    };
    assert!(!answered);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_is_not_on_the_list_is_told_so() {
    let scene = Scene::start().await;
    let mut listed = scene.configuration();
    listed.authorization.allow = vec!["friend -> testing".to_owned(), "stranger -> other".to_owned()];
    let serving = Serving::start(&start(listed, PROBE)).await;
    let friend = scene.fabric("friend");
    assert!(get(&client(&friend, 1).await).await.is_ok());
    let stranger = scene.fabric("stranger");
    let refused = get(&client(&stranger, 1).await).await.unwrap_err();
    assert_eq!(
        (refused.code(), reason(&refused).as_str()),
        (Code::PermissionDenied, "CALLER_NOT_ALLOWED")
    );
    assert!(refused.message().contains("/svc/stranger"), "{refused:?}");

    // Operators are not on it either: neither health nor metrics for them.
    let operator = Raw::operator(&scene.folder, serving.address).await;
    let (_, status) = operator
        .call("/grpc.health.v1.Health/Check", &[], framed(&[]))
        .await
        .unwrap();
    assert_eq!(status.code(), Code::PermissionDenied);
    let metrics = operator
        .send(http::Method::GET, "/metrics", &[], Bytes::new())
        .await
        .unwrap();
    assert_eq!(metrics.status(), http::StatusCode::FORBIDDEN);
    assert!(metrics.body().0.is_empty());
}
