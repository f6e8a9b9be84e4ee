//! GraphQL over a WebSocket, as the clients of `graphql-transport-ws` speak it.

use lyceum::configuration::Configuration;
use serde_json::{Value, json};

use super::*;
use crate::issuer::{Signing, Site, claims, set, trusting};

const TONGUE: &str = "graphql-transport-ws";

/// A page with one socket.
struct Client(Socket);

impl Client {
    async fn open(stage: &Stage) -> Self {
        Self(open(stage, "graphql", TONGUE).await)
    }

    /// With a socket that is acknowledged.
    async fn begin(stage: &Stage, payload: Value) -> Self {
        let mut client = Self::open(stage).await;
        client
            .say(&json!({ "type": "connection_init", "payload": payload }))
            .await;
        assert_eq!(client.hear().await.unwrap(), json!({ "type": "connection_ack" }));
        client
    }

    async fn say(&mut self, message: &Value) {
        self.0.0.send(Message::text(message.to_string())).await.unwrap();
    }

    async fn subscribe(&mut self, id: &str, query: &str) {
        self.say(&json!({ "id": id, "type": "subscribe", "payload": { "query": query } }))
            .await;
    }

    /// The next message, or the code of the close.
    async fn hear(&mut self) -> Result<Value, u16> {
        loop {
            match self.0.0.next().await {
                Some(Ok(Message::Text(text))) => return Ok(serde_json::from_str(&text).unwrap()),
                Some(Ok(Message::Close(close))) => return Err(close.unwrap().code.into()),
                Some(Ok(_)) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Everything up to the end of an operation, of which no other runs.
    async fn all(&mut self, id: &str) -> Vec<Value> {
        let mut answers = Vec::new();
        loop {
            let message = self.hear().await.unwrap();
            assert_eq!(message["id"], id);
            match message["type"].as_str().unwrap() {
                "next" => answers.push(message["payload"].clone()),
                "complete" => return answers,
                other => panic!("{other}"),
            }
        }
    }
}

/// Ready when the probe is in the schema.
async fn stage(change: impl FnOnce(&mut Configuration)) -> Stage {
    let stage = Stage::start_with(change).await;
    wait_for("the probe in the schema", || async {
        let mut client = Client::begin(&stage, json!({})).await;
        client
            .subscribe("a", "{ __type(name: \"Testing_GetProbeResponse\") { name } }")
            .await;
        client.all("a").await[0]["data"]["__type"].is_object()
    })
    .await;
    stage
}

#[tokio::test(flavor = "multi_thread")]
async fn operations_of_every_kind_share_a_socket() {
    let stage = stage(|_| {}).await;
    let mut client = Client::begin(&stage, Value::Null).await;
    client
        .subscribe(
            "watch",
            "subscription { probe_watchProbe(input: {count: 3, payloadBytes: 2}) { sequence } }",
        )
        .await;
    let answers = client.all("watch").await;
    let sequence: Vec<&Value> = answers
        .iter()
        .map(|answer| &answer["data"]["probe_watchProbe"]["sequence"])
        .collect();
    assert_eq!(sequence, [&json!("0"), &json!("1"), &json!("2")]);
    client
        .subscribe("get", "{ probe_getProbe(input: {}) { instance } }")
        .await;
    assert_eq!(
        client.all("get").await[0]["data"]["probe_getProbe"]["instance"],
        stage.probe().id
    );
    client
        .subscribe("do", "mutation { probe_recordProbe(input: {}) { count } }")
        .await;
    assert_eq!(client.all("do").await[0]["data"]["probe_recordProbe"]["count"], "1");
    client
        .subscribe("bad", "{ probe_getProbe(input: {failWith: 5}) { instance } }")
        .await;
    assert_eq!(
        client.all("bad").await[0]["errors"][0]["extensions"]["reason"],
        "PROBE_TOLD_TO_FAIL"
    );
    client.subscribe("deep", &format!("{{ {} }}", "a { ".repeat(100))).await;
    assert_eq!(
        client.all("deep").await[0]["errors"][0]["extensions"]["reason"],
        "GRAPHQL_TOO_COMPLEX"
    );
    client.say(&json!({ "type": "ping" })).await;
    assert_eq!(client.hear().await.unwrap()["type"], "pong");

    // One that is not wanted any more ends its call.
    client
        .subscribe(
            "long",
            "subscription { probe_watchProbe(input: {intervalMilliseconds: 20}) { sequence } }",
        )
        .await;
    assert_eq!(client.hear().await.unwrap()["type"], "next");
    client.say(&json!({ "id": "long", "type": "complete" })).await;
    wait_for("the call to end", || async { stage.probe().abandoned() == 1 }).await;
    // And a socket that goes takes its operations along.
    let mut gone = Client::begin(&stage, json!({})).await;
    gone.subscribe(
        "long",
        "subscription { probe_watchProbe(input: {intervalMilliseconds: 20}) { sequence } }",
    )
    .await;
    assert_eq!(gone.hear().await.unwrap()["type"], "next");
    drop(gone);
    wait_for("the call to end", || async { stage.probe().abandoned() == 2 }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn as_many_operations_run_as_a_page_can_want() {
    let stage = stage(|_| {}).await;
    let mut client = Client::begin(&stage, json!({})).await;
    let slow = "subscription { probe_watchProbe(input: {count: 2, intervalMilliseconds: 60000}) { sequence } }";
    for number in 0..64 {
        client.subscribe(&format!("n{number}"), slow).await;
    }
    client.subscribe("more", slow).await;
    assert_eq!(
        client.all("more").await[0]["errors"][0]["extensions"]["reason"],
        "OPERATIONS_TOO_MANY"
    );
    client.say(&json!({ "id": "n0", "type": "complete" })).await;
    assert_eq!(client.hear().await.unwrap(), json!({ "id": "n0", "type": "complete" }));
    client
        .subscribe("room", "{ probe_getProbe(input: {}) { instance } }")
        .await;
    assert!(client.all("room").await[0].get("errors").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_the_protocol_closes_the_socket() {
    let stage = stage(|configuration| {
        configuration.gateway.header_timeout = Duration::from_millis(500);
        configuration.policy.edge.message_limit = 100_000;
    })
    .await;
    let secret = json!({ "type": "connection_init", "payload": { "x": "a\nb" } });
    for (messages, code) in [
        (vec![json!({ "type": "nothing" })], 4400),
        (vec![json!("secret")], 4400),
        (vec![secret], 4400),
        (
            vec![json!({ "id": "a", "type": "subscribe", "payload": { "query": "{ a }" } })],
            4401,
        ),
        (
            vec![
                json!({ "type": "connection_init" }),
                json!({ "type": "connection_init" }),
            ],
            4429,
        ),
        (vec![json!({ "type": "ping", "payload": "x".repeat(200_000) })], 1009),
        (vec![], 4408),
    ] {
        let mut client = Client::open(&stage).await;
        for message in &messages {
            client.say(message).await;
        }
        let heard = loop {
            if let Err(code) = client.hear().await {
                break code;
            }
        };
        assert_eq!(
            heard,
            code,
            "{:?}",
            messages.first().map(|message| message.to_string().len())
        );
    }
    let mut client = Client::begin(&stage, json!({})).await;
    client.0.send(&[1][..]).await;
    assert_eq!(client.hear().await, Err(1003));
    let wrong = handshake(&stage, "graphql", MANY);
    assert_eq!(try_open(&stage, wrong).await.err(), Some(400));
    let elsewhere = handshake(&stage, "", TONGUE);
    assert_eq!(try_open(&stage, elsewhere).await.err(), Some(400));
    let foreign = handshake(&stage, "graphql", TONGUE).header("origin", "https://evil.example");
    assert_eq!(try_open(&stage, foreign).await.err(), Some(403));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asks_is_said_in_the_first_message_and_judged_with_each_operation() {
    let key = Signing::ec("key");
    let site = Site::start(set(&[&key])).await;
    let folder = lyceum::testing::probe::Folder::new();
    let file = folder.path().join("session.key");
    crate::credentials::secret(&file, 7);
    let url = site.url();
    let stage = Stage::start_with(move |configuration| {
        trusting(url)(configuration);
        configuration.gateway.authentication.session_key = Some(file);
    })
    .await;
    let query = "{ probe_getProbe(input: {}) { principal } }";
    let principal = |answer: &Value| {
        answer["data"]["probe_getProbe"]["principal"]
            .as_str()
            .map(str::to_owned)
    };
    let token = key.token(&claims(json!({})));
    let bearer = json!({ "authorization": format!("Bearer {token}"), "cookie": "a=b", "number": 1 });
    wait_for("the probe by token", || async {
        let mut client = Client::begin(&stage, bearer.clone()).await;
        client.subscribe("a", query).await;
        principal(&client.all("a").await[0]).is_some()
    })
    .await;
    let mut client = Client::begin(&stage, bearer.clone()).await;
    client.subscribe("a", query).await;
    let own = principal(&client.all("a").await[0]);
    let mut stranger = Client::begin(&stage, json!({ "authorization": "Bearer a.b.c" })).await;
    stranger.subscribe("a", query).await;
    let refused = stranger.all("a").await;
    assert_eq!(
        refused[0]["errors"][0]["extensions"]["code"], "UNAUTHENTICATED",
        "{refused:?}"
    );

    // A session counts from our own page alone, with the token that only its scripts can read.
    let browser = stage.browser();
    let bearer = format!("Bearer {token}");
    let (_, headers, told) = crate::issuer::session(
        &browser,
        Method::POST,
        &[("authorization", &bearer), ("sec-fetch-site", "same-origin")],
        "",
    )
    .await;
    let cookie = crate::issuer::kept(&headers);
    let csrf = told["csrf"].as_str().unwrap().to_owned();
    let here = format!("http://{}", stage.address);
    for (origin, said, reason, is_own) in [
        (here.as_str(), json!({ "x-csrf-token": csrf }), None, true),
        (&here, json!({}), Some("CSRF_TOKEN"), false),
        ("https://school.example", json!({ "x-csrf-token": csrf }), None, false),
    ] {
        let request = handshake(&stage, "graphql", TONGUE)
            .header("origin", origin)
            .header("cookie", &cookie);
        let mut client = Client(try_open(&stage, request).await.unwrap());
        client.say(&json!({ "type": "connection_init", "payload": said })).await;
        client.hear().await.unwrap();
        client.subscribe("a", query).await;
        let answer = client.all("a").await.remove(0);
        assert_eq!(
            answer["errors"][0]["extensions"]["reason"].as_str(),
            reason,
            "{origin}: {answer}"
        );
        assert_eq!(
            principal(&answer).is_some_and(|told| Some(told) == own),
            is_own,
            "{origin}: {answer}"
        );
    }
}
