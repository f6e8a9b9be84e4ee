//! The record of one call: counted and logged exactly once, whatever becomes of it.
//!
//! A call that ends says so; one that is dropped before was cancelled by its browser. The log line has names of methods
//! that services announced, never a path, an address or a header from outside, but for a correlation id that is one. Its
//! span, for those who collect traces, is the parent of the service's.

use std::sync::Arc;

use http::HeaderValue;
use lyceum::telemetry::code_name;
use tokio::time::Instant;
use tonic::Code;
use tracing::{Span, field};

use crate::metrics::{Method, OTHER};

/// A call under way.
#[derive(Debug)]
pub(crate) struct Record {
    method: Arc<Method>,
    began: Instant,
    correlation: Option<HeaderValue>,
    instance: Option<Arc<str>>,
    span: Span,
    ended: bool,
}

// === impl Record ===

impl Record {
    /// A call begins.
    pub(crate) fn begin(method: Arc<Method>, began: Instant) -> Self {
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
            began,
            correlation: None,
            instance: None,
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
        self.method = method;
    }

    /// Which instance answers.
    pub(crate) fn answered_by(&mut self, instance: Arc<str>) {
        self.instance = Some(instance);
    }

    /// It ended.
    pub(crate) fn end(&mut self, code: Code) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let took = self.began.elapsed();
        self.method.end(code, took);
        self.span.record("code", code_name(code));
        macro_rules! log {
            ($level:ident) => {
                tracing::$level!(
                    parent: &self.span,
                    method = self.method.name,
                    code = code_name(code),
                    milliseconds = took.as_secs_f64() * 1e3,
                    instance = self.instance.as_deref(),
                    correlation = self.correlation.as_ref().and_then(|id| id.to_str().ok()),
                    "call"
                )
            };
        }
        match code {
            Code::Internal | Code::Unknown | Code::DataLoss => log!(warn),
            Code::Ok | Code::Cancelled => log!(debug),
            // What strangers make up must not fill the log.
            _ if self.method.name == OTHER => log!(debug),
            _ => log!(info),
        }
    }
}

impl Drop for Record {
    fn drop(&mut self) {
        self.end(Code::Cancelled);
    }
}

#[cfg(test)]
mod tests {
    use prometheus_client::registry::Registry;

    use super::*;
    use crate::metrics::Metrics;

    #[test]
    fn a_call_is_counted_once() {
        let mut registry = Registry::default();
        let metrics = Metrics::register(&mut registry);
        let method = metrics.method("p.S/M");
        let mut record = Record::begin(Arc::clone(&method), Instant::now());
        record.end(Code::Ok);
        drop(record);
        drop(Record::begin(method, Instant::now()));
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
}
