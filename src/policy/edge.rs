//! `[edge]`: what the gateway lets in and out, changed while it runs; of the service `gateway` alone.

use serde::{Deserialize, Serialize};

use super::limits::Limits;
use super::rules::Rules;
use crate::configuration::Problem;

/// What the gateway lets in and out.
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Edge {
    /// How often it may be called.
    pub limits: Limits,
    /// The access log.
    pub log: Log,
}

/// The access log.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// The share of calls that is logged, 0 to 1; errors always are.
    pub sample: f64,
}

impl Default for Log {
    fn default() -> Self {
        Self { sample: 1.0 }
    }
}

impl Edge {
    pub(super) fn check(&self, problems: &mut Vec<Problem>) {
        self.limits.check(&mut Rules::of("edge.limits", problems));
        Rules::of("edge.log", problems).share("sample", self.log.sample, 0.0, 1.0);
    }
}
