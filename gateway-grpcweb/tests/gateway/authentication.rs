//! Tokens at a real gateway, with a real issuer's site: who is let in, and who hears what.

use std::fs;
use std::sync::atomic::Ordering;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;
use lyceum::testing::wait_for;
use lyceum_gateway_grpcweb::keys::Moment;
use ring::signature::KeyPair as _;
use serde_json::json;
use tokio::process::Command;

use crate::issuer::{
    GET, ISSUER, Pair, Signing, Site, call, call_with, claims, outcome, reason, session, set, trusting, unsigned,
};
use crate::stage::Stage;
use crate::tls::issue;

#[tokio::test(flavor = "multi_thread")]
async fn a_good_token_of_every_algorithm_is_who_it_says() {
    let (ec, ed) = (Signing::ec("ec"), Signing::ed("ed"));
    let site = Site::start(set(&[&ec, &ed])).await;
    let stage = Stage::start_with(trusting(site.url())).await;
    let browser = stage.browser();
    for key in [&ec, &ed] {
        for _ in 0..2 {
            assert_eq!(reason(&browser, &key.token(&claims(json!({})))).await, "OK");
        }
    }
    // A token of one key may leave its name out.
    let header = json!({ "alg": "ES256" });
    assert_eq!(reason(&browser, &ec.token_as(&header, &claims(json!({})))).await, "OK");

    let bearer = format!("bearer {}", ec.token(&claims(json!({}))));
    let (status, _, told) = session(&browser, Method::GET, &[("authorization", &bearer)], "").await;
    assert_eq!(status, 200);
    assert_eq!(
        (&told["proof"], &told["subject"], &told["roles"], &told["classes"]),
        (&json!("token"), &json!("e-17"), &json!(["educator"]), &json!(["5b"]))
    );
    assert_eq!(site.asked.load(Ordering::SeqCst), 1, "keys are read once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_token_is_refused_with_its_reason_and_never_anonymous() {
    let (good, stranger) = (Signing::ec("good"), Signing::ec("good"));
    let site = Site::start(set(&[&good])).await;
    let stage = Stage::start_with(trusting(site.url())).await;
    let browser = stage.browser();
    let now = Moment::now().0;
    let point = match &good.key {
        Pair::Ec(pair) => pair.public_key().as_ref().to_vec(),
        Pair::Ed(_) => unreachable!(),
    };
    let hs256 = {
        let message = unsigned(&json!({ "alg": "HS256", "kid": "good" }), &claims(json!({})));
        let secret = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &point);
        let tag = URL_SAFE_NO_PAD.encode(ring::hmac::sign(&secret, message.as_bytes()));
        format!("{message}.{tag}")
    };
    let none = format!("{}.", unsigned(&json!({ "alg": "none" }), &claims(json!({}))));
    let whole = good.token(&claims(json!({})));
    let cut = whole.rsplit_once('.').unwrap().0.to_owned();
    let other_claims = {
        let signature = whole.rsplit_once('.').unwrap().1;
        let header = whole.split('.').next().unwrap();
        let forged = URL_SAFE_NO_PAD.encode(claims(json!({ "roles": ["administrator"] })).to_string());
        format!("{header}.{forged}.{signature}")
    };
    let crit = json!({ "alg": "ES256", "kid": "good", "crit": ["exp"] });
    let inline = json!({ "alg": "ES256", "jwk": stranger.public() });
    let cases = [
        ("TOKEN_INVALID", "alg none", none),
        ("TOKEN_INVALID", "HS256 with the public key", hs256),
        (
            "TOKEN_KEY_UNKNOWN",
            "another algorithm",
            good.token_as(&json!({ "alg": "EdDSA", "kid": "good" }), &claims(json!({}))),
        ),
        (
            "TOKEN_INVALID",
            "another key of that name",
            stranger.token(&claims(json!({}))),
        ),
        (
            "TOKEN_INVALID",
            "a key that it brings itself",
            stranger.token_as(&inline, &claims(json!({}))),
        ),
        ("TOKEN_INVALID", "claims of another", other_claims),
        ("TOKEN_INVALID", "no signature", format!("{cut}.")),
        ("TOKEN_INVALID", "two parts", cut),
        ("TOKEN_INVALID", "crit", good.token_as(&crit, &claims(json!({})))),
        (
            "TOKEN_EXPIRED",
            "expired",
            good.token(&claims(json!({ "exp": now - 120 }))),
        ),
        (
            "OK",
            "expired within the skew",
            good.token(&claims(json!({ "exp": now - 20 }))),
        ),
        (
            "TOKEN_NOT_YET_VALID",
            "not yet",
            good.token(&claims(json!({ "nbf": now + 120 }))),
        ),
        ("TOKEN_INVALID", "no end", good.token(&claims(json!({ "exp": null })))),
        (
            "TOKEN_INVALID",
            "an end that is text",
            good.token(&claims(json!({ "exp": "soon" }))),
        ),
        (
            "TOKEN_INVALID",
            "hardly an end",
            good.token(&claims(json!({ "exp": now + 90 * 24 * 3600 }))),
        ),
        (
            "TOKEN_INVALID",
            "a huge end",
            good.token(&claims(json!({ "exp": 1e300 }))),
        ),
        (
            "TOKEN_AUDIENCE",
            "audience",
            good.token(&claims(json!({ "aud": "bank" }))),
        ),
        (
            "TOKEN_INVALID",
            "no audience",
            good.token(&claims(json!({ "aud": null }))),
        ),
        (
            "TOKEN_ISSUER_UNKNOWN",
            "issuer",
            good.token(&claims(json!({ "iss": "https://evil.example" }))),
        ),
        (
            "TOKEN_ISSUER_UNKNOWN",
            "no issuer",
            good.token(&claims(json!({ "iss": null }))),
        ),
        (
            "TOKEN_INVALID",
            "issuers",
            good.token(&claims(json!({ "iss": [ISSUER] }))),
        ),
        (
            "TOKEN_INVALID",
            "no subject",
            good.token(&claims(json!({ "sub": null }))),
        ),
        (
            "TOKEN_INVALID",
            "a person's name",
            good.token(&claims(json!({ "sub": "ada@school.example" }))),
        ),
        (
            "TOKEN_INVALID",
            "huge",
            good.token(&claims(json!({ "padding": "x".repeat(9000) }))),
        ),
        ("TOKEN_INVALID", "garbage", "garbage".to_owned()),
        ("TOKEN_INVALID", "dots", "...".to_owned()),
        ("TOKEN_INVALID", "empty", String::new()),
    ];
    for (expected, what, token) in cases {
        let answer = call(&browser, &token).await;
        assert_eq!(outcome(&answer), expected, "{what}");
        if expected != "OK" {
            assert_eq!((answer.http, answer.status()), (200, Some(16)), "{what}");
            let message = answer.error().unwrap().message().to_owned();
            assert!(token.len() < 8 || !message.contains(&token[..8]), "{what}: {message}");
        }
    }
    for (expected, value) in [("TOKEN_INVALID", "Basic YWRhOnNlY3JldA=="), ("TOKEN_INVALID", "Bearer")] {
        let answer = call_with(&browser, GET, &[("authorization", value)]).await;
        assert_eq!(outcome(&answer), expected, "{value}");
    }
    let good = format!("Bearer {}", good.token(&claims(json!({}))));
    let answer = call_with(&browser, GET, &[("authorization", &good), ("authorization", &good)]).await;
    assert_eq!(outcome(&answer), "TOKEN_INVALID", "two of them");
    assert_eq!(
        outcome(&call_with(&browser, GET, &[]).await),
        "OK",
        "nothing shown is anonymous"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_rotate_and_the_last_good_ones_are_kept() {
    let (old, new) = (Signing::ec("old"), Signing::ed("new"));
    let site = Site::start(set(&[&old])).await;
    let stage = Stage::start_with(trusting(site.url())).await;
    let browser = stage.browser();
    let (before, after) = (old.token(&claims(json!({}))), new.token(&claims(json!({}))));
    assert_eq!(reason(&browser, &before).await, "OK");
    wait_for("a second look at the keys", || async {
        assert_eq!(reason(&browser, &after).await, "TOKEN_KEY_UNKNOWN");
        site.asked.load(Ordering::SeqCst) >= 2
    })
    .await;
    // However many such tokens come, the site is asked once a pause.
    let (asked, began) = (site.asked.load(Ordering::SeqCst), tokio::time::Instant::now());
    for _ in 0..50 {
        reason(&browser, &after).await;
    }
    let pauses = usize::try_from(began.elapsed().as_millis() / 100).unwrap() + 1;
    assert!(site.asked.load(Ordering::SeqCst) <= asked + pauses);

    site.serve(set(&[&new]));
    wait_for("the new key", || async { reason(&browser, &after).await == "OK" }).await;
    assert_eq!(
        reason(&browser, &before).await,
        "TOKEN_KEY_UNKNOWN",
        "what was seen with an old key is seen no more"
    );

    for broken in [String::new(), "<html>".to_owned(), json!({ "keys": [] }).to_string()] {
        site.serve(broken);
        let asked = site.asked.load(Ordering::SeqCst);
        wait_for("another look", || async {
            reason(&browser, &before).await;
            site.asked.load(Ordering::SeqCst) > asked
        })
        .await;
        assert_eq!(reason(&browser, &after).await, "OK", "the last good keys count");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuer_that_was_never_reached_is_no_fault_of_the_caller() {
    let site = Site::start(String::new()).await;
    let stage = Stage::start_with(trusting(site.url())).await;
    let browser = stage.browser();
    let key = Signing::ec("key");
    let token = key.token(&claims(json!({})));
    let answer = call(&browser, &token).await;
    assert_eq!(
        (answer.status(), answer.reason().as_str()),
        (Some(14), "ISSUER_UNREACHABLE")
    );
    site.serve(set(&[&key]));
    wait_for("the issuer to be read", || async {
        reason(&browser, &token).await == "OK"
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_come_over_tls_from_a_site_whose_roots_are_trusted() {
    let (folder, stranger) = (
        lyceum::testing::probe::Folder::new(),
        lyceum::testing::probe::Folder::new(),
    );
    let files = issue(folder.path(), "login", Duration::from_secs(3600));
    issue(stranger.path(), "login", Duration::from_secs(3600));
    let key = Signing::ec("key");
    let site = Site::start_tls(set(&[&key]), files).await;
    let url = format!("https://localhost:{}/keys?all", site.address.port());
    let token = key.token(&claims(json!({})));
    for (roots, expected) in [(&folder, "OK"), (&stranger, "ISSUER_UNREACHABLE")] {
        let roots = roots.path().join("authority.pem");
        let url = url.clone();
        let stage = Stage::start_with(move |configuration| {
            trusting(url)(configuration);
            configuration.gateway.authentication.roots = roots;
        })
        .await;
        assert_eq!(reason(&stage.browser(), &token).await, expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_of_keys_is_read_again_when_it_changes() {
    let folder = lyceum::testing::probe::Folder::new();
    let path = folder.path().join("keys.json");
    let (old, new) = (Signing::ed("old"), Signing::ed("new"));
    fs::write(&path, set(&[&old])).unwrap();
    let stage = Stage::start_with(trusting(path.to_str().unwrap().to_owned())).await;
    let browser = stage.browser();
    let (before, after) = (old.token(&claims(json!({}))), new.token(&claims(json!({}))));
    assert_eq!(reason(&browser, &before).await, "OK");
    fs::write(&path, set(&[&new, &Signing::ed("next")])).unwrap();
    wait_for("the old key to be gone", || async {
        reason(&browser, &before).await == "TOKEN_KEY_UNKNOWN"
    })
    .await;
    assert_eq!(reason(&browser, &after).await, "OK");
}

/// RSA keys are made by openssl: no library here makes them.
#[tokio::test(flavor = "multi_thread")]
#[expect(clippy::disallowed_methods, reason = "a test that cannot run fails where CI runs it")]
async fn an_rsa_token_is_verified() {
    async fn openssl(arguments: &[&str]) -> Option<Vec<u8>> {
        let output = Command::new("openssl").args(arguments).output().await.ok()?;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Some(output.stdout)
    }
    let folder = lyceum::testing::probe::Folder::new();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (key, message) = (path("rsa.pem"), path("message"));
    let Some(_) = openssl(&["genrsa", "-out", &key, "2048"]).await else {
        assert!(std::env::var_os("CI").is_none(), "no openssl on the PATH");
        eprintln!("skipped: no openssl on the PATH");
        return;
    };
    let modulus = openssl(&["rsa", "-in", &key, "-noout", "-modulus"]).await.unwrap();
    let modulus = String::from_utf8(modulus).unwrap();
    let hex = modulus.trim().strip_prefix("Modulus=").unwrap();
    let n: Vec<u8> = (0..hex.len() / 2)
        .map(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap())
        .collect();
    let public = json!({ "kty": "RSA", "kid": "rsa", "alg": "RS256", "e": "AQAB", "n": URL_SAFE_NO_PAD.encode(n) });
    let site = Site::start(json!({ "keys": [public] }).to_string()).await;
    let stage = Stage::start_with(trusting(site.url())).await;
    let browser = stage.browser();

    let text = unsigned(&json!({ "alg": "RS256", "kid": "rsa" }), &claims(json!({})));
    fs::write(&message, &text).unwrap();
    let signature = openssl(&["dgst", "-sha256", "-sign", &key, &message]).await.unwrap();
    let token = format!("{text}.{}", URL_SAFE_NO_PAD.encode(&signature));
    assert_eq!(reason(&browser, &token).await, "OK");
    let mut broken = signature;
    broken[17] ^= 1;
    let token = format!("{text}.{}", URL_SAFE_NO_PAD.encode(&broken));
    assert_eq!(reason(&browser, &token).await, "TOKEN_INVALID");
}
