//! SPIFFE IDs: `spiffe://<trust-domain>/ns/default/dc/<datacenter>/svc/<service>`, the form that Consul's own
//! authority issues, and `spiffe://<trust-domain>/operator/<name>` for people with grpcurl.
//!
//! Source: the SPIFFE-ID specification (lengths, characters), Consul Connect's service identities.

use std::fmt;
use std::sync::Arc;

use super::Error;

/// The longest URI that is accepted, in bytes (SPIFFE-ID, section 2.3).
const LONGEST: usize = 2048;

/// Who holds an identity.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Holder {
    /// A service, by its Consul name.
    Service(String),
    /// A person who operates the fabric.
    Operator(String),
    /// A form that this fabric does not know.
    Other,
}

/// A verified-looking SPIFFE URI: equality is of the whole URI.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct SpiffeId {
    uri: Arc<str>,
    trust_domain: String,
    holder: Holder,
}

impl SpiffeId {
    /// A service's identity.
    ///
    /// # Errors
    /// A trust domain, datacenter or name with characters that SPIFFE does not allow.
    pub fn service(trust_domain: &str, datacenter: &str, service: &str) -> Result<Self, Error> {
        check_domain(trust_domain)?;
        check_segment(datacenter)?;
        check_segment(service)?;
        Self::parse(&format!(
            "spiffe://{trust_domain}/ns/default/dc/{datacenter}/svc/{service}"
        ))
    }

    /// An operator's identity.
    ///
    /// # Errors
    /// As [`SpiffeId::service`].
    pub fn operator(trust_domain: &str, name: &str) -> Result<Self, Error> {
        check_domain(trust_domain)?;
        check_segment(name)?;
        Self::parse(&format!("spiffe://{trust_domain}/operator/{name}"))
    }

    /// Reads a URI.
    ///
    /// # Errors
    /// Anything that is no SPIFFE ID.
    pub fn parse(uri: &str) -> Result<Self, Error> {
        let wrong = |problem| Error::Name {
            name: uri.chars().take(128).collect(),
            problem,
        };
        if uri.len() > LONGEST {
            return Err(wrong("is longer than a SPIFFE ID may be"));
        }
        let rest = uri
            .strip_prefix("spiffe://")
            .ok_or_else(|| wrong("does not begin with spiffe://"))?;
        let (trust_domain, path) = rest.split_once('/').unwrap_or((rest, ""));
        check_domain(trust_domain)?;
        let segments: Vec<&str> = if path.is_empty() {
            Vec::new()
        } else {
            path.split('/').collect()
        };
        for segment in &segments {
            check_segment(segment)?;
        }
        let holder = match segments.as_slice() {
            ["ns", _, "dc", _, "svc", service] => Holder::Service((*service).to_owned()),
            ["operator", name] => Holder::Operator((*name).to_owned()),
            _ => Holder::Other,
        };
        Ok(Self {
            uri: uri.into(),
            trust_domain: trust_domain.to_owned(),
            holder,
        })
    }

    /// The identity of another service of the same trust domain and datacenter.
    ///
    /// # Errors
    /// A name with characters that SPIFFE does not allow.
    pub fn sibling(&self, service: &str) -> Result<Self, Error> {
        check_segment(service)?;
        let Some((prefix, _)) = self.uri.rsplit_once("/svc/") else {
            return Err(Error::Name {
                name: self.uri.to_string(),
                problem: "is no service's identity",
            });
        };
        Self::parse(&format!("{prefix}/svc/{service}"))
    }

    /// The whole URI.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.uri
    }

    /// The trust domain.
    #[must_use]
    pub fn trust_domain(&self) -> &str {
        &self.trust_domain
    }

    /// Who holds it.
    #[must_use]
    pub fn holder(&self) -> &Holder {
        &self.holder
    }
}

impl fmt::Display for SpiffeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.uri)
    }
}

impl fmt::Debug for SpiffeId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.uri)
    }
}

fn check_domain(name: &str) -> Result<(), Error> {
    let good = !name.is_empty()
        && name.len() <= 255
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'_'));
    if good {
        Ok(())
    } else {
        Err(Error::Name {
            name: name.chars().take(128).collect(),
            problem: "is no trust domain: use lower-case letters, digits, dots and hyphens",
        })
    }
}

fn check_segment(name: &str) -> Result<(), Error> {
    let good = !name.is_empty()
        && name.len() <= 128
        && name != "."
        && name != ".."
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'));
    if good {
        Ok(())
    } else {
        Err(Error::Name {
            name: name.chars().take(128).collect(),
            problem: "cannot be part of an identity: use letters, digits, dots, hyphens and underscores",
        })
    }
}
