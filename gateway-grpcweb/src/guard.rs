//! Whether a call may be made at all, before anything of it goes further.
//!
//! One place for every front, so that no protocol is a way around a rule. When not: what the message says is the
//! service's to judge, which asks the same questions again.

use http::{HeaderMap, HeaderValue};
use lyceum::error::Error as Refusal;

use crate::edge::Edge;
use crate::invoke::Ask;
use crate::quota::Standing;

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

/// A call that may not be made.
#[derive(Debug)]
pub(crate) struct Denied {
    /// Why.
    pub(crate) refusal: Refusal,
    /// What the answer tells beside.
    pub(crate) told: HeaderMap,
}

impl Edge {
    /// Admits a call of a method, called as metrics call it, or says why not.
    pub(crate) async fn admit(&self, ask: &Ask<'_>, method: &str) -> Result<Admitted, Box<Denied>> {
        let mut standing = Standing::default();
        // Before anybody asks who is calling: guessing credentials is limited too.
        self.quota.rules().arrive(ask.peer.address.ip(), &mut standing)?;

        let rules = self.quota.rules();
        rules.call(None, None, method, &mut standing)?;
        let mut told = HeaderMap::new();
        standing.tell(&rules, &mut told);
        Ok(Admitted {
            principal: ANONYMOUS,
            told,
        })
    }
}

impl From<Refusal> for Box<Denied> {
    fn from(refusal: Refusal) -> Self {
        Self::new(Denied {
            refusal,
            told: HeaderMap::new(),
        })
    }
}
