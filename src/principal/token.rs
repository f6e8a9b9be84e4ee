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

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderValue};
use prost::Message;
use rustls::pki_types::CertificateDer;

use super::{ANONYMOUS, Principal, Role, Roles};
use crate::context::headers::{PRINCIPAL, PRINCIPAL_CERTIFICATE};

/// The longest token that is looked at, its certificates included.
pub(super) const LONGEST: usize = 4096;
/// The longest time that one is good for.
pub(super) const LIFETIME: Duration = Duration::from_secs(300);
/// How much the clocks of two machines may differ.
pub(super) const SKEW: Duration = Duration::from_secs(30);

const VERSION: &str = "p2";
/// What goes before the signed bytes and makes them none of TLS.
const PREFIX: &[u8] = b"lyceum principal\0";
/// A leaf and two that lead to the root.
const CERTIFICATES: usize = 3;

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
            roles: principal.roles.iter().fold(0, |set, role| set | bit(role)),
            students: principal.students.expose().clone(),
            classes: principal.classes.expose().clone(),
            expires: seconds(expires),
        }
    }

    /// None where a field is unknown, comes twice, or is written in more bytes than it needs.
    fn read(bytes: &[u8]) -> Option<Self> {
        let claims = Self::decode(bytes).ok()?;
        (claims.encode_to_vec() == bytes).then_some(claims)
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
        if roles.iter().fold(0, |set, role| set | bit(role)) != self.roles {
            return Err("it names a role that is none");
        }
        Principal::try_new(self.subject, roles)
            .and_then(|principal| principal.with_students(self.students))
            .and_then(|principal| principal.with_classes(self.classes))
            .map(|principal| principal.until(UNIX_EPOCH + Duration::from_secs(self.expires)))
            .map_err(|_| "it names somebody who cannot be")
    }
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

/// The certificates of a signer as they travel.
pub(super) fn chain(certificates: &[CertificateDer<'_>]) -> String {
    let mut chain = String::new();
    for certificate in certificates.iter().take(CERTIFICATES) {
        if !chain.is_empty() {
            chain.push('.');
        }
        URL_SAFE_NO_PAD.encode_string(certificate, &mut chain);
    }
    chain
}

/// Reads what [`chain`] wrote.
pub(super) fn certificates(chain: &str) -> Option<Vec<CertificateDer<'static>>> {
    let chain: Vec<_> = chain
        .split('.')
        .take(CERTIFICATES + 1)
        .map(|part| URL_SAFE_NO_PAD.decode(part).map(CertificateDer::from))
        .collect::<Result<_, _>>()
        .ok()?;
    (chain.len() <= CERTIFICATES).then_some(chain)
}

/// Writes what is signed of a token; `sign` signs the bytes that it is given.
pub(super) fn write<E>(
    claims: &Claims,
    chain: &str,
    sign: impl FnOnce(&[u8]) -> Result<Vec<u8>, E>,
) -> Result<String, E> {
    let mut token = format!("{VERSION}.");
    URL_SAFE_NO_PAD.encode_string(claims.encode_to_vec(), &mut token);
    let signature = sign(&signed(&token, chain))?;
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut token);
    Ok(token)
}

/// A token taken apart; nothing of it is believed yet.
pub(super) struct Parts<'t> {
    claims: &'t str,
    body: &'t str,
    signature: &'t str,
}

impl<'t> Parts<'t> {
    pub(super) fn parse(token: &'t str) -> Option<Self> {
        let (body, signature) = token.rsplit_once('.')?;
        let (version, claims) = body.split_once('.')?;
        (version == VERSION && !claims.contains('.')).then_some(Self {
            claims,
            body,
            signature,
        })
    }

    pub(super) fn claims(&self) -> Option<Claims> {
        Claims::read(&URL_SAFE_NO_PAD.decode(self.claims).ok()?)
    }

    /// The bytes that were signed, if with these certificates, and the signature.
    pub(super) fn signature(&self, chain: &str) -> Option<(Vec<u8>, Vec<u8>)> {
        Some((signed(self.body, chain), URL_SAFE_NO_PAD.decode(self.signature).ok()?))
    }
}

/// Version and claims have one dot between them and end at the next, so no other certificates make the same bytes.
fn signed(body: &str, chain: &str) -> Vec<u8> {
    [PREFIX, body.as_bytes(), b".", chain.as_bytes()].concat()
}

pub(super) fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
