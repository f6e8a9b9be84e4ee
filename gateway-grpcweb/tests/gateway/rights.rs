//! A Consul that denies by default, and exactly the rules of `deploy/consul/policies`.

use std::fs;
use std::path::Path;
use std::time::Duration;

use http::Method;
use lyceum::Fabric;
use lyceum::configuration::Configuration;
use lyceum::consul::Query;
use lyceum::policy::key;
use lyceum::principal::Role;
use lyceum::testing::consul::Consul;
use lyceum::testing::probe::{Folder, Serving, configuration};
use lyceum::testing::wait_for;
use lyceum_gateway_grpcweb::Gateway;
use lyceum_gateway_grpcweb::keys::{Key, Moment};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::browser::Browser;
use crate::credentials::secret;
use crate::issuer::{GET, Signing, Site, call_with, claims, kept, outcome, session, set, trusting};

const OPERATOR: &str = "11111111-2222-3333-4444-555555555555";

/// A token with the rules of a file of `deploy/consul/policies`; of another service, where one is named.
async fn token(consul: &Consul, file: &str, service: Option<&str>) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/consul/policies");
    let mut rules = fs::read_to_string(folder.join(format!("{file}.hcl"))).unwrap();
    if let Some(service) = service {
        rules = rules.replace(file, service);
    }
    let (policy, rules) = (format!("-name={file}"), format!("-rules={rules}"));
    consul
        .command(&["acl", "policy", "create", &policy, &rules], OPERATOR)
        .await;
    let policy = format!("-policy-name={file}");
    let said = consul.command(&["acl", "token", "create", &policy], OPERATOR).await;
    let secret = said.lines().find_map(|line| line.strip_prefix("SecretID:")).unwrap();
    secret.trim().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_documented_rules_are_enough_for_a_gateway_its_services_and_its_operators() {
    let consul = Consul::start_with_access_control(OPERATOR).await;
    let gateways = token(&consul, "gateway", None).await;
    let services = token(&consul, "writing-analysis", Some("testing")).await;
    let operators = consul.client_with(&token(&consul, "operator", None).await);
    let (signing, folder) = (Signing::ec("key"), Folder::new());
    let site = Site::start(set(&[&signing])).await;
    let session_key = folder.path().join("session.key");
    secret(&session_key, 7);
    let with = |token: &str| {
        let mut own = configuration(&folder, &consul.address());
        own.consul.token = Some(lyceum::privacy::Sensitive::new(token.to_owned()));
        own
    };

    let serving = Serving::start(&Fabric::start(with(&services), "testing").unwrap()).await;
    let mut own: Configuration = with(&gateways);
    trusting(site.url())(&mut own);
    own.gateway.address = "127.0.0.1:0".parse().unwrap();
    own.gateway.authentication.session_key = Some(session_key);
    own.policy.edge.limits.principal.per_day = 1000;
    own.policy.edge.limits.share = Duration::from_millis(200);
    let fabric = Fabric::start(own, "gateway").unwrap();
    let bound = Gateway::new(&fabric).bind().await.unwrap();
    let (browser, stop) = (Browser::new(bound.address()), CancellationToken::new());
    let running = tokio::spawn(bound.serve(stop.clone().cancelled_owned()));
    let bearer = format!("Bearer {}", signing.token(&claims(json!({}))));

    // Registration, of both, and finding each other.
    wait_for("a call", || async {
        call_with(&browser, GET, &[("authorization", &bearer)]).await.status() == Some(0)
    })
    .await;
    wait_for("the gateway in Consul", || async {
        let services = operators.services(&Query::default()).await.unwrap().value;
        services.contains_key("gateway")
    })
    .await;

    // Keys, which operators make and the gateway reads.
    let scopes = ["*".to_owned()].into();
    let (api_key, shown) = Key::create("bot", Role::Service.into(), scopes, Moment::now()).unwrap();
    operators.kv_put(&api_key.place(), api_key.document()).await.unwrap();
    wait_for("the key", || async {
        outcome(&call_with(&browser, GET, &[("x-api-key", shown.expose())]).await) == "OK"
    })
    .await;

    // Quotas, which the gateway shares.
    wait_for("the day's count", || async {
        stored(&consul, "lyceum/quota/").await > 0
    })
    .await;

    // Sessions, whose end all gateways must hear of.
    let here = ("sec-fetch-site", "same-origin");
    let (_, headers, told) = session(&browser, Method::POST, &[("authorization", &bearer), here], "").await;
    let (cookie, csrf) = (kept(&headers), told["csrf"].as_str().unwrap().to_owned());
    let as_page = [("cookie", cookie.as_str()), here, ("x-csrf-token", &csrf)];
    assert_eq!(outcome(&call_with(&browser, GET, &as_page).await), "OK");
    let (status, _, told) = session(&browser, Method::DELETE, &as_page, "").await;
    assert_eq!(status, 200, "{told}");
    assert_eq!(stored(&consul, "lyceum/sessions/").await, 1);
    assert_eq!(outcome(&call_with(&browser, GET, &as_page).await), "SESSION_ENDED");

    // Policies, which operators set and the gateway follows.
    let closed = format!("[edge.access.\"{GET}\"]\nroles = [\"administrator\"]\n");
    operators.kv_put(&key("gateway"), closed).await.unwrap();
    wait_for("the policy", || async {
        call_with(&browser, GET, &[("authorization", &bearer)]).await.status() == Some(7)
    })
    .await;

    // And nothing more: a gateway makes no keys and sets no policy, a service reads no keys.
    let gateway = consul.client_with(&gateways);
    for key in [key("gateway"), "lyceum/keys/x".to_owned()] {
        assert!(gateway.kv_put(&key, "").await.unwrap_err().is_forbidden(), "{key}");
    }
    let service = consul.client_with(&services);
    assert!(
        service
            .kv_get("lyceum/keys/x", &Query::default())
            .await
            .unwrap_err()
            .is_forbidden()
    );
    stop.cancel();
    running.await.unwrap();
    drop(serving);
}

/// What is below a folder, as one sees it who may see everything.
async fn stored(consul: &Consul, folder: &str) -> usize {
    let everything = consul.client_with(OPERATOR);
    everything.kv_list(folder, &Query::default()).await.unwrap().value.len()
}
