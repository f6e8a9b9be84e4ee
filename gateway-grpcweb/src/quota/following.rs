//! What the limits depend on, as it changes: the gateway's policy, how many gateways there are, the time to settle.

use std::sync::Arc;
use std::time::Duration;

use lyceum::Fabric;
use lyceum::consul::Health;
use lyceum::discovery::Instances;
use tokio::time::{sleep, timeout};

use super::Quota;

/// How long the last settlement of a gateway that stops may take.
const LAST: Duration = Duration::from_secs(2);

impl Quota {
    /// Keeps the limits as the policy says, shared by all gateways that are live, for as long as it runs.
    pub(crate) async fn follow(self: Arc<Self>, fabric: Fabric) {
        let policy = fabric.policies().watch(fabric.service());
        let mut changes = policy.changes();
        let mut instances = fabric.discovery().watch(fabric.service());
        let mut held = None;
        loop {
            let limits = policy.load().edge.limits.clone();
            let wanted = (limits, live(&instances.borrow_and_update()));
            if held.as_ref() != Some(&wanted) {
                self.change(&wanted.0, wanted.1);
                tracing::debug!(gateways = wanted.1, "limits are shared");
                held = Some(wanted);
            }
            tokio::select! {
                changed = changes.changed() => if changed.is_err() { return },
                changed = instances.changed() => if changed.is_err() { return },
                () = sleep(self.rules().share), if self.rules().has_days() => {
                    self.counts.days.settle(fabric.consul()).await;
                }
            }
        }
    }

    /// Tells the other gateways what this one has counted, before it goes.
    pub(crate) async fn leave(&self, fabric: &Fabric) {
        if self.rules().has_days() && timeout(LAST, self.counts.days.settle(fabric.consul())).await.is_err() {
            tracing::warn!("what callers used of their day since the last time is lost: Consul does not answer");
        }
    }
}

/// How many gateways take calls: this one at least.
fn live(instances: &Instances) -> u32 {
    let passing = instances
        .usable()
        .filter(|instance| instance.health == Health::Passing)
        .count();
    u32::try_from(passing).unwrap_or(u32::MAX).max(1)
}
