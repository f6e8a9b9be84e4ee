//! The health check that an ejected instance must pass before a call goes to it again.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Uri};
use prost::Message as _;
use tokio::time::timeout;
use tonic_health::pb::{HealthCheckResponse, health_check_response::ServingStatus};

use super::callee::Callee;
use super::connection::Connection;
use super::exchange::{RequestBody, exchange};
use crate::balancing::Endpoint;

/// How long an instance that was ejected may take to say that it is well.
const PATIENCE: Duration = Duration::from_secs(1);
const PATH: &str = "/grpc.health.v1.Health/Check";
/// The check of the whole server: a message without fields, framed.
const WHOLE_SERVER: Bytes = Bytes::from_static(&[0; 5]);
/// The longest answer that is read; a real one has seven bytes.
const LONGEST: usize = 64;

impl Callee {
    /// Asks an ejected instance how it is, and tells the balancer.
    pub(super) async fn check(&self, endpoint: Arc<Endpoint<Connection>>) {
        let healthy = timeout(PATIENCE, self.is_serving(&endpoint)).await;
        endpoint.probed(self.now(), healthy == Ok(Some(true)));
    }

    async fn is_serving(&self, endpoint: &Endpoint<Connection>) -> Option<bool> {
        let place = endpoint.member().link().place().await?;
        let uri = Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone())
            .path_and_query(PATH)
            .build()
            .ok()?;
        let request = || {
            let mut request = Request::new(());
            *request.method_mut() = http::Method::POST;
            *request.version_mut() = http::Version::HTTP_2;
            *request.uri_mut() = uri.clone();
            let headers = request.headers_mut();
            headers.insert(http::header::TE, http::HeaderValue::from_static("trailers"));
            headers.insert(
                http::header::CONTENT_TYPE,
                http::HeaderValue::from_static("application/grpc"),
            );
            request
        };
        let mut answer = exchange(place, request, RequestBody::Whole(WHOLE_SERVER))
            .await
            .ok()?
            .into_body();
        let mut message = Vec::new();
        while let Some(Ok(frame)) = answer.frame().await {
            if let Ok(bytes) = frame.into_data() {
                message.extend_from_slice(&bytes);
            }
            if message.len() > LONGEST {
                return None;
            }
        }
        let response = HealthCheckResponse::decode(message.get(5..)?).ok()?;
        Some(response.status() == ServingStatus::Serving)
    }
}
