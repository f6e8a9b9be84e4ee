//! `lyceum status --calls` while an instance hangs, comes back and is pinned: the callers' view, as an operator has it.

use std::collections::BTreeMap;
use std::process::Stdio;

use lyceum::contracts::writing_analysis::v1::{EvaluateReflectionRequest, EvaluateReflectionResponse};
use lyceum::testing::wait_for;
use rustix::process::Signal;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};

use crate::browser::Browser;
use crate::running::{Up, lyceum, pid, run, said, signal};

const EVALUATE: &str = "lyceum.writing_analysis.v1.WritingAnalysisService/EvaluateReflection";
const SERVICE: &str = "writing-analysis";

/// A running fabric and somebody who looks at it.
struct Scene {
    up: Up,
    browser: Browser,
    layers: Vec<String>,
}

// === impl Scene ===

impl Scene {
    async fn start() -> Self {
        let up = Up::start(&[
            "--replicas",
            "writing-analysis=3",
            // Who hangs stays registered: its callers find out by themselves.
            "--set",
            "registration.ttl=120s",
        ])
        .await;
        let layers = vec![
            "--data".to_owned(),
            up.data().to_str().unwrap().to_owned(),
            "--set".to_owned(),
            format!("consul.address={}", up.consul()),
        ];
        Self {
            browser: Browser::signed_in(&up),
            up,
            layers,
        }
    }

    fn arguments<'a>(&'a self, command: &[&'a str]) -> Vec<&'a str> {
        let layers = self.layers.iter().map(String::as_str);
        command.iter().copied().chain(layers).collect()
    }

    async fn run(&self, command: &[&str]) -> String {
        let (good, text, error) = said(&run(&self.arguments(command)).await);
        assert!(good, "{command:?}: {error}");
        text
    }

    async fn set_policy(&self, document: &str) {
        let file = self.up.data().join("policy.toml");
        std::fs::write(&file, document).unwrap();
        self.run(&["policy", "set", SERVICE, file.to_str().unwrap()]).await;
    }

    async fn told(&self) -> Value {
        serde_json::from_str(&self.run(&["status", "--calls", SERVICE, "--json"]).await).unwrap()
    }

    /// Whether the call was answered.
    async fn call(&self) -> bool {
        let request = EvaluateReflectionRequest {
            text: "I learnt that I had been wrong.".to_owned(),
        };
        let answer = self
            .browser
            .call::<EvaluateReflectionResponse>(EVALUATE, &request)
            .await;
        answer.is_ok()
    }

    async fn calls_at_once(&self, calls: usize) {
        futures_util::future::join_all((0..calls).map(|_| self.call())).await;
    }

    /// The calls that each instance got from the gateway.
    async fn calls(&self) -> BTreeMap<String, u64> {
        let (_, text) = self.browser.get("/gateway/services").await;
        let report: Value = serde_json::from_str(&text).unwrap();
        let services = report["services"].as_array().unwrap().iter();
        let of_service = services.filter(|service| service["name"] == SERVICE);
        of_service
            .flat_map(|service| service["instances"].as_array().unwrap())
            .map(|instance| {
                (
                    instance["id"].as_str().unwrap().to_owned(),
                    instance["calls"].as_u64().unwrap(),
                )
            })
            .collect()
    }
}

/// What the gateway knows of an instance.
fn seen<'a>(told: &'a Value, id: &str) -> &'a Value {
    let gateway = told["callers"]
        .as_array()
        .unwrap()
        .iter()
        .find(|caller| caller["service"] == "gateway")
        .unwrap();
    let instances = gateway["callees"][0]["instances"].as_array().unwrap();
    instances.iter().find(|instance| instance["id"] == id).unwrap()
}

