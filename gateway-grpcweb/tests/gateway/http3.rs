//! HTTP/3: the same calls over QUIC, with h3's own client; and what only QUIC lets strangers try.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Buf as _, Bytes, BytesMut};
use h3::client::SendRequest;
use h3_quinn::OpenStreams;
use http::{HeaderMap, Request};
use lyceum::configuration::{Configuration, TlsSource};
use lyceum::contracts::testing::v1::{GetProbeRequest, GetProbeResponse, WatchProbeRequest};
use lyceum::testing::wait_for;
use prost::Message as _;
use quinn::crypto::rustls::QuicClientConfig;
use tokio::time::{Instant, timeout};

use crate::browser::{Answer, FORMS, Form, frame, parse};
use crate::stage::Stage;
use crate::tls::{Client, issue};

const GET: &str = "lyceum.testing.v1.ProbeService/GetProbe";
const WATCH: &str = "lyceum.testing.v1.ProbeService/WatchProbe";

/// A browser over QUIC, with one connection.
struct Browser {
    requests: SendRequest<OpenStreams, Bytes>,
    connection: quinn::Connection,
    driver: tokio::task::JoinHandle<()>,
    _endpoint: quinn::Endpoint,
}

impl Drop for Browser {
    fn drop(&mut self) {
        self.driver.abort();
    }
}

fn http3(configuration: &mut Configuration) {
    configuration.gateway.tls.source = TlsSource::Development;
    configuration.gateway.http3 = true;
}

async fn endpoint(
    stage: &Stage,
    folder: &Path,
) -> Result<(quinn::Endpoint, quinn::Connection), quinn::ConnectionError> {
    let tls = Client::new(folder).alpn(b"h3").configuration();
    let quic = QuicClientConfig::try_from(tls).unwrap();
    let mut endpoint = quinn::Endpoint::client("127.0.0.1:0".parse().unwrap()).unwrap();
    endpoint.set_default_client_config(quinn::ClientConfig::new(Arc::new(quic)));
    let connection = endpoint.connect(stage.address, "localhost").unwrap().await?;
    Ok((endpoint, connection))
}

impl Browser {
    async fn connect(stage: &Stage) -> Self {
        let folder = stage.folder.path().join("identity");
        let (endpoint, connection) = endpoint(stage, &folder).await.unwrap();
        let (mut driver, requests) = h3::client::new(h3_quinn::Connection::new(connection.clone()))
            .await
            .unwrap();
        let driver = tokio::spawn(async move {
            std::future::poll_fn(|context| driver.poll_close(context)).await;
        });
        Self {
            requests,
            connection,
            driver,
            _endpoint: endpoint,
        }
    }

    async fn send(&mut self, request: http::request::Builder, body: Bytes) -> Answer {
        let mut stream = self.requests.send_request(request.body(()).unwrap()).await.unwrap();
        let mut sent = true;
        for piece in body.chunks(10_000) {
            // A server that has heard enough may stop listening.
            sent = stream.send_data(Bytes::copy_from_slice(piece)).await.is_ok();
            if !sent {
                break;
            }
        }
        if sent {
            stream.finish().await.unwrap();
        }
        let response = stream.recv_response().await.unwrap();
        let (mut bytes, mut whole) = (BytesMut::new(), true);
        loop {
            match stream.recv_data().await {
                Ok(Some(mut chunk)) => bytes.extend_from_slice(&chunk.copy_to_bytes(chunk.remaining())),
                Ok(None) => break,
                Err(_) => {
                    whole = false;
                    break;
                }
            }
        }
        let (parts, ()) = response.into_parts();
        let is_text = parts
            .headers
            .get("content-type")
            .is_some_and(|kind| kind.to_str().unwrap().starts_with("application/grpc-web-text"));
        let bytes = if is_text {
            Form::Text.decode(&bytes)
        } else {
            bytes.to_vec()
        };
        let (messages, trailers) = if parts.headers.contains_key("content-security-policy") {
            (vec![Bytes::from(bytes)], None)
        } else {
            parse(&bytes)
        };
        Answer {
            http: parts.status.as_u16(),
            headers: parts.headers,
            messages,
            trailers,
            whole,
        }
    }

