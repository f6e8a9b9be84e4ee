//! What the whole cluster knows: the names of its services, and whether it has a leader.

use std::collections::BTreeMap;

use http::Method;

use super::{Answer, Client, Query, Result};

impl Client {
    /// Every service's name with the union of its instances' tags.
    ///
    /// # Errors
    /// When Consul cannot be asked, refuses, or answers with something else.
    pub async fn services(&self, query: &Query) -> Result<Answer<BTreeMap<String, Vec<String>>>> {
        let call = self.read("list the services", "/v1/catalog/services", query);
        let answer = self
            .fetch::<Option<BTreeMap<String, Option<Vec<String>>>>>(call)
            .await?;
        Ok(answer.map(|services| {
            services
                .unwrap_or_default()
                .into_iter()
                .map(|(name, tags)| (name, tags.unwrap_or_default()))
                .collect()
        }))
    }

    /// The leader's address, or none while the servers have not elected one.
    ///
    /// # Errors
    /// When Consul cannot be asked, refuses, or answers with something else.
    pub async fn leader(&self) -> Result<Option<String>> {
        let call = self.call("name its leader", Method::GET, "/v1/status/leader");
        let leader = self.fetch::<Option<String>>(call).await?.value;
        Ok(leader.filter(|leader| !leader.is_empty()))
    }
}
