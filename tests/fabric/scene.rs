//! What most tests start from: a Consul, a data folder, fabrics and probes in it, and an instance that can be killed.
//!
//! [`Process`] lives on a runtime of its own: shutting that down takes every task with it, as `kill -9` takes a process:
//! sockets close in the middle of a call and nobody says goodbye to Consul.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use lyceum::Fabric;
use lyceum::client::Channel;
use lyceum::configuration::Configuration;
use lyceum::contracts::testing::v1::probe_service_client::ProbeServiceClient;
use lyceum::contracts::testing::v1::{GetProbeRequest, GetProbeResponse};
use lyceum::principal::{Principal, Signer};
use lyceum::registration::{Announcement, Registration};
use lyceum::testing::consul::Consul;
use lyceum::testing::probe::{Folder, Serving, configuration};
use lyceum::testing::wait_for;
use tonic::{Request, Status};
use tonic_types::StatusExt as _;

/// The Consul service that the probe's generated client calls.
pub(crate) const PROBE: &str = "testing";

pub(crate) type Client = ProbeServiceClient<Channel>;

/// A Consul and a data folder; both are gone with the test.
pub(crate) struct Scene {
    pub(crate) consul: Consul,
    pub(crate) folder: Folder,
}

impl Scene {
    pub(crate) async fn start() -> Self {
        Self {
            consul: Consul::start().await,
            folder: Folder::new(),
        }
    }

    pub(crate) fn configuration(&self) -> Configuration {
        let mut configuration = configuration(&self.folder, &self.consul.address());
        configuration.registration.ttl = Duration::from_secs(3);
        configuration
    }

    pub(crate) fn fabric(&self, service: &str) -> Fabric {
        start(self.configuration(), service)
    }

    /// Signs in the name of the gateway, which alone may say on whose behalf it calls.
    pub(crate) fn signer(&self) -> Signer {
        Signer::new(self.fabric("gateway").identity().clone())
    }

    /// Somebody who calls.
    pub(crate) fn caller(&self) -> Fabric {
        self.fabric("caller")
    }

    /// Announces an address under a name that is not its own, as a proxy or an impostor would be.
    pub(crate) async fn announce(&self, service: &str, address: SocketAddr) -> Registration {
        let mut announcement = Announcement::new(service, address.ip().to_string(), address.port());
        announcement.ttl = Duration::from_secs(3);
        let registration = Registration::spawn(self.consul.client(), announcement);
        registration.registered().await;
        registration
    }
}

/// A configuration for servers that only somebody who knows their address calls.
pub(crate) fn unannounced(folder: &Folder) -> Configuration {
    configuration(folder, "127.0.0.1:1")
}

pub(crate) fn start(configuration: Configuration, service: &str) -> Fabric {
    Fabric::start(configuration, service).unwrap_or_else(|error| panic!("{service} does not start: {error}"))
}

/// A client of the probe, once `instances` of it are connected.
pub(crate) async fn client(caller: &Fabric, instances: usize) -> Client {
    let channel = caller.channel(PROBE).unwrap_or_else(|error| panic!("{error}"));
    wait_for("connections to every instance", || async {
        channel
            .report()
            .iter()
            .filter(|instance| instance.connected && instance.weight > 0)
            .count()
            == instances
    })
    .await;
    caller.client()
}

/// One plain call.
pub(crate) async fn get(client: &Client) -> Result<GetProbeResponse, Status> {
    let request = GetProbeRequest::default();
    client.clone().get_probe(request).await.map(tonic::Response::into_inner)
}

/// A request on behalf of somebody, as the gateway makes one.
pub(crate) fn on_behalf<M>(message: M, principal: &Principal, signer: &Signer) -> Request<M> {
    let token = signer.sign(principal).unwrap_or_else(|error| panic!("{error}"));
    let mut request = Request::new(message);
    token.write(request.metadata_mut().as_mut());
    request.extensions_mut().insert(Arc::new(principal.clone()));
    request
}

/// A request with these for its token and its certificate.
pub(crate) fn bearing<M>(message: M, token: &str, certificate: Option<&str>) -> Request<M> {
    let mut request = Request::new(message);
    let value = |text: &str| text.parse().unwrap_or_else(|_| panic!("{text:?} is no header"));
    let metadata = request.metadata_mut();
    metadata.insert("lyceum-principal", value(token));
    if let Some(certificate) = certificate {
        metadata.insert("lyceum-principal-certificate", value(certificate));
    }
    request
}

/// The stable reason in a status.
pub(crate) fn reason(status: &Status) -> String {
    status
        .get_details_error_info()
        .map(|info| info.reason)
        .unwrap_or_default()
}

/// An instance on a runtime of its own.
pub(crate) struct Process {
    pub(crate) id: String,
    pub(crate) serving: Option<Serving>,
    runtime: Option<tokio::runtime::Runtime>,
}

impl Process {
    pub(crate) async fn start(configuration: Configuration) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap_or_else(|error| panic!("no runtime: {error}"));
        let serving = runtime
            .spawn(async move { Serving::start(&start(configuration, PROBE)).await })
            .await
            .unwrap_or_else(|error| panic!("the process did not start: {error}"));
        Self {
            id: serving.id.clone(),
            serving: Some(serving),
            runtime: Some(runtime),
        }
    }

    /// Calls of `RecordProbe` that reached it.
    pub(crate) fn recorded(&self) -> u64 {
        self.serving.as_ref().map_or(0, Serving::recorded)
    }

    /// Ends it in the middle of whatever it does.
    pub(crate) fn kill(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}
