//! A permit on the wire: two headers like the principal's, `lyceum-privacy: v1.<claims>.<signature>` and
//! `lyceum-privacy-certificate`, with a prefix of their own under the signature.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{HeaderMap, HeaderValue};
use prost::Message;

use super::{LIFETIME, Permit, RETENTION_LIMIT, Use};
use crate::context::headers::{PERMIT, PERMIT_CERTIFICATE, is_token};
use crate::identity::statement::Kind;
use crate::principal::{ANONYMOUS, Role, Roles, SKEW, bits, seconds};
use crate::privacy::{Basis, Category, Consent, Purpose};

/// What is signed of a permit.
pub(super) const KIND: Kind = Kind {
    version: "v1",
    prefix: b"lyceum privacy context\0",
};

/// A permit as it travels.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    permit: HeaderValue,
    certificate: HeaderValue,
}

impl Token {
    /// As it was received or stored; nothing of it is believed.
    #[must_use]
    pub fn new(mut permit: HeaderValue, mut certificate: HeaderValue) -> Self {
        // HTTP/2 may remember the certificate for a connection and never whose data it is.
        permit.set_sensitive(true);
        certificate.set_sensitive(false);
        Self { permit, certificate }
    }

    /// Makes it that of a call with these headers.
    pub fn write(&self, headers: &mut HeaderMap) {
        headers.insert(PERMIT, self.permit.clone());
        headers.insert(PERMIT_CERTIFICATE, self.certificate.clone());
    }

    /// What is permitted, with its signature.
    #[must_use]
    pub fn permit(&self) -> &HeaderValue {
        &self.permit
    }

    /// The certificate of the service that signed it.
    #[must_use]
    pub fn certificate(&self) -> &HeaderValue {
        &self.certificate
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

/// What is said of a permit. Nothing here can be printed.
#[derive(Clone, PartialEq, Message)]
#[prost(skip_debug)]
pub(super) struct Claims {
    #[prost(string, tag = "1")]
    holder: String,
    #[prost(uint32, tag = "2")]
    roles: u32,
    #[prost(string, tag = "3")]
    student: String,
    #[prost(int32, tag = "4")]
    purpose: i32,
    #[prost(message, repeated, tag = "5")]
    uses: Vec<ClaimedUse>,
    #[prost(uint64, tag = "6")]
    consents: u64,
    /// Seconds.
    #[prost(uint64, tag = "7")]
    retention: u64,
    /// Seconds since 1970.
    #[prost(uint64, tag = "8")]
    issued: u64,
    /// Seconds since 1970.
    #[prost(uint64, tag = "9")]
    expires: u64,
}

impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Claims")
    }
}

/// The numbers of a use's words.
#[derive(Clone, Copy, PartialEq, Message)]
struct ClaimedUse {
    #[prost(int32, tag = "1")]
    category: i32,
    #[prost(int32, tag = "2")]
    level: i32,
    #[prost(int32, tag = "3")]
    basis: i32,
}

impl Claims {
    pub(super) fn of(permit: &Permit) -> Self {
        let uses = permit.uses.iter().map(|one| ClaimedUse {
            category: one.category.number(),
            level: one.level.number(),
            basis: one.basis.number(),
        });
        Self {
            holder: permit.holder.expose().clone(),
            roles: bits(permit.roles),
            student: permit.student.expose().clone(),
            purpose: permit.purpose.number(),
            uses: uses.collect(),
            consents: permit.consents,
            retention: permit.retention.as_secs(),
            issued: seconds(permit.issued),
            expires: seconds(permit.expires),
        }
    }

    /// The permit, if the claims hold now and say nothing impossible.
    pub(super) fn permit(self, now: SystemTime) -> Result<Permit, &'static str> {
        const WORD: &str = "it uses a word that is not known here";
        let (now, skew) = (seconds(now), SKEW.as_secs());
        if self.expires.saturating_add(skew) < now {
            return Err("it has expired");
        }
        if self.issued > now.saturating_add(skew) {
            return Err("it was issued in the future");
        }
        if self.expires > self.issued.saturating_add(LIFETIME.as_secs()) {
            return Err("it is good for longer than a permit may be");
        }
        let roles: Roles = Role::ALL
            .into_iter()
            .filter(|role| bits(Roles::from(*role)) & self.roles != 0)
            .collect();
        if bits(roles) != self.roles || !is_token(&self.holder, 128) || self.holder == ANONYMOUS {
            return Err("it names somebody who cannot be");
        }
        let uses = self.uses.iter().map(|one| {
            Some(Use {
                category: Category::from_number(one.category)?,
                level: Consent::from_number(one.level)?,
                basis: Basis::from_number(one.basis)?,
            })
        });
        let uses = uses.collect::<Option<Vec<_>>>().ok_or(WORD)?;
        let purpose = Purpose::from_number(self.purpose).ok_or(WORD)?;
        if self.retention > RETENTION_LIMIT.as_secs() {
            return Err("it keeps data for longer than may be");
        }
        let issued = UNIX_EPOCH + Duration::from_secs(self.issued);
        let permit = Permit::assemble(self.holder, roles, self.student, purpose, uses, issued)
            .map_err(|_| "it permits what cannot be")?;
        Ok(permit
            .of_version(self.consents)
            .with_retention(Duration::from_secs(self.retention))
            .until(UNIX_EPOCH + Duration::from_secs(self.expires)))
    }
}
