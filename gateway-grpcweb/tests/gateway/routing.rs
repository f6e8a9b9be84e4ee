//! Routes come and go with the instances that announce them.

use lyceum::Fabric;
use lyceum::testing::probe::Serving;
use lyceum::testing::wait_for;

use crate::stage::Stage;

const GET: &str = "lyceum.testing.v1.ProbeService/GetProbe";
const ECHO: &str = "mirror.v1.MirrorService/Echo";

#[tokio::test(flavor = "multi_thread")]
async fn a_new_service_needs_no_new_gateway() {
    let mut stage = Stage::start_empty(|_| {}).await;
    let browser = stage.browser();
    wait_for("the gateway to hear from Consul", || async {
        browser.unary(GET, b"").await.reason() == "METHOD_UNKNOWN"
    })
    .await;
    assert_eq!(browser.unary(ECHO, b"").await.reason(), "METHOD_UNKNOWN");

    let probe = Serving::start(&Fabric::start(stage.configuration(), "testing").unwrap()).await;
    wait_for("the probe", || async {
        browser.unary(GET, b"").await.status() == Some(0)
    })
    .await;
    assert_eq!(browser.unary(ECHO, b"").await.reason(), "METHOD_UNKNOWN");
    stage.serve_mirror().await;
    wait_for("the mirror", || async {
        browser.unary(ECHO, b"").await.status() == Some(0)
    })
    .await;

    // Gone is not unknown.
    probe.stop().await;
    wait_for("the probe to be gone", || async {
        browser.unary(GET, b"").await.status() != Some(0)
    })
    .await;
    let answer = browser.unary(GET, b"").await;
    assert_eq!((answer.status(), answer.reason().as_str()), (Some(14), "NO_INSTANCES"));
    assert!(
        answer.error().unwrap().details().len() > 10,
        "it says when to try again"
    );
    let back = Serving::start(&Fabric::start(stage.configuration(), "testing").unwrap()).await;
    wait_for("the probe to be back", || async {
        browser.unary(GET, b"").await.status() == Some(0)
    })
    .await;
    back.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn consul_gone_changes_nothing_for_calls() {
    let mut stage = Stage::start().await;
    stage.consul.kill().await;
    for _ in 0..20 {
        assert_eq!(stage.browser().unary(GET, b"").await.status(), Some(0));
        assert_eq!(stage.browser().unary(ECHO, b"").await.status(), Some(0));
    }
    let answer = stage.browser().unary("no.such.Service/Method", b"").await;
    assert_eq!(answer.reason(), "METHOD_UNKNOWN");
}

#[tokio::test(flavor = "multi_thread")]
async fn before_consul_has_answered_nothing_is_unknown() {
    let stage =
        Stage::start_empty(|configuration| configuration.consul.address = "http://127.0.0.1:9".to_owned()).await;
    let answer = stage.browser().unary(GET, b"").await;
    assert_eq!((answer.http, answer.status()), (200, Some(14)));
    assert_eq!(answer.reason(), "GATEWAY_STARTING");
    let (status, _, body) = stage.browser().get("/gateway/health").await;
    assert_eq!(status, 503);
    assert!(String::from_utf8_lossy(&body).contains("not_serving"));
}
