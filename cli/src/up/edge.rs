//! What the gateway knows, asked as any monitor would ask it.

use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::{BodyExt as _, Limited};
use lyceum::configuration::Configuration;
use lyceum::identity;
use serde_json::Value;

use crate::gateway::{Failure, Way};

/// A gateway on this machine answers in a millisecond.
const ANSWERS_WITHIN: Duration = Duration::from_secs(2);

/// More than its report of a thousand instances.
const REPORT_LIMIT: usize = 1024 * 1024;

/// Whether the gateway at an address has heard of all these instances, and asked their services for their types.
pub(super) async fn knows<'a>(
    configuration: &Configuration,
    gateway: SocketAddr,
    ids: impl Iterator<Item = &'a str>,
) -> bool {
    let Ok(Ok(report)) = tokio::time::timeout(ANSWERS_WITHIN, report(configuration, gateway)).await else {
        return false;
    };
    let known = instances(&report);
    is_settled(&report) && ids.into_iter().all(|id| known.contains(&id))
}

async fn report(configuration: &Configuration, gateway: SocketAddr) -> Result<Value, Failure> {
    let way = Way::try_new(configuration, &identity::operator(configuration, "up")?)?;
    let (response, _connection) = way.get(&gateway.to_string(), "/gateway/services").await?;
    let body = Limited::new(response.into_body(), REPORT_LIMIT);
    Ok(serde_json::from_slice(&body.collect().await?.to_bytes())?)
}

fn is_settled(report: &Value) -> bool {
    report["services"]
        .as_array()
        .into_iter()
        .flatten()
        .all(|service| service["settled"] == true)
}

/// The ids in a report.
fn instances(report: &Value) -> Vec<&str> {
    report["services"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|service| service["instances"].as_array())
        .flatten()
        .filter_map(|instance| instance["id"].as_str())
        .collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn ids_are_read_and_what_is_strange_is_skipped() {
        let report = json!({ "services": [
            { "name": "a", "instances": [{ "id": "a-1" }, { "id": "a-2" }] },
            { "name": "b" },
            { "name": "c", "instances": [{ "address": "x" }] },
        ]});
        assert_eq!(instances(&report), ["a-1", "a-2"]);
        assert!(instances(&json!(7)).is_empty());
    }
}
