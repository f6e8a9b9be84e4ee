//! How often callers proved themselves, and why they failed, as metrics tell it.

use lyceum::Fabric;
use lyceum::error::Error as Refusal;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;

/// How often who proved themselves by what, and why they failed.
#[derive(Debug)]
pub(super) struct Outcomes {
    all: Family<Outcome, Counter>,
    /// Looked up once.
    pub(super) header: Counter,
    pub(super) session: Counter,
    pub(super) certificate: Counter,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Outcome {
    proof: &'static str,
    outcome: &'static str,
}

// === impl Outcomes ===

impl Outcomes {
    pub(super) fn register(fabric: &Fabric) -> Self {
        let all = Family::default();
        fabric.metrics().register(|registry| {
            registry.register(
                "gateway_authentications",
                "Callers by what they showed, and what came of it",
                all.clone(),
            );
        });
        let accepted = |proof| {
            Counter::clone(&all.get_or_create(&Outcome {
                proof,
                outcome: "accepted",
            }))
        };
        Self {
            header: accepted("header"),
            session: accepted("session"),
            certificate: accepted("certificate"),
            all,
        }
    }

    pub(super) fn refused(&self, proof: &'static str, refusal: &Refusal) {
        let outcome = refusal.reason();
        self.all.get_or_create(&Outcome { proof, outcome }).inc();
    }
}
