//! A caller outside the fabric, as grpcurl is: plain HTTP/2 over TLS, the server's name verified, bytes of its own.

use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2::{SendRequest, handshake};
use hyper_util::rt::{TokioExecutor, TokioIo};
use lyceum::identity::SpiffeId;
use lyceum::identity::authority::{DevelopmentAuthority, Issued};
use lyceum::testing::probe::Folder;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tonic::Status;
use tonic::body::Body;

type Error = Box<dyn std::error::Error + Send + Sync>;

/// One connection.
#[derive(Clone)]
pub(crate) struct Raw {
    sender: SendRequest<Body>,
    /// The server's certificate.
    pub(crate) certificate: CertificateDer<'static>,
}

/// Issues a certificate of the authority in a data folder.
pub(crate) fn issue(folder: &Folder, id: &SpiffeId, lifetime: Duration) -> Issued {
    authority(folder)
        .issue(id, lifetime)
        .unwrap_or_else(|error| panic!("{error}"))
}

/// An operator's certificate.
pub(crate) fn operator(folder: &Folder) -> Issued {
    let id = SpiffeId::operator("lyceum.internal", "ada").unwrap_or_else(|error| panic!("{error}"));
    issue(folder, &id, Duration::from_secs(600))
}

pub(crate) fn authority(folder: &Folder) -> DevelopmentAuthority {
    DevelopmentAuthority::open(&folder.path().join("identity"), "lyceum.internal")
        .unwrap_or_else(|error| panic!("{error}"))
}

impl Raw {
    /// Connects and shows `identity`, if there is one.
    pub(crate) async fn connect(address: SocketAddr, roots: &Path, identity: Option<&Issued>) -> Result<Self, Error> {
        let mut store = rustls::RootCertStore::empty();
        for root in CertificateDer::pem_file_iter(roots)? {
            store.add(root?)?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(store);
        let mut tls = match identity {
            Some(issued) => builder.with_client_auth_cert(
                CertificateDer::pem_slice_iter(issued.certificate.as_bytes()).collect::<Result<_, _>>()?,
                PrivateKeyDer::from_pem_slice(issued.key.as_bytes())?,
            )?,
            None => builder.with_no_client_auth(),
        };
        tls.alpn_protocols = vec![b"h2".to_vec()];
        let stream = TcpStream::connect(address).await?;
        let stream = TlsConnector::from(Arc::new(tls))
            .connect(ServerName::try_from("localhost")?, stream)
            .await?;
        let certificate = stream
            .get_ref()
            .1
            .peer_certificates()
            .and_then(|chain| chain.first())
            .ok_or("no certificate")?
            .clone()
            .into_owned();
        let (sender, connection) = handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
        tokio::spawn(connection);
        Ok(Self { sender, certificate })
    }

    /// Connects with an operator's certificate of the folder's authority.
    pub(crate) async fn operator(folder: &Folder, address: SocketAddr) -> Self {
        let roots = authority(folder).roots_path();
        Self::connect(address, &roots, Some(&operator(folder)))
            .await
            .unwrap_or_else(|error| panic!("an operator cannot connect: {error}"))
    }

    /// Sends one request with these headers and this body, and reads the whole answer.
    pub(crate) async fn send(
        &self,
        method: http::Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Bytes,
    ) -> Result<Response<(Bytes, HeaderMap)>, Error> {
        let mut request = Request::builder()
            .method(method)
            .uri(format!("https://localhost{path}"));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::new(Full::new(body)))?;
        let (parts, body) = self.sender.clone().send_request(request).await?.into_parts();
        let body = body.collect().await?;
        let trailers = body.trailers().cloned().unwrap_or_default();
        Ok(Response::from_parts(parts, (body.to_bytes(), trailers)))
    }

    /// One gRPC call of raw bytes: the messages' frames and the status.
    pub(crate) async fn call(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Bytes>,
    ) -> Result<(Bytes, Status), Error> {
        let mut all = vec![("content-type", "application/grpc"), ("te", "trailers")];
        all.extend_from_slice(headers);
        let response = self.send(http::Method::POST, path, &all, body.into()).await?;
        let status = Status::from_header_map(&response.body().1)
            .or_else(|| Status::from_header_map(response.headers()))
            .ok_or("an answer without a status")?;
        Ok((response.into_body().0, status))
    }
}

impl tower::Service<Request<Body>> for Raw {
    type Response = Response<Incoming>;
    type Error = hyper::Error;
    type Future = Pin<Box<dyn Future<Output = hyper::Result<Response<Incoming>>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<hyper::Result<()>> {
        self.sender.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let path = request.uri().path().to_owned();
        *request.uri_mut() = format!("https://localhost{path}")
            .parse()
            .unwrap_or_else(|error| panic!("{path} is no path: {error}"));
        Box::pin(self.sender.send_request(request))
    }
}

/// A message in gRPC's frame.
pub(crate) fn framed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
    let mut frame = vec![0];
    frame.extend_from_slice(&length.to_be_bytes());
    frame.extend_from_slice(message);
    frame
}
