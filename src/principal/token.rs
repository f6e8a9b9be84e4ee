//! A principal on the wire: `p1.<claims>.<certificate>[.<certificate>…].<signature>`, each part base64url.
//!
//! The certificates are the signer's, leaf first; the signature is of everything before its dot, with a prefix of its
//! own, so that no handshake's signature is ever one of these. There is no field for an algorithm: the key in the
//! certificate has one. Claims that are not known here make the whole invalid: they might narrow what the others grant.
//!
//! Why not a JWT with `x5c`: the certificate would be encoded twice, which makes a call's largest header a third larger,
//! and its header is there to choose what must not be chosen (RFC 8725). Source: JWS (RFC 7515) and PASETO for the shape.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rustls::pki_types::CertificateDer;
use serde::{Deserialize, Serialize};

use super::{Principal, Roles};

/// The longest token that is looked at.
pub(super) const LONGEST: usize = 4096;
/// The longest time that one is good for.
pub(super) const LIFETIME: Duration = Duration::from_secs(300);
/// How much the clocks of two machines may differ.
pub(super) const SKEW: Duration = Duration::from_secs(30);

const VERSION: &str = "p1";
/// What goes before the signed bytes and makes them none of TLS.
const PREFIX: &[u8] = b"lyceum principal\0";
/// A leaf and two that lead to the root.
const CERTIFICATES: usize = 3;

/// What is said of a principal. Nothing here can be printed.
#[derive(Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Claims {
    sub: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    roles: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    students: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    classes: Vec<String>,
    /// The trust domain that it is for.
    aud: String,
    iat: u64,
    exp: u64,
}

impl Claims {
    pub(super) fn of(principal: &Principal, audience: &str, now: SystemTime, expires: SystemTime) -> Self {
        Self {
            sub: principal.subject.expose().clone(),
            roles: principal.roles.iter().map(|role| role.name().to_owned()).collect(),
            students: principal.students.expose().clone(),
            classes: principal.classes.expose().clone(),
            aud: audience.to_owned(),
            iat: seconds(now),
            exp: seconds(expires),
        }
    }

    /// The principal, if the claims are for this trust domain, now, and say nothing impossible.
    pub(super) fn principal(self, audience: &str, now: SystemTime) -> Result<Principal, &'static str> {
        let (now, skew) = (seconds(now), SKEW.as_secs());
        if self.aud != audience {
            return Err("it is for another trust domain");
        }
        if self.iat > now.saturating_add(skew) {
            return Err("it is not valid yet");
        }
        if self.exp.saturating_add(skew) < now {
            return Err("it has expired");
        }
        if self.exp < self.iat || self.exp - self.iat > LIFETIME.as_secs() {
            return Err("it is good for longer than a token may be");
        }
        let mut roles = Roles::NONE;
        for name in &self.roles {
            let role = name.parse().map_err(|_| "it names a role that is none")?;
            roles = roles.with(role);
        }
        Principal::try_new(self.sub, roles)
            .and_then(|principal| principal.with_students(self.students))
            .and_then(|principal| principal.with_classes(self.classes))
            .map(|principal| principal.until(UNIX_EPOCH + Duration::from_secs(self.exp)))
            .map_err(|_| "it names somebody who cannot be")
    }
}

/// Writes a token; `sign` signs the bytes that it is given.
pub(super) fn write<E>(
    claims: &Claims,
    chain: &[CertificateDer<'_>],
    sign: impl FnOnce(&[u8]) -> Result<Vec<u8>, E>,
) -> Result<String, E> {
    // Names and numbers make JSON always.
    let claims = serde_json::to_vec(claims).unwrap_or_default();
    let mut token = format!("{VERSION}.");
    URL_SAFE_NO_PAD.encode_string(claims, &mut token);
    for certificate in chain.iter().take(CERTIFICATES) {
        token.push('.');
        URL_SAFE_NO_PAD.encode_string(certificate, &mut token);
    }
    let signature = sign(&signed(&token))?;
    token.push('.');
    URL_SAFE_NO_PAD.encode_string(signature, &mut token);
    Ok(token)
}

/// A token taken apart; nothing of it is believed yet.
pub(super) struct Token<'t> {
    claims: &'t str,
    /// The certificates as they came.
    pub(super) chain: &'t str,
    body: &'t str,
    signature: &'t str,
}

impl<'t> Token<'t> {
    pub(super) fn parse(token: &'t str) -> Option<Self> {
        let (body, signature) = token.rsplit_once('.')?;
        let (version, rest) = body.split_once('.')?;
        let (claims, chain) = rest.split_once('.')?;
        (version == VERSION && token.len() <= LONGEST).then_some(Self {
            claims,
            chain,
            body,
            signature,
        })
    }

    pub(super) fn claims(&self) -> Option<Claims> {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(self.claims).ok()?).ok()
    }

    pub(super) fn certificates(&self) -> Option<Vec<CertificateDer<'static>>> {
        let chain = self.chain.split('.').take(CERTIFICATES + 1);
        let chain: Vec<_> = chain
            .map(|part| URL_SAFE_NO_PAD.decode(part).map(CertificateDer::from))
            .collect::<Result<_, _>>()
            .ok()?;
        (chain.len() <= CERTIFICATES).then_some(chain)
    }

    /// The bytes that were signed, and the signature.
    pub(super) fn signature(&self) -> Option<(Vec<u8>, Vec<u8>)> {
        Some((signed(self.body), URL_SAFE_NO_PAD.decode(self.signature).ok()?))
    }
}

fn signed(body: &str) -> Vec<u8> {
    [PREFIX, body.as_bytes()].concat()
}

pub(super) fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}
