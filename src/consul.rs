//! A thin typed client for the dozen Consul endpoints the fabric needs.
//!
//! **What.** Agent registration, TTL updates and maintenance; health and catalog reads with blocking queries; KV;
//! leader status. Over TCP, TLS with a client certificate, or the agent's unix socket. Every call has a time-out, every
//! failure has a type ([`Error`]), and this is the one place that knows Consul's JSON.
//!
//! **Why.** The published crates lack the health endpoint, its weights and metadata, agent registration, a TTL update,
//! or a TLS stack that is still maintained; `docs/adr/0001-a-consul-client-of-our-own.md` has the evidence.
//!
//! **When not.** To find or announce a service use [`crate::discovery`] and [`crate::registration`]: they add the index
//! rules, retries and healing that a single call cannot have.
//!
//! **Source.** The HTTP API reference of Consul, "Blocking Queries" and "Consistency Modes"; behaviour was run against
//! Consul 1.8.7 and read for the versions up to 2.x. Parsing is tolerant (unknown, missing and null fields), sending is
//! strict: since 1.7 an agent refuses unknown fields, so nothing is sent that was not set.

mod agent;
mod catalog;
mod connector;
mod error;
mod health;
mod kv;
mod query;
mod settings;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::{CaptureConnection, capture_connection};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use serde::de::DeserializeOwned;

pub use agent::{Agent, Service, TtlCheck, Weights};
pub use error::{Error, Result};
pub use health::{Check, Entry, EntryService, EntryWeights, Health, Node, is_maintenance, maintenance_check_id};
pub use kv::Stored;
pub use query::{Answer, MAX_WAIT, Query};
pub use settings::{Address, Settings, Tls, Token};

use connector::{Connector, Number};

/// No answer of Consul's that the fabric asks for comes near this; a larger one is refused instead of filling memory.
const MAX_BODY_BYTES: usize = 32 * 1024 * 1024;

/// Idle connections go before the agent (or a balancer before it) would close them under a request.
const IDLE_CONNECTIONS: Duration = Duration::from_secs(30);

/// A client of one Consul agent. Cheap to clone; clones share their connections.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    http: legacy::Client<Connector, Full<Bytes>>,
    address: Address,
    token: Option<HeaderValue>,
    timeout: Duration,
    opened: Arc<AtomicU64>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("address", &self.inner.address)
            .finish_non_exhaustive()
    }
}

/// A request before it is sent: the operation's name is what errors and logs call it.
struct Call {
    operation: &'static str,
    method: Method,
    path: String,
    body: Bytes,
    timeout: Duration,
    /// No connection that is younger will do.
    connections: Option<u64>,
}

/// An answer of any status, read to its end.
struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    connections: u64,
}

// === impl Client ===

impl Client {
    /// Checks the settings (address, token, certificate files) and makes a client; nothing is connected yet.
    ///
    /// # Errors
    /// [`Error::Settings`] says which setting is wrong and why.
    pub fn try_new(settings: &Settings) -> Result<Self> {
        let connector = Connector::try_new(settings)?;
        let opened = connector.opened();
        let http = legacy::Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(IDLE_CONNECTIONS)
            .build(connector);
        Ok(Self {
            inner: Arc::new(Inner {
                http,
                address: settings.address.clone(),
                token: settings.token.header()?,
                timeout: settings.timeout,
                opened,
            }),
        })
    }

    /// Where the agent is.
    #[must_use]
    pub fn address(&self) -> &Address {
        &self.inner.address
    }

    fn call(&self, operation: &'static str, method: Method, path: impl Into<String>) -> Call {
        Call {
            operation,
            method,
            path: path.into(),
            body: Bytes::new(),
            timeout: self.inner.timeout,
            connections: None,
        }
    }

    fn read(&self, operation: &'static str, path: &str, query: &Query) -> Call {
        let mut call = self.call(operation, Method::GET, query.append_to(path));
        call.timeout = query.timeout(self.inner.timeout);
        call.connections = query.connections.filter(|_| query.index > 0);
        call
    }

