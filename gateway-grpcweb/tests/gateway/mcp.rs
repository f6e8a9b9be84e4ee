//! Agents at the gateway: methods as tools, over the wire of MCP itself.

use std::collections::VecDeque;

use bytes::Bytes;
use http::{HeaderMap, Method, Request};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use lyceum::Fabric;
use lyceum::testing::probe::Serving;
use lyceum::testing::wait_for;
use serde_json::{Value, json};

use crate::browser::{Browser, Connection};
use crate::stage::Stage;

const GET_PROBE: &str = "probe_get_probe";
const WATCH_PROBE: &str = "probe_watch_probe";

/// What an agent's client does, by hand.
struct Agent {
    browser: Browser,
    session: Option<String>,
}

/// An answer under way: JSON, or events.
struct Reading {
    status: u16,
    headers: HeaderMap,
    body: Incoming,
    held: String,
    events: VecDeque<Value>,
    _connection: Connection,
}

impl Agent {
    async fn new(stage: &Stage) -> Self {
        let mut agent = Self {
            browser: stage.browser(),
            session: None,
        };
        let begun = agent
            .post(&json!({
                "jsonrpc": "2.0", "id": 0, "method": "initialize",
                "params": {
                    "protocolVersion": "2025-11-25",
                    "capabilities": {},
                    "clientInfo": { "name": "test", "version": "1" }
                }
            }))
            .await;
        agent.session = Some(begun.headers["mcp-session-id"].to_str().unwrap().to_owned());
        let begun = begun.only().await;
        assert_eq!(begun["result"]["protocolVersion"], "2025-11-25");
        assert_eq!(begun["result"]["capabilities"]["tools"]["listChanged"], true);
        let noted = agent
            .post(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }))
            .await;
        assert_eq!(noted.status, 202);
        wait_for("the tools of the probe", || async {
            agent.tools().await.iter().any(|tool| tool["name"] == GET_PROBE)
        })
        .await;
        agent
    }

    fn request(&self, method: Method) -> http::request::Builder {
        let mut request = Request::builder()
            .method(method)
            .uri("/mcp")
            .header("accept", "application/json, text/event-stream")
            .header("content-type", "application/json");
        if let Some(session) = &self.session {
            request = request
                .header("mcp-session-id", session)
                .header("mcp-protocol-version", "2025-11-25");
        }
        request
    }

    async fn post(&self, message: &Value) -> Reading {
        let request = self.request(Method::POST).body(message.to_string().into()).unwrap();
        self.send(request).await
    }

    async fn send(&self, request: Request<Bytes>) -> Reading {
        let begun = self.browser.begin(request).await;
        let (parts, body) = begun.response.into_parts();
        Reading {
            status: parts.status.as_u16(),
            headers: parts.headers,
            body,
            held: String::new(),
            events: VecDeque::new(),
            _connection: begun.connection,
        }
    }

    async fn tools(&self) -> Vec<Value> {
        let list = self
            .post(&json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" }))
            .await;
        list.only().await["result"]["tools"].as_array().unwrap().clone()
    }

    async fn call(&self, tool: &str, arguments: Value) -> Value {
        self.post(&call(7, tool, &arguments, None)).await.only().await
    }
}

impl Reading {
    /// The only message of the answer.
    async fn only(mut self) -> Value {
        let first = self.next().await.unwrap();
        assert!(self.next().await.is_none());
        first
    }

    /// The next message, however the answer is written.
    async fn next(&mut self) -> Option<Value> {
        let is_stream = self.headers["content-type"] == "text/event-stream";
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(event);
            }
            let frame = self.body.frame().await;
            let ended = frame.is_none();
            if let Some(frame) = frame {
                let data = frame.unwrap().into_data().unwrap();
                self.held.push_str(std::str::from_utf8(&data).unwrap());
            }
            if is_stream {
                while let Some((event, rest)) = self.held.split_once("\n\n") {
                    let data = event.lines().filter_map(|line| line.strip_prefix("data:"));
                    let data: String = data.map(str::trim).collect();
                    if !data.is_empty() {
                        self.events.push_back(serde_json::from_str(&data).unwrap());
                    }
                    self.held = rest.to_owned();
                }
                if ended && self.events.is_empty() {
                    return None;
                }
            } else if ended {
                let held = std::mem::take(&mut self.held);
                return (!held.is_empty()).then(|| serde_json::from_str(&held).unwrap());
            }
        }
    }

    async fn text(self) -> String {
        String::from_utf8(self.body.collect().await.unwrap().to_bytes().to_vec()).unwrap()
    }
}

fn call(id: u32, tool: &str, arguments: &Value, progress: Option<&str>) -> Value {
    let mut message = json!({
        "jsonrpc": "2.0", "id": id, "method": "tools/call",
        "params": { "name": tool, "arguments": arguments }
    });
    if let Some(token) = progress {
        message["params"]["_meta"] = json!({ "progressToken": token });
    }
    message
}

