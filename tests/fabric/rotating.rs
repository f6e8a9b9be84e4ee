//! Certificates change while calls go on: renewed by the development authority, replaced as files.

#![allow(clippy::unwrap_used, reason = "a test fails where it unwraps")]

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use lyceum::configuration::{Configuration, IdentitySource};
use lyceum::identity::SpiffeId;
use lyceum::identity::authority::{Issued, write_private};
use lyceum::testing::probe::{Folder, Serving};
use lyceum::testing::{wait_for, wait_until};
use tonic::Code;

use crate::load::{Call, Load};
use crate::raw::{Raw, authority, framed, issue, operator};
use crate::scene::{PROBE, Scene, client, get, reason, start, unannounced};

#[tokio::test(flavor = "multi_thread")]
async fn renewals_under_load_cost_no_call_and_new_connections_show_the_new_certificate() {
    let scene = Scene::start().await;
    let mut configuration = scene.configuration();
    configuration.identity.lifetime = Duration::from_secs(3);
    // Old connections end too, so that every certificate is used for new ones.
    configuration.serving.connection_age = Duration::from_secs(1);
    let fabric = start(configuration.clone(), PROBE);
    let (first, _second) = (Serving::start(&fabric).await, Serving::start(&fabric).await);
    let caller = start(configuration, "caller");
    let client = client(&caller, 2).await;
    let (gets, records) = (
        Load::start(&client, 4, Call::Get(2)),
        Load::start(&client, 2, Call::Record),
    );
    let before = Raw::operator(&scene.folder, first.address).await.certificate;
    let (mut theirs, mut ours) = (fabric.identity().changes(), caller.identity().changes());
    wait_until("three renewals of the callee", &mut theirs, |version| *version >= 4).await;
    wait_until("three renewals of the caller", &mut ours, |version| *version >= 4).await;
    let after = Raw::operator(&scene.folder, first.address).await.certificate;
    assert_ne!(before, after, "a new connection shows the new certificate");
    gets.answers(50).await;
    records.answers(50).await;
    println!(
        "{} and {} calls",
        gets.end().await.flawless(),
        records.end().await.flawless()
    );

    // Operators see in Consul when the newest ends: later than the first one did.
    let channel = caller.channel(PROBE).unwrap();
    wait_for("the newest certificate's end in Consul", || async {
        let ends = channel
            .report()
            .into_iter()
            .find(|one| one.id == first.id)
            .and_then(|one| one.certificate_expires);
        ends.is_some_and(|ends| ends >= SystemTime::now())
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_read_again_and_an_expired_one_is_refused_until_then() {
    let scene = Scene::start().await;
    let files = Files::new(&scene.folder);
    let id = SpiffeId::service("lyceum.internal", "dc1", PROBE).unwrap();
    // Certificates count in whole seconds, so this one lives for one to two.
    files.write(&issue(&scene.folder, &id, Duration::from_secs(2)));
    let fabric = start(files.configure(scene.configuration()), PROBE);
    let serving = Serving::start(&fabric).await;
    let connected = scene.caller();
    let early = client(&connected, 1).await;
    assert_eq!(get(&early).await.unwrap().instance, serving.id);
    // The second in which it ends still counts as valid.
    let end = fabric.identity().material().expires() + Duration::from_secs(1);
    wait_for("the certificate's end", || async { SystemTime::now() > end }).await;

    let caller = scene.caller();
    let late: crate::scene::Client = caller.client();
    // On a busy machine a heartbeat may be late, and nobody be there for a moment.
    wait_for("an expired certificate is refused", || async {
        let refused = get(&late).await.unwrap_err();
        assert_eq!(refused.code(), Code::Unavailable);
        reason(&refused) == "CERTIFICATE_REFUSED"
    })
    .await;
    assert!(get(&early).await.is_ok(), "a connection in use outlives it");

    // A half-written pair changes nothing, a whole one counts without a restart.
    let fresh = issue(&scene.folder, &id, Duration::from_secs(600));
    std::fs::write(&files.certificate, &fresh.certificate[..fresh.certificate.len() / 2]).unwrap();
    assert!(get(&early).await.is_ok());
    files.write(&fresh);
    let mut changes = fabric.identity().changes();
    wait_until("the new files", &mut changes, |version| *version >= 2).await;
    client(&caller, 1).await;
    assert_eq!(get(&late).await.unwrap().instance, serving.id);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_root_counts_without_a_new_certificate() {
    let (folder, elsewhere) = (Folder::new(), Folder::new());
    let mut files = Files::new(&folder);
    let ours = std::fs::read_to_string(&files.roots).unwrap();
    let theirs = std::fs::read_to_string(authority(&elsewhere).roots_path()).unwrap();
    files.roots = folder.path().join("roots.pem");
    std::fs::write(&files.roots, &ours).unwrap();
    let id = SpiffeId::service("lyceum.internal", "dc1", PROBE).unwrap();
    files.write(&issue(&folder, &id, Duration::from_secs(600)));
    let fabric = start(files.configure(unannounced(&folder)), PROBE);
    let serving = Serving::start(&fabric).await;
    let roots = authority(&folder).roots_path();
    let answers = async |holder: &Folder| match Raw::connect(serving.address, &roots, Some(&operator(holder))).await {
        Ok(raw) => raw.call("/grpc.health.v1.Health/Check", &[], framed(&[])).await.is_ok(),
        Err(_) => false,
    };
    assert!(answers(&folder).await && !answers(&elsewhere).await);
    write_private(&files.roots, &format!("{ours}{theirs}")).unwrap();
    let mut changes = fabric.identity().changes();
    wait_until("the second root", &mut changes, |version| *version >= 2).await;
    assert!(
        answers(&folder).await && answers(&elsewhere).await,
        "both count while an authority is replaced"
    );
    write_private(&files.roots, &ours).unwrap();
    wait_until("its end", &mut changes, |version| *version >= 3).await;
    assert!(answers(&folder).await && !answers(&elsewhere).await);
}

#[tokio::test]
async fn a_process_whose_files_are_no_good_does_not_start_and_says_why() {
    let scene = Scene::start().await;
    let files = Files::new(&scene.folder);
    let configuration = files.configure(scene.configuration());
    let problem = || {
        lyceum::Fabric::start(configuration.clone(), PROBE)
            .err()
            .map(|error| error.to_string())
            .unwrap_or_default()
    };
    let text = problem();
    let certificate = files.certificate.to_str().unwrap();
    assert!(text.starts_with(certificate), "no file: {text}");

    let id = SpiffeId::service("lyceum.internal", "dc1", PROBE).unwrap();
    let good = issue(&scene.folder, &id, Duration::from_secs(600));
    files.write(&good);
    std::fs::write(&files.certificate, "nothing").unwrap();
    let text = problem();
    assert!(text.contains("holds no certificate"), "nonsense: {text}");

    files.write(&issue(&scene.folder, &id, Duration::ZERO));
    let text = problem();
    assert!(
        text.starts_with(certificate) && text.contains("it expired at"),
        "expired: {text}"
    );

    files.write(&issue(
        &scene.folder,
        &id.sibling("other").unwrap(),
        Duration::from_secs(600),
    ));
    let text = problem();
    assert!(
        text.starts_with(certificate) && text.contains("/svc/other's"),
        "somebody else's: {text}"
    );

    files.write(&good);
    let other = issue(&scene.folder, &id, Duration::from_secs(600));
    write_private(&files.key, &other.key).unwrap();
    let text = problem();
    let key = files.key.to_str().unwrap();
    assert!(
        text.starts_with(key) && text.contains("is not the key of"),
        "another key: {text}"
    );
}

/// An identity in files.
struct Files {
    certificate: PathBuf,
    key: PathBuf,
    roots: PathBuf,
}

impl Files {
    fn new(folder: &Folder) -> Self {
        let at = |name: &str| -> PathBuf { Path::join(folder.path(), name) };
        Self {
            certificate: at("certificate.pem"),
            key: at("key.pem"),
            roots: authority(folder).roots_path(),
        }
    }

    /// The key first: a reader that comes between the two sees a pair that does not fit, and waits.
    fn write(&self, issued: &Issued) {
        write_private(&self.key, &issued.key).unwrap();
        write_private(&self.certificate, &issued.certificate).unwrap();
    }

    fn configure(&self, mut configuration: Configuration) -> Configuration {
        configuration.identity.source = IdentitySource::Files;
        configuration.identity.certificate = Some(self.certificate.clone());
        configuration.identity.key = Some(self.key.clone());
        configuration.identity.roots = Some(self.roots.clone());
        configuration.identity.reload = Duration::from_millis(100);
        configuration
    }
}
