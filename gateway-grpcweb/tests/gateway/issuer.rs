//! An issuer of tokens as a test has one: keys, tokens, a small site that serves the keys; and calls with what they show.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http::{HeaderMap, Method, Request};
use http_body_util::BodyExt as _;
use lyceum::configuration::{Configuration, Issuer};
use lyceum::identity::certificates;
use lyceum_gateway_grpcweb::keys::Moment;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject as _;
use serde_json::{Value, json};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

use crate::browser::{Answer, Browser, Form, frame};

pub(crate) const GET: &str = "lyceum.testing.v1.ProbeService/GetProbe";
pub(crate) const ISSUER: &str = "https://login.school.example";

/// Somebody who signs tokens.
pub(crate) enum Pair {
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

pub(crate) struct Signing {
    id: &'static str,
    pub(crate) key: Pair,
}

impl Signing {
    pub(crate) fn ec(id: &'static str) -> Self {
        let random = SystemRandom::new();
        let document = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, document.as_ref(), &random).unwrap();
        Self {
            id,
            key: Pair::Ec(pair),
        }
    }

    pub(crate) fn ed(id: &'static str) -> Self {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        let pair = Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap();
        Self {
            id,
            key: Pair::Ed(pair),
        }
    }

    pub(crate) fn public(&self) -> Value {
        match &self.key {
            Pair::Ec(pair) => {
                let point = pair.public_key().as_ref();
                json!({ "kty": "EC", "crv": "P-256", "kid": self.id, "use": "sig",
                        "x": URL_SAFE_NO_PAD.encode(&point[1..33]), "y": URL_SAFE_NO_PAD.encode(&point[33..]) })
            }
            Pair::Ed(pair) => json!({ "kty": "OKP", "crv": "Ed25519", "kid": self.id,
                                        "x": URL_SAFE_NO_PAD.encode(pair.public_key().as_ref()) }),
        }
    }

    pub(crate) fn sign(&self, message: &[u8]) -> Vec<u8> {
        match &self.key {
            Pair::Ec(pair) => pair.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec(),
            Pair::Ed(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }

    pub(crate) fn algorithm(&self) -> &'static str {
        match &self.key {
            Pair::Ec(_) => "ES256",
            Pair::Ed(_) => "EdDSA",
        }
    }

    pub(crate) fn token(&self, claims: &Value) -> String {
        self.token_as(
            &json!({ "alg": self.algorithm(), "typ": "JWT", "kid": self.id }),
            claims,
        )
    }

    pub(crate) fn token_as(&self, header: &Value, claims: &Value) -> String {
        let message = unsigned(header, claims);
        let signature = URL_SAFE_NO_PAD.encode(self.sign(message.as_bytes()));
        format!("{message}.{signature}")
    }
}

pub(crate) fn unsigned(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(header), part(claims))
}

/// Good claims, changed.
pub(crate) fn claims(changes: Value) -> Value {
    let now = Moment::now().0;
    let mut claims = json!({
        "iss": ISSUER, "aud": ["lyceum", "other"], "sub": "e-17", "exp": now + 600, "roles": ["educator"],
        "classes": ["5b"]
    });
    for (name, value) in changes.as_object().unwrap() {
        claims[name] = value.clone();
        if value.is_null() {
            claims.as_object_mut().unwrap().remove(name);
        }
    }
    claims
}

pub(crate) fn set(keys: &[&Signing]) -> String {
    json!({ "keys": keys.iter().map(|key| key.public()).collect::<Vec<_>>() }).to_string()
}

/// A small site that serves an issuer's keys.
pub(crate) struct Site {
    pub(crate) address: SocketAddr,
    document: Arc<Mutex<String>>,
    pub(crate) asked: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl Site {
    pub(crate) async fn start(document: String) -> Self {
        Self::start_with(document, None).await
    }

    /// Over TLS, with the certificate and key of these files.
    pub(crate) async fn start_tls(document: String, files: (PathBuf, PathBuf)) -> Self {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let server = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                certificates(&files.0).unwrap(),
                PrivateKeyDer::from_pem_file(files.1).unwrap(),
            )
            .unwrap();
        Self::start_with(document, Some(TlsAcceptor::from(Arc::new(server)))).await
    }

    async fn start_with(document: String, tls: Option<TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (document, asked) = (Arc::new(Mutex::new(document)), Arc::new(AtomicUsize::new(0)));
        let (served, count) = (Arc::clone(&document), Arc::clone(&asked));
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let body = || served.lock().unwrap().clone();
                match &tls {
                    None => serve(stream, &count, body).await,
                    Some(tls) => {
                        if let Ok(stream) = tls.accept(stream).await {
                            serve(stream, &count, body).await;
                        }
                    }
                }
            }
        });
        Self {
            address,
            document,
            asked,
            task,
        }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/keys?all", self.address)
    }

    pub(crate) fn serve(&self, document: String) {
        *self.document.lock().unwrap() = document;
    }
}

/// Answers one request.
async fn serve(mut stream: impl AsyncRead + AsyncWrite + Unpin, count: &AtomicUsize, body: impl Fn() -> String) {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        stream.read_buf(&mut request).await.unwrap();
    }
    assert!(request.starts_with(b"GET /keys?all HTTP/1.1\r\n"));
    count.fetch_add(1, Ordering::SeqCst);
    let body = body();
    let status = if body.is_empty() { "503 Busy" } else { "200 OK" };
    let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n", body.len());
    let _ = stream.write_all((head + &body).as_bytes()).await;
    let _ = stream.shutdown().await;
}

impl Drop for Site {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub(crate) fn trusting(keys: String) -> impl FnOnce(&mut Configuration) {
    move |configuration| {
        let settings = &mut configuration.gateway.authentication;
        settings.issuers = vec![Issuer::new(ISSUER, "lyceum", keys)];
        settings.refresh_pause = Duration::from_millis(100);
    }
}

pub(crate) async fn call_with(browser: &Browser, method: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = browser.call(method, Form::Binary);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    browser.send(request.body(frame(b"")).unwrap()).await
}

pub(crate) async fn call(browser: &Browser, token: &str) -> Answer {
    call_with(browser, GET, &[("authorization", &format!("Bearer {token}"))]).await
}

/// The reason of a call's refusal, or `OK`.
pub(crate) async fn reason(browser: &Browser, token: &str) -> String {
    outcome(&call(browser, token).await)
}

pub(crate) fn outcome(answer: &Answer) -> String {
    match answer.status() {
        Some(0) => "OK".to_owned(),
        Some(16 | 7 | 14) => answer.reason(),
        other => panic!("{other:?}: {answer:?}"),
    }
}

/// A request to `/gateway/session`.
pub(crate) async fn session(
    browser: &Browser,
    method: Method,
    headers: &[(&str, &str)],
    body: &str,
) -> (u16, HeaderMap, Value) {
    let mut request = Request::builder().method(method).uri("/gateway/session");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = browser.begin(request.body(Bytes::from(body.to_owned())).unwrap()).await;
    let (parts, body) = response.response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    (
        parts.status.as_u16(),
        parts.headers,
        serde_json::from_slice(&body).unwrap_or_default(),
    )
}

/// What a browser keeps of `set-cookie`.
pub(crate) fn kept(headers: &HeaderMap) -> String {
    let cookie = headers["set-cookie"].to_str().unwrap();
    cookie.split(';').next().unwrap().to_owned()
}
