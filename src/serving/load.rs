//! The load that a server reports in each answer ([`crate::load_report`]): its own utilisation, and what the service adds.
//!
//! Every value that a report can have is encoded beforehand, in steps of 1 % up to the limit and of 10 % beyond: an
//! answer takes one from a table, without an allocation or a clock, and HPACK sees the same few values again and again
//! and sends an index. When not: readiness and notes for operators are [`super::HealthHandle`]'s. Source: gRFC A51.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use arc_swap::ArcSwap;
use http::{HeaderMap, HeaderValue};

use super::admission;
use crate::load_report::{LOAD_REPORT, LoadReport};

/// Steps up to the limit, in hundredths.
const FINE: usize = 100;
/// Steps beyond, in tenths, up to four times the limit.
const COARSE: usize = 30;
/// What an idle instance tells: a message leaves out a zero, and to be idle is not to be silent.
const IDLE: f64 = 0.001;
/// Resources that a service may report beside its calls.
const NAMED: usize = 16;

/// Tells callers how busy a service's own resources are; cheap to clone.
#[derive(Clone, Debug)]
pub struct LoadHandle {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    admission: admission::Handle,
    named: Mutex<BTreeMap<&'static str, f64>>,
    encoded: ArcSwap<Vec<HeaderValue>>,
}

impl LoadHandle {
    /// The load of one server.
    #[must_use]
    pub fn new(admission: admission::Handle) -> Self {
        Self {
            inner: Arc::new(Inner {
                admission,
                encoded: ArcSwap::from_pointee(encode(&BTreeMap::new())),
                named: Mutex::default(),
            }),
        }
    }

    /// Says that a share of a resource is in use, 0 to 1, such as `set("gpu", 0.7)`; steps of 1 % are told. Callers go
    /// by the busiest resource. A value that is no number takes the resource out; the first sixteen names count.
    pub fn set(&self, resource: &'static str, utilization: f64) {
        let mut named = self.inner.named.lock().unwrap_or_else(PoisonError::into_inner);
        let before = named.get(resource).copied();
        let after = (!utilization.is_nan()).then(|| (utilization.clamp(0.0, 1.0) * 100.0).round() / 100.0);
        if before == after {
            return;
        }
        match after {
            Some(value) if before.is_some() || named.len() < NAMED => named.insert(resource, value),
            Some(_) => return,
            None => named.remove(resource),
        };
        self.inner.encoded.store(Arc::new(encode(&named)));
    }

    /// Puts the report where an answer ends.
    pub fn write(&self, trailers: &mut HeaderMap) {
        let step = step(self.inner.admission.reading().utilization());
        if let Some(value) = self.inner.encoded.load().get(step) {
            trailers.insert(LOAD_REPORT, value.clone());
        }
    }
}

fn step(utilization: f32) -> usize {
    let fine = (utilization * FINE as f32).round() as usize;
    if fine <= FINE {
        fine
    } else {
        (FINE + (fine - FINE) / 10).min(FINE + COARSE)
    }
}

fn encode(named: &BTreeMap<&'static str, f64>) -> Vec<HeaderValue> {
    let utilization: BTreeMap<String, f64> = named.iter().map(|(name, value)| ((*name).to_owned(), *value)).collect();
    (0..=FINE + COARSE)
        .map(|step| {
            let hundredths = step + 9 * step.saturating_sub(FINE);
            let report = LoadReport {
                application_utilization: (hundredths as f64 / 100.0).max(IDLE),
                utilization: utilization.clone(),
                ..LoadReport::default()
            };
            let value = report.to_header();
            // The first clone of fresh bytes moves them to the heap's shared kind; later ones only count.
            drop(value.clone());
            value
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

    use super::*;
    use crate::load_report::utilization;

    #[test]
    fn every_step_is_what_it_stands_for() {
        let encoded = encode(&BTreeMap::new());
        for (told, expected) in [
            (0.0, Some(0.001)),
            (0.004, Some(0.001)),
            (0.5, Some(0.5)),
            (1.0, Some(1.0)),
            (1.2, Some(1.2)),
            (99.0, Some(4.0)),
        ] {
            let headers = HeaderMap::from_iter([(LOAD_REPORT, encoded[step(told)].clone())]);
            assert_eq!(utilization(&headers), expected, "{told}");
        }
    }

    #[test]
    fn a_service_adds_what_it_knows() {
        let handle = LoadHandle::new(admission::Handle::new(
            crate::telemetry::Metrics::default().admission().clone(),
        ));
        let told = || {
            let mut trailers = HeaderMap::new();
            handle.write(&mut trailers);
            LoadReport::from_headers(&trailers).unwrap().utilization
        };
        assert!(told().is_empty());
        handle.set("gpu", 0.704);
        handle.set("disk", 7.0);
        assert_eq!(
            told(),
            BTreeMap::from([("gpu".to_owned(), 0.7), ("disk".to_owned(), 1.0)])
        );
        handle.set("disk", f64::NAN);
        handle.set("gpu", -1.0);
        assert_eq!(told(), BTreeMap::from([("gpu".to_owned(), 0.0)]));
    }
}
