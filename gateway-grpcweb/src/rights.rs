//! Whether Consul's access control lets the gateway read what it lives on, and what is lost where it does not.
//!
//! **Why.** Consul answers who may not list something with an empty list. So a gateway whose policy lacks a rule would
//! know no API key, or no service, and say so to every caller without a word on why. A single key that may not be read
//! is refused, though: that is what is asked here, and told. **When not.** What may be written shows when it is.
//! **Source.** "ACL rules", developer.hashicorp.com/consul; `deploy/consul/policies/gateway.hcl`.

use std::time::Duration;

use lyceum::Fabric;
use lyceum::consul::{self, Client, Query};
use tokio::time::sleep;

/// Between two questions, while something is missing.
const AGAIN: Duration = Duration::from_secs(60);
/// After Consul did not answer.
const SOON: Duration = Duration::from_secs(5);

/// A rule that is missing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("consul.token may not read {what}: {lost}; its policy needs {rule}, as in deploy/consul/policies/gateway.hcl")]
pub(crate) struct Missing {
    what: &'static str,
    lost: &'static str,
    rule: &'static str,
}

const SERVICES: Missing = Missing {
    what: "the services",
    lost: "no service is found, and every call is refused",
    rule: "service_prefix \"\" { policy = \"read\" } and node_prefix \"\" { policy = \"read\" }",
};

const FOLDERS: [Missing; 4] = [
    Missing {
        what: "lyceum/policies/",
        lost: "policies are not followed, so limits and access are the configuration's",
        rule: "key_prefix \"lyceum/policies/\" { policy = \"read\" }",
    },
    Missing {
        what: "lyceum/keys/",
        lost: "no API key is known",
        rule: "key_prefix \"lyceum/keys/\" { policy = \"read\" }",
    },
    Missing {
        what: "lyceum/sessions/",
        lost: "sessions that were ended elsewhere still open",
        rule: "key_prefix \"lyceum/sessions/\" { policy = \"write\" }",
    },
    Missing {
        what: "lyceum/quota/",
        lost: "each gateway counts daily quotas for itself",
        rule: "key_prefix \"lyceum/quota/\" { policy = \"write\" }",
    },
];

/// Tells what is missing, once for each rule, until nothing is.
pub(crate) async fn watch(fabric: Fabric) {
    let mut told = Vec::new();
    loop {
        let pause = match missing(fabric.consul()).await {
            Ok(missing) if missing.is_empty() => return,
            Ok(missing) => {
                for missing in missing {
                    if !told.contains(&missing) {
                        tracing::error!("{missing}");
                        told.push(missing);
                    }
                }
                AGAIN
            }
            Err(_) => SOON,
        };
        sleep(pause).await;
    }
}

/// The rules that the bearer of a client's token lacks.
async fn missing(consul: &Client) -> consul::Result<Vec<Missing>> {
    let mut missing = Vec::new();
    // Whoever may see every service sees Consul's own.
    if !consul.services(&Query::default()).await?.value.contains_key("consul") {
        missing.push(SERVICES);
    }
    for folder in FOLDERS {
        match consul.kv_get(folder.what, &Query::default()).await {
            Ok(_) => {}
            Err(error) if error.is_forbidden() => missing.push(folder),
            Err(error) => return Err(error),
        }
    }
    Ok(missing)
}

#[cfg(test)]
mod tests {
    use lyceum::testing::consul::Consul;

    use super::*;

    const OPERATOR: &str = "11111111-2222-3333-4444-555555555555";

    /// What a token lacks whose policy has these rules.
    async fn lacks(consul: &Consul, name: &str, rules: &str) -> Vec<Missing> {
        let (policy, rules) = (format!("-name={name}"), format!("-rules={rules}"));
        consul
            .command(&["acl", "policy", "create", &policy, &rules], OPERATOR)
            .await;
        let policy = format!("-policy-name={name}");
        let said = consul.command(&["acl", "token", "create", &policy], OPERATOR).await;
        let secret = said.lines().find_map(|line| line.strip_prefix("SecretID:")).unwrap();
        missing(&consul.client_with(secret.trim())).await.unwrap()
    }

    #[tokio::test]
    async fn a_rule_that_is_missing_is_named_and_the_documented_ones_are_enough() {
        let consul = Consul::start_with_access_control(OPERATOR).await;
        let documented = include_str!("../../deploy/consul/policies/gateway.hcl");
        assert_eq!(lacks(&consul, "whole", documented).await, []);
        for (number, folder) in FOLDERS.iter().enumerate() {
            let without = documented.replace(folder.what, "elsewhere/");
            assert_eq!(
                lacks(&consul, &format!("without{number}"), &without).await,
                std::slice::from_ref(folder)
            );
        }
        let only = lacks(&consul, "only", "service \"gateway\" { policy = \"write\" }").await;
        assert_eq!((only.len(), only.first()), (1 + FOLDERS.len(), Some(&SERVICES)));
        let nobody = missing(&consul.client()).await.unwrap();
        assert_eq!(nobody, only);
        assert!(FOLDERS[1].to_string().contains("lyceum/keys/: no API key is known"));
    }
}
