//! Issuing permits: what the privacy service does once it has decided.
//!
//! When not: whoever receives a permit passes it on unchanged, and never signs another.

use std::fmt;

use prost::Message as _;
use tonic::Code;

use super::Permit;
use super::token::{Claims, KIND, Token};
use crate::error::Error;
use crate::identity;
use crate::identity::statement::Writer;

/// Signs permits in the name of this process.
pub struct Signer {
    statements: Writer,
}

impl fmt::Debug for Signer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Signer").field(self.statements.identity().id()).finish()
    }
}

impl Signer {
    /// Signs with the newest certificate of this identity.
    #[must_use]
    pub fn new(identity: identity::Source) -> Self {
        Self {
            statements: Writer::new(identity),
        }
    }

    /// What goes with the holder's calls. Ends with this process' certificate at the latest.
    ///
    /// # Errors
    /// INTERNAL with reason PERMIT_UNSIGNED where the key does not sign, or this process' certificates are too large.
    pub fn sign(&self, permit: Permit) -> Result<Token, Error> {
        let material = self.statements.identity().material();
        let claims = Claims::of(&permit.until(material.expires())).encode_to_vec();
        let written = self
            .statements
            .write(&KIND, &claims, &material)
            .unwrap_or_else(|error| {
                tracing::error!(%error, "a privacy context cannot be signed");
                None
            });
        let (permit, certificate) = written.ok_or_else(|| {
            Error::new(
                Code::Internal,
                "PERMIT_UNSIGNED",
                "this process cannot issue privacy contexts",
            )
        })?;
        Ok(Token::new(permit, certificate))
    }
}
