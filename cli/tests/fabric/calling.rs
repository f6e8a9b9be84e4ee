//! The whole fabric under calls: from a browser's bytes to two services and back, while replicas die and drain.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use lyceum::contracts::ai_validator::v1::{DecideAccessRequest, DecideAccessResponse, WritingStage};
use lyceum::contracts::writing_analysis::v1::{
    AnalyzeWritingRequest, AnalyzeWritingResponse, EvaluateReflectionRequest, EvaluateReflectionResponse,
};
use lyceum::testing::wait_for;
use rustix::process::Signal;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::browser::Browser;
use crate::running::{Up, gone, lives, lyceum, pid, signal};

const ANALYZE: &str = "lyceum.writing_analysis.v1.WritingAnalysisService/AnalyzeWriting";
const EVALUATE: &str = "lyceum.writing_analysis.v1.WritingAnalysisService/EvaluateReflection";
const DECIDE: &str = "lyceum.ai_validator.v1.EducationalAiValidatorService/DecideAccess";

const ESSAY: &str = "School uniforms are often defended as fair. I believe that they hide more than they solve. \
    For example, a study of three schools found that marks did not change. However, some parents say that mornings \
    are calmer. In conclusion, the question is not what pupils wear but how they are heard.";

const REFLECTION: &str = "I was sure that I was right. Then I heard her story, and I felt ashamed, because I had \
    never asked. I now see that my first draft only repeated what I already believed. Next time I will ask first.";

/// Calls that go on until they are stopped; what failed is kept.
struct Load {
    callers: JoinSet<Vec<String>>,
    done: Arc<AtomicU64>,
    stop: tokio::sync::watch::Sender<bool>,
}

// === impl Load ===

impl Load {
    /// So many callers, each with one call after the other.
    fn start(browser: &Browser, callers: usize) -> Self {
        let done = Arc::new(AtomicU64::new(0));
        let (stop, stopped) = tokio::sync::watch::channel(false);
        let mut set = JoinSet::new();
        for _ in 0..callers {
            let (browser, done, stopped) = (browser.clone(), Arc::clone(&done), stopped.clone());
            set.spawn(async move {
                let mut failures = Vec::new();
                let request = EvaluateReflectionRequest {
                    text: REFLECTION.to_owned(),
                };
                while !*stopped.borrow() {
                    match browser.call::<EvaluateReflectionResponse>(EVALUATE, &request).await {
                        Ok(reply) if reply.depth > 0.0 => {}
                        Ok(reply) => failures.push(format!("an empty reply: {reply:?}")),
                        Err(failure) => failures.push(format!("{failure:?}")),
                    }
                    done.fetch_add(1, Ordering::Relaxed);
                }
                failures
            });
        }
        Self {
            callers: set,
            done,
            stop,
        }
    }

    /// Waits until so many more calls have come back.
    async fn more(&self, calls: u64) {
        let goal = self.done.load(Ordering::Relaxed) + calls;
        wait_for("more calls", async || self.done.load(Ordering::Relaxed) >= goal).await;
    }

    /// Ends it; says what failed.
    async fn failures(self) -> Vec<String> {
        self.stop.send_replace(true);
        self.callers.join_all().await.into_iter().flatten().collect()
    }
}

