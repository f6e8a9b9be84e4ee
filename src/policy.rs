//! The policy of a service: every setting of how it is called and how it serves, in one document.
//!
//! **What.** A [`Policy`] has six sections: `[call]` with `[methods.<Name>]` above it, `[budget]`, `[balancing]`,
//! `[serving]` and, for the gateway alone, `[edge]`. It is the default of each key, below the configuration's `[policy]`, below the service's own document:
//! TOML in Consul's key-value store at `lyceum/policies/<service>`. [`Policies::watch`] follows that document; what holds
//! now is a [`Resolved`], read without a lock and without a look-up by name.
//!
//! **Why.** Whoever is called at night needs one place to look and one to change, without a restart. A document counts
//! as a whole or not at all: one that has a mistake, is too long or is gone while Consul recovers leaves the last good
//! one in force, and the log names every key that is wrong.
//!
//! **When not.** What a process needs before it can ask Consul (addresses, certificates) is configuration; who may call
//! whom is authorization.
//!
//! **Source.** gRPC's service config (one document a service, overrides a method, watched) and its complaint: it is
//! refused as a whole, silently. `docs/resilience.md` lists every key; `docs/adr/0006-policies-in-consul.md` says why
//! Consul.

mod balancing;
mod budget;
mod call;
mod document;
mod edge;
mod following;
mod limits;
mod network;
mod resolved;
mod rules;
mod serving;
mod shown;
mod versions;

pub use balancing::{Balancing, Choice, Ejection};
pub use budget::Budget;
pub use call::Call;
pub use document::{DOCUMENT_LIMIT, Error};
pub use edge::{Access, Edge, HeaderRules, Log, Route};
pub use following::{Policies, Watched, key};
pub use limits::{Allowance, Limits, Rate};
pub use network::Network;
pub use resolved::Resolved;
pub use serving::Serving;
pub use shown::{Origin, Setting};
pub use versions::{Deprecation, Versions};

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use toml::Table;

use crate::configuration::overlay;

/// Every setting of one service.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Policy {
    /// How a call is made.
    pub call: Call,
    /// The keys of `call` that a method has otherwise, by its name, such as `AnalyzeWriting`.
    pub methods: BTreeMap<String, Table>,
    /// How much may be sent a second time.
    pub budget: Budget,
    /// Which instance a call goes to.
    pub balancing: Balancing,
    /// What a server takes on.
    pub serving: Serving,
    /// What the gateway lets in and out.
    pub edge: Edge,
}

impl Policy {
    /// How a call of the method with this name is made.
    #[must_use]
    pub fn method(&self, name: &str) -> Call {
        let Some(above) = self.methods.get(name) else {
            return self.call.clone();
        };
        // Both were read before, so neither fails; a policy made by hand with a wrong key falls back to the service's.
        let mut merged = Table::try_from(&self.call).unwrap_or_default();
        overlay(&mut merged, above.clone());
        merged.try_into().unwrap_or_else(|_| self.call.clone())
    }
}

#[cfg(test)]
mod tests;
