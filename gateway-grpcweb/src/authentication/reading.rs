//! Where an issuer's keys are read from: an address or a file.
//!
//! One connection a reading, HTTP/1.1, over TLS unless it goes to loopback; no redirects, because an issuer's keys come
//! from where the configuration says and from nowhere else; a limit on size and time. When not: nothing here keeps keys,
//! `issuer` does. Source: RFC 7517, 5; RFC 8725, 3.10.

use std::fs;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::header::{ACCEPT, HOST, USER_AGENT};
use http::{Request, Uri};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

/// The largest set that is read.
const SIZE: usize = 256 * 1024;
/// How long a reading may take, connection and all.
const WITHIN: Duration = Duration::from_secs(5);

/// Why keys cannot be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("{0} is no address")]
    Address(String),
    #[error("{path}: {source}")]
    File { path: PathBuf, source: std::io::Error },
    #[error("{path} has more than {SIZE} bytes")]
    FileTooLarge { path: PathBuf },
    #[error("{path} holds no certificate that can be trusted")]
    Roots { path: PathBuf },
    #[error("no TLS: {0}")]
    Tls(#[from] rustls::Error),
    #[error("cannot connect: {0}")]
    Connect(std::io::Error),
    #[error("the answer broke off: {0}")]
    Http(#[from] hyper::Error),
    #[error("the answer is larger than {SIZE} bytes, or broke off")]
    Body,
    #[error("the answer is HTTP {0}")]
    Status(u16),
    #[error("no answer within {WITHIN:?}")]
    TimedOut,
}

/// A place to read keys from.
pub(super) enum Place {
    Address { uri: Uri, tls: Option<TlsConnector> },
    File(PathBuf),
}

// === impl Place ===

impl Place {
    /// An `http(s)://` address or a path. Roots are read only where they are needed.
    pub(super) fn open(keys: &str, roots: &std::path::Path) -> Result<Self, Error> {
        if !keys.contains("://") {
            return Ok(Self::File(PathBuf::from(keys)));
        }
        let uri: Uri = keys.parse().map_err(|_| Error::Address(keys.to_owned()))?;
        if uri.host().is_none() {
            return Err(Error::Address(keys.to_owned()));
        }
        let tls = match uri.scheme_str() {
            Some("https") => Some(TlsConnector::from(Arc::new(trusting(roots)?))),
            _ => None,
        };
        Ok(Self::Address { uri, tls })
    }

    pub(super) async fn read(&self) -> Result<Bytes, Error> {
        match self {
            Self::Address { uri, tls } => match timeout(WITHIN, get(uri, tls.as_ref())).await {
                Ok(read) => read,
                Err(_) => Err(Error::TimedOut),
            },
            Self::File(path) => {
                let failed = |source| Error::File {
                    path: path.clone(),
                    source,
                };
                if fs::metadata(path).map_err(failed)?.len() > SIZE as u64 {
                    return Err(Error::FileTooLarge { path: path.clone() });
                }
                Ok(fs::read(path).map_err(failed)?.into())
            }
        }
    }

    /// What tells that a file is another one by now; none for an address, which has to be asked.
    pub(super) fn stamp(&self) -> Option<(SystemTime, u64)> {
        let Self::File(path) = self else { return None };
        let metadata = fs::metadata(path).ok()?;
        Some((metadata.modified().ok()?, metadata.len()))
    }

    pub(super) fn is_file(&self) -> bool {
        matches!(self, Self::File(_))
    }
}

fn trusting(path: &std::path::Path) -> Result<ClientConfig, Error> {
    let mut roots = RootCertStore::empty();
    let unreadable = || Error::Roots {
        path: path.to_path_buf(),
    };
    let listed = CertificateDer::pem_file_iter(path).map_err(|_| unreadable())?;
    // A system's list may hold one that rustls does not take; the others count.
    let (good, _) = roots.add_parsable_certificates(listed.filter_map(Result::ok));
    if good == 0 {
        return Err(unreadable());
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

async fn get(uri: &Uri, tls: Option<&TlsConnector>) -> Result<Bytes, Error> {
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let port = uri.port_u16().unwrap_or(if tls.is_some() { 443 } else { 80 });
    let stream = TcpStream::connect((host, port)).await.map_err(Error::Connect)?;
    match tls {
        None => exchange(stream, uri).await,
        Some(tls) => {
            let name = ServerName::try_from(host.to_owned()).map_err(|_| Error::Address(uri.to_string()))?;
            exchange(tls.connect(name, stream).await.map_err(Error::Connect)?, uri).await
        }
    }
}

async fn exchange(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static, uri: &Uri) -> Result<Bytes, Error> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    let connection = tokio_util::task::AbortOnDropHandle::new(tokio::spawn(connection));
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let request = Request::get(path)
        .header(HOST, uri.authority().map_or("", |authority| authority.as_str()))
        .header(ACCEPT, "application/jwk-set+json, application/json")
        .header(USER_AGENT, concat!("lyceum/", env!("CARGO_PKG_VERSION")))
        .body(Empty::<Bytes>::new())
        .map_err(|_| Error::Address(uri.to_string()))?;
    let response = sender.send_request(request).await?;
    if !response.status().is_success() {
        return Err(Error::Status(response.status().as_u16()));
    }
    let body = Limited::new(response.into_body(), SIZE).collect().await;
    drop(connection);
    Ok(body.map_err(|_| Error::Body)?.to_bytes())
}
