//! A browser's side of the gateway, down to the bytes: grpc-web over HTTP/1.1, without any of the fabric's code.

use std::time::Duration;

use bytes::{BufMut as _, Bytes, BytesMut};
use http::{Request, Uri};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use lyceum::principal::Role;
use lyceum_gateway_grpcweb::development::{self, Keys};
use lyceum_gateway_grpcweb::keys::Moment;
use prost::Message;

use crate::running::Up;

/// A page's connections to one gateway. Clones share them.
#[derive(Clone)]
pub(crate) struct Browser {
    http: Client<HttpConnector, Full<Bytes>>,
    gateway: String,
    credential: Option<String>,
}

/// What came back instead of a message.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) status: String,
    #[expect(dead_code, reason = "a failing test prints it")]
    pub(crate) message: String,
}

// === impl Browser ===

impl Browser {
    /// Nobody in particular.
    pub(crate) fn new(gateway: String) -> Self {
        Self {
            http: Client::builder(TokioExecutor::new()).build_http(),
            gateway,
            credential: None,
        }
    }

    /// An educator with a development token.
    pub(crate) fn signed_in(up: &Up) -> Self {
        let keys = Keys::open(up.data()).unwrap();
        let token = keys.mint(
            &development::person(Role::Educator),
            Duration::from_secs(3600),
            Moment::now(),
        );
        Self::new(up.gateway()).with(&token.unwrap())
    }

    /// With a token or an API key.
    pub(crate) fn with(self, credential: &str) -> Self {
        Self {
            credential: Some(format!("Bearer {credential}")),
            ..self
        }
    }

    /// One unary call of `package.Service/Method`.
    pub(crate) async fn call<R: Message + Default>(&self, method: &str, message: &impl Message) -> Result<R, Failure> {
        let uri: Uri = format!("http://{}/{method}", self.gateway).parse().unwrap();
        let mut request = Request::post(uri)
            .header("content-type", "application/grpc-web+proto")
            .header("x-grpc-web", "1");
        if let Some(credential) = &self.credential {
            request = request.header("authorization", credential);
        }
        let request = request.body(Full::new(framed(message))).unwrap();
        let response = self
            .http
            .request(request)
            .await
            .map_err(|error| failure("transport", &error.to_string()))?;
        let header = |name: &str| {
            response
                .headers()
                .get(name)
                .map(|value| value.to_str().unwrap().to_owned())
                .unwrap_or_default()
        };
        // A status without a message comes in the headers.
        let (mut status, mut text) = (header("grpc-status"), header("grpc-message"));
        let body = response
            .into_body()
            .collect()
            .await
            .map_err(|error| failure("body", &error.to_string()))?;
        let mut rest = body.to_bytes();
        let mut reply = None;
        while rest.len() >= 5 {
            let length = u32::from_be_bytes([rest[1], rest[2], rest[3], rest[4]]) as usize;
            let frame = rest.split_to(5 + length);
            if frame[0] & 0x80 == 0 {
                reply = Some(R::decode(&frame[5..]).unwrap());
            } else {
                let trailers = String::from_utf8(frame[5..].to_vec()).unwrap();
                for line in trailers.lines() {
                    match line.split_once(':') {
                        Some(("grpc-status", value)) => status = value.trim().to_owned(),
                        Some(("grpc-message", value)) => text = value.trim().to_owned(),
                        _ => {}
                    }
                }
            }
        }
        match reply {
            Some(reply) if status == "0" => Ok(reply),
            _ => Err(failure(&status, &text)),
        }
    }

    /// The text of a page.
    pub(crate) async fn get(&self, path: &str) -> (u16, String) {
        let uri: Uri = format!("http://{}{path}", self.gateway).parse().unwrap();
        let response = self.http.get(uri).await.unwrap();
        let status = response.status().as_u16();
        let body = response.into_body().collect().await.unwrap().to_bytes();
        (status, String::from_utf8_lossy(&body).into_owned())
    }
}

fn framed(message: &impl Message) -> Bytes {
    let encoded = message.encode_to_vec();
    let mut frame = BytesMut::with_capacity(5 + encoded.len());
    frame.put_u8(0);
    frame.put_u32(u32::try_from(encoded.len()).unwrap());
    frame.put_slice(&encoded);
    frame.freeze()
}

fn failure(status: &str, message: &str) -> Failure {
    Failure {
        status: status.to_owned(),
        message: message.to_owned(),
    }
}
