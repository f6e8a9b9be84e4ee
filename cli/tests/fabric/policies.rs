//! `lyceum policy` against a real Consul: what an operator types, and what everyone who follows takes over.

use std::path::Path;
use std::process::{Output, Stdio};

use lyceum::discovery;
use lyceum::policy::{Policies, Policy};
use lyceum::testing::consul::Consul;
use serde_json::Value;
use tokio::io::AsyncWriteExt as _;

use crate::running::{lyceum, run, said};

const SERVICE: &str = "writing-analysis";

fn written(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

async fn piped(arguments: &[&str], input: &str) -> Output {
    let mut child = lyceum(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).await.unwrap();
    drop(stdin);
    child.wait_with_output().await.unwrap()
}

#[tokio::test]
async fn a_policy_is_set_shown_followed_and_unset() {
    let consul = Consul::start().await;
    let at = format!("consul.address={}", consul.address());
    let folder = tempfile::tempdir().unwrap();
    let policies = Policies::new(consul.client(), discovery::Settings::default(), Policy::default());
    let watched = policies.watch(SERVICE);
    let mut changes = watched.changes();
    let attempts = || watched.load().call(None).attempts;
    assert_eq!(attempts(), 3);

    let file = written(
        folder.path(),
        "one.toml",
        "# why: a slow week\n[call]\nattempts = 2\n[methods.AnalyzeWriting]\nhedge = true\n",
    );
    let (good, text, error) = said(&run(&["policy", "set", SERVICE, &file, "--set", &at]).await);
    assert!(good && text.contains("is set"), "{text}{error}");
    changes.changed().await.unwrap();
    assert_eq!(attempts(), 2);

    let show = [
        "policy",
        "show",
        SERVICE,
        "--set",
        &at,
        "--set",
        "policy.call.deadline=4s",
    ];
    let (good, text, error) = said(&run(&show).await);
    assert!(good, "{error}");
    let line = |start: &str| text.lines().find(|line| line.starts_with(start)).unwrap_or_default();
    assert!(line("attempts = 2").ends_with("# consul"), "{text}");
    assert!(line("deadline = \"4s\"").ends_with("# configuration"), "{text}");
    assert!(line("share = 0.2").ends_with("# default"), "{text}");
    assert!(text.contains("[methods.AnalyzeWriting]\nhedge = true"), "{text}");
    let again = written(folder.path(), "shown.toml", &text);
    assert!(
        said(&run(&["policy", "check", &again]).await).0,
        "what is shown is a document"
    );

    let told: Value = serde_json::from_slice(&run(&[&show[..], &["--json"]].concat()).await.stdout).unwrap();
    let index = told["index"].as_u64().unwrap().to_string();
    assert!(
        told["document"].as_str().unwrap().contains("# why: a slow week"),
        "{told}"
    );
    let settings = told["settings"].as_array().unwrap();
    assert!(settings.iter().any(|setting| {
        setting["key"] == "methods.AnalyzeWriting.hedge" && setting["value"] == true && setting["origin"] == "consul"
    }));
    let (_, document, _) = said(&run(&["policy", "show", SERVICE, "--document", "--set", &at]).await);
    assert_eq!(document, std::fs::read_to_string(&file).unwrap());

    // From standard input, only over the one that was looked at: the second of two is refused.
    let set = ["policy", "set", SERVICE, "-", "--index", &index, "--set", &at];
    let (good, _, error) = said(&piped(&set, "call.attempts = 1").await);
    assert!(good, "{error}");
    changes.changed().await.unwrap();
    assert_eq!(attempts(), 1);
    let (good, _, error) = said(&piped(&set, "call.attempts = 5").await);
    assert!(!good && error.contains("changed meanwhile"), "{error}");

    let unset = ["policy", "unset", SERVICE, "--set", &at];
    assert!(said(&run(&unset).await).0);
    changes.changed().await.unwrap();
    assert_eq!(attempts(), 3);
    let (good, text, _) = said(&run(&unset).await);
    assert!(good && text.contains("no policy of its own"), "{text}");
}

#[tokio::test]
async fn a_wrong_policy_never_reaches_consul_and_one_that_does_changes_nothing() {
    let consul = Consul::start().await;
    let at = format!("consul.address={}", consul.address());
    let wrong = "[call]\nattempts = 99\ndeadline = \"0s\"\n[budget]\nshare = 2.0\n";
    let (good, _, error) = said(&piped(&["policy", "set", SERVICE, "-", "--set", &at], wrong).await);
    assert!(!good);
    for key in ["call.attempts", "call.deadline", "budget.share"] {
        assert!(error.contains(key), "{key} is missing: {error}");
    }
    let typo = "[methods.AnalyseWriting]\nattempts = 1";
    let (good, _, error) = said(&piped(&["policy", "set", SERVICE, "-", "--set", &at], typo).await);
    assert!(!good && error.contains("methods.AnalyseWriting"), "{error}");
    let client = consul.client();
    let key = lyceum::policy::key(SERVICE);
    let read = async || {
        client
            .kv_get(&key, &lyceum::consul::Query::default())
            .await
            .unwrap()
            .value
    };
    assert_eq!(read().await, None);

    let policies = Policies::new(consul.client(), discovery::Settings::default(), Policy::default());
    let watched = policies.watch(SERVICE);
    let mut changes = watched.changes();
    client.kv_put(&key, "call.attempts = 2").await.unwrap();
    changes.changed().await.unwrap();
    // Somebody goes round the command: what was good holds on, and the next good one counts.
    client.kv_put(&key, wrong).await.unwrap();
    let (good, _, error) = said(&run(&["policy", "show", SERVICE, "--set", &at]).await);
    assert!(
        !good && error.contains("keeps the last good one") && error.contains("call.attempts"),
        "{error}"
    );
    let (good, text, _) = said(&run(&["policy", "show", SERVICE, "--document", "--set", &at]).await);
    assert!(good && text == wrong, "{text}");
    client.kv_put(&key, "call.attempts = 4").await.unwrap();
    changes.changed().await.unwrap();
    assert_eq!(
        watched.load().call(None).attempts,
        4,
        "the broken one made no change of its own"
    );
}

#[tokio::test]
async fn a_document_is_checked_without_consul() {
    let (good, text, _) = said(&piped(&["policy", "check", "-"], "call.attempts = 2").await);
    assert!(good && text == "The policy is fine.\n", "{text}");
    let output = piped(&["policy", "check", "-", "--json"], "call.attempts = 9\nx = 1").await;
    assert!(!output.status.success());
    let told: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(told["valid"], false);
    assert_eq!(told["problems"][0]["key"], "x");
    let (good, _, error) = said(&piped(&["policy", "check", "-"], "[call").await);
    assert!(!good && error.contains("line 1"), "{error}");
    let (good, _, error) = said(&run(&["policy", "show", "no/name"]).await);
    assert!(!good && error.contains("no name of a service"), "{error}");
    let nobody = ["policy", "show", SERVICE, "--set", "consul.address=http://127.0.0.1:9"];
    let (good, _, error) = said(&run(&nobody).await);
    assert!(!good && error.contains("is it running?"), "{error}");
}
