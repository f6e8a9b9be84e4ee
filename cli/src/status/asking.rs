//! Asking a process for its metrics, as an operator.
//!
//! The gateway tells them over HTTP ([`crate::gateway`]) to operators and whoever works on its machine; every other process on its mutual-TLS port, where the caller
//! shows an operator's certificate and demands the service's own identity: Consul says where a process is, not who. One
//! connection and one answer each, bounded in time and size. When not: calls to services go through
//! `lyceum::client`.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use lyceum::configuration::Configuration;
use lyceum::discovery::Instance;
use lyceum::identity::{self, Material, SpiffeId};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;
use tokio_util::task::AbortOnDropHandle;

use crate::gateway::{Failure, Way};
use crate::up::GATEWAY;

/// A process that is well answers in milliseconds, whatever its load: nothing queues in front of metrics.
const ANSWERS_WITHIN: Duration = Duration::from_secs(2);

/// Some ten thousand instances' worth.
const METRICS_LIMIT: usize = 16 * 1024 * 1024;

/// Who asks.
#[derive(Debug)]
pub(super) struct Asking {
    material: Material,
    gateway: Way,
    trust_domain: String,
    datacenter: String,
}

// === impl Asking ===

impl Asking {
    /// Takes a certificate for `name` from the configured authority, or the configured files.
    pub(super) fn try_new(configuration: &Configuration, name: &str) -> Result<Self, identity::Error> {
        let settings = &configuration.identity;
        let material = identity::operator(configuration, name)?;
        Ok(Self {
            gateway: Way::try_new(configuration, &material)?,
            material,
            trust_domain: settings.trust_domain.clone(),
            datacenter: settings.datacenter.clone(),
        })
    }

    /// An instance's metrics, or why there are none.
    pub(super) async fn metrics(&self, instance: &Instance) -> Result<String, String> {
        match tokio::time::timeout(ANSWERS_WITHIN, self.ask(instance)).await {
            Ok(Ok(text)) => Ok(text),
            Ok(Err(failure)) => Err(failure.to_string()),
            Err(_) => Err(format!("no answer within {} s", ANSWERS_WITHIN.as_secs())),
        }
    }

    async fn ask(&self, instance: &Instance) -> Result<String, Failure> {
        let authority = instance.authority();
        if instance.service == GATEWAY {
            let (response, _connection) = self.gateway.get(&authority, "/gateway/metrics").await?;
            return text(response).await;
        }
        let stream = TcpStream::connect(&authority).await?;
        let callee = SpiffeId::service(&self.trust_domain, &self.datacenter, &instance.service)?;
        let tls = TlsConnector::from(Arc::new(self.material.client(&callee)?));
        // Whom it is to be says the identity; this name only has to be one.
        let name = ServerName::try_from("localhost")?;
        let stream = tls.connect(name, stream).await.map_err(|error| {
            // Another folder's authority is the usual mistake.
            format!("{error}; --data, or [identity], must be those of this fabric")
        })?;
        let (mut sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await?;
        let _connection = AbortOnDropHandle::new(tokio::spawn(connection));
        let request = Request::get(format!("https://{authority}/metrics"));
        let response = sender.send_request(request.body(Empty::<Bytes>::new())?).await?;
        text(response).await
    }
}

async fn text(response: Response<Incoming>) -> Result<String, Failure> {
    match response.status() {
        StatusCode::OK => {}
        StatusCode::FORBIDDEN => return Err("it does not allow operators: see authorization.allow".into()),
        status => return Err(format!("it answers {status}").into()),
    }
    let body = Limited::new(response.into_body(), METRICS_LIMIT).collect().await?;
    Ok(String::from_utf8(body.to_bytes().to_vec())?)
}

#[cfg(test)]
mod tests;
