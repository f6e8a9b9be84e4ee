//! A service outside the mesh, at an address that the configuration names.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use lyceum::configuration::Upstream;
use lyceum::contracts::testing::v2::probe_service_server::ProbeServiceServer;
use lyceum::identity::certificates;
use lyceum::policy::{Access, key};
use lyceum::testing::probe::Folder;
use lyceum::testing::wait_for;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tonic::service::Routes;
use tower::Service as _;

use crate::browser::Form;
use crate::browser::frame;
use crate::mirror::Mirror;
use crate::stage::Stage;
use crate::tls::issue;
use crate::versions::Second;

const HEADERS: &str = "mirror.v1.MirrorService/Headers";
const PROBE: &str = "lyceum.testing.v2.ProbeService";

/// How a server reflects.
#[derive(Clone, Copy, Debug)]
enum Reflecting {
    V1,
    V1alpha,
    Not,
}

/// The second version of the probe, by tonic alone: no Consul, no identity, TLS if told so.
async fn probe(reflecting: Reflecting, tls: Option<TlsAcceptor>) -> SocketAddr {
    let builder = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(lyceum::contracts::DESCRIPTORS)
    };
    let routes = Routes::new(ProbeServiceServer::new(Second));
    let routes = match reflecting {
        Reflecting::V1 => routes.add_service(builder().with_service_name(PROBE).build_v1().unwrap()),
        Reflecting::V1alpha => routes.add_service(builder().with_service_name(PROBE).build_v1alpha().unwrap()),
        Reflecting::Not => routes,
    };
    let listener = TcpListener::bind("0.0.0.0:0").await.unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], listener.local_addr().unwrap().port()));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (routes, tls) = (routes.clone(), tls.clone());
            tokio::spawn(async move {
                match tls {
                    None => converse(stream, routes).await,
                    Some(tls) => {
                        // Who does not trust us leaves.
                        if let Ok(stream) = tls.accept(stream).await {
                            converse(stream, routes).await;
                        }
                    }
                }
            });
        }
    });
    address
}

async fn converse(stream: impl AsyncRead + AsyncWrite + Send + Unpin + 'static, routes: Routes) {
    let service =
        service_fn(move |request: Request<Incoming>| routes.clone().call(request.map(tonic::body::Body::new)));
    // A caller that leaves breaks it off.
    let _ = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(stream), service)
        .await;
}

/// TLS with a certificate for localhost, of the authority in `folder`.
fn acceptor(folder: &Path) -> TlsAcceptor {
    let (chain, key) = issue(folder, "outside", Duration::from_secs(3600));
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut server = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            certificates(&chain).unwrap(),
            PrivateKeyDer::from_pem_file(key).unwrap(),
        )
        .unwrap();
    server.alpn_protocols = vec![b"h2".to_vec()];
    TlsAcceptor::from(Arc::new(server))
}

/// A gateway before services outside, whom anybody may call.
async fn before(upstreams: Vec<Upstream>) -> Stage {
    Stage::start_empty(|configuration| {
        configuration.gateway.upstreams = upstreams;
        let anyone = Access {
            anyone: true,
            ..Access::default()
        };
        let rules = &mut configuration.policy.edge.access;
        rules.insert(format!("{PROBE}/*"), anyone);
    })
    .await
}

fn upstream(name: &str, address: impl Into<String>) -> Upstream {
    Upstream {
        name: name.to_owned(),
        address: address.into(),
        ..Upstream::default()
    }
}

async fn posted(stage: &Stage, path: &str, body: Value) -> (u16, Value) {
    let accept = match path {
        "/mcp" => "application/json, text/event-stream",
        _ => "application/json",
    };
    let (status, _, body) = stage.browser().posted(path, accept, body).await;
    (status, serde_json::from_str(&body).unwrap_or_default())
}

