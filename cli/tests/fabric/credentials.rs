//! `lyceum token` and `lyceum key`: what callers of the gateway show, as an operator hands it out.

use std::fs;

use lyceum::contracts::writing_analysis::v1::{EvaluateReflectionRequest, EvaluateReflectionResponse};
use lyceum::testing::consul::Consul;
use lyceum::testing::wait_for;
use serde_json::Value;

use crate::browser::Browser;
use crate::running::{Up, run, said};

const EVALUATE: &str = "lyceum.writing_analysis.v1.WritingAnalysisService/EvaluateReflection";

async fn evaluate(browser: &Browser) -> Result<(), String> {
    let request = EvaluateReflectionRequest {
        text: "I was sure that I was right. Then I heard her story, and I felt ashamed.".to_owned(),
    };
    match browser.call::<EvaluateReflectionResponse>(EVALUATE, &request).await {
        Ok(_) => Ok(()),
        Err(failure) => Err(failure.status),
    }
}

async fn told(arguments: &[&str]) -> Value {
    let output = run(arguments).await;
    let (good, text, error) = said(&output);
    assert!(good, "{arguments:?}: {error}");
    serde_json::from_str(&text).unwrap()
}

#[tokio::test]
async fn a_token_and_a_key_open_the_gateway_of_up() {
    let up = Up::start(&[]).await;
    let data = up.data().to_str().unwrap();
    let at = format!("consul.address={}", up.consul());
    let nobody = Browser::new(up.gateway());
    assert_eq!(evaluate(&nobody).await, Err("16".to_owned()));

    let (good, token, error) = said(&run(&["token", "--role", "student", "--data", data]).await);
    assert!(good, "{error}");
    assert_eq!(evaluate(&nobody.clone().with(token.trim())).await, Ok(()));
    assert_eq!(evaluate(&nobody.clone().with("made-up")).await, Err("16".to_owned()));

    let set = ["--set", &at, "--json"];
    let create = ["key", "create", "grading-bot", "--scope", EVALUATE];
    let made = told(&[&create[..], &set].concat()).await;
    let (id, old) = (made["id"].as_str().unwrap(), made["key"].as_str().unwrap());
    let with = |key: &str| nobody.clone().with(key);
    wait_for("the key", || async { evaluate(&with(old)).await.is_ok() }).await;
    let rotated = told(&[&["key", "rotate", id, "--overlap", "1h"][..], &set].concat()).await;
    let new = rotated["key"].as_str().unwrap();
    assert_eq!(rotated["state"], "rotating");
    wait_for("the new secret", || async { evaluate(&with(new)).await.is_ok() }).await;
    assert_eq!(evaluate(&with(old)).await, Ok(()));
    told(&[&["key", "rotate", id, "--overlap", "0s"][..], &set].concat()).await;
    wait_for("the old secrets to end", || async {
        evaluate(&with(new)).await.is_err()
    })
    .await;
    assert_eq!(evaluate(&with(old)).await, Err("16".to_owned()));
    told(&[&["key", "revoke", id][..], &set].concat()).await;

    // Every use is in the gateway's log, by its id alone.
    let log = fs::read_to_string(up.data().join("logs/gateway.log")).unwrap();
    let audited = |outcome: &str| {
        log.lines()
            .any(|line| line.contains("lyceum::audit") && line.contains(id) && line.contains(outcome))
    };
    assert!(audited("accepted") && audited("KEY_EXPIRED"), "{log}");
    for key in [old, new, token.trim()] {
        let secret = key.rsplit(['_', '.']).next().unwrap();
        assert!(!log.contains(secret), "a secret is in the log");
    }
    up.stop().await;
}

#[tokio::test]
async fn keys_are_made_listed_shown_rotated_and_revoked() {
    let consul = Consul::start().await;
    let at = format!("consul.address={}", consul.address());
    let text = async |arguments: &[&str]| said(&run(&[arguments, &["--set", &at]].concat()).await);
    let (good, none, _) = text(&["key", "list"]).await;
    assert!(good && none.contains("There are no keys"), "{none}");

    let create = [
        "key",
        "create",
        "exporter",
        "--role",
        "administrator",
        "--scope",
        "p.S/*",
        "--expires",
        "never",
    ];
    let (good, made, error) = text(&create).await;
    assert!(good, "{error}");
    let key = made.split_whitespace().find(|word| word.starts_with("lyk_")).unwrap();
    let id = key.split('_').nth(1).unwrap();
    let (_, listed, _) = text(&["key", "list"]).await;
    assert!(
        listed.contains(id) && listed.contains("active") && listed.contains("p.S/*"),
        "{listed}"
    );
    let (_, shown, _) = text(&["key", "show", id]).await;
    assert!(shown.contains("exporter") && shown.contains("never"), "{shown}");
    let (good, _, _) = text(&["key", "rotate", id]).await;
    assert!(good);
    let (good, revoked, _) = text(&["key", "revoke", id]).await;
    assert!(good && revoked.contains("is revoked"), "{revoked}");
    let (good, _, error) = text(&["key", "rotate", id]).await;
    assert!(!good && error.contains("revoked"), "{error}");
    let listed = told(&["key", "list", "--json", "--set", &at]).await;
    assert_eq!(listed["keys"][0]["state"], "revoked");

    let document = consul
        .client()
        .kv_get(&format!("lyceum/keys/{id}"), &lyceum::consul::Query::default())
        .await
        .unwrap();
    let secret = key.splitn(3, '_').nth(2).unwrap();
    let document = String::from_utf8(document.value.unwrap().to_vec()).unwrap();
    for output in [&document, &shown, &listed.to_string()] {
        assert!(!output.contains(secret), "{output}");
    }

    for (arguments, problem) in [
        (&["key", "show", key][..], "never give the key itself"),
        (&["key", "show", "abcdefghijkm"][..], "there is no key"),
        (&["key", "create", "x", "--scope", "p.S"][..], "is no scope"),
        (
            &["key", "create", "ada@school.example", "--scope", "*"][..],
            "letters, digits",
        ),
        (
            &["key", "create", "x", "--role", "root", "--scope", "*"][..],
            "a role is one of",
        ),
    ] {
        let (good, _, error) = text(arguments).await;
        assert!(!good && error.contains(problem), "{arguments:?}: {error}");
    }
}

#[tokio::test]
async fn a_token_says_who_it_is_for_and_has_a_longest_life() {
    let data = tempfile::tempdir().unwrap();
    let data = data.path().to_str().unwrap();
    let arguments = [
        "token",
        "--role",
        "parent",
        "--subject",
        "p-1",
        "--student",
        "s-1",
        "--json",
        "--data",
        data,
    ];
    let made = told(&arguments).await;
    assert_eq!(made["subject"], "p-1");
    assert_eq!(made["students"], serde_json::json!(["s-1"]));
    assert!(made["expires"].as_str().unwrap().ends_with('Z'));
    for (arguments, problem) in [
        (["--role", "parent", "--expires", "30d"], "lifetime_limit"),
        (["--role", "student", "--subject", "Ada Lovelace"], "letters, digits"),
        (["--role", "pupil", "--expires", "1h"], "a role is one of"),
    ] {
        let (good, _, error) = said(&run(&[&["token", "--data", data][..], &arguments].concat()).await);
        assert!(!good && error.contains(problem), "{error}");
    }
    let exposed = [
        "--set",
        "gateway.authentication.development=true",
        "--set",
        "gateway.address=0.0.0.0:0",
    ];
    let (good, _, error) = said(&run(&[&["config", "check"][..], &exposed].concat()).await);
    assert!(!good && error.contains("lets anybody be anybody"), "{error}");
}