#[tokio::test]
async fn an_instance_that_hangs_is_seen_as_its_callers_see_it() {
    let scene = Scene::start().await;
    // By default an instance that hangs is avoided before it has failed often enough to be ejected.
    let policy = "[call]\ndeadline = \"500ms\"\nbreaker_failures = 0\n\
        [balancing]\npolicy = \"round-robin\"\nejection.failures = 2\n";
    scene.set_policy(policy).await;
    let victim = scene.up.processes(SERVICE).remove(0);
    let id = victim["id"].as_str().unwrap();
    wait_for("an answer from the instance", async || {
        scene.call().await;
        seen(&scene.told().await, id)["ewma_ms"].as_f64().unwrap() > 0.0
    })
    .await;
    // With another authority's certificate only the gateway can be asked.
    let stranger = tempfile::tempdir().unwrap();
    let data = stranger.path().to_str().unwrap();
    let text = scene
        .run(&["status", "--calls", "--set", &format!("data={data}")])
        .await;
    assert!(text.contains("; --data, or [identity]"), "{text}");
    assert!(text.lines().any(|line| line.starts_with("gateway-")), "{text}");

    let told = scene.told().await;
    let gateway = &told["callers"].as_array().unwrap()[1];
    assert_eq!(gateway["service"], "gateway", "{told}");
    assert_eq!(gateway["callees"][0]["budget"]["spent"], 0, "{told}");
    assert_eq!(gateway["callees"][0]["breakers"][0]["method"], EVALUATE, "{told}");
    // ai-validator calls it too, and is asked over mutual TLS.
    assert_eq!(told["callers"][0]["service"], "ai-validator", "{told}");
    assert_eq!(told["callers"][0]["callees"][0]["service"], SERVICE, "{told}");
    let fine = seen(&told, id);
    assert_eq!(
        (&fine["connected"], &fine["ejected"]),
        (&true.into(), &false.into()),
        "{told}"
    );
    assert!(fine["weight"].as_f64().unwrap() > 0.0, "{told}");

    signal(pid(&victim), Signal::STOP);
    wait_for("the instance to be ejected", async || {
        scene.calls_at_once(30).await;
        seen(&scene.told().await, id)["ejected"] == true
    })
    .await;
    let hung = scene.told().await;
    let text = scene.run(&["status", "--calls"]).await;
    signal(pid(&victim), Signal::CONT);
    assert!(seen(&hung, id)["ejections"].as_u64().unwrap() >= 1, "{hung}");
    let silent = hung["callers"]
        .as_array()
        .unwrap()
        .iter()
        .find(|caller| caller["id"] == id)
        .unwrap();
    assert!(silent["error"].as_str().unwrap().contains("no answer"), "{hung}");
    assert!(text.contains("ejected") && text.contains("NOT REACHED"), "{text}");
    assert!(!text.contains('\u{1b}'), "colours without a terminal: {text}");

    wait_for("the instance to be called again", async || {
        scene.call().await;
        seen(&scene.told().await, id)["ejected"] == false
    })
    .await;
    scene.up.stop().await;
}

#[tokio::test]
async fn an_operator_pins_an_instance_and_watches() {
    let scene = Scene::start().await;
    let pinned = scene.up.processes(SERVICE).remove(1)["id"].as_str().unwrap().to_owned();
    scene
        .set_policy(&format!("[balancing]\npolicy = \"pinned\"\npinned = \"{pinned}\"\n"))
        .await;
    let mut watch = lyceum(&scene.arguments(&["status", "--calls", SERVICE, "--json", "--watch"]))
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(watch.stdout.take().unwrap()).lines();
    let first = lines.next_line().await.unwrap().unwrap();
    wait_for("ten calls in a row for the pinned one", async || {
        let before = scene.calls().await;
        for _ in 0..10 {
            assert!(scene.call().await);
        }
        let after = scene.calls().await;
        after.iter().all(|(id, calls)| {
            let more = calls - before.get(id).copied().unwrap_or_default();
            more == if *id == pinned { 10 } else { 0 }
        })
    })
    .await;
    let second = lines.next_line().await.unwrap().unwrap();
    assert_ne!(first, second);
    let told: Value = serde_json::from_str(&second).unwrap();
    assert!(seen(&told, &pinned)["ewma_ms"].as_f64().unwrap() > 0.0, "{told}");
    signal(watch.id().unwrap(), Signal::INT);
    assert!(watch.wait().await.unwrap().success());
    scene.up.stop().await;
}

#[tokio::test]
async fn without_a_fabric_it_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let nobody = [
        "status",
        "--calls",
        "--data",
        data,
        "--set",
        "consul.address=http://127.0.0.1:9",
    ];
    let (good, _, error) = said(&run(&nobody).await);
    assert!(!good && error.contains("is it running?"), "{error}");
    let (good, _, error) = said(&run(&["status", "--calls", "--name", "a/b", "--data", data]).await);
    assert!(!good && error.contains("cannot be part of an identity"), "{error}");
}