/// The error that the text of a failed result tells.
fn error(answer: &Value) -> Value {
    assert_eq!(answer["result"]["isError"], true, "{answer}");
    assert!(answer["result"].get("structuredContent").is_none());
    let text = answer["result"]["content"][0]["text"].as_str().unwrap();
    serde_json::from_str::<Value>(text).unwrap()["error"].clone()
}

#[tokio::test]
async fn a_method_is_a_tool() {
    let stage = Stage::start().await;
    let agent = Agent::new(&stage).await;
    let tools = agent.tools().await;
    let tool = tools.iter().find(|tool| tool["name"] == GET_PROBE).unwrap();
    assert_eq!(tool["inputSchema"]["type"], "object");
    assert_eq!(
        tool["inputSchema"]["properties"]["delayMilliseconds"]["maximum"],
        60_000
    );
    assert!(tool["outputSchema"]["properties"]["instance"].is_object());
    assert_eq!(tool["annotations"]["readOnlyHint"], true);
    assert!(
        tool["description"]
            .as_str()
            .unwrap()
            .starts_with("Answers after the delay asked for")
    );
    // What streams from the caller is none, nor what no contract describes.
    assert!(!tools.iter().any(|tool| tool["name"] == "probe_exchange_probe"));
    assert!(
        !tools
            .iter()
            .any(|tool| tool["name"].as_str().unwrap().starts_with("mirror"))
    );

    let answer = agent.call(GET_PROBE, json!({ "payload": "aGVsbG8=" })).await;
    let result = &answer["result"];
    assert_eq!(result["structuredContent"]["payload"], "aGVsbG8=", "{answer}");
    let text: Value = serde_json::from_str(result["content"][0]["text"].as_str().unwrap()).unwrap();
    assert_eq!(text, result["structuredContent"]);
    assert!(result["_meta"]["lyceum-instance"].is_string());
    assert!(result["_meta"]["x-correlation-id"].is_string());
}

#[tokio::test]
async fn a_failed_call_says_what_to_mend() {
    let stage = Stage::start().await;
    let agent = Agent::new(&stage).await;
    let broken = error(&agent.call(GET_PROBE, json!({ "delayMilliseconds": 60_001 })).await);
    assert_eq!(
        (&broken["code"], &broken["reason"]),
        (&json!("INVALID_ARGUMENT"), &json!("INPUT_INVALID"))
    );
    assert_eq!(broken["violations"][0]["field"], "delay_milliseconds");
    let misspelt = error(&agent.call(GET_PROBE, json!({ "payloads": "" })).await);
    assert_eq!(misspelt["violations"][0]["field"], "payloads");
    let failed = error(&agent.call(GET_PROBE, json!({ "failWith": 9 })).await);
    assert_eq!(failed["code"], "FAILED_PRECONDITION");
    let unknown = agent.call("no_such_tool", json!({})).await;
    assert_eq!(unknown["error"]["code"], -32602);
}