    async fn call(&mut self, method: &str, form: Form, message: &[u8]) -> Answer {
        self.send(call(method, form), form.encode(&frame(message))).await
    }
}

fn call(method: &str, form: Form) -> http::request::Builder {
    Request::post(format!("https://localhost/{method}")).header("content-type", form.content_type())
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_and_documents_come_over_quic() {
    let stage = Stage::start_tls(http3).await;
    let tcp = Client::new(&stage.folder.path().join("identity"));
    tcp.ready(&stage).await;
    let told = tcp.call(&stage).await.unwrap().headers;
    let port = stage.address.port();
    assert_eq!(told["alt-svc"].to_str().unwrap(), format!("h3=\":{port}\"; ma=86400"));

    let mut browser = Browser::connect(&stage).await;
    for form in FORMS {
        for size in [0, 1, 5000, 3_000_000] {
            let message = GetProbeRequest {
                payload: vec![b'e'; size].into(),
                ..Default::default()
            };
            let answer = browser.call(GET, form, &message.encode_to_vec()).await;
            assert_eq!(
                (answer.http, answer.status(), answer.whole),
                (200, Some(0), true),
                "{form:?} {size}"
            );
            assert_eq!(answer.message::<GetProbeResponse>().payload.len(), size);
        }
        let stream = WatchProbeRequest {
            count: 50,
            payload_bytes: 2000,
            ..Default::default()
        };
        let answer = browser.call(WATCH, form, &stream.encode_to_vec()).await;
        assert_eq!((answer.status(), answer.messages.len()), (Some(0), 50));
        let answer = browser.call("mirror.v1.MirrorService/Fail", form, b"").await;
        assert_eq!((answer.http, answer.status()), (200, Some(9)));
        assert_eq!(answer.headers["x-cost"], "3");
    }
    // The same rules as over TCP.
    let answer = browser.call("no.such.Service/Method", Form::Binary, b"").await;
    assert_eq!(
        (answer.status(), answer.reason().as_str()),
        (Some(12), "METHOD_UNKNOWN")
    );
    let slow = GetProbeRequest {
        delay_milliseconds: 30_000,
        ..Default::default()
    }
    .encode_to_vec();
    let request = call(GET, Form::Binary).header("grpc-timeout", "200m");
    assert_eq!(browser.send(request, frame(&slow)).await.status(), Some(4));
    let answer = browser
        .send(Request::get("https://localhost/gateway/health"), Bytes::new())
        .await;
    assert!(String::from_utf8_lossy(&answer.messages[0]).contains("serving"));
    assert!(answer.headers.contains_key("strict-transport-security"));
    let answer = browser
        .send(Request::get("https://evil.example/gateway/health"), Bytes::new())
        .await;
    assert_eq!(answer.http, 421);
    let mut preflight = Request::options(format!("https://localhost/{GET}"));
    for (name, value) in [
        ("origin", "https://school.example"),
        ("access-control-request-method", "POST"),
    ] {
        preflight = preflight.header(name, value);
    }
    assert_eq!(browser.send(preflight, Bytes::new()).await.http, 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_browser_that_leaves_ends_the_call_upstream() {
    let stage = Stage::start_tls(http3).await;
    Client::new(&stage.folder.path().join("identity")).ready(&stage).await;
    let mut browser = Browser::connect(&stage).await;
    let slow = GetProbeRequest {
        delay_milliseconds: 60_000,
        ..Default::default()
    }
    .encode_to_vec();
    let endless = WatchProbeRequest {
        interval_milliseconds: 20,
        ..Default::default()
    }
    .encode_to_vec();
    // One call of many is given up: before its answer began, and within it.
    let before = stage.probe().received();
    let mut stream = browser
        .requests
        .send_request(call(GET, Form::Binary).body(()).unwrap())
        .await
        .unwrap();
    stream.send_data(frame(&slow)).await.unwrap();
    stream.finish().await.unwrap();
    wait_for("the call to arrive", || async { stage.probe().received() > before }).await;
    drop(stream);
    wait_for("the call to end upstream", || async { stage.probe().abandoned() == 1 }).await;
    let mut stream = browser
        .requests
        .send_request(call(WATCH, Form::Binary).body(()).unwrap())
        .await
        .unwrap();
    stream.send_data(frame(&endless)).await.unwrap();
    stream.finish().await.unwrap();
    stream.recv_response().await.unwrap();
    assert!(stream.recv_data().await.unwrap().is_some());
    drop(stream);
    wait_for("the stream to end upstream", || async {
        stage.probe().abandoned() == 2
    })
    .await;
    // The connection goes on, until the browser goes with a call under way.
    assert_eq!(browser.call(GET, Form::Binary, b"").await.status(), Some(0));
    let mut stream = browser
        .requests
        .send_request(call(GET, Form::Binary).body(()).unwrap())
        .await
        .unwrap();
    stream.send_data(frame(&slow)).await.unwrap();
    let before = stage.probe().received();
    stream.finish().await.unwrap();
    wait_for("the call to arrive", || async { stage.probe().received() > before }).await;
    browser.connection.close(0_u32.into(), b"");
    wait_for("the last call to end upstream", || async {
        stage.probe().abandoned() == 3
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_hold_neither_memory_nor_places() {
    let stage = Stage::start_tls(|configuration| {
        http3(configuration);
        configuration.gateway.header_timeout = Duration::from_millis(800);
        configuration.gateway.body_idle = Duration::from_millis(800);
        configuration.policy.edge.body_limit = 100_000;
    })
    .await;
    let folder = stage.folder.path().join("identity");
    Client::new(&folder).ready(&stage).await;
    // Who connects and asks for nothing.
    let (_endpoint, idle) = endpoint(&stage, &folder).await.unwrap();
    timeout(Duration::from_secs(10), idle.closed()).await.unwrap();
    // Headers that say they are a gigabyte long, and come: little of it is taken.
    let (_endpoint, connection) = endpoint(&stage, &folder).await.unwrap();
    let (mut sending, _receiving) = connection.open_bi().await.unwrap();
    sending.write_all(&[1, 0xc0, 0, 0, 0, 0x40, 0, 0, 0]).await.unwrap();
    let (mut sent, block) = (0, vec![0; 64 * 1024]);
    let began = Instant::now();
    while let Ok(Ok(())) = timeout(Duration::from_millis(500), sending.write_all(&block)).await {
        sent += block.len();
        assert!(sent < 8 * 1024 * 1024, "nearly all of it is taken");
    }
    assert!(began.elapsed() < Duration::from_secs(5));
    // The same on the control stream.
    let (_endpoint, connection) = endpoint(&stage, &folder).await.unwrap();
    let mut control = connection.open_uni().await.unwrap();
    control.write_all(&[0, 4, 0xc0, 0, 0, 0, 0x40, 0, 0, 0]).await.unwrap();
    let mut sent = 0;
    while let Ok(Ok(())) = timeout(Duration::from_millis(500), control.write_all(&block)).await {
        sent += block.len();
        assert!(sent < 16 * 1024 * 1024, "nearly all of it is taken");
    }

    let mut browser = Browser::connect(&stage).await;
    let many = (0..2000).fold(call(GET, Form::Binary), |request, number| {
        request.header(format!("x-{number}"), "1")
    });
    // Its own library knows from the first hello how much is too much.
    let refused = browser.requests.send_request(many.body(()).unwrap()).await;
    assert!(matches!(
        refused,
        Err(h3::error::StreamError::HeaderTooBig { max_size: 32768, .. })
    ));
    let answer = browser.call(GET, Form::Binary, &vec![0; 5_000_000]).await;
    assert_eq!(
        (answer.status(), answer.reason().as_str()),
        (Some(8), "MESSAGE_TOO_LARGE")
    );
    // A body that stops coming.
    let mut stream = browser
        .requests
        .send_request(call(GET, Form::Binary).body(()).unwrap())
        .await
        .unwrap();
    stream.send_data(Bytes::from_static(b"\0\0")).await.unwrap();
    let response = stream.recv_response().await.unwrap();
    assert!(matches!(response.headers()["grpc-status"].to_str().unwrap(), "4" | "3"));
    // An answer that nobody reads keeps no service working.
    let abandoned = stage.probe().abandoned();
    let endless = WatchProbeRequest {
        payload_bytes: 500_000,
        ..Default::default()
    }
    .encode_to_vec();
    let mut unread = browser
        .requests
        .send_request(call(WATCH, Form::Binary).body(()).unwrap())
        .await
        .unwrap();
    unread.send_data(frame(&endless)).await.unwrap();
    unread.finish().await.unwrap();
    wait_for("the stream to end upstream", || async {
        stage.probe().abandoned() > abandoned
    })
    .await;
    drop(unread);
    assert_eq!(browser.call(GET, Form::Binary, b"").await.status(), Some(0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_is_shown_and_leaving_is_orderly() {
    let authority = lyceum::testing::probe::Folder::new();
    let folder = authority.path().to_path_buf();
    let (certificate, key) = issue(&folder, "site", Duration::from_secs(3600));
    let mut stage = Stage::start_tls(|configuration| {
        http3(configuration);
        configuration.identity.reload = Duration::from_millis(100);
        let tls = &mut configuration.gateway.tls;
        tls.source = TlsSource::Files;
        (tls.certificate, tls.key) = (Some(certificate.clone()), Some(key));
    })
    .await;
    Client::new(&folder).ready(&stage).await;
    issue(&folder, "site", Duration::from_secs(7200));
    let wanted = lyceum::identity::certificates(&certificate).unwrap();
    wait_for("the new certificate", || async {
        let (_endpoint, connection) = endpoint(&stage, &folder).await.unwrap();
        let shown = connection.peer_identity().unwrap();
        let shown = shown
            .downcast::<Vec<rustls::pki_types::CertificateDer<'static>>>()
            .unwrap();
        shown[0] == wanted[0]
    })
    .await;

    // A call under way ends well, and its connection with it.
    let (own, connection) = endpoint(&stage, &folder).await.unwrap();
    let (mut driver, requests) = h3::client::new(h3_quinn::Connection::new(connection.clone()))
        .await
        .unwrap();
    let mut browser = Browser {
        requests,
        connection,
        driver: tokio::spawn(async move {
            std::future::poll_fn(|context| driver.poll_close(context)).await;
        }),
        _endpoint: own,
    };
    let slow = GetProbeRequest {
        delay_milliseconds: 700,
        ..Default::default()
    }
    .encode_to_vec();
    let before = stage.probe().received();
    let mut stream = browser
        .requests
        .send_request(call(GET, Form::Binary).body(()).unwrap())
        .await
        .unwrap();
    stream.send_data(frame(&slow)).await.unwrap();
    stream.finish().await.unwrap();
    wait_for("the call to arrive", || async { stage.probe().received() > before }).await;
    stage.shut_down();
    let response = stream.recv_response().await.unwrap();
    assert_eq!(response.status(), 200);
    let mut bytes = BytesMut::new();
    while let Some(mut chunk) = stream.recv_data().await.unwrap() {
        bytes.extend_from_slice(&chunk.copy_to_bytes(chunk.remaining()));
    }
    let trailers: HeaderMap = parse(&bytes).1.unwrap();
    assert_eq!(trailers["grpc-status"], "0");
    drop(stream);
    timeout(Duration::from_secs(10), browser.connection.closed())
        .await
        .unwrap();
    stage.stopped().await;
}
