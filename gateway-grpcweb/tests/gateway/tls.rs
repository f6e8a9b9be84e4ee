//! TLS on the browser's port: versions, ALPN, certificates that change, clients that show one.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Request;
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use lyceum::configuration::{Configuration, TlsSource};
use lyceum::identity::authority::DevelopmentAuthority;
use lyceum::identity::{SpiffeId, certificates};
use lyceum::testing::wait_for;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ProtocolVersion, RootCertStore, SupportedProtocolVersion};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::browser::{Answer, Connection, Form, Raw, Response, frame};
use crate::stage::Stage;

const GET: &str = "lyceum.testing.v1.ProbeService/GetProbe";
const ECHO: &str = "mirror.v1.MirrorService/Echo";

/// A certificate for localhost from the authority in `folder`, written to two files of a name.
pub(crate) fn issue(folder: &Path, name: &str, lifetime: Duration) -> (PathBuf, PathBuf) {
    let authority = DevelopmentAuthority::open(folder, "lyceum.internal").unwrap();
    let id = SpiffeId::service("lyceum.internal", "dc1", name).unwrap();
    let issued = authority.issue(&id, lifetime).unwrap();
    let files = (folder.join(format!("{name}.pem")), folder.join(format!("{name}.key")));
    // The key first, by a rename each, as a renewal does it: no moment shows half a file.
    for (path, content) in [(&files.1, &issued.key), (&files.0, &issued.certificate)] {
        let partial = path.with_extension("partial");
        std::fs::write(&partial, content).unwrap();
        std::fs::rename(&partial, path).unwrap();
    }
    files
}

/// What a browser is told of TLS.
pub(crate) struct Client {
    roots: PathBuf,
    versions: Vec<&'static SupportedProtocolVersion>,
    certificate: Option<(PathBuf, PathBuf)>,
    alpn: Vec<Vec<u8>>,
}

impl Client {
    /// Trusts the authority in `folder`.
    pub(crate) fn new(folder: &Path) -> Self {
        Self {
            roots: folder.join("authority.pem"),
            versions: vec![&TLS12, &TLS13],
            certificate: None,
            alpn: vec![b"h2".to_vec(), b"http/1.1".to_vec()],
        }
    }

    pub(crate) fn alpn(mut self, name: &[u8]) -> Self {
        self.alpn = vec![name.to_vec()];
        self
    }

    pub(crate) fn configuration(&self) -> ClientConfig {
        let mut roots = RootCertStore::empty();
        for root in certificates(&self.roots).unwrap() {
            roots.add(root).unwrap();
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&self.versions)
            .unwrap()
            .with_root_certificates(roots);
        let mut client = match &self.certificate {
            None => builder.with_no_client_auth(),
            Some((certificate, key)) => builder
                .with_client_auth_cert(
                    certificates(certificate).unwrap(),
                    PrivateKeyDer::from_pem_file(key).unwrap(),
                )
                .unwrap(),
        };
        client.alpn_protocols.clone_from(&self.alpn);
        client
    }

    async fn connect(&self, stage: &Stage) -> std::io::Result<TlsStream<TcpStream>> {
        let stream = TcpStream::connect(stage.address).await?;
        TlsConnector::from(Arc::new(self.configuration()))
            .connect(ServerName::try_from("localhost").unwrap(), stream)
            .await
    }

    /// Waits until calls are answered.
    pub(crate) async fn ready(&self, stage: &Stage) {
        wait_for("the probe behind the gateway", || async {
            self.call(stage).await.is_ok_and(|answer| answer.status() == Some(0))
        })
        .await;
    }

    /// One unary call.
    pub(crate) async fn call(&self, stage: &Stage) -> Result<Answer, Box<dyn std::error::Error>> {
        self.call_of(stage, GET).await
    }

    /// One unary call of a method.
    async fn call_of(&self, stage: &Stage, method: &str) -> Result<Answer, Box<dyn std::error::Error>> {
        let stream = self.connect(stage).await?;
        let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
        let request = Request::post(format!("https://localhost:{}/{method}", stage.address.port()))
            .header("content-type", Form::Binary.content_type())
            .body(Full::new(frame(b"")))?;
        send(TokioIo::new(stream), http2, request).await
    }

    /// The certificate that the gateway shows.
    async fn shown(&self, stage: &Stage) -> CertificateDer<'static> {
        let stream = self.connect(stage).await.unwrap();
        stream.get_ref().1.peer_certificates().unwrap()[0].clone()
    }
}

