//! The record of one call: counted and logged exactly once, whatever becomes of it.
//!
//! A call that ends says so; one that is dropped before was cancelled by its caller. The line in the access log
//! ([`crate::journal`]) has names of methods that services announced, never a path, an address or a header from outside,
//! but for a correlation id that is one. Its span, for those who collect traces, is the parent of the service's.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderValue;
use http_body::{Body as _, Frame, SizeHint};
use lyceum::telemetry::code_name;
use tokio::time::Instant;
use tonic::body::Body;
use tonic::{Code, Status};
use tracing::{Span, field};

use crate::journal::Line;
use crate::metrics::Method;
use crate::status;

/// What a caller speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Front {
    name: &'static str,
    /// The HTTP status however a call ends; none where its code tells.
    status: Option<u16>,
}

/// A call under way.
#[derive(Debug)]
pub(crate) struct Record {
    method: Arc<Method>,
    front: Front,
    began: Instant,
    correlation: Option<HeaderValue>,
    instance: Option<Arc<str>>,
    received: Received,
    sent: u64,
    span: Span,
    ended: bool,
}

/// Bytes of a request's messages.
#[derive(Debug)]
enum Received {
    Known(u64),
    /// So many up to now.
    Counted(Arc<AtomicU64>),
}

/// A body whose bytes are counted as they pass.
struct Counting {
    body: Body,
    passed: Arc<AtomicU64>,
}

// === impl Front ===

impl Front {
    /// One whose answers are HTTP 200 however the call ends.
    pub(crate) const fn always_200(name: &'static str) -> Self {
        Self::always(name, 200)
    }

    /// One whose answers have the HTTP status of the code.
    pub(crate) const fn by_code(name: &'static str) -> Self {
        Self { name, status: None }
    }

    /// One whose answer has a status of its own.
    pub(crate) const fn always(name: &'static str, status: u16) -> Self {
        Self {
            name,
            status: Some(status),
        }
    }

    fn http(self, code: Code) -> u16 {
        self.status.unwrap_or_else(|| status::http(code).as_u16())
    }
}

// === impl Record ===

impl Record {
    /// A call begins.
    pub(crate) fn begin(method: Arc<Method>, front: Front, began: Instant) -> Self {
        method.begin();
        let span = tracing::debug_span!(
            "rpc.gateway",
            otel.kind = "server",
            rpc.system = "grpc",
            rpc.method = method.name,
            code = field::Empty,
            correlation = field::Empty,
        );
        Self {
            span,
            method,
            front,
            began,
            correlation: None,
            instance: None,
            received: Received::Known(0),
            sent: 0,
            ended: false,
        }
    }

    /// Where it stands in its trace.
    pub(crate) fn span(&self) -> &Span {
        &self.span
    }

    /// The method that it is for, as metrics call it.
    pub(crate) fn method(&self) -> &str {
        &self.method.name
    }

    /// What ties its log lines together.
    pub(crate) fn correlate(&mut self, correlation: Option<HeaderValue>) {
        if let Some(id) = correlation.as_ref().and_then(|id| id.to_str().ok()) {
            self.span.record("correlation", id);
        }
        self.correlation = correlation;
    }

    /// Which method it turned out to be for.
    pub(crate) fn is_for(&mut self, method: Arc<Method>) {
        if !Arc::ptr_eq(&self.method, &method) {
            self.method.hand_over(&method);
            self.method = method;
        }
    }

    /// Which instance answers.
    pub(crate) fn answered_by(&mut self, instance: Arc<str>) {
        self.instance = Some(instance);
    }

    /// The request's body, whose bytes count.
    pub(crate) fn receives(&mut self, body: Body) -> Body {
        if let Some(size) = body.size_hint().exact() {
            self.received = Received::Known(size);
            return body;
        }
        let passed = Arc::new(AtomicU64::new(0));
        self.received = Received::Counted(Arc::clone(&passed));
        Body::new(Counting { body, passed })
    }

    /// So many bytes more of the answer's messages pass.
    pub(crate) fn sends(&mut self, bytes: usize) {
        self.sent += bytes as u64;
    }

    /// It ended.
    pub(crate) fn end(&mut self, code: Code) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let took = self.began.elapsed();
        self.method.end(code, took);
        self.span.record("code", code_name(code));
        self.method.journal.note(&Line {
            method: &self.method.name,
            code,
            front: self.front.name,
            http: self.front.http(code),
            received: match &self.received {
                Received::Known(size) => *size,
                Received::Counted(passed) => passed.load(Ordering::Relaxed),
            },
            sent: self.sent,
            took,
            instance: self.instance.as_deref(),
            correlation: self.correlation.as_ref(),
        });
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.end(Code::Cancelled);
    }
}

// === impl Counting ===

impl http_body::Body for Counting {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        if let Poll::Ready(Some(Ok(frame))) = &polled
            && let Some(chunk) = frame.data_ref()
        {
            self.passed.fetch_add(chunk.len() as u64, Ordering::Relaxed);
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use lyceum::configuration::LogFormat;
    use prometheus_client::registry::Registry;

    use super::*;
    use crate::metrics::Metrics;

    #[test]
    fn a_call_is_counted_once() {
        let mut registry = Registry::default();
        let metrics = Metrics::register(&mut registry);
        let method = metrics.method("p.S/M");
        let mut record = Record::begin(Arc::clone(&method), Front::by_code("json"), Instant::now());
        assert_eq!(method.tally().in_flight, 1);
        record.end(Code::Ok);
        drop(record);
        drop(Record::begin(method, Front::by_code("json"), Instant::now()));
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        assert!(
            text.contains("gateway_calls_total{method=\"p.S/M\",code=\"OK\"} 1"),
            "{text}"
        );
        assert!(
            text.contains("gateway_calls_total{method=\"p.S/M\",code=\"CANCELLED\"} 1"),
            "{text}"
        );
        assert!(text.contains("gateway_in_flight 0"), "{text}");
    }

    #[test]
    fn a_call_that_changes_its_method_is_under_way_once() {
        let metrics = Metrics::default();
        metrics.journal.open(LogFormat::Json);
        let (other, method) = (metrics.method("other"), metrics.method("p.S/M"));
        let mut record = Record::begin(Arc::clone(&other), Front::by_code("json"), Instant::now());
        record.is_for(Arc::clone(&method));
        assert_eq!((other.tally().in_flight, method.tally().in_flight), (0, 1));
        record.is_for(Arc::clone(&method));
        record.end(Code::Unavailable);
        assert_eq!((other.tally().in_flight, method.tally().in_flight), (0, 0));
        assert_eq!(method.tally().ended[Code::Unavailable as usize], 1);
    }

    #[test]
    fn http_tells_the_code_where_the_front_does() {
        assert_eq!(Front::always_200("grpc-web").http(Code::Unavailable), 200);
        assert_eq!(Front::by_code("json").http(Code::Unavailable), 503);
    }
}