/// Which of these instances answered calls, by the gateway's own count.
async fn answering(browser: &Browser) -> Vec<String> {
    let (status, text) = browser.get("/gateway/services").await;
    assert_eq!(status, 200);
    let report: serde_json::Value = serde_json::from_str(&text).unwrap();
    let services = report["services"].as_array().unwrap().iter();
    services
        .flat_map(|service| service["instances"].as_array().unwrap())
        .filter(|instance| instance["calls"].as_u64().unwrap() > 0)
        .map(|instance| instance["id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test]
async fn an_essay_is_analysed_and_access_decided_across_two_services() {
    let begun = Instant::now();
    let up = Up::start(&[]).await;
    // The promise is four seconds for a release build on a quiet machine; this bounds what could go wrong by itself.
    assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
    let browser = Browser::signed_in(&up);

    let request = AnalyzeWritingRequest {
        text: ESSAY.to_owned(),
        ..Default::default()
    };
    let reply: AnalyzeWritingResponse = browser.call(ANALYZE, &request).await.unwrap();
    let statistics = reply.measures.unwrap().statistics.unwrap();
    assert_eq!((statistics.sentences, statistics.paragraphs), (5, 1));
    assert_eq!(statistics.characters as usize, ESSAY.chars().count());

    let request = DecideAccessRequest {
        reflection: REFLECTION.to_owned(),
        stage: WritingStage::Draft.into(),
        ..Default::default()
    };
    let reply: DecideAccessResponse = browser.call(DECIDE, &request).await.unwrap();
    assert!(!reply.reasons.is_empty(), "{reply:?}");
    up.stop().await;
}

#[tokio::test]
async fn a_killed_replica_is_invisible_and_comes_back() {
    let mut up = Up::start(&["--replicas", "writing-analysis=3"]).await;
    let browser = Browser::signed_in(&up);
    let load = Load::start(&browser, 8);
    load.more(100).await;
    assert!(answering(&browser).await.len() > 1, "one replica does everything");

    let victim = up.processes("writing-analysis").remove(0);
    signal(pid(&victim), Signal::KILL);
    let died = up.event("died").await;
    assert_eq!(
        (&died["id"], &died["how"]),
        (&victim["id"], &"was killed by signal 9".into())
    );
    let restarted = up.event("restarted").await;
    assert_eq!(restarted["name"], "writing-analysis");
    assert_ne!(restarted["id"], victim["id"]);
    assert!(lives(pid(&restarted)));

    let new = restarted["id"].as_str().unwrap();
    wait_for("calls to the new replica", async || {
        answering(&browser).await.iter().any(|id| id == new)
    })
    .await;
    load.more(100).await;
    assert_eq!(load.failures().await, Vec::<String>::new());

    let consul: String = up.consul();
    up.stop().await;
    gone(&[pid(&restarted)]).await;
    assert!(
        tokio::net::TcpStream::connect(consul.trim_start_matches("http://"))
            .await
            .is_err()
    );
}

#[tokio::test]
async fn a_drained_replica_is_invisible() {
    let mut up = Up::start(&["--replicas", "writing-analysis=2"]).await;
    let browser = Browser::signed_in(&up);
    let load = Load::start(&browser, 8);
    load.more(50).await;
    let leaving = up.processes("writing-analysis").remove(1);
    signal(pid(&leaving), Signal::TERM);
    let died = up.event("died").await;
    assert_eq!(
        (&died["id"], &died["how"]),
        (&leaving["id"], &"ended with code 0".into())
    );
    up.event("restarted").await;
    load.more(50).await;
    assert_eq!(load.failures().await, Vec::<String>::new());
    up.stop().await;
}

#[tokio::test]
async fn calls_go_on_without_consul_and_everything_registers_again() {
    let mut up = Up::start(&["--set", "registration.ttl=3s"]).await;
    let browser = Browser::signed_in(&up);
    let load = Load::start(&browser, 4);
    load.more(20).await;
    let consul = up.processes("consul").remove(0);
    signal(pid(&consul), Signal::KILL);
    assert_eq!(up.event("died").await["name"], "consul");
    assert_eq!(up.event("restarted").await["address"], consul["address"]);

    let address = up.consul();
    wait_for("three services in the new agent", async || {
        let output = lyceum(&["status", "--json", "--set", &format!("consul.address={address}")])
            .output()
            .await
            .unwrap();
        let told: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        told["passing"] == true
            && told["instances"]
                .as_array()
                .is_some_and(|instances| instances.len() == 3)
    })
    .await;
    load.more(20).await;
    assert_eq!(load.failures().await, Vec::<String>::new());
    up.stop().await;
}

#[tokio::test]
async fn a_gateway_that_died_is_found_where_it_was() {
    let mut up = Up::start(&[]).await;
    let browser = Browser::signed_in(&up);
    let gateway = up.processes("gateway").remove(0);
    signal(pid(&gateway), Signal::KILL);
    let restarted = up.event("restarted").await;
    assert_eq!(restarted["address"], gateway["address"]);
    assert_ne!(restarted["id"], gateway["id"]);
    let request = AnalyzeWritingRequest {
        text: ESSAY.to_owned(),
        ..Default::default()
    };
    wait_for("the page's next call", async || {
        browser.call::<AnalyzeWritingResponse>(ANALYZE, &request).await.is_ok()
    })
    .await;
    up.stop().await;
}