async fn send(
    io: TokioIo<TlsStream<TcpStream>>,
    http2: bool,
    mut request: Request<Full<Bytes>>,
) -> Result<Answer, Box<dyn std::error::Error>> {
    let (response, task) = if http2 {
        let (mut sender, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), io).await?;
        let task = tokio::spawn(async { drop(connection.await) });
        (sender.send_request(request).await?, task)
    } else {
        let authority = request.uri().authority().unwrap().to_string();
        request.headers_mut().insert("host", authority.parse()?);
        *request.uri_mut() = request.uri().path().parse()?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(io).await?;
        let task = tokio::spawn(async { drop(connection.await) });
        (sender.send_request(request).await?, task)
    };
    Ok(Answer::read(Response {
        response,
        connection: Connection::of(task),
    })
    .await)
}

fn development(configuration: &mut Configuration) {
    configuration.gateway.tls.source = TlsSource::Development;
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_come_over_both_versions_and_both_protocols() {
    let stage = Stage::start_tls(development).await;
    let folder = stage.folder.path().join("identity");
    Client::new(&folder).ready(&stage).await;
    for (versions, version) in [
        (vec![&TLS12], ProtocolVersion::TLSv1_2),
        (vec![&TLS12, &TLS13], ProtocolVersion::TLSv1_3),
    ] {
        for alpn in [&b"h2"[..], b"http/1.1"] {
            let mut client = Client::new(&folder).alpn(alpn);
            client.versions.clone_from(&versions);
            let stream = client.connect(&stage).await.unwrap();
            let connection = stream.get_ref().1;
            assert_eq!(connection.protocol_version(), Some(version));
            assert_eq!(connection.alpn_protocol(), Some(alpn));
            drop(stream);
            assert_eq!(client.call(&stage).await.unwrap().status(), Some(0));
        }
    }
    // Who names neither speaks HTTP/1.1.
    let mut client = Client::new(&folder);
    client.alpn.clear();
    assert_eq!(client.call(&stage).await.unwrap().status(), Some(0));
    // Documents say that they only ever come over TLS.
    let stream = Client::new(&folder).alpn(b"http/1.1").connect(&stage).await.unwrap();
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
        .await
        .unwrap();
    let connection = tokio::spawn(async { drop(connection.await) });
    let request = Request::get("/gateway/health").header("host", "localhost");
    let response = sender
        .send_request(request.body(Full::new(Bytes::new())).unwrap())
        .await
        .unwrap();
    assert!(
        response.headers()["strict-transport-security"]
            .to_str()
            .unwrap()
            .starts_with("max-age=")
    );
    let health = response.into_body().collect().await.unwrap().to_bytes();
    assert!(String::from_utf8_lossy(&health).contains("serving"));
    connection.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn who_speaks_without_tls_is_told() {
    let stage = Stage::start_tls(|configuration| {
        development(configuration);
        configuration.gateway.header_timeout = Duration::from_millis(600);
    })
    .await;
    let mut raw = Raw::connect(stage.address).await;
    raw.write("GET / HTTP/1.1\r\nhost: localhost\r\n\r\n").await;
    let told = raw.read_to_end().await;
    let (head, body) = told.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 400 ") && body.contains("https://"), "{told}");
    assert!(head.contains(&format!("content-length: {}", body.len())), "{told}");
    // Nothing, garbage and half a handshake end in time.
    for head in [&b""[..], b"\x16\x03\x01\x02\x00garbage", b"\x16\x03\x01"] {
        let mut raw = Raw::connect(stage.address).await;
        raw.write(head).await;
        raw.read_to_end().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_certificate_is_shown_without_a_restart() {
    let authority = lyceum::testing::probe::Folder::new();
    let folder = authority.path().to_path_buf();
    let (certificate, key) = issue(&folder, "site", Duration::from_secs(3600));
    let stage = Stage::start_tls(|configuration| {
        configuration.identity.reload = Duration::from_millis(100);
        let tls = &mut configuration.gateway.tls;
        tls.source = TlsSource::Files;
        (tls.certificate, tls.key) = (Some(certificate.clone()), Some(key.clone()));
    })
    .await;
    let client = Client::new(&folder);
    client.ready(&stage).await;
    let first = certificates(&certificate).unwrap();
    assert_eq!(client.shown(&stage).await, first[0]);
    let stream = client.connect(&stage).await.unwrap();
    let (mut before, connection) = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream))
        .await
        .unwrap();
    let connection = tokio::spawn(async { drop(connection.await) });

    issue(&folder, "site", Duration::from_secs(7200));
    let second = certificates(&certificate).unwrap();
    assert_ne!(first, second);
    wait_for("the new certificate", || async {
        client.shown(&stage).await == second[0]
    })
    .await;
    let request = Request::post(format!("https://localhost/{GET}"))
        .header("content-type", Form::Binary.content_type())
        .body(Full::new(frame(b"")))
        .unwrap();
    let response = before.send_request(request).await.unwrap();
    assert_eq!(response.status(), 200, "a connection from before goes on");
    connection.abort();

    // What cannot be used changes nothing: no certificate, and one without its key.
    std::fs::write(&certificate, "no certificate").unwrap();
    assert_eq!(client.call(&stage).await.unwrap().status(), Some(0));
    let (other, _) = issue(&folder, "other", Duration::from_secs(3600));
    std::fs::copy(other, &certificate).unwrap();
    assert_eq!(client.shown(&stage).await, second[0]);
    issue(&folder, "site", Duration::from_secs(3600));
    let third = certificates(&certificate).unwrap();
    wait_for("the certificate after those", || async {
        client.shown(&stage).await == third[0]
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_may_show_a_certificate_and_nobody_elses() {
    let stage = Stage::start_tls(|configuration| {
        development(configuration);
        configuration.gateway.tls.clients = Some("fabric".into());
        let access = configuration.policy.edge.access.values_mut().next().unwrap();
        (access.anyone, access.roles) = (false, ["service".to_owned()].into());
    })
    .await;
    let folder = stage.folder.path().join("identity");
    let mut client = Client::new(&folder);
    // Nobody needs one, but for what only services may call.
    client.ready(&stage).await;
    wait_for("the mirror behind the gateway", || async {
        client.call_of(&stage, ECHO).await.unwrap().status() == Some(16)
    })
    .await;
    client.certificate = Some(issue(&folder, "collector", Duration::from_secs(3600)));
    assert_eq!(client.call(&stage).await.unwrap().status(), Some(0));
    assert_eq!(client.call_of(&stage, ECHO).await.unwrap().status(), Some(0));
    // Of another authority with the same name, which anybody can make.
    let stranger = lyceum::testing::probe::Folder::new();
    client.certificate = Some(issue(stranger.path(), "collector", Duration::from_secs(3600)));
    assert!(client.call(&stage).await.is_err());
}

#[tokio::test]
async fn what_would_expose_the_gateway_does_not_start() {
    let consul = lyceum::testing::consul::Consul::start().await;
    let folder = lyceum::testing::probe::Folder::new();
    let bind = |change: &dyn Fn(&mut Configuration)| {
        let mut configuration = lyceum::testing::probe::configuration(&folder, &consul.address());
        configuration.gateway.address = "0.0.0.0:0".parse().unwrap();
        change(&mut configuration);
        let fabric = lyceum::Fabric::start(configuration, "gateway").unwrap();
        lyceum_gateway_grpcweb::Gateway::new(&fabric).bind()
    };
    let told = bind(&|_| {}).await.unwrap_err().to_string();
    assert!(
        told.contains("gateway.exposed") && told.contains("gateway.tls"),
        "{told}"
    );
    assert!(
        bind(&|configuration| configuration.gateway.exposed = true)
            .await
            .is_ok()
    );
    assert!(bind(&development).await.is_ok());
    let broken = bind(&|configuration| {
        let tls = &mut configuration.gateway.tls;
        tls.source = TlsSource::Files;
        (tls.certificate, tls.key) = (Some("nosuch.pem".into()), Some("nosuch.key".into()));
    });
    let told = broken.await.unwrap_err().to_string();
    assert!(told.contains("nosuch.pem"), "{told}");
    let expired = issue(folder.path(), "expired", Duration::ZERO);
    let told = bind(&|configuration| {
        let tls = &mut configuration.gateway.tls;
        tls.source = TlsSource::Files;
        (tls.certificate, tls.key) = (Some(expired.0.clone()), Some(expired.1.clone()));
    });
    let told = told.await.unwrap_err().to_string();
    assert!(told.contains("expired at"), "{told}");
}
