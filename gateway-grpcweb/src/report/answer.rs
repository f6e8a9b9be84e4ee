//! `/gateway/…`: what the gateway tells of itself, and whom.
//!
//! Health is everybody's, as load balancers ask for it. The rest shows addresses of instances and who is called how often:
//! it is for whoever works on this machine, and for administrators and educators.

use bytes::Bytes;
use futures_util::StreamExt as _;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, FORWARDED, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode, request};
use http_body::Frame;
use http_body_util::StreamBody;
use lyceum::client::ResponseBody;
use lyceum::error::Error as Refusal;
use lyceum::principal::{Access, Role};
use lyceum::telemetry::METRICS_TYPE;
use tokio_stream::wrappers::WatchStream;

use super::{Condition, health, services};
use crate::authentication::Shown;
use crate::edge::Edge;
use crate::peer::Peer;
use crate::response::{Reply, Torn};
use crate::status;

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");
const EVENTS: HeaderValue = HeaderValue::from_static("text/event-stream");
const METRICS: HeaderValue = HeaderValue::from_static(METRICS_TYPE);
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// Asks proxies of nginx's kind to pass events on as they come.
const ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// Who may look from elsewhere.
const OPERATORS: Access = Access::of(&[Role::Administrator, Role::Educator]);

type Answer = Response<Reply<ResponseBody>>;

impl Edge {
    /// Answers what comes after `/gateway/`.
    pub(crate) async fn report(&self, name: &str, parts: &request::Parts, peer: &Peer) -> Answer {
        let of_service = name.strip_prefix("health/");
        if name != "health"
            && of_service.is_none()
            && let Err(refusal) = self.may_look(parts, peer).await
        {
            return refused(status::http(refusal.code()), format!("{refusal}\n"));
        }
        let mut response = match name {
            "health" => {
                let health = health(&self.routes, self.is_draining());
                checked(health.status, json(&health))
            }
            "schema" => told(JSON, self.told.document(&self.schema)),
            "services" => json(&services(&self.routes, &self.schema, self.has_newest_types())),
            "metrics" => told(METRICS, self.metrics_text().into()),
            "calls" => json(&self.calls.report()),
            "calls/live" if parts.method == Method::GET => return self.live(),
            _ => match of_service.and_then(|service| super::service_health(&self.routes, service)) {
                Some(health) => checked(health.status, json(&health)),
                None => refused(StatusCode::NOT_FOUND, "there is nothing here\n"),
            },
        };
        if parts.method == Method::HEAD {
            *response.body_mut() = Bytes::new().into();
        }
        response
    }

    /// Whether somebody works on this machine, or is an administrator or an educator.
    async fn may_look(&self, parts: &request::Parts, peer: &Peer) -> Result<(), Refusal> {
        if is_here(&parts.headers, peer) {
            return Ok(());
        }
        let caller = self.caller(peer, Shown::of(parts, peer, "gateway")).await?;
        OPERATORS.permits(&caller)
    }

    /// How calls fare, each second, until the listener leaves or the gateway does.
    fn live(&self) -> Answer {
        let Some(listener) = self.calls.listen() else {
            return refused(
                StatusCode::SERVICE_UNAVAILABLE,
                "there are too many listeners: ask for /gateway/calls instead\n",
            );
        };
        let events = WatchStream::new(listener.events.clone())
            // It keeps its place as long as it listens.
            .map(move |event| {
                let _ = &listener;
                Ok::<_, Torn>(Frame::data(event))
            })
            .take_until(self.draining.clone().cancelled_owned());
        let mut response = told(EVENTS, Bytes::new());
        *response.body_mut() = Reply::Stream(Box::pin(StreamBody::new(events)));
        response
            .headers_mut()
            .insert(ACCEL_BUFFERING, HeaderValue::from_static("no"));
        response
    }
}

/// Whether somebody works on this machine. What a proxy passes on says so, and is somebody else's.
fn is_here(headers: &HeaderMap, peer: &Peer) -> bool {
    peer.address.ip().to_canonical().is_loopback()
        && !headers.contains_key(FORWARDED)
        && !headers.contains_key(FORWARDED_FOR)
}

/// 503 where nothing can be answered; degraded is not down.
fn checked(status: Condition, mut response: Answer) -> Answer {
    if status == Condition::NotServing {
        *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
    }
    response
}

fn json(report: &impl serde::Serialize) -> Answer {
    // Strings and numbers always can be written.
    told(JSON, serde_json::to_vec(report).unwrap_or_default().into())
}

/// A few words on why there is nothing.
pub(crate) fn refused(status: StatusCode, text: impl Into<Bytes>) -> Answer {
    let mut response = told(TEXT, text.into());
    *response.status_mut() = status;
    response
}

/// Something that is true now and may not be in a second.
fn told(content_type: HeaderValue, body: Bytes) -> Answer {
    let mut response = Response::new(Reply::from(body));
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, content_type);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}
