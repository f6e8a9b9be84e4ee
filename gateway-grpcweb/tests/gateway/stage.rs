//! Consul, two services and a gateway, for one test.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use lyceum::Fabric;
use lyceum::configuration::Configuration;
use lyceum::principal::Access;
use lyceum::serving::Server;
use lyceum::testing::consul::Consul;
use lyceum::testing::probe::{Folder, Serving, configuration};
use lyceum::testing::wait_for;
use lyceum_gateway_grpcweb::Gateway;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::browser::Browser;
use crate::mirror::Mirror;

/// A whole fabric with a gateway before it.
pub(crate) struct Stage {
    pub(crate) consul: Consul,
    pub(crate) folder: Folder,
    pub(crate) address: SocketAddr,
    pub(crate) probe: Option<Serving>,
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

impl Stage {
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| {}).await
    }

    /// With a configuration of the gateway's own; ready when both services can be called.
    pub(crate) async fn start_with(change: impl FnOnce(&mut Configuration)) -> Self {
        let mut stage = Self::start_empty(change).await;
        let common = stage.configuration();
        stage.probe = Some(Serving::start(&Fabric::start(common.clone(), "testing").unwrap()).await);
        stage.serve_mirror().await;
        let browser = stage.browser();
        wait_for("the probe and the mirror behind the gateway", || async {
            browser.answers("lyceum.testing.v1.ProbeService/GetProbe").await
                && browser.answers("mirror.v1.MirrorService/Echo").await
        })
        .await;
        stage
    }

    /// As [`Stage::start_with`], for a gateway that speaks TLS: its clients wait until it is ready.
    pub(crate) async fn start_tls(change: impl FnOnce(&mut Configuration)) -> Self {
        let mut stage = Self::start_empty(change).await;
        stage.probe = Some(Serving::start(&Fabric::start(stage.configuration(), "testing").unwrap()).await);
        stage.serve_mirror().await;
        stage
    }

    /// A gateway alone.
    pub(crate) async fn start_empty(change: impl FnOnce(&mut Configuration)) -> Self {
        let consul = Consul::start().await;
        let folder = Folder::new();
        let mut own = common(&folder, &consul.address());
        own.gateway.address = "127.0.0.1:0".parse().unwrap();
        own.policy.edge.origins = vec!["https://school.example".to_owned()];
        own.gateway.hosts = vec!["x".to_owned()];
        own.gateway.page = folder.path().join("dist");
        change(&mut own);
        let stop = CancellationToken::new();
        let bound = Gateway::new(&Fabric::start(own, "gateway").unwrap())
            .bind()
            .await
            .unwrap();
        let address = bound.address();
        let tasks = vec![tokio::spawn(bound.serve(stop.clone().cancelled_owned()))];
        Self {
            consul,
            folder,
            address,
            probe: None,
            stop,
            tasks,
        }
    }

    /// Adds a service of this name in Consul.
    pub(crate) async fn serve(&mut self, name: &str, add: impl FnOnce(Server) -> Server) {
        let fabric = Fabric::start(self.configuration(), name).unwrap();
        let bound = add(Server::new(&fabric)).bind().await.unwrap();
        self.tasks
            .push(tokio::spawn(bound.serve(self.stop.clone().cancelled_owned())));
    }

    /// Adds a service that no contract knows.
    pub(crate) async fn serve_mirror(&mut self) {
        self.serve("mirror", |server| server.allow(Access::ANYONE).add(Mirror))
            .await;
    }

    pub(crate) fn configuration(&self) -> Configuration {
        common(&self.folder, &self.consul.address())
    }

    pub(crate) fn probe(&self) -> &Serving {
        self.probe.as_ref().unwrap()
    }

    pub(crate) fn browser(&self) -> Browser {
        Browser::new(self.address)
    }

    /// Tells the gateway and the mirror to stop; the rest of the test sees how.
    pub(crate) fn shut_down(&self) {
        self.stop.cancel();
    }

    /// Waits until what was told to stop has stopped.
    pub(crate) async fn stopped(&mut self) {
        for task in self.tasks.drain(..) {
            task.await.unwrap();
        }
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        for task in &self.tasks {
            task.abort();
        }
    }
}

/// A program that may be missing: then the test is skipped, and fails where CI runs it.
#[expect(clippy::disallowed_methods, reason = "a test looks for programs as a shell would")]
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .chain([root.join(".tools/bin"), root.join("web/node_modules/.bin")])
        .map(|folder| folder.join(name))
        .find(|file| file.is_file());
    if found.is_none() {
        assert!(
            std::env::var_os("CI").is_none(),
            "no {name} on the PATH: run `make setup`"
        );
        eprintln!("skipped: no {name} on the PATH nor in .tools/bin; `make setup` brings it");
    }
    found
}

/// What all have, with a word on who may call the mirror, whose contract nobody knows.
fn common(folder: &Folder, consul: &str) -> Configuration {
    let everybody = lyceum::policy::Access {
        anyone: true,
        ..lyceum::policy::Access::default()
    };
    let mut common = configuration(folder, consul);
    common.policy.edge.access = [("mirror.v1.MirrorService/*".to_owned(), everybody)].into();
    common
}
