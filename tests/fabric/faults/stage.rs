//! What the tests of faults start from: probes behind a proxy each, somebody who calls them, and load.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use lyceum::Fabric;
use lyceum::client::{Answered, Channel};
use lyceum::configuration::Configuration;
use lyceum::contracts::testing::v1::{GetProbeRequest, RecordProbeRequest};
use lyceum::testing::load::Load;
use lyceum::testing::probe::Serving;
use lyceum::testing::proxy::Proxy;
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

    pub(crate) fn gets(&self, rate: u32) -> Load {
        gets(&self.client, rate)
    }

    pub(crate) fn records(&self, rate: u32) -> Load {
        records(&self.client, rate)
    }
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
