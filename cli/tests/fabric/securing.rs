//! A fabric whose gateway speaks TLS: `lyceum up` and `lyceum status` speak it too.

use lyceum::identity::SpiffeId;
use lyceum::identity::authority::DevelopmentAuthority;
use serde_json::Value;

use crate::running::{Up, run, said};

/// What `lyceum status --calls` tells of the gateway.
async fn asked(up: &Up, settings: &[&str]) -> Value {
    let consul = format!("consul.address={}", up.consul());
    let data = up.data().to_str().unwrap();
    let mut arguments = vec!["status", "--calls", "--json", "--data", data, "--set", &consul];
    for setting in settings {
        arguments.extend(["--set", setting]);
    }
    let (good, text, error) = said(&run(&arguments).await);
    assert!(good, "{error}");
    let told: Value = serde_json::from_str(&text).unwrap();
    let callers = told["callers"].as_array().unwrap();
    let gateway = callers.iter().find(|caller| caller["service"] == "gateway");
    gateway.unwrap_or_else(|| panic!("{told}")).clone()
}

#[tokio::test]
async fn a_gateway_with_the_fabrics_own_certificate_is_asked_by_its_identity() {
    // Healthy only once the gateway was asked, over TLS, what it knows.
    let up = Up::start(&["--set", "gateway.tls.source=development"]).await;
    assert_eq!(up.told["page"], format!("https://{}/", up.gateway()));
    for settings in [&["gateway.tls.source=development"][..], &[]] {
        let gateway = asked(&up, settings).await;
        assert!(gateway["callees"][0]["instances"].is_array(), "{settings:?}: {gateway}");
    }
    up.stop().await;
}

#[tokio::test]
async fn a_gateway_with_files_must_show_the_certificate_that_they_name() {
    let folder = tempfile::tempdir().unwrap();
    let issue = |name: &str| {
        let authority = DevelopmentAuthority::open(&folder.path().join(name), "school.example").unwrap();
        let id = SpiffeId::service("school.example", "dc1", "site").unwrap();
        let issued = authority.issue(&id, std::time::Duration::from_secs(3600)).unwrap();
        let files = [("pem", issued.certificate), ("key", issued.key)].map(|(kind, content)| {
            let path = folder.path().join(format!("{name}.{kind}"));
            std::fs::write(&path, content).unwrap();
            path.to_str().unwrap().to_owned()
        });
        let [certificate, key] = files;
        [
            "gateway.tls.source=files".to_owned(),
            format!("gateway.tls.certificate={certificate}"),
            format!("gateway.tls.key={key}"),
        ]
    };
    let (own, other) = (issue("own"), issue("other"));
    let arguments: Vec<&str> = own.iter().flat_map(|setting| ["--set", setting]).collect();
    let up = Up::start(&arguments).await;
    let settings: Vec<&str> = own.iter().map(String::as_str).collect();
    let gateway = asked(&up, &settings).await;
    assert!(gateway["callees"][0]["instances"].is_array(), "{gateway}");
    let settings: Vec<&str> = other.iter().map(String::as_str).collect();
    for settings in [&settings[..], &[]] {
        let refused = asked(&up, settings).await;
        let told = refused.to_string();
        assert!(
            told.contains("certificate") && told.contains("[gateway.tls]"),
            "{settings:?}: {told}"
        );
    }
    up.stop().await;
}
