//! Values below a prefix of Consul's key-value store, followed as instances are: last known good, one query at a time.
//!
//! When not: the policy of one service has a watch of its own, [`crate::policy::Policies`].

use std::sync::Arc;

use tokio::sync::watch;

use super::{Follower, Item, Settings};
use crate::consul::{Client, Stored};

/// What stands below a prefix; none until Consul has told.
pub type Values = Option<Arc<[Stored]>>;

impl Item for Stored {
    fn is_same(&self, other: &Self) -> bool {
        self.key == other.key
    }

    fn is_worth_keeping(&self) -> bool {
        true
    }
}

/// Follows a prefix until the last receiver is gone. Must be called within a tokio runtime.
pub(crate) fn follow_values(consul: Client, settings: Settings, prefix: &str) -> watch::Receiver<Values> {
    let (sender, receiver) = watch::channel(None);
    let prefix = prefix.to_owned();
    tokio::spawn(async move {
        let read = |query| {
            let (consul, prefix) = (consul.clone(), prefix.clone());
            async move { consul.kv_list(&prefix, &query).await }
        };
        let publish = |stored: &[Stored]| {
            sender.send_if_modified(|values| {
                let changed = values.as_deref() != Some(stored);
                if changed {
                    *values = Some(stored.into());
                }
                changed
            });
        };
        tokio::select! {
            () = sender.closed() => {}
            () = Follower::new(&prefix, &settings).run(read, publish) => {}
        }
    });
    receiver
}
