//! Configuration: read once, in layers, checked as a whole, and shown without its secrets.
//!
//! Defaults < TOML file < environment (`LYCEUM_SECTION__KEY`; `CONSUL_HTTP_ADDR` and `CONSUL_HTTP_TOKEN` are honoured
//! too) < flags (`section.key=value`). Everything wrong is told at once, with its key and what it must be. Nothing
//! else in the workspace reads the environment. When not: what changes while running lives in Consul.
//! Source: the twelve-factor app, III; ztunnel's parse-once configuration.

mod authentication;
mod gateway;
mod layers;
mod rules;
mod sections;
mod storage;

pub use authentication::{Authentication, Issuer};
pub use gateway::{Gateway, Tls, TlsSource, Upstream};
pub(crate) use layers::{find, overlay};
pub use sections::{
    Authorization, Client, Consul, Discovery, Identity, IdentitySource, LogFormat, Registration, Serving, Telemetry,
};

pub use storage::Storage;

use std::fmt;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::policy::Policy;

/// Everything that any role of the binary can be told.
#[derive(Clone, Debug, Serialize)]
pub struct Configuration {
    /// The data folder: development certificates, logs. Created where it is missing.
    pub data: PathBuf,
    /// How to reach Consul.
    pub consul: Consul,
    /// Who this process is.
    pub identity: Identity,
    /// Who may call whom.
    pub authorization: Authorization,
    /// How an instance announces itself.
    pub registration: Registration,
    /// How others are found.
    pub discovery: Discovery,
    /// How a server listens.
    pub serving: Serving,
    /// How others are called.
    pub client: Client,
    /// What holds for every service that has nothing else in its own policy.
    pub policy: Policy,
    /// Logs, metrics, traces.
    pub telemetry: Telemetry,
    /// What services remember.
    pub storage: Storage,
    /// The browser's side.
    pub gateway: Gateway,
}

impl Default for Configuration {
    fn default() -> Self {
        Self {
            data: PathBuf::from("data"),
            consul: Consul::default(),
            identity: Identity::default(),
            authorization: Authorization::default(),
            registration: Registration::default(),
            discovery: Discovery::default(),
            serving: Serving::default(),
            client: Client::default(),
            policy: Policy::default(),
            telemetry: Telemetry::default(),
            storage: Storage::default(),
            gateway: Gateway::default(),
        }
    }
}

impl Configuration {
    /// Reads all layers and checks the result.
    ///
    /// # Errors
    /// Every unreadable file, unknown key, wrong type and broken rule at once.
    pub fn load(
        file: Option<&Path>,
        environment: impl IntoIterator<Item = (String, String)>,
        flags: &[String],
    ) -> Result<Self, Errors> {
        let mut errors = Errors::default();
        let layered = layers::merge(file, environment, flags, &mut errors);
        let configuration = layers::read(layered, &mut errors);
        rules::check(&configuration, &mut errors);
        if errors.0.is_empty() {
            Ok(configuration)
        } else {
            Err(errors)
        }
    }

    /// The whole configuration as TOML; secrets are hidden.
    #[must_use]
    pub fn shown(&self) -> String {
        // Every field is a plain value or a table of plain values, which TOML can always write.
        toml::to_string(self).unwrap_or_else(|error| format!("# cannot be shown: {error}\n"))
    }
}

/// One thing wrong with the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The key, such as `gateway.body_limit`, or the file.
    pub key: String,
    /// What is wrong and what it must be.
    pub problem: String,
}

/// Everything wrong with the configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Errors(pub Vec<Problem>);

impl Errors {
    fn add(&mut self, key: impl Into<String>, problem: impl Into<String>) {
        self.0.push(Problem {
            key: key.into(),
            problem: problem.into(),
        });
    }
}

impl std::error::Error for Errors {}

impl fmt::Display for Errors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plural = if self.0.len() == 1 { "" } else { "s" };
        write!(f, "the configuration has {} problem{plural}:", self.0.len())?;
        for Problem { key, problem } in &self.0 {
            write!(f, "\n  {key}: {problem}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
