//! A service outside the mesh: fixed addresses, no identity of the fabric's, TLS by the web's rules or none.
//!
//! **Why.** Services move into the mesh one by one, and public conformance suites never will; the same balancer, breakers
//! and budgets call them. **When not.** Between services: whoever is called by a fixed address has no identity that
//! could be demanded, and nothing that Consul knows of it counts.

use std::path::PathBuf;
use std::sync::Arc;

use http::uri::{Authority, Scheme};
use rustls::{ClientConfig, RootCertStore};

use crate::discovery::{Instance, Instances, State, WEIGHT_UNIT};
use crate::identity;

/// Before the name of a service outside, so that it is never mistaken for one of Consul's.
const PREFIX: &str = "outside-";

/// Where a service outside the mesh is, and how it is spoken to.
#[derive(Clone, Debug)]
pub struct Outside {
    name: String,
    scheme: Scheme,
    authority: Authority,
    pub(super) security: Security,
}

/// How a service outside the mesh proves who it is.
#[derive(Clone, Debug)]
pub(super) enum Security {
    /// It does not.
    None,
    /// By a certificate for its host's name.
    Tls(Arc<ClientConfig>),
}

/// Why a service outside the mesh cannot be called.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Not an address.
    #[error("\"{0}\" is no address: write h2c://host:port or https://host:port")]
    Address(String),
    /// TLS needs somebody who vouches.
    #[error("https needs roots: a PEM file of those who vouch for the certificate")]
    Roots,
    /// The roots cannot be used.
    #[error(transparent)]
    Identity(#[from] identity::Error),
}

impl Outside {
    /// A service called `name` (letters, digits, hyphens), at `h2c://host:port` or at `https://host:port` with the roots
    /// (PEM) that vouch for it.
    ///
    /// # Errors
    /// An address that is none, roots that are missing or cannot be read.
    pub fn try_new(name: &str, address: &str, roots: Option<&PathBuf>) -> Result<Self, Error> {
        let wrong = || Error::Address(address.to_owned());
        let (scheme, authority) = address.split_once("://").ok_or_else(wrong)?;
        let authority: Authority = authority.trim_end_matches('/').parse().map_err(|_| wrong())?;
        if authority.host().is_empty() || authority.port_u16().is_none() || authority.as_str().contains('@') {
            return Err(wrong());
        }
        let (scheme, security) = match scheme {
            "h2c" => (Scheme::HTTP, Security::None),
            "https" => (
                Scheme::HTTPS,
                Security::Tls(Arc::new(trusting(roots.ok_or(Error::Roots)?)?)),
            ),
            _ => return Err(wrong()),
        };
        Ok(Self {
            name: format!("{PREFIX}{name}"),
            scheme,
            authority,
            security,
        })
    }

    /// What channels and metrics call it.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether what is said to it can be read on its way.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        matches!(self.security, Security::None)
    }

    pub(super) fn scheme(&self) -> Scheme {
        self.scheme.clone()
    }

    pub(super) fn authority(&self) -> Authority {
        self.authority.clone()
    }

    /// What discovery would say of it.
    pub(super) fn instances(&self) -> Instances {
        Instances {
            state: State::Known,
            list: vec![Instance {
                id: self.name.clone(),
                service: self.name.clone(),
                host: self.authority.host().trim_matches(['[', ']']).to_owned(),
                port: self.authority.port_u16().unwrap_or_default(),
                weight: WEIGHT_UNIT,
                ..Instance::default()
            }],
        }
    }
}

fn trusting(roots: &std::path::Path) -> Result<ClientConfig, identity::Error> {
    let mut store = RootCertStore::empty();
    for root in identity::certificates(roots)? {
        store.add(root)?;
    }
    let mut client = ClientConfig::builder_with_provider(identity::provider())
        .with_safe_default_protocol_versions()?
        .with_root_certificates(store)
        .with_no_client_auth();
    client.alpn_protocols = vec![b"h2".to_vec()];
    Ok(client)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_says_how_it_is_spoken_to() {
        let plain = Outside::try_new("suite", "h2c://127.0.0.1:50051", None).unwrap();
        assert!(plain.is_plain());
        assert_eq!(
            (plain.name(), plain.authority().as_str()),
            ("outside-suite", "127.0.0.1:50051")
        );
        let instances = plain.instances();
        assert_eq!(instances.usable().next().unwrap().authority(), "127.0.0.1:50051");
        let six = Outside::try_new("suite", "h2c://[::1]:50051/", None).unwrap();
        assert_eq!(six.instances().list[0].authority(), "[::1]:50051");
        for wrong in [
            "127.0.0.1:1",
            "http://a:1",
            "h2c://a",
            "h2c://",
            "h2c://u@a:1",
            "h2c://a:1/x",
        ] {
            assert!(
                matches!(Outside::try_new("x", wrong, None), Err(Error::Address(_))),
                "{wrong}"
            );
        }
        assert!(matches!(Outside::try_new("x", "https://a:1", None), Err(Error::Roots)));
    }
}
