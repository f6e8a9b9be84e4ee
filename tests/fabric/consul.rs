//! The client against a real agent: every endpoint, over every transport, with and without access control.

#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use lyceum::consul::{Address, Client, Error, Health, Query, Service, Settings, Tls, TtlCheck, Weights};
use lyceum::testing::consul::Consul;
use lyceum::testing::wait_for;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio::time::Instant;

fn service(id: &str, ttl: Duration) -> Service {
    Service {
        id: id.into(),
        name: "writing".into(),
        address: "127.0.0.1".into(),
        port: 7,
        tags: vec!["lyceum".into()],
        meta: [("version".to_owned(), "1".to_owned())].into(),
        weights: Weights {
            passing: 10,
            warning: 2,
        },
        check: TtlCheck {
            id: format!("service:{id}"),
            name: "how it is".into(),
            ttl,
            status: Health::Passing,
            deregister_critical_service_after: Duration::from_secs(300),
        },
    }
}

const LONG: Duration = Duration::from_secs(60);

#[tokio::test]
async fn every_endpoint_answers_as_it_should() {
    let consul = Consul::start().await;
    let client = consul.client();
    let agent = client.agent_self().await.unwrap();
    assert!(agent.version.split('.').count() >= 3, "{agent:?}");
    assert_eq!((agent.node.as_str(), agent.datacenter.as_str()), ("test", "dc1"));
    assert!(client.leader().await.unwrap().is_some());

    client.register(&service("w 1/ü", LONG)).await.unwrap();
    wait_for("the instance in the catalog", || async {
        client
            .services(&Query::default())
            .await
            .unwrap()
            .value
            .get("writing")
            .is_some_and(|tags| tags == &["lyceum"])
    })
    .await;
    let answer = client.health("writing", &Query::default()).await.unwrap();
    assert!(answer.index > 1 && answer.known_leader && !answer.filtered);
    let entry = &answer.value[0];
    assert_eq!((entry.service.id.as_str(), entry.service.port), ("w 1/ü", 7));
    assert_eq!(entry.service.meta["version"], "1");
    let weights = entry.service.weights.unwrap();
    assert_eq!((weights.passing, weights.warning), (Some(10), Some(2)));
    let status = |checks: &[lyceum::consul::Check]| {
        checks
            .iter()
            .find(|check| check.service_id == "w 1/ü")
            .map(|check| (check.health(), check.output.clone()))
    };
    assert_eq!(
        status(&entry.checks).unwrap().0,
        Health::Passing,
        "without a status it would start critical"
    );

    for (health, note) in [
        (Health::Warning, "busy"),
        (Health::Critical, "no disk"),
        (Health::Passing, "ready"),
    ] {
        client.update_check("service:w 1/ü", health, note).await.unwrap();
        wait_for("the heartbeat's word", || async {
            let answer = client.health("writing", &Query::default()).await.unwrap();
            status(&answer.value[0].checks) == Some((health, note.to_owned()))
        })
        .await;
    }

    client
        .maintenance("w 1/ü", true, "an operator's reason & more")
        .await
        .unwrap();
    let checks = client.agent_checks().await.unwrap();
    assert_eq!(
        checks["_service_maintenance:w 1/ü"].notes,
        "an operator's reason & more"
    );
    client.register(&service("w 1/ü", LONG)).await.unwrap();
    assert!(
        client
            .agent_checks()
            .await
            .unwrap()
            .contains_key("_service_maintenance:w 1/ü"),
        "it survives"
    );
    client.maintenance("w 1/ü", false, "").await.unwrap();
    assert!(
        !client
            .agent_checks()
            .await
            .unwrap()
            .contains_key("_service_maintenance:w 1/ü")
    );

    client.deregister("w 1/ü").await.unwrap();
    wait_for("the instance to go", || async {
        client
            .health("writing", &Query::default())
            .await
            .unwrap()
            .value
            .is_empty()
    })
    .await;
}

#[tokio::test]
async fn what_the_agent_does_not_know_is_told_apart() {
    let consul = Consul::start().await;
    let client = consul.client();
    let error = client
        .update_check("service:none", Health::Passing, "")
        .await
        .unwrap_err();
    assert!(
        matches!(&error, Error::UnknownCheck { check } if check == "service:none"),
        "{error:?}"
    );
    client.deregister("none").await.unwrap();
    let error = client.maintenance("none", true, "").await.unwrap_err();
    assert!(
        matches!(&error, Error::Refused { status, .. } if status.as_u16() == 404),
        "{error:?}"
    );
    let mut service = service("w", LONG);
    service.meta.insert("long".into(), "x".repeat(513));
    let error = client.register(&service).await.unwrap_err();
    assert!(matches!(&error, Error::Refused { status, body, .. } if status.as_u16() == 400 && body.contains("Meta")));
}

