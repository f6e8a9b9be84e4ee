//! What is looked at of a request, and what is known of whoever sent it.

use std::sync::Arc;

use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, Uri};
use lyceum::identity::SpiffeId;
use lyceum::principal::Principal;

use crate::peer::Peer;

/// Somebody who asks.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) principal: Arc<Principal>,
    pub(crate) proof: Proof,
}

/// By what it is known who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// Nothing was shown.
    Nothing,
    /// An issuer's token.
    Token,
    /// The API key with this id.
    Key(Arc<str>),
    /// A session's cookie.
    Session,
    /// The connection's client certificate.
    Certificate,
}

/// What is looked at of a request.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Shown<'a> {
    pub(crate) method: &'a Method,
    pub(crate) uri: &'a Uri,
    pub(crate) headers: &'a HeaderMap,
    /// Whether the connection is encrypted.
    pub(crate) secure: bool,
    /// Whose certificate the connection has.
    pub(crate) certificate: Option<&'a SpiffeId>,
    /// What the audit calls the method: a name that services announced.
    pub(crate) called: &'a str,
    /// Ties the audit to the call.
    pub(crate) correlation: &'a str,
}

impl<'a> Shown<'a> {
    /// What a request shows that calls nothing; `called` is what the audit calls it.
    pub(crate) fn of(parts: &'a Parts, peer: &'a Peer, called: &'a str) -> Self {
        Self {
            method: &parts.method,
            uri: &parts.uri,
            headers: &parts.headers,
            secure: peer.secure,
            certificate: peer.certificate.as_ref(),
            called,
            correlation: "",
        }
    }
}

/// What came of looking.
#[derive(Debug)]
pub(crate) struct Identified {
    pub(crate) caller: Caller,
    /// A session that was used goes on: the cookie to send back.
    pub(crate) cookie: Option<HeaderValue>,
    /// Whether `authorization` is the gateway's, and no service's.
    pub(crate) keeps_authorization: bool,
}

// === impl Proof ===

impl Proof {
    /// The API key's id, where it was one.
    pub(crate) fn key(&self) -> Option<&str> {
        match self {
            Self::Key(id) => Some(id),
            _ => None,
        }
    }

    /// What it is called.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Token => "token",
            Self::Key(_) => "key",
            Self::Session => "session",
            Self::Certificate => "certificate",
        }
    }
}
