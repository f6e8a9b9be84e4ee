//! Whether a call may be made at all, before anything of it goes further.
//!
//! One place for every front, so that no protocol is a way around a rule. When not: what the message says is the
//! service's to judge, which asks the same questions again.

use http::{HeaderMap, HeaderValue};
use lyceum::error::Error as Refusal;

use crate::edge::Edge;
use crate::invoke::Ask;

/// Nobody has said who is asking.
const ANONYMOUS: HeaderValue = HeaderValue::from_static("anonymous");

/// A call that may be made.
#[derive(Debug)]
pub(crate) struct Admitted {
    /// Who asks, as services believe it.
    pub(crate) principal: HeaderValue,
    /// What the answer tells beside what the service says.
    pub(crate) told: HeaderMap,
}

impl Edge {
    /// Admits a call, or says why not.
    pub(crate) async fn admit(&self, _ask: &Ask<'_>) -> Result<Admitted, Refusal> {
        Ok(Admitted {
            principal: ANONYMOUS,
            told: HeaderMap::new(),
        })
    }
}
