//! What a process says that cannot start: which file, which port, which setting.

#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use lyceum::Fabric;
use lyceum::serving::Server;
use lyceum::testing::probe::{Folder, Serving};
use tokio::net::TcpListener;

use crate::scene::{PROBE, start, unannounced};

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_port_is_named() {
    let folder = Folder::new();
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap();
    let mut configuration = unannounced(&folder);
    configuration.serving.port = address.port();
    let error = Server::new(&start(configuration, PROBE))
        .bind()
        .await
        .unwrap_err()
        .to_string();
    assert!(error.contains(&address.to_string()), "{error}");
    assert!(error.to_lowercase().contains("in use"), "{error}");
}

#[tokio::test]
async fn a_data_folder_that_cannot_be_written_is_named() {
    let folder = Folder::new();
    // A file where the folder should be: not even root writes into that.
    let file = folder.path().join("file");
    std::fs::write(&file, "not a folder").unwrap();
    let mut configuration = unannounced(&folder);
    configuration.data = file.clone();
    let error = Fabric::start(configuration, PROBE).unwrap_err().to_string();
    assert!(error.contains(file.to_str().unwrap()), "{error}");
    assert!(error.to_lowercase().contains("not a directory"), "{error}");
}

#[tokio::test]
async fn an_authority_that_is_damaged_or_of_another_domain_is_named() {
    let folder = Folder::new();
    let mut configuration = unannounced(&folder);
    drop(start(configuration.clone(), PROBE));
    let roots = folder.path().join("identity/authority.pem");
    configuration.identity.trust_domain = "other.example".to_owned();
    let error = Fabric::start(configuration.clone(), PROBE).unwrap_err().to_string();
    assert!(
        error.contains(roots.to_str().unwrap()) && error.contains("other.example"),
        "{error}"
    );

    configuration.identity.trust_domain = "lyceum.internal".to_owned();
    let key = folder.path().join("identity/authority.key");
    std::fs::write(&key, "no key").unwrap();
    let error = Fabric::start(configuration.clone(), PROBE).unwrap_err().to_string();
    assert!(error.contains(key.to_str().unwrap()), "the key: {error}");
    std::fs::write(&roots, "no certificate").unwrap();
    let error = Fabric::start(configuration, PROBE).unwrap_err().to_string();
    assert!(error.contains(roots.to_str().unwrap()), "the certificate: {error}");
}

#[tokio::test]
async fn settings_that_cannot_be_used_are_named() {
    let folder = Folder::new();
    let plain = unannounced(&folder);
    let problem = |change: &dyn Fn(&mut lyceum::configuration::Configuration)| {
        let mut changed = plain.clone();
        change(&mut changed);
        Fabric::start(changed, PROBE)
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    };
    let error = problem(&|changed| changed.authorization.allow = vec!["everybody".to_owned()]);
    assert!(error.contains("everybody"), "{error}");
    let error = problem(&|changed| changed.consul.address = "ftp://x".to_owned());
    assert!(error.contains("ftp"), "{error}");
    let error = problem(&|changed| changed.consul.token_file = Some("/nowhere/token".into()));
    assert!(error.contains("/nowhere/token"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_processes_may_make_the_authority_at_once() {
    let folder = Folder::new();
    let configuration = unannounced(&folder);
    let starts = (0..8).map(|_| {
        let configuration = configuration.clone();
        tokio::spawn(async move { start(configuration, PROBE).identity().id().to_string() })
    });
    for started in starts.collect::<Vec<_>>() {
        assert!(started.await.unwrap().ends_with("/svc/testing"));
    }
    // All of them trust each other: there is one authority.
    let serving = Serving::start(&start(configuration, PROBE)).await;
    assert_ne!(serving.address.port(), 0);
}
