#![allow(clippy::unwrap_used, reason = "a test may panic")]

use super::*;

fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("lyceum-identity-{name}-{}", std::process::id()));
    let _ = std::fs::remove_dir_all(&folder);
    folder
}

#[test]
fn identities_have_one_form_each() {
    let id = SpiffeId::service("lyceum.internal", "dc1", "writing-analysis").unwrap();
    assert_eq!(
        id.as_str(),
        "spiffe://lyceum.internal/ns/default/dc/dc1/svc/writing-analysis"
    );
    assert_eq!(id.holder(), &Holder::Service("writing-analysis".to_owned()));
    assert_eq!(
        id.sibling("gateway").unwrap().as_str(),
        "spiffe://lyceum.internal/ns/default/dc/dc1/svc/gateway"
    );
    for wrong in [
        "http://x/y",
        "spiffe://",
        "spiffe://UPPER/x",
        "spiffe://a/b//c",
        "spiffe://a/../b",
        "spiffe://a/b c",
    ] {
        assert!(SpiffeId::parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn keys_are_readable_by_their_owner_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = folder("mode");
    DevelopmentAuthority::open(&folder, "lyceum.internal").unwrap();
    let mode = std::fs::metadata(folder.join("authority.key"))
        .unwrap()
        .permissions()
        .mode();
    std::fs::remove_dir_all(&folder).unwrap();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn an_authority_of_another_trust_domain_is_refused() {
    let folder = folder("domain");
    DevelopmentAuthority::open(&folder, "one.example").unwrap();
    let error = DevelopmentAuthority::open(&folder, "two.example")
        .unwrap_err()
        .to_string();
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(error.contains("two.example"), "{error}");
}

#[test]
fn a_certificate_of_somebody_else_is_refused() {
    let folder = folder("else");
    let authority = DevelopmentAuthority::open(&folder, "lyceum.internal").unwrap();
    let id = SpiffeId::service("lyceum.internal", "dc1", "a").unwrap();
    let issued = authority.issue(&id, Duration::from_secs(60)).unwrap();
    let (certificate, key) = (folder.join("c.pem"), folder.join("k.pem"));
    authority::write_private(&certificate, &issued.certificate).unwrap();
    authority::write_private(&key, &issued.key).unwrap();
    let files = files::Files {
        certificate,
        key,
        roots: authority.roots_path(),
    };
    assert!(files.material(&id, 1).is_ok());
    let error = files.material(&id.sibling("b").unwrap(), 1).unwrap_err().to_string();
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(error.contains("/svc/a's"), "{error}");
}

#[test]
fn an_expired_certificate_says_so() {
    let folder = folder("expired");
    let authority = DevelopmentAuthority::open(&folder, "lyceum.internal").unwrap();
    let id = SpiffeId::service("lyceum.internal", "dc1", "a").unwrap();
    let error = authority.material(&id, Duration::ZERO, 1).unwrap_err().to_string();
    std::fs::remove_dir_all(&folder).unwrap();
    assert!(error.contains("expired at"), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_renewal_waits_by_whichever_clock_is_ahead() {
    const HALF_LIFE: Duration = Duration::from_secs(12 * 3600);
    let jumped = |jump: Duration, after: Duration| {
        let (begun, epoch) = (Instant::now(), SystemTime::UNIX_EPOCH);
        move || {
            let passed = begun.elapsed();
            epoch + passed + if passed >= after { jump } else { Duration::ZERO }
        }
    };
    let begun = Instant::now();
    pass(HALF_LIFE, jumped(Duration::ZERO, Duration::ZERO)).await;
    assert!(begun.elapsed() >= HALF_LIFE && begun.elapsed() < HALF_LIFE + LOOK);
    // The wall clock is set a day ahead after an hour: the renewal is due at the next look.
    let (begun, hour) = (Instant::now(), Duration::from_secs(3600));
    pass(HALF_LIFE, jumped(2 * HALF_LIFE, hour)).await;
    assert!(
        begun.elapsed() >= hour && begun.elapsed() <= hour + 2 * LOOK,
        "{:?}",
        begun.elapsed()
    );
    // It is set back, and the monotonic clock says when.
    let (begun, set) = (Instant::now(), std::sync::atomic::AtomicBool::new(false));
    let back = || {
        let first = !set.swap(true, std::sync::atomic::Ordering::Relaxed);
        SystemTime::UNIX_EPOCH + if first { 2 * HALF_LIFE } else { Duration::ZERO }
    };
    pass(HALF_LIFE, back).await;
    assert!(begun.elapsed() >= HALF_LIFE && begun.elapsed() < HALF_LIFE + LOOK);
}