    /// Sends and reads to the end within the call's time-out, whatever the status.
    async fn reply(&self, call: Call) -> Result<Reply> {
        let Call {
            operation,
            method,
            path,
            body,
            timeout,
            connections,
        } = call;
        let uri = self
            .inner
            .address
            .uri(&path)
            .map_err(|reason| Error::Settings { reason })?;
        let mut request = self.request(method, uri, body)?;
        let mut used = capture_connection(&mut request);
        let exchange = async {
            let sending = self.inner.http.request(request);
            tokio::pin!(sending);
            let response = match connections {
                None => sending.await,
                Some(oldest) => tokio::select! {
                    biased;
                    () = younger_than(oldest, &mut used) => return Err(Error::Reconnected),
                    response = &mut sending => response,
                },
            };
            let response = response.map_err(|e| self.unreachable(&e))?;
            let opened = self.inner.opened.load(Ordering::Relaxed);
            let (parts, body) = response.into_parts();
            let body = Limited::new(body, MAX_BODY_BYTES)
                .collect()
                .await
                .map_err(|e| Error::Unreadable {
                    operation,
                    reason: error::chain(e.as_ref()),
                })?
                .to_bytes();
            Ok(Reply {
                status: parts.status,
                headers: parts.headers,
                body,
                connections: opened,
            })
        };
        match tokio::time::timeout(timeout, exchange).await {
            Ok(reply) => reply,
            Err(_) => Err(Error::TimedOut {
                operation,
                after: timeout,
            }),
        }
    }

    /// As [`Client::reply`], but any status other than success is [`Error::Refused`].
    async fn send(&self, call: Call) -> Result<Reply> {
        let operation = call.operation;
        let reply = self.reply(call).await?;
        if reply.status.is_success() {
            Ok(reply)
        } else {
            Err(self.refused(operation, &reply))
        }
    }

    async fn fetch<T: DeserializeOwned>(&self, call: Call) -> Result<Answer<T>> {
        let operation = call.operation;
        let reply = self.send(call).await?;
        let value = serde_json::from_slice(&reply.body).map_err(|e| Error::Unreadable {
            operation,
            reason: e.to_string(),
        })?;
        Ok(Answer::new(value, &reply.headers, reply.connections))
    }

    fn request(&self, method: Method, uri: Uri, body: Bytes) -> Result<Request<Full<Bytes>>> {
        let mut request = Request::builder().method(method).uri(uri);
        if let Some(token) = &self.inner.token {
            request = request.header("x-consul-token", token.clone());
        }
        if !body.is_empty() {
            request = request.header(http::header::CONTENT_TYPE, "application/json");
        }
        request
            .body(Full::new(body))
            .map_err(|e| Error::Settings { reason: e.to_string() })
    }

    fn unreachable(&self, error: &legacy::Error) -> Error {
        Error::Unreachable {
            address: self.inner.address.to_string(),
            reason: error::chain(error),
        }
    }

    fn refused(&self, operation: &'static str, reply: &Reply) -> Error {
        let mut body = String::from_utf8_lossy(&reply.body).into_owned();
        // An agent has no reason to repeat a token; if one ever does, it still must not reach a log.
        if let Some(token) = self.inner.token.as_ref().and_then(|token| token.to_str().ok()) {
            body = body.replace(token, "(token)");
        }
        Error::Refused {
            operation,
            status: reply.status,
            body: error::trimmed(&body),
        }
    }
}

/// Ends when the request goes over a connection that is younger than these, and never otherwise.
async fn younger_than(oldest: u64, used: &mut CaptureConnection) {
    let number = used
        .wait_for_connection_metadata()
        .await
        .as_ref()
        .and_then(|connected| {
            let mut extensions = http::Extensions::new();
            connected.get_extras(&mut extensions);
            extensions.get::<Number>().map(|number| number.0)
        });
    if number.is_none_or(|number| number <= oldest) {
        std::future::pending::<()>().await;
    }
}
