//! What all attempts of a call have in common: method, settings, headers, deadline.
//!
//! The context of the call that is being served goes along, with the time that is left less what a hop costs. When not:
//! what changes from attempt to attempt is made by [`Plan::request`]. Source: gRPC over HTTP/2; gRFC A6 for the header
//! that counts attempts.

use std::sync::Arc;
use std::time::Duration;

use http::header::{CONNECTION, HeaderMap, HeaderName, HeaderValue, TE, TRANSFER_ENCODING, UPGRADE};
use http::uri::{PathAndQuery, Uri};
use http::{Request, request};
use tokio::time::Instant;

use super::WaitForReady;
use super::callee::Callee;
use crate::balancing;
use crate::context::{self, Context, Trace, headers};
use crate::contracts::{METHODS, Method};
use crate::error::Error;
use crate::policy::{Call, Resolved};
use crate::principal::{Principal, Token};
use crate::resilience::deadline;
use crate::telemetry::adopt;

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
/// How many attempts went before this one.
const PREVIOUS_ATTEMPTS: HeaderName = HeaderName::from_static("grpc-previous-rpc-attempts");

/// A call that is about to be made.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) index: Option<usize>,
    pub(super) deadline: Option<Instant>,
    /// Whether it waits for an instance rather than fail.
    pub(super) wait: bool,
    /// What keeps it on the same instance.
    pub(super) affinity: Option<u64>,
    /// The context of the call that is being served, if one is.
    pub(super) inbound: Option<Arc<Context>>,
    /// On whose behalf it is made, where no call is being served: the gateway's.
    principal: Option<Arc<Principal>>,
    policy: Arc<Resolved>,
    uri: Uri,
    headers: HeaderMap,
}

impl Plan {
    /// Plans the call that `parts` ask for.
    ///
    /// # Errors
    /// INVALID_ARGUMENT for headers or a path that make no call.
    pub(super) fn of(
        callee: &Callee,
        parts: request::Parts,
        index: Option<usize>,
        policy: Arc<Resolved>,
        span: &tracing::Span,
    ) -> Result<Self, Error> {
        let mut headers = parts.headers;
        let inbound = context::current();
        let deadline = deadline(&headers, index, policy.call(index).deadline, inbound.as_deref())?;
        match &inbound {
            Some(context) => context.write(&adopt(span, &context.trace), &mut headers),
            // Without an inbound context the headers may still name a trace: the gateway brings the browser's. Where
            // nothing is recorded it stands as it is.
            None if span.is_disabled() && headers.contains_key(headers::TRACEPARENT) => {}
            None => {
                let caller = headers
                    .get(headers::TRACEPARENT)
                    .and_then(|value| Trace::parse(value.as_bytes()))
                    .unwrap_or_else(Trace::fresh);
                headers.insert(headers::TRACEPARENT, adopt(span, &caller).to_header());
            }
        }
        // HTTP/2 has no place for what belongs to a connection (RFC 9113, 8.2.2).
        for name in [CONNECTION, TRANSFER_ENCODING, UPGRADE, KEEP_ALIVE, PROXY_CONNECTION] {
            headers.remove(name);
        }
        headers.insert(TE, HeaderValue::from_static("trailers"));
        let affinity = policy
            .balancing
            .affinity
            .as_ref()
            .and_then(|name| headers.get(name.as_str()))
            .map(|value| balancing::hash(value.as_bytes()));
        let mut uri = http::uri::Parts::default();
        uri.scheme = Some(callee.scheme.clone());
        uri.authority = Some(callee.authority.clone());
        uri.path_and_query = Some(
            parts
                .uri
                .path_and_query()
                .cloned()
                .unwrap_or_else(|| PathAndQuery::from_static("/")),
        );
        Ok(Self {
            index,
            deadline,
            wait: parts.extensions.get::<WaitForReady>().is_some(),
            affinity,
            inbound,
            principal: parts.extensions.get::<Arc<Principal>>().cloned(),
            policy,
            uri: Uri::from_parts(uri)
                .map_err(|_| Error::invalid_argument("METHOD_UNKNOWN", "the path is no method"))?,
            headers,
        })
    }

    /// How calls of the method are made.
    pub(super) fn settings(&self) -> &Call {
        self.policy.call(self.index)
    }

    /// Every setting of the callee.
    pub(super) fn policy(&self) -> &Resolved {
        &self.policy
    }

    fn method(&self) -> Option<&'static Method> {
        self.index.map(|index| &METHODS[index])
    }

    pub(super) fn idempotent(&self) -> bool {
        self.method().is_some_and(|method| method.idempotent)
    }

    /// A method that no contract here knows may stream.
    pub(super) fn client_streams(&self) -> bool {
        self.method().is_none_or(|method| method.client_streaming)
    }

    /// Likewise.
    pub(super) fn server_streams(&self) -> bool {
        self.method().is_none_or(|method| method.server_streaming)
    }

    /// The time that is left.
    pub(super) fn left(&self) -> Option<Duration> {
        let deadline = self.deadline?;
        Some(deadline.saturating_duration_since(Instant::now()))
    }

    /// The call's own context: the inbound one, or what its headers say.
    pub(super) fn context(&self) -> Option<Arc<Context>> {
        if self.inbound.is_some() {
            return self.inbound.clone();
        }
        let mut context = Context::from_headers(&self.headers, Instant::now()).ok()?;
        context.principal.clone_from(&self.principal);
        context.token = Token::read(&self.headers);
        Some(Arc::new(context))
    }

    /// The head of the request after so many attempts.
    pub(super) fn request(&self, previous: u32) -> Request<()> {
        let mut request = Request::new(());
        *request.method_mut() = http::Method::POST;
        *request.version_mut() = http::Version::HTTP_2;
        *request.uri_mut() = self.uri.clone();
        let headers = request.headers_mut();
        *headers = self.headers.clone();
        if let Some(left) = self.left() {
            let given = deadline::passed_on(left, self.settings()).unwrap_or_default();
            headers.insert(headers::TIMEOUT, context::format_timeout(given));
        }
        if previous > 0 {
            headers.insert(PREVIOUS_ATTEMPTS, HeaderValue::from(previous));
        }
        request
    }
}

/// The earlier of the call's own deadline and the one that it serves; a stream may have none.
fn deadline(
    headers: &HeaderMap,
    index: Option<usize>,
    usual: Duration,
    inbound: Option<&Context>,
) -> Result<Option<Instant>, Error> {
    let streams = index
        .map(|index| &METHODS[index])
        .is_some_and(|method| method.client_streaming || method.server_streaming);
    let own = match headers.get(headers::TIMEOUT) {
        Some(value) => Some(
            context::parse_timeout(value)
                .ok_or_else(|| Error::invalid_argument("CONTEXT_INVALID", "the header grpc-timeout cannot be read"))?,
        ),
        None if streams => None,
        None => Some(usual),
    };
    let own = own.and_then(|left| Instant::now().checked_add(left));
    let inherited = inbound.and_then(|context| context.deadline);
    Ok(match (own, inherited) {
        (Some(own), Some(inherited)) => Some(own.min(inherited)),
        (own, inherited) => own.or(inherited),
    })
}
