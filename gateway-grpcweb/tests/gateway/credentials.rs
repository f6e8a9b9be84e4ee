//! API keys, sessions and what becomes of credentials, at a real gateway with a real Consul.

use std::fs;
use std::sync::Mutex;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Method, Request};
use lyceum::Fabric;
use lyceum::principal::{Principal, Role};
use lyceum::testing::wait_for;
use lyceum_gateway_grpcweb::keys::{Key, Moment};
use lyceum_gateway_grpcweb::{Gateway, development};
use serde_json::json;

use crate::browser::Browser;
use crate::issuer::{GET, Signing, Site, call_with, claims, kept, outcome, reason, session, set, trusting};
use crate::stage::Stage;

const HEADERS: &str = "mirror.v1.MirrorService/Headers";

#[tokio::test(flavor = "multi_thread")]
async fn an_api_key_opens_its_scope_until_it_is_rotated_or_revoked() {
    let stage = Stage::start().await;
    let (browser, consul) = (stage.browser(), stage.consul.client());
    let by_header = async |key: &str| outcome(&call_with(&browser, GET, &[("x-api-key", key)]).await);
    let with = async |key: &str, method: &str| {
        let bearer = format!("Bearer {key}");
        outcome(&call_with(&browser, method, &[("authorization", &bearer)]).await)
    };
    let put = async |key: &Key| consul.kv_put(&key.place(), key.document()).await.unwrap();

    let scopes = ["lyceum.testing.v1.ProbeService/*".to_owned()].into();
    let (mut key, old) = Key::create("grading-bot", Role::Service.into(), scopes, Moment::now()).unwrap();
    let old = old.expose();
    assert_eq!(with(old, GET).await, "KEY_UNKNOWN");
    put(&key).await;
    wait_for("the key", || async { with(old, GET).await == "OK" }).await;
    assert_eq!(with(old, "mirror.v1.MirrorService/Echo").await, "SCOPE_MISSING");
    let (_, _, told) = session(&browser, Method::GET, &[("x-api-key", old)], "").await;
    assert_eq!(told["details"][0]["reason"], "SCOPE_MISSING", "its scope is methods");

    let new = key.rotate(Duration::from_secs(3600), Moment::now()).unwrap();
    let new = new.expose();
    assert_eq!(with(new, GET).await, "KEY_UNKNOWN");
    put(&key).await;
    wait_for("the new secret", || async { with(new, GET).await == "OK" }).await;
    assert_eq!(with(old, GET).await, "OK", "both, during the overlap");
    assert_eq!(by_header(old).await, "OK");
    // The overlap is over.
    key.secrets[1].not_after = Some(Moment(Moment::now().0 - 1));
    put(&key).await;
    wait_for("the old secret to end", || async {
        with(old, GET).await == "KEY_EXPIRED"
    })
    .await;
    assert_eq!(with(new, GET).await, "OK");

    let mut wrong = new.to_owned();
    wrong.replace_range(20..21, if &new[20..21] == "A" { "B" } else { "A" });
    for key in [wrong.as_str(), "lyk_", "lyk_abcdefghijkl_", "x"] {
        let answer = call_with(&browser, GET, &[("x-api-key", key)]).await;
        assert_eq!(
            (answer.status(), answer.reason().as_str()),
            (Some(16), "KEY_UNKNOWN"),
            "{key}"
        );
    }
    let bearer = format!("Bearer {new}");
    let (_, other) = Key::create("x", Role::Service.into(), ["*".to_owned()].into(), Moment::now()).unwrap();
    let answer = call_with(
        &browser,
        GET,
        &[("authorization", &bearer), ("x-api-key", other.expose())],
    )
    .await;
    assert_eq!(outcome(&answer), "KEY_UNKNOWN", "each is judged");
    assert_eq!(
        outcome(&call_with(&browser, GET, &[("authorization", &bearer), ("x-api-key", new)]).await),
        "OK"
    );

    key.revoke(Moment::now());
    put(&key).await;
    wait_for("the key to be revoked", || async {
        with(new, GET).await == "KEY_REVOKED"
    })
    .await;
    assert_eq!(by_header(new).await, "KEY_REVOKED");

    let metrics = String::from_utf8(browser.get("/gateway/metrics").await.2.to_vec()).unwrap();
    let id = &key.id;
    for line in [
        format!("lyceum_gateway_key_uses_total{{key=\"{id}\",outcome=\"accepted\"}}"),
        format!("lyceum_gateway_key_uses_total{{key=\"{id}\",outcome=\"KEY_REVOKED\"}}"),
        "lyceum_gateway_key_uses_total{key=\"unknown\",outcome=\"KEY_UNKNOWN\"}".to_owned(),
    ] {
        assert!(metrics.contains(&line), "{line} is not in\n{metrics}");
    }
    for secret in [old, new] {
        assert!(!metrics.contains(secret.splitn(3, '_').last().unwrap()));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_headers_of_two_callers_are_refused() {
    let key = Signing::ec("key");
    let site = Site::start(set(&[&key])).await;
    let stage = Stage::start_with(trusting(site.url())).await;
    let browser = stage.browser();
    let (document, shown) = Key::create("bot", Role::Service.into(), ["*".to_owned()].into(), Moment::now()).unwrap();
    let consul = stage.consul.client();
    consul.kv_put(&document.place(), document.document()).await.unwrap();
    let shown = shown.expose();
    wait_for("the key", || async {
        outcome(&call_with(&browser, GET, &[("x-api-key", shown)]).await) == "OK"
    })
    .await;
    let bearer = format!("Bearer {}", key.token(&claims(json!({}))));
    let answer = call_with(&browser, GET, &[("authorization", &bearer), ("x-api-key", shown)]).await;
    assert_eq!(outcome(&answer), "CREDENTIALS_CONFLICT");
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_go_no_further_than_the_gateway() {
    let headers = async |browser: &Browser, sent: &[(&str, &str)]| {
        let answer = call_with(browser, HEADERS, sent).await;
        String::from_utf8(answer.messages[0].to_vec()).unwrap()
    };
    let key = Signing::ec("key");
    let site = Site::start(set(&[&key])).await;
    let stage = Stage::start_with(trusting(site.url())).await;
    let token = key.token(&claims(json!({})));
    let bearer = format!("Bearer {token}");
    let sent = [
        ("authorization", bearer.as_str()),
        ("cookie", "lyceum-session=abc"),
        ("x-csrf-token", "csrf"),
        ("x-mine", "passes"),
    ];
    let seen = headers(&stage.browser(), &sent).await;
    assert!(seen.contains("x-mine: passes"), "{seen}");
    assert!(seen.contains("lyceum-principal: p2."), "the gateway's word: {seen}");
    assert_eq!(
        seen.matches("lyceum-principal-certificate: ").count(),
        1,
        "and whose it is: {seen}"
    );
    for word in ["authorization", "cookie", "x-csrf-token", "x-api-key", &token] {
        assert!(!seen.contains(word), "{word} reached the service: {seen}");
    }
    // With no issuer, it is between the caller and the service.
    let stage = Stage::start().await;
    let seen = headers(&stage.browser(), &[("authorization", "Basic YWRhOnNlY3JldA==")]).await;
    assert!(seen.contains("authorization: Basic YWRhOnNlY3JldA=="), "{seen}");
    for sent in [
        &[("lyceum-principal", "p2.forged")][..],
        &[("lyceum-principal-certificate", "forged")],
        &[
            ("lyceum-principal", "p2.forged"),
            ("lyceum-principal-certificate", "forged"),
        ],
    ] {
        let seen = headers(&stage.browser(), sent).await;
        assert!(seen.contains("lyceum-principal: anonymous"), "{seen}");
        assert!(!seen.contains("forged") && !seen.contains("certificate"), "{seen}");
    }
}

/// A file with a secret, for every gateway of a test.
pub(crate) fn secret(path: &std::path::Path, seed: u8) {
    fs::write(path, STANDARD.encode([seed; 32])).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_for_the_page_alone_and_ends_everywhere() {
    let key = Signing::ec("key");
    let site = Site::start(set(&[&key])).await;
    let folder = lyceum::testing::probe::Folder::new();
    let secret_path = folder.path().join("session.key");
    secret(&secret_path, 7);
    let url = site.url();
    let file = secret_path.clone();
    let stage = Stage::start_with(move |configuration| {
        trusting(url)(configuration);
        configuration.gateway.authentication.session_key = Some(file);
    })
    .await;
    let browser = stage.browser();
    let here = ("sec-fetch-site", "same-origin");
    let bearer = format!("Bearer {}", key.token(&claims(json!({}))));

    let (status, headers, told) = session(&browser, Method::POST, &[("authorization", &bearer), here], "").await;
    assert_eq!(
        (status, &told["roles"], &told["proof"]),
        (200, &json!(["educator"]), &json!("session"))
    );
    let set_cookie = headers["set-cookie"].to_str().unwrap();
    for attribute in ["; Path=/", "; HttpOnly", "; SameSite=Strict", "; Max-Age="] {
        assert!(set_cookie.contains(attribute), "{set_cookie}");
    }
    let (cookie, csrf) = (kept(&headers), told["csrf"].as_str().unwrap().to_owned());

    // As the page, and as others.
    let token = ("x-csrf-token", csrf.as_str());
    let with = ("cookie", cookie.as_str());
    let own = format!("http://{}", stage.address);
    let cases: [(&str, &[(&str, &str)]); 8] = [
        ("OK", &[with, here, token]),
        ("OK", &[with, token, ("origin", &own)]),
        ("CSRF_TOKEN", &[with, here]),
        ("CSRF_TOKEN", &[with, here, ("x-csrf-token", "guessed")]),
        ("CSRF_ORIGIN", &[with, token]),
        ("CSRF_ORIGIN", &[with, token, ("sec-fetch-site", "cross-site")]),
        ("CSRF_ORIGIN", &[with, token, ("origin", "https://school.example")]),
        ("SESSION_INVALID", &[("cookie", "lyceum-session=made-up"), here, token]),
    ];
    for (expected, headers) in cases {
        assert_eq!(
            outcome(&call_with(&browser, GET, headers).await),
            expected,
            "{headers:?}"
        );
    }
    let answer = call_with(
        &browser,
        GET,
        &[("authorization", &bearer), ("cookie", "lyceum-session=made-up")],
    )
    .await;
    assert_eq!(outcome(&answer), "OK", "a header comes before a cookie");
    let (_, _, told) = session(&browser, Method::GET, &[with], "").await;
    assert_eq!((&told["subject"], &told["csrf"]), (&json!("e-17"), &json!(csrf)));

    // Signing in is nothing that another site can do to a visitor.
    let elsewhere = ("sec-fetch-site", "cross-site");
    let (status, headers, _) = session(&browser, Method::POST, &[("authorization", &bearer), elsewhere], "").await;
    assert!(status == 401 && !headers.contains_key("set-cookie"));
    for (body, reason) in [
        ("", "CREDENTIAL_MISSING"),
        ("{\"role\":\"administrator\"}", "DEVELOPMENT_OFF"),
    ] {
        let (_, headers, told) = session(&browser, Method::POST, &[here], body).await;
        assert_eq!(told["details"][0]["reason"], reason);
        assert!(!headers.contains_key("set-cookie"));
    }
    // A proxy that ends TLS passes the origin on.
    let encrypted = format!("https://{}", stage.address);
    let behind = [("authorization", bearer.as_str()), ("origin", encrypted.as_str())];
    let (_, headers, _) = session(&browser, Method::POST, &behind, "").await;
    let set_cookie = headers["set-cookie"].to_str().unwrap();
    assert!(
        set_cookie.starts_with("__Host-lyceum-session=") && set_cookie.ends_with("; Secure"),
        "{set_cookie}"
    );

    // Another gateway of the deployment.
    let mut own = stage.configuration();
    own.gateway.address = "127.0.0.1:0".parse().unwrap();
    trusting(site.url())(&mut own);
    own.gateway.authentication.session_key = Some(secret_path);
    let bound = Gateway::new(&Fabric::start(own, "gateway").unwrap())
        .bind()
        .await
        .unwrap();
    let second = Browser::new(bound.address());
    let serving = tokio::spawn(bound.serve(std::future::pending()));
    wait_for("the second gateway", || second.answers(GET)).await;
    let asked = async |browser: &Browser| outcome(&call_with(browser, GET, &[with, here, token]).await);
    assert_eq!(asked(&second).await, "OK");

    let (status, _, told) = session(&browser, Method::DELETE, &[with, here], "").await;
    assert_eq!((status, &told["details"][0]["reason"]), (401, &json!("CSRF_TOKEN")));
    let (status, headers, _) = session(&browser, Method::DELETE, &[with, here, token], "").await;
    assert_eq!(status, 200);
    assert!(headers["set-cookie"].to_str().unwrap().contains("Max-Age=0"));
    assert_eq!(asked(&browser).await, "SESSION_ENDED", "at once here");
    wait_for("the other gateway to know", || async {
        asked(&second).await == "SESSION_ENDED"
    })
    .await;
    let (_, _, told) = session(&browser, Method::GET, &[with], "").await;
    assert_eq!(
        (&told["signed_in"], &told["reason"]),
        (&json!(false), &json!("SESSION_ENDED"))
    );
    serving.abort();
}

#[tokio::test(flavor = "multi_thread")]
async fn in_development_anybody_is_whom_they_say_on_this_machine_alone() {
    let stage = Stage::start_with(|configuration| configuration.gateway.authentication.development = true).await;
    let browser = stage.browser();
    for role in Role::ALL {
        let body = json!({ "role": role.name() }).to_string();
        let (status, headers, told) =
            session(&browser, Method::POST, &[("sec-fetch-site", "same-origin")], &body).await;
        assert_eq!((status, &told["roles"]), (200, &json!([role.name()])));
        let cookie = kept(&headers);
        let headers = [
            ("cookie", cookie.as_str()),
            ("sec-fetch-site", "same-origin"),
            ("x-csrf-token", told["csrf"].as_str().unwrap()),
        ];
        assert_eq!(outcome(&call_with(&browser, GET, &headers).await), "OK");
    }
    let (status, _, told) = session(&browser, Method::POST, &[], "{\"role\":\"root\"}").await;
    assert_eq!((status, &told["details"][0]["reason"]), (400, &json!("ROLE_UNKNOWN")));
    let (status, _, _) = session(&browser, Method::POST, &[], &"x".repeat(5000)).await;
    assert_eq!(status, 400);
    let (status, _, _) = session(&browser, Method::PUT, &[], "").await;
    assert_eq!(status, 405);

    // What `lyceum token` makes.
    let keys = development::Keys::open(&stage.configuration().data).unwrap();
    let principal = Principal::try_new("ada-1", Role::Educator).unwrap();
    let mint = |lifetime: u64, now: Moment| keys.mint(&principal, Duration::from_secs(lifetime), now).unwrap();
    assert_eq!(reason(&browser, &mint(60, Moment::now())).await, "OK");
    assert_eq!(
        reason(&browser, &mint(60, Moment(Moment::now().0 - 600))).await,
        "TOKEN_EXPIRED"
    );
    let elsewhere = lyceum::testing::probe::Folder::new();
    let foreign = development::Keys::open(elsewhere.path()).unwrap();
    let token = foreign
        .mint(&principal, Duration::from_secs(60), Moment::now())
        .unwrap();
    assert_eq!(reason(&browser, &token).await, "TOKEN_KEY_UNKNOWN");

    let mut exposed = stage.configuration();
    exposed.gateway.address = "0.0.0.0:0".parse().unwrap();
    exposed.gateway.exposed = true;
    exposed.gateway.authentication.development = true;
    let error = Gateway::new(&Fabric::start(exposed, "gateway").unwrap())
        .bind()
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("gateway.authentication.development"),
        "{error}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_answer_to_several_calls_renews_a_session() {
    let key = Signing::ec("key");
    let site = Site::start(set(&[&key])).await;
    let folder = lyceum::testing::probe::Folder::new();
    let file = folder.path().join("session.key");
    secret(&file, 7);
    let url = site.url();
    let stage = Stage::start_with(move |configuration| {
        trusting(url)(configuration);
        configuration.gateway.authentication.session_key = Some(file);
        configuration.gateway.authentication.session_idle = Duration::from_secs(6);
    })
    .await;
    let browser = stage.browser();
    wait_for("types", || async {
        browser.get("/gateway/schema").await.2.len() > 1000
    })
    .await;
    let bearer = format!("Bearer {}", key.token(&claims(json!({}))));
    let here = ("sec-fetch-site", "same-origin");
    let (_, headers, told) = session(&browser, Method::POST, &[("authorization", &bearer), here], "").await;
    let (cookie, csrf) = (Mutex::new(kept(&headers)), told["csrf"].as_str().unwrap().to_owned());
    let calls =
        json!({ "calls": [{ "id": "a", "method": "testing/GetProbe" }, { "id": "b", "method": "testing/GetProbe" }] });
    let query =
        json!({ "query": "{ a: probe_getProbe(input: {}) { instance } b: probe_getProbe(input: {}) { instance } }" });
    for (path, body) in [("/api/batch", calls.to_string()), ("/graphql", query.to_string())] {
        wait_for("half of the idle time to pass", || async {
            let request = Request::post(browser.uri(path))
                .header("content-type", "application/json")
                .header("cookie", cookie.lock().unwrap().as_str())
                .header("x-csrf-token", &csrf)
                .header(here.0, here.1)
                .body(Bytes::from(body.clone()))
                .unwrap();
            let answer = browser.begin(request).await;
            let headers = answer.response.headers();
            let renewed = headers.get_all("set-cookie").iter().count();
            assert!(renewed <= 1, "once, whatever the calls are");
            if renewed == 1 {
                *cookie.lock().unwrap() = kept(headers);
            }
            renewed == 1
        })
        .await;
    }
    let cookie = cookie.into_inner().unwrap();
    let as_page = [("cookie", cookie.as_str()), here, ("x-csrf-token", &csrf)];
    assert_eq!(outcome(&call_with(&browser, GET, &as_page).await), "OK");
}
