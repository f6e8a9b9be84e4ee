//! A principal on the wire, in two headers: `lyceum-principal: p2.<claims>.<signature>` and
//! `lyceum-principal-certificate: <certificate>[.<certificate>…]`, each part base64url.
//!
//! The claims are a Protobuf message of few bytes, for they travel with every call and HTTP/2 codes each of them afresh.
//! The certificates are the signer's, leaf first; the signature is of claims and certificates together, with a prefix of
//! their own, so that no handshake's signature is ever one of these, and no token is good with another certificate. There
//! is no field for an algorithm: the key in the certificate has one; nor for an audience: it is the trust domain of the
//! certificate, and no other believes it. Claims that are not known here make the whole invalid: they might narrow what
//! the others grant.
//!
//! Why two: the certificates are most of the bytes, public, and the same in all calls of a gateway, so HTTP/2 may remember
//! them for a connection and send a number instead. The claims are marked never to be remembered: they are somebody's,
//! and those of a school would push the certificates out (RFC 7541, 7.1).
//!
//! Why not a JWT with `x5c`: the certificate would be encoded twice, which makes a call's largest header a third larger,
//! and its header is there to choose what must not be chosen (RFC 8725). Source: JWS (RFC 7515) and PASETO for the shape.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{HeaderMap, HeaderValue};
use prost::Message;

use super::{ANONYMOUS, Principal, Role, Roles};
use crate::context::headers::{PRINCIPAL, PRINCIPAL_CERTIFICATE};
use crate::identity::statement::Kind;

/// The longest time that one is good for.
pub(super) const LIFETIME: Duration = Duration::from_secs(300);
/// How much the clocks of two machines may differ.
pub(crate) const SKEW: Duration = Duration::from_secs(30);

/// What is signed of a principal.
pub(super) const KIND: Kind = Kind {
    version: "p2",
    prefix: b"lyceum principal\0",
};

/// A principal as it travels.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    principal: HeaderValue,
    /// Nobody has to prove that they are nobody.
    certificate: Option<HeaderValue>,
}

impl Token {
    /// That of somebody who has not said who they are.
    #[must_use]
    pub fn anonymous() -> Self {
        Self {
            principal: HeaderValue::from_static(ANONYMOUS),
            certificate: None,
        }
    }

    pub(super) fn new(mut principal: HeaderValue, mut certificate: HeaderValue) -> Self {
        principal.set_sensitive(true);
        certificate.set_sensitive(false);
        Self {
            principal,
            certificate: Some(certificate),
        }
    }

    /// The one in these headers; nothing of it is believed.
    #[must_use]
    pub fn read(headers: &HeaderMap) -> Option<Self> {
        Some(Self {
            principal: headers.get(PRINCIPAL)?.clone(),
            certificate: headers.get(PRINCIPAL_CERTIFICATE).cloned(),
        })
    }

    /// Makes it that of a call with these headers.
    pub fn write(&self, headers: &mut HeaderMap) {
        headers.insert(PRINCIPAL, self.principal.clone());
        match &self.certificate {
            Some(certificate) => headers.insert(PRINCIPAL_CERTIFICATE, certificate.clone()),
            None => headers.remove(PRINCIPAL_CERTIFICATE),
        };
    }

    /// What is said of whom, with its signature: what tells one token from another.
    #[must_use]
    pub fn principal(&self) -> &HeaderValue {
        &self.principal
    }

    /// The certificate of whoever signed it.
    #[must_use]
    pub fn certificate(&self) -> Option<&HeaderValue> {
        self.certificate.as_ref()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

/// What is said of a principal. Nothing here can be printed.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub(super) struct Claims {
    #[prost(string, tag = "1")]
    subject: String,
    /// A set, a [`bit`] for each.
    #[prost(uint32, tag = "2")]
    roles: u32,
    #[prost(string, repeated, tag = "3")]
    students: Vec<String>,
    #[prost(string, repeated, tag = "4")]
    classes: Vec<String>,
    /// Seconds since 1970.
    #[prost(uint64, tag = "5")]
    expires: u64,
}

impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Claims")
    }
}

impl Claims {
    pub(super) fn of(principal: &Principal, expires: SystemTime) -> Self {
        Self {
            subject: principal.subject.expose().clone(),
            roles: bits(principal.roles),
            students: principal.students.expose().clone(),
            classes: principal.classes.expose().clone(),
            expires: seconds(expires),
        }
    }

    /// The principal, if the claims hold now and say nothing impossible.
    pub(super) fn principal(self, now: SystemTime) -> Result<Principal, &'static str> {
        let (now, skew) = (seconds(now), SKEW.as_secs());
        if self.expires.saturating_add(skew) < now {
            return Err("it has expired");
        }
        if self.expires > now.saturating_add(LIFETIME.as_secs() + skew) {
            return Err("it is good for longer than a token may be");
        }
        let roles: Roles = Role::ALL
            .into_iter()
            .filter(|role| self.roles & bit(*role) != 0)
            .collect();
        if bits(roles) != self.roles {
            return Err("it names a role that is none");
        }
        Principal::try_new(self.subject, roles)
            .and_then(|principal| principal.with_students(self.students))
            .and_then(|principal| principal.with_classes(self.classes))
            .map(|principal| principal.until(UNIX_EPOCH + Duration::from_secs(self.expires)))
            .map_err(|_| "it names somebody who cannot be")
    }
}

/// A set of roles in a statement.
pub(crate) fn bits(roles: Roles) -> u32 {
    roles.iter().fold(0, |set, role| set | bit(role))
}

/// Fixed for good: services of another version read it.
const fn bit(role: Role) -> u32 {
    match role {
        Role::Student => 1,
        Role::Educator => 2,
        Role::Administrator => 4,
        Role::Service => 8,
        Role::Parent => 16,
    }
}

pub(crate) fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
