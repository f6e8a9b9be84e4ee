//! An instance's presence in Consul, from its announcement to its farewell: what every role that listens owes callers.
//!
//! The announcement carries the certificate's end, so it is renewed with the certificate. Leaving has an order: first
//! maintenance ([`Presence::leaving`]), then the role drains, then the instance goes ([`Presence::left`]). Consul gets
//! a moment for each and no more: an instance must be able to stop while Consul is away. When not: how healthy the
//! instance is, the role itself knows.

use std::future::Future;
use std::net::SocketAddr;
use std::time::Duration;

use crate::fabric::Fabric;
use crate::registration::{Announcement, Health, Meta, Registration, Weights};

/// How long Consul gets to hear that an instance leaves.
const GOODBYE: Duration = Duration::from_secs(2);

/// An instance as Consul knows it.
#[derive(Debug)]
pub struct Presence {
    fabric: Fabric,
    registration: Registration,
}

impl Presence {
    /// Announces that `fabric`'s service listens at `address`, or where its configuration says that callers reach it,
    /// with the methods (full service names) that it serves.
    #[must_use]
    pub fn announce(fabric: &Fabric, address: SocketAddr, methods: Vec<String>, capabilities: Vec<String>) -> Self {
        let settings = &fabric.configuration().registration;
        let service = fabric.service();
        // Listening everywhere is no address to be found at: Consul then says its node's.
        let host = match &settings.address {
            Some(host) => host.clone(),
            None if address.ip().is_unspecified() => String::new(),
            None => address.ip().to_string(),
        };
        let port = if settings.port == 0 {
            address.port()
        } else {
            settings.port
        };
        let mut announcement = Announcement::new(service, host, port);
        announcement.id = instance_id(service);
        announcement.ttl = settings.ttl;
        announcement.deregister_after = settings.deregister_after;
        announcement.weights = Weights {
            passing: settings.weight_passing,
            warning: settings.weight_warning,
        };
        announcement.meta = Meta {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            methods,
            capabilities,
            zone: settings.zone.clone(),
            certificate_expires: Some(fabric.identity().material().expires()),
            ..Meta::default()
        };
        Self {
            registration: Registration::spawn(fabric.consul().clone(), announcement),
            fabric: fabric.clone(),
        }
    }

    /// The instance's id in Consul.
    #[must_use]
    pub fn id(&self) -> &str {
        self.registration.id()
    }

    /// Tells how the instance is.
    pub fn set_health(&self, health: Health, note: impl Into<String>) {
        self.registration.set_health(health, note);
    }

    /// Keeps the announcement true until `shutdown`.
    pub async fn until(&self, shutdown: impl Future<Output = ()>) {
        let mut certificates = self.fabric.identity().changes();
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            tokio::select! {
                () = &mut shutdown => return,
                Ok(()) = certificates.changed() => {
                    let expires = self.fabric.identity().material().expires();
                    self.registration.update_meta(|meta| meta.certificate_expires = Some(expires));
                }
            }
        }
    }

    /// Tells callers to go elsewhere.
    pub async fn leaving(&self) {
        tracing::info!(instance = self.id(), "draining");
        match tokio::time::timeout(GOODBYE, self.registration.drain()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "Consul does not know that this instance drains"),
            Err(_) => tracing::warn!("Consul does not answer; draining without it"),
        }
    }

    /// Takes the instance out of Consul.
    pub async fn left(self) {
        match tokio::time::timeout(GOODBYE, self.registration.deregister()).await {
            Ok(Ok(())) => tracing::info!("stopped"),
            Ok(Err(error)) => tracing::warn!(%error, "not deregistered; Consul removes the instance by itself"),
            Err(_) => tracing::warn!("not deregistered: Consul does not answer; it removes the instance by itself"),
        }
    }
}

/// `<service>-<8 hexadecimal digits>`: new for each process, so that a restart is never mistaken for its forerunner.
#[expect(
    clippy::disallowed_methods,
    reason = "ids must differ between processes; nothing replays them"
)]
fn instance_id(service: &str) -> String {
    format!("{service}-{:08x}", fastrand::u32(..))
}
