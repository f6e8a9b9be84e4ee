//! How a service is: one handle that tells Consul (with a note for operators) and `grpc.health.v1` alike.

use std::sync::{Arc, OnceLock};

use tokio::sync::watch;
use tonic_health::ServingStatus;
use tonic_health::pb::health_server::{Health as HealthService, HealthServer};
use tonic_health::server::HealthReporter;

use super::Health;

/// Tells how a service is; cheap to clone.
#[derive(Clone, Debug)]
pub struct HealthHandle {
    reporter: HealthReporter,
    states: watch::Sender<(Health, String)>,
    methods: Arc<OnceLock<Vec<String>>>,
    instance: Arc<OnceLock<String>>,
}

impl HealthHandle {
    pub(super) fn new() -> (Self, HealthServer<impl HealthService>) {
        let (reporter, service) = tonic_health::server::health_reporter();
        let states = watch::Sender::new((Health::Passing, "serving".to_owned()));
        (
            Self {
                reporter,
                states,
                methods: Arc::default(),
                instance: Arc::default(),
            },
            service,
        )
    }

    /// Says how the service is. A warning keeps it in service with less traffic; critical takes it out. The note is for
    /// operators, in the Consul UI: never student text.
    pub async fn set(&self, health: Health, note: impl Into<String>) {
        let status = if health == Health::Critical {
            ServingStatus::NotServing
        } else {
            ServingStatus::Serving
        };
        self.report(status).await;
        self.states.send_replace((health, note.into()));
    }

    /// The instance's id in Consul, once it is announced.
    #[must_use]
    pub fn instance(&self) -> Option<&str> {
        self.instance.get().map(String::as_str)
    }

    pub(super) fn announce_through(&self, id: &str) {
        let _ = self.instance.set(id.to_owned());
    }

    pub(super) fn states(&self) -> watch::Receiver<(Health, String)> {
        let mut receiver = self.states.subscribe();
        // What was said before serving began counts too.
        receiver.mark_changed();
        receiver
    }

    pub(super) async fn serving(&self, methods: &[String]) {
        let _ = self.methods.set(methods.to_vec());
        self.report(ServingStatus::Serving).await;
    }

    pub(super) async fn stopping(&self) {
        self.report(ServingStatus::NotServing).await;
    }

    async fn report(&self, status: ServingStatus) {
        self.reporter.set_service_status("", status).await;
        for method in self.methods.get().into_iter().flatten() {
            self.reporter.set_service_status(method, status).await;
        }
    }
}
