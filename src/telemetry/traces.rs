//! Traces to an OTLP collector, off unless one is configured.
//!
//! A server's span becomes the child of the caller's by the `traceparent` that came with the call ([`adopt`]); the
//! fabric's own headers carry the ids on, so that a trace holds together also through processes that record nothing.
//! Hidden fields are hidden before anything leaves the process.

use opentelemetry::trace::{
    SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState, TracerProvider as _,
};
use opentelemetry::{Context as OtelContext, KeyValue};
use opentelemetry_otlp::{ExporterBuildError, SpanExporter, WithExportConfig as _};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider, SpanData};
use tracing_opentelemetry::{OpenTelemetryLayer, OpenTelemetrySpanExt as _};

use crate::context::Trace;
use crate::privacy::{REDACTED, hides};

pub(super) fn provider(collector: &str, sample: f64, service: &str) -> Result<SdkTracerProvider, ExporterBuildError> {
    let exporter = SpanExporter::builder().with_tonic().with_endpoint(collector).build()?;
    let resource = Resource::builder().with_service_name(service.to_owned()).build();
    Ok(SdkTracerProvider::builder()
        .with_batch_exporter(Redacting(exporter))
        .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(sample))))
        .with_resource(resource)
        .build())
}

pub(super) fn layer<S>(provider: &SdkTracerProvider, service: &str) -> OpenTelemetryLayer<S, SdkTracer>
where
    S: tracing::Subscriber + for<'lookup> tracing_subscriber::registry::LookupSpan<'lookup>,
{
    tracing_opentelemetry::layer().with_tracer(provider.tracer(service.to_owned()))
}

/// Makes `span` a child of the caller's span and returns where in the trace it is now. Without a collector the trace
/// goes on as it came, as a new span of it.
#[must_use]
pub fn adopt(span: &tracing::Span, caller: &Trace) -> Trace {
    if span.is_disabled() {
        return caller.child();
    }
    let flags = if caller.sampled {
        TraceFlags::SAMPLED
    } else {
        TraceFlags::default()
    };
    let remote = SpanContext::new(
        TraceId::from_bytes(caller.trace_id.to_be_bytes()),
        SpanId::from_bytes(caller.span_id.to_be_bytes()),
        flags,
        true,
        TraceState::default(),
    );
    if span
        .set_parent(OtelContext::new().with_remote_span_context(remote))
        .is_err()
    {
        return caller.child();
    }
    let own = span.context().span().span_context().clone();
    if !own.is_valid() {
        return caller.child();
    }
    Trace {
        trace_id: u128::from_be_bytes(own.trace_id().to_bytes()),
        span_id: u64::from_be_bytes(own.span_id().to_bytes()),
        sampled: own.is_sampled(),
    }
}

/// Hides what must not leave, then hands on.
#[derive(Debug)]
struct Redacting<E>(E);

impl<E: opentelemetry_sdk::trace::SpanExporter> opentelemetry_sdk::trace::SpanExporter for Redacting<E> {
    async fn export(&self, mut batch: Vec<SpanData>) -> OTelSdkResult {
        for span in &mut batch {
            redact(&mut span.attributes);
            for event in &mut span.events.events {
                redact(&mut event.attributes);
            }
        }
        self.0.export(batch).await
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.0.set_resource(resource);
    }
}

fn redact(attributes: &mut [KeyValue]) {
    for attribute in attributes {
        if hides(attribute.key.as_str()) {
            attribute.value = REDACTED.into();
        }
    }
}
