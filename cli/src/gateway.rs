//! Asking the gateway what it tells of itself, over TLS where it speaks that.
//!
//! **Why.** Consul says where a gateway is, and nothing of how it is spoken to. With a certificate of the fabric's own it
//! must be the gateway by its identity, as every service is; with files it must show the very certificate that the
//! configuration names, whose authority and name are somebody else's business. Where the configuration says nothing of
//! TLS, as on another terminal than the gateway's, a gateway that answers that it wants TLS gets it. **When not.** Calls
//! to services go through `lyceum::client`. Source: `docs/gateway/transport.md`.

use std::sync::Arc;

use bytes::Bytes;
use http::header::HOST;
use http::{Request, Response, StatusCode};
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use lyceum::configuration::{Configuration, TlsSource};
use lyceum::identity::{self, Material, SpiffeId, certificates};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use tokio_util::task::AbortOnDropHandle;

use crate::up::GATEWAY;

/// Why there is no answer.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// An answer, and the connection that it comes over.
pub(crate) type Answer = (Response<Incoming>, AbortOnDropHandle<Result<(), hyper::Error>>);

/// How the fabric's gateways are spoken to.
#[derive(Debug)]
pub(crate) struct Way {
    /// Whether to try without TLS first.
    plain: bool,
    tls: Arc<ClientConfig>,
}

// === impl Way ===

impl Way {
    /// As the configuration says, for who bears a certificate of an operator's.
    pub(crate) fn try_new(configuration: &Configuration, operator: &Material) -> Result<Self, identity::Error> {
        let settings = &configuration.gateway.tls;
        let tls = match (settings.source, &settings.certificate) {
            (TlsSource::Files, Some(certificate)) => pinned(certificates(certificate)?.into_iter().next())?,
            _ => {
                let identity = &configuration.identity;
                operator.client(&SpiffeId::service(
                    &identity.trust_domain,
                    &identity.datacenter,
                    GATEWAY,
                )?)?
            }
        };
        Ok(Self {
            plain: settings.source == TlsSource::None,
            tls: Arc::new(tls),
        })
    }

    /// What the gateway at `authority` answers at a path.
    pub(crate) async fn get(&self, authority: &str, path: &'static str) -> Result<Answer, Failure> {
        if self.plain {
            let answer = self.get_plain(authority, path).await?;
            // Who speaks TLS says so to who does not.
            if answer.0.status() != StatusCode::BAD_REQUEST {
                return Ok(answer);
            }
        }
        let stream = TcpStream::connect(authority).await?;
        // Whom it is to be says the verifier; this name only has to be one.
        let name = ServerName::try_from("localhost")?;
        let connector = TlsConnector::from(Arc::clone(&self.tls));
        let stream = connector
            .connect(name, stream)
            .await
            .map_err(|error| format!("{error}; --data, [identity] and [gateway.tls] must be those of this gateway"))?;
        let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
        let connection = AbortOnDropHandle::new(tokio::spawn(connection));
        let request = Request::get(format!("https://{authority}{path}")).body(Empty::<Bytes>::new())?;
        Ok((sender.send_request(request).await?, connection))
    }

    async fn get_plain(&self, authority: &str, path: &'static str) -> Result<Answer, Failure> {
        let stream = TcpStream::connect(authority).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let connection = AbortOnDropHandle::new(tokio::spawn(connection));
        let request = Request::get(path).header(HOST, authority).body(Empty::<Bytes>::new())?;
        Ok((sender.send_request(request).await?, connection))
    }
}

/// Trusts one certificate and no other.
fn pinned(certificate: Option<CertificateDer<'static>>) -> Result<ClientConfig, identity::Error> {
    let provider = Arc::new(ring::default_provider());
    let verifier = Pinned {
        certificate,
        provider: Arc::clone(&provider),
    };
    let mut client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    client.alpn_protocols = vec![b"h2".to_vec()];
    Ok(client)
}

/// Who shows this certificate, and has its key.
#[derive(Debug)]
struct Pinned {
    certificate: Option<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        shown: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _name: &ServerName<'_>,
        _ocsp: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if self.certificate.as_ref() == Some(shown) {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(Error::InvalidCertificate(
                CertificateError::ApplicationVerificationFailure,
            ))
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let known = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
