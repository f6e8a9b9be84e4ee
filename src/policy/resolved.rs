//! What holds for a service right now, laid out for the path of a call.

use super::document::{is_of, name};
use super::{Balancing, Budget, Call, Edge, Policy, Serving};
use crate::contracts::METHODS;

/// A service's settings with every method's worked out.
#[derive(Clone, Debug, PartialEq)]
pub struct Resolved {
    /// One for each of [`METHODS`]; those of other services have the service's own settings.
    methods: Box<[Call]>,
    /// For methods that no contract here knows.
    other: Call,
    /// How much may be sent a second time.
    pub budget: Budget,
    /// Which instance a call goes to.
    pub balancing: Balancing,
    /// What a server takes on.
    pub serving: Serving,
    /// What the gateway lets in and out.
    pub edge: Edge,
}

impl Resolved {
    /// The settings of `service`.
    #[must_use]
    pub fn of(policy: &Policy, service: &str) -> Self {
        let call = |method| {
            if is_of(method, service) {
                policy.method(name(method))
            } else {
                policy.call.clone()
            }
        };
        Self {
            methods: METHODS.iter().map(call).collect(),
            other: policy.call.clone(),
            budget: policy.budget.clone(),
            balancing: policy.balancing.clone(),
            serving: policy.serving.clone(),
            edge: policy.edge.clone(),
        }
    }

    /// How a call of the method at `index` of [`METHODS`] is made; of one that no contract here knows without an index.
    #[must_use]
    pub fn call(&self, index: Option<usize>) -> &Call {
        index.and_then(|index| self.methods.get(index)).unwrap_or(&self.other)
    }
}
