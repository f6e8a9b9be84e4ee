//! Limits as operators set them while the gateway runs, and as callers meet them.

use std::time::Duration;

use http::HeaderMap;
use lyceum::Fabric;
use lyceum::consul::Query;
use lyceum::error::Told;
use lyceum::policy::{Rate, key};
use lyceum::testing::wait_for;
use lyceum_gateway_grpcweb::Gateway;
use tokio_util::sync::CancellationToken;

use serde_json::json;

use crate::browser::{Answer, Browser, Form, frame};
use crate::issuer::{Signing, Site, call, claims, set, trusting};
use crate::stage::Stage;

const GET: &str = "lyceum.testing.v1.ProbeService/GetProbe";
const ECHO: &str = "mirror.v1.MirrorService/Echo";

fn limit(answer: &Answer, name: &str) -> Option<String> {
    Some(answer.headers.get(name)?.to_str().unwrap().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_change_while_the_gateway_runs_and_say_what_is_left() {
    let stage = Stage::start().await;
    let browser = stage.browser();
    let answer = browser.unary(GET, b"").await;
    assert_eq!(limit(&answer, "ratelimit-policy"), None, "this machine is not limited");

    let document = "[edge.limits]\nloopback = true\naddress = { calls = 60, burst = 1000000, per = \"1h\" }\n";
    stage.consul.client().kv_put(&key("gateway"), document).await.unwrap();
    wait_for("the policy to hold", || async {
        limit(&browser.unary(ECHO, b"").await, "ratelimit-policy").as_deref() == Some("\"address\";q=60;w=3600")
    })
    .await;
    let request = browser
        .call(GET, Form::Binary)
        .header("origin", "https://school.example")
        .body(frame(b""))
        .unwrap();
    let answer = browser.send(request).await;
    assert_eq!(answer.status(), Some(0));
    assert!(limit(&answer, "ratelimit").unwrap().starts_with("\"address\";r="));
    let exposed = limit(&answer, "access-control-expose-headers").unwrap();
    assert!(
        exposed.contains("ratelimit") && exposed.contains("ratelimit-policy"),
        "{exposed}"
    );

    // The burst that is allowed now was used long ago.
    let document = "[edge.limits]\nloopback = true\naddress = { calls = 60, burst = 1, per = \"1h\" }\n";
    stage.consul.client().kv_put(&key("gateway"), document).await.unwrap();
    wait_for("a call too many", || async {
        browser.unary(GET, b"").await.status() == Some(8)
    })
    .await;
    for browser in [browser, browser.over_http2()] {
        let answer = browser.unary(GET, b"").await;
        assert_eq!(
            (answer.http, answer.status(), answer.reason().as_str()),
            (200, Some(8), "RATE_LIMITED")
        );
        let told = Told::of(&answer.error().unwrap());
        assert_eq!(told.metadata, [("limit".to_owned(), "address".to_owned())]);
        let wait = told.retry_after.unwrap();
        assert!(wait > Duration::ZERO && wait <= Duration::from_secs(3600), "{wait:?}");
        let after: u64 = limit(&answer, "retry-after").unwrap().parse().unwrap();
        assert!(after.abs_diff(wait.as_secs()) <= 1);
        assert_eq!(
            limit(&answer, "ratelimit").unwrap(),
            format!("\"address\";r=0;t={after}")
        );
    }
    stage.consul.client().kv_delete(&key("gateway")).await.unwrap();
    wait_for("no limit to hold", || async {
        browser.unary(GET, b"").await.status() == Some(0)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_method_has_a_limit_of_its_own_and_no_other_suffers() {
    let rate = |calls| Rate {
        calls,
        per: Duration::from_secs(3600),
        burst: 0,
    };
    let stage = Stage::start_with(|configuration| {
        let limits = &mut configuration.policy.edge.limits;
        limits
            .methods
            .insert("mirror.v1.MirrorService/Headers".to_owned(), rate(2));
    })
    .await;
    let browser = stage.browser();
    let call = |method: &'static str| async move { browser.unary(method, b"").await.status() };
    // The first answer tells the gateway that there is such a method: until then it is nobody in particular.
    for _ in 0..3 {
        assert_eq!(call("mirror.v1.MirrorService/Headers").await, Some(0));
    }
    let refused = browser.unary("mirror.v1.MirrorService/Headers", b"").await;
    assert_eq!(refused.reason(), "RATE_LIMITED");
    assert_eq!(
        limit(&refused, "ratelimit-policy").as_deref(),
        Some("\"method\";q=2;w=3600")
    );
    for _ in 0..5 {
        assert_eq!(call(GET).await, Some(0));
        assert_eq!(call(ECHO).await, Some(0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_calls_in_one_request_tell_how_the_worst_of_them_stands() {
    let stage = Stage::start_with(|configuration| {
        let limits = &mut configuration.policy.edge.limits;
        limits.loopback = true;
        limits.address = Rate {
            calls: 1000,
            // None comes back meanwhile.
            per: Duration::from_secs(86_400),
            burst: 0,
        };
        let one = Rate {
            calls: 1,
            per: Duration::from_secs(3600),
            burst: 0,
        };
        limits
            .methods
            .insert("lyceum.testing.v1.ProbeService/RecordProbe".to_owned(), one);
    })
    .await;
    let browser = stage.browser();
    let get = |id: &str| json!({ "id": id, "method": "testing/GetProbe" });
    let record = |id: &str| json!({ "id": id, "method": "testing/RecordProbe" });
    let field = "{ probe_getProbe(input: {}) { instance } }";
    let query = |query: &str| json!({ "query": query });
    wait_for("both fronts", || async {
        let batch = json!({ "calls": [get("a")] });
        let (_, _, batch) = browser.posted("/api/batch", "application/json", batch).await;
        let (_, _, graphql) = browser.posted("/graphql", "application/json", query(field)).await;
        batch.contains("\"OK\"") && graphql.contains("\"instance\"")
    })
    .await;
    let left = |headers: &HeaderMap| {
        assert_eq!(headers["ratelimit-policy"], "\"address\";q=1000;w=86400");
        assert!(!headers.contains_key("retry-after"));
        let text = headers["ratelimit"].to_str().unwrap();
        let text = text.strip_prefix("\"address\";r=").unwrap();
        text.split(';').next().unwrap().parse::<u64>().unwrap()
    };
    let three = json!({ "calls": [get("a"), get("b"), get("c")] });
    let mut before = u64::MAX;
    for accept in ["application/json", "application/x-ndjson", "text/event-stream"] {
        let (_, headers, _) = browser.posted("/api/batch", accept, three.clone()).await;
        let now = left(&headers);
        assert!(
            before == u64::MAX || before - now == 3,
            "what the last of them left: {before}, {now}"
        );
        before = now;
    }
    let two = "{ a: probe_getProbe(input: {}) { instance } b: probe_getProbe(input: {}) { instance } }";
    let (_, headers, _) = browser.posted("/graphql", "application/json", query(two)).await;
    assert_eq!(before - left(&headers), 2);
    let watch = "subscription { probe_watchProbe(input: {count: 1}) { sequence } }";
    let (_, headers, events) = browser.posted("/graphql", "text/event-stream", query(watch)).await;
    assert!(events.contains("sequence"), "{events}");
    assert_eq!(before - left(&headers), 3);

    // One that is refused is the worst, whatever the others have left.
    let mixed = json!({ "calls": [record("a"), record("b"), get("c")] });
    let (_, headers, answer) = browser.posted("/api/batch", "application/json", mixed).await;
    assert!(answer.contains("RATE_LIMITED") && answer.contains("\"OK\""), "{answer}");
    assert_eq!(headers["ratelimit-policy"], "\"method\";q=1;w=3600");
    let after = headers["retry-after"].to_str().unwrap();
    assert_eq!(headers["ratelimit"], format!("\"method\";r=0;t={after}"));
    let mutation = "mutation { probe_recordProbe(input: {}) { count } }";
    let (_, headers, answer) = browser.posted("/graphql", "application/json", query(mutation)).await;
    assert!(answer.contains("RATE_LIMITED"), "{answer}");
    assert!(headers.contains_key("retry-after") && headers.contains_key("ratelimit"));
}

#[tokio::test(flavor = "multi_thread")]
async fn gateways_share_a_limit_as_they_come_and_go() {
    let change = |configuration: &mut lyceum::configuration::Configuration| {
        let limits = &mut configuration.policy.edge.limits;
        limits.loopback = true;
        limits.address.calls = 10_000;
    };
    let stage = Stage::start_with(change).await;
    let browser = stage.browser();
    let policy = |browser: Browser| async move {
        limit(&browser.unary(ECHO, b"").await, "ratelimit-policy").unwrap_or_default()
    };
    assert_eq!(policy(browser).await, "\"address\";q=10000;w=60");

    let mut own = stage.configuration();
    own.gateway.address = "127.0.0.1:0".parse().unwrap();
    change(&mut own);
    let second = Gateway::new(&Fabric::start(own, "gateway").unwrap())
        .bind()
        .await
        .unwrap();
    let other = Browser::new(second.address());
    let stop = CancellationToken::new();
    let serving = tokio::spawn(second.serve(stop.clone().cancelled_owned()));
    for browser in [browser, other] {
        wait_for("each to take half", || async {
            policy(browser).await == "\"address\";q=5000;w=60"
        })
        .await;
    }
    stop.cancel();
    wait_for("the one that stays to take all", || async {
        policy(browser).await == "\"address\";q=10000;w=60"
    })
    .await;
    serving.await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_behind_a_proxy_of_ours_are_told_apart() {
    let stage = Stage::start_with(|configuration| {
        let limits = &mut configuration.policy.edge.limits;
        limits.proxies = vec!["127.0.0.0/8".to_owned()];
        limits.address = Rate {
            calls: 2,
            per: Duration::from_secs(3600),
            burst: 0,
        };
    })
    .await;
    let browser = stage.browser();
    let call = |forwarded: &'static str| async move {
        let request = browser
            .call(ECHO, Form::Binary)
            .header("x-forwarded-for", forwarded)
            .body(frame(b""))
            .unwrap();
        browser.send(request).await.status()
    };
    for caller in ["203.0.113.1", "203.0.113.2"] {
        assert_eq!(call(caller).await, Some(0));
        assert_eq!(call(caller).await, Some(0));
        assert_eq!(call(caller).await, Some(8));
    }
    assert_eq!(call("203.0.113.3, 203.0.113.1").await, Some(8), "made up in front");
    assert_eq!(
        browser.unary(ECHO, b"").await.status(),
        Some(0),
        "the proxy itself is this machine"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_principal_has_its_own_limit_and_a_day_that_all_gateways_count() {
    const DAY: u64 = 200;
    let key = Signing::ed("ed");
    let site = Site::start(set(&[&key])).await;
    let change = |configuration: &mut lyceum::configuration::Configuration| {
        trusting(site.url())(configuration);
        let limits = &mut configuration.policy.edge.limits;
        limits.principal.per_day = DAY as u32;
        limits.share = Duration::from_millis(100);
    };
    let stage = Stage::start_with(change).await;
    let first = stage.browser();
    let mut own = stage.configuration();
    own.gateway.address = "127.0.0.1:0".parse().unwrap();
    change(&mut own);
    let second = Gateway::new(&Fabric::start(own, "gateway").unwrap())
        .bind()
        .await
        .unwrap();
    let other = Browser::new(second.address());
    let stop = CancellationToken::new();
    let serving = tokio::spawn(second.serve(stop.clone().cancelled_owned()));
    let tokens = ["p-1", "p-2"].map(|subject| key.token(&claims(json!({ "sub": subject }))));
    wait_for("the second gateway", || async {
        call(&other, &tokens[1]).await.status() == Some(0)
    })
    .await;

    for left in (0..DAY).rev() {
        let answer = call(&first, &tokens[0]).await;
        assert_eq!(answer.status(), Some(0));
        let told = limit(&answer, "ratelimit").unwrap();
        assert!(told.starts_with(&format!("\"principal-day\";r={left};t=")), "{told}");
    }
    let spent = call(&first, &tokens[0]).await;
    assert_eq!((spent.status(), spent.reason().as_str()), (Some(8), "QUOTA_SPENT"));
    assert_eq!(call(&first, &tokens[1]).await.status(), Some(0), "another has its own");

    let consul = stage.consul.client();
    let counted = || async {
        let mut sum = 0;
        for page in 0..64 {
            let page = consul
                .kv_get(&format!("lyceum/quota/{page:02}"), &Query::default())
                .await;
            if let Some(page) = page.unwrap().value {
                let page: serde_json::Value = serde_json::from_slice(&page).unwrap();
                let used = page["used"].as_object().unwrap().values();
                sum += used.map(|calls| calls.as_u64().unwrap()).sum::<u64>();
            }
        }
        sum
    };
    wait_for("what was used to be told", || async { counted().await > DAY }).await;
    let mut more = 0;
    while call(&other, &tokens[0]).await.reason() != "QUOTA_SPENT" {
        more += 1;
        assert!(more < DAY, "the gateways count together");
    }
    stop.cancel();
    serving.await.unwrap();
}
