//! Whether a call may be made at all, before anything of it goes further.
//!
//! One place for every front, so that no protocol is a way around a rule. When not: what the message says is the
//! service's to judge, which asks the same questions again.

use std::sync::Arc;

use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderValue};
use lyceum::error::Error as Refusal;
use lyceum::principal::{Principal, Token};

use crate::authentication::{Caller, Identified, Shown};
use crate::edge::Edge;
use crate::invoke::Ask;
use crate::peer::Peer;
use crate::quota::Standing;

/// A call that may be made.
#[derive(Debug)]
pub(crate) struct Admitted {
    /// Who asks.
    pub(crate) principal: Arc<Principal>,
    /// The same, as services believe it.
    pub(crate) token: Token,
    /// What the answer tells beside what the service says.
    pub(crate) told: HeaderMap,
    /// Whether `authorization` was the gateway's to read, so that no service gets it.
    pub(crate) keeps_authorization: bool,
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
    pub(crate) async fn admit(
        &self,
        ask: &Ask<'_>,
        method: &str,
        correlation: Option<&HeaderValue>,
    ) -> Result<Admitted, Box<Denied>> {
        let mut standing = Standing::default();
        // Before anybody asks who is calling: guessing credentials is limited too.
        self.quota
            .rules()
            .arrive(ask.peer.address.ip(), ask.headers, &mut standing)?;

        let Identified {
            caller: Caller { principal, proof },
            cookie,
            keeps_authorization,
        } = self
            .authentication
            .identify(Shown {
                correlation: correlation.and_then(|id| id.to_str().ok()).unwrap_or_default(),
                ..ask.shown(method)
            })
            .await?;

        self.access(ask.uri.path()).permits(&principal)?;

        let rules = self.quota.rules();
        let subject = (!principal.is_anonymous()).then(|| principal.subject().expose().as_str());
        rules.call(subject, proof.key(), method, &mut standing)?;
        let mut told = HeaderMap::new();
        standing.tell(&rules, &mut told);
        told.extend(cookie.map(|cookie| (SET_COOKIE, cookie)));
        if let Some(together) = ask.together {
            together.admitted(&standing, &told);
        }
        Ok(Admitted {
            token: self.signer.sign(&principal)?,
            principal,
            told,
            keeps_authorization,
        })
    }

    /// Who asks, where nothing is called: guessing is limited as it is for calls.
    pub(crate) async fn caller(&self, peer: &Peer, shown: Shown<'_>) -> Result<Arc<Principal>, Refusal> {
        let mut standing = Standing::default();
        self.quota
            .rules()
            .arrive(peer.address.ip(), shown.headers, &mut standing)
            .map_err(|denied| denied.refusal)?;
        Ok(self.authentication.identify(shown).await?.caller.principal)
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
