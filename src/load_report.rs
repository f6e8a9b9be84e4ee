//! Load reports: how busy an instance is, told to its callers in the trailers of every answer.
//!
//! The form is gRPC's own, so that callers of any language can weigh instances by it: an
//! `xds.data.orca.v3.OrcaLoadReport` in base64 under `endpoint-load-metrics-bin`. Servers encode it
//! ([`LoadReport::to_header`], see [`crate::serving::LoadHandle`] for what they put in). The client's hot path asks for
//! one number, [`utilization`], which walks the bytes where they lie and allocates nothing.
//!
//! A report is somebody else's word: what is negative, infinite or no number is ignored, what is huge is clamped to
//! [`HIGHEST`], what is longer than [`LONGEST`] or no message at all is no report. When not: health, which an instance
//! tells Consul. Source: gRFC A51 (trailer), A58 (which field counts), cncf/xds `orca_load_report.proto` (numbers).

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue};
use prost::Message as _;

/// The trailer that carries a report.
pub const LOAD_REPORT: HeaderName = HeaderName::from_static("endpoint-load-metrics-bin");
/// The longest encoded report that is looked at, in bytes of base64.
pub const LONGEST: usize = 2048;
/// What most reports do with.
const SHORT: usize = 64;
/// What a utilisation is clamped to: ten times of what an instance can take.
pub const HIGHEST: f32 = 10.0;

/// gRPC sends base64 without padding and accepts it with.
pub(crate) const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_encode_padding(false)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// `xds.data.orca.v3.OrcaLoadReport`, without its deprecated field 3.
#[derive(Clone, PartialEq, prost::Message)]
pub struct LoadReport {
    /// The share of the CPUs in use; above 1 beyond what the instance calls its limit.
    #[prost(double, tag = "1")]
    pub cpu_utilization: f64,
    /// The share of the memory in use, 0 to 1.
    #[prost(double, tag = "2")]
    pub mem_utilization: f64,
    /// What this one call cost, in units that caller and callee agreed on.
    #[prost(btree_map = "string, double", tag = "4")]
    pub request_cost: BTreeMap<String, f64>,
    /// The share of other resources in use, 0 to 1 each.
    #[prost(btree_map = "string, double", tag = "5")]
    pub utilization: BTreeMap<String, f64>,
    /// Calls a second.
    #[prost(double, tag = "6")]
    pub rps_fractional: f64,
    /// Errors a second.
    #[prost(double, tag = "7")]
    pub eps: f64,
    /// Anything else that caller and callee agreed on.
    #[prost(btree_map = "string, double", tag = "8")]
    pub named_metrics: BTreeMap<String, f64>,
    /// Calls under way and waiting, as a share of the limit; above 1 where some wait.
    #[prost(double, tag = "9")]
    pub application_utilization: f64,
}

impl LoadReport {
    /// The trailer's value.
    #[must_use]
    pub fn to_header(&self) -> HeaderValue {
        let text = BASE64.encode(self.encode_to_vec());
        // Base64 is always a header value.
        HeaderValue::from_maybe_shared(Bytes::from(text)).unwrap_or_else(|_| HeaderValue::from_static(""))
    }

    /// The report in a trailer, as it was sent: its numbers are not checked. `None` where there is none.
    #[must_use]
    pub fn from_headers(headers: &HeaderMap) -> Option<Self> {
        decode(text_in(headers)?, &mut [0; LONGEST]).and_then(|bytes| Self::decode(bytes).ok())
    }
}

fn text_in(headers: &HeaderMap) -> Option<&[u8]> {
    let text = headers.get(LOAD_REPORT)?.as_bytes();
    (!text.is_empty() && text.len() <= LONGEST).then_some(text)
}

fn decode<'b>(text: &[u8], buffer: &'b mut [u8]) -> Option<&'b [u8]> {
    let length = BASE64.decode_slice(text, buffer).ok()?;
    Some(&buffer[..length])
}

/// How busy the instance says that it is, 0 to [`HIGHEST`]: the largest of its application utilisation (its CPU's where
/// it tells none, as gRFC A58 has it) and its named ones. `None` where it does not say.
#[must_use]
pub fn utilization(headers: &HeaderMap) -> Option<f32> {
    let text = text_in(headers)?;
    // Most are twelve letters long; to clear room for the longest costs more than to read them.
    if text.len() <= SHORT {
        walk(decode(text, &mut [0; SHORT])?)
    } else {
        walk(decode(text, &mut [0; LONGEST])?)
    }
}

fn walk(bytes: &[u8]) -> Option<f32> {
    let (mut application, mut cpu, mut named) = (None, None, None::<f32>);
    let mut fields = Fields(bytes);
    loop {
        match fields.next()? {
            None => break,
            Some((9, Value::Double(value))) => application = believable(value),
            Some((1, Value::Double(value))) => cpu = believable(value),
            Some((5, Value::Bytes(entry))) => {
                let mut entry = Fields(entry);
                while let Some(field) = entry.next()? {
                    if let (2, Value::Double(value)) = field
                        && let Some(value) = believable(value)
                    {
                        named = Some(named.map_or(value, |named| named.max(value)));
                    }
                }
            }
            Some(_) => {}
        }
    }
    let own = application.filter(|value| *value > 0.0).or(cpu).or(application);
    match (own, named) {
        (Some(own), Some(named)) => Some(own.max(named)),
        (own, named) => own.or(named),
    }
}

fn believable(value: f64) -> Option<f32> {
    (value.is_finite() && value >= 0.0).then(|| (value as f32).min(HIGHEST))
}

/// A field's value, as far as a report has such.
enum Value<'b> {
    Double(f64),
    Bytes(&'b [u8]),
    Other,
}

/// The fields of a message where they lie.
struct Fields<'b>(&'b [u8]);

impl<'b> Fields<'b> {
    /// `Some(None)` at the end; `None` where the bytes are no message.
    #[expect(clippy::option_option, reason = "the end and a mistake differ")]
    fn next(&mut self) -> Option<Option<(u64, Value<'b>)>> {
        if self.0.is_empty() {
            return Some(None);
        }
        let key = self.varint()?;
        let value = match key & 7 {
            0 => {
                self.varint()?;
                Value::Other
            }
            1 => Value::Double(f64::from_le_bytes(self.take(8)?.try_into().ok()?)),
            2 => {
                let length = usize::try_from(self.varint()?).ok()?;
                Value::Bytes(self.take(length)?)
            }
            5 => {
                self.take(4)?;
                Value::Other
            }
            _ => return None,
        };
        Some(Some((key >> 3, value)))
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let (byte, rest) = self.0.split_first()?;
            self.0 = rest;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn take(&mut self, length: usize) -> Option<&'b [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }
}

#[cfg(test)]
mod tests;
