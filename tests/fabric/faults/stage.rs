//! What the tests of faults start from: probes behind a proxy each, somebody who calls them, and load.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use lyceum::Fabric;
use lyceum::client::{Answered, Channel};
use lyceum::configuration::Configuration;
use lyceum::contracts::testing::v1::{GetProbeRequest, RecordProbeRequest};
use lyceum::policy::{self, Resolved};
use lyceum::testing::load::Load;
use lyceum::testing::probe::Serving;
use lyceum::testing::proxy::Proxy;
use lyceum::testing::wait_for;
use tonic::Request;

use crate::scene::{Client, PROBE, Scene, client, start};

/// The deadline of every call here: long enough for a busy machine, short enough to see what hangs.
pub(crate) const DEADLINE: Duration = Duration::from_secs(2);

/// A probe in this process that is announced as, and reached through, a proxy.
pub(crate) struct Placed {
    pub(crate) serving: Serving,
    pub(crate) proxy: Proxy,
}

/// Probes, and a caller with a connection to each.
pub(crate) struct Stage {
    pub(crate) scene: Scene,
    pub(crate) placed: Vec<Placed>,
    pub(crate) caller: Fabric,
    pub(crate) client: Client,
}

impl Placed {
    pub(crate) async fn start(configuration: Configuration) -> Self {
        Self::start_at(configuration, IpAddr::V4(Ipv4Addr::LOCALHOST)).await
    }

    pub(crate) async fn start_at(mut configuration: Configuration, ip: IpAddr) -> Self {
        let proxy = Proxy::listen(ip, 7).await;
        configuration.registration.address = Some(ip.to_string());
        configuration.registration.port = proxy.address().port();
        configuration.serving.address = ip;
        let serving = Serving::start(&start(configuration, PROBE)).await;
        proxy.forward_to(serving.address);
        Self { serving, proxy }
    }

    pub(crate) fn id(&self) -> &str {
        &self.serving.id
    }
}

impl Stage {
    pub(crate) async fn of(instances: usize) -> Self {
        Self::with(instances, |_| {}).await
    }

    /// `settle` changes the settings of every instance.
    pub(crate) async fn with(instances: usize, settle: impl Fn(&mut Configuration)) -> Self {
        let scene = Scene::start().await;
        let mut placed = Vec::new();
        for _ in 0..instances {
            let mut configuration = scene.configuration();
            settle(&mut configuration);
            placed.push(Placed::start(configuration).await);
        }
        let caller = scene.caller();
        let client = client(&caller, instances).await;
        Self {
            scene,
            placed,
            caller,
            client,
        }
    }

    pub(crate) fn channel(&self) -> Channel {
        self.caller.channel(PROBE).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Unary calls that reached a server, whatever became of them.
    pub(crate) fn received(&self) -> u64 {
        self.placed.iter().map(|one| one.serving.received()).sum()
    }

    /// Sets what holds for the probe in Consul, and waits until the caller goes by it.
    pub(crate) async fn obey(&self, document: &str) {
        obey(&self.scene, &self.caller, document).await;
    }

    /// What the caller counts of its calls to the probe, such as `retries`.
    pub(crate) fn counted(&self, what: &str) -> u64 {
        counted(&self.caller, what)
    }

    pub(crate) fn gets(&self, rate: u32) -> Load {
        gets(&self.client, rate)
    }

    pub(crate) fn records(&self, rate: u32) -> Load {
        records(&self.client, rate)
    }
}

/// Sets what holds for the probe in Consul, and waits until `caller` goes by it.
pub(crate) async fn obey(scene: &Scene, caller: &Fabric, document: &str) {
    let wanted = caller.policies().base().with(document.as_bytes());
    let wanted = Resolved::of(&wanted.unwrap_or_else(|error| panic!("{error}")), PROBE);
    let watched = caller.policies().watch(PROBE);
    let written = scene
        .consul
        .client()
        .kv_put(&policy::key(PROBE), document.to_owned())
        .await;
    written.unwrap_or_else(|error| panic!("the policy cannot be written: {error}"));
    wait_for("the policy to hold", || async { **watched.load() == wanted }).await;
}

/// What `caller` counts of its calls to the probe, such as `retries`.
pub(crate) fn counted(caller: &Fabric, what: &str) -> u64 {
    let name = format!("lyceum_client_{what}_total{{callee=\"{PROBE}\"}} ");
    let metrics = caller.metrics().encode();
    let value = metrics.lines().find_map(|line| line.strip_prefix(name.as_str()));
    value
        .and_then(|value| value.parse().ok())
        .unwrap_or_else(|| panic!("{name} is not in {metrics}"))
}

/// Idempotent calls.
pub(crate) fn gets(client: &Client, rate: u32) -> Load {
    let client = client.clone();
    Load::start(rate, move |_| {
        let mut client = client.clone();
        async move {
            let mut request = Request::new(GetProbeRequest::default());
            request.set_timeout(DEADLINE);
            Ok(client.get_probe(request).await?.into_inner().instance)
        }
    })
}

/// Calls that must not be repeated.
pub(crate) fn records(client: &Client, rate: u32) -> Load {
    let client = client.clone();
    Load::start(rate, move |_| {
        let mut client = client.clone();
        async move {
            let mut request = Request::new(RecordProbeRequest::default());
            request.set_timeout(DEADLINE);
            let response = client.record_probe(request).await?;
            let answered = response.extensions().get::<Answered>();
            Ok(answered
                .map(|answered| answered.instance.to_string())
                .unwrap_or_default())
        }
    })
}
