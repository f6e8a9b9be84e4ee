//! Connections to the agent: TCP, TLS over TCP, or a unix socket, behind the one type that hyper's client wants.

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_rustls::{FixedServerNameResolver, HttpsConnector, HttpsConnectorBuilder, MaybeHttpsStream};
use hyper_util::client::legacy::connect::{Connected, Connection, HttpConnector};
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::{TcpStream, UnixStream};
use tower::Service;

use super::{Address, Error, Settings, Tls};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

#[derive(Clone)]
pub(super) struct Connector {
    way: Way,
    timeout: Duration,
    opened: Arc<AtomicU64>,
}

/// A connection's number, counted from 1: it travels with hyper's record of the connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Number(pub(super) u64);

#[derive(Clone)]
enum Way {
    Tcp(HttpsConnector<HttpConnector>),
    Unix(PathBuf),
}

/// An open connection.
pub(super) enum Stream {
    Tcp(Number, Box<MaybeHttpsStream<TokioIo<TcpStream>>>),
    Unix(Number, TokioIo<UnixStream>),
}

// === impl Connector ===

impl Connector {
    pub(super) fn try_new(settings: &Settings) -> Result<Self, Error> {
        let way = match (&settings.address, &settings.tls) {
            (Address::Unix(path), _) => Way::Unix(path.clone()),
            (Address::Https(_), None) => {
                return Err(Error::Settings {
                    reason: "an https address needs the file of the authorities to trust".to_owned(),
                });
            }
            (Address::Https(_), Some(tls)) => Way::Tcp(tcp(config(tls)?, tls.server_name.as_deref())?),
            (Address::Http(_), _) => Way::Tcp(tcp(trusting(RootCertStore::empty())?.with_no_client_auth(), None)?),
        };
        Ok(Self {
            way,
            timeout: settings.connect_timeout,
            opened: Arc::default(),
        })
    }
}

impl Connector {
    /// Counts the connections that were opened, or tried.
    pub(super) fn opened(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.opened)
    }
}

impl Service<Uri> for Connector {
    type Response = Stream;
    type Error = BoxError;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, BoxError>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        match &mut self.way {
            Way::Tcp(tcp) => tcp.poll_ready(cx),
            Way::Unix(_) => Poll::Ready(Ok(())),
        }
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let timeout = self.timeout;
        let number = Number(self.opened.fetch_add(1, Ordering::Relaxed) + 1);
        let connecting: Self::Future = match &mut self.way {
            Way::Tcp(tcp) => {
                let connecting = tcp.call(uri);
                Box::pin(async move { connecting.await.map(|stream| Stream::Tcp(number, Box::new(stream))) })
            }
            Way::Unix(path) => {
                let path = path.clone();
                Box::pin(async move { Ok(Stream::Unix(number, TokioIo::new(UnixStream::connect(path).await?))) })
            }
        };
        Box::pin(async move {
            match tokio::time::timeout(timeout, connecting).await {
                Ok(connected) => connected,
                Err(_) => Err(format!("no connection within {timeout:?}").into()),
            }
        })
    }
}

fn tcp(config: ClientConfig, server_name: Option<&str>) -> Result<HttpsConnector<HttpConnector>, Error> {
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    http.set_nodelay(true);
    // An agent that vanished without a word is noticed by a blocking query in half a minute, before its time-out.
    http.set_keepalive(Some(Duration::from_secs(15)));
    http.set_keepalive_interval(Some(Duration::from_secs(5)));
    http.set_keepalive_retries(Some(3));
    let builder = HttpsConnectorBuilder::new().with_tls_config(config).https_or_http();
    Ok(match server_name {
        None => builder.enable_http1().wrap_connector(http),
        Some(name) => {
            let name = ServerName::try_from(name.to_owned()).map_err(|e| Error::Settings {
                reason: format!("the server name {name:?}: {e}"),
            })?;
            builder
                .with_server_name_resolver(FixedServerNameResolver::new(name))
                .enable_http1()
                .wrap_connector(http)
        }
    })
}

fn trusting(
    roots: RootCertStore,
) -> Result<rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert>, Error> {
    // The provider is named, so that no process-wide default has to be installed first.
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| Error::Settings { reason: e.to_string() })?
        .with_root_certificates(roots))
}

fn config(tls: &Tls) -> Result<ClientConfig, Error> {
    let mut roots = RootCertStore::empty();
    for authority in certificates(&tls.authorities)? {
        roots.add(authority).map_err(|e| unusable(&tls.authorities, &e))?;
    }
    let builder = trusting(roots)?;
    let Some((chain, key)) = &tls.certificate else {
        return Ok(builder.with_no_client_auth());
    };
    let private = PrivateKeyDer::from_pem_file(key).map_err(|e| unusable(key, &e))?;
    builder
        .with_client_auth_cert(certificates(chain)?, private)
        .map_err(|e| unusable(chain, &e))
}

fn certificates(file: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let found = CertificateDer::pem_file_iter(file)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|e| unusable(file, &e))?;
    if found.is_empty() {
        return Err(unusable(file, &"it holds no certificate"));
    }
    Ok(found)
}

fn unusable(file: &Path, why: &dyn std::fmt::Display) -> Error {
    Error::Settings {
        reason: format!("the file {} cannot be used: {why}", file.display()),
    }
}

// === impl Stream ===

impl Connection for Stream {
    fn connected(&self) -> Connected {
        match self {
            Self::Tcp(number, stream) => stream.connected().extra(*number),
            Self::Unix(number, _) => Connected::new().extra(*number),
        }
    }
}

impl Read for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(_, stream) => Pin::new(stream.as_mut()).poll_read(cx, buf),
            Self::Unix(_, stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl Write for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Tcp(_, stream) => Pin::new(stream.as_mut()).poll_write(cx, buf),
            Self::Unix(_, stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(_, stream) => Pin::new(stream.as_mut()).poll_flush(cx),
            Self::Unix(_, stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Tcp(_, stream) => Pin::new(stream.as_mut()).poll_shutdown(cx),
            Self::Unix(_, stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}