#[tokio::test]
async fn keys_hold_any_bytes() {
    let consul = Consul::start().await;
    let client = consul.client();
    let read = async |key: &str| client.kv_get(key, &Query::default()).await.unwrap().value;
    assert_eq!(read("lyceum/limits").await, None);
    client.kv_put("lyceum/limits", vec![0, 159, 255]).await.unwrap();
    client.kv_put("lyceum/empty ü", "").await.unwrap();
    assert_eq!(read("lyceum/limits").await.unwrap(), vec![0, 159, 255]);
    assert_eq!(read("lyceum/empty ü").await.unwrap(), "");
    let index = client.kv_get("lyceum/limits", &Query::default()).await.unwrap().index;
    let blocking = Query {
        index,
        wait: LONG,
        stale: false,
        ..Query::default()
    };
    let (woken, put) = tokio::join!(
        client.kv_get("lyceum/limits", &blocking),
        client.kv_put("lyceum/limits", "new")
    );
    put.unwrap();
    assert_eq!(woken.unwrap().value.unwrap(), "new");
    let index = client.kv_get("lyceum/limits", &Query::default()).await.unwrap().index;
    let put = async |index| client.kv_put_unchanged("lyceum/limits", "newer", index).await.unwrap();
    assert!(!put(0).await && !put(index - 1).await && put(index).await && !put(index).await);
    client.kv_delete("lyceum/limits").await.unwrap();
    client.kv_delete("lyceum/limits").await.unwrap();
    assert_eq!(read("lyceum/limits").await, None);
    assert!(client.kv_put_unchanged("lyceum/limits", "first", 0).await.unwrap());
}

#[tokio::test]
async fn a_blocking_query_wakes_with_the_change_or_at_its_waits_end() {
    let consul = Consul::start().await;
    let client = consul.client();
    client.register(&service("a", LONG)).await.unwrap();
    wait_for("the instance", || async {
        !client
            .health("writing", &Query::default())
            .await
            .unwrap()
            .value
            .is_empty()
    })
    .await;
    // The instance and its check may arrive one after the other: settle on an index that lasts.
    let mut index = 0;
    let start = loop {
        let start = Instant::now();
        let wait = Duration::from_millis(500);
        let answer = client
            .health(
                "writing",
                &Query {
                    index,
                    wait,
                    stale: true,
                    ..Query::default()
                },
            )
            .await
            .unwrap();
        if answer.index == index {
            break start;
        }
        index = answer.index;
    };
    assert!(start.elapsed() >= Duration::from_millis(500), "it blocked");
    let query = Query {
        index,
        wait: LONG,
        stale: true,
        ..Query::default()
    };
    let (another, started) = (service("b", LONG), Instant::now());
    let (woken, registered) = tokio::join!(client.health("writing", &query), client.register(&another));
    registered.unwrap();
    assert!(woken.unwrap().index > index);
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
}

#[tokio::test]
async fn what_changes_nothing_wakes_nobody() {
    let consul = Consul::start().await;
    let client = consul.client();
    client.register(&service("a", LONG)).await.unwrap();
    client.update_check("service:a", Health::Warning, "busy").await.unwrap();
    wait_for("the warning", || async {
        let entries = client.health("writing", &Query::default()).await.unwrap().value;
        entries
            .iter()
            .flat_map(|entry| &entry.checks)
            .any(|check| check.output == "busy")
    })
    .await;
    let answer = client.health("writing", &Query::default()).await.unwrap();
    client.register(&service("a", LONG)).await.unwrap();
    client
        .update_check("service:a", Health::Warning, "busier")
        .await
        .unwrap();
    // The wait ends by itself, and the index is the same: neither the registration nor the note counted.
    let query = Query {
        index: answer.index,
        wait: Duration::from_secs(1),
        stale: false,
        ..Query::default()
    };
    let again = client.health("writing", &query).await.unwrap();
    assert_eq!(again.index, answer.index);
    assert_eq!(
        again.value, answer.value,
        "registering again keeps the status; a note alone is passed on later"
    );
    assert_eq!(
        client.agent_checks().await.unwrap()["service:a"].output,
        "busier",
        "the agent itself knows it"
    );
}

#[tokio::test]
async fn a_check_lapses_without_a_heartbeat() {
    let consul = Consul::start().await;
    let client = consul.client();
    client.register(&service("a", Duration::from_secs(1))).await.unwrap();
    wait_for("the check to lapse", || async {
        let answer = client.health("writing", &Query::default()).await.unwrap();
        answer
            .value
            .iter()
            .flat_map(|entry| &entry.checks)
            .any(|check| check.health() == Health::Critical)
    })
    .await;
}

