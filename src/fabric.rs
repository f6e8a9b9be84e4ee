//! Everything one process needs of the fabric: its identity, Consul, discovery, clients, metrics.

use std::sync::Arc;

use crate::authorization::{Authorize, Listed, NoRule};
use crate::client::{Callees, Channel, Contract, Outside};
use crate::configuration::Configuration;
use crate::consul;
use crate::discovery::{self, Discovery};
use crate::identity;
use crate::policy::Policies;
use crate::resilience::fallback;
use crate::telemetry::Metrics;

/// Why the fabric could not start.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// No usable certificate.
    #[error(transparent)]
    Identity(#[from] identity::Error),
    /// Consul's settings cannot be used.
    #[error(transparent)]
    Consul(#[from] consul::Error),
    /// A rule of the authorization list cannot be read.
    #[error(transparent)]
    Authorization(#[from] NoRule),
    /// A file that the settings of Consul name cannot be read.
    #[error("consul.token_file: {path}: {source}")]
    File {
        /// Which file.
        path: std::path::PathBuf,
        /// What went wrong.
        source: std::io::Error,
    },
}

/// The fabric of one process; cheap to clone.
#[derive(Clone, Debug)]
pub struct Fabric {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    configuration: Configuration,
    service: String,
    identity: identity::Source,
    consul: consul::Client,
    discovery: Discovery,
    callees: Callees,
    policies: Policies,
    metrics: Metrics,
    authorization: Arc<dyn Authorize>,
}

impl Fabric {
    /// Starts what a process called `service` needs. Consul need not answer yet.
    ///
    /// # Errors
    /// An identity that cannot be had, settings that cannot be used.
    pub fn start(configuration: Configuration, service: &str) -> Result<Self, Error> {
        let identity = identity::Source::start(&configuration, service)?;
        let consul = consul::Client::try_new(&consul_settings(&configuration)?)?;
        let discovery = Discovery::new(consul.clone(), discovery_settings(&configuration));
        let policies = Policies::new(
            consul.clone(),
            discovery_settings(&configuration),
            configuration.policy.clone(),
        );
        let authorization = Arc::new(Listed::parse(&configuration.authorization.allow)?);
        let metrics = Metrics::default();
        let callees = Callees::new(
            discovery.clone(),
            policies.clone(),
            identity.clone(),
            configuration.client.clone(),
            configuration.registration.zone.clone(),
            metrics.clone(),
        );
        let inner = Inner {
            service: service.to_owned(),
            identity,
            consul,
            discovery,
            callees,
            policies,
            metrics,
            authorization,
            configuration,
        };
        Ok(Self { inner: Arc::new(inner) })
    }

    /// A generated client.
    ///
    /// # Errors
    /// Never for generated clients; their names are names.
    pub fn client<C: Contract>(&self) -> C {
        // A contract's service name comes from its package, whose letters are all allowed in an identity.
        match self.channel(C::SERVICE) {
            Ok(channel) => C::over(channel),
            Err(error) => unreachable!("a contract's name is no identity: {error}"),
        }
    }

    /// A channel to a service by its Consul name, for callers that know no types.
    ///
    /// # Errors
    /// A name that no identity can have.
    pub fn channel(&self, service: &str) -> Result<Channel, identity::Error> {
        self.inner.callees.get(service).map(Channel::new)
    }

    /// A channel to a service outside the mesh, which has no identity here: nothing that only the fabric's own may see
    /// should go there.
    ///
    /// # Errors
    /// A name that no identity can have.
    pub fn outside(&self, outside: &Outside) -> Result<Channel, identity::Error> {
        self.inner.callees.outside(outside).map(Channel::new)
    }

    /// Supplies the answer of an idempotent unary method (`/package.Service/Method`) for when its service does not
    /// answer and no earlier answer is kept. The response then says `lyceum-answer: static`.
    ///
    /// # Errors
    /// A path that is no method, or of one that may change something or streams.
    pub fn supply_answer(&self, path: &str, message: &impl prost::Message) -> Result<(), fallback::Error> {
        self.inner.callees.fallback().supply(path, message)
    }

    /// What stands below a prefix of Consul's key-value store, kept up to date as long as anybody listens. Must be called
    /// within a tokio runtime.
    #[must_use]
    pub fn values(&self, prefix: &str) -> tokio::sync::watch::Receiver<discovery::Values> {
        discovery::follow_values(
            self.inner.consul.clone(),
            discovery_settings(&self.inner.configuration),
            prefix,
        )
    }

    /// What this process is called.
    #[must_use]
    pub fn service(&self) -> &str {
        &self.inner.service
    }

    /// The configuration it was started with.
    #[must_use]
    pub fn configuration(&self) -> &Configuration {
        &self.inner.configuration
    }

    /// Who it is.
    #[must_use]
    pub fn identity(&self) -> &identity::Source {
        &self.inner.identity
    }

    /// Consul.
    #[must_use]
    pub fn consul(&self) -> &consul::Client {
        &self.inner.consul
    }

    /// Who else is there.
    #[must_use]
    pub fn discovery(&self) -> &Discovery {
        &self.inner.discovery
    }

    /// How services are called, and how this one serves.
    #[must_use]
    pub fn policies(&self) -> &Policies {
        &self.inner.policies
    }

    /// The metrics of this process.
    #[must_use]
    pub fn metrics(&self) -> &Metrics {
        &self.inner.metrics
    }

    /// Who may call.
    #[must_use]
    pub fn authorization(&self) -> &Arc<dyn Authorize> {
        &self.inner.authorization
    }
}

/// The client's settings from the configuration.
///
/// # Errors
/// An address that is none, files that cannot be read.
pub fn consul_settings(configuration: &Configuration) -> Result<consul::Settings, Error> {
    let from = &configuration.consul;
    let mut settings = consul::Settings::new(from.address.parse()?);
    if let Some(token) = &from.token {
        settings.token = consul::Token::new(token.expose());
    } else if let Some(path) = &from.token_file {
        settings.token = consul::Token::new(
            std::fs::read_to_string(path)
                .map_err(|source| Error::File {
                    path: path.clone(),
                    source,
                })?
                .trim(),
        );
    }
    settings.tls = from.roots.as_ref().map(|roots| consul::Tls {
        authorities: roots.clone(),
        certificate: from.certificate.clone().zip(from.key.clone()),
        server_name: None,
    });
    Ok(settings)
}

fn discovery_settings(configuration: &Configuration) -> discovery::Settings {
    let from = &configuration.discovery;
    discovery::Settings {
        wait: from.wait,
        empty_hold: from.hold_empty,
        max_staleness: from.stale_limit,
        // After an outage instances register again at their next heartbeat: hold on for two of them.
        recovery_hold: configuration.registration.ttl * 2 / 3 + from.hold_empty,
        ..discovery::Settings::default()
    }
}
