//! How a log line looks, and the one place where hidden fields are hidden.
//!
//! Why our own formatter: the subscriber's JSON formatter visits an event's fields itself, so that nothing between
//! could redact them.

use std::fmt;

use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::fmt::{FmtContext, FormattedFields};
use tracing_subscriber::registry::LookupSpan;

use crate::privacy::{REDACTED, hides};

/// Formats a span's fields as `name=value` pairs.
#[derive(Debug)]
pub(super) struct Fields;

impl<'writer> FormatFields<'writer> for Fields {
    fn format_fields<R: RecordFields>(&self, mut writer: Writer<'writer>, fields: R) -> fmt::Result {
        let mut seen = Seen::default();
        fields.record(&mut seen);
        seen.write_pairs(&mut writer)
    }
}

/// Formats an event as one line.
#[derive(Debug)]
pub(super) struct Lines {
    pub(super) json: bool,
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'lookup> LookupSpan<'lookup>,
    N: for<'writer> FormatFields<'writer> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let mut seen = Seen::default();
        event.record(&mut seen);
        let now = OffsetDateTime::now_utc().format(&Rfc3339).unwrap_or_default();
        let metadata = event.metadata();
        let spans: Vec<String> = context
            .event_scope()
            .into_iter()
            .flat_map(|scope| scope.from_root())
            .map(|span| {
                let extensions = span.extensions();
                let fields = extensions
                    .get::<FormattedFields<N>>()
                    .map(|fields| fields.fields.as_str())
                    .unwrap_or_default();
                if fields.is_empty() {
                    span.name().to_owned()
                } else {
                    format!("{}{{{fields}}}", span.name())
                }
            })
            .collect();
        if self.json {
            let mut line = Map::new();
            line.insert("time".to_owned(), Value::from(now));
            line.insert(
                "level".to_owned(),
                Value::from(metadata.level().as_str().to_lowercase()),
            );
            line.insert("target".to_owned(), Value::from(metadata.target()));
            if !spans.is_empty() {
                line.insert("spans".to_owned(), Value::from(spans));
            }
            line.extend(seen.0);
            return writeln!(writer, "{}", Value::Object(line));
        }
        let colour = match (writer.has_ansi_escapes(), *metadata.level()) {
            (false, _) => ("", ""),
            (true, tracing::Level::ERROR) => ("\x1b[31m", "\x1b[0m"),
            (true, tracing::Level::WARN) => ("\x1b[33m", "\x1b[0m"),
            (true, tracing::Level::INFO) => ("\x1b[32m", "\x1b[0m"),
            (true, _) => ("\x1b[2m", "\x1b[0m"),
        };
        write!(
            writer,
            "{} {}{:>5}{} ",
            &now.get(11..23).unwrap_or(&now),
            colour.0,
            metadata.level(),
            colour.1
        )?;
        for span in &spans {
            write!(writer, "{span} ")?;
        }
        let message = seen.0.remove("message");
        if let Some(Value::String(message)) = message {
            write!(writer, "{message}")?;
        }
        if !seen.0.is_empty() {
            writer.write_char(' ')?;
            seen.write_pairs(&mut writer)?;
        }
        writeln!(writer)
    }
}

/// The fields of an event or span, redacted.
#[derive(Default)]
struct Seen(Map<String, Value>);

impl Seen {
    fn insert(&mut self, field: &Field, value: Value) {
        let value = if hides(field.name()) {
            Value::from(REDACTED)
        } else {
            value
        };
        self.0.insert(field.name().to_owned(), value);
    }

    fn write_pairs(&self, writer: &mut Writer<'_>) -> fmt::Result {
        for (index, (name, value)) in self.0.iter().enumerate() {
            let space = if index == 0 { "" } else { " " };
            match value {
                Value::String(text) => write!(writer, "{space}{name}={text}")?,
                other => write!(writer, "{space}{name}={other}")?,
            }
        }
        Ok(())
    }
}

impl Visit for Seen {
    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.insert(field, Value::from(format!("{value:?}")));
    }
    fn record_str(&mut self, field: &Field, value: &str) {
        self.insert(field, Value::from(value));
    }
    fn record_u64(&mut self, field: &Field, value: u64) {
        self.insert(field, Value::from(value));
    }
    fn record_i64(&mut self, field: &Field, value: i64) {
        self.insert(field, Value::from(value));
    }
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.insert(field, Value::from(value));
    }
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.insert(field, Value::from(value));
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;
    use std::io;
    use std::sync::{Arc, Mutex};
    use tracing_subscriber::layer::SubscriberExt as _;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(json: bool) -> String {
        let sink = Sink::default();
        let writer = sink.clone();
        let layer = tracing_subscriber::fmt::layer()
            .with_ansi(false)
            .with_writer(move || writer.clone())
            .fmt_fields(Fields)
            .event_format(Lines { json });
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::with_default(subscriber, || {
            let span = tracing::info_span!("call", method = "AnalyzeWriting", student = "ada");
            let _inside = span.enter();
            tracing::info!(text = "my essay", words = 2, "analysed");
        });
        String::from_utf8(sink.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn hidden_fields_are_hidden_in_events_and_spans() {
        for json in [true, false] {
            let line = logged(json);
            assert!(!line.contains("my essay") && !line.contains("ada"), "{line}");
            assert!(
                line.contains("AnalyzeWriting") && line.contains("analysed") && line.contains(REDACTED),
                "{line}"
            );
        }
    }

    #[test]
    fn json_lines_are_json() {
        let line: Value = serde_json::from_str(&logged(true)).unwrap();
        assert_eq!(line["words"], 2);
        assert_eq!(line["level"], "info");
    }
}
