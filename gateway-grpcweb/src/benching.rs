//! The part of a call that asks who is calling, for `make bench` (feature `benching`): everything else of the gateway has
//! no public face.

use bytes::Bytes;
use http::{HeaderMap, Method, Response, Uri};
use http_body_util::Full;
use lyceum::Fabric;
use lyceum::error::Error as Refusal;
use lyceum::principal::{Signer, Token};

use crate::authentication::{Authentication, Shown};
use crate::{AuthenticationError, authentication};

/// Tells who is calling, as the gateway does.
#[derive(Debug)]
pub struct Asking {
    authentication: Authentication,
    signer: Signer,
}

impl Asking {
    /// As the gateway starts on loopback. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// What is wrong with the configuration.
    pub fn start(fabric: &Fabric) -> Result<Self, AuthenticationError> {
        let address = ([127, 0, 0, 1], 0).into();
        Ok(Self {
            authentication: Authentication::start(fabric, address)?,
            signer: Signer::new(fabric.identity().clone()),
        })
    }

    /// What a service is told of whoever sends these headers.
    ///
    /// # Errors
    /// Why it cannot be told.
    pub async fn told(&self, uri: &Uri, headers: &HeaderMap) -> Result<Token, Refusal> {
        let identified = self.authentication.identify(shown(uri, headers)).await?;
        self.signer.sign(&identified.caller.principal)
    }

    /// Signs in with a body of JSON.
    pub async fn sign_in(&self, body: Bytes) -> Response<Bytes> {
        let uri = Uri::from_static(authentication::SESSION);
        self.authentication
            .sign_in(Full::new(body), shown(&uri, &HeaderMap::new()))
            .await
    }
}

fn shown<'a>(uri: &'a Uri, headers: &'a HeaderMap) -> Shown<'a> {
    Shown {
        method: &Method::POST,
        uri,
        headers,
        secure: false,
        certificate: None,
        called: "p.S/Get",
        correlation: "",
    }
}