/// Whether JSON reaches the probe.
async fn speaks_json(stage: &Stage) -> bool {
    posted(stage, &format!("/api/{PROBE}/GetProbe"), json!({})).await == (200, json!({ "version": 2 }))
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_serves_is_learnt_from_itself_and_every_front_can_call_it() {
    for reflecting in [Reflecting::V1, Reflecting::V1alpha] {
        let address = probe(reflecting, None).await;
        let stage = before(vec![upstream("suite", format!("h2c://{address}"))]).await;
        wait_for("JSON", || speaks_json(&stage)).await;
        let by_owner = posted(&stage, "/api/outside-suite/get-probe", json!({})).await;
        assert_eq!(by_owner, (200, json!({ "version": 2 })));
        let connect = posted(&stage, &format!("/{PROBE}/GetProbe"), json!({})).await;
        assert_eq!(connect, (200, json!({ "version": 2 })));
        let answer = stage.browser().unary(&format!("{PROBE}/GetProbe"), b"").await;
        assert_eq!((answer.status(), &answer.messages[0][..]), (Some(0), &[8, 2][..]));
        let (_, _, document) = stage.browser().get("/openapi.json").await;
        assert!(String::from_utf8_lossy(&document).contains(PROBE));
        wait_for("GraphQL", || async {
            let query = json!({ "query": "{ probeV2_getProbe { version } }" });
            posted(&stage, "/graphql", query).await.1["data"]["probeV2_getProbe"]["version"] == 2
        })
        .await;
        let call = json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {} });
        let (status, tools) = posted(&stage, "/mcp", call).await;
        assert_eq!(status, 200);
        assert!(tools.to_string().contains("probe"), "{tools}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn without_reflection_what_is_listed_is_called_as_bytes() {
    let address = probe(Reflecting::Not, None).await;
    let listed = Upstream {
        services: vec![PROBE.to_owned()],
        ..upstream("suite", format!("h2c://{address}"))
    };
    let stage = before(vec![listed]).await;
    let method = format!("{PROBE}/GetProbe");
    wait_for("the probe", || async { stage.browser().answers(&method).await }).await;
    wait_for("the gateway to know that it does not know", || async {
        posted(&stage, &format!("/api/{method}"), json!({})).await.0 == 404
    })
    .await;
    let (_, refused) = posted(&stage, &format!("/{method}"), json!({})).await;
    assert_eq!(refused["code"], "unavailable");
    assert!(refused["message"].as_str().unwrap().contains("types"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_private_authority_vouches_for_it_or_nothing_is_said_to_it() {
    let (own, other) = (Folder::new(), Folder::new());
    let address = probe(Reflecting::V1, Some(acceptor(own.path()))).await;
    drop(acceptor(other.path()));
    let trusting = |name: &str, host: &str, folder: &Path| Upstream {
        roots: Some(folder.join("authority.pem")),
        ..upstream(name, format!("https://{host}:{}", address.port()))
    };
    let stage = before(vec![trusting("good", "localhost", own.path())]).await;
    wait_for("JSON over TLS", || speaks_json(&stage)).await;

    // Of somebody else; or of ours, for another name.
    for (host, folder) in [("localhost", other.path()), ("127.0.0.2", own.path())] {
        let listed = Upstream {
            services: vec![PROBE.to_owned()],
            ..trusting("bad", host, folder)
        };
        let stage = before(vec![listed]).await;
        let mut told = String::new();
        for _ in 0..2 {
            let answer = stage.browser().unary(&format!("{PROBE}/GetProbe"), b"").await;
            assert_eq!(answer.status(), Some(14));
            told = answer.error().unwrap().message().to_owned();
        }
        assert!(told.contains("certificate"), "{host}: {told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_says_of_who_may_call_it_counts_for_nothing() {
    let address = probe(Reflecting::V1, None).await;
    let stage = Stage::start_empty(|configuration| {
        configuration.gateway.upstreams = vec![upstream("suite", format!("h2c://{address}"))];
    })
    .await;
    let (method, browser) = (format!("{PROBE}/GetProbe"), stage.browser());
    wait_for("its types", || async {
        let (_, _, schema) = browser.get("/gateway/schema").await;
        String::from_utf8_lossy(&schema).contains(PROBE)
    })
    .await;
    let (_, _, schema) = browser.get("/gateway/schema").await;
    let schema: Value = serde_json::from_slice(&schema).unwrap();
    assert_eq!(schema["services"][0]["methods"][0]["access"], json!([]));
    let policy = format!("[edge.access.\"{PROBE}/*\"]\nroles = [\"administrator\"]\n");
    stage.consul.client().kv_put(&key("gateway"), policy).await.unwrap();
    wait_for("the rule to hold", || async {
        matches!(browser.unary(&method, b"").await.status(), Some(7 | 16))
    })
    .await;
}

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
        .header("lyceum-principal-certificate", "AAAA")
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
        // Inside the mesh it is told who is asking.
        let seen = answer.messages.first().map(|seen| String::from_utf8_lossy(seen));
        seen.is_some_and(|seen| seen.contains("lyceum-principal"))
    })
    .await;
}
