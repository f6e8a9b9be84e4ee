//! Telemetry: logs, metrics and traces that tell an operator everything but what a student wrote.
//!
//! Logs go to standard error, readable on a terminal and as JSON elsewhere; fields that [`crate::privacy`] hides are
//! hidden whoever records them. Metrics are in Prometheus' text form, served over mutual TLS by every instance and by
//! the gateway. Traces follow W3C Trace Context and go to an OTLP collector where one is configured. When not: facts
//! about a request's content are never telemetry. Source: OpenTelemetry's semantic conventions for RPC; gRPC A66.

mod admission;
mod histogram;
mod log;
mod metrics;
mod traces;

pub use admission::AdmissionMetrics;
pub use histogram::{Counts, Histogram};
pub use metrics::{METRICS_TYPE, MethodMetrics, Metrics, Side, code_name};
pub use traces::adopt;

use std::io::IsTerminal as _;

use tracing::Metadata;
use tracing_subscriber::filter::{FilterExt as _, FilterFn, LevelFilter, filter_fn};
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, Layer as _};

use crate::configuration::{LogFormat, Telemetry};

/// Why telemetry could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The filter cannot be read.
    #[error("telemetry.log is no filter: {0}")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    /// The collector's address cannot be used.
    #[error("telemetry.otlp cannot be used: {0}")]
    Otlp(#[from] opentelemetry_otlp::ExporterBuildError),
    /// Somebody has set up logging before.
    #[error("logging is already set up")]
    Twice(#[from] tracing_subscriber::util::TryInitError),
}

/// Sends what is left when it is dropped; keep it until the process ends.
#[derive(Debug)]
pub struct Guard {
    traces: Option<opentelemetry_sdk::trace::SdkTracerProvider>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if let Some(provider) = self.traces.take()
            && let Err(error) = provider.shutdown()
        {
            tracing::warn!(%error, "the last traces were not sent");
        }
    }
}

/// Whether a target writes whole requests, answers and addresses into its logs: no filter lets it speak.
fn tells_all(target: &str) -> bool {
    target == "rmcp" || target.starts_with("rmcp::")
}

/// Lets all speak but those. A filter of each layer and not of all: one of all would have every span made that no layer
/// wants.
fn discreet() -> FilterFn {
    let is_discreet: fn(&Metadata<'_>) -> bool = |of| !tells_all(of.target());
    filter_fn(is_discreet).with_max_level_hint(LevelFilter::TRACE)
}

/// Sets up logs and traces for this process, and keeps the messages of panics out of them. Call it once, inside the
/// runtime.
///
/// # Errors
/// A filter or collector that cannot be used, or a second call.
pub fn install(settings: &Telemetry, service: &str) -> Result<Guard, Error> {
    let filter: EnvFilter = settings.log.parse()?;
    let json = match settings.format {
        LogFormat::Auto => !std::io::stderr().is_terminal(),
        LogFormat::Json => true,
        LogFormat::Text => false,
    };
    let logs = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(!json && std::io::stderr().is_terminal())
        .fmt_fields(log::Fields)
        .event_format(log::Lines { json })
        .with_filter(filter.and(discreet()));
    let provider = settings
        .otlp
        .as_deref()
        .map(|collector| traces::provider(collector, settings.sample, service))
        .transpose()?;
    let spans = provider
        .as_ref()
        .map(|provider| traces::layer(provider, service).with_filter(discreet()));
    tracing_subscriber::registry().with(logs).with(spans).try_init()?;
    std::panic::set_hook(Box::new(|panic| {
        // The place alone: the message of a panic may quote what was being worked on.
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        tracing::error!(place, "panicked");
    }));
    Ok(Guard { traces: provider })
}