#[tokio::test]
async fn the_agents_unix_socket_works_like_its_port() {
    let consul = Consul::start().await;
    let mut settings = consul.settings();
    settings.address = Address::Unix(consul.socket());
    let client = Client::try_new(&settings).unwrap();
    client.kv_put("a", "b").await.unwrap();
    assert_eq!(client.kv_get("a", &Query::default()).await.unwrap().value.unwrap(), "b");
    settings.address = Address::Unix("/nonexistent/consul.sock".into());
    let error = Client::try_new(&settings).unwrap().leader().await.unwrap_err();
    assert!(matches!(&error, Error::Unreachable { address, .. } if address == "unix:///nonexistent/consul.sock"));
}

#[tokio::test]
async fn access_control_refuses_or_hides() {
    let token = "11111111-2222-3333-4444-555555555555";
    let consul = Consul::start_with_access_control(token).await;
    let operator = consul.client_with(token);
    operator.register(&service("a", LONG)).await.unwrap();
    wait_for("the instance", || async {
        operator
            .health("writing", &Query::default())
            .await
            .is_ok_and(|answer| answer.value.len() == 1)
    })
    .await;

    let hidden = consul
        .client_with("")
        .health("writing", &Query::default())
        .await
        .unwrap();
    assert!(hidden.value.is_empty(), "a missing token gets an empty list");
    let error = consul.client_with("").register(&service("b", LONG)).await.unwrap_err();
    assert!(error.is_forbidden(), "{error}");
    let unknown = "99999999-2222-3333-4444-555555555555";
    let error = consul
        .client_with(unknown)
        .health("writing", &Query::default())
        .await
        .unwrap_err();
    assert!(error.is_forbidden() && !error.to_string().contains(unknown), "{error}");
}

/// A folder of this test's own, gone with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("lyceum-fabric-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.0.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

fn authority() -> CertifiedIssuer<'static, KeyPair> {
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A certificate for a name: the paths of chain and key.
fn leaf(folder: &Folder, ca: &CertifiedIssuer<'static, KeyPair>, name: &str) -> (PathBuf, PathBuf) {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec![name.to_owned()])
        .unwrap()
        .signed_by(&key, ca)
        .unwrap();
    (
        folder.write(&format!("{name}.pem"), &certificate.pem()),
        folder.write(&format!("{name}.key"), &key.serialize_pem()),
    )
}

fn over_tls(port: u16, authorities: &Path, certificate: Option<(PathBuf, PathBuf)>, name: Option<&str>) -> Client {
    let mut settings = Settings::new(format!("https://127.0.0.1:{port}").parse().unwrap());
    settings.tls = Some(Tls {
        authorities: authorities.to_owned(),
        certificate,
        server_name: name.map(str::to_owned),
    });
    Client::try_new(&settings).unwrap()
}

#[tokio::test]
async fn tls_takes_the_right_authority_the_right_name_and_our_certificate() {
    let folder = Folder::new("tls");
    let (ours, others) = (authority(), authority());
    let trusted = folder.write("ca.pem", &ours.pem());
    let untrusted = folder.write("other.pem", &others.pem());
    let (chain, key) = leaf(&folder, &ours, "server.dc1.consul");
    let client = leaf(&folder, &ours, "client.dc1.consul");
    let stranger = leaf(&folder, &others, "stranger.dc1.consul");
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let settings = format!(
        "ports {{ https = {port} }}\nverify_incoming_https = true\nca_file = {:?}\ncert_file = {:?}\nkey_file = {:?}",
        trusted, chain, key
    );
    let _consul = Consul::start_with(&settings).await;
    let name = Some("server.dc1.consul");

    let good = over_tls(port, &trusted, Some(client.clone()), name);
    assert!(good.leader().await.unwrap().is_some());
    let refused = [
        ("no certificate of ours", over_tls(port, &trusted, None, name)),
        (
            "a certificate of a stranger",
            over_tls(port, &trusted, Some(stranger), name),
        ),
        (
            "an authority that did not sign the agent's",
            over_tls(port, &untrusted, Some(client.clone()), name),
        ),
        (
            "the address instead of the name",
            over_tls(port, &trusted, Some(client), None),
        ),
    ];
    for (what, client) in refused {
        let error = client.leader().await.expect_err(what);
        assert!(matches!(error, Error::Unreachable { .. }), "{what}: {error:?}");
    }
}
