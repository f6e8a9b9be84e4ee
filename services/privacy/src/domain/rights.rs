//! Rights over everything that is kept: a package that is complete, and an erasure that goes on until it is.
//!
//! Both ask every service by one contract, so their rules are here: what a package lists ([`export`]), and how an erasure
//! proceeds and what its receipt says ([`erasure`]). A request has an id that the caller drew: the same id asks for the
//! same thing once. When not: what a service holds and may keep is for the service to know. Source: GDPR Art. 15, 17, 20;
//! FERPA 34 CFR 99.10; COPPA 16 CFR 312.6.

pub mod erasure;
pub mod export;

/// The most services that a request is carried out over.
pub const SERVICES: usize = 128;

/// What a request with an id that was used before means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// Nobody used the id: it begins.
    New,
    /// It asks for the same once more: the answer is how far that is.
    Same,
    /// It asks for something else: refused.
    Taken,
}

/// What tells one request from another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Everything in a package.
    Export,
    /// Everything erased.
    Erasure,
}

/// Whether a request with a known id asks for what that one asked for: of the same kind, for the same account.
#[must_use]
pub fn admit(known: Option<(Kind, &str)>, kind: Kind, account: &str) -> Admission {
    match known {
        None => Admission::New,
        Some(known) if known == (kind, account) => Admission::Same,
        Some(_) => Admission::Taken,
    }
}

/// Whether this is a request's id: 16 to 64 letters, digits, hyphens or underscores.
#[must_use]
pub fn is_request_id(id: &str) -> bool {
    (16..=64).contains(&id.len())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// Whether this is a service's name in the mesh, and can be a folder's: lower-case letters, digits and hyphens.
fn is_service(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
}

#[cfg(test)]
mod tests;