#[tokio::test]
async fn a_stream_is_told_as_progress_and_as_a_whole() {
    let stage = Stage::start().await;
    let agent = Agent::new(&stage).await;
    let message = call(3, WATCH_PROBE, &json!({ "count": 3, "payloadBytes": 2 }), Some("token"));
    let mut reading = agent.post(&message).await;
    for expected in 1..=3_u32 {
        let event = reading.next().await.unwrap();
        assert_eq!(event["method"], "notifications/progress", "{event}");
        assert_eq!(event["params"]["progressToken"], "token");
        assert_eq!(event["params"]["progress"].as_f64(), Some(f64::from(expected)));
        let message: Value = serde_json::from_str(event["params"]["message"].as_str().unwrap()).unwrap();
        assert!(message["payload"].is_string());
    }
    let last = reading.next().await.unwrap();
    let messages = last["result"]["structuredContent"]["messages"].as_array().unwrap();
    assert_eq!(messages.len(), 3, "{last}");
    assert_eq!(messages[2]["sequence"], "2");
    assert!(reading.next().await.is_none());

    let broken = agent.call(WATCH_PROBE, json!({ "count": 2, "failWith": 14 })).await;
    assert_eq!(error(&broken)["code"], "UNAVAILABLE");
    let before: Value = serde_json::from_str(broken["result"]["content"][1]["text"].as_str().unwrap()).unwrap();
    assert_eq!(before["messages"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn a_stream_that_grows_too_long_ends() {
    let stage = Stage::start().await;
    let agent = Agent::new(&stage).await;
    let endless = json!({ "count": 0, "payloadBytes": 1_048_576 });
    let answer = agent.call(WATCH_PROBE, endless).await;
    assert_eq!(error(&answer)["reason"], "STREAM_TOO_LONG");
    wait_for("the service to hear of it", || async { stage.probe().abandoned() == 1 }).await;
}

#[tokio::test]
async fn a_call_can_be_cancelled() {
    let stage = Stage::start().await;
    let agent = Agent::new(&stage).await;
    let received = stage.probe().received();
    // By the notification of the older revisions.
    let call = call(5, GET_PROBE, &json!({ "delayMilliseconds": 60_000 }), None);
    let (answer, ()) = tokio::join!(async { agent.post(&call).await.only().await }, async {
        wait_for("the call to arrive", || async { stage.probe().received() > received }).await;
        // Another agent's request of the same number is another.
        let other = Agent::new(&stage).await;
        let cancel = json!({
            "jsonrpc": "2.0", "method": "notifications/cancelled", "params": { "requestId": 5 }
        });
        assert_eq!(other.post(&cancel).await.status, 202);
        assert_eq!(stage.probe().abandoned(), 0);
        assert_eq!(agent.post(&cancel).await.status, 202);
    });
    assert_eq!(error(&answer)["code"], "CANCELLED");
    wait_for("the service to hear of it", || async { stage.probe().abandoned() == 1 }).await;
    // By leaving, which is how the newest revision does it.
    let endless = json!({ "count": 0, "intervalMilliseconds": 10 });
    let mut reading = agent.post(&super::mcp::call(6, WATCH_PROBE, &endless, Some("t"))).await;
    assert!(reading.next().await.is_some());
    drop(reading);
    wait_for("the service to hear of that too", || async {
        stage.probe().abandoned() == 2
    })
    .await;
}

#[tokio::test]
async fn a_page_that_made_its_name_lead_here_is_refused() {
    let stage = Stage::start_empty(|configuration| {
        configuration.gateway.hosts = vec!["gateway.school.example".to_owned()];
    })
    .await;
    let agent = Agent {
        browser: stage.browser(),
        session: None,
    };
    let ping = json!({ "jsonrpc": "2.0", "id": 1, "method": "ping" }).to_string();
    let status = async |name: &'static str, value: &str| {
        let request = agent.request(Method::POST).header(name, value);
        agent.send(request.body(ping.clone().into()).unwrap()).await.status
    };
    assert_eq!(status("host", "evil.example:8080").await, 421);
    assert_eq!(status("origin", "https://evil.example").await, 403);
    assert_eq!(status("origin", "null").await, 403);
    assert_eq!(status("origin", "https://school.example").await, 200);
    assert_eq!(status("host", "gateway.school.example").await, 200);
    assert_eq!(status("host", "localhost:9").await, 200);
    let mut rebound = agent.request(Method::GET);
    rebound = rebound.header("host", "evil.example");
    assert_eq!(agent.send(rebound.body(Bytes::new()).unwrap()).await.status, 421);
}

#[tokio::test]
async fn an_agent_hears_that_there_are_other_tools() {
    let mut stage = Stage::start_empty(|_| {}).await;
    let agent = Agent {
        browser: stage.browser(),
        session: None,
    };
    let mut old = agent.send(agent.request(Method::GET).body(Bytes::new()).unwrap()).await;
    assert_eq!(old.headers["content-type"], "text/event-stream");
    let listen = json!({
        "jsonrpc": "2.0", "id": 9, "method": "subscriptions/listen",
        "params": {
            "notifications": { "toolsListChanged": true },
            "_meta": {
                "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientCapabilities": {}
            }
        }
    });
    let request = agent
        .request(Method::POST)
        .header("mcp-protocol-version", "2026-07-28")
        .header("mcp-method", "subscriptions/listen");
    let mut new = agent.send(request.body(listen.to_string().into()).unwrap()).await;
    let acknowledged = new.next().await.unwrap();
    assert_eq!(
        acknowledged["method"], "notifications/subscriptions/acknowledged",
        "{acknowledged}"
    );

    let fabric = Fabric::start(stage.configuration(), "testing").unwrap();
    stage.probe = Some(Serving::start(&fabric).await);
    assert_eq!(old.next().await.unwrap()["method"], "notifications/tools/list_changed");
    assert_eq!(new.next().await.unwrap()["method"], "notifications/tools/list_changed");
    // Both end when the gateway does.
    stage.shut_down();
    assert!(old.next().await.is_none());
    while let Some(message) = new.next().await {
        assert_ne!(message["id"], json!(null), "{message}");
    }
}

#[tokio::test]
async fn what_is_no_message_is_refused() {
    let stage = Stage::start_empty(|configuration| configuration.policy.edge.body_limit = 64 * 1024).await;
    let agent = Agent {
        browser: stage.browser(),
        session: None,
    };
    let send = async |body: String| agent.send(agent.request(Method::POST).body(body.into()).unwrap()).await;
    let deep = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let arguments = format!("{{\"a\":{deep}}}");
    let nested = format!(
        "{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{{\"name\":\"x\",\"arguments\":{arguments}}}}}"
    );
    for body in [deep, nested, String::new(), "{}".to_owned(), "{\"id\":".to_owned()] {
        let refused = send(body).await;
        assert!((400..500).contains(&refused.status), "{}", refused.status);
    }
    let large = send(" ".repeat(100 * 1024)).await;
    assert_eq!(large.status, 413);
    assert!(large.text().await.contains("65536"));
    let put = agent.send(agent.request(Method::PUT).body(Bytes::new()).unwrap()).await;
    assert_eq!(
        (put.status, put.headers["allow"].to_str().unwrap()),
        (405, "GET, POST, DELETE")
    );
}
